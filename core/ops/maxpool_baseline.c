#define TABLE gd_maxpool_baseline
#include "core/ops/maxpool_kernels.h"
