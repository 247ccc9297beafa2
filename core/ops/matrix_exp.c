/* Y = e^A by scaling and squaring: e^A = (e^(A/2^s))^(2^s), the inner one by the [9/9] Padé
 * approximant, which is exact to float64 for norms up to 2.1.
 *
 *   dA = L(Aᵀ, dY), the upper right block of e^[[Aᵀ, dY], [0, Aᵀ]]
 *
 * so each derivative is an exponential of twice the size, of any order. L is linear in dY, which is
 * made small beside Aᵀ first, lest it is dY that decides how much is squared. Source: Higham, The
 * Scaling and Squaring Method for the Matrix Exponential Revisited, table 2.3 and algorithm 2.3;
 * Mathias, A Chain Rule for Matrix Functions and Applications, theorem 2.1. */
#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/build.h"
#include "core/lapack.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

enum { DEGREE = 9, SQUARES = 7 };

/* The coefficients of p(x) = Σ c_k·x^k in e^x ≈ p(x)/p(-x). */
static const double pade[DEGREE + 1] = {
        1,         1. / 2,      2. / 17,      7. / 408,       7. / 4080,
        1. / 8160, 1. / 159120, 1. / 4455360, 1. / 196035840, 1. / 17643225600};
static const double pade_norm = 2.097847961257068;

struct room {
	enum gd_dtype t;
	size_t n, square, bytes;
	void *m[SQUARES];
	int *pivot;
};

static double norm_1(enum gd_dtype t, size_t n, const void *a)
{
	double norm = 0;
	for (size_t j = 0; j < n; j++) {
		double sum = 0;
		for (size_t i = 0; i < n; i++)
			sum += fabs(gd_element(t, a, i * n + j));
		norm = sum > norm || isnan(sum) ? sum : norm;
	}
	return norm;
}

static void multiply(const struct room *r, const void *a, const void *b, void *c)
{
	if (r->t == GD_FLOAT64)
		gd_gemm_f64(false, false, r->n, r->n, r->n, a, b, c);
	else
		gd_gemm_f32(false, false, r->n, r->n, r->n, a, b, c);
}

/* y += s·x; y = s·x where `first`. */
static void add_scaled(enum gd_dtype t, size_t n, bool first, double s, const void *x, void *y)
{
	if (t == GD_FLOAT64) {
		const double *a = x;
		double *b = y;
		for (size_t i = 0; i < n; i++)
			b[i] = (first ? 0 : b[i]) + s * a[i];
	} else {
		const float *a = x;
		float *b = y;
		for (size_t i = 0; i < n; i++)
			b[i] = (first ? 0 : b[i]) + (float)s * a[i];
	}
}

static void add_to_diagonal(const struct room *r, double s, void *y)
{
	for (size_t i = 0; i < r->n; i++)
		gd_fill(r->t, 1, (char *)y + i * (r->n + 1) * gd_dtype_size(r->t),
		        s + gd_element(r->t, y, i * (r->n + 1)));
}

/* Σ c_(k+first)·A^k over even k: p's even part, or its odd part divided by A. */
static void even_powers(const struct room *r, int first, void *const *power, void *sum)
{
	for (int k = 2; k <= DEGREE - first; k += 2)
		add_scaled(r->t, r->n * r->n, k == 2, pade[k + first], power[k / 2], sum);
	add_to_diagonal(r, pade[first], sum);
}

/* e^A of the scaled A in m[0], into y: (V - U)⁻¹·(V + U), V even and U odd. All is a function of A,
 * so transposing the system, as LAPACK's order does, transposes its solution. */
static void approximate(struct room *r, void *y)
{
	size_t count = r->n * r->n;
	void **m = r->m;
	multiply(r, m[0], m[0], m[1]); /* m[k] = A^2k for k ≥ 1 */
	for (int k = 2; k <= 4; k++)
		multiply(r, m[1], m[k - 1], m[k]);
	even_powers(r, 1, m, m[6]);
	multiply(r, m[0], m[6], m[5]); /* U */
	even_powers(r, 0, m, m[6]);    /* V */
	add_scaled(r->t, count, true, 1, m[6], y);
	add_scaled(r->t, count, false, 1, m[5], y);
	add_scaled(r->t, count, false, -1, m[5], m[6]);
	gd_lu(r->t, (int)r->n, m[6], r->pivot);
	gd_lu_solve(r->t, false, (int)r->n, (int)r->n, m[6], r->pivot, y);
}

static void exponential(struct room *r, const void *a, void *y)
{
	size_t count = r->n * r->n, bytes = count * gd_dtype_size(r->t);
	double norm = norm_1(r->t, r->n, a);
	int squarings = 0;
	if (!isfinite(norm)) {
		gd_fill(r->t, count, y, NAN);
		return;
	}
	if (norm > pade_norm)
		squarings = (int)ceil(log2(norm / pade_norm));
	/* In two steps, as 2^-s alone may be too small a number. */
	add_scaled(r->t, count, true, ldexp(1, -(squarings / 2)), a, r->m[1]);
	add_scaled(r->t, count, true, ldexp(1, -(squarings - squarings / 2)), r->m[1], r->m[0]);
	approximate(r, y);
	for (int i = 0; i < squarings; i++) {
		multiply(r, y, y, r->m[0]);
		memcpy(y, r->m[0], bytes);
	}
}

static void forward_exp(struct gd_sweep *run, struct gd_node *y)
{
	struct room r = {.t = y->dtype, .n = (size_t)gd_columns(y)};
	if (y->count == 0)
		return;
	r.square = (r.n * r.n * gd_dtype_size(r.t) + 63) / 64 * 64;
	r.bytes = SQUARES * r.square + r.n * sizeof(int);
	char *p = gd_scratch(run, y, r.bytes);
	if (!p)
		return;
	for (int i = 0; i < SQUARES; i++)
		r.m[i] = p + (size_t)i * r.square;
	r.pivot = (int *)(p + SQUARES * r.square);
	for (size_t k = 0, batch = gd_matrix_count(y, 2); k < batch; k++)
		exponential(&r, gd_elements(y->in[0], k * r.n * r.n),
		            gd_elements(y, k * r.n * r.n));
	gd_data_free(run->graph->arena, p, r.bytes);
}

/* One number a matrix above the norm of dy, which stays out of derivatives. */
static struct gd_node *size_of(struct gd_graph *g, struct gd_node *dy)
{
	struct gd_node *size = gd_amax(g, gd_abs(g, dy), 3u << (dy->rank - 2), true);
	size = gd_mul(g, size, gd_const(g, (double)gd_columns(dy)));
	size = gd_where(g, gd_gt(g, size, gd_const(g, 0)), size, gd_const(g, 1));
	return gd_stop_gradient(g, size);
}

static void vjp_exp(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct gd_node *a = y->in[0], *t = gd_transpose(g, a);
	int64_t n = gd_columns(a);
	if (!t || y->count == 0)
		return;
	struct gd_node *size = size_of(g, dy);
	struct gd_node *top[2] = {t, gd_div(g, dy, size)}, *bottom[2] = {gd_zero_like(g, t), t};
	struct gd_node *rows[2] = {gd_cat(g, 2, top, a->rank - 1),
	                           gd_cat(g, 2, bottom, a->rank - 1)};
	struct gd_node *both = gd_matrix_exp(g, gd_cat(g, 2, rows, a->rank - 2));
	struct gd_node *da = gd_mul(g, gd_part(g, gd_part(g, both, -2, 0, n), -1, n, n), size);
	dx[0] = gd_for_matrices(g, da, gd_live_matrices(g, y, dy, 2), a);
}

static double cost(const struct gd_node *y)
{
	return 20.0 * (double)y->count * (double)gd_columns(y);
}

static const struct gd_prim matrix_exp = {
        .name = "matrix_exp", .forward = forward_exp, .vjp = vjp_exp, .cost = cost};

struct gd_node *gd_matrix_exp(struct gd_graph *g, struct gd_node *a)
{
	if (!a || !gd_matrix_fits(g, a))
		return NULL;
	return gd_node_new(g, &matrix_exp, g->dtype, a->rank, a->shape, 1, &a);
}
