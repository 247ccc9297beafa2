/* Builders of primitives: each appends a node (or folds, where that is free) and returns it.
 *
 * All take nodes of the graph's floating dtype unless they say otherwise, broadcast as NumPy does
 * where they are elementwise, and return NULL once the graph has failed. Shapes below are of the
 * result. Axes count from 0 and are valid: catalogue functions (core/op.h) normalise what clients
 * send. */
#ifndef GD_BUILD_H
#define GD_BUILD_H

#include "core/graph.h"

/* Elementwise: gd_exp(g, x), gd_add(g, a, b), gd_lt(g, a, b) … one for each row. */
#define GD_UNARY(name, ...) struct gd_node *gd_##name(struct gd_graph *g, struct gd_node *x);
#define GD_BINARY(name, ...)                                                                       \
	struct gd_node *gd_##name(struct gd_graph *g, struct gd_node *a, struct gd_node *b);
#define GD_COMPARE GD_BINARY
#include "core/ops/elementwise.def"

/* Bool operands and result. */
struct gd_node *gd_logical_not(struct gd_graph *g, struct gd_node *x);
/* What x is the logical_not of, or NULL. */
struct gd_node *gd_inverse_of(const struct gd_node *x);
struct gd_node *gd_logical_and(struct gd_graph *g, struct gd_node *a, struct gd_node *b);

/* cond ? a : b, broadcast; cond is bool. A masked-out NaN never reaches a gradient. */
struct gd_node *gd_where(struct gd_graph *g, struct gd_node *cond, struct gd_node *a,
                         struct gd_node *b);

/* To another dtype; from bool and int64 to floating and back (≠ 0 for bool). */
struct gd_node *gd_cast(struct gd_graph *g, struct gd_node *x, enum gd_dtype dtype);

/* The same values, cut off from differentiation. */
struct gd_node *gd_stop_gradient(struct gd_graph *g, struct gd_node *x);

/* Zeros of x's shape. */
struct gd_node *gd_zero_like(struct gd_graph *g, struct gd_node *x);

/* 0 where it `loses`, dy/2 where it `ties`, else (NaN too) dy. */
struct gd_node *gd_half_at_tie(struct gd_graph *g, struct gd_node *dy, struct gd_node *loses,
                               struct gd_node *ties);

/* The shape of a and b broadcast together into shape/rank; false when they do not fit. */
bool gd_broadcast_shape(const struct gd_node *a, const struct gd_node *b, int *rank,
                        int64_t shape[GD_MAX_RANK]);

/* --- masks of cotangents (ops/mask.c); a NULL mask is true everywhere ----------------------- */

/* d where the mask is true, else 0. */
struct gd_node *gd_only(struct gd_graph *g, struct gd_node *d, struct gd_node *mask);
struct gd_node *gd_mask_or(struct gd_graph *g, struct gd_node *a, struct gd_node *b);
struct gd_node *gd_mask_and(struct gd_graph *g, struct gd_node *a, struct gd_node *b);
/* Is it true anywhere along these axes of a cotangent of that rank? The axes stay with size 1. */
struct gd_node *gd_mask_any(struct gd_graph *g, struct gd_node *mask, int rank, unsigned axes);
/* Mask of a cotangent of `from`'s shape when it is summed down to `to`'s. */
struct gd_node *gd_mask_to(struct gd_graph *g, struct gd_node *mask, const struct gd_node *from,
                           const struct gd_node *to);
/* Notes that d is zero where the mask is false. */
void gd_set_mask(struct gd_node *d, struct gd_node *mask);

/* --- shape -------------------------------------------------------------------------------- */

/* count must be equal. Shares the data. */
struct gd_node *gd_reshape(struct gd_graph *g, struct gd_node *x, int rank, const int64_t *shape);
/* x as a node of its own. Shares the data. */
struct gd_node *gd_alias(struct gd_graph *g, struct gd_node *x);
/* What x, and what the unnamed x, was expanded from, or NULL. */
struct gd_node *gd_expansion_of(const struct gd_node *x);
struct gd_node *gd_expanded_from(const struct gd_node *x);
/* x broadcast to shape; and its adjoint, x summed down to a shape that broadcasts to x's. */
struct gd_node *gd_expand(struct gd_graph *g, struct gd_node *x, int rank, const int64_t *shape);
struct gd_node *gd_sum_to(struct gd_graph *g, struct gd_node *x, int rank, const int64_t *shape);
/* Axis i of the result is axis perm[i] of x. */
struct gd_node *gd_permute(struct gd_graph *g, struct gd_node *x, const int8_t *perm);
struct gd_node *gd_swap_axes(struct gd_graph *g, struct gd_node *x, int a, int b);
/* What the unnamed x is with just these two axes swapped, or NULL. */
struct gd_node *gd_swapped_from(const struct gd_node *x, int a, int b);
/* Elements start[i] + k·step[i], k < shape[i]; and its adjoint: zeros of `shape` with x put there.
 */
struct gd_node *gd_slice(struct gd_graph *g, struct gd_node *x, const struct gd_slice *slice,
                         const int64_t *shape);
struct gd_node *gd_unslice(struct gd_graph *g, struct gd_node *x, const struct gd_slice *slice,
                           const int64_t *shape);
/* Where the unnamed x put its operand into zeros, or NULL. */
const struct gd_slice *gd_unsliced_at(const struct gd_node *x);
/* n ≥ 1 nodes of one dtype, equal shapes but for `axis`. */
struct gd_node *gd_cat(struct gd_graph *g, int n, struct gd_node *const *in, int axis);
/* Is x an unnamed cat along this axis? */
bool gd_is_cat(const struct gd_node *x, int axis);

/* --- reductions: `axes` is a mask; the axes stay with size 1 when keep is set ------------- */

struct gd_node *gd_sum(struct gd_graph *g, struct gd_node *x, unsigned axes, bool keep);
struct gd_node *gd_sum_all(struct gd_graph *g, struct gd_node *x);
/* sum/n; the mean of nothing is NaN. */
struct gd_node *gd_mean(struct gd_graph *g, struct gd_node *x, unsigned axes, bool keep);
/* Largest element, NaN if there is one; ties share the gradient evenly. No reduced axis is empty.
 */
struct gd_node *gd_amax(struct gd_graph *g, struct gd_node *x, unsigned axes, bool keep);
struct gd_node *gd_amin(struct gd_graph *g, struct gd_node *x, unsigned axes, bool keep);
/* Index (int64) of the first largest element along `axis`, which stays with size 1. */
struct gd_node *gd_argmax(struct gd_graph *g, struct gd_node *x, int axis);

/* --- along one axis ----------------------------------------------------------------------- */

struct gd_node *gd_softmax(struct gd_graph *g, struct gd_node *x, int axis);
struct gd_node *gd_log_softmax(struct gd_graph *g, struct gd_node *x, int axis);
struct gd_node *gd_logsumexp(struct gd_graph *g, struct gd_node *x, unsigned axes, bool keep);

/* y[…, j, …] = x[…, index[…, j, …], …] along `axis`; index (int64) has x's shape but for that axis
 * and its values are in range. And its adjoint: zeros with x added at those places, the axis `size`
 * long. */
struct gd_node *gd_gather(struct gd_graph *g, struct gd_node *x, int axis, struct gd_node *index);
struct gd_node *gd_scatter_sum(struct gd_graph *g, struct gd_node *x, int axis,
                               struct gd_node *index, int64_t size);

/* --- products ----------------------------------------------------------------------------- */

/* (…, m, k) · (…, k, n) = (…, m, n); ranks ≥ 2, leading axes broadcast. */
struct gd_node *gd_matmul(struct gd_graph *g, struct gd_node *a, struct gd_node *b);
/* Is the unnamed x a product aᵀ·b of its operands, two matrices? */
bool gd_is_transposed_product(const struct gd_node *x);

#endif
