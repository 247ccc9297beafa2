/* Tensors made of nothing: noise and masks. */
#ifndef GD_GENERATE_H
#define GD_GENERATE_H

#include "core/graph.h"

/* 0 with probability p, else scale. Element i looks at u = ⌊z/2¹¹⌋/2⁵³, z the (i+1)th number of
 * splitmix64 started at `seed`, and is kept where u ≥ p: any client can make the same.
 * Source: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators. */
struct gd_node *gd_noise(struct gd_graph *g, int rank, const int64_t *shape, double p, double scale,
                         uint64_t seed);

/* The bool matrix that is true on and below the diagonal. */
struct gd_node *gd_lower_mask(struct gd_graph *g, int64_t rows, int64_t columns);

#endif
