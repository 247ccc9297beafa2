/* Tensors one behind the other. */
#include "core/build.h"
#include "core/layers/layers.h"

/* PyTorch leaves out empty vectors, of whatever the others' shape is. */
static int drop_empty(int n, struct gd_node **in)
{
	int kept = 0;
	for (int k = 0; k < n; k++)
		if (in[k]->rank != 1 || in[k]->count)
			in[kept++] = in[k];
	return kept ? kept : 1;
}

static bool join(struct gd_call *c, int n, struct gd_node **in, int axis)
{
	struct gd_graph *g = c->g;
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

/* The operands in an array of our own, reshaped by `to` where it is given. */
static struct gd_node **operands(struct gd_call *c,
                                 struct gd_node *(*to)(struct gd_call *c, struct gd_node *x))
{
	struct gd_node **in = gd_alloc_array(c->g->arena, (size_t)c->n_in, sizeof *in);
	if (!in)
		gd_arena_fail(c->g->arena, c->g->error);
	for (int k = 0; in && k < c->n_in; k++) {
		in[k] = to ? to(c, c->in[k]) : c->in[k];
		if (!in[k])
			return NULL;
	}
	return in;
}

bool build_cat(struct gd_call *c)
{
	int axis;
	struct gd_node **in = operands(c, NULL);
	if (!in)
		return false;
	int n = drop_empty(c->n_in, in);
	return gd_axis(c, "dim", in[0], &axis) && join(c, n, in, axis);
}

bool build_stack(struct gd_call *c)
{
	struct gd_node *x = c->in[0], **in = operands(c, NULL);
	int64_t dim = gd_int(c, "dim"), axis = dim < 0 ? dim + x->rank + 1 : dim;
	int64_t shape[GD_MAX_RANK];
	if (!in)
		return false;
	if (axis < 0 || axis > x->rank)
		return gd_param_fail(
		        c, "dim", "is %lld, but the result has %d ax%s: it takes %d to %d",
		        (long long)dim, x->rank + 1, x->rank ? "es" : "is", -x->rank - 1, x->rank);
	for (int i = 0, k = 0; i <= x->rank; i++)
		shape[i] = i == axis ? 1 : x->shape[k++];
	for (int k = 0; k < c->n_in; k++) {
		char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
		if (!gd_same_shape(x, in[k])) {
			gd_shape_fail(c->g, x, in[k], "%s %s and %s %s must have one shape",
			              gd_label(x, "the first input"),
			              gd_shape_text(x->rank, x->shape, a),
			              gd_label(in[k], "an input"),
			              gd_shape_text(in[k]->rank, in[k]->shape, b));
			return false;
		}
		in[k] = gd_reshape(c->g, in[k], x->rank + 1, shape);
	}
	return gd_give(c, gd_cat(c->g, c->n_in, in, (int)axis));
}

/* --- hstack, vstack, dstack, column_stack: at least so many axes, then cat ------------------ */

static struct gd_node *at_least_1d(struct gd_call *c, struct gd_node *x)
{
	return x->rank ? x : gd_reshape(c->g, x, 1, (int64_t[]){1});
}

/* (n) is a row. */
static struct gd_node *at_least_2d(struct gd_call *c, struct gd_node *x)
{
	return x->rank > 1 ? x : gd_reshape(c->g, x, 2, (int64_t[]){1, (int64_t)x->count});
}

/* (n) is (1, n, 1), (m, n) is (m, n, 1). */
static struct gd_node *at_least_3d(struct gd_call *c, struct gd_node *x)
{
	x = at_least_2d(c, x);
	if (!x || x->rank > 2)
		return x;
	return gd_reshape(c->g, x, 3, (int64_t[]){x->shape[0], x->shape[1], 1});
}

/* (n) is a column. */
static struct gd_node *as_column(struct gd_call *c, struct gd_node *x)
{
	return x->rank > 1 ? x : gd_reshape(c->g, x, 2, (int64_t[]){(int64_t)x->count, 1});
}

bool build_hstack(struct gd_call *c)
{
	struct gd_node **in = operands(c, at_least_1d);
	if (!in)
		return false;
	bool vectors = in[0]->rank == 1;
	return join(c, vectors ? drop_empty(c->n_in, in) : c->n_in, in, vectors ? 0 : 1);
}

bool build_vstack(struct gd_call *c)
{
	struct gd_node **in = operands(c, at_least_2d);
	return in && join(c, c->n_in, in, 0);
}

bool build_dstack(struct gd_call *c)
{
	struct gd_node **in = operands(c, at_least_3d);
	return in && join(c, c->n_in, in, 2);
}

bool build_column_stack(struct gd_call *c)
{
	struct gd_node **in = operands(c, as_column);
	return in && join(c, c->n_in, in, 1);
}
