/* The kernels of elementwise.def for x86-64 with AVX2; the Makefile compiles files of this name for
 * it. Without FMA instructions in the source's own sums and products: they are computed alike
 * everywhere. */
#ifdef __AVX2__
#define TABLE gd_rows_avx2
#include "core/ops/elementwise_kernels.h"
#else
#include "core/ops/elementwise_rows.h"
#endif
