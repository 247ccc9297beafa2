#ifdef __AVX2__
#define TABLE gd_maxpool_avx2
#include "core/ops/maxpool_kernels.h"
#else
#include "core/ops/maxpool.h"
#endif
