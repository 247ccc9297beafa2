/* Reductions over axes. */
#include "core/build.h"
#include "core/layers/layers.h"

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

/* Values and indices along one axis: the element at the index alone has the gradient. */
static bool along_axis(struct gd_call *c, bool largest)
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
	struct gd_node *index = gd_argmax(g, largest ? x : gd_neg(g, x), axis);
	struct gd_node *value = gd_gather(g, x, axis, index);
	struct gd_node *ties = gd_eq(g, x, value);
	struct gd_node *many = gd_sum(g, gd_cast(g, ties, g->dtype), 1u << axis, true);
	gd_note_kink(g, value, gd_logical_and(g, ties, gd_gt(g, many, gd_const(g, 1))),
	             "elements tie for the extremum; the index returned gets the whole gradient");
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
		return along_axis(c, largest);
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
