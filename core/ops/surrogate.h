#ifndef GD_SURROGATE_H
#define GD_SURROGATE_H

#include "core/graph.h"

/* The elements of `value` with the derivative of `like`, of one shape. */
struct gd_node *gd_surrogate(struct gd_graph *g, struct gd_node *value, struct gd_node *like);

#endif
