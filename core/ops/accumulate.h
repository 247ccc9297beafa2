/* Adding up what many uses of one node contribute to its cotangent. */
#ifndef GD_ACCUMULATE_H
#define GD_ACCUMULATE_H

#include "core/graph.h"

/* a + b of equal shapes, in the cheapest form: the parts of a tensor that was cut up are laid side
 * by side instead of added as tensors full of zeros, and many small products become one. */
struct gd_node *gd_accumulate(struct gd_graph *g, struct gd_node *a, struct gd_node *b);

#endif
