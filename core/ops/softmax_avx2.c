#ifdef __AVX2__
#include "core/vector_math.h"

#define TABLE gd_softmax_avx2
#include "core/ops/softmax_kernels.h"
#else
#include "core/ops/softmax.h"
#endif
