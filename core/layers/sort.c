/* Order: sort, topk, kthvalue, and where the extremum is. The elements chosen have the gradient. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/ops/sort.h"

static const char ties_text[] = "elements tie in the order; each keeps its own gradient there";

/* Elements [start, start + length) along an axis. */
static struct gd_node *part(struct gd_graph *g, struct gd_node *x, int axis, int64_t start,
                            int64_t length)
{
	struct gd_slice s;
	int64_t shape[GD_MAX_RANK];
	if (!x)
		return NULL;
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = i == axis ? start : 0;
		s.step[i] = 1;
	}
	memcpy(shape, x->shape, sizeof shape);
	shape[axis] = length;
	return length == x->shape[axis] ? x : gd_slice(g, x, &s, shape);
}

/* x with at least one axis, that axis, and its order. */
static bool ordered(struct gd_call *c, bool descending, struct gd_node **x, int *axis,
                    struct gd_node **index)
{
	struct gd_graph *g = c->g;
	*x = c->in[0];
	if (!gd_axis(c, "dim", *x, axis))
		return false;
	if (!(*x)->rank)
		*x = gd_reshape(g, *x, 1, (int64_t[]){1});
	*index = gd_argsort(g, *x, *axis, descending);
	return *index != NULL;
}

/* Results start to start + length of the order: values and indices. */
static bool give_part(struct gd_call *c, struct gd_node *x, int axis, struct gd_node *index,
                      int64_t start, int64_t length, bool keep)
{
	struct gd_graph *g = c->g;
	struct gd_node *sorted = gd_gather(g, x, axis, index);
	int64_t n = x->shape[axis], shape[GD_MAX_RANK];
	/* Neighbours of which one at least is given. */
	int64_t from = start ? start - 1 : 0, to = start + length < n ? start + length : n - 1;
	struct gd_node *out[2] = {part(g, sorted, axis, start, length),
	                          part(g, index, axis, start, length)};
	if (to > from && length)
		gd_note_kink(g, out[0],
		             gd_eq(g, part(g, sorted, axis, from, to - from),
		                   part(g, sorted, axis, from + 1, to - from)),
		             ties_text);
	if (!out[0] || !out[1])
		return false;
	int rank = 0;
	for (int i = 0; i < x->rank && c->in[0]->rank; i++)
		if (i != axis || keep)
			shape[rank++] = out[0]->shape[i];
	for (int i = 0; i < 2; i++)
		out[i] = gd_reshape(g, out[i], rank, shape);
	return gd_give_all(c, 2, out);
}

bool build_sort(struct gd_call *c)
{
	struct gd_node *x, *index;
	int axis;
	return ordered(c, gd_flag(c, "descending"), &x, &axis, &index) &&
	       give_part(c, x, axis, index, 0, x->shape[axis], true);
}

bool build_argsort(struct gd_call *c)
{
	struct gd_node *x, *index;
	int axis;
	return ordered(c, gd_flag(c, "descending"), &x, &axis, &index) &&
	       gd_give(c, gd_reshape(c->g, index, c->in[0]->rank, c->in[0]->shape));
}

static bool check_k(struct gd_call *c, int64_t least, const struct gd_node *x, int axis)
{
	int64_t k = gd_int(c, "k"), n = x->shape[axis];
	least = c->in[0]->rank ? least : 1;
	return (k >= least && k <= n) ||
	       gd_param_fail(c, "k", "is %lld, but must be from %lld to the %lld of axis %d",
	                     (long long)k, (long long)least, (long long)n, axis);
}

/* Always in order, which PyTorch leaves open where `sorted` is false. */
bool build_topk(struct gd_call *c)
{
	struct gd_node *x, *index;
	int axis;
	return ordered(c, gd_flag(c, "largest"), &x, &axis, &index) && check_k(c, 0, x, axis) &&
	       give_part(c, x, axis, index, 0, gd_int(c, "k"), true);
}

bool build_kthvalue(struct gd_call *c)
{
	struct gd_node *x, *index;
	int axis;
	return ordered(c, false, &x, &axis, &index) && check_k(c, 1, x, axis) &&
	       give_part(c, x, axis, index, gd_int(c, "k") - 1, 1, gd_flag(c, "keepdim"));
}

/* Without dim, the place among all elements in one row. */
static bool place(struct gd_call *c, bool largest)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *y;
	bool all = gd_param(c, "dim")->null, keep = gd_flag(c, "keepdim") && x->rank;
	int64_t shape[GD_MAX_RANK];
	int axis = 0, rank = 0;
	if (!all && !gd_axis(c, "dim", x, &axis))
		return false;
	y = all || !x->rank ? gd_reshape(g, x, 1, (int64_t[]){(int64_t)x->count}) : x;
	if (!y)
		return false;
	if (y->shape[axis] == 0)
		return gd_param_fail(c, "dim", "is over nothing: there is no element to point at");
	y = gd_argmax(g, largest ? y : gd_neg(g, y), axis);
	for (int i = 0; i < x->rank; i++)
		if ((!all && i != axis) || keep)
			shape[rank++] = all || i == axis ? 1 : x->shape[i];
	return gd_give(c, gd_reshape(g, y, rank, shape));
}

bool build_argmax(struct gd_call *c)
{
	return place(c, true);
}

bool build_argmin(struct gd_call *c)
{
	return place(c, false);
}
