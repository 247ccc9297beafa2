/* Norms and distances that other composites use. */
#ifndef GD_DISTANCE_H
#define GD_DISTANCE_H

#include "core/op.h"

/* (Σ |x|^p)^(1/p) along `axis`, which stays with size 1; the number of x ≠ 0 for p 0, the extremum
 * for an infinite p. Where it is 0 its gradient is 0, and where x is 0 as PyTorch's; notes kinks.
 */
struct gd_node *gd_norm_along(struct gd_graph *g, struct gd_node *x, double p, int axis);

/* gd_norm_along of a - b + eps, broadcast, along the last axis; a scalar is a vector of one. */
struct gd_node *gd_pairwise_distance(struct gd_graph *g, struct gd_node *a, struct gd_node *b,
                                     double p, double eps, bool keep);

/* Σ (a/‖a‖)·(b/‖b‖) along `axis` of the two broadcast together, each norm at least eps. */
struct gd_node *gd_cosine(struct gd_graph *g, struct gd_node *a, struct gd_node *b, int axis,
                          double eps);

/* x where x ≥ low, else low; its derivative is 1 in both. */
struct gd_node *gd_at_least(struct gd_graph *g, struct gd_node *x, double low);

#endif
