/* Elements more than once, and elements elsewhere: repeat, flip, roll, rot90. */
#include <string.h>

#include "core/build.h"
#include "core/layers/indexing.h"
#include "core/layers/layers.h"
#include "core/ops/rows.h"
#include "core/ops/strided.h"

/* --- repeat and tile ------------------------------------------------------------------------ */

/* The whole tensor `times[i]` times along axis i: (r, n) merged to one axis each, the r expanded.
 * x already has n axes. */
static bool give_repeated(struct gd_call *c, const char *name, struct gd_node *x, int n,
                          const int64_t *times)
{
	int64_t apart[GD_MAX_RANK], wide[GD_MAX_RANK], shape[GD_MAX_RANK];
	int rank = 0;
	for (int i = 0; x && i < n; i++) {
		if (times[i] < 0)
			return gd_param_fail(c, name, "has the negative number %lld",
			                     (long long)times[i]);
		if (__builtin_mul_overflow(x->shape[i], times[i], &shape[i]))
			return gd_param_fail(c, name, "makes axis %d too long", i);
		if (times[i] != 1) {
			apart[rank] = 1;
			wide[rank++] = times[i];
		}
		apart[rank] = wide[rank] = x->shape[i];
		rank++;
	}
	struct gd_node *y = gd_reshape(c->g, x, rank, apart);
	y = gd_expand(c->g, y, rank, wide);
	return gd_give(c, gd_reshape(c->g, y, n, shape));
}

static struct gd_node *with_leading_axes(struct gd_call *c, int rank)
{
	struct gd_node *x = c->in[0];
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < rank; i++)
		shape[i] = i < rank - x->rank ? 1 : x->shape[i - (rank - x->rank)];
	return gd_reshape(c->g, x, rank, shape);
}

bool build_repeat(struct gd_call *c)
{
	const struct gd_value *v = gd_param(c, "repeats");
	if (!gd_few_enough(c, "repeats"))
		return false;
	if (v->n < c->in[0]->rank)
		return gd_param_fail(c, "repeats", "has %d number%s, but %s has %d axes", v->n,
		                     v->n == 1 ? "" : "s", gd_label(c->in[0], "the input"),
		                     c->in[0]->rank);
	return give_repeated(c, "repeats", with_leading_axes(c, v->n), v->n, v->ints);
}

/* Where dims are fewer than axes, the first axes stay. */
bool build_tile(struct gd_call *c)
{
	const struct gd_value *v = gd_param(c, "dims");
	int64_t times[GD_MAX_RANK];
	if (!gd_few_enough(c, "dims"))
		return false;
	int n = v->n > c->in[0]->rank ? v->n : c->in[0]->rank;
	for (int i = 0; i < n; i++)
		times[i] = i < n - v->n ? 1 : v->ints[i - (n - v->n)];
	return give_repeated(c, "dims", with_leading_axes(c, n), n, times);
}

/* Each element so many times: (n, r) merged to one axis. */
static struct gd_node *each_times(struct gd_graph *g, struct gd_node *x, int axis, int64_t times,
                                  int64_t length)
{
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, (size_t)(axis + 1) * sizeof *shape);
	memcpy(shape + axis + 2, x->shape + axis + 1, (size_t)(x->rank - axis - 1) * sizeof *shape);
	shape[axis + 1] = 1;
	struct gd_node *y = gd_reshape(g, x, x->rank + 1, shape);
	shape[axis + 1] = times;
	y = gd_expand(g, y, x->rank + 1, shape);
	memcpy(shape, x->shape, sizeof shape);
	shape[axis] = length;
	return gd_reshape(g, y, x->rank, shape);
}

bool build_repeat_interleave(struct gd_call *c)
{
	static const char name[] = "repeats";
	const struct gd_value *v = gd_param(c, name);
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int axis = 0;
	if (!gd_param(c, "dim")->null && x->rank == 0)
		return gd_param_fail(c, "dim", "has nothing to repeat: %s is a scalar",
		                     gd_label(x, "the input"));
	if (gd_param(c, "dim")->null)
		x = gd_reshape(g, x, 1, (int64_t[]){(int64_t)x->count});
	else if (!gd_axis(c, "dim", x, &axis))
		return false;
	if (!x)
		return false;
	int64_t n = x->shape[axis], total = 0;
	if (v->n != 1 && v->n != n)
		return gd_param_fail(c, name, "has %d numbers, but axis %d has the size %lld", v->n,
		                     axis, (long long)n);
	for (int i = 0; i < v->n; i++)
		if (v->ints[i] < 0)
			return gd_param_fail(c, name, "has the negative number %lld",
			                     (long long)v->ints[i]);
		else if (__builtin_add_overflow(total, v->ints[i], &total))
			return gd_param_fail(c, name, "makes axis %d too long", axis);
	if (v->n == 1) {
		if (__builtin_mul_overflow(n, v->ints[0], &total))
			return gd_param_fail(c, name, "makes axis %d too long", axis);
		return gd_give(c, each_times(g, x, axis, v->ints[0], total));
	}
	int64_t *row;
	struct gd_node *index = gd_index_leaf(g, total, &row);
	for (int i = 0; index && i < v->n; i++)
		for (int64_t k = 0; k < v->ints[i]; k++)
			*row++ = i;
	return gd_give(c, gd_index_select(g, x, axis, index));
}

/* --- flip, roll and rot90 ------------------------------------------------------------------- */

static struct gd_node *flipped(struct gd_graph *g, struct gd_node *x, unsigned axes)
{
	struct gd_view view = gd_whole(x);
	for (int i = 0; i < x->rank; i++)
		if ((axes >> i & 1) && x->shape[i] > 0) {
			view.offset += (x->shape[i] - 1) * view.stride[i];
			view.stride[i] = -view.stride[i];
		}
	return gd_strided(g, x, x->rank, x->shape, &view);
}

bool build_flip(struct gd_call *c)
{
	unsigned axes = 0;
	struct gd_node *x = c->in[0];
	if (gd_param(c, "dims")->n && !gd_axes(c, "dims", x, &axes))
		return false;
	return gd_give(c, x->rank ? flipped(c->g, x, axes) : x);
}

bool build_fliplr(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	if (x->rank < 2) {
		gd_graph_fail(c->g, GD_ERR_shape_mismatch, "needs at least 2 axes, but %s has %d",
		              gd_label(x, "the input"), x->rank);
		return false;
	}
	return gd_give(c, flipped(c->g, x, 1u << 1));
}

bool build_flipud(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	if (x->rank < 1) {
		gd_graph_fail(c->g, GD_ERR_shape_mismatch,
		              "needs at least 1 axis, but %s is a scalar",
		              gd_label(x, "the input"));
		return false;
	}
	return gd_give(c, flipped(c->g, x, 1u << 0));
}

/* The last `shift` of n elements come first. */
static struct gd_node *rolled(struct gd_graph *g, struct gd_node *x, int axis, int64_t shift)
{
	int64_t n = x ? x->shape[axis] : 0, shape[GD_MAX_RANK];
	if (n == 0)
		return x;
	shift %= n;
	shift += shift < 0 ? n : 0;
	if (shift == 0)
		return x;
	struct gd_slice s;
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	memcpy(shape, x->shape, sizeof shape);
	s.start[axis] = n - shift;
	shape[axis] = shift;
	struct gd_node *last = gd_slice(g, x, &s, shape);
	s.start[axis] = 0;
	shape[axis] = n - shift;
	struct gd_node *both[2] = {last, gd_slice(g, x, &s, shape)};
	return gd_cat(g, 2, both, axis);
}

/* Without dims, all elements in one row. */
bool build_roll(struct gd_call *c)
{
	const struct gd_value *shifts = gd_param(c, "shifts"), *dims = gd_param(c, "dims");
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *y = x;
	if (shifts->n < 1)
		return gd_param_fail(c, "shifts", "needs at least one number");
	if (dims->null || dims->n == 0) {
		if (shifts->n != 1)
			return gd_param_fail(c, "shifts",
			                     "has %d numbers, but without dims it takes one",
			                     shifts->n);
		y = gd_reshape(g, x, 1, (int64_t[]){(int64_t)x->count});
		return gd_give(c,
		               gd_reshape(g, rolled(g, y, 0, shifts->ints[0]), x->rank, x->shape));
	}
	if (shifts->n != dims->n)
		return gd_param_fail(c, "dims", "has %d numbers, but shifts has %d", dims->n,
		                     shifts->n);
	if (x->rank == 0)
		return gd_param_fail(c, "dims", "has nothing to shift: %s is a scalar",
		                     gd_label(x, "the input"));
	/* An axis named twice is shifted by the sum. */
	int64_t shift[GD_MAX_RANK] = {0};
	for (int i = 0; i < dims->n; i++) {
		int axis = 0;
		if (!gd_axis_of(c, "dims", x, dims->ints[i], &axis))
			return false;
		if (x->shape[axis])
			shift[axis] =
			        (shift[axis] + shifts->ints[i] % x->shape[axis]) % x->shape[axis];
	}
	for (int i = 0; i < x->rank; i++)
		y = rolled(g, y, i, shift[i]);
	return gd_give(c, y);
}

/* k quarter turns from the first of dims towards the second. */
bool build_rot90(struct gd_call *c)
{
	const struct gd_value *dims = gd_param(c, "dims");
	struct gd_node *x = c->in[0];
	int a = 0, b = 1, k = (int)(gd_int(c, "k") & 3);
	if (x->rank < 2) {
		gd_graph_fail(c->g, GD_ERR_shape_mismatch,
		              "turns a plane: it needs at least 2 axes, but %s has %d",
		              gd_label(x, "the input"), x->rank);
		return false;
	}
	if (!dims->null && dims->n != 2)
		return gd_param_fail(c, "dims", "must be 2 axes, but has %d", dims->n);
	if (!dims->null && (!gd_axis_of(c, "dims", x, dims->ints[0], &a) ||
	                    !gd_axis_of(c, "dims", x, dims->ints[1], &b)))
		return false;
	if (a == b)
		return gd_param_fail(c, "dims", "names axis %d twice", a);
	unsigned flips = k == 1 ? 1u << b : k == 2 ? 1u << a | 1u << b : k == 3 ? 1u << a : 0;
	struct gd_node *y = k ? flipped(c->g, x, flips) : x;
	return gd_give(c, k & 1 ? gd_swap_axes(c->g, y, a, b) : y);
}
