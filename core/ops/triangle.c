/* Triangles of matrices, and triangular systems.
 *
 *   X = op(A)⁻¹·B      dB = op(A)⁻ᵀ·dX     dA = -dB·Xᵀ, of op transposing -X·dBᵀ, in A's triangle
 *
 * Source: Giles, Collected Matrix Derivative Results, section 2.2.3. */
#include <string.h>

#include "core/build.h"
#include "core/lapack.h"
#include "core/ops/broadcast.h"
#include "core/ops/band.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

/* --- triangles -------------------------------------------------------------------------------- */

struct gd_node *gd_lower(struct gd_graph *g, struct gd_node *x)
{
	return gd_band(g, x, INT64_MIN, 0);
}

struct gd_node *gd_upper(struct gd_graph *g, struct gd_node *x)
{
	return gd_band(g, x, 0, INT64_MAX);
}

struct gd_node *gd_diagonal_of(struct gd_graph *g, struct gd_node *x)
{
	return gd_band(g, x, 0, 0);
}

struct gd_node *gd_strictly_lower(struct gd_graph *g, struct gd_node *x)
{
	return gd_band(g, x, INT64_MIN, -1);
}

struct gd_node *gd_strictly_upper(struct gd_graph *g, struct gd_node *x)
{
	return gd_band(g, x, 1, INT64_MAX);
}

struct gd_node *gd_identity(struct gd_graph *g, int64_t n)
{
	return gd_diagonal_of(g, gd_expand(g, gd_const(g, 1), 2, (int64_t[]){n, n}));
}

/* --- triangular systems ------------------------------------------------------------------- */

enum { UPPER = 1, TRANSPOSED = 2, UNIT = 4, REGULAR = 8 };

static bool has(const struct gd_node *y, unsigned flag)
{
	return y->attr.axes & flag;
}

static bool regular(struct gd_sweep *run, const struct gd_node *y, size_t matrix, const void *a,
                    size_t n)
{
	for (size_t i = 0; i < n && has(y, REGULAR); i++)
		if (gd_element(y->dtype, a, i * (n + 1)) == 0) {
			gd_matrix_failure(run, y, matrix, 2,
			                  "is singular: element %zu of its diagonal is zero",
			                  i + 1);
			return false;
		}
	return true;
}

/* Row-major op(A)·X = B is column-major Xᵀ·op(A)ᵀ = Bᵀ, and the memory is the same. */
static void forward_triangular(struct gd_sweep *run, struct gd_node *y)
{
	size_t n = (size_t)gd_rows(y), k = (size_t)gd_columns(y), done = 0;
	struct gd_node lead = gd_leading(y, 2), lead_a = gd_leading(y->in[0], 2),
	               lead_b = gd_leading(y->in[1], 2), *in[2] = {&lead_a, &lead_b};
	if (y->count == 0)
		return;
	struct gd_broadcast w;
	gd_broadcast_init(&w, &lead, 2, in);
	for (size_t o = 0; o < w.outer; o++, gd_broadcast_next(&w))
		for (size_t i = 0; i < w.inner && !gd_failed(run->graph); i++, done++) {
			const void *a =
			        gd_elements(y->in[0], (w.offset[0] + i * w.step[0]) * n * n);
			const void *b =
			        gd_elements(y->in[1], (w.offset[1] + i * w.step[1]) * n * k);
			void *x = gd_elements(y, done * n * k);
			if (!regular(run, y, done, a, n))
				return;
			memcpy(x, b, n * k * gd_dtype_size(y->dtype));
			gd_solve_right(y->dtype, !has(y, UPPER), has(y, TRANSPOSED), has(y, UNIT),
			               (int)k, (int)n, a, x);
		}
}

static void vjp_triangular(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                           struct gd_node **dx)
{
	struct gd_node *a = y->in[0], *b = y->in[1], *live = gd_live_matrices(g, y, dy, 2);
	bool flip = has(y, TRANSPOSED), unit = has(y, UNIT);
	struct gd_node *db = gd_solve_triangular(g, a, dy,
	                                         (struct gd_triangle){.upper = has(y, UPPER),
	                                                              .transposed = !flip,
	                                                              .unit = unit,
	                                                              .regular = has(y, REGULAR)});
	if (gd_wants(y, 1))
		dx[1] = gd_for_matrices(g, db, live, b);
	if (gd_wants(y, 0)) {
		struct gd_node *da = flip ? gd_matmul(g, y, gd_transpose(g, db))
		                          : gd_matmul(g, db, gd_transpose(g, y));
		dx[0] = gd_for_matrices(g, gd_neg(g, da), live, a);
		struct gd_node *mask = dx[0] ? dx[0]->mask : NULL;
		dx[0] = has(y, UPPER) ? gd_band(g, dx[0], unit, INT64_MAX)
		                      : gd_band(g, dx[0], INT64_MIN, unit ? -1 : 0);
		gd_set_mask(dx[0], mask);
	}
}

static double cost(const struct gd_node *y)
{
	return (double)y->count * (double)gd_rows(y);
}

static const struct gd_prim triangular = {.name = "solve_triangular",
                                          .forward = forward_triangular,
                                          .vjp = vjp_triangular,
                                          .cost = cost};

struct gd_node *gd_solve_triangular(struct gd_graph *g, struct gd_node *a, struct gd_node *b,
                                    struct gd_triangle how)
{
	struct gd_node lead_a, lead_b, lead = {0}, *in[2] = {a, b};
	if (!a || !b || !gd_matrix_fits(g, a))
		return NULL;
	lead_a = gd_leading(a, 2);
	lead_b = gd_leading(b, 2);
	if (!gd_broadcast_shape(&lead_a, &lead_b, &lead.rank, lead.shape))
		return gd_shape_fail(g, a, b, "the leading axes do not fit");
	if (gd_columns(b) > INT32_MAX)
		return gd_graph_fail(g, GD_ERR_limit_exceeded, "there are too many right sides");
	struct gd_node *y =
	        gd_matrix_node(g, &triangular, &lead, 0, 2, b->shape + b->rank - 2, 2, in);
	if (y)
		y->attr.axes = (how.upper ? UPPER : 0) | (how.transposed ? TRANSPOSED : 0) |
		               (how.unit ? UNIT : 0) | (how.regular ? REGULAR : 0);
	return y;
}
