/* Reductions over axes. */
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/ops/median.h"
#include "core/ops/scan.h"

bool build_sum(struct gd_call *c)
{
	unsigned axes;
	return gd_axes(c, "dim", c->in[0], &axes) &&
	       gd_give(c, gd_sum(c->g, c->in[0], axes, gd_flag(c, "keepdim")));
}

bool build_mean(struct gd_call *c)
{
	unsigned axes;
	return gd_axes(c, "dim", c->in[0], &axes) &&
	       gd_give(c, gd_mean(c->g, c->in[0], axes, gd_flag(c, "keepdim")));
}

bool build_logsumexp(struct gd_call *c)
{
	unsigned axes;
	struct gd_node *x = c->in[0];
	if (!gd_axes(c, "dim", x, &axes))
		return false;
	for (int i = 0; i < x->rank; i++)
		if ((axes >> i & 1) && x->shape[i] == 0) /* ln of an empty sum */
			return gd_give(c,
			               gd_log(c->g, gd_sum(c->g, x, axes, gd_flag(c, "keepdim"))));
	return gd_give(c, gd_logsumexp(c->g, x, axes, gd_flag(c, "keepdim")));
}

/* The extremum of nothing does not exist. */
static bool not_empty(struct gd_call *c, unsigned axes)
{
	const struct gd_node *x = c->in[0];
	for (int i = 0; i < x->rank; i++)
		if ((axes >> i & 1) && x->shape[i] == 0) {
			char text[GD_SHAPE_TEXT];
			return gd_param_fail(c, "dim", "is over axis %d of %s %s, which is empty",
			                     i, gd_label(x, "an input"),
			                     gd_shape_text(x->rank, x->shape, text));
		}
	return true;
}

bool build_amax(struct gd_call *c)
{
	unsigned axes;
	return gd_axes(c, "dim", c->in[0], &axes) && not_empty(c, axes) &&
	       gd_give(c, gd_amax(c->g, c->in[0], axes, gd_flag(c, "keepdim")));
}

bool build_amin(struct gd_call *c)
{
	unsigned axes;
	return gd_axes(c, "dim", c->in[0], &axes) && not_empty(c, axes) &&
	       gd_give(c, gd_amin(c->g, c->in[0], axes, gd_flag(c, "keepdim")));
}

/* --- one element of a line --------------------------------------------------------------- */

/* Values and indices along one axis: the element at the index alone has the gradient. `find` gives
 * the index, along an axis that stays with size 1. */
static bool along_axis(struct gd_call *c,
                       struct gd_node *(*find)(struct gd_graph *, struct gd_node *, int),
                       const char *kink)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int axis;
	if (!gd_axis(c, "dim", x, &axis))
		return false;
	if (!x->rank)
		x = gd_reshape(g, x, 1, (int64_t[]){1});
	if (!x || !not_empty(c, 1u << axis))
		return false;
	struct gd_node *index = find(g, x, axis);
	struct gd_node *value = gd_gather(g, x, axis, index);
	struct gd_node *ties = gd_eq(g, x, value);
	struct gd_node *many = gd_sum(g, gd_cast(g, ties, g->dtype), 1u << axis, true);
	gd_note_kink(g, value, gd_logical_and(g, ties, gd_gt(g, many, gd_const(g, 1))), kink);
	if (!value)
		return false;
	int64_t shape[GD_MAX_RANK];
	int rank = 0;
	bool keep = gd_flag(c, "keepdim") && c->in[0]->rank;
	for (int i = 0; i < value->rank; i++)
		if (i != axis || keep)
			shape[rank++] = value->shape[i];
	struct gd_node *out[2] = {gd_reshape(g, value, rank, shape),
	                          gd_reshape(g, index, rank, shape)};
	return gd_give_all(c, 2, out);
}

static struct gd_node *argmin(struct gd_graph *g, struct gd_node *x, int axis)
{
	return gd_argmax(g, gd_neg(g, x), axis);
}

static bool extremum(struct gd_call *c, bool largest)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *other = c->n_in > 1 ? c->in[1] : NULL;
	bool has_dim = !gd_param(c, "dim")->null;
	if (other && has_dim)
		return gd_param_fail(c, "dim", "does not go with a second tensor");
	if (other)
		return gd_give(c, largest ? gd_maximum(g, x, other) : gd_minimum(g, x, other));
	if (has_dim)
		return along_axis(c, largest ? gd_argmax : argmin,
		                  "elements tie for the extremum; the index returned gets the "
		                  "whole gradient");
	unsigned all = (1u << x->rank) - 1;
	return not_empty(c, all) &&
	       gd_give(c, largest ? gd_amax(g, x, all, false) : gd_amin(g, x, all, false));
}

bool build_max(struct gd_call *c)
{
	return extremum(c, true);
}

bool build_min(struct gd_call *c)
{
	return extremum(c, false);
}

static struct gd_node *find_median(struct gd_graph *g, struct gd_node *x, int axis)
{
	return gd_argmedian(g, x, axis, false);
}

static struct gd_node *find_nanmedian(struct gd_graph *g, struct gd_node *x, int axis)
{
	return gd_argmedian(g, x, axis, true);
}

/* All elements in one line. */
static struct gd_node *flat(struct gd_graph *g, struct gd_node *x)
{
	return gd_reshape(g, x, 1, (int64_t[]){(int64_t)x->count});
}

/* A reduction of all elements, with every axis of size 1 where they stay. */
static bool give_scalar(struct gd_call *c, struct gd_node *y)
{
	int64_t ones[GD_MAX_RANK];
	for (int i = 0; i < GD_MAX_RANK; i++)
		ones[i] = 1;
	return gd_give(c, gd_reshape(c->g, y, gd_flag(c, "keepdim") ? c->in[0]->rank : 0, ones));
}

static bool median(struct gd_call *c,
                   struct gd_node *(*find)(struct gd_graph *, struct gd_node *, int))
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	if (!gd_param(c, "dim")->null)
		return along_axis(
		        c, find,
		        "elements tie for the median; the index returned gets the whole gradient");
	if (x->count == 0)
		return give_scalar(c, gd_const(g, (double)NAN));
	struct gd_node *line = flat(g, x);
	struct gd_node *value = gd_gather(g, line, 0, line ? find(g, line, 0) : NULL);
	return give_scalar(c, gd_out_of(g, line, gd_reshape(g, value, 0, NULL)));
}

bool build_median(struct gd_call *c)
{
	return median(c, find_median);
}

bool build_nanmedian(struct gd_call *c)
{
	return median(c, find_nanmedian);
}

/* --- prod -------------------------------------------------------------------------------- */

/* The last of the cumulative products, whose derivative is right where there are zeros too. */
static struct gd_node *product(struct gd_graph *g, struct gd_node *x, int axis)
{
	if (!x)
		return NULL;
	struct gd_slice last;
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < GD_MAX_RANK; i++) {
		last.start[i] = 0;
		last.step[i] = 1;
	}
	memcpy(shape, x->shape, sizeof shape);
	shape[axis] = 1;
	last.start[axis] = x->shape[axis] - 1;
	if (x->shape[axis] == 0)
		return gd_expand(g, gd_const(g, 1), x->rank, shape);
	return gd_slice(g, gd_cumprod(g, x, axis), &last, shape);
}

bool build_prod(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int axis;
	if (gd_param(c, "dim")->null)
		return give_scalar(c, gd_reshape(g, product(g, flat(g, x), 0), 0, NULL));
	if (!gd_axis(c, "dim", x, &axis))
		return false;
	struct gd_node *y = product(g, x->rank ? x : flat(g, x), axis);
	int64_t shape[GD_MAX_RANK];
	int rank = 0;
	for (int i = 0; i < x->rank; i++)
		if (i != axis || gd_flag(c, "keepdim"))
			shape[rank++] = i == axis ? 1 : x->shape[i];
	return gd_give(c, gd_reshape(g, y, rank, shape));
}

/* --- without NaN; masks ------------------------------------------------------------------ */

static struct gd_node *without_nan(struct gd_graph *g, struct gd_node *x)
{
	return gd_where(g, gd_ne(g, x, x), gd_const(g, 0), x);
}

bool build_nansum(struct gd_call *c)
{
	unsigned axes;
	return gd_axes(c, "dim", c->in[0], &axes) &&
	       gd_give(c, gd_sum(c->g, without_nan(c->g, c->in[0]), axes, gd_flag(c, "keepdim")));
}

bool build_nanmean(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	unsigned axes;
	bool keep = gd_flag(c, "keepdim");
	if (!gd_axes(c, "dim", x, &axes))
		return false;
	struct gd_node *count = gd_sum(g, gd_cast(g, gd_eq(g, x, x), g->dtype), axes, keep);
	return gd_give(c, gd_div(g, gd_sum(g, without_nan(g, x), axes, keep), count));
}

/* Is the mask true anywhere? */
static struct gd_node *anywhere(struct gd_call *c, struct gd_node *mask)
{
	struct gd_graph *g = c->g;
	unsigned axes;
	if (!mask || !gd_axes(c, "dim", mask, &axes))
		return NULL;
	struct gd_node *count = gd_sum(g, gd_cast(g, mask, g->dtype), axes, gd_flag(c, "keepdim"));
	return gd_gt(g, count, gd_const(g, 0));
}

bool build_any(struct gd_call *c)
{
	return gd_give(c, anywhere(c, c->in[0]));
}

bool build_all(struct gd_call *c)
{
	return gd_give(c, gd_logical_not(c->g, anywhere(c, gd_logical_not(c->g, c->in[0]))));
}
