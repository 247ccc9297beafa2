/* Sums of cotangents. A sequence that is read step by step, with weights shared by the steps, would
 * cost a sum of whole tensors a step; two sums have a better form:
 *
 *   unslice(a) + unslice(b) = unslice(cat(a, b))            where the slices are neighbours
 *   aᵀ·b + cᵀ·d             = cat(c, a)ᵀ · cat(d, b)                                          */
#include "core/ops/accumulate.h"

#include "core/build.h"
#include "core/ops/strided.h"

enum {
	SMALL = 256, /* a longer product hides the cost of adding its result */
	PARTS = 256, /* each sum on the way to the last one lists its parts */
};

static int put(struct gd_node **parts, struct gd_node *x, bool open)
{
	if (!open) {
		*parts = x;
		return 1;
	}
	for (int i = 0; i < x->n_in; i++)
		parts[i] = x->in[i];
	return x->n_in;
}

/* x and y, or the parts that they are cats of, as one cat: no part is copied twice. */
static struct gd_node *join(struct gd_graph *g, struct gd_node *x, struct gd_node *y, int axis)
{
	struct gd_node *parts[PARTS];
	bool open_x = gd_is_cat(x, axis), open_y = gd_is_cat(y, axis);
	if ((open_x ? x->n_in : 1) + (open_y ? y->n_in : 1) > PARTS)
		open_x = open_y = false;
	int n = put(parts, x, open_x);
	n += put(parts + n, y, open_y);
	return gd_cat(g, n, parts, axis);
}

/* The one axis along which slice a ends where slice b begins, or -1. */
static int neighbours(const struct gd_node *a, const struct gd_node *b)
{
	const struct gd_slice *s = gd_unsliced_at(a), *t = gd_unsliced_at(b);
	const int64_t *n = a->in[0]->shape, *m = b->in[0]->shape;
	int axis = -1;
	for (int i = 0; i < a->rank; i++) {
		if (s->step[i] == t->step[i] && s->start[i] == t->start[i] && n[i] == m[i])
			continue;
		if (axis >= 0 || s->step[i] != 1 || t->step[i] != 1 ||
		    s->start[i] + n[i] != t->start[i])
			return -1;
		axis = i;
	}
	return axis;
}

static struct gd_node *side_by_side(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	if (!gd_unsliced_at(a) || !gd_unsliced_at(b))
		return NULL;
	int axis = neighbours(a, b);
	if (axis < 0) {
		struct gd_node *first = b;
		b = a;
		a = first;
		axis = neighbours(a, b);
	}
	if (axis < 0)
		return NULL;
	struct gd_node *x = join(g, a->in[0], b->in[0], axis);
	return x && gd_same_shape(x, a) ? x : gd_unslice(g, x, gd_unsliced_at(a), a->shape);
}

/* aᵀ·b of few rows, or one that such products have become. */
static bool is_small_product(const struct gd_node *x)
{
	if (!gd_is_transposed_product(x))
		return false;
	const struct gd_node *a = x->in[0];
	return (gd_is_cat(a, 0) ? a->in[0] : a)->shape[0] <= SMALL;
}

static struct gd_node *one_product(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	if (!is_small_product(a) || !is_small_product(b))
		return NULL;
	/* Of what is read in order the newest cotangents are the first rows, as in side_by_side. */
	struct gd_node *left = join(g, b->in[0], a->in[0], 0);
	return gd_matmul(g, gd_swap_axes(g, left, 0, 1), join(g, b->in[1], a->in[1], 0));
}

struct gd_node *gd_accumulate(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	struct gd_node *y = side_by_side(g, a, b);
	if (!y)
		y = one_product(g, a, b);
	return y || gd_failed(g) ? y : gd_add_sparse(g, a, b);
}
