/* What can only be asked of elements when they are there. */
#ifndef GD_CHECK_H
#define GD_CHECK_H

#include "core/graph.h"

/* x; an element below 0 is number_out_of_range, naming x as `role` unless the client named it. */
struct gd_node *gd_not_negative(struct gd_graph *g, struct gd_node *x, const char *role);

#endif
