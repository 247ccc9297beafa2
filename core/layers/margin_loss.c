/* Losses that stop counting beyond a margin. */
#include "core/build.h"
#include "core/layers/distance.h"
#include "core/layers/layers.h"

#define C(value) gd_const(g, value)

/* max(0, z) with the derivative 1 at 0, as torch.clamp_min, unlike relu. */
static struct gd_node *hinge(struct gd_graph *g, struct gd_node *z)
{
	struct gd_node *y = gd_where(g, gd_lt(g, z, C(0)), C(0), z);
	gd_note_kink(g, y, gd_eq(g, z, C(0)),
	             "elements are exactly at the margin; derivative of the "
	             "inner side used there");
	return y;
}

bool build_hinge_embedding_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *t = c->in[1];
	if (!gd_same_shapes(c))
		return false;
	struct gd_node *slack = gd_sub(g, C(gd_float(c, "margin")), x);
	/* A slack that does not count is not at the margin. */
	struct gd_node *far = hinge(g, gd_where(g, gd_eq(g, t, C(1)), C(-1), slack));
	struct gd_node *near = gd_where(g, gd_eq(g, t, C(-1)), C(0), x);
	return gd_reduce_loss(c, gd_add(g, far, near));
}

/* All operands have as many axes as the first one. */
static bool equal_ranks(struct gd_call *c)
{
	char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
	for (int i = 1; i < c->n_in; i++)
		if (c->in[i]->rank != c->in[0]->rank) {
			gd_shape_fail(
			        c->g, c->in[0], c->in[i],
			        "%s has the shape %s, but %s has %s, of another number of axes",
			        gd_label(c->in[0], c->op->operands[0].name),
			        gd_shape_text(c->in[0]->rank, c->in[0]->shape, a),
			        gd_label(c->in[i], c->op->operands[i].name),
			        gd_shape_text(c->in[i]->rank, c->in[i]->shape, b));
			return false;
		}
	return true;
}

/* The target is compared with x element by element. */
static bool target_fits(struct gd_call *c, const struct gd_node *x)
{
	const struct gd_node *t = c->in[2];
	char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
	if (!x || gd_same_shape(x, t))
		return x != NULL;
	gd_shape_fail(c->g, x, t, "%s has the shape %s, but a target of %s is needed",
	              gd_label(t, "target"), gd_shape_text(t->rank, t->shape, b),
	              gd_shape_text(x->rank, x->shape, a));
	return false;
}

bool build_margin_ranking_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *t = c->in[2];
	if (!equal_ranks(c))
		return false;
	struct gd_node *d = gd_sub(g, c->in[0], c->in[1]);
	if (!target_fits(c, d))
		return false;
	struct gd_node *z = gd_sub(g, C(gd_float(c, "margin")), gd_mul(g, t, d));
	return gd_reduce_loss(c, hinge(g, z));
}

/* √(Σ x² + 1e-12) along the last axis; PyTorch's 1e-12 is a float. */
static struct gd_node *length(struct gd_graph *g, struct gd_node *x)
{
	struct gd_node *s = gd_sum(g, gd_square(g, x), 1u << (x->rank - 1), false);
	return gd_sqrt(g, gd_add(g, s, C((double)1e-12f)));
}

bool build_cosine_embedding_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *a = c->in[0], *b = c->in[1], *t = c->in[2];
	int rank = t->rank + 1;
	char ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT], tt[GD_SHAPE_TEXT];
	if (t->rank > 1 || a->rank != rank || b->rank != rank) {
		gd_shape_fail(
		        g, a, b->rank != a->rank ? b : t,
		        "needs inputs (N, d) with a target (N), or (d) with a scalar, but got "
		        "%s, %s and %s",
		        gd_shape_text(a->rank, a->shape, ta), gd_shape_text(b->rank, b->shape, tb),
		        gd_shape_text(t->rank, t->shape, tt));
		return false;
	}
	struct gd_node *product = gd_mul(g, a, b);
	struct gd_node *dot = product ? gd_sum(g, product, 1u << (rank - 1), false) : NULL;
	if (!target_fits(c, dot))
		return false;
	struct gd_node *cosine = gd_div(g, gd_div(g, dot, length(g, a)), length(g, b));
	struct gd_node *unlike = gd_eq(g, t, C(-1));
	struct gd_node *over = gd_sub(g, cosine, C(gd_float(c, "margin")));
	struct gd_node *loss = hinge(g, gd_where(g, unlike, over, C(-1)));
	loss = gd_where(g, gd_eq(g, t, C(1)), gd_sub(g, C(1), cosine), loss);
	return gd_reduce_loss(c, loss);
}

/* --- triplets ----------------------------------------------------------------------------- */

/* The distance that the parameters ask for. */
static struct gd_node *distance(struct gd_call *c, struct gd_node *a, struct gd_node *b)
{
	struct gd_graph *g = c->g;
	if (c->op->build == build_triplet_margin_loss)
		return gd_pairwise_distance(g, a, b, gd_float(c, "p"), gd_float(c, "eps"), false);
	if (!gd_chosen(c, "distance_function", "cosine_distance"))
		return gd_pairwise_distance(g, a, b, 2, 1e-6, false);
	if (a->rank == 0) {
		a = gd_reshape(g, a, 1, (int64_t[]){1});
		b = gd_reshape(g, b, 1, (int64_t[]){1});
	}
	return gd_sub(g, C(1), gd_cosine(g, a, b, a ? a->rank - 1 : 0, 1e-8));
}

/* Source: Balntas et al., Learning Shallow Convolutional Feature Descriptors with Triplet Losses.
 */
static bool triplet(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	if (!equal_ranks(c))
		return false;
	struct gd_node *near = distance(c, c->in[0], c->in[1]);
	struct gd_node *far = distance(c, c->in[0], c->in[2]);
	if (gd_flag(c, "swap"))
		far = gd_minimum(g, far, distance(c, c->in[1], c->in[2]));
	struct gd_node *z = gd_add(g, gd_sub(g, near, far), C(gd_float(c, "margin")));
	return gd_reduce_loss(c, hinge(g, z));
}

bool build_triplet_margin_loss(struct gd_call *c)
{
	double p = gd_float(c, "p");
	if (p != p)
		return gd_param_fail(c, "p", "is not a number");
	return triplet(c);
}

bool build_triplet_margin_with_distance_loss(struct gd_call *c)
{
	return triplet(c);
}

/* --- logistic ----------------------------------------------------------------------------- */

bool build_soft_margin_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	if (!gd_same_shapes(c))
		return false;
	return gd_reduce_loss(c, gd_neg(g, gd_logsigmoid(g, gd_mul(g, c->in[0], c->in[1]))));
}

bool build_multilabel_soft_margin_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *t = c->in[1], *weight = c->n_in > 2 ? c->in[2] : NULL;
	if (!gd_same_shapes(c))
		return false;
	if (x->rank == 0) {
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "%s is a scalar, but needs an axis of classes", gd_label(x, "input"));
		gd_error_shapes(g->error, 1, (int64_t[]){1}, 0, NULL);
		return false;
	}
	struct gd_node *is = gd_mul(g, t, gd_logsigmoid(g, x));
	struct gd_node *is_not = gd_mul(g, gd_sub(g, C(1), t), gd_logsigmoid(g, gd_neg(g, x)));
	struct gd_node *loss = gd_neg(g, gd_add(g, is, is_not));
	if (weight)
		loss = gd_mul(g, loss, weight);
	if (loss && !gd_same_shape(loss, x)) {
		gd_shape_fail(g, x, weight, "%s does not broadcast to the input",
		              gd_label(weight, "weight"));
		return false;
	}
	return gd_reduce_loss(c, gd_mean(g, loss, 1u << (x->rank - 1), false));
}

#undef C
