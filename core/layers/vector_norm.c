/* Norms of vectors. */
#include "core/layers/vector_norm.h"

#include <math.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/linalg.h"
#include "core/ops/norm2.h"

static bool over_nothing(const struct gd_node *x, unsigned axes)
{
	for (int i = 0; i < x->rank; i++)
		if ((axes >> i & 1) && x->shape[i] == 0)
			return true;
	return false;
}

/* |x| as x·sign(x): for functions of it that are smooth at 0, where abs would note a kink. */
static struct gd_node *size_of(struct gd_graph *g, struct gd_node *x)
{
	return gd_mul(g, x, gd_stop_gradient(g, gd_sign(g, x)));
}

/* What to divide by, so that the powers stay in range: the largest |x|, or the smallest for
 * negative p, but 1 where that is 0, infinite or NaN. A constant: it cancels out. */
static struct gd_node *scale_of(struct gd_graph *g, struct gd_node *x, double p, unsigned axes)
{
	struct gd_node *size = gd_abs(g, gd_stop_gradient(g, x));
	struct gd_node *m = p < 0 ? gd_amin(g, size, axes, true) : gd_amax(g, size, axes, true);
	struct gd_node *usable = gd_logical_and(g, gd_gt(g, m, gd_const(g, 0)),
	                                        gd_lt(g, m, gd_const(g, (double)INFINITY)));
	return gd_where(g, usable, m, gd_const(g, 1));
}

/* m·(Σ |x/m|^p)^(1/p); elements that are 0, and a sum of 0, take no part in the gradient. */
static struct gd_node *power_norm(struct gd_graph *g, struct gd_node *x, double p, unsigned axes)
{
	struct gd_node *m = scale_of(g, x, p, axes), *t = gd_div(g, x, m);
	struct gd_node *zero = gd_const(g, 0), *at_0 = gd_const(g, p < 0 ? (double)INFINITY : 0);
	struct gd_node *size = p > 1 ? size_of(g, t) : gd_abs(g, t);
	struct gd_node *terms = gd_pow(g, size, gd_const(g, p));
	terms = gd_where(g, gd_eq(g, t, zero), at_0, terms);
	struct gd_node *s = gd_sum(g, terms, axes, true);
	struct gd_node *root = gd_pow(g, s, gd_const(g, 1 / p));
	return gd_mul(g, m, gd_where(g, gd_eq(g, s, zero), at_0, root));
}

/* One run of neighbouring axes after the other: the norm of norms is the norm. */
static struct gd_node *euclidean(struct gd_graph *g, struct gd_node *x, unsigned axes)
{
	int64_t kept[GD_MAX_RANK];
	int rank = x->rank;
	if (rank == 0)
		return gd_reshape(g, gd_norm2(g, gd_reshape(g, x, 1, (int64_t[]){1}), 0), 0, NULL);
	for (int i = 0; i < rank; i++)
		kept[i] = axes >> i & 1 ? 1 : x->shape[i];
	for (int end = rank; end > 0 && x; end--) {
		int64_t shape[GD_MAX_RANK], run = 1;
		int begin = end, n = 0;
		while (begin > 0 && (axes >> (begin - 1) & 1))
			run *= x->shape[--begin];
		if (begin == end)
			continue;
		for (int i = 0; i < begin; i++)
			shape[n++] = x->shape[i];
		shape[n++] = run;
		for (int i = end; i < rank; i++)
			shape[n++] = kept[i];
		struct gd_node *y = gd_norm2(g, gd_reshape(g, x, n, shape), begin);
		for (int i = begin; i < end; i++)
			shape[i] = 1;
		for (int i = end; i < rank; i++)
			shape[i] = kept[i];
		x = gd_reshape(g, y, rank, shape);
		end = begin + 1;
	}
	return x;
}

static struct gd_node *kept(struct gd_graph *g, struct gd_node *x, double p, unsigned axes)
{
	if (p == 0)
		return gd_sum(g, gd_cast(g, gd_ne(g, x, gd_const(g, 0)), g->dtype), axes, true);
	if (x->count == 0)
		return gd_sum(g, x, axes, true);
	if (isinf(p))
		return (p > 0 ? gd_amax : gd_amin)(g, size_of(g, x), axes, true);
	if (p == 1)
		return gd_sum(g, gd_abs(g, x), axes, true);
	return p == 2 ? euclidean(g, x, axes) : power_norm(g, x, p, axes);
}

struct gd_node *gd_vector_norm(struct gd_graph *g, struct gd_node *x, double p, unsigned axes,
                               bool keep)
{
	if (g->dtype == GD_FLOAT32)
		p = (double)(float)p;
	struct gd_node *y = x ? kept(g, x, p, axes) : NULL;
	if (y && p != 0 && p != 1)
		gd_note_kink(g, y, gd_eq(g, y, gd_const(g, 0)),
		             "norms are 0; gradient 0 used there");
	if (!y || keep)
		return y;
	int64_t shape[GD_MAX_RANK];
	int rank = 0;
	for (int i = 0; i < x->rank; i++)
		if (!(axes >> i & 1))
			shape[rank++] = x->shape[i];
	return gd_reshape(g, y, rank, shape);
}

bool build_norm(struct gd_call *c)
{
	unsigned axes;
	const struct gd_value *p = gd_param(c, "p");
	if (gd_chosen(c, "p", "nuc"))
		return gd_give_nuclear_norm(c);
	double order = p->word || p->null ? 2 : p->f;
	return gd_axes(c, "dim", c->in[0], &axes) &&
	       gd_give(c, gd_vector_norm(c->g, c->in[0], order, axes, gd_flag(c, "keepdim")));
}

bool build_vector_norm(struct gd_call *c)
{
	unsigned axes;
	double order = gd_float(c, "ord");
	if (!gd_axes(c, "dim", c->in[0], &axes))
		return false;
	if ((order < 0 || order == (double)INFINITY) && over_nothing(c->in[0], axes))
		return gd_param_fail(c, "ord",
		                     "is %g, but the norm of no elements has a value for "
		                     "0 ≤ ord < ∞ only",
		                     order);
	return gd_give(c, gd_vector_norm(c->g, c->in[0], order, axes, gd_flag(c, "keepdim")));
}

bool build_dist(struct gd_call *c)
{
	struct gd_node *difference = gd_sub(c->g, c->in[0], c->in[1]);
	return gd_give(c, gd_vector_norm(c->g, difference, gd_float(c, "p"), ~0u, false));
}
