/* x = src + attention(src), y = x + linear2(activation(linear1(x))), each sum normalised behind it,
 * or with norm_first before it. Source: Vaswani et al., Attention Is All You Need, section 3.1. */
#include "core/build.h"
#include "core/layers/attention.h"
#include "core/layers/layers.h"
#include "core/layers/operands.h"
#include "core/ops/standardise.h"

enum {
	SRC,
	IN_WEIGHT,
	IN_BIAS,
	OUT_WEIGHT,
	OUT_BIAS,
	LINEAR1,
	LINEAR2 = 7,
	NORM1 = 9,
	NORM2 = 11,
	MASKS = 13
};

static struct gd_node *norm(struct gd_call *c, struct gd_node *x, int weight)
{
	struct gd_graph *g = c->g;
	if (!x)
		return NULL;
	struct gd_node *y = gd_standardise(g, x, 1, x->shape[0] * x->shape[1], x->shape[2],
	                                   gd_float(c, "layer_norm_eps"));
	y = gd_mul(g, y, gd_operand(c, weight));
	return gd_operand(c, weight + 1) ? gd_add(g, y, gd_operand(c, weight + 1)) : y;
}

/* x·Φ(x), Φ(x) = (1 + erf(x/√2))/2 */
static struct gd_node *gelu(struct gd_graph *g, struct gd_node *x)
{
	struct gd_node *e = gd_erf(g, gd_mul(g, x, gd_const(g, 0.70710678118654752440)));
	return gd_mul(g, gd_mul(g, x, gd_const(g, 0.5)), gd_add(g, e, gd_const(g, 1)));
}

static struct gd_node *feed_forward(struct gd_call *c, struct gd_node *x)
{
	struct gd_graph *g = c->g;
	x = gd_project(g, x, c->in[LINEAR1], c->in[LINEAR1 + 1]);
	x = gd_chosen(c, "activation", "gelu") ? gelu(g, x) : gd_relu(g, x);
	return gd_project(g, x, c->in[LINEAR2], c->in[LINEAR2 + 1]);
}

static bool check_parameters(struct gd_call *c, int64_t width)
{
	if (!gd_operand_rank(c, LINEAR1, 2, 2, "(features, E)"))
		return false;
	int64_t hidden = c->in[LINEAR1]->shape[0], in[2] = {3 * width, width};
	int64_t out[2] = {width, width}, one[2] = {hidden, width}, two[2] = {width, hidden};
	return gd_operand_shape(c, IN_WEIGHT, 2, in) && gd_operand_shape(c, IN_BIAS, 1, in) &&
	       gd_operand_shape(c, OUT_WEIGHT, 2, out) && gd_operand_shape(c, OUT_BIAS, 1, out) &&
	       gd_operand_shape(c, LINEAR1, 2, one) && gd_operand_shape(c, LINEAR1 + 1, 1, one) &&
	       gd_operand_shape(c, LINEAR2, 2, two) && gd_operand_shape(c, LINEAR2 + 1, 1, two) &&
	       gd_operand_shape(c, NORM1, 1, out) && gd_operand_shape(c, NORM1 + 1, 1, out) &&
	       gd_operand_shape(c, NORM2, 1, out) && gd_operand_shape(c, NORM2 + 1, 1, out);
}

bool build_transformer_encoder_layer(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *src = c->in[SRC], *x = src;
	if (!gd_operand_rank(c, SRC, 2, 3, "(length, E) or with a batch axis"))
		return false;
	if (gd_float(c, "dropout") != 0)
		return gd_param_fail(c, "dropout",
		                     "is %g, but only 0 is possible here: there are no seeds for "
		                     "its masks",
		                     gd_float(c, "dropout"));
	bool batched = src->rank == 3;
	struct gd_heads a = {.in_weight = c->in[IN_WEIGHT],
	                     .in_bias = c->in[IN_BIAS],
	                     .out_weight = c->in[OUT_WEIGHT],
	                     .out_bias = c->in[OUT_BIAS],
	                     .batch_first = !batched || gd_flag(c, "batch_first")};
	if (!batched)
		x = gd_reshape(g, src, 3, (int64_t[]){1, src->shape[0], src->shape[1]});
	if (!x)
		return false;
	int64_t n = x->shape[!a.batch_first], length = x->shape[a.batch_first];
	if (!gd_heads_fit(c, "nhead", x->shape[2], &a.heads) || !check_parameters(c, x->shape[2]) ||
	    !gd_shut_masks(c, MASKS, batched, n, a.heads, length, length, &a.mask))
		return false;
	if (gd_flag(c, "norm_first")) {
		struct gd_node *h = norm(c, x, NORM1);
		x = gd_add(g, x, gd_multi_head(g, &a, h, h, h, NULL));
		x = gd_add(g, x, feed_forward(c, norm(c, x, NORM2)));
	} else {
		x = norm(c, gd_add(g, x, gd_multi_head(g, &a, x, x, x, NULL)), NORM1);
		x = norm(c, gd_add(g, x, feed_forward(c, x)), NORM2);
	}
	return gd_give(c, x ? gd_reshape(g, x, src->rank, src->shape) : NULL);
}
