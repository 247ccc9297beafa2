/* Primitives of elementwise.def: derivatives and builders, made from its rows. */
#include <math.h>

#include "core/batch.h"
#include "core/build.h"
#include "core/cpu.h"
#include "core/ops/broadcast.h"
#include "core/ops/elementwise_rows.h"
#include "core/sample.h"

static const struct gd_prim rows[GD_ROWS];

/* Up to here an array costs next to nothing with libm's functions, and has their last digits. */
enum { SMALL = 64 };

static void block(const struct gd_node *n, size_t count, void *y, const void *const *in,
                  const size_t *step)
{
	const struct gd_row_kernel *table = gd_rows_baseline;
#ifdef __x86_64__
	if (n->count > SMALL && gd_has_avx2())
		table = gd_rows_avx2;
#endif
	const struct gd_row_kernel *k = &table[n->prim->row];
	(n->in[0]->dtype == GD_FLOAT64 ? k->f64 : k->f32)(count, y, in, step);
}

/* --- derivatives -------------------------------------------------------------------------- */

/* a - b, but 0 of equal infinities. */
static struct gd_node *gap(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	struct gd_node *infinite = gd_eq(g, gd_abs(g, a), gd_const(g, (double)INFINITY));
	struct gd_node *same = gd_logical_and(g, infinite, gd_eq(g, a, b));
	return gd_where(g, same, gd_const(g, 0), gd_sub(g, a, b));
}

/* Does fmax or fmin take a? Where a ≥ b (or a ≤ b) or b is NaN. */
static struct gd_node *beats(struct gd_graph *g, struct gd_node *a, struct gd_node *b,
                             struct gd_node *(*within)(struct gd_graph *, struct gd_node *,
                                                       struct gd_node *))
{
	struct gd_node *loses = gd_logical_not(g, within(g, a, b));
	return gd_logical_not(g, gd_logical_and(g, loses, gd_eq(g, b, b)));
}

/* d is dL/d in[i] before broadcasting is undone; its zeros outside dy's mask stay zeros. */
static struct gd_node *to_operand(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, int i,
                                  struct gd_node *d)
{
	struct gd_node *x = y->in[i], *mask = dy->mask;
	if (d && d != dy && !y->prim->linear)
		d = gd_only(g, d, mask);
	d = gd_sum_to(g, d, x->rank, x->shape);
	gd_set_mask(d, gd_mask_to(g, mask, y, x));
	return d;
}

#define GD_UNARY(name, formula, f, derivative, words, lo, hi, kink, ...)                           \
	static void vjp_##name(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,          \
	                       struct gd_node **dx)                                                \
	{                                                                                          \
		struct gd_node *x = y->in[0];                                                      \
		(void)x;                                                                           \
		dx[0] = to_operand(g, y, dy, 0, derivative);                                       \
	}                                                                                          \
	static struct gd_node *kink_##name(struct gd_graph *g, struct gd_node *y)                  \
	{                                                                                          \
		struct gd_node *x = y->in[0];                                                      \
		(void)g, (void)x;                                                                  \
		return kink;                                                                       \
	}
#define GD_BINARY(name, formula, f, da, db, words, lo, hi, kink, ...)                              \
	static void vjp_##name(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,          \
	                       struct gd_node **dx)                                                \
	{                                                                                          \
		struct gd_node *a = y->in[0], *b = y->in[1];                                       \
		(void)a, (void)b;                                                                  \
		if (gd_wants(y, 0))                                                                \
			dx[0] = to_operand(g, y, dy, 0, da);                                       \
		if (gd_wants(y, 1))                                                                \
			dx[1] = to_operand(g, y, dy, 1, db);                                       \
	}                                                                                          \
	static struct gd_node *kink_##name(struct gd_graph *g, struct gd_node *y)                  \
	{                                                                                          \
		struct gd_node *a = y->in[0], *b = y->in[1];                                       \
		(void)g, (void)a, (void)b;                                                         \
		return kink;                                                                       \
	}
#define GD_COMPARE(name, formula, f)
#include "core/ops/elementwise.def"

/* --- the table ---------------------------------------------------------------------------- */

static struct gd_node *same_rows(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                 int64_t n, bool *apart);

/* Rows that take a few instructions. */
#define CHEAP_UNARY(row)                                                                           \
	((row) == GD_ROW_neg || (row) == GD_ROW_abs || (row) == GD_ROW_square ||                   \
	 (row) == GD_ROW_sign || (row) == GD_ROW_relu)
#define CHEAP_BINARY(row) ((row) == GD_ROW_add || (row) == GD_ROW_sub || (row) == GD_ROW_mul)

static const struct gd_prim rows[GD_ROWS] = {
#define GD_UNARY(fn, formula, f, derivative, words, lo, hi, kink_mask, text)                       \
	[GD_ROW_##fn] = {.name = #fn,                                                              \
	                 .row = GD_ROW_##fn,                                                       \
	                 .forward = gd_forward_elementwise,                                        \
	                 .vjp = vjp_##fn,                                                          \
	                 .kink = kink_##fn,                                                        \
	                 .kink_text = text,                                                        \
	                 .block = block,                                                           \
	                 .elementwise = true,                                                      \
	                 .batch = gd_batch_broadcast,                                              \
	                 .rows = same_rows,                                                        \
	                 .cheap = CHEAP_UNARY(GD_ROW_##fn),                                        \
	                 .linear = GD_ROW_##fn == GD_ROW_neg},
#define GD_BINARY(fn, formula, f, da, db, words, lo, hi, kink_mask, text)                          \
	[GD_ROW_##fn] = {.name = #fn,                                                              \
	                 .row = GD_ROW_##fn,                                                       \
	                 .forward = gd_forward_elementwise,                                        \
	                 .vjp = vjp_##fn,                                                          \
	                 .kink = kink_##fn,                                                        \
	                 .kink_text = text,                                                        \
	                 .block = block,                                                           \
	                 .elementwise = true,                                                      \
	                 .batch = gd_batch_broadcast,                                              \
	                 .rows = same_rows,                                                        \
	                 .cheap = CHEAP_BINARY(GD_ROW_##fn),                                       \
	                 .linear = GD_ROW_##fn == GD_ROW_add || GD_ROW_##fn == GD_ROW_sub},
#define GD_COMPARE(fn, formula, f)                                                                 \
	[GD_ROW_##fn] = {.name = #fn,                                                              \
	                 .row = GD_ROW_##fn,                                                       \
	                 .forward = gd_forward_elementwise,                                        \
	                 .block = block,                                                           \
	                 .elementwise = true,                                                      \
	                 .cheap = true,                                                            \
	                 .batch = gd_batch_broadcast},
#include "core/ops/elementwise.def"
};

/* Is y linear in what depends on the rows? */
static bool is_linear(const struct gd_node *y, struct gd_node *const *d)
{
	if (y->prim == &rows[GD_ROW_mul])
		return !d[0] != !d[1];
	if (y->prim == &rows[GD_ROW_div])
		return d[0] && !d[1];
	if (y->prim == &rows[GD_ROW_add] || y->prim == &rows[GD_ROW_sub])
		return d[0] && d[1];
	return y->prim == &rows[GD_ROW_neg];
}

static struct gd_node *same_rows(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                 int64_t n, bool *apart)
{
	(void)apart;
	for (int i = 0; i < y->n_in; i++)
		if (d[i] && !gd_keeps_rows(y, i, n))
			return NULL;
	return is_linear(y, d) ? gd_rows_same(g, y, d) : NULL;
}

/* --- builders ----------------------------------------------------------------------------- */

/* f of constants is a constant. */
static struct gd_node *fold(struct gd_graph *g, struct gd_node *n)
{
	double a, b;
	if (!n || n->dtype != g->dtype || !gd_is_const(n->in[0], &a) ||
	    (n->n_in > 1 && !gd_is_const(n->in[1], &b)))
		return n;
	double wide;
	float narrow;
	n->data = n->dtype == GD_FLOAT64 ? (void *)&wide : (void *)&narrow;
	n->prim->forward(NULL, n);
	n->data = NULL;
	return gd_const(g, n->dtype == GD_FLOAT64 ? wide : (double)narrow);
}

static struct gd_node *build_unary(struct gd_graph *g, const struct gd_prim *prim,
                                   struct gd_node *x)
{
	return x ? fold(g, gd_node_new(g, prim, g->dtype, x->rank, x->shape, 1, &x)) : NULL;
}

/* An expanded operand is its source, where the other operand gives the result its shape anyway. */
static struct gd_node *unexpanded(struct gd_node *x, const struct gd_node *other)
{
	struct gd_node *source = gd_expanded_from(x);
	return source && gd_same_shape(x, other) ? source : x;
}

static struct gd_node *build_binary(struct gd_graph *g, const struct gd_prim *prim,
                                    enum gd_dtype dtype, struct gd_node *a, struct gd_node *b)
{
	if (!a || !b)
		return NULL;
	struct gd_node *in[2] = {unexpanded(a, b), unexpanded(b, a)};
	if (in[0] != a && in[1] != b)
		in[1] = b;
	int rank;
	int64_t shape[GD_MAX_RANK];
	if (!gd_broadcast_shape(in[0], in[1], &rank, shape)) {
		char ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT];
		return gd_shape_fail(g, a, b, "%s %s and %s %s cannot be broadcast together",
		                     gd_label(a, "a first operand of shape"),
		                     gd_shape_text(a->rank, a->shape, ta),
		                     gd_label(b, "a second operand of shape"),
		                     gd_shape_text(b->rank, b->shape, tb));
	}
	return fold(g, gd_node_new(g, prim, dtype, rank, shape, 2, in));
}

/* x·1 and x/1 are x. */
static bool is_one(const struct gd_node *n)
{
	double value;
	return gd_is_const(n, &value) && value == 1;
}

static struct gd_node *identity(const struct gd_prim *prim, struct gd_node *a, struct gd_node *b)
{
	if ((prim == &rows[GD_ROW_mul] || prim == &rows[GD_ROW_div]) && a && b && is_one(b))
		return a;
	if (prim == &rows[GD_ROW_mul] && a && b && is_one(a))
		return b;
	return NULL;
}

#define GD_UNARY(fn, ...)                                                                          \
	struct gd_node *gd_##fn(struct gd_graph *g, struct gd_node *x)                             \
	{                                                                                          \
		return build_unary(g, &rows[GD_ROW_##fn], x);                                      \
	}
#define GD_BINARY(fn, ...)                                                                         \
	struct gd_node *gd_##fn(struct gd_graph *g, struct gd_node *a, struct gd_node *b)          \
	{                                                                                          \
		struct gd_node *same = identity(&rows[GD_ROW_##fn], a, b);                         \
		return same ? same : build_binary(g, &rows[GD_ROW_##fn], g->dtype, a, b);          \
	}
#define GD_COMPARE(fn, ...)                                                                        \
	struct gd_node *gd_##fn(struct gd_graph *g, struct gd_node *a, struct gd_node *b)          \
	{                                                                                          \
		return build_binary(g, &rows[GD_ROW_##fn], GD_BOOL, a, b);                         \
	}
#include "core/ops/elementwise.def"

struct gd_node *gd_half_at_tie(struct gd_graph *g, struct gd_node *dy, struct gd_node *loses,
                               struct gd_node *ties)
{
	struct gd_node *half = gd_mul(g, dy, gd_const(g, 0.5));
	return gd_where(g, loses, gd_const(g, 0), gd_where(g, ties, half, dy));
}

struct gd_node *gd_zero_like(struct gd_graph *g, struct gd_node *x)
{
	return x ? gd_expand(g, gd_const(g, 0), x->rank, x->shape) : NULL;
}
