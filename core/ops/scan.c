/* Scans, and the linear recurrence that their derivatives are:
 *
 *   y = cumsum(x)            dx = cumsum(dy) from the end
 *   y_k = a_k·y_(k-1) + b_k  db_k = dy_k + a_(k+1)·db_(k+1), da_k = db_k·y_(k-1)
 *   y = cumprod(x)           dx_k = s_k·y_(k-1), s_k = dy_k + x_(k+1)·s_(k+1)
 *   y = logcumsumexp(x)      dx_k = e^(x_k - y_k)·s_k, s_k = dy_k + e^(y_k - y_(k+1))·s_(k+1)
 *
 * so zeros among the factors of a cumprod need no case of their own, and no exponent is positive.
 */
#include "core/ops/scan.h"

#include <math.h>
#include <string.h>

#include "core/build.h"

enum { COLUMNS = 256 };

/* So that a line by itself, a constant number of columns, is carried on in a register. */
#define INLINE inline __attribute__((always_inline))

#define T       double
#define K(name) name##_f64
#include "core/ops/scan_kernels.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/scan_kernels.h"

/* The lines of x along an axis. */
struct lines {
	size_t terms, inner, outer;
	ptrdiff_t step; /* from one term to the next */
};

static struct lines lines_of(const struct gd_node *x, int axis, bool back)
{
	struct lines l = {1, 1, 1, 0};
	if (x->rank)
		l.terms = (size_t)x->shape[axis];
	for (int i = 0; i < axis; i++)
		l.outer *= (size_t)x->shape[i];
	for (int i = axis + 1; i < x->rank; i++)
		l.inner *= (size_t)x->shape[i];
	l.step = back ? -(ptrdiff_t)l.inner : (ptrdiff_t)l.inner;
	return l;
}

/* Calls scan for each block of neighbouring lines, `at` being where its first terms are. */
static INLINE void each_block(struct gd_node *y, bool back,
                              void (*scan)(struct gd_node *y, const struct lines *l, size_t at,
                                           size_t columns))
{
	struct lines l = lines_of(y, y->attr.axis, back);
	for (size_t o = 0; o < l.outer && l.terms; o++)
		for (size_t c = 0; c < l.inner; c += COLUMNS) {
			size_t first = o * l.terms + (back ? l.terms - 1 : 0);
			size_t columns = l.inner - c < COLUMNS ? l.inner - c : COLUMNS;
			if (columns == 1)
				scan(y, &l, first * l.inner + c, 1);
			else
				scan(y, &l, first * l.inner + c, columns);
		}
}

/* The block of a scan of one operand, to OUT64 or OUT32, and the scan itself. */
#define SCAN(name, back, kernel, OUT64, OUT32)                                                     \
	static INLINE void block_##name(struct gd_node *y, const struct lines *l, size_t at,       \
	                                size_t columns)                                            \
	{                                                                                          \
		const void *x = y->in[0]->data;                                                    \
		if (y->in[0]->dtype == GD_FLOAT64)                                                 \
			kernel##_f64((OUT64 *)y->data + at, (const double *)x + at, columns,       \
			             l->terms, l->step);                                           \
		else                                                                               \
			kernel##_f32((OUT32 *)y->data + at, (const float *)x + at, columns,        \
			             l->terms, l->step);                                           \
	}                                                                                          \
	static void forward_##name(struct gd_sweep *run, struct gd_node *y)                        \
	{                                                                                          \
		(void)run;                                                                         \
		each_block(y, back, block_##name);                                                 \
	}
SCAN(cumsum, false, cumsum, double, float)
SCAN(cumsum_back, true, cumsum, double, float)
SCAN(cumprod, false, cumprod, double, float)
SCAN(logcumsumexp, false, logcumsumexp, double, float)
SCAN(cumargmax, false, cumargmax, int64_t, int64_t)

static double cost_of_input(const struct gd_node *n)
{
	return (double)n->in[0]->count;
}

static double cost_of_exponentials(const struct gd_node *n)
{
	return 40.0 * (double)n->in[0]->count;
}

static struct gd_node *along(struct gd_graph *g, const struct gd_prim *prim, enum gd_dtype dtype,
                             int axis, int n_in, struct gd_node *const *in)
{
	if (!in[0])
		return NULL;
	struct gd_node *y = gd_node_new(g, prim, dtype, in[0]->rank, in[0]->shape, n_in, in);
	if (y)
		y->attr.axis = axis;
	return y;
}

struct gd_node *gd_shift(struct gd_graph *g, struct gd_node *x, int axis, bool back, double fill)
{
	if (!x || !x->rank || x->shape[axis] == 0)
		return x;
	struct gd_slice s;
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	int64_t shape[GD_MAX_RANK], edge[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	memcpy(edge, x->shape, sizeof edge);
	edge[axis] = 1;
	shape[axis] -= 1;
	s.start[axis] = back ? 1 : 0;
	struct gd_node *rest = gd_slice(g, x, &s, shape);
	struct gd_node *in = gd_expand(g, gd_const(g, fill), x->rank, edge);
	struct gd_node *both[2] = {back ? rest : in, back ? in : rest};
	return gd_cat(g, 2, both, axis);
}

/* --- cumsum ------------------------------------------------------------------------------ */

static void vjp_cumsum(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	dx[0] = gd_cumsum(g, dy, y->attr.axis, true);
}

static void vjp_cumsum_back(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                            struct gd_node **dx)
{
	dx[0] = gd_cumsum(g, dy, y->attr.axis, false);
}

static const struct gd_prim cumsum = {.name = "cumsum",
                                      .forward = forward_cumsum,
                                      .vjp = vjp_cumsum,
                                      .moves = true,
                                      .cost = cost_of_input};
static const struct gd_prim cumsum_back = {.name = "cumsum_back",
                                           .forward = forward_cumsum_back,
                                           .vjp = vjp_cumsum_back,
                                           .moves = true,
                                           .cost = cost_of_input};

struct gd_node *gd_cumsum(struct gd_graph *g, struct gd_node *x, int axis, bool back)
{
	return along(g, back ? &cumsum_back : &cumsum, g->dtype, axis, 1, &x);
}

/* --- recurrence -------------------------------------------------------------------------- */

static INLINE void block_recurrence(struct gd_node *y, const struct lines *l, size_t at,
                                    size_t columns)
{
	const void *a = y->in[0]->data, *b = y->in[1]->data;
	if (y->dtype == GD_FLOAT64)
		recurrence_f64((double *)y->data + at, (const double *)a + at,
		               (const double *)b + at, columns, l->terms, l->step);
	else
		recurrence_f32((float *)y->data + at, (const float *)a + at, (const float *)b + at,
		               columns, l->terms, l->step);
}

static void forward_recurrence(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	each_block(y, false, block_recurrence);
}

static void forward_recurrence_back(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	each_block(y, true, block_recurrence);
}

/* Which terms feed one that a gradient comes from: those before it, in the scan's order. */
static struct gd_node *live_terms(struct gd_graph *g, const struct gd_node *y, struct gd_node *mask,
                                  bool back)
{
	struct gd_node *ones = gd_expand(g, gd_cast(g, mask, g->dtype), y->rank, y->shape);
	return gd_gt(g, gd_cumsum(g, ones, y->attr.axis, !back), gd_const(g, 0));
}

/* A factor that only leads to masked terms is taken for 0: their cotangents are 0, but 0·∞ is not.
 */
static void pull(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx,
                 bool back)
{
	int axis = y->attr.axis;
	struct gd_node *a = y->in[0], *live = NULL;
	if (dy->mask) {
		live = live_terms(g, y, dy->mask, back);
		a = gd_only(g, a, live);
	}
	struct gd_node *db = gd_recurrence(g, gd_shift(g, a, axis, !back, 0), dy, axis, !back);
	dx[1] = gd_only(g, db, live);
	if (gd_wants(y, 0))
		dx[0] = gd_only(g, gd_mul(g, db, gd_shift(g, y, axis, back, 0)), live);
	gd_set_mask(dx[0], live);
	gd_set_mask(dx[1], live);
}

static void vjp_recurrence(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                           struct gd_node **dx)
{
	pull(g, y, dy, dx, false);
}

static void vjp_recurrence_back(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                                struct gd_node **dx)
{
	pull(g, y, dy, dx, true);
}

static double cost_of_recurrence(const struct gd_node *n)
{
	return 2.0 * (double)n->count;
}

static const struct gd_prim recurrence = {.name = "recurrence",
                                          .forward = forward_recurrence,
                                          .vjp = vjp_recurrence,
                                          .cost = cost_of_recurrence};
static const struct gd_prim recurrence_back = {.name = "recurrence_back",
                                               .forward = forward_recurrence_back,
                                               .vjp = vjp_recurrence_back,
                                               .cost = cost_of_recurrence};

struct gd_node *gd_recurrence(struct gd_graph *g, struct gd_node *a, struct gd_node *b, int axis,
                              bool back)
{
	struct gd_node *in[2] = {a, b};
	return along(g, back ? &recurrence_back : &recurrence, g->dtype, axis, 2, in);
}

/* --- cumprod ----------------------------------------------------------------------------- */

static void vjp_cumprod(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                        struct gd_node **dx)
{
	int axis = y->attr.axis;
	struct gd_node *x = y->in[0], *live = NULL;
	if (dy->mask) {
		live = live_terms(g, y, dy->mask, false);
		x = gd_only(g, x, live);
	}
	struct gd_node *s = gd_recurrence(g, gd_shift(g, x, axis, true, 0), dy, axis, true);
	dx[0] = gd_only(g, gd_mul(g, s, gd_shift(g, y, axis, false, 1)), live);
	gd_set_mask(dx[0], live);
}

static const struct gd_prim cumprod = {
        .name = "cumprod", .forward = forward_cumprod, .vjp = vjp_cumprod, .cost = cost_of_input};

struct gd_node *gd_cumprod(struct gd_graph *g, struct gd_node *x, int axis)
{
	return along(g, &cumprod, g->dtype, axis, 1, &x);
}

/* --- logcumsumexp ------------------------------------------------------------------------ */

/* e^(a - b) for a ≤ b; 0 where a is -∞ */
static struct gd_node *share(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	struct gd_node *none = gd_eq(g, a, gd_const(g, -(double)INFINITY));
	return gd_where(g, none, gd_const(g, 0), gd_exp(g, gd_sub(g, a, b)));
}

static void vjp_logcumsumexp(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                             struct gd_node **dx)
{
	int axis = y->attr.axis;
	struct gd_node *x = y->in[0], *live = NULL;
	struct gd_node *decay = share(g, y, gd_shift(g, y, axis, true, INFINITY));
	if (dy->mask) {
		live = live_terms(g, y, dy->mask, false);
		struct gd_node *next = gd_shift(g, gd_cast(g, live, g->dtype), axis, true, 0);
		decay = gd_only(g, decay, gd_gt(g, next, gd_const(g, 0)));
	}
	struct gd_node *s = gd_recurrence(g, decay, dy, axis, true);
	dx[0] = gd_only(g, gd_mul(g, share(g, x, y), s), live);
	gd_set_mask(dx[0], live);
}

static const struct gd_prim logcumsumexp = {.name = "logcumsumexp",
                                            .forward = forward_logcumsumexp,
                                            .vjp = vjp_logcumsumexp,
                                            .cost = cost_of_exponentials};

struct gd_node *gd_logcumsumexp(struct gd_graph *g, struct gd_node *x, int axis)
{
	return along(g, &logcumsumexp, g->dtype, axis, 1, &x);
}

/* --- cumargmax --------------------------------------------------------------------------- */

static const struct gd_prim cumargmax = {
        .name = "cumargmax", .forward = forward_cumargmax, .cost = cost_of_input};

struct gd_node *gd_cumargmax(struct gd_graph *g, struct gd_node *x, int axis)
{
	return along(g, &cumargmax, GD_INT64, axis, 1, &x);
}
