/* Choosing elements by index along one axis.
 *
 *   y = gather(x, i)        dx = scatter_sum(dy, i)
 *   y = scatter_sum(x, i)   dx = gather(dy, i)
 *   argmax: no derivative                               */
#include <string.h>

#include "core/batch.h"
#include "core/build.h"
#include "core/sample.h"

/* How a tensor lies around one axis: outer × extent × inner. */
struct around {
	size_t outer, extent, inner;
};

static struct around around_axis(const struct gd_node *x, int axis)
{
	struct around a = {1, x->rank ? (size_t)x->shape[axis] : 1, 1};
	for (int i = 0; i < axis; i++)
		a.outer *= (size_t)x->shape[i];
	for (int i = axis + 1; i < x->rank; i++)
		a.inner *= (size_t)x->shape[i];
	return a;
}

/* --- gather and scatter_sum --------------------------------------------------------------- */

#define GATHER(T)                                                                                  \
	do {                                                                                       \
		const T *x = y->in[0]->data;                                                       \
		T *out = y->data;                                                                  \
		for (size_t o = 0; o < d.outer; o++, x += s.extent * s.inner)                      \
			for (size_t j = 0; j < d.extent; j++)                                      \
				for (size_t i = 0; i < d.inner; i++)                               \
					*out++ = x[(size_t)*index++ * s.inner + i];                \
	} while (0)

static void forward_gather(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	struct around s = around_axis(y->in[0], y->attr.axis), d = around_axis(y, y->attr.axis);
	const int64_t *index = y->in[1]->data;
	size_t size = gd_dtype_size(y->dtype);
	if (size == 8)
		GATHER(uint64_t);
	else if (size == 4)
		GATHER(uint32_t);
	else
		GATHER(uint8_t);
}

#define SCATTER_SUM(T)                                                                             \
	do {                                                                                       \
		const T *x = y->in[0]->data;                                                       \
		T *out = y->data;                                                                  \
		for (size_t o = 0; o < s.outer; o++, out += d.extent * d.inner)                    \
			for (size_t j = 0; j < s.extent; j++)                                      \
				for (size_t i = 0; i < s.inner; i++)                               \
					out[(size_t)*index++ * d.inner + i] += *x++;               \
	} while (0)

static void forward_scatter_sum(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	struct around s = around_axis(y->in[0], y->attr.axis), d = around_axis(y, y->attr.axis);
	const int64_t *index = y->in[1]->data;
	memset(y->data, 0, y->count * gd_dtype_size(y->dtype));
	if (y->dtype == GD_FLOAT64)
		SCATTER_SUM(double);
	else
		SCATTER_SUM(float);
}

static void vjp_gather(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	int axis = y->attr.axis;
	struct gd_node *x = y->in[0];
	dx[0] = gd_scatter_sum(g, dy, axis, y->in[1], x->rank ? x->shape[axis] : 1);
}

static void vjp_scatter_sum(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                            struct gd_node **dx)
{
	dx[0] = gd_gather(g, dy, y->attr.axis, y->in[1]);
}

static struct gd_node *rows_index(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                  int64_t n, bool *apart)
{
	(void)apart;
	return y->attr.axis > 0 && !d[1] && gd_keeps_rows(y, 0, n) ? gd_rows_same(g, y, d) : NULL;
}

static const struct gd_prim gather = {.name = "gather",
                                      .forward = forward_gather,
                                      .vjp = vjp_gather,
                                      .moves = true,
                                      .batch = gd_batch_axis,
                                      .rows = rows_index};
static const struct gd_prim scatter_sum = {.name = "scatter_sum",
                                           .forward = forward_scatter_sum,
                                           .vjp = vjp_scatter_sum,
                                           .moves = true,
                                           .batch = gd_batch_axis,
                                           .rows = rows_index};

struct gd_node *gd_gather(struct gd_graph *g, struct gd_node *x, int axis, struct gd_node *index)
{
	if (!x || !index)
		return NULL;
	struct gd_node *in[2] = {x, index};
	struct gd_node *y = gd_node_new(g, &gather, x->dtype, x->rank, index->shape, 2, in);
	if (y)
		y->attr.axis = axis;
	return y;
}

struct gd_node *gd_scatter_sum(struct gd_graph *g, struct gd_node *x, int axis,
                               struct gd_node *index, int64_t size)
{
	if (!x || !index)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	shape[axis] = size;
	struct gd_node *in[2] = {x, index};
	struct gd_node *y = gd_node_new(g, &scatter_sum, x->dtype, x->rank, shape, 2, in);
	if (y)
		y->attr.axis = axis;
	return y;
}

/* --- argmax ------------------------------------------------------------------------------- */

#define ARGMAX(T)                                                                                  \
	do {                                                                                       \
		const T *x = (const T *)y->in[0]->data + o * a.extent * a.inner + i;               \
		for (size_t j = 1; j < a.extent; j++) {                                            \
			T best_x = x[best * a.inner], here = x[j * a.inner];                       \
			if (here > best_x || (here != here && best_x == best_x))                   \
				best = j;                                                          \
		}                                                                                  \
	} while (0)

static void forward_argmax(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	struct around a = around_axis(y->in[0], y->attr.axis);
	for (size_t o = 0; o < a.outer; o++)
		for (size_t i = 0; i < a.inner; i++) {
			size_t best = 0;
			if (y->in[0]->dtype == GD_FLOAT64)
				ARGMAX(double);
			else
				ARGMAX(float);
			((int64_t *)y->data)[o * a.inner + i] = (int64_t)best;
		}
}

static const struct gd_prim argmax = {
        .name = "argmax", .forward = forward_argmax, .batch = gd_batch_axis};

struct gd_node *gd_argmax(struct gd_graph *g, struct gd_node *x, int axis)
{
	if (!x)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	if (x->rank)
		shape[axis] = 1;
	struct gd_node *y = gd_node_new(g, &argmax, GD_INT64, x->rank, shape, 1, &x);
	if (y)
		y->attr.axis = axis;
	return y;
}
