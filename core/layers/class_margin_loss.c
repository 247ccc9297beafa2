/* Margins between the scores of classes: multi_margin_loss and multilabel_margin_loss. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"

#define C(value) gd_const(g, value)

/* (), (C) and (N, C) read as N rows of C scores. */
struct scores {
	struct gd_node *x; /* (N, C) */
	int64_t n, classes;
};

static bool read_scores(struct gd_call *c, struct scores *s)
{
	struct gd_node *x = c->in[0];
	s->n = x->rank == 2 ? x->shape[0] : 1;
	s->classes = x->rank == 2 ? x->shape[1] : x->rank ? x->shape[0] : 1;
	if (x->rank > 2 || s->classes == 0) {
		char t[GD_SHAPE_TEXT];
		gd_graph_fail(c->g, GD_ERR_shape_mismatch,
		              "%s has the shape %s, but needs scores of at least one class: (C) or "
		              "(N, C)",
		              gd_label(x, "input"), gd_shape_text(x->rank, x->shape, t));
		gd_error_shapes(c->g->error, 2, (int64_t[]){s->n, s->classes ? s->classes : 1},
		                x->rank, x->shape);
		return false;
	}
	s->x = gd_reshape(c->g, x, 2, (int64_t[]){s->n, s->classes});
	return s->x != NULL;
}

/* One target for each row; for a single row a scalar will do. */
static bool one_class_each(struct gd_call *c, const struct scores *s)
{
	const struct gd_node *x = c->in[0], *t = c->in[1];
	char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
	if (t->rank <= 1 && (int64_t)t->count == s->n)
		return true;
	gd_graph_fail(c->g, GD_ERR_shape_mismatch,
	              "%s has the shape %s, but %s has %s where one class for each of %lld rows is "
	              "needed",
	              gd_label(x, "input"), gd_shape_text(x->rank, x->shape, a),
	              gd_label(t, "target"), gd_shape_text(t->rank, t->shape, b), (long long)s->n);
	gd_error_shapes(c->g->error, x->rank == 2, &s->n, t->rank, t->shape);
	return false;
}

/* The weight of each row's class, (N, 1). */
static struct gd_node *class_weights(struct gd_call *c, const struct scores *s,
                                     struct gd_node *index)
{
	struct gd_graph *g = c->g;
	struct gd_node *weight = c->in[2];
	if (weight->rank != 1 || weight->shape[0] != s->classes) {
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "weight needs one number for each of the %lld classes",
		              (long long)s->classes);
		gd_error_shapes(g->error, 1, &s->classes, weight->rank, weight->shape);
		return NULL;
	}
	struct gd_node *w = gd_gather(g, weight, 0, gd_reshape(g, index, 1, &s->n));
	return gd_reshape(g, w, 2, (int64_t[]){s->n, 1});
}

/* Source: Crammer & Singer, On the Algorithmic Implementation of Multiclass Kernel-based Vector
 * Machines. */
bool build_multi_margin_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct scores s;
	int64_t p = gd_int(c, "p");
	if (p != 1 && p != 2)
		return gd_param_fail(c, "p", "is %lld, but must be 1 or 2", (long long)p);
	if (!read_scores(c, &s) || !one_class_each(c, &s))
		return false;
	const struct gd_node *t = c->in[1];
	int64_t column[2] = {s.n, 1};
	struct gd_node *index = gd_as_index(c, 1, 0, s.classes - 1, NULL);
	index = gd_reshape(g, index, 2, column);
	struct gd_node *slack = gd_sub(g, s.x, gd_gather(g, s.x, 1, index));
	slack = gd_add(g, slack, C(gd_float(c, "margin")));
	/* The class itself does not count, nor is it at the margin. */
	struct gd_node *own = gd_scatter_sum(g, gd_expand(g, C(1), 2, column), 1, index, s.classes);
	slack = gd_where(g, gd_cast(g, own, GD_BOOL), C(-1), slack);
	struct gd_node *loss =
	        p == 1 ? gd_relu(g, slack)
	               : gd_square(g, gd_where(g, gd_le(g, slack, C(0)), C(0), slack));
	if (c->n_in > 2 && c->in[2])
		loss = gd_mul(g, loss, class_weights(c, &s, index));
	loss = gd_mean(g, loss, 1u << 1, false);
	return gd_reduce_loss(c, gd_reshape(g, loss, t->rank, t->shape));
}

/* A row's classes up to its first -1: how many they are at most. */
static int64_t most_classes(const struct gd_node *target, const struct scores *s)
{
	const int64_t *t = target->data;
	int64_t most = 0;
	for (int64_t i = 0; i < s->n; i++) {
		int64_t k = 0;
		while (k < s->classes && t[i * s->classes + k] >= 0)
			k++;
		most = k > most ? k : most;
	}
	return most;
}

static bool new_leaf(struct gd_graph *g, struct gd_tensor *t, enum gd_dtype dtype, int64_t rows,
                     int64_t columns)
{
	*t = (struct gd_tensor){.dtype = dtype, .rank = 2};
	t->shape[0] = rows;
	t->shape[1] = columns;
	t->count = (size_t)rows * (size_t)columns; /* no more than the target's */
	t->data = gd_data_alloc(g->arena, t->count * gd_dtype_size(dtype));
	if (!t->data)
		return gd_arena_fail(g->arena, g->error);
	memset(t->data, 0, t->count * gd_dtype_size(dtype));
	return true;
}

/* Σ over the target's classes t and all other classes c of max(0, 1 - x_t + x_c)/C. */
bool build_multilabel_margin_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct scores s;
	int64_t end = -1;
	if (!gd_same_shapes(c) || !read_scores(c, &s))
		return false;
	struct gd_node *target = gd_as_index(c, 1, 0, s.classes - 1, &end);
	if (!target)
		return false;
	int64_t most = most_classes(target, &s);
	struct gd_tensor index, listed, member; /* (N, most), (N, most), (N, C) */
	if (!new_leaf(g, &index, GD_INT64, s.n, most) ||
	    !new_leaf(g, &listed, GD_BOOL, s.n, most) ||
	    !new_leaf(g, &member, GD_BOOL, s.n, s.classes))
		return false;
	for (int64_t i = 0; i < s.n; i++)
		for (int64_t k = 0; k < most; k++) {
			int64_t t = ((int64_t *)target->data)[i * s.classes + k];
			if (t < 0)
				break;
			((int64_t *)index.data)[i * most + k] = t;
			((uint8_t *)listed.data)[i * most + k] = true;
			((uint8_t *)member.data)[i * s.classes + t] = true;
		}
	struct gd_node *own = gd_gather(g, s.x, 1, gd_leaf(g, &index, NULL));
	own = gd_reshape(g, own, 3, (int64_t[]){s.n, most, 1});
	struct gd_node *others = gd_reshape(g, s.x, 3, (int64_t[]){s.n, 1, s.classes});
	struct gd_node *slack = gd_add(g, gd_sub(g, others, own), C(1));
	struct gd_node *counts = gd_logical_and(
	        g, gd_reshape(g, gd_leaf(g, &listed, NULL), 3, (int64_t[]){s.n, most, 1}),
	        gd_reshape(g, gd_logical_not(g, gd_leaf(g, &member, NULL)), 3,
	                   (int64_t[]){s.n, 1, s.classes}));
	struct gd_node *loss = gd_relu(g, gd_where(g, counts, slack, C(-1)));
	loss = gd_div(g, gd_sum(g, loss, 6, false), C((double)s.classes));
	return gd_reduce_loss(c, gd_reshape(g, loss, c->in[0]->rank == 2, &s.n));
}

#undef C
