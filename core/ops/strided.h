/* Elements at regular distances: flips, diagonals, windows and single rows are all one primitive.
 */
#ifndef GD_STRIDED_H
#define GD_STRIDED_H

#include "core/graph.h"

/* y[k] = x[offset + Σ kᵢ·strideᵢ], of x's row-major elements; all of them lie in x. Strides may be
 * negative or overlap. */
struct gd_node *gd_strided(struct gd_graph *g, struct gd_node *x, int rank, const int64_t *shape,
                           const struct gd_view *view);

/* Its adjoint: zeros of `shape`, with x's elements added at those places. */
struct gd_node *gd_unstrided(struct gd_graph *g, struct gd_node *x, int rank, const int64_t *shape,
                             const struct gd_view *view);

/* a + b of one shape. Where one of them is zero but for a part, as the cotangents of many slices of
 * one tensor are, only that part is added, in place where it can be. */
struct gd_node *gd_add_sparse(struct gd_graph *g, struct gd_node *a, struct gd_node *b);

/* Is x what gd_unslice makes, and where does its operand lie in it? (ops/shape.c) */
bool gd_unsliced(const struct gd_node *x, struct gd_view *view);

/* All of x as it lies: where views begin. */
struct gd_view gd_whole(const struct gd_node *x);

#endif
