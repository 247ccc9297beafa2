#include <math.h>
#include <tgmath.h>

#define TABLE gd_softmax_baseline
#include "core/ops/softmax_kernels.h"
