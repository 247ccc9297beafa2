/* Primitives of elementwise.def: kernels, derivatives and builders, made from its rows; and where,
 * cast, logical_and. */
#include <tgmath.h>

#include "core/batch.h"
#include "core/build.h"
#include "core/ops/broadcast.h"
#include "core/ops/special.h"
#include "core/sample.h"

/* Stable on both sides: no overflow for any x. */
#define gd_sigmoid_of(x) (x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)))

#define T       double
#define K(name) name##_f64
#include "core/ops/elementwise_kernels.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/elementwise_kernels.h"

static void run_unary(struct gd_node *n, void (*f64)(size_t, void *, const void *),
                      void (*f32)(size_t, void *, const void *))
{
	(n->dtype == GD_FLOAT64 ? f64 : f32)(n->count, n->data, n->in[0]->data);
}

static void run_binary(struct gd_node *n,
                       void (*f64)(size_t, void *, const void *, size_t, const void *, size_t),
                       void (*f32)(size_t, void *, const void *, size_t, const void *, size_t))
{
	bool wide = n->in[0]->dtype == GD_FLOAT64;
	size_t in_size = gd_dtype_size(n->in[0]->dtype), out_size = gd_dtype_size(n->dtype);
	struct gd_broadcast w;
	gd_broadcast_init(&w, n, 2, n->in);
	const char *a = n->in[0]->data, *b = n->in[1]->data;
	char *y = n->data;
	for (size_t k = 0; k < w.outer; k++) {
		(wide ? f64 : f32)(w.inner, y, a + w.offset[0] * in_size, w.step[0],
		                   b + w.offset[1] * in_size, w.step[1]);
		y += w.inner * out_size;
		gd_broadcast_next(&w);
	}
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
	static void forward_##name(struct gd_sweep *run, struct gd_node *n)                        \
	{                                                                                          \
		(void)run;                                                                         \
		run_unary(n, name##_f64, name##_f32);                                              \
	}                                                                                          \
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
	static void forward_##name(struct gd_sweep *run, struct gd_node *n)                        \
	{                                                                                          \
		(void)run;                                                                         \
		run_binary(n, name##_f64, name##_f32);                                             \
	}                                                                                          \
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
#define GD_COMPARE(name, formula, f)                                                               \
	static void forward_##name(struct gd_sweep *run, struct gd_node *n)                        \
	{                                                                                          \
		(void)run;                                                                         \
		run_binary(n, name##_f64, name##_f32);                                             \
	}
#include "core/ops/elementwise.def"

/* --- the table ---------------------------------------------------------------------------- */

enum {
#define GD_UNARY(name, ...)   ROW_##name,
#define GD_BINARY(name, ...)  ROW_##name,
#define GD_COMPARE(name, ...) ROW_##name,
#include "core/ops/elementwise.def"
};

static struct gd_node *same_rows(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                 int64_t n, bool *apart);

static const struct gd_prim rows[] = {
#define GD_UNARY(fn, formula, f, derivative, words, lo, hi, kink_mask, text)                       \
	[ROW_##fn] = {.name = #fn,                                                                 \
	              .forward = forward_##fn,                                                     \
	              .vjp = vjp_##fn,                                                             \
	              .kink = kink_##fn,                                                           \
	              .kink_text = text,                                                           \
	              .elementwise = true,                                                         \
	              .batch = gd_batch_broadcast,                                                 \
	              .rows = same_rows,                                                           \
	              .linear = ROW_##fn == ROW_neg},
#define GD_BINARY(fn, formula, f, da, db, words, lo, hi, kink_mask, text)                          \
	[ROW_##fn] = {.name = #fn,                                                                 \
	              .forward = forward_##fn,                                                     \
	              .vjp = vjp_##fn,                                                             \
	              .kink = kink_##fn,                                                           \
	              .kink_text = text,                                                           \
	              .elementwise = true,                                                         \
	              .batch = gd_batch_broadcast,                                                 \
	              .rows = same_rows,                                                           \
	              .linear = ROW_##fn == ROW_add || ROW_##fn == ROW_sub},
#define GD_COMPARE(fn, formula, f)                                                                 \
	[ROW_##fn] = {.name = #fn,                                                                 \
	              .forward = forward_##fn,                                                     \
	              .elementwise = true,                                                         \
	              .batch = gd_batch_broadcast},
#include "core/ops/elementwise.def"
};

/* Is y linear in what depends on the rows? */
static bool is_linear(const struct gd_node *y, struct gd_node *const *d)
{
	if (y->prim == &rows[ROW_mul])
		return !d[0] != !d[1];
	if (y->prim == &rows[ROW_div])
		return d[0] && !d[1];
	if (y->prim == &rows[ROW_add] || y->prim == &rows[ROW_sub])
		return d[0] && d[1];
	return y->prim == &rows[ROW_neg];
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
	if ((prim == &rows[ROW_mul] || prim == &rows[ROW_div]) && a && b && is_one(b))
		return a;
	if (prim == &rows[ROW_mul] && a && b && is_one(a))
		return b;
	return NULL;
}

#define GD_UNARY(fn, ...)                                                                          \
	struct gd_node *gd_##fn(struct gd_graph *g, struct gd_node *x)                             \
	{                                                                                          \
		return build_unary(g, &rows[ROW_##fn], x);                                         \
	}
#define GD_BINARY(fn, ...)                                                                         \
	struct gd_node *gd_##fn(struct gd_graph *g, struct gd_node *a, struct gd_node *b)          \
	{                                                                                          \
		struct gd_node *same = identity(&rows[ROW_##fn], a, b);                            \
		return same ? same : build_binary(g, &rows[ROW_##fn], g->dtype, a, b);             \
	}
#define GD_COMPARE(fn, ...)                                                                        \
	struct gd_node *gd_##fn(struct gd_graph *g, struct gd_node *a, struct gd_node *b)          \
	{                                                                                          \
		return build_binary(g, &rows[ROW_##fn], GD_BOOL, a, b);                            \
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
