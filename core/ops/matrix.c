#include "core/ops/matrix.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/build.h"
#include "core/lapack.h"

struct gd_node gd_leading(const struct gd_node *x, int trailing)
{
	struct gd_node lead = {.rank = x->rank - trailing, .count = 1};
	for (int i = 0; i < lead.rank; i++) {
		lead.shape[i] = x->shape[i];
		lead.count *= (size_t)x->shape[i];
	}
	return lead;
}

size_t gd_matrix_count(const struct gd_node *x, int trailing)
{
	return gd_leading(x, trailing).count;
}

/* In squares that stay in the cache. */
#define TRANSPOSED(T)                                                                              \
	do {                                                                                       \
		const T *x = src;                                                                  \
		T *y = dst;                                                                        \
		for (size_t i0 = 0; i0 < rows; i0 += SIDE)                                         \
			for (size_t j0 = 0; j0 < columns; j0 += SIDE)                              \
				for (size_t i = i0; i < rows && i < i0 + SIDE; i++)                \
					for (size_t j = j0; j < columns && j < j0 + SIDE; j++)     \
						y[j * rows + i] = x[i * columns + j];              \
	} while (0)

void gd_transposed(enum gd_dtype t, size_t rows, size_t columns, const void *src, void *dst)
{
	enum { SIDE = 16 };
	if (t == GD_FLOAT64)
		TRANSPOSED(uint64_t);
	else
		TRANSPOSED(uint32_t);
}

bool gd_finite(enum gd_dtype t, size_t n, const void *x)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(gd_element(t, x, i)))
			return false;
	return true;
}

void gd_fill(enum gd_dtype t, size_t n, void *x, double value)
{
	for (size_t i = 0; i < n; i++)
		if (t == GD_FLOAT64)
			((double *)x)[i] = value;
		else
			((float *)x)[i] = (float)value;
}

void *gd_scratch(struct gd_sweep *run, const struct gd_node *y, size_t bytes)
{
	void *p = gd_data_alloc(run->graph->arena, bytes);
	if (!p) {
		gd_arena_fail(run->graph->arena, run->error);
		gd_error_pointer(run->error, "%s", y->origin);
	}
	return p;
}

void gd_matrix_failure(struct gd_sweep *run, const struct gd_node *y, size_t matrix, int trailing,
                       const char *format, ...)
{
	char text[256], which[GD_SHAPE_TEXT + 32] = "the matrix", index[GD_SHAPE_TEXT];
	int64_t at[GD_MAX_RANK];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	int lead = y->rank - trailing;
	for (int i = lead - 1; i >= 0; i--) {
		at[i] = (int64_t)(matrix % (size_t)y->shape[i]);
		matrix /= (size_t)y->shape[i];
	}
	if (lead == 1)
		snprintf(which, sizeof which, "matrix %lld of the batch", (long long)at[0]);
	else if (lead > 1)
		snprintf(which, sizeof which, "matrix %s of the batch",
		         gd_shape_text(lead, at, index));
	gd_fail(run->error, GD_ERR_linalg_failure, "%s: %s %s", y->op, which, text);
	gd_error_pointer(run->error, "%s", y->origin);
}

bool gd_matrix_fits(struct gd_graph *g, const struct gd_node *x)
{
	if (gd_lapack_fits(gd_rows(x), gd_columns(x)))
		return true;
	char text[GD_SHAPE_TEXT];
	gd_graph_fail(g, GD_ERR_limit_exceeded, "%s %s is too large to be factorised",
	              gd_label(x, "a matrix"), gd_shape_text(x->rank, x->shape, text));
	return false;
}

struct gd_node *gd_matrix_node(struct gd_graph *g, const struct gd_prim *prim,
                               const struct gd_node *batch, int batch_trailing, int trailing,
                               const int64_t *shape, int n_in, struct gd_node *const *in)
{
	int64_t all[GD_MAX_RANK];
	if (!batch)
		return NULL;
	int rank = batch->rank - batch_trailing;
	memcpy(all, batch->shape, (size_t)rank * sizeof *all);
	for (int i = 0; i < trailing; i++)
		all[rank++] = shape[i];
	return gd_node_new(g, prim, g->dtype, rank, all, n_in, in);
}

/* --- in derivatives ----------------------------------------------------------------------- */

struct gd_node *gd_live_matrices(struct gd_graph *g, const struct gd_node *y,
                                 const struct gd_node *dy, int trailing)
{
	int lead = y->rank - trailing;
	unsigned axes = ((1u << trailing) - 1) << lead;
	struct gd_node *mask = gd_mask_any(g, dy ? dy->mask : NULL, y->rank, axes);
	if (!mask)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < lead; i++) {
		int own = i - (y->rank - mask->rank);
		shape[i] = own < 0 ? 1 : mask->shape[own];
	}
	shape[lead] = shape[lead + 1] = 1;
	return gd_reshape(g, mask, lead + 2, shape);
}

struct gd_node *gd_for_matrices(struct gd_graph *g, struct gd_node *d, struct gd_node *live,
                                const struct gd_node *x)
{
	d = gd_only(g, d, live);
	struct gd_node *dx = gd_sum_to(g, d, x->rank, x->shape);
	if (dx)
		gd_set_mask(dx, gd_mask_to(g, live, d, x));
	return dx;
}

struct gd_node *gd_transpose(struct gd_graph *g, struct gd_node *x)
{
	return x ? gd_swap_axes(g, x, x->rank - 2, x->rank - 1) : NULL;
}

struct gd_node *gd_as_row(struct gd_graph *g, struct gd_node *s)
{
	if (!s)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, s->shape, sizeof shape);
	shape[s->rank - 1] = 1;
	shape[s->rank] = s->shape[s->rank - 1];
	return gd_reshape(g, s, s->rank + 1, shape);
}

struct gd_node *gd_as_column(struct gd_graph *g, struct gd_node *s)
{
	if (!s)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, s->shape, sizeof shape);
	shape[s->rank] = 1;
	return gd_reshape(g, s, s->rank + 1, shape);
}

struct gd_node *gd_part(struct gd_graph *g, struct gd_node *x, int axis, int64_t start, int64_t n)
{
	if (!x || x->shape[x->rank + axis] == n)
		return x;
	struct gd_slice s;
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	memcpy(shape, x->shape, sizeof shape);
	s.start[x->rank + axis] = start;
	shape[x->rank + axis] = n;
	return gd_slice(g, x, &s, shape);
}
