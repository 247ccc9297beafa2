/* Max pooling for both types; included once for each set of instructions, with TABLE defined as the
 * name of its table. */
#include <math.h>

#include "core/ops/geometry.h"
#include "core/ops/maxpool.h"

enum { LINE = 64 }; /* positions at a time */

#define T       double
#define BITS    uint64_t
#define K(name) name##_f64
#include "core/ops/maxpool_loops.h"
#undef T
#undef BITS
#undef K

#define T       float
#define BITS    uint32_t
#define K(name) name##_f32
#include "core/ops/maxpool_loops.h"
#undef T
#undef BITS
#undef K

const struct gd_maxpool_kernels TABLE = {max_index_f64, max_index_f32, max_ties_f64, max_ties_f32};
