/* Shapes: what clients write (negative axes, -1 for "the rest") becomes plain primitives. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"

bool build_transpose(struct gd_call *c)
{
	int a, b;
	struct gd_node *x = c->in[0];
	return gd_axis(c, "dim0", x, &a) && gd_axis(c, "dim1", x, &b) &&
	       gd_give(c, x->rank ? gd_swap_axes(c->g, x, a, b) : x);
}

bool build_permute(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	const struct gd_value *v = gd_param(c, "dims");
	unsigned seen = 0;
	int8_t perm[GD_MAX_RANK] = {0};
	if (v->n != x->rank)
		return gd_param_fail(c, "dims", "names %d axes, but %s has %d", v->n,
		                     gd_label(x, "the input"), x->rank);
	for (int i = 0; i < v->n; i++) {
		int64_t axis = v->ints[i] < 0 ? v->ints[i] + x->rank : v->ints[i];
		if (axis < 0 || axis >= x->rank)
			return gd_param_fail(c, "dims", "names axis %lld, but %s has %d axes",
			                     (long long)v->ints[i], gd_label(x, "the input"),
			                     x->rank);
		if (seen >> axis & 1)
			return gd_param_fail(c, "dims", "names axis %lld twice", (long long)axis);
		seen |= 1u << axis;
		perm[i] = (int8_t)axis;
	}
	return gd_give(c, gd_permute(c->g, x, perm));
}

/* Replaces one -1 by what `count` elements leave for it. */
static bool infer_size(struct gd_call *c, const char *name, const struct gd_node *x, int64_t *shape,
                       int rank)
{
	int open = -1;
	size_t known = 1;
	char from[GD_SHAPE_TEXT], to[GD_SHAPE_TEXT];
	gd_shape_text(x->rank, x->shape, from);
	gd_shape_text(rank, shape, to);
	for (int i = 0; i < rank; i++) {
		if (shape[i] < -1)
			return gd_param_fail(c, name, "has the size %lld", (long long)shape[i]);
		if (shape[i] == -1 && open >= 0)
			return gd_param_fail(c, name,
			                     "%s leaves two sizes open: only one can be -1", to);
		if (shape[i] == -1)
			open = i;
		else if (__builtin_mul_overflow(known, (size_t)shape[i], &known))
			return gd_param_fail(c, name, "%s has too many elements", to);
	}
	if (open >= 0 && (known == 0 || x->count % known != 0))
		return gd_param_fail(c, name, "%s does not divide the %zu elements of %s %s", to,
		                     x->count, gd_label(x, "the input"), from);
	if (open >= 0) {
		shape[open] = (int64_t)(x->count / known);
	} else if (known != x->count) {
		gd_param_fail(c, name, "%s has %zu elements, but %s %s has %zu", to, known,
		              gd_label(x, "the input"), from, x->count);
		gd_error_shapes(c->g->error, rank, shape, x->rank, x->shape);
		return false;
	}
	return true;
}

bool build_reshape(struct gd_call *c)
{
	const struct gd_value *v = gd_param(c, "shape");
	int64_t shape[GD_MAX_RANK];
	if (!gd_few_enough(c, "shape"))
		return false;
	memcpy(shape, v->ints, (size_t)v->n * sizeof *shape);
	return infer_size(c, "shape", c->in[0], shape, v->n) &&
	       gd_give(c, gd_reshape(c->g, c->in[0], v->n, shape));
}

bool build_squeeze(struct gd_call *c)
{
	unsigned axes;
	struct gd_node *x = c->in[0];
	const struct gd_value *v = gd_param(c, "dim");
	if (!gd_axes(c, "dim", x, &axes))
		return false;
	if (!v->null && v->n == 0)
		axes = 0;
	int64_t shape[GD_MAX_RANK];
	int rank = 0;
	for (int i = 0; i < x->rank; i++)
		if (!(axes >> i & 1) || x->shape[i] != 1)
			shape[rank++] = x->shape[i];
	return gd_give(c, gd_reshape(c->g, x, rank, shape));
}

bool build_unsqueeze(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	int64_t dim = gd_int(c, "dim"), axis = dim < 0 ? dim + x->rank + 1 : dim;
	if (axis < 0 || axis > x->rank)
		return gd_param_fail(c, "dim", "is %lld, but %s has %d axes: it takes %d to %d",
		                     (long long)dim, gd_label(x, "the input"), x->rank,
		                     -x->rank - 1, x->rank);
	int64_t shape[GD_MAX_RANK];
	for (int i = 0, k = 0; i <= x->rank; i++)
		shape[i] = i == axis ? 1 : x->shape[k++];
	return gd_give(c, gd_reshape(c->g, x, x->rank + 1, shape));
}

bool build_expand(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	const struct gd_value *v = gd_param(c, "size");
	int64_t shape[GD_MAX_RANK];
	char from[GD_SHAPE_TEXT], to[GD_SHAPE_TEXT];
	gd_shape_text(x->rank, x->shape, from);
	gd_shape_text(v->n, v->ints, to);
	if (!gd_few_enough(c, "size"))
		return false;
	if (v->n < x->rank)
		return gd_param_fail(c, "size", "%s has fewer axes than %s %s", to,
		                     gd_label(x, "the input"), from);
	for (int i = 0; i < v->n; i++) {
		int k = i - (v->n - x->rank);
		int64_t have = k < 0 ? 1 : x->shape[k];
		shape[i] = v->ints[i] == -1 && k >= 0 ? have : v->ints[i];
		if (shape[i] < 0 || (have != 1 && have != shape[i])) {
			gd_param_fail(c, "size",
			              "%s does not fit %s %s: only axes of size 1 repeat", to,
			              gd_label(x, "the input"), from);
			gd_error_shapes(c->g->error, v->n, v->ints, x->rank, x->shape);
			return false;
		}
	}
	return gd_give(c, gd_expand(c->g, x, v->n, shape));
}

/* PyTorch leaves out empty vectors, of whatever the others' shape is. */
bool build_cat(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	int axis, n = 0;
	struct gd_node **in = gd_alloc_array(g->arena, (size_t)c->n_in, sizeof *in);
	if (!in)
		return gd_arena_fail(g->arena, g->error);
	for (int k = 0; k < c->n_in; k++)
		if (c->in[k]->rank != 1 || c->in[k]->count)
			in[n++] = c->in[k];
	if (n == 0)
		in[n++] = c->in[0];
	if (!gd_axis(c, "dim", in[0], &axis))
		return false;
	for (int k = 0; k < n; k++) {
		bool fits = in[k]->rank == in[0]->rank && in[k]->rank > 0;
		for (int i = 0; i < in[0]->rank && fits; i++)
			fits = i == axis || in[k]->shape[i] == in[0]->shape[i];
		if (!fits) {
			char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
			gd_shape_fail(
			        g, in[0], in[k],
			        "%s %s and %s %s may differ along axis %d only, and a scalar has "
			        "none",
			        gd_label(in[0], "the first input"),
			        gd_shape_text(in[0]->rank, in[0]->shape, a),
			        gd_label(in[k], "an input"),
			        gd_shape_text(in[k]->rank, in[k]->shape, b), axis);
			return false;
		}
	}
	return gd_give(c, gd_cat(g, n, in, axis));
}

/* Python's rule for a bound of a slice of n elements. */
static int64_t bound(const struct gd_value *v, int64_t n, int64_t missing)
{
	if (v->null)
		return missing;
	int64_t i = v->i < 0 ? (v->i < -n ? 0 : v->i + n) : v->i;
	return i > n ? n : i;
}

bool build_slice(struct gd_call *c)
{
	int axis;
	struct gd_node *x = c->in[0];
	int64_t step = gd_int(c, "step");
	if (!gd_axis(c, "dim", x, &axis))
		return false;
	if (x->rank == 0)
		return gd_param_fail(c, "dim", "has nothing to slice: %s is a scalar",
		                     gd_label(x, "the input"));
	if (step < 1)
		return gd_param_fail(c, "step", "is %lld, but must be at least 1", (long long)step);
	struct gd_slice s;
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	int64_t shape[GD_MAX_RANK], n = x->shape[axis];
	memcpy(shape, x->shape, sizeof shape);
	int64_t start = bound(gd_param(c, "start"), n, 0), end = bound(gd_param(c, "end"), n, n);
	s.start[axis] = start;
	s.step[axis] = step <= n ? step : n + 1; /* as good, and no product overflows */
	shape[axis] = end > start ? (end - start - 1) / step + 1 : 0;
	return gd_give(c, gd_slice(c->g, x, &s, shape));
}
