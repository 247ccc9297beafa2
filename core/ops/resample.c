/* A linear map along one axis, of which each output sees a few neighbours: sums over windows, and
 * interpolation. It is its own kind of adjoint:
 *
 *   y = A·x      dx = Aᵀ·dy    */
#include <string.h>

#include "core/build.h"
#include "core/ops/window.h"

#define T       double
#define K(name) name##_f64
#include "core/ops/resample_kernels.h"
#undef T
#undef K

#define T       float
#define K(name) name##_f32
#include "core/ops/resample_kernels.h"
#undef T
#undef K

/* --- the tables ----------------------------------------------------------------------------- */

static void *table(struct gd_graph *g, int64_t n, size_t size)
{
	void *p = gd_alloc_array(g->arena, (size_t)n + !n, size);
	if (!p && !gd_failed(g)) {
		gd_arena_fail(g->arena, g->error);
		gd_error_pointer(g->error, "%s", g->origin);
	}
	return p;
}

/* Which outputs see element i: those from the first range that ends behind it to the last one that
 * begins before. */
static bool transpose(struct gd_graph *g, const struct gd_taps *t, struct gd_taps *back)
{
	int64_t *first = table(g, t->in, sizeof *first), *count = table(g, t->in, sizeof *count);
	int64_t *at = t->weight ? table(g, t->in, sizeof *at) : NULL, total = 0;
	if (!first || !count || (t->weight && !at))
		return false;
	for (int64_t i = 0, a = 0, b = 0; i < t->in; i++) {
		while (a < t->out && t->first[a] + t->count[a] <= i)
			a++;
		b = b < a ? a : b;
		while (b < t->out && t->first[b] <= i)
			b++;
		first[i] = a < t->out ? a : 0;
		count[i] = b - a;
		if (at)
			at[i] = total;
		total += count[i];
	}
	double *weight = t->weight ? table(g, total, sizeof *weight) : NULL;
	if (t->weight && !weight)
		return false;
	for (int64_t i = 0; i < t->in && weight; i++)
		for (int64_t k = 0; k < count[i]; k++) {
			int64_t o = first[i] + k, tap = i - t->first[o];
			bool seen = tap >= 0 && tap < t->count[o];
			weight[at[i] + k] = seen ? t->weight[t->at[o] + tap] : 0;
		}
	*back = (struct gd_taps){.in = t->out,
	                         .out = t->in,
	                         .first = first,
	                         .count = count,
	                         .at = at,
	                         .weight = weight,
	                         .negative = t->negative,
	                         .adjoint = t};
	return true;
}

const struct gd_taps *gd_taps_new(struct gd_graph *g, int64_t in, int64_t out, const int64_t *first,
                                  const int64_t *count, const double *weight)
{
	if (gd_failed(g))
		return NULL;
	struct gd_taps *t = table(g, 2, sizeof *t);
	int64_t *at = weight ? table(g, out, sizeof *at) : NULL, total = 0;
	if (!t || (weight && !at))
		return NULL;
	*t = (struct gd_taps){.in = in,
	                      .out = out,
	                      .first = first,
	                      .count = count,
	                      .at = at,
	                      .weight = weight,
	                      .adjoint = t + 1};
	for (int64_t o = 0; o < out && weight; o++) {
		at[o] = total;
		for (int64_t k = 0; k < count[o]; k++)
			t->negative = t->negative || weight[total + k] < 0;
		total += count[o];
	}
	return transpose(g, t, t + 1) ? t : NULL;
}

/* --- the primitive -------------------------------------------------------------------------- */

static void forward_resample(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	const struct gd_node *x = y->in[0];
	const struct gd_taps *t = y->attr.resample.taps;
	int axis = y->attr.resample.axis;
	size_t outer = 1, inner = 1;
	for (int i = 0; i < axis; i++)
		outer *= (size_t)x->shape[i];
	for (int i = axis + 1; i < x->rank; i++)
		inner *= (size_t)x->shape[i];
	if (y->count == 0)
		return;
	if (y->dtype == GD_FLOAT64)
		resample_f64(t, outer, inner, x->data, y->data);
	else
		resample_f32(t, outer, inner, x->data, y->data);
}

static double cost(const struct gd_node *y)
{
	const struct gd_taps *t = y->attr.resample.taps;
	double taps = 0;
	for (int64_t o = 0; o < t->out; o++)
		taps += (double)t->count[o];
	return 2 * taps * (double)y->count / (double)(t->out + !t->out);
}

static void vjp_resample(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                         struct gd_node **dx)
{
	dx[0] = gd_resample(g, dy, y->attr.resample.axis, y->attr.resample.taps->adjoint);
}

/* Of weights that are not negative the mask goes the way of the cotangent. */
static const struct gd_prim resample = {.name = "resample",
                                        .forward = forward_resample,
                                        .vjp = vjp_resample,
                                        .moves = true,
                                        .cost = cost};
static const struct gd_prim resample_signed = {
        .name = "resample", .forward = forward_resample, .vjp = vjp_resample, .cost = cost};

struct gd_node *gd_resample(struct gd_graph *g, struct gd_node *x, int axis,
                            const struct gd_taps *t)
{
	if (!x || !t)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	shape[axis] = t->out;
	struct gd_node *y = gd_node_new(g, t->negative ? &resample_signed : &resample, x->dtype,
	                                x->rank, shape, 1, &x);
	if (y) {
		y->attr.resample.taps = t;
		y->attr.resample.axis = axis;
	}
	return y;
}
