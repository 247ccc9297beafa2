/* Products over several axes or of several operands. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/linalg.h"
#include "core/ops/linalg.h"

/* --- tensordot ------------------------------------------------------------------------------ */

struct sides {
	struct gd_node *x[2];
	int n;                    /* axes summed over, */
	int axis[2][GD_MAX_RANK]; /* of each */
};

static bool read_dims(struct gd_call *c, struct sides *s)
{
	const struct gd_value *v = gd_param(c, "dims");
	if (!v->list) {
		int64_t n = v->ints[0];
		if (n < 0 || n > c->in[0]->rank || n > c->in[1]->rank)
			return gd_param_fail(c, "dims",
			                     "is %lld, but the operands have %d and %d axes",
			                     (long long)n, c->in[0]->rank, c->in[1]->rank);
		s->n = (int)n;
		for (int i = 0; i < s->n; i++) {
			s->axis[0][i] = c->in[0]->rank - s->n + i;
			s->axis[1][i] = i;
		}
		return true;
	}
	if (v->first * 2 != v->n)
		return gd_param_fail(c, "dims",
		                     "names %d axes of the first operand, but %d of the second",
		                     v->first, v->n - v->first);
	s->n = v->first;
	for (int side = 0; side < 2; side++) {
		unsigned seen = 0;
		int rank = c->in[side]->rank;
		for (int i = 0; i < s->n; i++) {
			int64_t given = v->ints[side * s->n + i],
			        axis = given < 0 ? given + rank : given;
			if (axis < 0 || axis >= rank)
				return gd_param_fail(c, "dims",
				                     "names axis %lld of an operand with %d axes",
				                     (long long)given, rank);
			if (seen >> axis & 1)
				return gd_param_fail(c, "dims", "names axis %lld twice",
				                     (long long)axis);
			seen |= 1u << axis;
			s->axis[side][i] = (int)axis;
		}
	}
	return true;
}

/* An axis of size 1 against a longer one is broadcast: that one is summed alone. */
static bool match_sizes(struct gd_call *c, struct sides *s)
{
	for (int i = 0; i < s->n; i++) {
		int64_t a = s->x[0]->shape[s->axis[0][i]], b = s->x[1]->shape[s->axis[1][i]];
		int longer = a == 1 ? 1 : 0;
		if (a == b)
			continue;
		if (a != 1 && b != 1) {
			gd_shape_fail(c->g, c->in[0], c->in[1],
			              "axis %d of %s has size %lld, but axis %d of %s %lld",
			              s->axis[0][i], gd_label(c->in[0], "a"), (long long)a,
			              s->axis[1][i], gd_label(c->in[1], "b"), (long long)b);
			return false;
		}
		s->x[longer] = gd_sum(c->g, s->x[longer], 1u << s->axis[longer][i], true);
		if (!s->x[longer])
			return false;
	}
	return true;
}

/* Side 0 as (kept, summed), side 1 as (summed, kept). Appends the kept sizes to shape. */
static struct gd_node *unfolded(struct gd_graph *g, const struct sides *s, int side, int64_t *shape,
                                int *rank)
{
	struct gd_node *x = s->x[side];
	int8_t perm[GD_MAX_RANK] = {0};
	int64_t kept = 1, summed = 1;
	int n = side ? s->n : 0;
	unsigned used = 0;
	for (int i = 0; i < s->n; i++) {
		used |= 1u << s->axis[side][i];
		summed *= x->shape[s->axis[side][i]];
		perm[side ? i : x->rank - s->n + i] = (int8_t)s->axis[side][i];
	}
	for (int i = 0; i < x->rank; i++)
		if (!(used >> i & 1)) {
			perm[n++] = (int8_t)i;
			kept *= x->shape[i];
			shape[(*rank)++] = x->shape[i];
		}
	return gd_reshape(g, gd_permute(g, x, perm), 2,
	                  side ? (int64_t[]){summed, kept} : (int64_t[]){kept, summed});
}

bool build_tensordot(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct sides s = {.x = {c->in[0], c->in[1]}};
	int64_t shape[2 * GD_MAX_RANK];
	int rank = 0;
	if (!read_dims(c, &s) || !match_sizes(c, &s))
		return false;
	struct gd_node *a = unfolded(g, &s, 0, shape, &rank);
	struct gd_node *b = unfolded(g, &s, 1, shape, &rank);
	if (!a || !b)
		return false;
	return gd_give(c, gd_reshape(g, gd_matmul(g, a, b), rank, shape));
}

/* --- kron ----------------------------------------------------------------------------------- */

/* y[i·p + k, j·q + l] = a[i, j]·b[k, l]: (m, 1, n, 1)·(p, 1, q) in pairs, then folded. */
bool build_kron(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *a = c->in[0], *b = c->in[1];
	int rank = a->rank > b->rank ? a->rank : b->rank;
	int64_t sa[2 * GD_USER_RANK], sb[2 * GD_USER_RANK], shape[GD_USER_RANK];
	for (int i = 0; i < rank; i++) {
		int ka = i - (rank - a->rank), kb = i - (rank - b->rank);
		int64_t na = ka < 0 ? 1 : a->shape[ka], nb = kb < 0 ? 1 : b->shape[kb];
		sa[2 * i] = na;
		sa[2 * i + 1] = sb[2 * i] = 1;
		sb[2 * i + 1] = nb;
		if (__builtin_mul_overflow(na, nb, &shape[i])) {
			gd_graph_fail(g, GD_ERR_limit_exceeded,
			              "an axis of the result is too long");
			return false;
		}
	}
	struct gd_node *y =
	        gd_mul(g, gd_reshape(g, a, 2 * rank, sa), gd_reshape(g, b, 2 * rank, sb));
	return gd_give(c, gd_reshape(g, y, rank, shape));
}

/* --- multi_dot ------------------------------------------------------------------------------ */

enum { ORDERED = 64 }; /* longer chains are multiplied from the left */

struct chain {
	struct gd_graph *g;
	struct gd_node **x;
	int best[ORDERED][ORDERED]; /* where the product of i … j is split */
};

/* The cheapest parentheses. Source: Cormen et al., Introduction to Algorithms, section 15.2. */
static void find_order(struct chain *k, int n)
{
	double cost[ORDERED][ORDERED] = {{0}};
	for (int length = 2; length <= n; length++)
		for (int i = 0; i + length <= n; i++) {
			int j = i + length - 1;
			cost[i][j] = -1;
			for (int s = i; s < j; s++) {
				double here = cost[i][s] + cost[s + 1][j] +
				              (double)k->x[i]->shape[0] *
				                      (double)k->x[s]->shape[1] *
				                      (double)k->x[j]->shape[1];
				if (cost[i][j] < 0 || here < cost[i][j]) {
					cost[i][j] = here;
					k->best[i][j] = s;
				}
			}
		}
}

static struct gd_node *product_of(struct chain *k, int i, int j)
{
	if (i == j)
		return k->x[i];
	int s = k->best[i][j];
	struct gd_node *a = product_of(k, i, s), *b = product_of(k, s + 1, j);
	return a && b ? gd_matmul(k->g, a, b) : NULL;
}

/* All but the first and the last, which may be vectors, are matrices, and each fits the next. */
static bool read_chain(struct gd_call *c, struct chain *k)
{
	struct gd_graph *g = c->g;
	int n = c->n_in;
	for (int i = 0; i < n; i++) {
		struct gd_node *x = c->in[i];
		bool end = i == 0 || i == n - 1;
		char text[GD_SHAPE_TEXT];
		if (x->rank != 2 && !(end && x->rank == 1)) {
			gd_graph_fail(g, GD_ERR_shape_mismatch,
			              "%s must be a matrix%s, but has the shape %s",
			              gd_label(x, "an operand"), end ? " or a vector" : "",
			              gd_shape_text(x->rank, x->shape, text));
			int64_t one[2] = {1, 1};
			gd_error_shapes(g->error, 2, one, x->rank, x->shape);
			c->bad_operand = i;
			return false;
		}
		const char *name = x->name;
		if (x->rank == 1)
			x = gd_reshape(g, x, 2,
			               (int64_t[]){i ? x->shape[0] : 1, i ? 1 : x->shape[0]});
		if (!x)
			return false;
		x->name = name;
		k->x[i] = x;
		if (i && k->x[i - 1]->shape[1] != x->shape[0])
			return gd_matmul(g, k->x[i - 1], x) != NULL; /* says what does not fit */
	}
	return true;
}

bool build_linalg_multi_dot(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	int n = c->n_in;
	struct chain k = {.g = g, .x = gd_alloc_array(g->arena, (size_t)n, sizeof *k.x)};
	if (!k.x)
		return gd_arena_fail(g->arena, g->error);
	if (n < 2) {
		gd_graph_fail(g, GD_ERR_missing_field, "needs at least two tensors");
		return false;
	}
	if (!read_chain(c, &k))
		return false;
	struct gd_node *y = k.x[0];
	if (n <= ORDERED) {
		find_order(&k, n);
		y = product_of(&k, 0, n - 1);
	} else {
		for (int i = 1; i < n && y; i++)
			y = gd_matmul(g, y, k.x[i]);
	}
	if (!y)
		return false;
	int64_t shape[2];
	int rank = 0;
	if (c->in[0]->rank == 2)
		shape[rank++] = y->shape[0];
	if (c->in[n - 1]->rank == 2)
		shape[rank++] = y->shape[1];
	return gd_give(c, gd_reshape(g, y, rank, shape));
}

/* --- powers --------------------------------------------------------------------------------- */

/* By repeated squaring. */
bool build_linalg_matrix_power(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *y = NULL;
	int64_t n = gd_int(c, "n");
	if (!gd_is_square(c, 0))
		return false;
	if (n == 0)
		return gd_give(
		        c, gd_expand(g, gd_identity(g, x->shape[x->rank - 1]), x->rank, x->shape));
	if (n < 0)
		x = gd_inverse_matrix(g, x);
	for (uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n; rest && x; rest >>= 1) {
		if (rest & 1)
			y = y ? gd_matmul(g, y, x) : x;
		if (rest > 1)
			x = gd_matmul(g, x, x);
	}
	return gd_give(c, y);
}
