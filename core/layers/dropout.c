/* Dropout with a mask that the client gives or can make again from the seed. */
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/operands.h"
#include "core/ops/generate.h"

/* 1 (times scale) where an element of `shape` is kept, 0 elsewhere. */
static struct gd_node *keep(struct gd_call *c, int rank, const int64_t *shape, double scale)
{
	struct gd_graph *g = c->g;
	struct gd_node *mask = gd_operand(c, 1), *x = c->in[0];
	const struct gd_value *seed = gd_param(c, "seed");
	double p = gd_float(c, "p");
	if (mask) {
		int r;
		int64_t all[GD_MAX_RANK];
		if (!gd_broadcast_shape(x, mask, &r, all) || r != x->rank ||
		    memcmp(all, x->shape, (size_t)r * sizeof *all) != 0)
			return gd_shape_fail(g, x, mask, "%s does not broadcast to %s",
			                     gd_label(mask, "mask"), gd_label(x, "input"));
		return gd_mul(g, gd_cast(g, mask, g->dtype), gd_const(g, scale));
	}
	if (seed->null) {
		gd_graph_fail(g, GD_ERR_missing_field,
		              "needs a \"seed\" or a \"mask\", so that the same request has the "
		              "same answer");
		gd_error_hint(g->error, "\"training\": false switches it off");
		return NULL;
	}
	return gd_noise(g, rank, shape, p, scale, (uint64_t)seed->i);
}

/* Is there something to do? False too on an error. */
static bool active(struct gd_call *c)
{
	double p = gd_float(c, "p");
	if (!(p >= 0 && p <= 1))
		return gd_param_fail(c, "p", "is %g, but must lie between 0 and 1", p);
	return gd_flag(c, "training") && (p > 0 || gd_operand(c, 1));
}

static bool unchanged(struct gd_call *c)
{
	return !gd_failed(c->g) && gd_give(c, c->in[0]);
}

/* The axes from `channels` on are dropped or kept as one. */
static bool drop(struct gd_call *c, int channels)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	double p = gd_float(c, "p");
	if (!active(c))
		return unchanged(c);
	if (p == 1)
		return gd_give(c, gd_mul(g, x, gd_const(g, 0)));
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < x->rank; i++)
		shape[i] = i < channels ? x->shape[i] : 1;
	return gd_give(c, gd_mul(g, x, keep(c, x->rank, shape, 1 / (1 - p))));
}

bool build_dropout(struct gd_call *c)
{
	return drop(c, c->in[0]->rank);
}

bool build_dropout1d(struct gd_call *c)
{
	return gd_operand_rank(c, 0, 2, 3, "(C, L) or (N, C, L)") && drop(c, c->in[0]->rank - 1);
}

/* Of three axes the first is the batch, as PyTorch has it. */
bool build_dropout2d(struct gd_call *c)
{
	return gd_operand_rank(c, 0, 3, 4, "(N, C, H, W) or (N, C, L)") && drop(c, 2);
}

bool build_dropout3d(struct gd_call *c)
{
	return gd_operand_rank(c, 0, 4, 5, "(C, D, H, W) or (N, C, D, H, W)") &&
	       drop(c, c->in[0]->rank - 3);
}

/* y = x·keep·a + (keep - 1)·a·α + a·α·p. Source: Klambauer et al., Self-Normalizing Neural
 * Networks. */
bool build_alpha_dropout(struct gd_call *c)
{
	const double alpha = 1.7580993408473766;
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	double p = gd_float(c, "p");
	if (!active(c))
		return unchanged(c);
	if (p == 1)
		return gd_give(c, gd_mul(g, x, gd_const(g, 0)));
	double a = 1 / sqrt((alpha * alpha * p + 1) * (1 - p));
	struct gd_node *kept = keep(c, x->rank, x->shape, a);
	struct gd_node *dropped = gd_mul(g, gd_sub(g, kept, gd_const(g, a)), gd_const(g, alpha));
	struct gd_node *shift = gd_add(g, dropped, gd_const(g, a * alpha * p));
	return gd_give(c, gd_add(g, gd_mul(g, x, kept), shift));
}
