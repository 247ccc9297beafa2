/* where, cast, logical_and, stop_gradient: primitives that choose or convert elements. */
#include <string.h>

#include "core/batch.h"
#include "core/build.h"
#include "core/cpu.h"
#include "core/ops/broadcast.h"
#include "core/sample.h"
#include "core/ops/where.h"

/* --- y = cond ? a : b --------------------------------------------------------------------- */

static void block_where(const struct gd_node *n, size_t count, void *y, const void *const *in,
                        const size_t *step)
{
	const struct gd_where_kernels *k = GD_BEST(gd_where);
	size_t size = gd_dtype_size(n->dtype);
	(size == 8 ? k->of_8_bytes : size == 4 ? k->of_4_bytes : k->of_1_byte)(count, y, in, step);
}

/* dy where x was chosen, and the mask that says so. */
static struct gd_node *chosen(struct gd_graph *g, struct gd_node *y, struct gd_node *x,
                              struct gd_node *mask, bool taken, struct gd_node *dy)
{
	struct gd_node *zero = gd_const(g, 0);
	struct gd_node *d = taken ? gd_where(g, mask, dy, zero) : gd_where(g, mask, zero, dy);
	struct gd_node *live = taken ? mask : gd_logical_not(g, mask);
	live = gd_mask_and(g, live, dy->mask);
	d = gd_sum_to(g, d, x->rank, x->shape);
	gd_set_mask(d, gd_mask_to(g, live, y, x));
	return d;
}

static void vjp_where(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx)
{
	if (gd_wants(y, 1))
		dx[1] = chosen(g, y, y->in[1], y->in[0], true, dy);
	if (gd_wants(y, 2))
		dx[2] = chosen(g, y, y->in[2], y->in[0], false, dy);
}

static bool is_zero(const struct gd_node *x)
{
	double value;
	const struct gd_node *source = gd_expanded_from(x);
	return gd_is_const(source ? source : x, &value) && value == 0;
}

/* Linear where what does not depend on the rows is zero. */
static struct gd_node *rows_where(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                  int64_t n, bool *apart)
{
	(void)apart;
	for (int i = 0; i < 3; i++)
		if (d[i] ? i == 0 || !gd_keeps_rows(y, i, n) : i > 0 && !is_zero(y->in[i]))
			return NULL;
	return gd_rows_same(g, y, d);
}

static const struct gd_prim where = {.name = "where",
                                     .forward = gd_forward_elementwise,
                                     .block = block_where,
                                     .cheap = true,
                                     .vjp = vjp_where,
                                     .elementwise = true,
                                     .batch = gd_batch_broadcast,
                                     .rows = rows_where};

struct gd_node *gd_where(struct gd_graph *g, struct gd_node *cond, struct gd_node *a,
                         struct gd_node *b)
{
	if (!cond || !a || !b)
		return NULL;
	int rank;
	int64_t all[GD_MAX_RANK];
	struct gd_node shape = {0};
	struct gd_node *in[3] = {cond, a, b};
	char tc[GD_SHAPE_TEXT], ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT];
	if (!gd_broadcast_shape(a, b, &shape.rank, shape.shape) ||
	    !gd_broadcast_shape(cond, &shape, &rank, all))
		return gd_shape_fail(
		        g, a, gd_broadcast_shape(a, b, &rank, shape.shape) ? cond : b,
		        "condition %s, input %s and other %s cannot be broadcast together",
		        gd_shape_text(cond->rank, cond->shape, tc),
		        gd_shape_text(a->rank, a->shape, ta), gd_shape_text(b->rank, b->shape, tb));
	return gd_node_new(g, &where, a->dtype, rank, all, 3, in);
}

/* --- masks -------------------------------------------------------------------------------- */

static void block_and(const struct gd_node *n, size_t count, void *out, const void *const *in,
                      const size_t *step)
{
	(void)n;
	uint8_t *y = out;
	const uint8_t *a = in[0], *b = in[1];
	for (size_t i = 0; i < count; i++)
		y[i] = a[i * step[0]] & b[i * step[1]];
}

static const struct gd_prim logical_and = {.name = "logical_and",
                                           .forward = gd_forward_elementwise,
                                           .block = block_and,
                                           .elementwise = true,
                                           .cheap = true,
                                           .batch = gd_batch_broadcast};

struct gd_node *gd_logical_and(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	int rank;
	int64_t shape[GD_MAX_RANK];
	struct gd_node *in[2] = {a, b};
	if (!a || !b)
		return NULL;
	if (!gd_broadcast_shape(a, b, &rank, shape))
		return gd_shape_fail(g, a, b, "masks of different shapes");
	return gd_node_new(g, &logical_and, GD_BOOL, rank, shape, 2, in);
}

static void block_not(const struct gd_node *n, size_t count, void *out, const void *const *in,
                      const size_t *step)
{
	(void)n;
	const uint8_t *x = in[0];
	uint8_t *y = out;
	for (size_t i = 0; i < count; i++)
		y[i] = !x[i * step[0]];
}

static const struct gd_prim logical_not = {.name = "logical_not",
                                           .forward = gd_forward_elementwise,
                                           .block = block_not,
                                           .elementwise = true,
                                           .cheap = true,
                                           .batch = gd_batch_broadcast};

struct gd_node *gd_inverse_of(const struct gd_node *x)
{
	return x->prim == &logical_not ? x->in[0] : NULL;
}

struct gd_node *gd_logical_not(struct gd_graph *g, struct gd_node *x)
{
	if (x && gd_inverse_of(x))
		return gd_inverse_of(x);
	return x ? gd_node_new(g, &logical_not, GD_BOOL, x->rank, x->shape, 1, &x) : NULL;
}

/* --- cast --------------------------------------------------------------------------------- */

#define CONVERT(TO, FROM, expression)                                                              \
	do {                                                                                       \
		TO *y = out;                                                                       \
		const FROM *px = in[0];                                                            \
		for (size_t i = 0; i < count; i++) {                                               \
			FROM x = px[i * step[0]];                                                  \
			y[i] = (expression);                                                       \
		}                                                                                  \
	} while (0)

static void block_cast(const struct gd_node *n, size_t count, void *out, const void *const *in,
                       const size_t *step)
{
	enum gd_dtype from = n->in[0]->dtype;
	if (n->dtype == GD_BOOL) {
		if (from == GD_FLOAT64)
			CONVERT(uint8_t, double, x != 0);
		else if (from == GD_FLOAT32)
			CONVERT(uint8_t, float, x != 0);
		else
			CONVERT(uint8_t, int64_t, x != 0);
	} else if (n->dtype == GD_FLOAT64) {
		if (from == GD_BOOL)
			CONVERT(double, uint8_t, x);
		else
			CONVERT(double, int64_t, (double)x);
	} else {
		if (from == GD_BOOL)
			CONVERT(float, uint8_t, x);
		else
			CONVERT(float, int64_t, (float)x);
	}
}

static const struct gd_prim cast = {.name = "cast",
                                    .forward = gd_forward_elementwise,
                                    .block = block_cast,
                                    .cheap = true,
                                    .batch = gd_batch_leading};

struct gd_node *gd_cast(struct gd_graph *g, struct gd_node *x, enum gd_dtype dtype)
{
	if (!x || x->dtype == dtype)
		return x;
	return gd_node_new(g, &cast, dtype, x->rank, x->shape, 1, &x);
}

/* --- stop_gradient ------------------------------------------------------------------------ */

static const struct gd_prim stop = {
        .name = "stop_gradient", .alias = true, .batch = gd_batch_alias};

struct gd_node *gd_stop_gradient(struct gd_graph *g, struct gd_node *x)
{
	return x ? gd_node_new(g, &stop, x->dtype, x->rank, x->shape, 1, &x) : NULL;
}
