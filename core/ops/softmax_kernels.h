/* softmax and log_softmax of rows; included once for each set of instructions, with TABLE defined
 * as the name of its table. */
#include <stddef.h>

#include "core/ops/softmax.h"

#define T       double
#define K(name) name##_f64
#include "core/ops/softmax_rows.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/softmax_rows.h"

const struct gd_softmax_kernels TABLE = {softmax_f64, softmax_f32};
