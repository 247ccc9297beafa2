/* softmax, log_softmax and logsumexp.
 *
 *   y = softmax(x)       dx = y·(dy - Σ dy·y)
 *   y = log_softmax(x)   dx = dy - e^y·Σ dy
 *   y = logsumexp(x)     built from m = max x: log Σ e^(x-m) + m, m held fixed   */
#include <math.h>
#include <tgmath.h>

#include "core/batch.h"
#include "core/build.h"

#define T       double
#define K(name) name##_f64
#include "core/ops/softmax_kernels.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/softmax_kernels.h"

static void forward(struct gd_node *y, bool log_of)
{
	if (y->count == 0)
		return;
	int axis = y->attr.axis;
	size_t n = y->rank ? (size_t)y->shape[axis] : 1, step = 1;
	for (int i = axis + 1; i < y->rank; i++)
		step *= (size_t)y->shape[i];
	for (size_t o = 0; o < y->count; o += n * step)
		for (size_t i = o; i < o + step; i++)
			if (y->dtype == GD_FLOAT64)
				softmax_f64((double *)y->data + i,
				            (const double *)y->in[0]->data + i, n, step, log_of);
			else
				softmax_f32((float *)y->data + i, (const float *)y->in[0]->data + i,
				            n, step, log_of);
}

static void forward_softmax(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	forward(y, false);
}

static void forward_log_softmax(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	forward(y, true);
}

static unsigned axis_mask(const struct gd_node *y)
{
	return 1u << y->attr.axis;
}

/* A vector whose cotangent is masked altogether has no gradient, whatever it holds. */
static struct gd_node *masked(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                              struct gd_node *d)
{
	struct gd_node *mask = gd_mask_any(g, dy->mask, y->rank, axis_mask(y));
	d = gd_only(g, d, mask);
	gd_set_mask(d, mask);
	return d;
}

static void vjp_softmax(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                        struct gd_node **dx)
{
	struct gd_node *weighted = gd_sum(g, gd_mul(g, dy, y), axis_mask(y), true);
	dx[0] = masked(g, y, dy, gd_mul(g, y, gd_sub(g, dy, weighted)));
}

static void vjp_log_softmax(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                            struct gd_node **dx)
{
	struct gd_node *total = gd_sum(g, dy, axis_mask(y), true);
	dx[0] = masked(g, y, dy, gd_sub(g, dy, gd_mul(g, gd_exp(g, y), total)));
}

static double cost(const struct gd_node *n)
{
	return 20.0 * (double)n->count;
}

static const struct gd_prim softmax = {.name = "softmax",
                                       .forward = forward_softmax,
                                       .vjp = vjp_softmax,
                                       .cost = cost,
                                       .batch = gd_batch_axis};
static const struct gd_prim log_softmax = {.name = "log_softmax",
                                           .forward = forward_log_softmax,
                                           .vjp = vjp_log_softmax,
                                           .cost = cost,
                                           .batch = gd_batch_axis};

static struct gd_node *along(struct gd_graph *g, const struct gd_prim *prim, struct gd_node *x,
                             int axis)
{
	struct gd_node *y = x ? gd_node_new(g, prim, x->dtype, x->rank, x->shape, 1, &x) : NULL;
	if (y)
		y->attr.axis = axis;
	return y;
}

struct gd_node *gd_softmax(struct gd_graph *g, struct gd_node *x, int axis)
{
	return along(g, &softmax, x, axis);
}

struct gd_node *gd_log_softmax(struct gd_graph *g, struct gd_node *x, int axis)
{
	return along(g, &log_softmax, x, axis);
}

struct gd_node *gd_logsumexp(struct gd_graph *g, struct gd_node *x, unsigned axes, bool keep)
{
	if (!x)
		return NULL;
	/* All -∞ is log 0, any +∞ is +∞: neither may become ∞ - ∞. */
	struct gd_node *m = gd_stop_gradient(g, gd_amax(g, x, axes, true));
	struct gd_node *infinite = gd_eq(g, gd_abs(g, m), gd_const(g, (double)INFINITY));
	m = gd_where(g, infinite, gd_const(g, 0), m);
	struct gd_node *s = gd_sum(g, gd_exp(g, gd_sub(g, x, m)), axes, true);
	struct gd_node *y = gd_add(g, gd_log(g, s), m);
	if (keep || !y)
		return y;
	int64_t shape[GD_MAX_RANK];
	int rank = 0;
	for (int i = 0; i < x->rank; i++)
		if (!(axes >> i & 1))
			shape[rank++] = x->shape[i];
	return gd_reshape(g, y, rank, shape);
}
