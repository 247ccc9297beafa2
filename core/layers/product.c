/* matmul with vectors, and linear.
 *
 *   y = x·W + b    dL/dx = dL/dy·Wᵀ    dL/dW = xᵀ·dL/dy    dL/db = column sums of dL/dy   */
#include "core/build.h"
#include "core/layers/layers.h"

/* `length`: what the other operand leaves for it. */
static struct gd_node *no_scalar(struct gd_graph *g, struct gd_node *x, const char *role,
                                 int64_t length)
{
	if (!x || x->rank > 0)
		return x;
	gd_graph_fail(g, GD_ERR_shape_mismatch,
	              "%s is a scalar, but a matrix product needs at least one axis",
	              gd_label(x, role));
	gd_error_shapes(g->error, 1, &length, 0, NULL);
	return NULL;
}

/* The axis of x that a product to its left, or its right, sums over; 1 for a scalar. */
static int64_t summed(const struct gd_node *x, bool to_the_left)
{
	return !x || !x->rank ? 1 : x->shape[x->rank - (to_the_left && x->rank > 1 ? 2 : 1)];
}

struct gd_node *gd_matmul_any(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	a = no_scalar(g, a, "the first operand", summed(b, true));
	b = no_scalar(g, b, "the second operand", summed(a, false));
	if (!a || !b)
		return NULL;
	bool row = a->rank == 1, column = b->rank == 1;
	const char *name_a = a->name, *name_b = b->name;
	if (row)
		a = gd_reshape(g, a, 2, (int64_t[]){1, a->shape[0]});
	if (column)
		b = gd_reshape(g, b, 2, (int64_t[]){b->shape[0], 1});
	if (!a || !b)
		return NULL;
	a->name = name_a;
	b->name = name_b;
	struct gd_node *y = gd_matmul(g, a, b);
	if (!y || (!row && !column))
		return y;
	int64_t shape[GD_MAX_RANK];
	int rank = 0;
	for (int i = 0; i < y->rank; i++)
		if (!(row && i == y->rank - 2) && !(column && i == y->rank - 1))
			shape[rank++] = y->shape[i];
	return gd_reshape(g, y, rank, shape);
}

bool build_matmul(struct gd_call *c)
{
	return gd_give(c, gd_matmul_any(c->g, c->in[0], c->in[1]));
}

bool build_linear(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *w = c->in[1], *b = c->n_in > 2 ? c->in[2] : NULL;
	bool out_in = gd_chosen(c, "weight_layout", "out_in");
	if (!no_scalar(g, x, "input", summed(w, !out_in)))
		return false;
	if (w->rank != 2) {
		int64_t in = summed(x, false), out = summed(b, false);
		gd_graph_fail(g, GD_ERR_shape_mismatch, "%s must be a matrix, but has %d ax%s",
		              gd_label(w, "weight"), w->rank, w->rank == 1 ? "is" : "es");
		gd_error_shapes(g->error, 2, (int64_t[]){out_in ? out : in, out_in ? in : out},
		                w->rank, w->shape);
		return false;
	}
	int64_t features = x->shape[x->rank - 1], rows = w->shape[out_in ? 1 : 0],
	        columns = w->shape[out_in ? 0 : 1];
	if (features != rows) {
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "the last axis of %s has %lld feature%s, but %s has %lld %s%s",
		              gd_label(x, "input"), (long long)features, features == 1 ? "" : "s",
		              gd_label(w, "weight"), (long long)rows, out_in ? "column" : "row",
		              rows == 1 ? "" : "s");
		int64_t needed[2] = {out_in ? columns : features, out_in ? features : columns};
		gd_error_shapes(g->error, 2, needed, 2, w->shape);
		if (features == columns)
			gd_error_hint(g->error, "%s fits with \"weight_layout\": \"%s\"",
			              gd_label(w, "weight"), out_in ? "in_out" : "out_in");
		return false;
	}
	struct gd_node *y = gd_matmul_any(g, x, out_in ? gd_swap_axes(g, w, 0, 1) : w);
	if (!y || !b)
		return gd_give(c, y);
	struct gd_node *biased = NULL;
	int rank;
	int64_t shape[GD_MAX_RANK];
	if (gd_broadcast_shape(y, b, &rank, shape))
		biased = gd_add(g, y, b);
	if (!biased || !gd_same_shape(biased, y)) {
		char text[GD_SHAPE_TEXT];
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "the output has %lld column%s, but %s has the shape %s",
		              (long long)columns, columns == 1 ? "" : "s", gd_label(b, "bias"),
		              gd_shape_text(b->rank, b->shape, text));
		gd_error_shapes(g->error, 1, &columns, b->rank, b->shape);
		return false;
	}
	return gd_give(c, biased);
}
