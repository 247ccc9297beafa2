/* Scans along an axis. */
#include "core/ops/scan.h"

#include <math.h>

#include "core/build.h"
#include "core/layers/layers.h"

/* A scalar is a vector of one element and a scalar again. */
static bool scan(struct gd_call *c,
                 struct gd_node *(*build)(struct gd_graph *, struct gd_node *, int))
{
	int axis;
	struct gd_node *x = c->in[0];
	if (!gd_axis(c, "dim", x, &axis))
		return false;
	struct gd_node *line = x->rank ? x : gd_reshape(c->g, x, 1, (int64_t[]){1});
	return gd_give(c, gd_reshape(c->g, build(c->g, line, axis), x->rank, x->shape));
}

static struct gd_node *sums(struct gd_graph *g, struct gd_node *x, int axis)
{
	return gd_cumsum(g, x, axis, false);
}

bool build_cumsum(struct gd_call *c)
{
	return scan(c, sums);
}

bool build_cumprod(struct gd_call *c)
{
	return scan(c, gd_cumprod);
}

bool build_logcumsumexp(struct gd_call *c)
{
	return scan(c, gd_logcumsumexp);
}

/* Values and indices; the element at the index alone has the gradient. */
static bool extrema(struct gd_call *c, bool largest)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int axis;
	if (!gd_axis(c, "dim", x, &axis))
		return false;
	struct gd_node *line = x->rank ? x : gd_reshape(g, x, 1, (int64_t[]){1});
	struct gd_node *index = gd_cumargmax(g, largest ? line : gd_neg(g, line), axis);
	struct gd_node *value = gd_gather(g, line, axis, index);
	struct gd_node *before = gd_shift(g, value, axis, false, (double)NAN);
	gd_note_kink(g, value, gd_eq(g, line, before),
	             "elements tie for the extremum so far; the last one gets the gradient");
	struct gd_node *out[2] = {gd_reshape(g, value, x->rank, x->shape),
	                          gd_reshape(g, index, x->rank, x->shape)};
	return gd_give_all(c, 2, out);
}

bool build_cummax(struct gd_call *c)
{
	return extrema(c, true);
}

bool build_cummin(struct gd_call *c)
{
	return extrema(c, false);
}
