/* Elements chosen by index tensors. Along the axis, indices point; along the others, index and
 * input walk together. */
#include <string.h>

#include "core/build.h"
#include "core/layers/indexing.h"
#include "core/layers/layers.h"
#include "core/ops/integers.h"
#include "core/ops/rows.h"

struct gd_node *gd_index_leaf(struct gd_graph *g, int64_t n, int64_t **data)
{
	struct gd_tensor t = {.dtype = GD_INT64, .rank = 1, .shape = {n}};
	if (!gd_shape_count(1, t.shape, &t.count))
		return gd_graph_fail(g, GD_ERR_limit_exceeded, "the result has too many elements");
	t.data = gd_data_alloc(g->arena, t.count * sizeof(int64_t));
	if (!t.data) {
		gd_arena_fail(g->arena, g->error);
		gd_error_pointer(g->error, "%s", g->origin);
		return NULL;
	}
	*data = t.data;
	return gd_leaf(g, &t, NULL);
}

struct gd_node *gd_read_index(struct gd_call *c, int i, int64_t high, bool wrap)
{
	c->indices |= i < 32 ? 1u << i : 0;
	return gd_checked_index(c->g, c->in[i],
	                        &(struct gd_index_rule){.low = wrap ? -high - 1 : 0,
	                                                .high = high,
	                                                .wrap = wrap,
	                                                .role = c->op->operands[i].name});
}

/* A scalar as a vector of one element. */
static struct gd_node *at_least_1d(struct gd_graph *g, struct gd_node *x)
{
	return x && x->rank == 0 ? gd_reshape(g, x, 1, (int64_t[]){1}) : x;
}

static int64_t extent(const struct gd_node *x, int axis)
{
	return x->rank ? x->shape[axis] : 1;
}

/* Zeros of that shape that nothing depends on: what an empty index chooses. */
static struct gd_node *nothing(struct gd_graph *g, const struct gd_node *like)
{
	return gd_expand(g, gd_const(g, 0), like->rank, like->shape);
}

/* Has index as many axes as `other`, and is it no longer along all of them but `axis`? */
static bool reaches_within(struct gd_call *c, const struct gd_node *index,
                           const struct gd_node *other, int axis, const char *role)
{
	int rank = other->rank ? other->rank : 1;
	bool fits = (index->rank ? index->rank : 1) == rank;
	for (int i = 0; i < rank && fits; i++)
		fits = i == axis || extent(index, i) <= extent(other, i);
	if (fits)
		return true;
	char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
	gd_shape_fail(c->g, other, index,
	              "index %s needs as many axes as %s %s, and may not be longer along any%s",
	              gd_shape_text(index->rank, index->shape, a), gd_label(other, role),
	              gd_shape_text(other->rank, other->shape, b), axis < 0 ? "" : " but dim");
	return false;
}

bool build_gather(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *index = c->in[1];
	int axis;
	if (!gd_axis(c, "dim", x, &axis))
		return false;
	if (index->count == 0)
		return gd_give(c, nothing(g, index));
	if (!reaches_within(c, index, x, axis, "the input"))
		return false;
	int rank = index->rank;
	index = at_least_1d(g, gd_read_index(c, 1, extent(x, axis) - 1, false));
	x = gd_within(g, at_least_1d(g, x), axis, index);
	struct gd_node *y = gd_gather(g, x, axis, index);
	return gd_give(c, y && rank == 0 ? gd_reshape(g, y, 0, NULL) : y);
}

/* One axis: a vector of indices, or one index. */
static bool is_vector(struct gd_call *c, int i)
{
	const struct gd_node *x = c->in[i];
	char text[GD_SHAPE_TEXT];
	if (x->rank <= 1)
		return true;
	gd_graph_fail(c->g, GD_ERR_shape_mismatch,
	              "index must be a vector, but it has the shape %s",
	              gd_shape_text(x->rank, x->shape, text));
	return false;
}

bool build_index_select(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int axis;
	if (!gd_axis(c, "dim", x, &axis) || !is_vector(c, 1))
		return false;
	if (x->rank == 0 && c->in[1]->count != 1) {
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "of the scalar %s one element can be chosen, but index has %zu",
		              gd_label(x, "input"), c->in[1]->count);
		return false;
	}
	struct gd_node *index = gd_read_index(c, 1, extent(x, axis) - 1, false);
	struct gd_node *y = gd_index_select(g, at_least_1d(g, x), axis, at_least_1d(g, index));
	return gd_give(c, y && x->rank == 0 ? gd_reshape(g, y, 0, NULL) : y);
}

/* Negative indices count from the end, as nowhere else in PyTorch. */
bool build_take(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *index = c->in[1];
	int64_t count = (int64_t)x->count, n = (int64_t)index->count;
	if (n == 0)
		return gd_give(c, nothing(g, index));
	index = gd_read_index(c, 1, count - 1, true);
	if (!index)
		return false;
	struct gd_node *y =
	        gd_index_select(g, gd_reshape(g, x, 1, &count), 0, gd_reshape(g, index, 1, &n));
	return gd_give(c, gd_reshape(g, y, index->rank, index->shape));
}

/* The operand is `index` or, as PyTorch has it, `indices`. */
bool build_take_along_dim(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int i = c->n_in > 1 && c->in[1] ? 1 : 2, axis;
	if (c->n_in <= i || !c->in[i] || (i == 1 && c->n_in > 2 && c->in[2])) {
		gd_graph_fail(g, GD_ERR_missing_field,
		              "needs its operand index, and only that one");
		return false;
	}
	struct gd_node *index = c->in[i];
	if (gd_param(c, "dim")->null) {
		int64_t count = (int64_t)x->count, n = (int64_t)index->count;
		index = gd_read_index(c, i, count - 1, false);
		return gd_give(c, gd_index_select(g, gd_reshape(g, x, 1, &count), 0,
		                                  gd_reshape(g, index, 1, &n)));
	}
	if (x->rank == 0)
		return gd_param_fail(c, "dim", "has nothing to choose from: %s is a scalar",
		                     gd_label(x, "the input"));
	if (!gd_axis(c, "dim", x, &axis))
		return false;
	int64_t x_shape[GD_MAX_RANK], i_shape[GD_MAX_RANK];
	bool fits = index->rank == x->rank;
	for (int d = 0; d < x->rank && fits; d++) {
		int64_t a = x->shape[d], b = index->shape[d], both = a == 1 ? b : a;
		x_shape[d] = d == axis ? a : both;
		i_shape[d] = d == axis ? b : both;
		fits = d == axis || a == b || a == 1 || b == 1;
	}
	if (!fits) {
		char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
		gd_shape_fail(g, x, index,
		              "index %s needs as many axes as %s %s, and all but dim to broadcast",
		              gd_shape_text(index->rank, index->shape, a), gd_label(x, "the input"),
		              gd_shape_text(x->rank, x->shape, b));
		return false;
	}
	int rank = x->rank;
	index = gd_expand(g, gd_read_index(c, i, extent(x, axis) - 1, false), rank, i_shape);
	return gd_give(c, gd_gather(g, gd_expand(g, x, rank, x_shape), axis, index));
}

/* --- writing ---------------------------------------------------------------------------------- */

/* What scatter and scatter_add write: src as far as index reaches. */
static struct gd_node *part_of_src(struct gd_call *c, struct gd_node *src,
                                   const struct gd_node *index)
{
	struct gd_slice s;
	if (!src || !index || !reaches_within(c, index, src, -1, "src"))
		return NULL;
	src = at_least_1d(c->g, src);
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	return gd_same_shape(src, index) ? src : gd_slice(c->g, src, &s, index->shape);
}

static bool scatter_value(struct gd_call *c, struct gd_node **src)
{
	const struct gd_value *value = gd_param(c, "value");
	*src = c->n_in > 2 ? c->in[2] : NULL;
	if (*src && !value->null)
		return gd_param_fail(c, "value", "does not go with src: it takes one of them");
	if (!*src && value->null) {
		gd_graph_fail(c->g, GD_ERR_missing_field, "needs its operand src, or value");
		return false;
	}
	if (!*src)
		*src = gd_const(c->g, value->f);
	return true;
}

/* Where several elements go to one place, the gradient of all but the last one should be 0. */
static void note_overwritten(struct gd_graph *g, struct gd_node *y, int axis, struct gd_node *index)
{
	if (!y || !index)
		return;
	struct gd_node *ones = gd_expand(g, gd_const(g, 1), index->rank, index->shape);
	struct gd_node *times = gd_scatter_sum(g, ones, axis, index, y->shape[axis]);
	gd_note_kink(g, y, gd_gt(g, times, gd_const(g, 1)),
	             "places were written more than once; each of the elements that went there got "
	             "the place's whole gradient");
}

bool build_scatter(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *index = c->in[1], *src;
	double value;
	int axis;
	if (!gd_axis(c, "dim", x, &axis) || !scatter_value(c, &src))
		return false;
	if (index->count == 0)
		return gd_give(c, x);
	if (!reaches_within(c, index, x, axis, "the input"))
		return false;
	index = at_least_1d(g, gd_read_index(c, 1, extent(x, axis) - 1, false));
	bool constant = gd_is_const(src, &value);
	if (!constant)
		src = part_of_src(c, src, index);
	struct gd_node *y = gd_scatter(g, at_least_1d(g, x), axis, index, src);
	if (!constant)
		note_overwritten(g, y, axis, index);
	return gd_give(c, gd_reshape(g, y, x->rank, x->shape));
}

bool build_scatter_add(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *index = c->in[1];
	int axis;
	if (!gd_axis(c, "dim", x, &axis))
		return false;
	if (index->count == 0)
		return gd_give(c, x);
	if (!reaches_within(c, index, x, axis, "the input"))
		return false;
	index = at_least_1d(g, gd_read_index(c, 1, extent(x, axis) - 1, false));
	struct gd_node *src = part_of_src(c, c->in[2], index), *whole = at_least_1d(g, x);
	struct gd_node *sum = gd_scatter_sum(g, src, axis, index, extent(x, axis));
	if (sum && !gd_same_shape(sum, whole)) {
		struct gd_slice s;
		for (int i = 0; i < GD_MAX_RANK; i++) {
			s.start[i] = 0;
			s.step[i] = 1;
		}
		sum = gd_unslice(g, sum, &s, whole->shape);
	}
	return gd_give(c, gd_reshape(g, gd_add(g, whole, sum), x->rank, x->shape));
}

bool build_index_add(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *source = c->in[2];
	int axis;
	if (!gd_axis(c, "dim", x, &axis) || !is_vector(c, 1))
		return false;
	int rank = x->rank ? x->rank : 1;
	int64_t n = (int64_t)c->in[1]->count;
	bool fits = (source->rank ? source->rank : 1) == rank;
	for (int i = 0; i < rank && fits; i++)
		fits = extent(source, i) == (i == axis ? n : extent(x, i));
	if (!fits) {
		struct gd_node like = *x;
		char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
		like.rank = rank;
		like.shape[axis] = n;
		gd_shape_fail(
		        g, &like, source,
		        "source %s needs the shape %s: that of input, but for dim, where index "
		        "has %lld elements",
		        gd_shape_text(source->rank, source->shape, a),
		        gd_shape_text(like.rank, like.shape, b), (long long)n);
		return false;
	}
	struct gd_node *index = at_least_1d(g, gd_read_index(c, 1, extent(x, axis) - 1, false));
	struct gd_node *sum = gd_index_sum(g, at_least_1d(g, source), axis, index, extent(x, axis));
	sum = gd_mul(g, sum, gd_const(g, gd_float(c, "alpha")));
	return gd_give(c, gd_add(g, x, gd_reshape(g, sum, x->rank, x->shape)));
}
