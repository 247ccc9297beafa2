/* Arithmetic, masks and clamp; unary functions and comparisons straight from their rows. */
#include "core/build.h"
#include "core/layers/layers.h"

#define GD_UNARY(name, ...)                                                                        \
	bool build_##name(struct gd_call *c)                                                       \
	{                                                                                          \
		return gd_give(c, gd_##name(c->g, c->in[0]));                                      \
	}
#define GD_BINARY(name, ...)
#define GD_COMPARE(name, ...)                                                                      \
	bool build_##name(struct gd_call *c)                                                       \
	{                                                                                          \
		return gd_give(c, gd_##name(c->g, c->in[0], c->in[1]));                            \
	}
#include "core/ops/elementwise.def"

static struct gd_node *scaled_other(struct gd_call *c)
{
	return gd_mul(c->g, c->in[1], gd_const(c->g, gd_float(c, "alpha")));
}

bool build_add(struct gd_call *c)
{
	return gd_give(c, gd_add(c->g, c->in[0], scaled_other(c)));
}

bool build_sub(struct gd_call *c)
{
	return gd_give(c, gd_sub(c->g, c->in[0], scaled_other(c)));
}

bool build_mul(struct gd_call *c)
{
	return gd_give(c, gd_mul(c->g, c->in[0], c->in[1]));
}

bool build_div(struct gd_call *c)
{
	return gd_give(c, gd_div(c->g, c->in[0], c->in[1]));
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

bool build_maximum(struct gd_call *c)
{
	return gd_give(c, gd_maximum(c->g, c->in[0], c->in[1]));
}

bool build_minimum(struct gd_call *c)
{
	return gd_give(c, gd_minimum(c->g, c->in[0], c->in[1]));
}

bool build_where(struct gd_call *c)
{
	return gd_give(c, gd_where(c->g, c->in[0], c->in[1], c->in[2]));
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
bool build_clamp(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *min = c->n_in > 1 ? c->in[1] : NULL,
	               *max = c->n_in > 2 ? c->in[2] : NULL, *y = x;
	if (!min && !max) {
		gd_graph_fail(g, GD_ERR_missing_field, "needs min, max or both");
		return false;
	}
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
