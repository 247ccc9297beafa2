/* The elementwise part of binary_cross_entropy, a primitive because PyTorch clamps its logarithms
 * and the divisor of its derivative apart. */
#ifndef GD_BCE_H
#define GD_BCE_H

#include "core/graph.h"

/* -(t·max(ln x, -100) + (1 - t)·max(ln(1 - x), -100)); x and t of one shape. An x outside [0, 1] is
 * number_out_of_range when it is evaluated. */
struct gd_node *gd_bce(struct gd_graph *g, struct gd_node *x, struct gd_node *t);

#endif
