#ifndef GD_VECTOR_NORM_H
#define GD_VECTOR_NORM_H

#include "core/graph.h"

/* (Σ |x|^p)^(1/p) over a mask of axes, which stay with size 1 when keep is set: p = ±∞ the largest
 * or smallest |x|, 0 the number of elements that are not 0. Neither overflows nor vanishes before
 * the result does. At 0 the gradient is 0. Over no elements it is 0. */
struct gd_node *gd_vector_norm(struct gd_graph *g, struct gd_node *x, double p, unsigned axes,
                               bool keep);

#endif
