/*   y = index_select(x, i)    dx = index_sum(dy, i)
 *   y = index_sum(x, i)       dx = index_select(dy, i)
 *   y = scatter(x, s, i)      dx = scatter(dy, 0, i), ds = gather(dy, i)   */
#include "core/ops/rows.h"

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
	struct around a = {1, (size_t)x->shape[axis], 1};
	for (int i = 0; i < axis; i++)
		a.outer *= (size_t)x->shape[i];
	for (int i = axis + 1; i < x->rank; i++)
		a.inner *= (size_t)x->shape[i];
	return a;
}

/* --- rows --------------------------------------------------------------------------------- */

#define PICK(T)                                                                                    \
	do {                                                                                       \
		const T *from = (const T *)x;                                                      \
		T *to = (T *)out;                                                                  \
		for (size_t j = 0; j < n; j++)                                                     \
			to[j] = from[index[j]];                                                    \
	} while (0)

static void forward_index_select(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	struct around a = around_axis(y->in[0], y->attr.axis);
	const int64_t *index = y->in[1]->data;
	size_t n = y->in[1]->count, size = gd_dtype_size(y->dtype), row = a.inner * size;
	const char *x = y->in[0]->data;
	char *out = y->data;
	for (size_t o = 0; y->count && o < a.outer; o++, x += a.extent * row, out += n * row) {
		if (a.inner == 1 && size == 8)
			PICK(uint64_t);
		else if (a.inner == 1 && size == 4)
			PICK(uint32_t);
		else
			for (size_t j = 0; j < n; j++)
				memcpy(out + j * row, x + (size_t)index[j] * row, row);
	}
}

#define ADD_ROWS(T)                                                                                \
	do {                                                                                       \
		const T *x = y->in[0]->data;                                                       \
		T *out = y->data;                                                                  \
		for (size_t o = 0; o < a.outer; o++, out += a.extent * a.inner)                    \
			for (size_t j = 0; j < n; j++, x += a.inner) {                             \
				T *to = out + (size_t)index[j] * a.inner;                          \
				if (a.inner == 1) {                                                \
					*to += *x;                                                 \
					continue;                                                  \
				}                                                                  \
				for (size_t i = 0; i < a.inner; i++)                               \
					to[i] += x[i];                                             \
			}                                                                          \
	} while (0)

static void forward_index_sum(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	struct around a = around_axis(y, y->attr.axis);
	const int64_t *index = y->in[1]->data;
	size_t n = y->in[1]->count;
	memset(y->data, 0, y->count * gd_dtype_size(y->dtype));
	if (!y->in[0]->count)
		return;
	if (y->dtype == GD_FLOAT64)
		ADD_ROWS(double);
	else
		ADD_ROWS(float);
}

static void vjp_index_select(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                             struct gd_node **dx)
{
	int axis = y->attr.axis;
	dx[0] = gd_index_sum(g, dy, axis, y->in[1], y->in[0]->shape[axis]);
}

static void vjp_index_sum(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                          struct gd_node **dx)
{
	dx[0] = gd_index_select(g, dy, y->attr.axis, y->in[1]);
}

static double cost_larger(const struct gd_node *y)
{
	size_t n = y->in[0]->count > y->count ? y->in[0]->count : y->count;
	return (double)n;
}

/* The index stays one for all. */
static struct gd_node *batch_rows(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                                  int64_t k)
{
	if (in[1])
		return gd_batch_map(g, y, in, k);
	struct gd_node *n = gd_batch_like(g, y, (struct gd_node *[]){in[0], y->in[1]}, k);
	if (n)
		n->attr.axis = y->attr.axis + 1;
	return n;
}

static struct gd_node *rows_rows(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                 int64_t n, bool *apart)
{
	(void)apart;
	return y->attr.axis > 0 && !d[1] && gd_keeps_rows(y, 0, n) ? gd_rows_same(g, y, d) : NULL;
}

static const struct gd_prim index_select = {.name = "index_select",
                                            .forward = forward_index_select,
                                            .vjp = vjp_index_select,
                                            .moves = true,
                                            .batch = batch_rows,
                                            .rows = rows_rows};
static const struct gd_prim index_sum = {.name = "index_sum",
                                         .forward = forward_index_sum,
                                         .vjp = vjp_index_sum,
                                         .moves = true,
                                         .batch = batch_rows,
                                         .rows = rows_rows,
                                         .cost = cost_larger};

static struct gd_node *rows_node(struct gd_graph *g, const struct gd_prim *prim, struct gd_node *x,
                                 int axis, struct gd_node *index, int64_t size)
{
	if (!x || !index)
		return NULL;
	struct gd_node *in[2] = {x, index};
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	shape[axis] = size;
	struct gd_node *y = gd_node_new(g, prim, x->dtype, x->rank, shape, 2, in);
	if (y)
		y->attr.axis = axis;
	return y;
}

struct gd_node *gd_index_select(struct gd_graph *g, struct gd_node *x, int axis,
                                struct gd_node *index)
{
	return rows_node(g, &index_select, x, axis, index, index ? (int64_t)index->count : 0);
}

struct gd_node *gd_index_sum(struct gd_graph *g, struct gd_node *x, int axis, struct gd_node *index,
                             int64_t size)
{
	return rows_node(g, &index_sum, x, axis, index, size);
}

/* --- scatter ------------------------------------------------------------------------------ */

#define SCATTER(T)                                                                                 \
	do {                                                                                       \
		const T *s = src->data;                                                            \
		T *out = y->data;                                                                  \
		for (size_t k = 0; k < index->count; k++) {                                        \
			out[offset + i[k] * stride[axis]] = s[one ? 0 : k];                        \
			for (int d = y->rank - 1; d >= 0; d--) {                                   \
				if (d != axis)                                                     \
					offset += stride[d];                                       \
				if (++at[d] < index->shape[d])                                     \
					break;                                                     \
				if (d != axis)                                                     \
					offset -= stride[d] * at[d];                               \
				at[d] = 0;                                                         \
			}                                                                          \
		}                                                                                  \
	} while (0)

static void forward_scatter(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	const struct gd_node *src = y->in[1], *index = y->in[2];
	const int64_t *i = index->data;
	int64_t stride[GD_MAX_RANK], at[GD_MAX_RANK] = {0}, offset = 0, dense = 1;
	int axis = y->attr.axis;
	bool one = src->count == 1;
	for (int d = y->rank - 1; d >= 0; d--) {
		stride[d] = dense;
		dense *= y->shape[d];
	}
	memcpy(y->data, y->in[0]->data, y->count * gd_dtype_size(y->dtype));
	if (y->dtype == GD_FLOAT64)
		SCATTER(double);
	else
		SCATTER(float);
}

struct gd_node *gd_within(struct gd_graph *g, struct gd_node *x, int axis,
                          const struct gd_node *index)
{
	if (!x || !index)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	struct gd_slice s;
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
		shape[i] = i < x->rank && i != axis ? index->shape[i] : x->shape[i];
	}
	if (memcmp(shape, x->shape, (size_t)x->rank * sizeof *shape) == 0)
		return x;
	return gd_slice(g, x, &s, shape);
}

static void vjp_scatter(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                        struct gd_node **dx)
{
	struct gd_node *index = y->in[2];
	int axis = y->attr.axis;
	if (gd_wants(y, 0))
		dx[0] = gd_scatter(g, dy, axis, index, gd_const(g, 0));
	if (gd_wants(y, 1)) {
		dx[1] = gd_gather(g, gd_within(g, dy, axis, index), axis, index);
		dx[1] = gd_sum_to(g, dx[1], y->in[1]->rank, y->in[1]->shape);
	}
}

static double cost_scatter(const struct gd_node *y)
{
	return (double)y->count + (double)y->in[2]->count;
}

/* A scalar src is the same for all. */
static struct gd_node *batch_scatter(struct gd_graph *g, struct gd_node *y,
                                     struct gd_node *const *in, int64_t k)
{
	if (in[1] && y->in[1]->rank == 0)
		return gd_batch_map(g, y, in, k);
	struct gd_node *x[3] = {gd_batched(g, y, 0, in, k),
	                        y->in[1]->rank ? gd_batched(g, y, 1, in, k) : y->in[1],
	                        gd_batched(g, y, 2, in, k)};
	struct gd_node *n = gd_batch_like(g, y, x, k);
	if (n)
		n->attr.axis = y->attr.axis + 1;
	return n;
}

/* As in the gradient: zeros written over rows. */
static struct gd_node *rows_scatter(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                    int64_t n, bool *apart)
{
	double src;
	bool zeros = gd_is_const(y->in[1], &src) && src == 0;
	(void)apart;
	return y->attr.axis > 0 && d[0] && !d[2] && zeros && gd_keeps_rows(y, 0, n)
	               ? gd_rows_same(g, y, d)
	               : NULL;
}

static const struct gd_prim scatter = {.name = "scatter",
                                       .forward = forward_scatter,
                                       .vjp = vjp_scatter,
                                       .moves = true,
                                       .batch = batch_scatter,
                                       .rows = rows_scatter,
                                       .cost = cost_scatter};

struct gd_node *gd_scatter(struct gd_graph *g, struct gd_node *x, int axis, struct gd_node *index,
                           struct gd_node *src)
{
	if (!x || !index || !src)
		return NULL;
	struct gd_node *in[3] = {x, src, index};
	struct gd_node *y = gd_node_new(g, &scatter, x->dtype, x->rank, x->shape, 3, in);
	if (y)
		y->attr.axis = axis;
	return y;
}
