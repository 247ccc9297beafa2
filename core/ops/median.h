/* The middle one of the elements along an axis. */
#ifndef GD_MEDIAN_H
#define GD_MEDIAN_H

#include "core/graph.h"

/* Index (int64) of the lower median along `axis`, which stays with size 1 and is not empty: the
 * first element equal to it. A NaN is the median where there is one, or with `skip_nan` only where
 * there is nothing else. */
struct gd_node *gd_argmedian(struct gd_graph *g, struct gd_node *x, int axis, bool skip_nan);

/* `value`, a scalar that is among x's elements; the elements equal to it share its gradient. */
struct gd_node *gd_out_of(struct gd_graph *g, struct gd_node *x, struct gd_node *value);

#endif
