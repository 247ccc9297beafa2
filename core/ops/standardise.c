/* x of shape (outer, groups, inner); m and v are mean and variance of a group, over n = outer·inner
 * elements; means below are over them.
 *
 *   r = rstd(x)           1/√(v + eps)                  dx = -dr·r²·y/n
 *   y = standardise(x)    (x - m)·r                     dx = restore(y, r, dy)
 *   z = restore(y, r, u)  r·(u - mean(u) - y·mean(u·y))
 *         for a cotangent w:  dy = -r·(w·mean(u·y) + u·mean(w·y))
 *                             dr = Σ w·restore(y, 1, u),  du = restore(y, r, w)
 *
 * Source: Ioffe & Szegedy, Batch Normalization, section 3. Stable: the variance is that of x - m,
 * and both are corrected by the mean of x - m, which rounding leaves over (Chan, Golub, LeVeque,
 * Algorithms for Computing the Sample Variance). */
#include "core/ops/standardise.h"

#include <math.h>

#include "core/build.h"
#include "core/eval.h"

enum { LANES = 8, COLUMNS = 256 };

struct moments {
	double mean, rest, rstd; /* the mean is mean + rest */
};

#define T       double
#define K(name) name##_f64
#include "core/ops/standardise_kernels.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/standardise_kernels.h"

/* The groups of y's first operand; columns of it where a group's elements lie apart one by one. */
static struct layout layout_of(const struct gd_node *y)
{
	const int64_t *shape = y->in[0]->shape;
	struct layout l = {(size_t)shape[0], (size_t)shape[1], (size_t)shape[2], 0};
	l.columns = l.inner == 1 && l.outer > 1;
	return l;
}

static void forward_rstd(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	if (y->dtype == GD_FLOAT64)
		rstd_f64(layout_of(y), y->attr.value, y->in[0]->data, y->data);
	else
		rstd_f32(layout_of(y), y->attr.value, y->in[0]->data, y->data);
}

static void forward_standardise(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	if (y->dtype == GD_FLOAT64)
		standardise_f64(layout_of(y), y->attr.value, y->in[0]->data, y->data);
	else
		standardise_f32(layout_of(y), y->attr.value, y->in[0]->data, y->data);
}

static void forward_restore(struct gd_sweep *run, struct gd_node *z)
{
	(void)run;
	if (z->dtype == GD_FLOAT64)
		restore_f64(layout_of(z), z->in[0]->data, z->in[1]->data, z->in[2]->data, z->data);
	else
		restore_f32(layout_of(z), z->in[0]->data, z->in[1]->data, z->in[2]->data, z->data);
}

static const unsigned within = 1u << 0 | 1u << 2; /* the axes of a group */

static struct gd_node *restore(struct gd_graph *g, struct gd_node *y, struct gd_node *r,
                               struct gd_node *u);
static struct gd_node *standardised(struct gd_graph *g, struct gd_node *x, double eps);
static struct gd_node *rstd(struct gd_graph *g, struct gd_node *x, double eps);

/* A group whose cotangent is masked altogether has no gradient, whatever it holds. */
static struct gd_node *masked(struct gd_graph *g, struct gd_node *mask, struct gd_node *d)
{
	mask = gd_mask_any(g, mask, 3, within);
	d = gd_only(g, d, mask);
	gd_set_mask(d, mask);
	return d;
}

static void vjp_rstd(struct gd_graph *g, struct gd_node *r, struct gd_node *dr, struct gd_node **dx)
{
	struct gd_node *x = r->in[0], *y = standardised(g, x, r->attr.value);
	struct gd_node *n = gd_const(g, -(double)x->shape[0] * (double)x->shape[2]);
	struct gd_node *scale = gd_div(g, gd_mul(g, dr, gd_square(g, r)), n);
	dx[0] = masked(g, dr->mask, gd_mul(g, scale, y));
}

static void vjp_standardise(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                            struct gd_node **dx)
{
	struct gd_node *r = rstd(g, y->in[0], y->attr.value);
	dx[0] = masked(g, dy->mask, restore(g, y, r, dy));
}

static void vjp_restore(struct gd_graph *g, struct gd_node *z, struct gd_node *w,
                        struct gd_node **dx)
{
	struct gd_node *y = z->in[0], *r = z->in[1], *u = z->in[2];
	if (gd_wants(z, 0)) {
		struct gd_node *uy = gd_mean(g, gd_mul(g, u, y), within, true);
		struct gd_node *wy = gd_mean(g, gd_mul(g, w, y), within, true);
		struct gd_node *sum = gd_add(g, gd_mul(g, w, uy), gd_mul(g, u, wy));
		dx[0] = masked(g, w->mask, gd_neg(g, gd_mul(g, r, sum)));
	}
	if (gd_wants(z, 1)) {
		struct gd_node *one = gd_expand(g, gd_const(g, 1), r->rank, r->shape);
		struct gd_node *by_r = gd_mul(g, w, restore(g, y, one, u));
		dx[1] = masked(g, w->mask, gd_sum(g, by_r, within, true));
	}
	if (gd_wants(z, 2))
		dx[2] = masked(g, w->mask, restore(g, y, r, w));
}

static double cost(const struct gd_node *y)
{
	return 8.0 * (double)y->in[0]->count;
}

static const struct gd_prim prim_rstd = {
        .name = "rstd", .forward = forward_rstd, .vjp = vjp_rstd, .cost = cost};
static const struct gd_prim prim_standardise = {.name = "standardise",
                                                .forward = forward_standardise,
                                                .vjp = vjp_standardise,
                                                .cost = cost};
static const struct gd_prim prim_restore = {
        .name = "standardise_vjp", .forward = forward_restore, .vjp = vjp_restore, .cost = cost};

static struct gd_node *rstd(struct gd_graph *g, struct gd_node *x, double eps)
{
	if (!x)
		return NULL;
	int64_t shape[3] = {1, x->shape[1], 1};
	struct gd_node *r = gd_node_new(g, &prim_rstd, x->dtype, 3, shape, 1, &x);
	if (r)
		r->attr.value = eps;
	return r;
}

static struct gd_node *standardised(struct gd_graph *g, struct gd_node *x, double eps)
{
	struct gd_node *y =
	        x ? gd_node_new(g, &prim_standardise, x->dtype, 3, x->shape, 1, &x) : NULL;
	if (y)
		y->attr.value = eps;
	return y;
}

static struct gd_node *restore(struct gd_graph *g, struct gd_node *y, struct gd_node *r,
                               struct gd_node *u)
{
	struct gd_node *in[3] = {y, r, u};
	return y && r && u ? gd_node_new(g, &prim_restore, u->dtype, 3, y->shape, 3, in) : NULL;
}

struct gd_node *gd_standardise(struct gd_graph *g, struct gd_node *x, int64_t outer, int64_t groups,
                               int64_t inner, double eps)
{
	if (!x)
		return NULL;
	int64_t shape[3] = {outer, groups, inner};
	struct gd_node *y = standardised(g, gd_reshape(g, x, 3, shape), eps);
	return gd_reshape(g, y, x->rank, x->shape);
}
