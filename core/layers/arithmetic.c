/* Arithmetic of two and three tensors, where and clamp. */
#include "core/build.h"
#include "core/layers/layers.h"

/* Functions of two operands as their rows have them. */
#define AS_ITS_ROW(name, row)                                                                      \
	bool build_##name(struct gd_call *c)                                                       \
	{                                                                                          \
		return gd_give(c, gd_##row(c->g, c->in[0], c->in[1]));                             \
	}
AS_ITS_ROW(mul, mul)
AS_ITS_ROW(true_divide, div)
AS_ITS_ROW(floor_divide, floor_div)
AS_ITS_ROW(remainder, remainder)
AS_ITS_ROW(fmod, fmod)
AS_ITS_ROW(maximum, maximum)
AS_ITS_ROW(minimum, minimum)
AS_ITS_ROW(fmax, fmax)
AS_ITS_ROW(fmin, fmin)
AS_ITS_ROW(hypot, hypot)
AS_ITS_ROW(atan2, atan2)
AS_ITS_ROW(copysign, copysign)
AS_ITS_ROW(logaddexp, logaddexp)
AS_ITS_ROW(logaddexp2, logaddexp2)
AS_ITS_ROW(xlogy, xlogy)

static struct gd_node *times_param(struct gd_call *c, struct gd_node *x, const char *name)
{
	return gd_mul(c->g, x, gd_const(c->g, gd_float(c, name)));
}

bool build_add(struct gd_call *c)
{
	return gd_give(c, gd_add(c->g, c->in[0], times_param(c, c->in[1], "alpha")));
}

bool build_sub(struct gd_call *c)
{
	return gd_give(c, gd_sub(c->g, c->in[0], times_param(c, c->in[1], "alpha")));
}

bool build_rsub(struct gd_call *c)
{
	return gd_give(c, gd_sub(c->g, c->in[1], times_param(c, c->in[0], "alpha")));
}

bool build_div(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	if (gd_chosen(c, "rounding_mode", "floor"))
		return gd_give(c, gd_floor_div(g, c->in[0], c->in[1]));
	struct gd_node *y = gd_div(g, c->in[0], c->in[1]);
	return gd_give(c, gd_chosen(c, "rounding_mode", "trunc") ? gd_trunc(g, y) : y);
}

/* Small constant exponents as PyTorch computes them: products, roots and quotients. */
bool build_pow(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	double p;
	if (gd_is_const(c->in[1], &p)) {
		if (p == 1)
			return gd_give(c, gd_mul(g, x, gd_const(g, 1)));
		if (p == 2)
			return gd_give(c, gd_square(g, x));
		if (p == 3)
			return gd_give(c, gd_mul(g, gd_square(g, x), x));
		if (p == 0.5)
			return gd_give(c, gd_sqrt(g, x));
		if (p == -1)
			return gd_give(c, gd_div(g, gd_const(g, 1), x));
	}
	return gd_give(c, gd_pow(g, x, c->in[1]));
}

bool build_float_power(struct gd_call *c)
{
	return build_pow(c);
}

/* From the nearer end, so that weights 0 and 1 give the ends themselves. */
bool build_lerp(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *a = c->in[0], *b = c->in[1], *w = c->in[2], *span = gd_sub(g, b, a);
	struct gd_node *rest = gd_sub(g, gd_const(g, 1), w);
	double weight;
	bool known = gd_is_const(w, &weight);
	if (known && weight < 0.5)
		return gd_give(c, gd_add(g, a, gd_mul(g, w, span)));
	struct gd_node *from_end = gd_sub(g, b, gd_mul(g, span, rest));
	if (known)
		return gd_give(c, from_end);
	struct gd_node *from_start = gd_add(g, a, gd_mul(g, w, span));
	return gd_give(c, gd_where(g, gd_lt(g, w, gd_const(g, 0.5)), from_start, from_end));
}

bool build_addcmul(struct gd_call *c)
{
	struct gd_node *product = gd_mul(c->g, times_param(c, c->in[1], "value"), c->in[2]);
	return gd_give(c, gd_add(c->g, c->in[0], product));
}

bool build_addcdiv(struct gd_call *c)
{
	struct gd_node *quotient = gd_div(c->g, times_param(c, c->in[1], "value"), c->in[2]);
	return gd_give(c, gd_add(c->g, c->in[0], quotient));
}

/* --- where and clamp --------------------------------------------------------------------- */

bool build_where(struct gd_call *c)
{
	return gd_give(c, gd_where(c->g, c->in[0], c->in[1], c->in[2]));
}

bool build_masked_fill(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	const struct gd_node *value = c->in[2];
	if (value->rank) {
		char text[GD_SHAPE_TEXT];
		gd_graph_fail(
		        g, GD_ERR_shape_mismatch, "value needs one number, a scalar, but %s is %s",
		        gd_label(value, "it"), gd_shape_text(value->rank, value->shape, text));
		gd_error_shapes(g->error, 0, NULL, value->rank, value->shape);
		c->bad_operand = 2;
		return false;
	}
	return gd_give(c, gd_where(g, c->in[1], c->in[2], c->in[0]));
}

/* Is x beyond the bound? Never for a NaN in x; always for a NaN as the bound. */
static struct gd_node *
beyond(struct gd_graph *g, struct gd_node *x, struct gd_node *bound,
       struct gd_node *(*strict)(struct gd_graph *, struct gd_node *, struct gd_node *),
       struct gd_node *(*within)(struct gd_graph *, struct gd_node *, struct gd_node *))
{
	double value;
	if (gd_is_const(bound, &value) && value == value)
		return strict(g, x, bound);
	return gd_logical_and(g, gd_logical_not(g, within(g, x, bound)), gd_eq(g, x, x));
}

/* At an edge the input still gets its gradient: the comparisons are strict. */
static bool clamped(struct gd_call *c, struct gd_node *min, struct gd_node *max)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *y = x;
	if (min)
		y = gd_where(g, beyond(g, y, min, gd_lt, gd_ge), min, y);
	if (max)
		y = gd_where(g, beyond(g, y, max, gd_gt, gd_le), max, y);
	if (min)
		gd_note_kink(g, y, gd_eq(g, x, min), "at the lower edge; gradient 1 used there");
	if (max)
		gd_note_kink(g, y, gd_eq(g, x, max), "at the upper edge; gradient 1 used there");
	return gd_give(c, y);
}

bool build_clamp(struct gd_call *c)
{
	struct gd_node *min = c->n_in > 1 ? c->in[1] : NULL, *max = c->n_in > 2 ? c->in[2] : NULL;
	if (!min && !max) {
		gd_graph_fail(c->g, GD_ERR_missing_field, "needs min, max or both");
		return false;
	}
	return clamped(c, min, max);
}

bool build_clamp_min(struct gd_call *c)
{
	return clamped(c, c->in[1], NULL);
}

bool build_clamp_max(struct gd_call *c)
{
	return clamped(c, NULL, c->in[1]);
}
