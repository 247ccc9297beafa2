/* softmax, log_softmax and logsumexp.
 *
 *   y = softmax(x)       dx = y·(dy - Σ dy·y)
 *   y = log_softmax(x)   dx = dy - e^y·Σ dy
 *   y = logsumexp(x)     built from m = max x: log Σ e^(x-m) + m, m held fixed   */
#include <math.h>

#include "core/batch.h"
#include "core/build.h"
#include "core/cpu.h"
#include "core/ops/softmax.h"
#include "core/parallel.h"

/* Up to here e^x is libm's. */
enum { SMALL = 64, WORTH_A_THREAD = 1 << 13 };

struct rows {
	struct gd_node *y;
	void (*kernel)(void *y, const void *x, size_t n, size_t step, bool log_of);
	size_t n, step;
	bool log_of;
};

/* The vectors begin … end, counted along all other axes. */
static void some_rows(void *context, size_t begin, size_t end)
{
	const struct rows *r = context;
	size_t size = gd_dtype_size(r->y->dtype);
	for (size_t i = begin; i < end; i++) {
		size_t at = (i / r->step * r->n * r->step + i % r->step) * size;
		r->kernel((char *)r->y->data + at, (const char *)r->y->in[0]->data + at, r->n,
		          r->step, r->log_of);
	}
}

static void forward(struct gd_node *y, bool log_of)
{
	if (y->count == 0)
		return;
	const struct gd_softmax_kernels *k =
	        y->count > SMALL ? GD_BEST(gd_softmax) : &gd_softmax_baseline;
	struct rows r = {.y = y, .step = 1, .log_of = log_of};
	r.kernel = y->dtype == GD_FLOAT64 ? k->f64 : k->f32;
	r.n = y->rank ? (size_t)y->shape[y->attr.axis] : 1;
	for (int i = y->attr.axis + 1; i < y->rank; i++)
		r.step *= (size_t)y->shape[i];
	size_t grain = WORTH_A_THREAD / r.n;
	gd_parallel_for(y->count / r.n, grain ? grain : 1, some_rows, &r);
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
