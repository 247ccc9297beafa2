/* Whole rows by index, and elements overwritten by index. */
#ifndef GD_OPS_ROWS_H
#define GD_OPS_ROWS_H

#include "core/graph.h"

/* Row index[j] of x along `axis` as row j; index is an int64 vector, its values in range. And its
 * adjoint: zeros with x's rows added at those places, the axis `size` long. */
struct gd_node *gd_index_select(struct gd_graph *g, struct gd_node *x, int axis,
                                struct gd_node *index);
struct gd_node *gd_index_sum(struct gd_graph *g, struct gd_node *x, int axis, struct gd_node *index,
                             int64_t size);

/* x as far as index reaches along the other axes: what gd_gather takes. */
struct gd_node *gd_within(struct gd_graph *g, struct gd_node *x, int axis,
                          const struct gd_node *index);

/* x with src's elements at the places that gd_gather reads; later ones win. index is no longer than
 * x along the other axes; src has index's shape, or is a scalar. A place written twice has its
 * gradient twice, as in PyTorch. */
struct gd_node *gd_scatter(struct gd_graph *g, struct gd_node *x, int axis, struct gd_node *index,
                           struct gd_node *src);

#endif
