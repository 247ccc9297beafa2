#ifndef GD_SORT_H
#define GD_SORT_H

#include "core/graph.h"

/* Where, along `axis`, the elements of x (rank ≥ 1) come from in ascending or descending order:
 * int64 of x's shape. NaN counts as larger than any number, equal ones keep their order. */
struct gd_node *gd_argsort(struct gd_graph *g, struct gd_node *x, int axis, bool descending);

#endif
