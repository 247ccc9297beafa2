/* Activations made of pieces: which piece an edge belongs to is PyTorch's choice. */
#include "core/build.h"
#include "core/layers/layers.h"

#define C(value) gd_const(g, value)

/* A NaN is on no side of an edge: it stays NaN. */
static struct gd_node *clip(struct gd_graph *g, struct gd_node *x, double low, double high)
{
	struct gd_node *y = gd_where(g, gd_le(g, x, C(low)), C(low), x);
	y = gd_where(g, gd_ge(g, y, C(high)), C(high), y);
	gd_note_kink(g, y, gd_eq(g, x, C(low)),
	             "inputs are at the lower edge; gradient 0 used there");
	if (low != high)
		gd_note_kink(g, y, gd_eq(g, x, C(high)),
		             "inputs are at the upper edge; gradient 0 used there");
	return y;
}

bool build_relu6(struct gd_call *c)
{
	return gd_give(c, clip(c->g, c->in[0], 0, 6));
}

bool build_hardtanh(struct gd_call *c)
{
	return gd_give(c, clip(c->g, c->in[0], gd_float(c, "min_val"), gd_float(c, "max_val")));
}

/* y's pieces meet at ±edge. */
static void note_edges(struct gd_graph *g, struct gd_node *y, struct gd_node *x, double edge,
                       const char *text)
{
	gd_note_kink(g, y, gd_eq(g, gd_abs(g, x), C(edge)), text);
}

/* 0 up to -3, 1 from 3 on, between them (x + 3)/6. */
bool build_hardsigmoid(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *y = gd_div(g, gd_add(g, x, C(3)), C(6));
	y = gd_where(g, gd_ge(g, x, C(3)), C(1), y);
	y = gd_where(g, gd_le(g, x, C(-3)), C(0), y);
	note_edges(g, y, x, 3, "inputs are exactly -3 or 3; gradient 0 used there");
	return gd_give(c, y);
}

/* 0 below -3, x above 3, between them x·(x + 3)/6. 0·x makes a NaN of -∞, as PyTorch does.
 * Source: Howard et al., Searching for MobileNetV3. */
bool build_hardswish(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *y = gd_div(g, gd_mul(g, x, gd_add(g, x, C(3))), C(6));
	y = gd_where(g, gd_le(g, x, C(3)), y, x);
	y = gd_where(g, gd_lt(g, x, C(-3)), gd_mul(g, x, C(0)), y);
	note_edges(g, y, x, 3,
	           "inputs are exactly -3 or 3; the derivative of the middle piece used there");
	return gd_give(c, y);
}

bool build_hardshrink(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *edge = C(gd_float(c, "lambd"));
	struct gd_node *y = gd_where(g, gd_le(g, gd_abs(g, x), edge), C(0), x);
	note_edges(g, y, x, gd_float(c, "lambd"),
	           "inputs are exactly ±lambd; gradient 0 used there");
	return gd_give(c, y);
}

bool build_softshrink(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	double lambd = gd_float(c, "lambd");
	struct gd_node *x = c->in[0], *edge = C(lambd), *lower = C(-lambd);
	if (!(lambd >= 0))
		return gd_param_fail(c, "lambd", "is %g, but must not be negative", lambd);
	struct gd_node *y = gd_where(g, gd_eq(g, x, x), C(0), x);
	y = gd_where(g, gd_lt(g, x, lower), gd_add(g, x, edge), y);
	y = gd_where(g, gd_gt(g, x, edge), gd_sub(g, x, edge), y);
	note_edges(g, y, x, lambd, "inputs are exactly ±lambd; gradient 0 used there");
	return gd_give(c, y);
}

bool build_threshold(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *edge = C(gd_float(c, "threshold"));
	struct gd_node *y = gd_where(g, gd_le(g, x, edge), C(gd_float(c, "value")), x);
	gd_note_kink(g, y, gd_eq(g, x, edge),
	             "inputs are exactly at the threshold; gradient 0 used there");
	return gd_give(c, y);
}

static const char negative_side[] =
        "inputs are exactly 0; the slope of the negative side used there";

/* The weights as they broadcast against the input, whose channels are axis 1. */
static struct gd_node *channel_weights(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *w = c->in[1];
	int64_t shape[GD_MAX_RANK], channels = x->rank < 2 ? 1 : x->shape[1];
	if (w->rank <= 1 && w->count == 1)
		return gd_reshape(g, w, 0, w->shape);
	if (w->rank != 1 || w->shape[0] != channels) {
		gd_graph_fail(
		        g, GD_ERR_shape_mismatch,
		        "%s needs one number, or one for each of the %lld channels (axis 1) of %s",
		        gd_label(w, "weight"), (long long)channels, gd_label(x, "input"));
		gd_error_shapes(g->error, 1, &channels, w->rank, w->shape);
		return NULL;
	}
	for (int i = 0; i < x->rank; i++)
		shape[i] = i == 1 ? channels : 1;
	return gd_reshape(g, w, x->rank, shape);
}

/* Source: He et al., Delving Deep into Rectifiers. */
bool build_prelu(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	struct gd_node *y = gd_where(g, gd_gt(g, x, C(0)), x, gd_mul(g, x, channel_weights(c)));
	gd_note_kink(g, y, gd_eq(g, x, C(0)), negative_side);
	return gd_give(c, y);
}

/* scale·x above 0, else scale·alpha·(e^(x/width) - 1). */
static struct gd_node *elu(struct gd_graph *g, struct gd_node *x, double alpha, double scale,
                           double width)
{
	struct gd_node *low = gd_expm1(g, gd_div(g, x, C(width)));
	return gd_where(g, gd_le(g, x, C(0)), gd_mul(g, low, C(alpha * scale)),
	                gd_mul(g, x, C(scale)));
}

/* Source: Clevert et al., Fast and Accurate Deep Network Learning by Exponential Linear Units. */
bool build_elu(struct gd_call *c)
{
	double alpha = gd_float(c, "alpha");
	struct gd_node *y = elu(c->g, c->in[0], alpha, 1, 1);
	if (alpha != 1)
		gd_note_kink(c->g, y, gd_eq(c->g, c->in[0], gd_const(c->g, 0)), negative_side);
	return gd_give(c, y);
}

/* Source: Klambauer et al., Self-Normalizing Neural Networks. */
bool build_selu(struct gd_call *c)
{
	struct gd_node *y = elu(c->g, c->in[0], 1.6732632423543772848170429916717,
	                        1.0507009873554804934193349852946, 1);
	gd_note_kink(c->g, y, gd_eq(c->g, c->in[0], gd_const(c->g, 0)), negative_side);
	return gd_give(c, y);
}

/* Source: Barron, Continuously Differentiable Exponential Linear Units. */
bool build_celu(struct gd_call *c)
{
	double alpha = gd_float(c, "alpha");
	if (alpha == 0)
		return gd_param_fail(c, "alpha", "is 0, but input is divided by it");
	return gd_give(c, elu(c->g, c->in[0], alpha, 1, alpha));
}

#undef C
