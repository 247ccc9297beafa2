/* Shapes: what clients write (negative axes, -1 for "the rest") becomes plain primitives. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"

static bool swap(struct gd_call *c, const char *first, const char *second)
{
	int a, b;
	struct gd_node *x = c->in[0];
	return gd_axis(c, first, x, &a) && gd_axis(c, second, x, &b) &&
	       gd_give(c, x->rank ? gd_swap_axes(c->g, x, a, b) : x);
}

bool build_transpose(struct gd_call *c)
{
	return swap(c, "dim0", "dim1");
}

bool build_swapaxes(struct gd_call *c)
{
	return swap(c, "axis0", "axis1");
}

/* Axis source[i] goes to destination[i]; the others fill the rest in their order. */
bool build_movedim(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	const struct gd_value *from = gd_param(c, "source"), *to = gd_param(c, "destination");
	int8_t perm[GD_MAX_RANK] = {0};
	unsigned taken = 0, filled = 0;
	if (from->n != to->n)
		return gd_param_fail(c, "destination", "names %d axes, but source names %d", to->n,
		                     from->n);
	for (int i = 0; i < from->n; i++) {
		int a = 0, b = 0;
		if (!gd_axis_of(c, "source", x, from->ints[i], &a) ||
		    !gd_axis_of(c, "destination", x, to->ints[i], &b))
			return false;
		if (taken >> a & 1)
			return gd_param_fail(c, "source", "names axis %d twice", a);
		if (filled >> b & 1)
			return gd_param_fail(c, "destination", "names axis %d twice", b);
		taken |= 1u << a;
		filled |= 1u << b;
		perm[b] = (int8_t)a;
	}
	for (int a = 0, b = 0; a < x->rank; a++) {
		if (taken >> a & 1)
			continue;
		while (filled >> b & 1)
			b++;
		perm[b++] = (int8_t)a;
	}
	return gd_give(c, x->rank ? gd_permute(c->g, x, perm) : x);
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

static bool reshape_to(struct gd_call *c, const char *name)
{
	const struct gd_value *v = gd_param(c, name);
	int64_t shape[GD_MAX_RANK];
	if (!gd_few_enough(c, name))
		return false;
	memcpy(shape, v->ints, (size_t)v->n * sizeof *shape);
	return infer_size(c, name, c->in[0], shape, v->n) &&
	       gd_give(c, gd_reshape(c->g, c->in[0], v->n, shape));
}

bool build_reshape(struct gd_call *c)
{
	return reshape_to(c, "shape");
}

bool build_view(struct gd_call *c)
{
	return reshape_to(c, "size");
}

/* A scalar becomes a vector of one. */
bool build_ravel(struct gd_call *c)
{
	return gd_give(c, gd_reshape(c->g, c->in[0], 1, (int64_t[]){(int64_t)c->in[0]->count}));
}

bool build_flatten(struct gd_call *c)
{
	int from, to, rank = 0;
	struct gd_node *x = c->in[0];
	int64_t shape[GD_MAX_RANK];
	if (!gd_axis(c, "start_dim", x, &from) || !gd_axis(c, "end_dim", x, &to))
		return false;
	if (from > to)
		return gd_param_fail(c, "end_dim", "is axis %d, which comes before start_dim, %d",
		                     to, from);
	if (x->rank == 0)
		return build_ravel(c);
	for (int i = 0; i < x->rank; i++) {
		if (i > from && i <= to)
			shape[rank - 1] *= x->shape[i];
		else
			shape[rank++] = x->shape[i];
	}
	return gd_give(c, gd_reshape(c->g, x, rank, shape));
}

/* The sizes of one axis are inferred like those of a whole tensor. */
bool build_unflatten(struct gd_call *c)
{
	int axis;
	struct gd_node *x = c->in[0];
	const struct gd_value *v = gd_param(c, "sizes");
	int64_t sizes[GD_MAX_RANK], shape[GD_MAX_RANK];
	if (x->rank == 0)
		return gd_param_fail(c, "dim", "has nothing to split: %s is a scalar",
		                     gd_label(x, "the input"));
	if (!gd_axis(c, "dim", x, &axis) || !gd_few_enough(c, "sizes"))
		return false;
	if (v->n == 0)
		return gd_param_fail(c, "sizes", "needs at least one size");
	struct gd_node one = {.rank = 1, .shape = {x->shape[axis]}, .name = x->name};
	one.count = (size_t)x->shape[axis];
	memcpy(sizes, v->ints, (size_t)v->n * sizeof *sizes);
	if (!infer_size(c, "sizes", &one, sizes, v->n))
		return false;
	memcpy(shape, x->shape, (size_t)axis * sizeof *shape);
	memcpy(shape + axis, sizes, (size_t)v->n * sizeof *shape);
	memcpy(shape + axis + v->n, x->shape + axis + 1,
	       (size_t)(x->rank - axis - 1) * sizeof *shape);
	return gd_give(c, gd_reshape(c->g, x, x->rank - 1 + v->n, shape));
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
