/* Standardising: the heart of the normalisation layers, a primitive because a composite would read
 * and write the whole tensor many times. */
#ifndef GD_STANDARDISE_H
#define GD_STANDARDISE_H

#include "core/graph.h"

/* (x - mean)/√(variance + eps), x seen as (outer, groups, inner) whose product is its count: mean
 * and variance (divided by n) of each group over outer and inner. Result: x's shape. */
struct gd_node *gd_standardise(struct gd_graph *g, struct gd_node *x, int64_t outer, int64_t groups,
                               int64_t inner, double eps);

#endif
