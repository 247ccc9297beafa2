/* Unary functions and comparisons straight from their rows; functions of one tensor and parameters,
 * and masks. */
#include <float.h>
#include <math.h>

#include "core/build.h"
#include "core/layers/layers.h"

#define GD_UNARY(name, ...)                                                                        \
	bool build_##name(struct gd_call *c)                                                       \
	{                                                                                          \
		return gd_give(c, gd_##name(c->g, c->in[0]));                                      \
	}
#define GD_INNER(name, ...)
#define GD_BINARY(name, ...)
#define GD_COMPARE(name, ...)                                                                      \
	bool build_##name(struct gd_call *c)                                                       \
	{                                                                                          \
		return gd_give(c, gd_##name(c->g, c->in[0], c->in[1]));                            \
	}
#include "core/ops/elementwise.def"

/* --- of one tensor ----------------------------------------------------------------------- */

bool build_positive(struct gd_call *c)
{
	return gd_give(c, c->in[0]);
}

static bool scaled(struct gd_call *c, double factor)
{
	return gd_give(c, gd_mul(c->g, c->in[0], gd_const(c->g, factor)));
}

bool build_deg2rad(struct gd_call *c)
{
	return scaled(c, M_PI / 180);
}

bool build_rad2deg(struct gd_call *c)
{
	return scaled(c, 180 / M_PI);
}

bool build_frac(struct gd_call *c)
{
	return gd_give(c, gd_sub(c->g, c->in[0], gd_trunc(c->g, c->in[0])));
}

/* To a multiple of 10^-decimals. */
bool build_round(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	double decimals = (double)gd_int(c, "decimals");
	struct gd_node *x = c->in[0], *ten = gd_const(g, pow(10, fabs(decimals)));
	if (decimals == 0)
		return gd_give(c, gd_rint(g, x));
	if (decimals < 0)
		return gd_give(c, gd_mul(g, gd_rint(g, gd_div(g, x, ten)), ten));
	return gd_give(c, gd_div(g, gd_rint(g, gd_mul(g, x, ten)), ten));
}

/* A negative eps is none, as in PyTorch. */
bool build_logit(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *z = x;
	double eps = gd_param(c, "eps")->null ? -1 : gd_float(c, "eps");
	if (eps >= 0) {
		struct gd_node *lo = gd_const(g, eps), *hi = gd_const(g, 1 - eps);
		struct gd_node *above = gd_gt(g, x, hi), *below = gd_lt(g, x, lo);
		z = gd_where(g, below, lo, gd_where(g, above, hi, x));
		gd_note_kink(g, z, gd_eq(g, x, lo),
		             "at eps; the gradient of the inside used there");
		gd_note_kink(g, z, gd_eq(g, x, hi),
		             "at 1 - eps; the gradient of the inside used there");
	}
	return gd_give(c, gd_log_odds(g, z));
}

bool build_nan_to_num(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *y = x;
	const struct gd_value *nan = gd_param(c, "nan"), *high = gd_param(c, "posinf"),
	                      *low = gd_param(c, "neginf");
	double most = g->dtype == GD_FLOAT64 ? DBL_MAX : (double)FLT_MAX;
	struct gd_node *infinity = gd_const(g, (double)INFINITY);
	y = gd_where(g, gd_eq(g, x, infinity), gd_const(g, high->null ? most : high->f), y);
	y = gd_where(g, gd_eq(g, x, gd_neg(g, infinity)), gd_const(g, low->null ? -most : low->f),
	             y);
	return gd_give(c, gd_where(g, gd_ne(g, x, x), gd_const(g, nan->null ? 0 : nan->f), y));
}

bool build_polygamma(struct gd_call *c)
{
	int64_t n = gd_int(c, "n");
	if (n < 0)
		return gd_param_fail(c, "n", "is %lld, but counts derivatives: it takes 0 and more",
		                     (long long)n);
	return gd_give(c, gd_polygamma(c->g, gd_const(c->g, (double)n), c->in[0]));
}

/* --- masks ------------------------------------------------------------------------------- */

bool build_isnan(struct gd_call *c)
{
	return gd_give(c, gd_ne(c->g, c->in[0], c->in[0]));
}

bool build_isinf(struct gd_call *c)
{
	struct gd_node *infinity = gd_const(c->g, (double)INFINITY);
	return gd_give(c, gd_eq(c->g, gd_abs(c->g, c->in[0]), infinity));
}

bool build_isfinite(struct gd_call *c)
{
	struct gd_node *infinity = gd_const(c->g, (double)INFINITY);
	return gd_give(c, gd_lt(c->g, gd_abs(c->g, c->in[0]), infinity));
}

static bool masks_fit(struct gd_call *c)
{
	struct gd_node *a = c->in[0], *b = c->in[1];
	int rank;
	int64_t shape[GD_MAX_RANK];
	char ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT];
	if (gd_broadcast_shape(a, b, &rank, shape))
		return true;
	gd_shape_fail(c->g, a, b, "%s %s and %s %s cannot be broadcast together",
	              gd_label(a, "a first mask of shape"), gd_shape_text(a->rank, a->shape, ta),
	              gd_label(b, "a second mask of shape"), gd_shape_text(b->rank, b->shape, tb));
	return false;
}

bool build_logical_not(struct gd_call *c)
{
	return gd_give(c, gd_logical_not(c->g, c->in[0]));
}

bool build_logical_and(struct gd_call *c)
{
	return masks_fit(c) && gd_give(c, gd_logical_and(c->g, c->in[0], c->in[1]));
}

/* a or b: not (not a and not b) */
static struct gd_node *either(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	return gd_logical_not(g, gd_logical_and(g, gd_logical_not(g, a), gd_logical_not(g, b)));
}

bool build_logical_or(struct gd_call *c)
{
	return masks_fit(c) && gd_give(c, either(c->g, c->in[0], c->in[1]));
}

/* One of them and not both. */
bool build_logical_xor(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	if (!masks_fit(c))
		return false;
	struct gd_node *both = gd_logical_and(g, c->in[0], c->in[1]);
	struct gd_node *one = either(g, c->in[0], c->in[1]);
	return gd_give(c, gd_logical_and(g, one, gd_logical_not(g, both)));
}
