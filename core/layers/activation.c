/* Activations built from primitives, in their stable forms. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"

/* x where x > 0, else slope·x; NaN stays NaN. */
bool build_leaky_relu(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *zero = gd_const(g, 0);
	struct gd_node *low = gd_mul(g, x, gd_const(g, gd_float(c, "negative_slope")));
	struct gd_node *y = gd_where(g, gd_gt(g, x, zero), x, low);
	gd_note_kink(g, y, gd_eq(g, x, zero),
	             "inputs are exactly 0; the slope of the negative side used there");
	return gd_give(c, y);
}

/* ln(1 + e^(βx))/β = -logsigmoid(-βx)/β */
bool build_softplus(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *beta = gd_const(g, gd_float(c, "beta"));
	struct gd_node *z = gd_mul(g, x, beta);
	struct gd_node *soft = gd_div(g, gd_neg(g, gd_logsigmoid(g, gd_neg(g, z))), beta);
	struct gd_node *linear = gd_gt(g, z, gd_const(g, gd_float(c, "threshold")));
	return gd_give(c, gd_where(g, linear, x, soft));
}

/* x·Φ(x), Φ(x) = (1 + erf(x/√2))/2, or its approximation by tanh.
 * Source: Hendrycks & Gimpel, Gaussian Error Linear Units. */
bool build_gelu(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *inner;
	if (gd_chosen(c, "approximate", "tanh")) {
		struct gd_node *cube = gd_mul(g, gd_square(g, x), x);
		inner = gd_add(g, x, gd_mul(g, cube, gd_const(g, 0.044715)));
		inner = gd_tanh(g, gd_mul(g, inner, gd_const(g, 0.79788456080286535588)));
	} else {
		inner = gd_erf(g, gd_mul(g, x, gd_const(g, 0.70710678118654752440)));
	}
	struct gd_node *half = gd_mul(g, x, gd_const(g, 0.5));
	return gd_give(c, gd_mul(g, half, gd_add(g, inner, gd_const(g, 1))));
}

bool build_silu(struct gd_call *c)
{
	return gd_give(c, gd_mul(c->g, c->in[0], gd_sigmoid(c->g, c->in[0])));
}

/* A vector of its own where the input is a scalar. */
static bool along_dim(struct gd_call *c,
                      struct gd_node *(*build)(struct gd_graph *, struct gd_node *, int))
{
	int axis;
	struct gd_node *x = c->in[0];
	if (!gd_axis(c, "dim", x, &axis))
		return false;
	struct gd_node *vector = x->rank ? x : gd_reshape(c->g, x, 1, (int64_t[]){1});
	return gd_give(c, gd_reshape(c->g, build(c->g, vector, axis), x->rank, x->shape));
}

bool build_softmax(struct gd_call *c)
{
	return along_dim(c, gd_softmax);
}

bool build_log_softmax(struct gd_call *c)
{
	return along_dim(c, gd_log_softmax);
}

static struct gd_node *softmin(struct gd_graph *g, struct gd_node *x, int axis)
{
	return gd_softmax(g, gd_neg(g, x), axis);
}

bool build_softmin(struct gd_call *c)
{
	return along_dim(c, softmin);
}

/* a·σ(b), input = [a, b]. Source: Dauphin et al., Language Modeling with Gated Convolutional
 * Networks. */
bool build_glu(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int axis;
	if (x->rank == 0) {
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "%s is a scalar, but needs an axis to halve", gd_label(x, "input"));
		gd_error_shapes(g->error, 1, (int64_t[]){2}, 0, NULL);
		return false;
	}
	if (!gd_axis(c, "dim", x, &axis))
		return false;
	int64_t half[GD_MAX_RANK], whole[GD_MAX_RANK];
	memcpy(half, x->shape, sizeof half);
	memcpy(whole, x->shape, sizeof whole);
	half[axis] /= 2;
	if (2 * half[axis] != x->shape[axis]) {
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "%s has %lld elements along axis %d, which do not halve",
		              gd_label(x, "input"), (long long)x->shape[axis], axis);
		whole[axis]++;
		gd_error_shapes(g->error, x->rank, whole, x->rank, x->shape);
		return false;
	}
	struct gd_slice s;
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	struct gd_node *a = gd_slice(g, x, &s, half);
	s.start[axis] = half[axis];
	return gd_give(c, gd_mul(g, a, gd_sigmoid(g, gd_slice(g, x, &s, half))));
}

/* x·tanh(softplus(x)). Source: Misra, Mish: A Self Regularized Non-Monotonic Activation Function.
 */
bool build_mish(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *softplus = gd_neg(g, gd_logsigmoid(g, gd_neg(g, c->in[0])));
	return gd_give(c, gd_mul(g, c->in[0], gd_tanh(g, softplus)));
}
