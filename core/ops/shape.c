/* Primitives that move elements: reshape, expand, permute, slice and its adjoint, cat.
 *
 *   y = reshape(x)      dx = reshape(dy)         y = slice(x)     dx = unslice(dy)
 *   y = expand(x)       dx = sum_to(dy)          y = unslice(x)   dx = slice(dy)
 *   y = permute(x, p)   dx = permute(dy, p⁻¹)    y = cat(xᵢ)      dxᵢ = slice(dy)            */
#include <string.h>

#include "core/batch.h"
#include "core/build.h"
#include "core/ops/broadcast.h"
#include "core/ops/copy.h"
#include "core/ops/strided.h"
#include "core/sample.h"

/* n elements of `size` bytes, or one of them n times. */
static void copy_run(char *dst, const char *src, size_t n, bool same, size_t size)
{
	if (!same) {
		memcpy(dst, src, n * size);
		return;
	}
#define FILL(T)                                                                                    \
	do {                                                                                       \
		T *d = (T *)dst, s = *(const T *)src;                                              \
		for (size_t i = 0; i < n; i++)                                                     \
			d[i] = s;                                                                  \
	} while (0)
	if (size == 8)
		FILL(uint64_t);
	else if (size == 4)
		FILL(uint32_t);
	else
		FILL(uint8_t);
#undef FILL
}

/* --- reshape ------------------------------------------------------------------------------ */

static void vjp_reshape(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                        struct gd_node **dx)
{
	dx[0] = gd_reshape(g, dy, y->in[0]->rank, y->in[0]->shape);
}

static struct gd_node *rows_reshape(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                    int64_t n, bool *apart)
{
	(void)n, (void)apart;
	return gd_rows_same(g, y, d);
}

static const struct gd_prim reshape = {.name = "reshape",
                                       .vjp = vjp_reshape,
                                       .moves = true,
                                       .alias = true,
                                       .batch = gd_batch_alias,
                                       .rows = rows_reshape};

struct gd_node *gd_alias(struct gd_graph *g, struct gd_node *x)
{
	return x ? gd_node_new(g, &reshape, x->dtype, x->rank, x->shape, 1, &x) : NULL;
}

struct gd_node *gd_reshape(struct gd_graph *g, struct gd_node *x, int rank, const int64_t *shape)
{
	if (!x)
		return NULL;
	if (x->rank == rank && memcmp(x->shape, shape, (size_t)rank * sizeof *shape) == 0)
		return x;
	return gd_node_new(g, &reshape, x->dtype, rank, shape, 1, &x);
}

/* --- expand ------------------------------------------------------------------------------- */

static void forward_expand(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	size_t size = gd_dtype_size(n->dtype);
	struct gd_broadcast w;
	gd_broadcast_init(&w, n, 1, n->in);
	char *y = n->data;
	for (size_t k = 0; k < w.outer; k++, y += w.inner * size) {
		const char *x = (const char *)n->in[0]->data + w.offset[0] * size;
		copy_run(y, x, w.inner, w.step[0] == 0, size);
		gd_broadcast_next(&w);
	}
}

static void vjp_expand(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	dx[0] = gd_sum_to(g, dy, y->in[0]->rank, y->in[0]->shape);
}

static struct gd_node *batch_expand(struct gd_graph *g, struct gd_node *y,
                                    struct gd_node *const *in, int64_t k)
{
	return gd_batch_like(g, y, (struct gd_node *[]){gd_batch_align(g, in[0], y->rank + 1)}, k);
}

static const struct gd_prim expand = {.name = "expand",
                                      .forward = forward_expand,
                                      .vjp = vjp_expand,
                                      .moves = true,
                                      .batch = batch_expand,
                                      .rows = gd_rows_leading};

struct gd_node *gd_expand(struct gd_graph *g, struct gd_node *x, int rank, const int64_t *shape)
{
	if (!x)
		return NULL;
	if (x->rank == rank && memcmp(x->shape, shape, (size_t)rank * sizeof *shape) == 0)
		return x;
	return gd_node_new(g, &expand, x->dtype, rank, shape, 1, &x);
}

struct gd_node *gd_expansion_of(const struct gd_node *x)
{
	return x->prim == &expand ? x->in[0] : NULL;
}

struct gd_node *gd_expanded_from(const struct gd_node *x)
{
	return x->name ? NULL : gd_expansion_of(x);
}

struct gd_node *gd_sum_to(struct gd_graph *g, struct gd_node *x, int rank, const int64_t *shape)
{
	if (!x)
		return NULL;
	unsigned axes = 0;
	for (int i = 0; i < x->rank; i++) {
		int k = i - (x->rank - rank);
		if (k < 0 || (shape[k] == 1 && x->shape[i] != 1))
			axes |= 1u << i;
	}
	return gd_reshape(g, gd_sum(g, x, axes, true), rank, shape);
}

/* --- permute ------------------------------------------------------------------------------ */

static void forward_permute(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	const struct gd_node *x = n->in[0];
	int64_t dense[GD_MAX_RANK], stride[GD_MAX_RANK], to[GD_MAX_RANK];
	gd_dense_strides(x->rank, x->shape, dense);
	gd_dense_strides(n->rank, n->shape, to);
	for (int i = 0; i < n->rank; i++)
		stride[i] = dense[n->attr.perm[i]];
	gd_copy(&(struct gd_copy){n->rank, n->shape, to, stride}, n->data, x->data,
	        gd_dtype_size(n->dtype));
}

static void vjp_permute(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                        struct gd_node **dx)
{
	int8_t inverse[GD_MAX_RANK];
	for (int i = 0; i < y->rank; i++)
		inverse[y->attr.perm[i]] = (int8_t)i;
	dx[0] = gd_permute(g, dy, inverse);
}

static struct gd_node *batch_permute(struct gd_graph *g, struct gd_node *y,
                                     struct gd_node *const *in, int64_t k)
{
	struct gd_node *n = gd_batch_like(g, y, in, k);
	for (int i = 0; n && i < y->rank; i++)
		n->attr.perm[i + 1] = (int8_t)(y->attr.perm[i] + 1);
	if (n)
		n->attr.perm[0] = 0;
	return n;
}

static struct gd_node *rows_permute(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                    int64_t n, bool *apart)
{
	(void)apart;
	return gd_has_rows(y, n) && y->attr.perm[0] == 0 ? gd_rows_same(g, y, d) : NULL;
}

static const struct gd_prim permute = {.name = "permute",
                                       .forward = forward_permute,
                                       .vjp = vjp_permute,
                                       .moves = true,
                                       .batch = batch_permute,
                                       .rows = rows_permute};

struct gd_node *gd_permute(struct gd_graph *g, struct gd_node *x, const int8_t *perm)
{
	if (!x)
		return NULL;
	/* A permutation of a permutation is one, unless that is a variable of the client. */
	int8_t p[GD_MAX_RANK] = {0}; /* all of it is compared (twins.c) */
	struct gd_node *source = x->prim == &permute && !x->name ? x->in[0] : x;
	bool same = true;
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < x->rank; i++) {
		p[i] = source == x ? perm[i] : x->attr.perm[perm[i]];
		same = same && p[i] == i;
		shape[i] = source->shape[p[i]];
	}
	if (same)
		return source;
	struct gd_node *n = gd_node_new(g, &permute, x->dtype, x->rank, shape, 1, &source);
	if (n)
		memcpy(n->attr.perm, p, sizeof p);
	return n;
}

struct gd_node *gd_swap_axes(struct gd_graph *g, struct gd_node *x, int a, int b)
{
	int8_t perm[GD_MAX_RANK];
	for (int i = 0; i < GD_MAX_RANK; i++)
		perm[i] = (int8_t)(i == a ? b : i == b ? a : i);
	return gd_permute(g, x, perm);
}

struct gd_node *gd_swapped_from(const struct gd_node *x, int a, int b)
{
	if (x->prim != &permute || x->name)
		return NULL;
	for (int i = 0; i < x->rank; i++)
		if (x->attr.perm[i] != (i == a ? b : i == b ? a : i))
			return NULL;
	return x->in[0];
}

/* --- slice and unslice -------------------------------------------------------------------- */

/* Strides of the sliced elements inside `whole`, and the offset of the first. */
static size_t slice_strides(const struct gd_node *whole, const struct gd_slice *s, int64_t *stride)
{
	int64_t dense[GD_MAX_RANK];
	size_t offset = 0;
	gd_dense_strides(whole->rank, whole->shape, dense);
	for (int i = 0; i < whole->rank; i++) {
		stride[i] = dense[i] * s->step[i];
		offset += (size_t)(dense[i] * s->start[i]);
	}
	return offset;
}

static void forward_slice(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	int64_t stride[GD_MAX_RANK], dense[GD_MAX_RANK];
	size_t size = gd_dtype_size(n->dtype);
	size_t offset = slice_strides(n->in[0], n->attr.slice, stride);
	gd_dense_strides(n->rank, n->shape, dense);
	if (n->count)
		gd_copy(&(struct gd_copy){n->rank, n->shape, dense, stride}, n->data,
		        (char *)n->in[0]->data + offset * size, size);
}

static void forward_unslice(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	struct gd_node *x = n->in[0];
	int64_t stride[GD_MAX_RANK], dense[GD_MAX_RANK];
	size_t size = gd_dtype_size(n->dtype);
	size_t offset = slice_strides(n, n->attr.slice, stride);
	gd_dense_strides(x->rank, x->shape, dense);
	memset(n->data, 0, n->count * size);
	if (x->count)
		gd_copy(&(struct gd_copy){x->rank, x->shape, stride, dense},
		        (char *)n->data + offset * size, x->data, size);
}

static void vjp_slice(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx)
{
	dx[0] = gd_unslice(g, dy, y->attr.slice, y->in[0]->shape);
}

static void vjp_unslice(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                        struct gd_node **dx)
{
	dx[0] = gd_slice(g, dy, y->attr.slice, y->in[0]->shape);
}

static struct gd_node *batch_slice(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                                   int64_t k);

/* A first axis of one extent starts at 0 with step 1, unless it has one element. */
static struct gd_node *rows_slice(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                  int64_t n, bool *apart)
{
	return y->attr.slice->start[0] == 0 && y->attr.slice->step[0] == 1
	               ? gd_rows_leading(g, y, d, n, apart)
	               : NULL;
}

static const struct gd_prim slice = {.name = "slice",
                                     .forward = forward_slice,
                                     .vjp = vjp_slice,
                                     .moves = true,
                                     .batch = batch_slice,
                                     .rows = rows_slice};
static const struct gd_prim unslice = {.name = "unslice",
                                       .forward = forward_unslice,
                                       .vjp = vjp_unslice,
                                       .moves = true,
                                       .batch = batch_slice,
                                       .rows = rows_slice};

static struct gd_node *slice_node(struct gd_graph *g, const struct gd_prim *prim, struct gd_node *x,
                                  const struct gd_slice *s, const int64_t *shape)
{
	if (!x)
		return NULL;
	struct gd_node *n = gd_node_new(g, prim, x->dtype, x->rank, shape, 1, &x);
	struct gd_slice *copy = n ? gd_alloc(g->arena, sizeof *copy) : NULL;
	if (n && !copy) {
		gd_arena_fail(g->arena, g->error);
		return NULL;
	}
	if (n) {
		*copy = *s;
		n->attr.slice = copy;
	}
	return n;
}

struct gd_node *gd_slice(struct gd_graph *g, struct gd_node *x, const struct gd_slice *s,
                         const int64_t *shape)
{
	return slice_node(g, &slice, x, s, shape);
}

struct gd_node *gd_unslice(struct gd_graph *g, struct gd_node *x, const struct gd_slice *s,
                           const int64_t *shape)
{
	return slice_node(g, &unslice, x, s, shape);
}

bool gd_unsliced(const struct gd_node *x, struct gd_view *view)
{
	if (x->prim != &unslice)
		return false;
	view->offset = (int64_t)slice_strides(x, x->attr.slice, view->stride);
	return true;
}

const struct gd_slice *gd_unsliced_at(const struct gd_node *x)
{
	return x->prim == &unslice && !x->name ? x->attr.slice : NULL;
}

static struct gd_node *batch_slice(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                                   int64_t k)
{
	struct gd_slice s = {.step = {1}};
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < y->rank && i + 1 < GD_MAX_RANK; i++) {
		s.start[i + 1] = y->attr.slice->start[i];
		s.step[i + 1] = y->attr.slice->step[i];
	}
	gd_batch_shape(k, y->rank, y->shape, shape);
	return slice_node(g, y->prim, in[0], &s, shape);
}

/* --- cat ---------------------------------------------------------------------------------- */

/* Runs of a few elements: each operand walked for itself. */
static void cat_short(struct gd_node *n, int axis)
{
	int64_t to[GD_MAX_RANK], from[GD_MAX_RANK], at = 0;
	size_t size = gd_dtype_size(n->dtype);
	gd_dense_strides(n->rank, n->shape, to);
	for (int k = 0; k < n->n_in; k++) {
		const struct gd_node *x = n->in[k];
		gd_dense_strides(x->rank, x->shape, from);
		if (x->count)
			gd_copy(&(struct gd_copy){x->rank, x->shape, to, from},
			        (char *)n->data + (size_t)(at * to[axis]) * size, x->data, size);
		at += x->shape[axis];
	}
}

enum { SHORT_RUN = 64 }; /* bytes: less than a call of memcpy is worth */

static void forward_cat(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	size_t size = gd_dtype_size(n->dtype), outer = 1, inner = size;
	int axis = n->attr.axis;
	for (int i = 0; i < axis; i++)
		outer *= (size_t)n->shape[i];
	for (int i = axis + 1; i < n->rank; i++)
		inner *= (size_t)n->shape[i];
	/* On average; some may be longer. */
	if (outer > 1 && (size_t)n->shape[axis] * inner < SHORT_RUN * (size_t)n->n_in) {
		cat_short(n, axis);
		return;
	}
	char *y = n->data;
	for (size_t o = 0; o < outer; o++)
		for (int k = 0; k < n->n_in; k++) {
			size_t bytes = (size_t)n->in[k]->shape[axis] * inner;
			if (bytes)
				memcpy(y, (const char *)n->in[k]->data + o * bytes, bytes);
			y += bytes;
		}
}

static void vjp_cat(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct gd_slice s;
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	int axis = y->attr.axis;
	for (int k = 0; k < y->n_in; k++) {
		if (gd_wants(y, k))
			dx[k] = gd_slice(g, dy, &s, y->in[k]->shape);
		s.start[axis] += y->in[k]->shape[axis];
	}
}

static struct gd_node *rows_cat(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                int64_t n, bool *apart)
{
	return y->attr.axis > 0 ? gd_rows_leading(g, y, d, n, apart) : NULL;
}

static const struct gd_prim cat = {.name = "cat",
                                   .forward = forward_cat,
                                   .vjp = vjp_cat,
                                   .moves = true,
                                   .batch = gd_batch_axis,
                                   .rows = rows_cat};

struct gd_node *gd_cat(struct gd_graph *g, int n, struct gd_node *const *in, int axis)
{
	for (int k = 0; k < n; k++)
		if (!in[k])
			return NULL;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, in[0]->shape, sizeof shape);
	for (int k = 1; k < n; k++)
		if (__builtin_add_overflow(shape[axis], in[k]->shape[axis], &shape[axis]))
			return gd_graph_fail(g, GD_ERR_limit_exceeded,
			                     "the result has too many elements");
	struct gd_node *y = gd_node_new(g, &cat, in[0]->dtype, in[0]->rank, shape, n, in);
	if (y)
		y->attr.axis = axis;
	return y;
}

bool gd_is_cat(const struct gd_node *x, int axis)
{
	return x->prim == &cat && !x->name && x->attr.axis == axis;
}
