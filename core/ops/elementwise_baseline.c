/* The kernels of elementwise.def for any CPU, with libm's functions: right to the last digit or
 * nearly so. */
#define TABLE gd_rows_baseline
#include "core/ops/elementwise_kernels.h"
