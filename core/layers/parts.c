/* Parts of a tensor: slices, rows, pieces and windows. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/ops/strided.h"

/* An axis of something that has one. */
static bool real_axis(struct gd_call *c, const char *name, int *axis)
{
	struct gd_node *x = c->in[0];
	if (x->rank == 0)
		return gd_param_fail(c, name, "has nothing to choose from: %s is a scalar",
		                     gd_label(x, "the input"));
	return gd_axis(c, name, x, axis);
}

/* Elements [start, start + length) of one axis. */
static struct gd_node *part(struct gd_graph *g, struct gd_node *x, int axis, int64_t start,
                            int64_t length)
{
	struct gd_slice s;
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	memcpy(shape, x->shape, sizeof shape);
	s.start[axis] = start;
	shape[axis] = length;
	return start == 0 && length == x->shape[axis] ? x : gd_slice(g, x, &s, shape);
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
	if (!real_axis(c, "dim", &axis))
		return false;
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

bool build_narrow(struct gd_call *c)
{
	int axis;
	struct gd_node *x = c->in[0];
	int64_t start = gd_int(c, "start"), length = gd_int(c, "length");
	if (!real_axis(c, "dim", &axis))
		return false;
	int64_t n = x->shape[axis];
	if (start < -n || start > n)
		return gd_param_fail(c, "start", "is %lld, but axis %d has the size %lld",
		                     (long long)start, axis, (long long)n);
	start += start < 0 ? n : 0;
	if (length < 0 || length > n - start)
		return gd_param_fail(
		        c, "length", "is %lld, but from %lld on axis %d has %lld elements",
		        (long long)length, (long long)start, axis, (long long)(n - start));
	return gd_give(c, part(c->g, x, axis, start, length));
}

/* Row i, without its axis. */
static struct gd_node *row(struct gd_graph *g, struct gd_node *x, int axis, int64_t i)
{
	struct gd_view view = gd_whole(x);
	int64_t shape[GD_MAX_RANK];
	view.offset = i * view.stride[axis];
	for (int k = 0, d = 0; d < x->rank; d++)
		if (d != axis) {
			shape[k] = x->shape[d];
			view.stride[k++] = view.stride[d];
		}
	return gd_strided(g, x, x->rank - 1, shape, &view);
}

bool build_select(struct gd_call *c)
{
	int axis;
	struct gd_node *x = c->in[0];
	int64_t i = gd_int(c, "index");
	if (!real_axis(c, "dim", &axis))
		return false;
	int64_t n = x->shape[axis];
	if (i < -n || i >= n)
		return gd_param_fail(c, "index", "is %lld, but axis %d has the size %lld",
		                     (long long)i, axis, (long long)n);
	return gd_give(c, row(c->g, x, axis, i < 0 ? i + n : i));
}

/* --- several results ------------------------------------------------------------------------ */

/* Room for n results, if there may be so many. */
static struct gd_node **pieces(struct gd_call *c, const char *name, int64_t n)
{
	struct gd_graph *g = c->g;
	if (n < 1) {
		gd_param_fail(c, name, "leaves nothing to give: there would be no piece");
		return NULL;
	}
	if ((uint64_t)n > g->max_nodes - (size_t)g->n_nodes) {
		gd_graph_fail(g, GD_ERR_limit_exceeded,
		              "%s would give %lld pieces, and a graph has at most %zu operations",
		              name, (long long)n, g->max_nodes);
		return NULL;
	}
	struct gd_node **y = gd_alloc_array(g->arena, (size_t)n, sizeof *y);
	if (!y)
		gd_arena_fail(g->arena, g->error);
	return y;
}

/* n pieces of `each` elements, the last one of what is left; or of the sizes said. */
static bool cut(struct gd_call *c, const char *name, int axis, int64_t n, int64_t each,
                const int64_t *sizes)
{
	struct gd_node *x = c->in[0], **y = pieces(c, name, n);
	int64_t start = 0, length = x->shape[axis];
	for (int64_t k = 0; y && k < n; k++) {
		int64_t size = sizes ? sizes[k] : each < length - start ? each : length - start;
		y[k] = part(c->g, x, axis, start, size);
		start += size;
	}
	return y && gd_give_all(c, (int)n, y);
}

bool build_split(struct gd_call *c)
{
	static const char name[] = "split_size_or_sections";
	int axis;
	const struct gd_value *v = gd_param(c, name);
	if (!real_axis(c, "dim", &axis))
		return false;
	int64_t length = c->in[0]->shape[axis], left = length;
	for (int i = 0; i < v->n; i++) {
		if (v->ints[i] < 0)
			return gd_param_fail(c, name, "has the size %lld", (long long)v->ints[i]);
		if (v->list && v->ints[i] > left)
			left = -1;
		left -= v->list && left >= 0 ? v->ints[i] : 0;
	}
	if (v->list) {
		if (left)
			return gd_param_fail(c, name, "must add up to the %lld elements of axis %d",
			                     (long long)length, axis);
		return cut(c, name, axis, v->n, 0, v->ints);
	}
	int64_t each = v->ints[0];
	if (each == 0 && length > 0)
		return gd_param_fail(c, name, "is 0, but axis %d has the size %lld", axis,
		                     (long long)length);
	return cut(c, name, axis, length > 0 ? (length - 1) / each + 1 : 1, each, NULL);
}

/* Of ⌈n/chunks⌉ elements, so that there may be fewer than chunks; of an empty axis, all empty. */
bool build_chunk(struct gd_call *c)
{
	int axis;
	int64_t chunks = gd_int(c, "chunks");
	if (!real_axis(c, "dim", &axis))
		return false;
	if (chunks < 1)
		return gd_param_fail(c, "chunks", "is %lld, but must be at least 1",
		                     (long long)chunks);
	int64_t n = c->in[0]->shape[axis], each = n ? (n - 1) / chunks + 1 : 0;
	return cut(c, "chunks", axis, n ? (n - 1) / each + 1 : chunks, each, NULL);
}

bool build_unbind(struct gd_call *c)
{
	int axis;
	if (!real_axis(c, "dim", &axis))
		return false;
	int64_t n = c->in[0]->shape[axis];
	struct gd_node **y = pieces(c, "dim", n);
	for (int64_t k = 0; y && k < n; k++)
		y[k] = row(c->g, c->in[0], axis, k);
	return y && gd_give_all(c, (int)n, y);
}

/* --- unfold --------------------------------------------------------------------------------- */

/* The tensor's method: windows along one axis, their elements on a new last axis. A scalar is a
 * vector of one element whose axis goes. */
static bool windows(struct gd_call *c)
{
	int axis;
	struct gd_node *x = c->in[0];
	int64_t size = gd_int(c, "size"), step = gd_int(c, "step");
	if (!gd_axis(c, "dimension", x, &axis))
		return false;
	int64_t n = x->rank ? x->shape[axis] : 1, shape[GD_MAX_RANK];
	if (size < 0 || size > n)
		return gd_param_fail(c, "size",
		                     "is %lld, but must be from 0 to the %lld of axis %d",
		                     (long long)size, (long long)n, axis);
	if (step < 1)
		return gd_param_fail(c, "step", "is %lld, but must be at least 1", (long long)step);
	step = step <= n ? step : n + 1; /* as good, and no product overflows */
	struct gd_view view = gd_whole(x);
	memcpy(shape, x->shape, sizeof shape);
	shape[x->rank] = size;
	view.stride[x->rank] = x->rank ? view.stride[axis] : 1;
	if (x->rank) {
		shape[axis] = (n - size) / step + 1;
		view.stride[axis] *= step;
	}
	return gd_give(c, gd_strided(c->g, x, x->rank + 1, shape, &view));
}

bool build_unfold(struct gd_call *c)
{
	bool window = !gd_param(c, "dimension")->null, layer = !gd_param(c, "kernel_size")->null;
	if (window && layer)
		return gd_param_fail(c, "kernel_size",
		                     "does not go with dimension: one is the layer's, one the "
		                     "tensor method's");
	if (layer)
		return gd_build_im2col(c);
	static const char *const needed[] = {"dimension", "size", "step"};
	for (int i = 0; i < 3; i++)
		if (gd_param(c, needed[i])->null)
			return gd_param_fail(c, needed[i],
			                     "is needed, as dimension, size and step are; or "
			                     "kernel_size for the layer");
	return windows(c);
}
