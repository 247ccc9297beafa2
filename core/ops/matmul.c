/* y = a · b over the last two axes, leading axes broadcast.
 *
 *   da = dy · bᵀ      db = aᵀ · dy      each summed over broadcast leading axes
 *
 * Source: Petersen & Pedersen, The Matrix Cookbook, section 2.5; Giles, Collected Matrix Derivative
 * Results, section 2.2.2. */
#include <string.h>

#include "core/batch.h"
#include "core/blas.h"
#include "core/build.h"
#include "core/ops/broadcast.h"
#include "core/ops/unit.h"
#include "core/sample.h"

/* Columns of an operand as it is multiplied, after its transposition. */
static int64_t columns_of(const struct gd_node *x, bool transposed)
{
	return x->shape[x->rank - (transposed ? 2 : 1)];
}

/* One product of matrices, at these elements of the operands and of y. */
static void multiply(struct gd_node *y, size_t m, size_t n, size_t k, size_t at_a, size_t at_b,
                     size_t at_y)
{
	const void *a = y->in[0]->data, *b = y->in[1]->data;
	bool ta = y->attr.transposed.a, tb = y->attr.transposed.b;
	if (y->dtype == GD_FLOAT64)
		gd_gemm_f64(ta, tb, m, n, k, (const double *)a + at_a, (const double *)b + at_b,
		            (double *)y->data + at_y);
	else
		gd_gemm_f32(ta, tb, m, n, k, (const float *)a + at_a, (const float *)b + at_b,
		            (float *)y->data + at_y);
}

/* The leading axes of x as a tensor of their own, one element for each matrix. */
static struct gd_node leading(const struct gd_node *x)
{
	struct gd_node lead = {.rank = x->rank - 2, .count = 1};
	for (int i = 0; i < lead.rank; i++) {
		lead.shape[i] = x->shape[i];
		lead.count *= (size_t)x->shape[i];
	}
	return lead;
}

static void forward_matmul(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	size_t m = (size_t)y->shape[y->rank - 2], n = (size_t)y->shape[y->rank - 1];
	size_t k = (size_t)columns_of(y->in[0], y->attr.transposed.a);
	if (y->count == 0)
		return;
	if (y->rank == 2) {
		multiply(y, m, n, k, 0, 0, 0);
		return;
	}
	struct gd_node lead = leading(y), lead_a = leading(y->in[0]), lead_b = leading(y->in[1]);
	struct gd_node *in[2] = {&lead_a, &lead_b};
	struct gd_broadcast w;
	gd_broadcast_init(&w, &lead, 2, in);
	size_t done = 0;
	for (size_t o = 0; o < w.outer; o++, gd_broadcast_next(&w))
		for (size_t i = 0; i < w.inner; i++, done++)
			multiply(y, m, n, k, (w.offset[0] + i * w.step[0]) * m * k,
			         (w.offset[1] + i * w.step[1]) * k * n, done * m * n);
}

static double cost(const struct gd_node *y)
{
	const struct gd_node *a = y->in[0];
	return 2.0 * (double)y->count * (double)columns_of(a, y->attr.transposed.a);
}

static struct gd_node *product(struct gd_graph *g, struct gd_node *a, bool flip_a,
                               struct gd_node *b, bool flip_b);

/* A mask with the last two axes of its cotangent swapped. */
static struct gd_node *swapped(struct gd_graph *g, struct gd_node *mask)
{
	int64_t shape[GD_MAX_RANK];
	int rank = mask->rank < 2 ? 2 : mask->rank;
	for (int i = 0; i < rank; i++)
		shape[i] = i < rank - mask->rank ? 1 : mask->shape[i - (rank - mask->rank)];
	return gd_swap_axes(g, gd_reshape(g, mask, rank, shape), rank - 2, rank - 1);
}

/* Rows of y with no gradient: rows of op(a) count as zero there, whatever they hold. */
static struct gd_node *live_rows(struct gd_graph *g, const struct gd_node *y, struct gd_node *mask,
                                 bool flip)
{
	mask = gd_mask_any(g, mask, y->rank, 1u << (y->rank - 1));
	return mask && flip ? swapped(g, mask) : mask;
}

static struct gd_node *live_columns(struct gd_graph *g, const struct gd_node *y,
                                    struct gd_node *mask, bool flip)
{
	mask = gd_mask_any(g, mask, y->rank, 1u << (y->rank - 2));
	return mask && flip ? swapped(g, mask) : mask;
}

/* With y = op(a)·op(b), op transposing where the node says so; an operand stored transposed gets
 * its gradient transposed: (dy·op(b)ᵀ)ᵀ = op(b)·dyᵀ. */
static void vjp_matmul(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	struct gd_node *a = y->in[0], *b = y->in[1], *d;
	bool fa = y->attr.transposed.a, fb = y->attr.transposed.b;
	struct gd_node *rows = live_rows(g, y, dy->mask, fa);
	struct gd_node *columns = live_columns(g, y, dy->mask, fb);
	if (gd_wants(y, 0)) {
		struct gd_node *live = gd_only(g, b, columns);
		d = fa ? product(g, live, fb, dy, true) : product(g, dy, false, live, !fb);
		d = gd_only(g, d, rows);
		dx[0] = gd_sum_to(g, d, a->rank, a->shape);
		if (d)
			gd_set_mask(dx[0], gd_mask_to(g, rows, d, a));
	}
	if (gd_wants(y, 1)) {
		struct gd_node *live = gd_only(g, a, rows);
		d = fb ? product(g, dy, true, live, fa) : product(g, live, !fa, dy, false);
		d = gd_only(g, d, columns);
		dx[1] = gd_sum_to(g, d, b->rank, b->shape);
		if (d)
			gd_set_mask(dx[1], gd_mask_to(g, columns, d, b));
	}
}

static struct gd_node *batch(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                             int64_t k);

static struct gd_node *rows(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                            int64_t n, bool *apart);

static const struct gd_prim matmul = {.name = "matmul",
                                      .forward = forward_matmul,
                                      .vjp = vjp_matmul,
                                      .cost = cost,
                                      .batch = batch,
                                      .rows = rows};

/* x, or what it is the transpose of; then *flipped. */
static struct gd_node *untransposed(struct gd_node *x, bool *flipped)
{
	struct gd_node *source = gd_swapped_from(x, x->rank - 2, x->rank - 1);
	*flipped = source != NULL;
	return source ? source : x;
}

static int64_t rows_of(const struct gd_node *x, bool transposed)
{
	return x->shape[x->rank - (transposed ? 1 : 2)];
}

/* Leading axes of a and b broadcast together, then (m, n). */
static bool product_shape(const struct gd_node *a, bool flip_a, const struct gd_node *b,
                          bool flip_b, int *rank, int64_t shape[GD_MAX_RANK])
{
	int lead_a = a->rank - 2, lead_b = b->rank - 2;
	*rank = 0;
	if (lead_a || lead_b) {
		struct gd_node la = *a, lb = *b;
		la.rank = lead_a;
		lb.rank = lead_b;
		if (!gd_broadcast_shape(&la, &lb, rank, shape))
			return false;
	}
	shape[(*rank)++] = rows_of(a, flip_a);
	shape[(*rank)++] = columns_of(b, flip_b);
	return true;
}

/* op(a)·op(b) of operands whose extents fit. */
static struct gd_node *product(struct gd_graph *g, struct gd_node *a, bool flip_a,
                               struct gd_node *b, bool flip_b)
{
	int rank;
	int64_t shape[GD_MAX_RANK];
	if (!a || !b || !product_shape(a, flip_a, b, flip_b, &rank, shape))
		return NULL;
	/* One large product instead of many small ones: (…, k) · (k, n) is ((…), k) · (k, n). */
	if (a->rank > 2 && b->rank == 2 && !flip_a && a->count) {
		int64_t k = a->shape[a->rank - 1], flat[2] = {(int64_t)a->count / k, k};
		struct gd_node *y = product(g, gd_reshape(g, a, 2, flat), false, b, flip_b);
		return gd_reshape(g, y, rank, shape);
	}
	if (!gd_gemm_fits((size_t)shape[rank - 2], (size_t)shape[rank - 1],
	                  (size_t)columns_of(a, flip_a)))
		return gd_graph_fail(g, GD_ERR_limit_exceeded,
		                     "an axis of a matrix product is longer than 2147483647");
	struct gd_node *in[2] = {a, b};
	struct gd_node *y = gd_node_new(g, &matmul, g->dtype, rank, shape, 2, in);
	if (y) {
		y->attr.transposed.a = flip_a;
		y->attr.transposed.b = flip_b;
	}
	return y;
}

struct gd_node *gd_matmul(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	if (!a || !b)
		return NULL;
	int rank;
	int64_t shape[GD_MAX_RANK];
	char ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT];
	if (a->shape[a->rank - 1] != b->shape[b->rank - 2])
		return gd_shape_fail(
		        g, a, b, "%s %s has %lld columns, but %s %s has %lld rows",
		        gd_label(a, "the first operand"), gd_shape_text(a->rank, a->shape, ta),
		        (long long)a->shape[a->rank - 1], gd_label(b, "the second operand"),
		        gd_shape_text(b->rank, b->shape, tb), (long long)b->shape[b->rank - 2]);
	if (!product_shape(a, false, b, false, &rank, shape))
		return gd_shape_fail(
		        g, a, b, "the leading axes of %s %s and %s %s do not fit",
		        gd_label(a, "the first operand"), gd_shape_text(a->rank, a->shape, ta),
		        gd_label(b, "the second operand"), gd_shape_text(b->rank, b->shape, tb));
	bool flip_a, flip_b;
	a = untransposed(a, &flip_a);
	b = untransposed(b, &flip_b);
	return product(g, a, flip_a, b, flip_b);
}

bool gd_is_transposed_product(const struct gd_node *x)
{
	return x->prim == &matmul && !x->name && x->rank == 2 && x->attr.transposed.a &&
	       !x->attr.transposed.b;
}

/* --- k products at once ---------------------------------------------------------------------- */

enum { FEW_ROWS = 16 }; /* moving so few of a matrix costs less than products of their own */

/* (k, …, m, n) with the last two axes swapped: where one of them is 1, without moving anything. */
static struct gd_node *turned(struct gd_graph *g, struct gd_node *x)
{
	int64_t shape[GD_MAX_RANK];
	if (!x)
		return NULL;
	for (int i = 0; i < x->rank; i++)
		shape[i] = x->shape[i];
	shape[x->rank - 2] = x->shape[x->rank - 1];
	shape[x->rank - 1] = x->shape[x->rank - 2];
	if (shape[x->rank - 1] == 1 || shape[x->rank - 2] == 1)
		return gd_reshape(g, x, x->rank, shape);
	return gd_swap_axes(g, x, x->rank - 2, x->rank - 1);
}

/* x, its leading axes and its rows all rows of one matrix. */
static struct gd_node *as_rows(struct gd_graph *g, struct gd_node *x)
{
	int64_t flat[2] = {0, x ? x->shape[x->rank - 1] : 0};
	if (!x)
		return NULL;
	flat[0] = (int64_t)x->count / flat[1];
	return gd_reshape(g, x, 2, flat);
}

/* a[r]·b for a matrix b: one product, (k·…·m, l)·(l, n). */
static struct gd_node *batch_left(struct gd_graph *g, struct gd_node *y, struct gd_node *a,
                                  int64_t k)
{
	int64_t shape[GD_MAX_RANK];
	struct gd_node *b = y->in[1], *unit = gd_unit_rows_of(a);
	int rank = gd_batch_shape(k, y->rank, y->shape, shape);
	if (unit)
		return gd_unit_product(g, y, unit, b);
	a = as_rows(g, y->attr.transposed.a ? turned(g, a) : a);
	return gd_reshape(g, product(g, a, false, b, y->attr.transposed.b), rank, shape);
}

/* a·b[r] for matrices a: (b[r]ᵀ·aᵀ)ᵀ. */
static struct gd_node *batch_right(struct gd_graph *g, struct gd_node *y, struct gd_node *b,
                                   int64_t k)
{
	int64_t swapped_shape[3] = {k, y->shape[1], y->shape[0]};
	b = as_rows(g, y->attr.transposed.b ? b : turned(g, b));
	struct gd_node *d = product(g, b, false, y->in[0], !y->attr.transposed.a);
	return turned(g, gd_reshape(g, d, 3, swapped_shape));
}

static struct gd_node *batch(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                             int64_t k)
{
	bool fa = y->attr.transposed.a, fb = y->attr.transposed.b;
	int64_t m = y->shape[y->rank - 2], n = y->shape[y->rank - 1];
	if (y->count && k && columns_of(y->in[0], fa)) {
		if (!in[1] && y->in[1]->rank == 2 && (!fa || m <= FEW_ROWS))
			return batch_left(g, y, in[0], k);
		if (!in[0] && y->rank == 2 && (n <= FEW_ROWS || (fb && m <= FEW_ROWS)))
			return batch_right(g, y, in[1], k);
	}
	return gd_batch_broadcast(g, y, in, k);
}

/* (rows, …) as (n, rows/n, …). */
static struct gd_node *in_parts(struct gd_graph *g, struct gd_node *x, int64_t n)
{
	return gd_reshape(g, x, 3, (int64_t[]){n, x->shape[0] / n, x->shape[1]});
}

/* Rows stay what they are in the rows of a, or in leading axes. A product aᵀ·b adds them up: with
 * the n parts apart it is n products. */
static struct gd_node *rows(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                            int64_t n, bool *apart)
{
	struct gd_node *a = y->in[0], *b = y->in[1];
	bool fa = y->attr.transposed.a, fb = y->attr.transposed.b;
	if (d[0] && d[1])
		return NULL;
	if (d[0] ? gd_keeps_rows(y, 0, n) && (a->rank > 2 || !fa)
	         : gd_keeps_rows(y, 1, n) && b->rank > 2)
		return gd_rows_same(g, y, d);
	if (a->rank > 2 || b->rank > 2 || !fa || fb || !gd_has_rows(d[0] ? a : b, n))
		return NULL;
	*apart = true;
	a = in_parts(g, d[0] ? d[0] : a, n);
	b = in_parts(g, d[1] ? d[1] : b, n);
	return product(g, a, true, b, false);
}
