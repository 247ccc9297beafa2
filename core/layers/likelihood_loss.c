/* Losses that are negative logarithms of likelihoods. */
#include "core/build.h"
#include "core/layers/distance.h"
#include "core/layers/layers.h"
#include "core/ops/check.h"

#define C(value) gd_const(g, value)

/* t·ln t, 0 at 0. */
static struct gd_node *x_log_x(struct gd_graph *g, struct gd_node *t)
{
	struct gd_node *none = gd_eq(g, t, C(0));
	struct gd_node *y = gd_where(g, none, C(0), gd_mul(g, t, gd_log(g, t)));
	gd_note_kink(g, y, none,
	             "targets are exactly 0; derivative 0 of target·ln target used there");
	return y;
}

/* Source: Kullback & Leibler, On Information and Sufficiency. */
bool build_kl_div(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *t = c->in[1], *loss;
	if (!gd_same_shapes(c))
		return false;
	if (gd_flag(c, "log_target"))
		loss = gd_mul(g, gd_exp(g, t), gd_sub(g, t, x));
	else
		loss = gd_sub(g, x_log_x(g, t), gd_mul(g, t, x));
	if (!gd_chosen(c, "reduction", "batchmean"))
		return gd_reduce_loss(c, loss);
	double rows = x->rank ? (double)x->shape[0] : 1;
	return gd_give(c, gd_div(g, gd_sum_all(g, loss), C(rows)));
}

/* Stirling's approximation of ln t!, for t > 1. */
static struct gd_node *stirling(struct gd_graph *g, struct gd_node *t)
{
	struct gd_node *log_root = gd_log(g, gd_mul(g, t, C(6.28318530717958647693)));
	struct gd_node *y = gd_sub(g, gd_mul(g, t, gd_log(g, t)), t);
	y = gd_add(g, y, gd_mul(g, log_root, C(0.5)));
	y = gd_where(g, gd_le(g, t, C(1)), C(0), y);
	gd_note_kink(g, y, gd_eq(g, t, C(1)), "targets are exactly 1; derivative 0 used there");
	return y;
}

bool build_poisson_nll_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *t = c->in[1], *loss;
	if (!gd_same_shapes(c))
		return false;
	if (gd_flag(c, "log_input")) {
		loss = gd_sub(g, gd_exp(g, x), gd_mul(g, t, x));
	} else {
		struct gd_node *log_x = gd_log(g, gd_add(g, x, C(gd_float(c, "eps"))));
		loss = gd_sub(g, x, gd_mul(g, t, log_x));
	}
	if (gd_flag(c, "full"))
		loss = gd_add(g, loss, stirling(g, t));
	return gd_reduce_loss(c, loss);
}

/* The variance as it broadcasts against the input: of its shape, without its last axis, with one
 * axis of size 1 instead, or one number. */
static struct gd_node *spread_variance(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *var = c->in[2];
	int64_t column[GD_MAX_RANK];
	char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
	int differ = 0, ones = 0;
	bool prefix = var->rank == x->rank - 1;
	for (int i = 0; i < x->rank; i++) {
		column[i] = i < x->rank - 1 ? x->shape[i] : 1;
		prefix = prefix && (i == x->rank - 1 || var->shape[i] == x->shape[i]);
		differ += var->rank == x->rank && var->shape[i] != x->shape[i];
		ones += var->rank == x->rank && var->shape[i] != x->shape[i] && var->shape[i] == 1;
	}
	if (var->rank == 0 || (var->rank == x->rank && differ == ones && differ <= 1))
		return var;
	if (prefix)
		return gd_reshape(g, var, x->rank, column);
	return gd_shape_fail(g, x, var,
	                     "%s has the shape %s, but %s has %s where the input's is needed, with "
	                     "one axis of size 1 or without the last",
	                     gd_label(x, "input"), gd_shape_text(x->rank, x->shape, a),
	                     gd_label(var, "var"), gd_shape_text(var->rank, var->shape, b));
}

/* Source: Nix & Weigend, Estimating the Mean and Variance of the Target Probability Distribution.
 */
bool build_gaussian_nll_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	if (!gd_same_shapes(c))
		return false;
	struct gd_node *var = gd_not_negative(g, spread_variance(c), "var");
	var = gd_at_least(g, var, gd_float(c, "eps"));
	struct gd_node *square = gd_square(g, gd_sub(g, c->in[0], c->in[1]));
	struct gd_node *loss = gd_add(g, gd_log(g, var), gd_div(g, square, var));
	loss = gd_mul(g, loss, C(0.5));
	if (gd_flag(c, "full"))
		loss = gd_add(g, loss, C(0.91893853320467274178));
	return gd_reduce_loss(c, loss);
}

#undef C
