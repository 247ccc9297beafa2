/* cross_entropy and nll_loss: classes on axis 1, or on axis 0 of a vector. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/ops/integers.h"

struct classes {
	int axis;
	int64_t count;
	struct gd_node *log_p;   /* log-probabilities, of the input's shape */
	struct gd_node *weight;  /* (C), or NULL */
	struct gd_node *index;   /* target with a class axis of size 1, ignored ones at class 0 */
	struct gd_node *counted; /* 1, or 0 where ignored; of index's shape */
};

static bool find_classes(struct gd_call *c, struct classes *k)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	if (x->rank == 0) {
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "%s is a scalar, but needs an axis of classes", gd_label(x, "input"));
		gd_error_shapes(g->error, 1, (int64_t[]){1}, 0, NULL);
		return false;
	}
	k->axis = x->rank == 1 ? 0 : 1;
	k->count = x->shape[k->axis];
	k->weight = c->n_in > 2 ? c->in[2] : NULL;
	if (k->weight && (k->weight->rank != 1 || k->weight->shape[0] != k->count)) {
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "weight needs one number for each of the %lld "
		              "classes",
		              (long long)k->count);
		gd_error_shapes(g->error, 1, &k->count, k->weight->rank, k->weight->shape);
		return false;
	}
	return true;
}

/* The target's classes, checked when they are evaluated; its shape is the input's without the class
 * axis. */
static bool read_target(struct gd_call *c, struct classes *k)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *t = c->in[1];
	int64_t want[GD_MAX_RANK], ignored = gd_int(c, "ignore_index");
	int rank = 0;
	for (int i = 0; i < x->rank; i++)
		if (i != k->axis)
			want[rank++] = x->shape[i];
	if (t->rank != rank || memcmp(t->shape, want, (size_t)rank * sizeof *want) != 0) {
		char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT], w[GD_SHAPE_TEXT];
		gd_graph_fail(
		        g, GD_ERR_shape_mismatch,
		        "%s has the shape %s, but %s has %s where class indices of shape %s are "
		        "needed",
		        gd_label(x, "input"), gd_shape_text(x->rank, x->shape, a),
		        gd_label(t, "target"), gd_shape_text(t->rank, t->shape, b),
		        gd_shape_text(rank, want, w));
		gd_error_shapes(g->error, rank, want, t->rank, t->shape);
		return false;
	}
	const struct gd_index_rule rule = {
	        .high = k->count - 1, .role = "target", .has_exempt = true, .exempt = ignored};
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	shape[k->axis] = 1;
	c->indices |= 1u << 1;
	struct gd_node *given = gd_reshape(g, gd_checked_index(g, t, &rule), x->rank, shape);
	k->counted = gd_logical_not(g, gd_index_is(g, given, ignored));
	k->counted = gd_cast(g, k->counted, g->dtype);
	k->index = gd_index_replace(g, given, ignored, 0);
	return k->index && k->counted;
}

/* The class's weight at each target, 0 where ignored. */
static struct gd_node *target_weights(struct gd_graph *g, const struct classes *k)
{
	if (!k->weight || k->count == 0)
		return k->counted;
	int64_t flat = (int64_t)k->index->count;
	struct gd_node *w = gd_gather(g, k->weight, 0, gd_reshape(g, k->index, 1, &flat));
	w = gd_reshape(g, w, k->index->rank, k->index->shape);
	return gd_where(g, gd_cast(g, k->counted, GD_BOOL), w, gd_const(g, 0));
}

/* Elementwise losses, the class axis dropped, reduced; mean divides by `divisor`'s sum. */
static bool finish(struct gd_call *c, const struct classes *k, struct gd_node *loss,
                   struct gd_node *divisor)
{
	struct gd_graph *g = c->g;
	if (gd_chosen(c, "reduction", "mean"))
		return gd_give(c, gd_div(g, gd_sum_all(g, loss), gd_sum_all(g, divisor)));
	if (gd_chosen(c, "reduction", "sum"))
		return gd_give(c, gd_sum_all(g, loss));
	return gd_give(c, gd_sum(g, loss, 1u << k->axis, false));
}

/* -w_t·log p_t where counted. `where` keeps an infinite log p of an ignored row out. */
static struct gd_node *nll(struct gd_graph *g, const struct classes *k, struct gd_node *weights)
{
	struct gd_node *picked;
	if (k->count == 0) /* all are ignored, or the target is refused */
		picked = gd_expand(g, gd_const(g, 0), k->index->rank, k->index->shape);
	else
		picked = gd_gather(g, k->log_p, k->axis, k->index);
	struct gd_node *loss = gd_neg(g, gd_mul(g, picked, weights));
	return gd_where(g, gd_cast(g, k->counted, GD_BOOL), loss, gd_const(g, 0));
}

bool build_nll_loss(struct gd_call *c)
{
	struct classes k;
	if (!find_classes(c, &k) || !read_target(c, &k))
		return false;
	k.log_p = c->in[0];
	struct gd_node *weights = target_weights(c->g, &k);
	return finish(c, &k, nll(c->g, &k, weights), weights);
}

/* Class weights as they broadcast against the input. */
static struct gd_node *spread_weights(struct gd_graph *g, const struct classes *k,
                                      const struct gd_node *x)
{
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < x->rank; i++)
		shape[i] = i == k->axis ? k->count : 1;
	return gd_reshape(g, k->weight, x->rank, shape);
}

static struct gd_node *minus_weighted_sum(struct gd_graph *g, const struct classes *k,
                                          struct gd_node *terms)
{
	if (terms && k->weight)
		terms = gd_mul(g, terms, spread_weights(g, k, terms));
	return gd_neg(g, gd_sum(g, terms, 1u << k->axis, true));
}

static bool of_probabilities(struct gd_call *c, struct classes *k, double smoothing)
{
	struct gd_graph *g = c->g;
	struct gd_node *p = gd_cast(g, c->in[1], g->dtype), *x = c->in[0];
	if (smoothing > 0)
		p = gd_add(g, gd_mul(g, p, gd_const(g, 1 - smoothing)),
		           gd_const(g, smoothing / (double)k->count));
	struct gd_node *loss = minus_weighted_sum(g, k, gd_mul(g, k->log_p, p));
	double rows = k->count ? (double)x->count / (double)k->count : 0;
	return finish(c, k, loss, gd_const(g, rows));
}

/* (1 - ε)·nll + ε/C·Σ_c -w_c·log p_c.
 * Source: Szegedy et al., Rethinking the Inception Architecture, section 7. */
bool build_cross_entropy(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct classes k;
	double smoothing = gd_float(c, "label_smoothing");
	if (!(smoothing >= 0 && smoothing <= 1))
		return gd_param_fail(c, "label_smoothing", "is %g, but must be between 0 and 1",
		                     smoothing);
	if (!find_classes(c, &k))
		return false;
	k.log_p = gd_log_softmax(g, c->in[0], k.axis);
	bool floating = gd_is_float(c->in[1]->dtype);
	if (floating && gd_same_shape(c->in[0], c->in[1])) {
		if (gd_int(c, "ignore_index") >= 0)
			return gd_param_fail(c, "ignore_index",
			                     "is a class, but the target holds probabilities");
		return of_probabilities(c, &k, smoothing);
	}
	if (!read_target(c, &k))
		return false;
	struct gd_node *weights = target_weights(g, &k);
	struct gd_node *loss = nll(g, &k, weights);
	if (smoothing > 0) {
		struct gd_node *all = minus_weighted_sum(g, &k, k.log_p);
		all = gd_where(g, gd_cast(g, k.counted, GD_BOOL), all, gd_const(g, 0));
		loss = gd_add(g, gd_mul(g, loss, gd_const(g, 1 - smoothing)),
		              gd_mul(g, all, gd_const(g, smoothing / (double)k.count)));
	}
	return finish(c, &k, loss, weights);
}
