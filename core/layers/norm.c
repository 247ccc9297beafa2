/* Normalisation layers: ŷ = (x - mean)/√(variance + eps), then y = ŷ·weight + bias. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/operands.h"
#include "core/ops/standardise.h"
#include "core/ops/window_sum.h"

static int64_t extent_of(const struct gd_node *x, int begin, int end)
{
	int64_t n = 1;
	for (int i = begin; i < end; i++)
		n *= x->shape[i];
	return n;
}

/* One number a channel, as a tensor that broadcasts to x: (C, 1, …). */
static struct gd_node *by_channel(struct gd_graph *g, struct gd_node *v, const struct gd_node *x)
{
	int64_t shape[GD_MAX_RANK] = {x->shape[1]};
	for (int i = 2; i < x->rank; i++)
		shape[i - 1] = 1;
	return v ? gd_reshape(g, v, x->rank - 1, shape) : NULL;
}

static struct gd_node *affine(struct gd_graph *g, struct gd_node *y, struct gd_node *weight,
                              struct gd_node *bias)
{
	if (weight)
		y = gd_mul(g, y, weight);
	return bias ? gd_add(g, y, bias) : y;
}

static bool too_few(struct gd_call *c, const char *what)
{
	const struct gd_node *x = c->in[0];
	char shape[GD_SHAPE_TEXT];
	gd_graph_fail(c->g, GD_ERR_shape_mismatch,
	              "needs more than one %s to take a variance of, but %s has the shape %s", what,
	              gd_label(x, "input"), gd_shape_text(x->rank, x->shape, shape));
	return false;
}

/* --- batch_norm and instance_norm --------------------------------------------------------- */

/* running_mean, running_var, weight, bias: one number a channel each. */
static bool check_channels(struct gd_call *c)
{
	if (!gd_operand_rank(c, 0, 2, GD_USER_RANK, "(N, C, …)"))
		return false;
	for (int i = 1; i < 5; i++)
		if (!gd_operand_shape(c, i, 1, &c->in[0]->shape[1]))
			return false;
	return true;
}

static bool needs_running(struct gd_call *c, const char *flag, const char *value)
{
	for (int i = 1; i < 3; i++)
		if (!gd_operand(c, i)) {
			gd_graph_fail(c->g, GD_ERR_missing_field, "needs %s where %s is %s",
			              c->op->operands[i].name, flag, value);
			return false;
		}
	return true;
}

/* (x - mean)/√(var + eps) with statistics that are given. */
static struct gd_node *by_running(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *eps = gd_const(g, gd_float(c, "eps"));
	struct gd_node *scale =
	        gd_div(g, gd_const(g, 1), gd_sqrt(g, gd_add(g, gd_operand(c, 2), eps)));
	if (gd_operand(c, 3))
		scale = gd_mul(g, scale, gd_operand(c, 3));
	struct gd_node *y = gd_sub(g, x, by_channel(g, gd_operand(c, 1), x));
	return affine(g, y, by_channel(g, scale, x), by_channel(g, gd_operand(c, 4), x));
}

/* (1 - momentum)·old + momentum·now, now being per channel or (N, C): its mean over N. */
static struct gd_node *updated(struct gd_call *c, struct gd_node *old, struct gd_node *now)
{
	struct gd_graph *g = c->g;
	double momentum = gd_float(c, "momentum");
	if (!now)
		return NULL;
	if (now->rank == 2)
		now = gd_mean(g, now, 1u << 0, false);
	return gd_add(g, gd_mul(g, old, gd_const(g, 1 - momentum)),
	              gd_mul(g, now, gd_const(g, momentum)));
}

/* y, and the running statistics as they are after this batch, where they are given. */
static bool give_with_running(struct gd_call *c, struct gd_node *y, unsigned axes)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *out[3] = {y};
	if (!gd_operand(c, 1) || !gd_operand(c, 2))
		return gd_give(c, y);
	double n = 1;
	for (int i = 0; i < x->rank; i++)
		n *= axes >> i & 1 ? (double)x->shape[i] : 1;
	struct gd_node *mean = gd_mean(g, x, axes, true);
	struct gd_node *squares = gd_square(g, gd_sub(g, x, mean));
	struct gd_node *var = gd_div(g, gd_sum(g, squares, axes, false), gd_const(g, n - 1));
	if (!mean || !var)
		return false;
	mean = gd_reshape(g, mean, var->rank, var->shape);
	out[1] = updated(c, gd_operand(c, 1), mean);
	out[2] = updated(c, gd_operand(c, 2), var);
	return gd_give_all(c, 3, out);
}

bool build_batch_norm(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	if (!check_channels(c))
		return false;
	if (!gd_flag(c, "training"))
		return needs_running(c, "training", "false") && gd_give(c, by_running(c));
	int64_t rest = extent_of(x, 2, x->rank);
	if (x->shape[0] * rest == 1)
		return too_few(c, "value a channel");
	struct gd_node *y =
	        gd_standardise(g, x, x->shape[0], x->shape[1], rest, gd_float(c, "eps"));
	y = affine(g, y, by_channel(g, gd_operand(c, 3), x), by_channel(g, gd_operand(c, 4), x));
	return give_with_running(c, y, ((1u << x->rank) - 1) & ~(1u << 1));
}

bool build_instance_norm(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	if (!check_channels(c))
		return false;
	if (!gd_flag(c, "use_input_stats"))
		return needs_running(c, "use_input_stats", "false") && gd_give(c, by_running(c));
	int64_t rest = extent_of(x, 2, x->rank);
	if (x->rank < 3 || rest == 1)
		return too_few(c, "value a channel of each instance");
	struct gd_node *y =
	        gd_standardise(g, x, 1, x->shape[0] * x->shape[1], rest, gd_float(c, "eps"));
	y = affine(g, y, by_channel(g, gd_operand(c, 3), x), by_channel(g, gd_operand(c, 4), x));
	return give_with_running(c, y, ((1u << x->rank) - 1) & ~3u);
}

/* --- over the last axes, over groups of channels -------------------------------------------- */

/* normalized_shape must be the last axes of the input, weight and bias of that shape. */
static bool check_normalized(struct gd_call *c, int *first)
{
	const struct gd_node *x = c->in[0];
	const struct gd_value *v = gd_param(c, "normalized_shape");
	char have[GD_SHAPE_TEXT], need[GD_SHAPE_TEXT];
	if (!gd_few_enough(c, "normalized_shape"))
		return false;
	if (v->n == 0)
		return gd_param_fail(c, "normalized_shape", "names no axis");
	*first = x->rank - v->n;
	if (*first < 0 || memcmp(x->shape + *first, v->ints, (size_t)v->n * sizeof *v->ints) != 0)
		return gd_param_fail(c, "normalized_shape",
		                     "%s is not how the shape of %s, %s, ends",
		                     gd_shape_text(v->n, v->ints, need), gd_label(x, "input"),
		                     gd_shape_text(x->rank, x->shape, have));
	return gd_operand_shape(c, 1, v->n, v->ints) && gd_operand_shape(c, 2, v->n, v->ints);
}

bool build_layer_norm(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	int first;
	if (!check_normalized(c, &first))
		return false;
	struct gd_node *y = gd_standardise(c->g, x, 1, extent_of(x, 0, first),
	                                   extent_of(x, first, x->rank), gd_float(c, "eps"));
	return gd_give(c, affine(c->g, y, gd_operand(c, 1), gd_operand(c, 2)));
}

/* x/√(mean(x²) + eps)·weight. Source: Zhang & Sennrich, Root Mean Square Layer Normalization. */
bool build_rms_norm(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int first;
	if (!check_normalized(c, &first))
		return false;
	double eps = g->dtype == GD_FLOAT64 ? DBL_EPSILON : (double)FLT_EPSILON;
	if (!gd_param(c, "eps")->null)
		eps = gd_float(c, "eps");
	unsigned axes = ((1u << x->rank) - 1) & ~((1u << first) - 1);
	struct gd_node *square = gd_mean(g, gd_square(g, x), axes, true);
	struct gd_node *root = gd_sqrt(g, gd_add(g, square, gd_const(g, eps)));
	return gd_give(c, affine(g, gd_div(g, x, root), gd_operand(c, 1), NULL));
}

bool build_group_norm(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int64_t groups = gd_int(c, "num_groups");
	if (!gd_operand_rank(c, 0, 2, GD_USER_RANK, "(N, C, …)"))
		return false;
	if (groups < 1 || x->shape[1] % groups != 0)
		return gd_param_fail(
		        c, "num_groups", "is %lld, but must divide the %lld channels of %s",
		        (long long)groups, (long long)x->shape[1], gd_label(x, "input"));
	for (int i = 1; i < 3; i++)
		if (!gd_operand_shape(c, i, 1, &x->shape[1]))
			return false;
	if (x->shape[1] == 0)
		groups = 1; /* any number divides 0 */
	int64_t inner = x->shape[1] / groups * extent_of(x, 2, x->rank);
	if (x->shape[0] * inner == 1)
		return too_few(c, "value a group");
	struct gd_node *y =
	        gd_standardise(g, x, 1, x->shape[0] * groups, inner, gd_float(c, "eps"));
	return gd_give(c, affine(g, y, by_channel(g, gd_operand(c, 1), x),
	                         by_channel(g, gd_operand(c, 2), x)));
}

/* --- local_response_norm, normalize --------------------------------------------------------- */

/* x/(k + alpha·s/size)^beta, s the sum of x² over `size` channels around each.
 * Source: Krizhevsky, Sutskever, Hinton, ImageNet Classification, section 3.3. */
bool build_local_response_norm(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int64_t size = gd_int(c, "size");
	if (!gd_operand_rank(c, 0, 3, GD_USER_RANK, "(N, C, …) with three axes or more"))
		return false;
	if (size < 1)
		return gd_param_fail(c, "size", "is %lld, but must be at least 1", (long long)size);
	int64_t shape[3] = {x->shape[0], x->shape[1], extent_of(x, 2, x->rank)};
	struct gd_node *square = gd_reshape(g, gd_square(g, x), 3, shape);
	struct gd_node *sum = gd_window_sum(g, square, size / 2, (size - 1) / 2);
	struct gd_node *scaled = gd_mul(g, gd_reshape(g, sum, x->rank, x->shape),
	                                gd_const(g, gd_float(c, "alpha") / (double)size));
	struct gd_node *base = gd_add(g, scaled, gd_const(g, gd_float(c, "k")));
	return gd_give(c, gd_div(g, x, gd_pow(g, base, gd_const(g, gd_float(c, "beta")))));
}

/* (Σ |x|^p)^(1/p) with a gradient of 0 where x, or all of it, is 0; the axes stay. */
static struct gd_node *vector_norm(struct gd_graph *g, struct gd_node *x, double p, unsigned axes)
{
	struct gd_node *zero = gd_const(g, 0), *one = gd_const(g, 1);
	struct gd_node *none = gd_eq(g, x, zero), *size = gd_abs(g, x), *sum;
	if (p == (double)INFINITY)
		return gd_amax(g, size, axes, true);
	if (p == -(double)INFINITY)
		return gd_amin(g, size, axes, true);
	if (p == 0)
		return gd_sum(g, gd_where(g, none, zero, one), axes, true);
	if (p == 1)
		return gd_sum(g, size, axes, true);
	if (p == 2) {
		sum = gd_sum(g, gd_square(g, x), axes, true);
	} else {
		struct gd_node *power = gd_pow(g, gd_where(g, none, one, size), gd_const(g, p));
		struct gd_node *of_zero = gd_const(g, p > 0 ? 0 : (double)INFINITY);
		sum = gd_sum(g, gd_where(g, none, of_zero, power), axes, true);
	}
	struct gd_node *empty = gd_eq(g, sum, zero), *safe = gd_where(g, empty, one, sum);
	struct gd_node *root = p == 2 ? gd_sqrt(g, safe) : gd_pow(g, safe, gd_const(g, 1 / p));
	return gd_where(g, empty, zero, root);
}

bool build_normalize(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *eps = gd_const(g, gd_float(c, "eps"));
	unsigned axes;
	double p = gd_float(c, "p");
	if (!gd_axes(c, "dim", x, &axes))
		return false;
	for (int i = 0; i < x->rank && isinf(p); i++)
		if ((axes >> i & 1) && x->shape[i] == 0 && x->count == 0)
			return gd_give(c, x);
	struct gd_node *norm = vector_norm(g, x, p, axes);
	struct gd_node *y = gd_div(g, x, gd_where(g, gd_lt(g, norm, eps), eps, norm));
	gd_note_kink(g, y, gd_eq(g, norm, gd_const(g, 0)),
	             "vectors are 0; their norm's gradient 0 used there");
	return gd_give(c, y);
}
