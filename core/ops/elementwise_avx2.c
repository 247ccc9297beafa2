/* The kernels of elementwise.def for x86-64 with AVX2, which the Makefile compiles files of this
 * name for, with vector functions. */
#ifdef __AVX2__
#define TABLE  gd_rows_avx2
#define VECTOR 32
#include "core/ops/elementwise_kernels.h"
#else
#include "core/ops/elementwise_rows.h"
#endif
