/* Reductions over a set of axes, and what is built from them.
 *
 *   y = sum(x)        dx = dy, expanded
 *   y = mean(x)       dx = dy/n, expanded
 *   y = amax(x)       dx = dy where x = y, shared evenly among ties   */
#include <math.h>
#include <string.h>

#include "core/batch.h"
#include "core/build.h"
#include "core/sample.h"

enum { COLUMNS = 512 };

struct walk {
	int rank;
	const int64_t *extent, *stride;
	int64_t at[GD_MAX_RANK];
	size_t offset;
};

static void walk_init(struct walk *w, int rank, const int64_t *extent, const int64_t *stride)
{
	w->rank = rank;
	w->extent = extent;
	w->stride = stride;
	w->offset = 0;
	for (int i = 0; i < rank; i++)
		w->at[i] = 0;
}

static void walk_next(struct walk *w)
{
	for (int i = w->rank - 1; i >= 0; i--) {
		w->offset += (size_t)w->stride[i];
		if (++w->at[i] < w->extent[i])
			return;
		w->offset -= (size_t)(w->stride[i] * w->extent[i]);
		w->at[i] = 0;
	}
}

/* The axes of x, neighbours of one kind merged, split into kept and cut ones; the innermost group
 * is the inner run, all else is walked. */
struct plan {
	int n_kept, n_cut;
	int64_t kept_extent[GD_MAX_RANK], kept_stride[GD_MAX_RANK];
	int64_t cut_extent[GD_MAX_RANK], cut_stride[GD_MAX_RANK];
	bool inner_is_cut;
	size_t inner, outer, rows;
};

static void plan_init(struct plan *p, const struct gd_node *x, unsigned axes)
{
	int64_t extent[GD_MAX_RANK], stride[GD_MAX_RANK], s = 1;
	bool cut[GD_MAX_RANK];
	int n = 0; /* groups, innermost first */
	for (int i = x->rank - 1; i >= 0; i--) {
		bool is_cut = axes >> i & 1;
		if (x->shape[i] == 1)
			continue;
		if (n && cut[n - 1] == is_cut) {
			extent[n - 1] *= x->shape[i];
		} else {
			extent[n] = x->shape[i];
			stride[n] = s;
			cut[n++] = is_cut;
		}
		s *= x->shape[i];
	}
	p->n_kept = p->n_cut = 0;
	p->inner_is_cut = n && cut[0];
	p->inner = n ? (size_t)extent[0] : 1;
	p->outer = p->rows = 1;
	for (int k = n - 1; k >= 1; k--) {
		if (cut[k]) {
			p->cut_extent[p->n_cut] = extent[k];
			p->cut_stride[p->n_cut++] = stride[k];
			p->rows *= (size_t)extent[k];
		} else {
			p->kept_extent[p->n_kept] = extent[k];
			p->kept_stride[p->n_kept++] = stride[k];
			p->outer *= (size_t)extent[k];
		}
	}
}

#define T       double
#define K(name) name##_f64
#include "core/ops/reduce_kernels.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/reduce_kernels.h"

static void reduce(struct gd_node *y, bool max)
{
	if (y->in[0]->count == 0) {
		memset(y->data, 0, y->count * gd_dtype_size(y->dtype));
		return;
	}
	struct plan p;
	plan_init(&p, y->in[0], y->attr.axes);
	if (y->dtype == GD_FLOAT64)
		reduce_f64(y, &p, max);
	else
		reduce_f32(y, &p, max);
}

static void forward_sum(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	reduce(n, false);
}

static void forward_amax(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	reduce(n, true);
}

static double cost_of_input(const struct gd_node *n)
{
	return (double)n->in[0]->count;
}

static void vjp_sum(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	dx[0] = gd_expand(g, dy, y->in[0]->rank, y->in[0]->shape);
}

static void vjp_amax(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct gd_node *ties = gd_cast(g, gd_eq(g, y->in[0], y), g->dtype);
	struct gd_node *share = gd_div(g, dy, gd_sum(g, ties, y->attr.axes, true));
	dx[0] = gd_only(g, gd_mul(g, ties, share), dy->mask);
	gd_set_mask(dx[0], dy->mask);
}

/* Extra equal maxima: ties less the one that every maximum has. */
static struct gd_node *kink_amax(struct gd_graph *g, struct gd_node *y)
{
	struct gd_node *x = y->in[0];
	struct gd_node *ties = gd_eq(g, x, y);
	struct gd_node *many =
	        gd_gt(g, gd_sum(g, gd_cast(g, ties, g->dtype), y->attr.axes, true), gd_const(g, 1));
	return gd_logical_and(g, ties, many);
}

/* Where the first axis is summed, (n, rows/n, …): all but n. */
static struct gd_node *rows_sum(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                int64_t n, bool *apart)
{
	const struct gd_node *x = y->in[0];
	int64_t shape[GD_MAX_RANK];
	if (!gd_has_rows(x, n))
		return NULL;
	if (!(y->attr.axes & 1))
		return gd_rows_same(g, y, d);
	*apart = true;
	int rank = gd_batch_shape(n, x->rank, x->shape, shape);
	shape[1] /= n;
	struct gd_node *sums = gd_sum(g, gd_reshape(g, d[0], rank, shape), y->attr.axes << 1, true);
	return sums;
}

static const struct gd_prim sum = {.name = "sum",
                                   .forward = forward_sum,
                                   .vjp = vjp_sum,
                                   .moves = true,
                                   .cost = cost_of_input,
                                   .batch = gd_batch_axes,
                                   .rows = rows_sum};
static const struct gd_prim amax = {
        .name = "amax",
        .forward = forward_amax,
        .vjp = vjp_amax,
        .kink = kink_amax,
        .kink_text = "elements tie for the extremum; they share the gradient evenly",
        .cost = cost_of_input,
        .batch = gd_batch_axes};

/* Reduced axes stay with size 1 in the node; a reshape drops them. */
static struct gd_node *reduction(struct gd_graph *g, const struct gd_prim *prim, struct gd_node *x,
                                 unsigned axes, bool keep)
{
	if (!x)
		return NULL;
	int64_t kept[GD_MAX_RANK], dropped[GD_MAX_RANK];
	int rank = 0;
	bool any = false;
	for (int i = 0; i < x->rank; i++) {
		bool cut = axes >> i & 1;
		kept[i] = cut ? 1 : x->shape[i];
		any = any || kept[i] != x->shape[i];
		if (!cut)
			dropped[rank++] = x->shape[i];
	}
	struct gd_node *y = x;
	if (any) {
		y = gd_node_new(g, prim, x->dtype, x->rank, kept, 1, &x);
		if (y)
			y->attr.axes = axes;
	}
	return keep ? y : gd_reshape(g, y, rank, dropped);
}

struct gd_node *gd_sum(struct gd_graph *g, struct gd_node *x, unsigned axes, bool keep)
{
	return reduction(g, &sum, x, axes, keep);
}

struct gd_node *gd_sum_all(struct gd_graph *g, struct gd_node *x)
{
	return gd_sum(g, x, ~0u, false);
}

struct gd_node *gd_mean(struct gd_graph *g, struct gd_node *x, unsigned axes, bool keep)
{
	if (!x)
		return NULL;
	double n = 1;
	for (int i = 0; i < x->rank; i++)
		if (axes >> i & 1)
			n *= (double)x->shape[i];
	return gd_div(g, gd_sum(g, x, axes, keep), gd_const(g, n));
}

struct gd_node *gd_amax(struct gd_graph *g, struct gd_node *x, unsigned axes, bool keep)
{
	return reduction(g, &amax, x, axes, keep);
}

struct gd_node *gd_amin(struct gd_graph *g, struct gd_node *x, unsigned axes, bool keep)
{
	return gd_neg(g, gd_amax(g, gd_neg(g, x), axes, keep));
}
