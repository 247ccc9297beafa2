#ifdef __AVX2__
#define TABLE gd_where_avx2
#include "core/ops/where_kernels.h"
#else
#include "core/ops/where.h"
#endif
