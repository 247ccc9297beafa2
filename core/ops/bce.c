/*   y = -(t·ln x + (1 - t)·ln(1 - x)), each logarithm at least -100
 *   dx = dy·(x - t)/max(x·(1 - x), 1e-12)
 *   dt = dy·(ln(1 - x) - ln x), clamped likewise   */
#include "core/ops/bce.h"

#include <math.h>

#include "core/batch.h"
#include "core/build.h"
#include "core/eval.h"

static double clamped_log(double log_x)
{
	return log_x < -100 ? -100 : log_x;
}

static void forward_bce(struct gd_sweep *run, struct gd_node *y)
{
	for (size_t i = 0; i < y->count; i++) {
		bool wide = y->dtype == GD_FLOAT64;
		double x =
		        wide ? ((double *)y->in[0]->data)[i] : (double)((float *)y->in[0]->data)[i];
		double t =
		        wide ? ((double *)y->in[1]->data)[i] : (double)((float *)y->in[1]->data)[i];
		if (!(x >= 0 && x <= 1)) {
			gd_fail(run->error, GD_ERR_number_out_of_range,
			        "binary_cross_entropy: input needs probabilities between 0 and 1, "
			        "but "
			        "element %zu is %g",
			        i, x);
			gd_error_hint(run->error,
			              "for raw scores use binary_cross_entropy_with_logits");
			gd_error_pointer(run->error, "%s", y->origin);
			return;
		}
		double value = -(t * clamped_log(log(x)) + (1 - t) * clamped_log(log1p(-x)));
		if (wide)
			((double *)y->data)[i] = value;
		else
			((float *)y->data)[i] = (float)value;
	}
}

static struct gd_node *log_of(struct gd_graph *g, struct gd_node *x)
{
	struct gd_node *l = gd_log(g, x), *low = gd_const(g, -100);
	return gd_where(g, gd_lt(g, l, low), low, l);
}

static void vjp_bce(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct gd_node *x = y->in[0], *t = y->in[1];
	struct gd_node *rest = gd_sub(g, gd_const(g, 1), x);
	if (gd_wants(y, 0)) {
		struct gd_node *tiny = gd_const(g, (double)1e-12f), *p = gd_mul(g, x, rest);
		p = gd_where(g, gd_lt(g, p, tiny), tiny, p);
		dx[0] = gd_only(g, gd_mul(g, dy, gd_div(g, gd_sub(g, x, t), p)), dy->mask);
	}
	if (gd_wants(y, 1))
		dx[1] = gd_only(g, gd_mul(g, dy, gd_sub(g, log_of(g, rest), log_of(g, x))),
		                dy->mask);
	gd_set_mask(dx[0], dy->mask);
	gd_set_mask(dx[1], dy->mask);
}

static struct gd_node *kink_bce(struct gd_graph *g, struct gd_node *y)
{
	struct gd_node *x = y->in[0];
	return gd_eq(g, gd_mul(g, x, gd_sub(g, gd_const(g, 1), x)), gd_const(g, 0));
}

static double cost(const struct gd_node *y)
{
	return 40.0 * (double)y->count;
}

static const struct gd_prim bce = {
        .name = "binary_cross_entropy",
        .forward = forward_bce,
        .vjp = vjp_bce,
        .kink = kink_bce,
        .kink_text = "inputs are exactly 0 or 1; the divisor 1e-12 used there",
        .elementwise = true,
        .cost = cost,
        .batch = gd_batch_leading};

struct gd_node *gd_bce(struct gd_graph *g, struct gd_node *x, struct gd_node *t)
{
	struct gd_node *in[2] = {x, t};
	return x && t ? gd_node_new(g, &bce, g->dtype, x->rank, x->shape, 2, in) : NULL;
}
