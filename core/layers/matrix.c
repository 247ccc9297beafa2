/* Triangles and diagonals. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/ops/band.h"
#include "core/ops/strided.h"

static bool is_matrix(struct gd_call *c, bool batches)
{
	const struct gd_node *x = c->in[0];
	char text[GD_SHAPE_TEXT];
	if (x->rank == 2 || (x->rank > 2 && batches))
		return true;
	gd_graph_fail(c->g, GD_ERR_shape_mismatch, "needs a matrix, but %s has the shape %s",
	              gd_label(x, "the input"), gd_shape_text(x->rank, x->shape, text));
	return false;
}

bool build_tril(struct gd_call *c)
{
	return is_matrix(c, true) &&
	       gd_give(c, gd_band(c->g, c->in[0], INT64_MIN, gd_int(c, "diagonal")));
}

bool build_triu(struct gd_call *c)
{
	return is_matrix(c, true) &&
	       gd_give(c, gd_band(c->g, c->in[0], gd_int(c, "diagonal"), INT64_MAX));
}

/* A diagonal of axes a and b: where it begins, its step and its length, in a view of the whole. */
static int64_t diagonal_view(const struct gd_node *whole, int a, int b, int64_t offset,
                             struct gd_view *view)
{
	int64_t rows = whole->shape[a], columns = whole->shape[b], length;
	if (offset >= columns || offset <= -rows)
		return 0;
	if (offset >= 0)
		length = columns - offset < rows ? columns - offset : rows;
	else
		length = rows + offset < columns ? rows + offset : columns;
	view->offset = offset >= 0 ? offset * view->stride[b] : -offset * view->stride[a];
	return length;
}

/* The other axes, then the diagonal as the last one. */
static struct gd_node *diagonal(struct gd_graph *g, struct gd_node *x, int a, int b, int64_t offset)
{
	struct gd_view view = gd_whole(x);
	int64_t shape[GD_MAX_RANK], step = view.stride[a] + view.stride[b];
	int64_t length = diagonal_view(x, a, b, offset, &view);
	int rank = 0;
	for (int i = 0; i < x->rank; i++)
		if (i != a && i != b) {
			shape[rank] = x->shape[i];
			view.stride[rank++] = view.stride[i];
		}
	shape[rank] = length;
	view.stride[rank++] = step;
	return gd_strided(g, x, rank, shape, &view);
}

/* Its adjoint: x's last axis on a diagonal of the new axes a and b, of zeros elsewhere. */
static struct gd_node *embedded(struct gd_call *c, struct gd_node *x, int a, int b, int64_t offset,
                                const char *name)
{
	struct gd_graph *g = c->g;
	struct gd_node whole = {.rank = x->rank + 1};
	struct gd_view from, view = {0};
	int64_t side, size = x->shape[x->rank - 1], away;
	size_t count;
	if (offset == INT64_MIN ||
	    __builtin_add_overflow(size, offset < 0 ? -offset : offset, &side))
		return gd_param_fail(c, name, "is too far away"), NULL;
	for (int i = 0, k = 0; i < whole.rank; i++)
		whole.shape[i] = i == a || i == b ? side : x->shape[k++];
	if (!gd_shape_count(whole.rank, whole.shape, &count))
		return gd_param_fail(c, name, "makes too many elements"), NULL;
	from = gd_whole(&whole);
	away = offset >= 0 ? offset * from.stride[b] : -offset * from.stride[a];
	view.offset = away;
	int rank = 0;
	for (int i = 0; i < whole.rank; i++)
		if (i != a && i != b)
			view.stride[rank++] = from.stride[i];
	view.stride[rank] = from.stride[a] + from.stride[b];
	return gd_unstrided(g, x, whole.rank, whole.shape, &view);
}

static bool two_axes(struct gd_call *c, const struct gd_node *x, int *a, int *b)
{
	if (!gd_axis(c, "dim1", x, a) || !gd_axis(c, "dim2", x, b))
		return false;
	if (*a == *b)
		return gd_param_fail(c, "dim2", "is axis %d, as dim1 is", *b);
	return true;
}

bool build_diagonal(struct gd_call *c)
{
	int a, b;
	return two_axes(c, c->in[0], &a, &b) &&
	       gd_give(c, diagonal(c->g, c->in[0], a, b, gd_int(c, "offset")));
}

bool build_diag_embed(struct gd_call *c)
{
	int a, b;
	struct gd_node *x = c->in[0], result = {.rank = x->rank + 1};
	if (x->rank == 0) {
		gd_graph_fail(c->g, GD_ERR_shape_mismatch,
		              "needs at least a vector, but %s is a scalar",
		              gd_label(x, "the input"));
		return false;
	}
	result.name = "the result";
	return two_axes(c, &result, &a, &b) &&
	       gd_give(c, embedded(c, x, a, b, gd_int(c, "offset"), "offset"));
}

/* A vector on a diagonal, or a matrix's diagonal. */
bool build_diag(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	if (x->rank == 1)
		return gd_give(c, embedded(c, x, 0, 1, gd_int(c, "diagonal"), "diagonal"));
	if (x->rank == 2)
		return gd_give(c, diagonal(c->g, x, 0, 1, gd_int(c, "diagonal")));
	char text[GD_SHAPE_TEXT];
	gd_graph_fail(c->g, GD_ERR_shape_mismatch,
	              "needs a vector or a matrix, but %s has the shape %s",
	              gd_label(x, "the input"), gd_shape_text(x->rank, x->shape, text));
	return false;
}

bool build_diagflat(struct gd_call *c)
{
	struct gd_node *x = gd_reshape(c->g, c->in[0], 1, (int64_t[]){(int64_t)c->in[0]->count});
	return x && gd_give(c, embedded(c, x, 0, 1, gd_int(c, "offset"), "offset"));
}

bool build_trace(struct gd_call *c)
{
	return is_matrix(c, false) &&
	       gd_give(c, gd_sum_all(c->g, diagonal(c->g, c->in[0], 0, 1, 0)));
}
