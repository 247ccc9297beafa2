/* Products under the names that BLAS and PyTorch give them: ranks are fixed, nothing but addends is
 * broadcast. */
#include <stdio.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"

/* Operand i has that rank. */
static bool of_rank(struct gd_call *c, int i, int rank)
{
	static const char *const kinds[] = {"a scalar", "a vector", "a matrix",
	                                    "a batch of matrices (3 axes)"};
	const struct gd_node *x = c->in[i];
	char text[GD_SHAPE_TEXT];
	int64_t wanted[3];
	if (x->rank == rank)
		return true;
	for (int k = 0; k < rank; k++)
		wanted[k] = x->rank + k >= rank ? x->shape[x->rank + k - rank] : 1;
	gd_graph_fail(c->g, GD_ERR_shape_mismatch, "%s must be %s, but has the shape %s",
	              gd_label(x, c->op->operands[i].name), kinds[rank],
	              gd_shape_text(x->rank, x->shape, text));
	gd_error_shapes(c->g->error, rank, wanted, x->rank, x->shape);
	c->bad_operand = i;
	return false;
}

static bool of_ranks(struct gd_call *c, int first, int rank_a, int rank_b)
{
	return of_rank(c, first, rank_a) && of_rank(c, first + 1, rank_b);
}

/* Two shapes that have to be the same. */
static bool alike(struct gd_call *c, int i, int k)
{
	const struct gd_node *a = c->in[i], *b = c->in[k];
	char ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT];
	if (gd_same_shape(a, b))
		return true;
	gd_shape_fail(c->g, a, b, "%s has the shape %s, but %s has %s",
	              gd_label(a, c->op->operands[i].name), gd_shape_text(a->rank, a->shape, ta),
	              gd_label(b, c->op->operands[k].name), gd_shape_text(b->rank, b->shape, tb));
	return false;
}

bool build_mm(struct gd_call *c)
{
	return of_ranks(c, 0, 2, 2) && gd_give(c, gd_matmul(c->g, c->in[0], c->in[1]));
}

static bool same_batch(struct gd_call *c, int i)
{
	const struct gd_node *a = c->in[i], *b = c->in[i + 1];
	if (a->shape[0] == b->shape[0])
		return true;
	gd_shape_fail(c->g, a, b, "%s holds %lld matrices, but %s %lld",
	              gd_label(a, c->op->operands[i].name), (long long)a->shape[0],
	              gd_label(b, c->op->operands[i + 1].name), (long long)b->shape[0]);
	return false;
}

bool build_bmm(struct gd_call *c)
{
	return of_ranks(c, 0, 3, 3) && same_batch(c, 0) &&
	       gd_give(c, gd_matmul(c->g, c->in[0], c->in[1]));
}

bool build_mv(struct gd_call *c)
{
	return of_ranks(c, 0, 2, 1) && gd_give(c, gd_matmul_any(c->g, c->in[0], c->in[1]));
}

bool build_dot(struct gd_call *c)
{
	return of_ranks(c, 0, 1, 1) && alike(c, 0, 1) &&
	       gd_give(c, gd_sum_all(c->g, gd_mul(c->g, c->in[0], c->in[1])));
}

/* (m) and (n) as (m, 1)·(1, n). */
static struct gd_node *outer(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	return gd_mul(g, gd_reshape(g, a, 2, (int64_t[]){a->shape[0], 1}), b);
}

bool build_outer(struct gd_call *c)
{
	return of_ranks(c, 0, 1, 1) && gd_give(c, outer(c->g, c->in[0], c->in[1]));
}

/* Over the last axes: (…, k), (…', k) → (…, …'). */
bool build_inner(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *a = c->in[0], *b = c->in[1];
	int64_t shape[2 * GD_MAX_RANK];
	int rank = 0;
	if (!a->rank || !b->rank)
		return gd_give(c, gd_mul(g, a, b));
	int64_t k = a->shape[a->rank - 1];
	if (b->shape[b->rank - 1] != k) {
		gd_shape_fail(g, a, b, "the last axes are %lld and %lld long", (long long)k,
		              (long long)b->shape[b->rank - 1]);
		return false;
	}
	int64_t rows = 1, columns = 1;
	for (int i = 0; i < a->rank - 1; i++)
		rows *= shape[rank++] = a->shape[i];
	for (int i = 0; i < b->rank - 1; i++)
		columns *= shape[rank++] = b->shape[i];
	struct gd_node *x = gd_reshape(g, a, 2, (int64_t[]){rows, k});
	struct gd_node *y = gd_reshape(g, b, 2, (int64_t[]){columns, k});
	return gd_give(c, gd_reshape(g, gd_matmul(g, x, gd_swap_axes(g, y, 0, 1)), rank, shape));
}

/* --- beta·input + alpha·product ------------------------------------------------------------- */

/* With beta 0 the input does not count, whatever it holds. */
static bool add_scaled(struct gd_call *c, struct gd_node *product)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	double alpha = gd_float(c, "alpha"), beta = gd_float(c, "beta");
	char tx[GD_SHAPE_TEXT], tp[GD_SHAPE_TEXT];
	int rank;
	int64_t shape[GD_MAX_RANK];
	if (!product)
		return false;
	bool fits = gd_broadcast_shape(x, product, &rank, shape) && rank == product->rank;
	if (!fits || memcmp(shape, product->shape, (size_t)rank * sizeof *shape) != 0) {
		gd_shape_fail(g, product, x, "%s %s does not broadcast to the product's %s",
		              gd_label(x, "input"), gd_shape_text(x->rank, x->shape, tx),
		              gd_shape_text(product->rank, product->shape, tp));
		c->bad_operand = 0;
		return false;
	}
	product = gd_mul(g, product, gd_const(g, alpha));
	if (beta == 0)
		return gd_give(c, product);
	return gd_give(c, gd_add(g, gd_mul(g, x, gd_const(g, beta)), product));
}

bool build_addmm(struct gd_call *c)
{
	return of_ranks(c, 1, 2, 2) && add_scaled(c, gd_matmul(c->g, c->in[1], c->in[2]));
}

bool build_addmv(struct gd_call *c)
{
	return of_ranks(c, 1, 2, 1) && add_scaled(c, gd_matmul_any(c->g, c->in[1], c->in[2]));
}

bool build_addr(struct gd_call *c)
{
	return of_ranks(c, 1, 1, 1) && add_scaled(c, outer(c->g, c->in[1], c->in[2]));
}

bool build_baddbmm(struct gd_call *c)
{
	return of_ranks(c, 1, 3, 3) && same_batch(c, 1) &&
	       add_scaled(c, gd_matmul(c->g, c->in[1], c->in[2]));
}

/* Σ_b A_b·B_b as one product of (m, b·k) and (b·k, n). */
bool build_addbmm(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	if (!of_ranks(c, 1, 3, 3) || !same_batch(c, 1))
		return false;
	struct gd_node *a = c->in[1], *b = c->in[2];
	if (a->shape[2] != b->shape[1])
		return gd_give(c, gd_matmul(g, a, b)); /* says what does not fit */
	int64_t sum = a->shape[0] * a->shape[2];
	struct gd_node *x =
	        gd_reshape(g, gd_swap_axes(g, a, 0, 1), 2, (int64_t[]){a->shape[1], sum});
	struct gd_node *y = gd_reshape(g, b, 2, (int64_t[]){sum, b->shape[2]});
	return add_scaled(c, x && y ? gd_matmul(g, x, y) : NULL);
}

/* --- along one axis ------------------------------------------------------------------------- */

bool build_vecdot(struct gd_call *c)
{
	struct gd_node *product = gd_mul(c->g, c->in[0], c->in[1]);
	int axis;
	if (!product || !gd_axis(c, "dim", product, &axis))
		return false;
	return gd_give(c, product->rank ? gd_sum(c->g, product, 1u << axis, false) : product);
}

/* Element k along an axis of three. */
static struct gd_node *component(struct gd_graph *g, struct gd_node *x, int axis, int k)
{
	struct gd_slice one;
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < GD_MAX_RANK; i++) {
		one.start[i] = i == axis ? k : 0;
		one.step[i] = 1;
	}
	memcpy(shape, x->shape, sizeof shape);
	shape[axis] = 1;
	return gd_slice(g, x, &one, shape);
}

/* y_i = a_j·b_k - a_k·b_j for (i, j, k) and its rotations. */
static bool cross(struct gd_call *c, struct gd_node *a, struct gd_node *b, int axis)
{
	struct gd_graph *g = c->g;
	struct gd_node *u[3], *v[3], *y[3];
	if (!a || !b)
		return false;
	for (int i = 0; i < 3; i++) {
		u[i] = component(g, a, axis, i);
		v[i] = component(g, b, axis, i);
	}
	for (int i = 0; i < 3; i++) {
		int j = (i + 1) % 3, k = (i + 2) % 3;
		y[i] = gd_sub(g, gd_mul(g, u[j], v[k]), gd_mul(g, u[k], v[j]));
	}
	return !gd_failed(g) && gd_give(c, gd_cat(g, 3, y, axis));
}

static bool both_broadcast(struct gd_call *c, struct gd_node *in[2])
{
	struct gd_node *a = c->in[0], *b = c->in[1];
	char ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT];
	int rank;
	int64_t shape[GD_MAX_RANK];
	if (!gd_broadcast_shape(a, b, &rank, shape)) {
		gd_shape_fail(c->g, a, b, "%s %s and %s %s cannot be broadcast together",
		              gd_label(a, "input"), gd_shape_text(a->rank, a->shape, ta),
		              gd_label(b, "other"), gd_shape_text(b->rank, b->shape, tb));
		return false;
	}
	in[0] = gd_expand(c->g, a, rank, shape);
	in[1] = gd_expand(c->g, b, rank, shape);
	return in[0] && in[1];
}

static bool three_long(struct gd_call *c, const struct gd_node *x, int axis)
{
	char text[GD_SHAPE_TEXT];
	if (x->rank && x->shape[axis] == 3)
		return true;
	return gd_param_fail(c, "dim", "is axis %d of %s, but a cross product needs one of size 3",
	                     axis, gd_shape_text(x->rank, x->shape, text));
}

/* Without dim: along the first axis of size 3. */
bool build_cross(struct gd_call *c)
{
	struct gd_node *in[2];
	char text[GD_SHAPE_TEXT];
	int axis = 0;
	if (!both_broadcast(c, in))
		return false;
	struct gd_node *x = in[0];
	if (!gd_param(c, "dim")->null)
		return gd_axis(c, "dim", x, &axis) && three_long(c, x, axis) &&
		       cross(c, x, in[1], axis);
	while (axis < x->rank && x->shape[axis] != 3)
		axis++;
	if (axis == x->rank)
		return gd_param_fail(c, "dim", "has no axis of size 3 to find in %s",
		                     gd_shape_text(x->rank, x->shape, text));
	return cross(c, x, in[1], axis);
}
