/* The kernels of elementwise.def for any CPU. */
#define TABLE gd_rows_baseline
#include "core/ops/elementwise_kernels.h"
