/* Paths through the states of a sample, S of them, in T steps; d = 0, 1, 2 states a step.
 *
 *   α = ctc_alpha(p)   α_t(s) = p_t(s) + log Σ_d e^α_t-1(s - d)          dp = back(q, dα)
 *   q                  q_dt(s) = softmax over d of α_t-1(s - d): how likely it came from there
 *   h = along(q, u)    h_t(s) = u_t(s) + Σ_d q_dt(s)·h_t-1(s - d)        du = back(q, dh)
 *   h = back(q, v)     h_t-1(s) = v_t-1(s) + Σ_d q_dt(s + d)·h_t(s + d)  dv = along(q, dh)
 *
 * along and back are each other's adjoint, and both give dq_dt(s) = b_t(s)·a_t-1(s - d), a being
 * what went along and b what went back. So derivatives of any order are recursions over weights
 * between 0 and 1: nothing overflows, however unlikely a path is. Source: Graves et al.,
 * Connectionist Temporal Classification, section 4.1. */
#include "core/ops/ctc.h"

#include <math.h>

#include "core/build.h"

struct extents {
	size_t times, samples, states;
};

#define T       double
#define K(name) name##_f64
#include "core/ops/ctc_kernels.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/ctc_kernels.h"

static struct extents extents_of(const struct gd_node *y)
{
	return (struct extents){(size_t)y->shape[0], (size_t)y->shape[1], (size_t)y->shape[2]};
}

static void forward_alpha(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	struct extents e = extents_of(y);
	const void *p = y->in[0]->data, *skip = y->in[1]->data;
	if (y->dtype == GD_FLOAT64)
		alpha_f64(&e, y->data, p, skip);
	else
		alpha_f32(&e, y->data, p, skip);
}

static void forward_along(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	struct extents e = extents_of(y);
	(y->dtype == GD_FLOAT64 ? along_f64(&e, y->data, y->in[0]->data, y->in[1]->data)
	                        : along_f32(&e, y->data, y->in[0]->data, y->in[1]->data));
}

static void forward_back(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	struct extents e = extents_of(y);
	(y->dtype == GD_FLOAT64 ? back_f64(&e, y->data, y->in[0]->data, y->in[1]->data)
	                        : back_f32(&e, y->data, y->in[0]->data, y->in[1]->data));
}

static double cost_alpha(const struct gd_node *y)
{
	return 60.0 * (double)y->count;
}

static double cost_walk(const struct gd_node *y)
{
	return 6.0 * (double)y->count;
}

static void vjp_alpha(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx);
static void vjp_along(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx);
static void vjp_back(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                     struct gd_node **dx);

static const struct gd_prim alpha = {
        .name = "ctc_alpha", .forward = forward_alpha, .vjp = vjp_alpha, .cost = cost_alpha};
static const struct gd_prim along = {
        .name = "ctc_along", .forward = forward_along, .vjp = vjp_along, .cost = cost_walk};
static const struct gd_prim back = {
        .name = "ctc_back", .forward = forward_back, .vjp = vjp_back, .cost = cost_walk};

static struct gd_node *node(struct gd_graph *g, const struct gd_prim *prim, struct gd_node *a,
                            struct gd_node *b, const struct gd_node *like)
{
	struct gd_node *in[2] = {a, b};
	return a && b ? gd_node_new(g, prim, g->dtype, 3, like->shape, 2, in) : NULL;
}

struct gd_node *gd_ctc_alpha(struct gd_graph *g, struct gd_node *log_p, struct gd_node *skip)
{
	return node(g, &alpha, log_p, skip, log_p);
}

/* --- derivatives -------------------------------------------------------------------------- */

/* All times but the last (from 0) or the first (from 1) one. */
static struct gd_node *times(struct gd_graph *g, struct gd_node *x, int64_t from)
{
	struct gd_slice s = {.start = {from}, .step = {1, 1, 1, 1, 1, 1, 1, 1}};
	return x ? gd_slice(g, x, &s, (int64_t[]){x->shape[0] - 1, x->shape[1], x->shape[2]})
	         : NULL;
}

/* Element s of the last axis is x's element s - d, or `fill`; with a leading axis of size 1. */
static struct gd_node *shifted(struct gd_graph *g, struct gd_node *x, int64_t d, double fill)
{
	if (!x)
		return NULL;
	int64_t states = x->shape[2], pad = d < states ? d : states;
	int64_t left[3] = {x->shape[0], x->shape[1], pad};
	int64_t right[3] = {x->shape[0], x->shape[1], states - pad};
	struct gd_slice s = {.step = {1, 1, 1, 1, 1, 1, 1, 1}};
	struct gd_node *parts[2] = {gd_expand(g, gd_const(g, fill), 3, left),
	                            gd_slice(g, x, &s, right)};
	struct gd_node *y = pad ? gd_cat(g, 2, parts, 2) : x;
	return gd_reshape(g, y, 4, (int64_t[]){1, x->shape[0], x->shape[1], states});
}

/* q (3, T - 1, N, S) of α; 0 where no path comes from anywhere. */
static struct gd_node *origins(struct gd_graph *g, struct gd_node *y, struct gd_node *skip)
{
	struct gd_node *before = times(g, y, 0), *from[3], *never = gd_const(g, (double)-INFINITY);
	for (int d = 0; d < 3; d++)
		from[d] = shifted(g, before, d, (double)-INFINITY);
	from[2] = gd_where(g, skip, from[2], never);
	struct gd_node *logs = gd_cat(g, 3, from, 0), *zero = gd_const(g, 0);
	struct gd_node *dead = gd_eq(g, gd_amax(g, gd_stop_gradient(g, logs), 1, true), never);
	struct gd_node *q = gd_softmax(g, gd_where(g, dead, zero, logs), 0);
	return gd_where(g, dead, zero, q);
}

/* dq_dt(s) = b_t(s)·a_t-1(s - d) */
static struct gd_node *by_weights(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	struct gd_node *before = times(g, a, 0), *after = times(g, b, 1), *parts[3];
	for (int d = 0; d < 3; d++)
		parts[d] = gd_mul(g, shifted(g, before, d, 0), after);
	return gd_cat(g, 3, parts, 0);
}

/* A sample whose cotangent is masked altogether has no gradient. */
static void keep_masked(struct gd_graph *g, struct gd_node **d, const struct gd_node *dy)
{
	struct gd_node *mask = gd_mask_any(g, dy->mask, 3, 5);
	*d = gd_only(g, *d, mask);
	gd_set_mask(*d, mask);
}

static void vjp_alpha(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx)
{
	dx[0] = node(g, &back, origins(g, y, y->in[1]), dy, y);
	keep_masked(g, &dx[0], dy);
}

static void vjp_along(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx)
{
	struct gd_node *h = node(g, &back, y->in[0], dy, y);
	if (gd_wants(y, 0))
		dx[0] = by_weights(g, y, h);
	dx[1] = h;
	keep_masked(g, &dx[0], dy);
	keep_masked(g, &dx[1], dy);
}

static void vjp_back(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct gd_node *h = node(g, &along, y->in[0], dy, y);
	if (gd_wants(y, 0))
		dx[0] = by_weights(g, h, y);
	dx[1] = h;
	keep_masked(g, &dx[0], dy);
	keep_masked(g, &dx[1], dy);
}
