/* Losses on equal shapes, and their reductions. */
#include "core/build.h"
#include "core/layers/layers.h"
#include "core/ops/bce.h"

bool gd_reduce_loss(struct gd_call *c, struct gd_node *loss)
{
	if (gd_chosen(c, "reduction", "none"))
		return gd_give(c, loss);
	return gd_give(c, gd_chosen(c, "reduction", "sum") ? gd_sum_all(c->g, loss)
	                                                   : gd_mean(c->g, loss, ~0u, false));
}

bool gd_same_shapes(struct gd_call *c)
{
	const struct gd_node *x = c->in[0], *t = c->in[1];
	char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
	if (gd_same_shape(x, t))
		return true;
	gd_shape_fail(c->g, x, t, "%s has the shape %s, but %s has %s", gd_label(x, "input"),
	              gd_shape_text(x->rank, x->shape, a), gd_label(t, "target"),
	              gd_shape_text(t->rank, t->shape, b));
	return false;
}

/* d = input - target, or NULL. */
static struct gd_node *difference(struct gd_call *c)
{
	return gd_same_shapes(c) ? gd_sub(c->g, c->in[0], c->in[1]) : NULL;
}

/* d²: with mean over N·H elements, dinput = 2(input - target)/(N·H). */
bool build_mse_loss(struct gd_call *c)
{
	return gd_reduce_loss(c, gd_square(c->g, difference(c)));
}

bool build_l1_loss(struct gd_call *c)
{
	return gd_reduce_loss(c, gd_abs(c->g, difference(c)));
}

/* With k = d clamped to ±δ, k·(d - k/2) is d²/2 inside and δ(|d| - δ/2) outside: smooth, no |d|. */
static struct gd_node *huber(struct gd_graph *g, struct gd_node *d, double delta)
{
	struct gd_node *hi = gd_const(g, delta), *lo = gd_const(g, -delta);
	if (!d)
		return NULL;
	struct gd_node *k = gd_where(g, gd_lt(g, d, lo), lo, d);
	k = gd_where(g, gd_gt(g, k, hi), hi, k);
	return gd_mul(g, k, gd_sub(g, d, gd_mul(g, k, gd_const(g, 0.5))));
}

bool build_huber_loss(struct gd_call *c)
{
	double delta = gd_float(c, "delta");
	if (!(delta > 0))
		return gd_param_fail(c, "delta", "is %g, but must be positive", delta);
	return gd_reduce_loss(c, huber(c->g, difference(c), delta));
}

bool build_smooth_l1_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	double beta = gd_float(c, "beta");
	if (!(beta >= 0))
		return gd_param_fail(c, "beta", "is %g, but must not be negative", beta);
	if (beta == 0)
		return build_l1_loss(c);
	return gd_reduce_loss(c, gd_div(g, huber(g, difference(c), beta), gd_const(g, beta)));
}

static struct gd_node *weighted(struct gd_call *c, struct gd_node *loss)
{
	struct gd_node *weight = c->n_in > 2 ? c->in[2] : NULL;
	struct gd_node *y = weight ? gd_mul(c->g, loss, weight) : loss;
	if (y && !gd_same_shape(y, c->in[0]))
		return gd_shape_fail(c->g, c->in[0], weight, "%s does not broadcast to the input",
		                     gd_label(weight, "weight"));
	return y;
}

bool build_binary_cross_entropy(struct gd_call *c)
{
	return gd_same_shapes(c) &&
	       gd_reduce_loss(c, weighted(c, gd_bce(c->g, c->in[0], c->in[1])));
}

/* (1 - t)·x - w·logsigmoid(x), w = 1 + (pos_weight - 1)·t */
bool build_binary_cross_entropy_with_logits(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *t = c->in[1], *one = gd_const(g, 1);
	struct gd_node *pos = c->n_in > 3 ? c->in[3] : NULL;
	if (!gd_same_shapes(c))
		return false;
	struct gd_node *log_term = gd_logsigmoid(g, x);
	if (pos) {
		struct gd_node *w = gd_add(g, gd_mul(g, gd_sub(g, pos, one), t), one);
		if (w && !gd_same_shape(w, x)) {
			gd_shape_fail(g, x, pos, "%s does not broadcast to the target",
			              gd_label(pos, "pos_weight"));
			return false;
		}
		log_term = gd_mul(g, w, log_term);
	}
	struct gd_node *loss = gd_sub(g, gd_mul(g, gd_sub(g, one, t), x), log_term);
	return gd_reduce_loss(c, weighted(c, loss));
}
