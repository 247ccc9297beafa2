/* Distances and similarities of vectors. */
#include "core/layers/distance.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/ops/pairs.h"

static const char at_zero[] = "distances are exactly 0; gradient 0 used there";
static const char at_equal[] = "pairs are equal in a coordinate; gradient 0 used there";

/* --- norms -------------------------------------------------------------------------------- */

/* s^(1/p) of sums s ≥ 0, its derivatives 0 where s is 0. */
static struct gd_node *root(struct gd_graph *g, struct gd_node *s, double p)
{
	if (p == 1)
		return s;
	struct gd_node *none = gd_eq(g, s, gd_const(g, 0)), *one = gd_const(g, 1);
	struct gd_node *safe = gd_where(g, none, one, s);
	struct gd_node *y = p == 2 ? gd_sqrt(g, safe) : gd_pow(g, safe, gd_const(g, 1 / p));
	y = gd_where(g, none, gd_const(g, p < 0 ? (double)INFINITY : 0), y);
	gd_note_kink(g, y, none, at_zero);
	return y;
}

/* |x|^p, its derivatives 0 where x is 0. */
static struct gd_node *power(struct gd_graph *g, struct gd_node *x, double p)
{
	if (p == 1)
		return gd_abs(g, x);
	if (p == 2)
		return gd_square(g, x);
	struct gd_node *none = gd_eq(g, x, gd_const(g, 0));
	struct gd_node *safe = gd_abs(g, gd_where(g, none, gd_const(g, 1), x));
	struct gd_node *y = gd_where(g, none, gd_const(g, p < 0 ? (double)INFINITY : 0),
	                             gd_pow(g, safe, gd_const(g, p)));
	if (p < 1)
		gd_note_kink(g, y, none, at_equal);
	return y;
}

static struct gd_node *count_nonzero(struct gd_graph *g, struct gd_node *x, int axis)
{
	struct gd_node *some = gd_ne(g, x, gd_const(g, 0));
	return gd_sum(g, gd_cast(g, some, g->dtype), 1u << axis, true);
}

/* |x|, its kink left to what is made of it. */
static struct gd_node *magnitude(struct gd_graph *g, struct gd_node *x)
{
	return gd_where(g, gd_lt(g, x, gd_const(g, 0)), gd_neg(g, x), x);
}

/* Of magnitudes: derivative 0 where it is 0. */
static struct gd_node *extremum(struct gd_graph *g, struct gd_node *y)
{
	struct gd_node *none = gd_eq(g, y, gd_const(g, 0));
	y = gd_where(g, none, gd_const(g, 0), y);
	gd_note_kink(g, y, none, at_zero);
	return y;
}

struct gd_node *gd_norm_along(struct gd_graph *g, struct gd_node *x, double p, int axis)
{
	unsigned axes = 1u << axis;
	if (!x || p == 0)
		return x ? count_nonzero(g, x, axis) : NULL;
	if (isinf(p) && x->shape[axis] > 0)
		return extremum(g, (p > 0 ? gd_amax : gd_amin)(g, magnitude(g, x), axes, true));
	if (isinf(p))
		return gd_sum(g, x, axes, true);
	return root(g, gd_sum(g, power(g, x, p), axes, true), p);
}

/* The axis of size 1 dropped. */
static struct gd_node *drop(struct gd_graph *g, struct gd_node *x, int axis)
{
	int64_t shape[GD_MAX_RANK];
	int rank = 0;
	for (int i = 0; x && i < x->rank; i++)
		if (i != axis)
			shape[rank++] = x->shape[i];
	return gd_reshape(g, x, rank, shape);
}

struct gd_node *gd_pairwise_distance(struct gd_graph *g, struct gd_node *a, struct gd_node *b,
                                     double p, double eps, bool keep)
{
	struct gd_node *d = gd_add(g, gd_sub(g, a, b), gd_const(g, eps));
	if (!d)
		return NULL;
	if (d->rank == 0)
		return drop(g, gd_norm_along(g, gd_reshape(g, d, 1, (int64_t[]){1}), p, 0), 0);
	struct gd_node *y = gd_norm_along(g, d, p, d->rank - 1);
	return keep ? y : drop(g, y, d->rank - 1);
}

struct gd_node *gd_at_least(struct gd_graph *g, struct gd_node *x, double low)
{
	struct gd_node *bound = gd_const(g, low), *slope = gd_sub(g, x, gd_stop_gradient(g, x));
	return gd_where(g, gd_lt(g, x, bound), gd_add(g, slope, bound), x);
}

/* ‖x‖ along `axis`, or eps where that is more: then with the derivative x/eps, as PyTorch. */
static struct gd_node *bounded_norm(struct gd_graph *g, struct gd_node *x, int axis, double eps)
{
	struct gd_node *s = gd_sum(g, gd_square(g, x), 1u << axis, true), *bound = gd_const(g, eps);
	struct gd_node *slope =
	        gd_div(g, gd_sub(g, s, gd_stop_gradient(g, s)), gd_const(g, 2 * eps));
	struct gd_node *small = gd_lt(g, gd_sqrt(g, gd_stop_gradient(g, s)), bound);
	return gd_where(g, small, gd_add(g, slope, bound), root(g, s, 2));
}

/* The shape of both, or an error. */
static bool broadcasts(struct gd_graph *g, const struct gd_node *a, const struct gd_node *b,
                       int *rank, int64_t shape[GD_MAX_RANK])
{
	char ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT];
	if (gd_broadcast_shape(a, b, rank, shape))
		return true;
	gd_shape_fail(g, a, b, "%s %s and %s %s cannot be broadcast together",
	              gd_label(a, "a first operand of shape"), gd_shape_text(a->rank, a->shape, ta),
	              gd_label(b, "a second operand of shape"),
	              gd_shape_text(b->rank, b->shape, tb));
	return false;
}

struct gd_node *gd_cosine(struct gd_graph *g, struct gd_node *a, struct gd_node *b, int axis,
                          double eps)
{
	int rank;
	int64_t shape[GD_MAX_RANK];
	if (!a || !b || !broadcasts(g, a, b, &rank, shape))
		return NULL;
	a = gd_expand(g, a, rank, shape);
	b = gd_expand(g, b, rank, shape);
	struct gd_node *unit_a = gd_div(g, a, bounded_norm(g, a, axis, eps));
	struct gd_node *unit_b = gd_div(g, b, bounded_norm(g, b, axis, eps));
	return gd_sum(g, gd_mul(g, unit_a, unit_b), 1u << axis, false);
}

/* --- vector against vector ---------------------------------------------------------------- */

static bool number(struct gd_call *c, const char *name)
{
	return !isnan(gd_float(c, name)) || gd_param_fail(c, name, "is not a number");
}

bool build_pairwise_distance(struct gd_call *c)
{
	int rank;
	int64_t shape[GD_MAX_RANK];
	return number(c, "p") && broadcasts(c->g, c->in[0], c->in[1], &rank, shape) &&
	       gd_give(c, gd_pairwise_distance(c->g, c->in[0], c->in[1], gd_float(c, "p"),
	                                       gd_float(c, "eps"), gd_flag(c, "keepdim")));
}

bool build_cosine_similarity(struct gd_call *c)
{
	int axis;
	struct gd_node both = {.name = NULL};
	if (!broadcasts(c->g, c->in[0], c->in[1], &both.rank, both.shape) ||
	    !gd_axis(c, "dim", &both, &axis))
		return false;
	if (both.rank > 0)
		return gd_give(c, gd_cosine(c->g, c->in[0], c->in[1], axis, gd_float(c, "eps")));
	struct gd_node *a = gd_reshape(c->g, c->in[0], 1, (int64_t[]){1});
	struct gd_node *b = gd_reshape(c->g, c->in[1], 1, (int64_t[]){1});
	return gd_give(c, gd_cosine(c->g, a, b, 0, gd_float(c, "eps")));
}

/* --- every row against every row ---------------------------------------------------------- */

/* The largest |δ| of each pair; every δ of that size gets the whole gradient. */
static struct gd_node *largest(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	int64_t n = a->shape[1], m = b->shape[1], d = a->shape[2];
	struct gd_node *rows = gd_reshape(g, a, 4, (int64_t[]){a->shape[0], n, 1, d});
	struct gd_node *columns = gd_reshape(g, b, 4, (int64_t[]){a->shape[0], 1, m, d});
	struct gd_node *size = magnitude(g, gd_sub(g, rows, columns));
	struct gd_node *fixed = gd_stop_gradient(g, size);
	if (d == 0)
		return gd_sum(g, size, 1u << 3, false);
	struct gd_node *most = gd_amax(g, fixed, 1u << 3, true);
	/* most + Σ (size - size) over the ties: no more than most, with their gradients. */
	struct gd_node *none = gd_eq(g, most, gd_const(g, 0));
	struct gd_node *finite = gd_lt(g, fixed, gd_const(g, (double)INFINITY));
	struct gd_node *ties = gd_logical_and(g, gd_eq(g, fixed, most), finite);
	ties = gd_logical_and(g, ties, gd_logical_not(g, none));
	struct gd_node *slope = gd_where(g, ties, gd_sub(g, size, fixed), gd_const(g, 0));
	struct gd_node *y = gd_add(g, most, gd_sum(g, slope, 1u << 3, true));
	struct gd_node *tied = gd_sum(g, gd_cast(g, ties, g->dtype), 1u << 3, true);
	gd_note_kink(g, y, none, at_zero);
	gd_note_kink(g, y, gd_gt(g, tied, gd_const(g, 1)),
	             "distances are the size of several coordinates; each gets the whole gradient");
	return drop(g, y, 3);
}

/* Distances of the rows of a (B, n, d) and b (B, m, d). Sums, and differences taken one by one: the
 * product form |a|² + |b|² - 2·a·b is faster and loses the digits of small distances. */
static struct gd_node *all_distances(struct gd_graph *g, struct gd_node *a, struct gd_node *b,
                                     double p, struct gd_node **zeros)
{
	*zeros = NULL;
	if (!a || !b || p > DBL_MAX)
		return a && b ? largest(g, a, b) : NULL;
	if (p <= 1)
		*zeros = gd_pair_sums(g, GD_PHI_ZERO, 0, a, b);
	if (p == 0)
		return gd_sub(g, gd_const(g, (double)a->shape[2]), *zeros);
	return gd_pair_sums(g, GD_PHI_EVEN, p, a, b);
}

/* The p-th root, and the kinks of p ≤ 1. */
static struct gd_node *finish(struct gd_graph *g, struct gd_node *s, double p,
                              struct gd_node *zeros)
{
	if (p == 0 || p > DBL_MAX)
		return s;
	struct gd_node *y = p == 1 && s ? gd_alias(g, s) : root(g, s, p);
	if (zeros)
		gd_note_kink(g, y, gd_gt(g, zeros, gd_const(g, 0)), at_equal);
	return y;
}

static bool distance_power(struct gd_call *c)
{
	double p = gd_float(c, "p");
	return p >= 0 || gd_param_fail(c, "p", "is %g, but must not be negative", p);
}

/* x expanded to the leading axes of `like`, these as one: (B, rows, columns). */
static struct gd_node *batched(struct gd_graph *g, struct gd_node *x, int rank,
                               const int64_t *shape, int64_t batch)
{
	int64_t full[GD_MAX_RANK], rows = x->shape[x->rank - 2], columns = x->shape[x->rank - 1];
	memcpy(full, shape, sizeof full);
	full[rank - 2] = rows;
	full[rank - 1] = columns;
	return gd_reshape(g, gd_expand(g, x, rank, full), 3, (int64_t[]){batch, rows, columns});
}

bool build_cdist(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *a = c->in[0], *b = c->in[1], *zeros;
	double p = gd_float(c, "p");
	char ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT];
	if (!distance_power(c))
		return false;
	struct gd_node lead_a = *a, lead_b = *b;
	lead_a.rank -= 2;
	lead_b.rank -= 2;
	int rank = 0;
	int64_t shape[GD_MAX_RANK] = {0};
	if (a->rank < 2 || b->rank < 2 || a->shape[a->rank - 1] != b->shape[b->rank - 1] ||
	    !gd_broadcast_shape(&lead_a, &lead_b, &rank, shape)) {
		gd_shape_fail(g, a, b,
		              "needs rows of one length and leading axes that broadcast, but %s is "
		              "%s and %s %s",
		              gd_label(a, "x1"), gd_shape_text(a->rank, a->shape, ta),
		              gd_label(b, "x2"), gd_shape_text(b->rank, b->shape, tb));
		return false;
	}
	int64_t batch = 1;
	for (int i = 0; i < rank; i++)
		if (__builtin_mul_overflow(batch, shape[i], &batch)) {
			gd_graph_fail(g, GD_ERR_limit_exceeded, "the result has too many elements");
			return false;
		}
	shape[rank] = a->shape[a->rank - 2];
	shape[rank + 1] = b->shape[b->rank - 2];
	struct gd_node *s = all_distances(g, batched(g, a, rank + 2, shape, batch),
	                                  batched(g, b, rank + 2, shape, batch), p, &zeros);
	return gd_give(c, gd_reshape(g, finish(g, s, p, zeros), rank + 2, shape));
}

/* Where the pairs i < j are among all n² of them. */
static struct gd_node *upper_triangle(struct gd_graph *g, int64_t n)
{
	struct gd_tensor t = {.dtype = GD_INT64, .rank = 1};
	t.shape[0] = n < 2 ? 0 : n % 2 ? (n - 1) / 2 * n : n / 2 * (n - 1);
	if (!gd_shape_count(1, t.shape, &t.count))
		return NULL;
	t.data = gd_data_alloc(g->arena, t.count * sizeof(int64_t));
	if (!t.data) {
		gd_arena_fail(g->arena, g->error);
		return NULL;
	}
	int64_t *at = t.data;
	for (int64_t i = 0; i < n; i++)
		for (int64_t j = i + 1; j < n; j++)
			*at++ = i * n + j;
	return gd_leaf(g, &t, NULL);
}

static struct gd_node *only_upper(struct gd_graph *g, struct gd_node *x, struct gd_node *index)
{
	return x ? gd_gather(g, gd_reshape(g, x, 1, (int64_t[]){(int64_t)x->count}), 0, index)
	         : NULL;
}

bool build_pdist(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *zeros;
	double p = gd_float(c, "p");
	if (!distance_power(c))
		return false;
	if (x->rank != 2) {
		char t[GD_SHAPE_TEXT];
		gd_graph_fail(g, GD_ERR_shape_mismatch, "%s has the shape %s, but needs two axes",
		              gd_label(x, "input"), gd_shape_text(x->rank, x->shape, t));
		gd_error_shapes(g->error, 2, (int64_t[]){x->rank ? x->shape[0] : 1, 1}, x->rank,
		                x->shape);
		return false;
	}
	struct gd_node *rows = gd_reshape(g, x, 3, (int64_t[]){1, x->shape[0], x->shape[1]});
	struct gd_node *s = all_distances(g, rows, rows, p, &zeros);
	struct gd_node *index = s ? upper_triangle(g, x->shape[0]) : NULL;
	s = only_upper(g, s, index);
	return gd_give(c, finish(g, s, p, zeros ? only_upper(g, zeros, index) : NULL));
}
