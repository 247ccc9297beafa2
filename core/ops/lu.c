/* LU factorisation with partial pivoting, P·A = L·U, and what is read out of it.
 *
 *   X = A⁻¹·B        dB = A⁻ᵀ·dX       dA = -dB·Xᵀ
 *   y = ln |det A|   dA = dy·A⁻ᵀ
 *
 * A factorisation has n·n elements of L and U, column-major, then n pivots. Source: Giles,
 * Collected Matrix Derivative Results, sections 2.2.3 and 2.2.4. */
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/lapack.h"
#include "core/ops/broadcast.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

static int order_of(const struct gd_node *a)
{
	return (int)gd_columns(a);
}

/* The same where elements are infinite: kernels that choose pivots by comparing may then lose
 * themselves. */
#define PLAIN_LU(T, name)                                                                          \
	static void name(size_t n, T *a, int *pivot)                                               \
	{                                                                                          \
		for (size_t j = 0; j < n; j++) {                                                   \
			T *column = a + j * n;                                                     \
			size_t best = j;                                                           \
			for (size_t i = j; i < n; i++)                                             \
				if (fabs((double)column[i]) > fabs((double)column[best]))          \
					best = i;                                                  \
			pivot[j] = (int)best + 1;                                                  \
			for (size_t k = 0; k < n && best != j; k++) {                              \
				T x = a[k * n + j];                                                \
				a[k * n + j] = a[k * n + best];                                    \
				a[k * n + best] = x;                                               \
			}                                                                          \
			for (size_t i = j + 1; i < n && column[j] != 0; i++)                       \
				column[i] /= column[j];                                            \
			for (size_t k = j + 1; k < n; k++)                                         \
				for (size_t i = j + 1; i < n; i++)                                 \
					a[k * n + i] -= column[i] * a[k * n + j];                  \
		}                                                                                  \
	}
PLAIN_LU(double, plain_lu_f64)
PLAIN_LU(float, plain_lu_f32)

static void forward_lu(struct gd_sweep *run, struct gd_node *y)
{
	const struct gd_node *a = y->in[0];
	enum gd_dtype t = y->dtype;
	int n = order_of(a);
	size_t square = (size_t)n * (size_t)n, batch = gd_matrix_count(a, 2);
	int *pivot = gd_scratch(run, y, (size_t)n * sizeof *pivot);
	if (!pivot)
		return;
	for (size_t k = 0; k < batch && n; k++) {
		void *lu = gd_elements(y, k * (square + (size_t)n));
		gd_transposed(t, (size_t)n, (size_t)n, gd_elements(a, k * square), lu);
		if (gd_finite(t, square, lu))
			gd_lu(t, n, lu, pivot);
		else if (t == GD_FLOAT64)
			plain_lu_f64((size_t)n, lu, pivot);
		else
			plain_lu_f32((size_t)n, lu, pivot);
		for (int i = 0; i < n; i++)
			if (t == GD_FLOAT64)
				((double *)lu)[square + (size_t)i] = pivot[i];
			else
				((float *)lu)[square + (size_t)i] = (float)pivot[i];
	}
	gd_data_free(run->graph->arena, pivot, (size_t)n * sizeof *pivot);
}

static double cost_lu(const struct gd_node *y)
{
	return (double)y->in[0]->count * (double)order_of(y->in[0]);
}

static const struct gd_prim lu_prim = {.name = "lu", .forward = forward_lu, .cost = cost_lu};

struct gd_node *gd_lu_of(struct gd_graph *g, struct gd_node *a)
{
	if (!a || !gd_matrix_fits(g, a))
		return NULL;
	int64_t n = gd_columns(a), size = n * (n + 1);
	return gd_matrix_node(g, &lu_prim, a, 2, 1, &size, 1, &a);
}

/* --- X = op(A)⁻¹·B ------------------------------------------------------------------------ */

/* Is U regular? Else the error is set. */
static bool regular(struct gd_sweep *run, const struct gd_node *y, size_t matrix, const void *lu,
                    int n)
{
	for (int i = 0; i < n; i++)
		if (gd_element(y->dtype, lu, (size_t)i * (size_t)(n + 1)) == 0) {
			gd_matrix_failure(run, y, matrix, 2,
			                  "is singular: pivot %d of its LU factorisation is zero",
			                  i + 1);
			return false;
		}
	return true;
}

/* B is n×k, as X is; columns: room for it column-major. */
static void solve_one(const struct gd_node *y, int n, int k, const void *f, int *pivot,
                      const void *b, void *x, void *columns)
{
	enum gd_dtype t = y->dtype;
	size_t size = (size_t)n * (size_t)k;
	for (int i = 0; i < n; i++)
		pivot[i] = (int)gd_element(t, f, (size_t)n * (size_t)n + (size_t)i);
	if (k == 1) {
		memcpy(x, b, size * gd_dtype_size(t));
		gd_lu_solve(t, y->attr.transposed.a, n, k, f, pivot, x);
		return;
	}
	gd_transposed(t, (size_t)n, (size_t)k, b, columns);
	gd_lu_solve(t, y->attr.transposed.a, n, k, f, pivot, columns);
	gd_transposed(t, (size_t)k, (size_t)n, columns, x);
}

static void forward_solve(struct gd_sweep *run, struct gd_node *y)
{
	int n = (int)gd_rows(y), k = (int)gd_columns(y);
	size_t square = (size_t)n * (size_t)n, size = (size_t)n * (size_t)k, done = 0;
	size_t pivots = ((size_t)n * sizeof(int) + 63) / 64 * 64;
	size_t room = pivots + size * gd_dtype_size(y->dtype);
	struct gd_node lead = gd_leading(y, 2), lead_f = gd_leading(y->in[1], 1),
	               lead_b = gd_leading(y->in[2], 2), *in[2] = {&lead_f, &lead_b};
	if (y->count == 0)
		return;
	int *pivot = gd_scratch(run, y, room);
	if (!pivot)
		return;
	struct gd_broadcast w;
	gd_broadcast_init(&w, &lead, 2, in);
	for (size_t o = 0; o < w.outer; o++, gd_broadcast_next(&w))
		for (size_t i = 0; i < w.inner && !gd_failed(run->graph); i++, done++) {
			const void *f = gd_elements(y->in[1], (w.offset[0] + i * w.step[0]) *
			                                              (square + (size_t)n));
			const void *b = gd_elements(y->in[2], (w.offset[1] + i * w.step[1]) * size);
			if (regular(run, y, done, f, n))
				solve_one(y, n, k, f, pivot, b, gd_elements(y, done * size),
				          (char *)pivot + pivots);
		}
	gd_data_free(run->graph->arena, pivot, room);
}

static double cost_solve(const struct gd_node *y)
{
	return 2.0 * (double)y->count * (double)gd_rows(y);
}

static struct gd_node *solved(struct gd_graph *g, struct gd_node *a, struct gd_node *f,
                              struct gd_node *b, bool transposed);

/* op(A)·X = B: dB = op(A)⁻ᵀ·dX; of A itself -dB·Xᵀ, or transposed -X·dBᵀ. */
static void vjp_solve(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx)
{
	struct gd_node *a = y->in[0], *b = y->in[2], *live = gd_live_matrices(g, y, dy, 2);
	bool flip = y->attr.transposed.a;
	struct gd_node *db = solved(g, a, y->in[1], dy, !flip);
	if (gd_wants(y, 2))
		dx[2] = gd_for_matrices(g, db, live, b);
	if (gd_wants(y, 0)) {
		struct gd_node *da = flip ? gd_matmul(g, y, gd_transpose(g, db))
		                          : gd_matmul(g, db, gd_transpose(g, y));
		dx[0] = gd_for_matrices(g, gd_neg(g, da), live, a);
	}
}

static const struct gd_prim solve = {
        .name = "solve", .forward = forward_solve, .vjp = vjp_solve, .cost = cost_solve};

static struct gd_node *solved(struct gd_graph *g, struct gd_node *a, struct gd_node *f,
                              struct gd_node *b, bool transposed)
{
	struct gd_node lead_a, lead_b, lead = {0}, *in[3] = {a, f, b};
	if (!a || !f || !b)
		return NULL;
	lead_a = gd_leading(a, 2);
	lead_b = gd_leading(b, 2);
	if (!gd_broadcast_shape(&lead_a, &lead_b, &lead.rank, lead.shape))
		return gd_shape_fail(g, a, b, "the leading axes do not fit");
	if (gd_columns(b) > INT32_MAX)
		return gd_graph_fail(g, GD_ERR_limit_exceeded, "there are too many right sides");
	struct gd_node *y = gd_matrix_node(g, &solve, &lead, 0, 2, b->shape + b->rank - 2, 3, in);
	if (y)
		y->attr.transposed.a = transposed;
	return y;
}

struct gd_node *gd_lu_solved(struct gd_graph *g, struct gd_node *a, struct gd_node *f,
                             struct gd_node *b)
{
	return solved(g, a, f, b, false);
}

/* --- sign and logarithm of the determinant ------------------------------------------------ */

/* The determinant as sign·e^log. */
struct det {
	double sign, log;
};

static struct det det_of(enum gd_dtype t, int n, const void *f)
{
	struct det d = {1, 0};
	for (int i = 0; i < n; i++) {
		double u = gd_element(t, f, (size_t)i * (size_t)(n + 1));
		bool swapped = (int)gd_element(t, f, (size_t)n * (size_t)n + (size_t)i) != i + 1;
		d.sign *= isnan(u) ? NAN : (u > 0) - (u < 0);
		d.sign = swapped ? -d.sign : d.sign;
		d.log += log(fabs(u));
	}
	return d;
}

static void each_det(struct gd_node *y, bool sign)
{
	int n = order_of(y->in[0]);
	for (size_t k = 0; k < y->count; k++) {
		struct det d =
		        det_of(y->dtype, n, gd_elements(y->in[1], k * (size_t)n * (size_t)(n + 1)));
		gd_fill(y->dtype, 1, gd_elements(y, k), sign ? d.sign + 0.0 : d.log);
	}
}

static void forward_sign(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	each_det(y, true);
}

static void forward_log(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	each_det(y, false);
}

static void vjp_log(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct gd_node *a = y->in[0], *live = gd_live_matrices(g, y, dy, 0);
	struct gd_node *scale =
	        gd_mul(g, gd_as_column(g, gd_as_column(g, dy)), gd_identity(g, gd_columns(a)));
	dx[0] = gd_for_matrices(g, solved(g, a, y->in[1], scale, true), live, a);
}

static double cost_diagonal(const struct gd_node *y)
{
	return 20.0 * (double)y->count * (double)order_of(y->in[0]);
}

static const struct gd_prim det_sign = {
        .name = "det_sign", .forward = forward_sign, .cost = cost_diagonal};
static const struct gd_prim log_abs_det = {
        .name = "log_abs_det", .forward = forward_log, .vjp = vjp_log, .cost = cost_diagonal};

struct gd_node *gd_det_sign(struct gd_graph *g, struct gd_node *a, struct gd_node *f)
{
	return gd_matrix_node(g, &det_sign, a, 2, 0, NULL, 2, (struct gd_node *[]){a, f});
}

struct gd_node *gd_log_abs_det(struct gd_graph *g, struct gd_node *a, struct gd_node *f)
{
	return gd_matrix_node(g, &log_abs_det, a, 2, 0, NULL, 2, (struct gd_node *[]){a, f});
}
