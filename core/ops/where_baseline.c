#define TABLE gd_where_baseline
#include "core/ops/where_kernels.h"
