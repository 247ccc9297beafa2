/* softmax(q·kᵀ/√E + mask)·v. Source: Vaswani et al., Attention Is All You Need, section 3.2. */
#include "core/layers/attention.h"

#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/operands.h"
#include "core/ops/generate.h"

/* The softmax of a row that is -∞ throughout is 0, and so is its gradient, as PyTorch has it since
 * 2.5. */
static struct gd_node *safe_softmax(struct gd_graph *g, struct gd_node *scores)
{
	if (!scores)
		return NULL;
	int axis = scores->rank - 1;
	struct gd_node *zero = gd_const(g, 0), *low = gd_const(g, -(double)INFINITY);
	struct gd_node *dead = gd_eq(g, gd_amax(g, scores, 1u << axis, true), low);
	struct gd_node *live = gd_where(g, dead, zero, scores);
	return gd_where(g, dead, zero, gd_softmax(g, live, axis));
}

struct gd_node *gd_attend(struct gd_graph *g, struct gd_node *q, struct gd_node *k,
                          struct gd_node *v, struct gd_attention_mask mask, double scale,
                          struct gd_node *noise, struct gd_node **weights)
{
	if (!q || !k || !v)
		return NULL;
	q = gd_mul(g, q, gd_const(g, scale));
	struct gd_node *scores = gd_matmul(g, q, gd_swap_axes(g, k, k->rank - 2, k->rank - 1));
	if (mask.added)
		scores = gd_add(g, scores, mask.added);
	if (mask.allowed)
		scores = gd_where(g, mask.allowed, scores, gd_const(g, -(double)INFINITY));
	if (!scores)
		return NULL;
	bool masked = (mask.added || mask.allowed) && scores->shape[scores->rank - 1];
	struct gd_node *w =
	        masked ? safe_softmax(g, scores) : gd_softmax(g, scores, scores->rank - 1);
	if (noise)
		w = gd_mul(g, w, noise);
	if (weights)
		*weights = w;
	return gd_matmul(g, w, v);
}

struct gd_node *gd_project(struct gd_graph *g, struct gd_node *x, struct gd_node *w,
                           struct gd_node *b)
{
	struct gd_node *y = gd_matmul(g, x, gd_swap_axes(g, w, 0, 1));
	return b ? gd_add(g, y, b) : y;
}

/* --- masks -------------------------------------------------------------------------------- */

static bool mask_type(struct gd_call *c, int i)
{
	const struct gd_node *x = gd_operand(c, i);
	if (!x || x->dtype != GD_INT64)
		return true;
	c->bad_operand = i;
	gd_graph_fail(c->g, GD_ERR_wrong_type, "%s is a mask (bool), or numbers to add (floating)",
	              c->op->operands[i].name);
	return false;
}

static void add_mask(struct gd_graph *g, struct gd_attention_mask *mask, struct gd_node *x)
{
	if (x && x->dtype == GD_BOOL)
		mask->allowed = gd_mask_and(g, mask->allowed, gd_logical_not(g, x));
	else if (x)
		mask->added = mask->added ? gd_add(g, mask->added, x) : x;
}

bool gd_shut_masks(struct gd_call *c, int i, bool batched, int64_t n, int64_t heads, int64_t length,
                   int64_t source, struct gd_attention_mask *mask)
{
	struct gd_graph *g = c->g;
	struct gd_node *scores = gd_operand(c, i), *padding = gd_operand(c, i + 1);
	int64_t flat[3] = {n * heads, length, source}, whole[4] = {n, heads, length, source};
	int64_t keys[2] = {n, source}, spread[4] = {n, 1, 1, source};
	*mask = (struct gd_attention_mask){NULL, NULL};
	if (!mask_type(c, i) || !mask_type(c, i + 1))
		return false;
	if (scores && scores->rank == 3) {
		if (!gd_operand_shape(c, i, 3, flat))
			return false;
		scores = gd_reshape(g, scores, 4, whole);
	} else if (!gd_operand_shape(c, i, 2, flat + 1)) {
		return false;
	}
	if (!gd_operand_shape(c, i + 1, batched ? 2 : 1, batched ? keys : keys + 1))
		return false;
	add_mask(g, mask, scores);
	add_mask(g, mask, padding ? gd_reshape(g, padding, 4, spread) : NULL);
	return !gd_failed(g);
}

/* --- scaled_dot_product_attention --------------------------------------------------------- */

/* Heads of keys and values that several heads of queries share, each repeated. */
static struct gd_node *repeat_heads(struct gd_call *c, int i)
{
	struct gd_node *q = c->in[0], *x = c->in[i];
	int r = x->rank;
	if (r < 3 || q->rank < 3 || q->shape[q->rank - 3] == x->shape[r - 3])
		return x;
	int64_t heads = x->shape[r - 3], wanted = q->shape[q->rank - 3];
	if (heads == 0 || wanted % heads != 0) {
		gd_shape_fail(c->g, q, x, "the %lld heads of %s do not divide the %lld of query",
		              (long long)heads, c->op->operands[i].name, (long long)wanted);
		return NULL;
	}
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	memmove(shape + r - 1, shape + r - 2, 2 * sizeof *shape);
	shape[r - 2] = 1;
	struct gd_node *y = gd_reshape(c->g, x, r + 1, shape);
	shape[r - 2] = wanted / heads;
	y = gd_expand(c->g, y, r + 1, shape);
	memmove(shape + r - 2, shape + r - 1, 2 * sizeof *shape);
	shape[r - 3] = wanted;
	return gd_reshape(c->g, y, r, shape);
}

static bool check_extents(struct gd_call *c)
{
	const struct gd_node *q = c->in[0], *k = c->in[1], *v = c->in[2];
	for (int i = 0; i < 3; i++)
		if (!gd_operand_rank(c, i, 2, GD_USER_RANK, "(…, length, features)"))
			return false;
	if (q->shape[q->rank - 1] != k->shape[k->rank - 1])
		return gd_shape_fail(c->g, q, k, "query has %lld features, but key has %lld",
		                     (long long)q->shape[q->rank - 1],
		                     (long long)k->shape[k->rank - 1]) != NULL;
	if (k->shape[k->rank - 2] != v->shape[v->rank - 2])
		return gd_shape_fail(c->g, k, v, "key has the length %lld, but value has %lld",
		                     (long long)k->shape[k->rank - 2],
		                     (long long)v->shape[v->rank - 2]) != NULL;
	return true;
}

/* Noise of the weights' shape, or NULL for none. */
static bool dropout_of(struct gd_call *c, const char *name, double *p, uint64_t *seed)
{
	const struct gd_value *given = gd_param(c, "seed");
	*p = gd_float(c, name);
	*seed = (uint64_t)given->i;
	if (!(*p >= 0 && *p <= 1))
		return gd_param_fail(c, name, "is %g, but must lie between 0 and 1", *p);
	if (*p > 0 && *p < 1 && given->null) {
		gd_graph_fail(c->g, GD_ERR_missing_field,
		              "needs a \"seed\" where %s is not 0, so that the same request has "
		              "the same answer",
		              name);
		return false;
	}
	return true;
}

static struct gd_node *weight_noise(struct gd_graph *g, int rank, const int64_t *shape, double p,
                                    uint64_t seed)
{
	return p > 0 ? gd_noise(g, rank, shape, p, p < 1 ? 1 / (1 - p) : 0, seed) : NULL;
}

bool build_scaled_dot_product_attention(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *q = c->in[0], *k = c->in[1], *v = c->in[2], *noise = NULL;
	struct gd_node *given = gd_operand(c, 3);
	struct gd_attention_mask mask = {NULL, NULL};
	double p;
	uint64_t seed;
	if (!check_extents(c) || !mask_type(c, 3) || !dropout_of(c, "dropout_p", &p, &seed))
		return false;
	if (gd_flag(c, "enable_gqa")) {
		k = repeat_heads(c, 1);
		v = repeat_heads(c, 2);
		if (!k || !v)
			return false;
	}
	double scale = 1 / sqrt((double)q->shape[q->rank - 1]);
	if (!gd_param(c, "scale")->null)
		scale = gd_float(c, "scale");
	struct gd_node ql = *q, kl = *k, lead = {0};
	ql.rank -= 2;
	kl.rank -= 2;
	if (!gd_broadcast_shape(&ql, &kl, &lead.rank, lead.shape))
		return gd_shape_fail(g, q, k, "the leading axes of query and key do not fit") !=
		       NULL;
	lead.shape[lead.rank++] = q->shape[q->rank - 2];
	lead.shape[lead.rank++] = k->shape[k->rank - 2];
	if (given) {
		int rank;
		int64_t all[GD_MAX_RANK];
		if (!gd_broadcast_shape(&lead, given, &rank, all) || rank != lead.rank ||
		    memcmp(all, lead.shape, (size_t)rank * sizeof *all) != 0)
			return gd_shape_fail(g, &lead, given,
			                     "%s does not broadcast to the scores, (…, L, S)",
			                     gd_label(given, "attn_mask")) != NULL;
		if (gd_flag(c, "is_causal"))
			return gd_param_fail(c, "is_causal", "does not go with attn_mask");
		*(given->dtype == GD_BOOL ? &mask.allowed : &mask.added) = given;
	}
	if (gd_flag(c, "is_causal"))
		mask.allowed = gd_lower_mask(g, q->shape[q->rank - 2], k->shape[k->rank - 2]);
	noise = weight_noise(g, lead.rank, lead.shape, p, seed);
	return gd_give(c, gd_attend(g, q, k, v, mask, scale, noise, NULL));
}

/* --- multi_head_attention ----------------------------------------------------------------- */

/* Rows [part·E, (part + 1)·E) of the three projections' weight or bias. */
static struct gd_node *third(struct gd_graph *g, struct gd_node *x, int part)
{
	if (!x)
		return NULL;
	struct gd_slice s;
	int64_t shape[2] = {x->shape[0] / 3, x->shape[1]};
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	s.start[0] = part * shape[0];
	return gd_slice(g, x, &s, shape);
}

/* (N, L, E) or (L, N, E) → (N, heads, L, E/heads), projected. */
static struct gd_node *split_heads(struct gd_graph *g, const struct gd_heads *a, struct gd_node *x,
                                   int part)
{
	if (!x)
		return NULL;
	int64_t shape[4] = {x->shape[0], x->shape[1], a->heads, x->shape[2] / a->heads};
	struct gd_node *y =
	        gd_project(g, x, third(g, a->in_weight, part), third(g, a->in_bias, part));
	static const int8_t batch_first[4] = {0, 2, 1, 3}, length_first[4] = {1, 2, 0, 3};
	return gd_permute(g, gd_reshape(g, y, 4, shape),
	                  a->batch_first ? batch_first : length_first);
}

struct gd_node *gd_multi_head(struct gd_graph *g, const struct gd_heads *a, struct gd_node *q,
                              struct gd_node *k, struct gd_node *v, struct gd_node **weights)
{
	if (!q || !k || !v)
		return NULL;
	int64_t width = q->shape[2] / a->heads;
	double scale = 1 / sqrt((double)width);
	struct gd_node *qh = split_heads(g, a, q, 0), *kh = split_heads(g, a, k, 1);
	struct gd_node *vh = split_heads(g, a, v, 2), *noise = NULL;
	if (!qh || !kh || !vh)
		return NULL;
	if (a->dropout > 0) {
		int64_t shape[4] = {qh->shape[0], a->heads, qh->shape[2], kh->shape[2]};
		noise = weight_noise(g, 4, shape, a->dropout, a->seed);
	}
	struct gd_node *y = gd_attend(g, qh, kh, vh, a->mask, scale, noise, weights);
	static const int8_t batch_first[4] = {0, 2, 1, 3}, length_first[4] = {2, 0, 1, 3};
	y = gd_permute(g, y, a->batch_first ? batch_first : length_first);
	return gd_project(g, gd_reshape(g, y, 3, q->shape), a->out_weight, a->out_bias);
}

bool gd_heads_fit(struct gd_call *c, const char *name, int64_t width, int64_t *heads)
{
	*heads = gd_int(c, name);
	return (*heads >= 1 && *heads <= width && width % *heads == 0) ||
	       gd_param_fail(c, name, "is %lld, but must divide the %lld features",
	                     (long long)*heads, (long long)width);
}

/* query, key and value: all (L, N, E), (N, L, E) or, unbatched, (L, E). */
static bool check_sequences(struct gd_call *c, bool batch_first)
{
	const struct gd_node *q = c->in[0], *k = c->in[1];
	if (!gd_operand_rank(c, 0, 2, 3, "(length, E) or with a batch axis"))
		return false;
	int64_t shape[3];
	memcpy(shape, q->shape, sizeof shape);
	if (k->rank == q->rank)
		shape[q->rank == 3 && batch_first] = k->shape[q->rank == 3 && batch_first];
	return gd_operand_shape(c, 1, q->rank, shape) && gd_operand_shape(c, 2, q->rank, shape);
}

static bool check_projections(struct gd_call *c, int64_t width)
{
	int64_t in[2] = {3 * width, width}, out[2] = {width, width};
	return gd_operand_shape(c, 3, 2, in) && gd_operand_shape(c, 4, 1, in) &&
	       gd_operand_shape(c, 5, 2, out) && gd_operand_shape(c, 6, 1, out);
}

/* The weights as they are asked for: averaged over the heads, without the batch axis. */
static struct gd_node *weights_given(struct gd_call *c, struct gd_node *w, bool batched)
{
	if (gd_flag(c, "average_attn_weights"))
		w = gd_mean(c->g, w, 1u << 1, false);
	if (!w || batched)
		return w;
	return gd_reshape(c->g, w, w->rank - 1, w->shape + 1);
}

bool build_multi_head_attention(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	bool batched = c->in[0]->rank == 3;
	struct gd_heads a = {.batch_first = !batched || gd_flag(c, "batch_first")};
	if (!check_sequences(c, a.batch_first))
		return false;
	struct gd_node *x[3];
	for (int i = 0; i < 3; i++) {
		int64_t one[3] = {1, c->in[i]->shape[0], c->in[i]->shape[1]};
		x[i] = batched ? c->in[i] : gd_reshape(g, c->in[i], 3, one);
		if (!x[i])
			return false;
	}
	int along = a.batch_first ? 1 : 0;
	int64_t width = x[0]->shape[2], n = x[0]->shape[1 - along];
	if (!gd_heads_fit(c, "num_heads", width, &a.heads) || !check_projections(c, width) ||
	    !gd_shut_masks(c, 7, batched, n, a.heads, x[0]->shape[along], x[1]->shape[along],
	                   &a.mask) ||
	    !dropout_of(c, "dropout_p", &a.dropout, &a.seed))
		return false;
	if (!gd_flag(c, "training"))
		a.dropout = 0;
	a.in_weight = c->in[3];
	a.in_bias = c->in[4];
	a.out_weight = c->in[5];
	a.out_bias = gd_operand(c, 6);
	struct gd_node *weights, *out[2];
	out[0] = gd_multi_head(g, &a, x[0], x[1], x[2], &weights);
	if (!out[0])
		return false;
	out[0] = gd_reshape(g, out[0], c->in[0]->rank, c->in[0]->shape);
	if (!gd_flag(c, "need_weights"))
		return gd_give(c, out[0]);
	out[1] = weights_given(c, weights, batched);
	return gd_give_all(c, 2, out);
}
