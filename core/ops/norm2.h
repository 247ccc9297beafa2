/* Euclidean norms. */
#ifndef GD_NORM2_H
#define GD_NORM2_H

#include "core/graph.h"

/* √(Σ x²) along `axis`, which stays with size 1 (of size 0: 0). No square overflows or vanishes;
 * at 0 the gradient is 0. */
struct gd_node *gd_norm2(struct gd_graph *g, struct gd_node *x, int axis);

#endif
