/* The determinant, a polynomial in the elements, with derivatives that are right where the matrix
 * is singular too.
 *
 *   y = det A             dA = dy·C
 *   C = cofactors of A    dA = D(dC)
 *   D(W) = d/dA ⟨W, C⟩    dW = D(dD),  dA from D(W) = (⟨W, C⟩·C - C·Wᵀ·C)/det A
 *
 * C is det A·A⁻ᵀ. With A = U·S·Vᵀ and σ = det U·det V both are polynomials in the singular values:
 *
 *   C = σ·U·diag(p)·Vᵀ                    p_i  = Π s_k, k ≠ i
 *   D = σ·U·(diag(P·w) - P∘W'ᵀ)·Vᵀ        P_ij = Π s_k, k ≠ i, j;  W' = Uᵀ·W·V with diagonal w
 *
 * Source: Magnus and Neudecker, Matrix Differential Calculus, chapter 8; Stewart, On the adjugate
 * matrix (1998). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/blas.h"
#include "core/build.h"
#include "core/lapack.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

/* Of the factorisation f: the product of U's diagonal, its sign changed by each swap. */
static double det_of(enum gd_dtype t, size_t n, const void *f)
{
	double wide = 1;
	float narrow = 1;
	for (size_t i = 0; i < n; i++) {
		double u = gd_element(t, f, i * (n + 1));
		bool swapped = (size_t)gd_element(t, f, n * n + i) != i + 1;
		wide *= swapped ? -u : u;
		narrow *= (float)(swapped ? -u : u);
	}
	return t == GD_FLOAT64 ? wide : (double)narrow;
}

static void forward_det(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	size_t n = (size_t)gd_columns(y->in[0]);
	for (size_t k = 0; k < y->count; k++)
		gd_fill(y->dtype, 1, gd_elements(y, k),
		        det_of(y->dtype, n, gd_elements(y->in[1], k * n * (n + 1))));
}

static struct gd_node *cofactors(struct gd_graph *g, struct gd_node *a, struct gd_node *f);

static void vjp_det(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct gd_node *a = y->in[0], *scale = gd_as_column(g, gd_as_column(g, dy));
	dx[0] = gd_for_matrices(g, gd_mul(g, scale, cofactors(g, a, y->in[1])),
	                        gd_live_matrices(g, y, dy, 0), a);
}

static const struct gd_prim det = {.name = "det", .forward = forward_det, .vjp = vjp_det};

struct gd_node *gd_det(struct gd_graph *g, struct gd_node *a, struct gd_node *f)
{
	return gd_matrix_node(g, &det, a, 2, 0, NULL, 2, (struct gd_node *[]){a, f});
}

/* --- through singular values -------------------------------------------------------------- */

/* Room for one matrix, n×n each but s, and pivots. Row-major: A = U·diag(s)·Vh. */
struct room {
	enum gd_dtype t;
	size_t n, work_bytes, bytes;
	void *u, *vh, *s, *one, *two, *three, *work;
	int *pivot;
	double sigma;
};

static size_t aligned(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

static bool take_room(struct gd_sweep *run, const struct gd_node *y, struct room *r)
{
	r->t = y->dtype;
	r->n = (size_t)gd_columns(y);
	size_t square = aligned(r->n * r->n * gd_dtype_size(r->t));
	size_t row = aligned(r->n * sizeof(double));
	size_t work[3] = {gd_svd_room(r->t, true, (int)r->n, (int)r->n),
	                  gd_lu_inverse_room(r->t, (int)r->n), gd_lu_rcond_room(r->t, (int)r->n)};
	r->work_bytes = 0;
	for (int i = 0; i < 3; i++)
		r->work_bytes = work[i] > r->work_bytes ? work[i] : r->work_bytes;
	r->bytes = 5 * square + 2 * row + r->work_bytes;
	char *p = gd_scratch(run, y, r->bytes);
	if (!p)
		return false;
	void **squares[5] = {&r->u, &r->vh, &r->one, &r->two, &r->three};
	for (int i = 0; i < 5; i++, p += square)
		*squares[i] = p;
	r->s = p;
	r->pivot = (int *)(p + row);
	r->work = p + 2 * row;
	return true;
}

static void give_room(struct gd_sweep *run, struct room *r)
{
	gd_data_free(run->graph->arena, r->u, r->bytes);
}

/* ±1 of an orthogonal matrix; r->one is used. */
static double det_of_orthogonal(struct room *r, const void *q)
{
	double sign = 1;
	memcpy(r->one, q, r->n * r->n * gd_dtype_size(r->t));
	gd_lu(r->t, (int)r->n, r->one, r->pivot);
	for (size_t i = 0; i < r->n; i++) {
		bool negative = gd_element(r->t, r->one, i * (r->n + 1)) < 0;
		sign = negative != (r->pivot[i] != (int)i + 1) ? -sign : sign;
	}
	return sign;
}

/* LAPACK sees Aᵀ = V·S·Uᵀ in the memory of A. */
static bool decompose(struct gd_sweep *run, const struct gd_node *y, size_t matrix, const void *a,
                      struct room *r)
{
	int n = (int)r->n;
	memcpy(r->one, a, r->n * r->n * gd_dtype_size(r->t));
	if (gd_svd_factor(r->t, true, n, n, r->one, r->s, r->vh, r->u, r->work, r->work_bytes)) {
		gd_matrix_failure(run, y, matrix, 2, "has singular values that do not converge");
		return false;
	}
	r->sigma = det_of_orthogonal(r, r->u) * det_of_orthogonal(r, r->vh);
	return true;
}

/* c = op(a)·op(b), n×n. */
static void multiply(const struct room *r, bool ta, bool tb, const void *a, const void *b, void *c)
{
	if (r->t == GD_FLOAT64)
		gd_gemm_f64(ta, tb, r->n, r->n, r->n, a, b, c);
	else
		gd_gemm_f32(ta, tb, r->n, r->n, r->n, a, b, c);
}

static void set(enum gd_dtype t, void *x, size_t i, double value)
{
	gd_fill(t, 1, (char *)x + i * gd_dtype_size(t), value);
}

/* Π s_k over k ≠ i for each i, times the factor; with `i` ≥ n none is left out. */
static void products_without(const struct room *r, size_t skip, double factor, double *p)
{
	double before = factor, after = 1;
	for (size_t i = 0; i < r->n; i++) {
		p[i] = before;
		before *= i == skip ? 1 : gd_element(r->t, r->s, i);
	}
	for (size_t i = r->n; i-- > 0;) {
		p[i] *= after;
		after *= i == skip ? 1 : gd_element(r->t, r->s, i);
	}
}

/* --- cofactors ---------------------------------------------------------------------------- */

/* det A·A⁻ᵀ from the factorisation, where that loses less than half of the digits. */
static bool cofactors_by_lu(struct room *r, const void *a, const void *f, void *c)
{
	double d = det_of(r->t, r->n, f), norm = 0, tiny = r->t == GD_FLOAT64 ? DBL_MIN : FLT_MIN;
	double limit = sqrt(r->t == GD_FLOAT64 ? DBL_EPSILON : FLT_EPSILON);
	if (!isfinite(d) || fabs(d) < tiny)
		return false;
	for (size_t j = 0; j < r->n; j++) {
		double sum = 0;
		for (size_t i = 0; i < r->n; i++)
			sum += fabs(gd_element(r->t, a, i * r->n + j));
		norm = fmax(norm, sum);
	}
	if (!(gd_lu_rcond(r->t, (int)r->n, f, norm, r->work) > limit))
		return false;
	memcpy(c, f, r->n * r->n * gd_dtype_size(r->t));
	for (size_t i = 0; i < r->n; i++)
		r->pivot[i] = (int)gd_element(r->t, f, r->n * r->n + i);
	gd_lu_inverse(r->t, (int)r->n, c, r->pivot, r->work);
	for (size_t i = 0; i < r->n * r->n; i++)
		set(r->t, c, i, d * gd_element(r->t, c, i));
	return true;
}

static void cofactors_by_svd(struct room *r, void *c)
{
	size_t n = r->n;
	double *p = r->two;
	products_without(r, n, r->sigma, p);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			set(r->t, r->one, i * n + j, p[i] * gd_element(r->t, r->vh, i * n + j));
	multiply(r, false, false, r->u, r->one, c);
}

static void forward_cofactors(struct gd_sweep *run, struct gd_node *y)
{
	struct room r;
	size_t n = (size_t)gd_columns(y);
	if (y->count == 0 || !take_room(run, y, &r))
		return;
	for (size_t k = 0, batch = gd_matrix_count(y, 2); k < batch; k++) {
		const void *a = gd_elements(y->in[0], k * n * n);
		void *c = gd_elements(y, k * n * n);
		if (!gd_finite(r.t, n * n, a)) {
			gd_fill(r.t, n * n, c, NAN);
		} else if (!cofactors_by_lu(&r, a, gd_elements(y->in[1], k * n * (n + 1)), c)) {
			if (!decompose(run, y, k, a, &r))
				break;
			cofactors_by_svd(&r, c);
		}
	}
	give_room(run, &r);
}

static struct gd_node *second(struct gd_graph *g, struct gd_node *a, struct gd_node *f,
                              struct gd_node *w);

static void vjp_cofactors(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                          struct gd_node **dx)
{
	dx[0] = gd_for_matrices(g, second(g, y->in[0], y->in[1], dy), gd_live_matrices(g, y, dy, 2),
	                        y->in[0]);
}

static double cost_cofactors(const struct gd_node *y)
{
	return 3.0 * (double)y->count * (double)gd_columns(y);
}

static const struct gd_prim cofactor = {.name = "cofactors",
                                        .forward = forward_cofactors,
                                        .vjp = vjp_cofactors,
                                        .cost = cost_cofactors};

static struct gd_node *cofactors(struct gd_graph *g, struct gd_node *a, struct gd_node *f)
{
	struct gd_node *in[2] = {a, f};
	return gd_node_new(g, &cofactor, g->dtype, a->rank, a->shape, 2, in);
}

/* --- their derivative --------------------------------------------------------------------- */

/* diag(P·w) - P∘W'ᵀ into r->two, from W' in r->one; a row of P at a time in r->three. */
static void rotated_second(struct room *r)
{
	size_t n = r->n;
	double *p = r->three;
	for (size_t i = 0; i < n; i++) {
		double diagonal = 0;
		products_without(r, i, r->sigma, p);
		for (size_t j = 0; j < n; j++) {
			if (j == i)
				continue;
			diagonal += p[j] * gd_element(r->t, r->one, j * (n + 1));
			set(r->t, r->two, i * n + j, -p[j] * gd_element(r->t, r->one, j * n + i));
		}
		set(r->t, r->two, i * (n + 1), diagonal);
	}
}

static void forward_second(struct gd_sweep *run, struct gd_node *y)
{
	struct room r;
	size_t n = (size_t)gd_columns(y);
	if (y->count == 0 || !take_room(run, y, &r))
		return;
	for (size_t k = 0, batch = gd_matrix_count(y, 2); k < batch; k++) {
		const void *a = gd_elements(y->in[0], k * n * n);
		void *d = gd_elements(y, k * n * n);
		if (!gd_finite(r.t, n * n, a)) {
			gd_fill(r.t, n * n, d, NAN);
			continue;
		}
		if (!decompose(run, y, k, a, &r))
			break;
		multiply(&r, true, false, r.u, gd_elements(y->in[2], k * n * n), r.two);
		multiply(&r, false, true, r.two, r.vh, r.one);
		rotated_second(&r);
		multiply(&r, false, false, r.u, r.two, r.one);
		multiply(&r, false, false, r.one, r.vh, d);
	}
	give_room(run, &r);
}

static struct gd_node *inner(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	return a ? gd_sum(g, gd_mul(g, a, b), 3u << (a->rank - 2), true) : NULL;
}

/* a·bᵀ·c */
static struct gd_node *chain(struct gd_graph *g, struct gd_node *a, struct gd_node *b,
                             struct gd_node *c)
{
	return gd_matmul(g, gd_matmul(g, a, gd_transpose(g, b)), c);
}

/* Of ℓ = ⟨V, D(W)⟩ = (⟨W, C⟩·⟨V, C⟩ - ⟨V, C·Wᵀ·C⟩)/det A:
 *   dC = (⟨V, C⟩·W + ⟨W, C⟩·V - V·Cᵀ·W - W·Cᵀ·V)/det A     d(det A) = -ℓ/det A */
static struct gd_node *third(struct gd_graph *g, struct gd_node *y, struct gd_node *v)
{
	struct gd_node *a = y->in[0], *f = y->in[1], *w = y->in[2];
	struct gd_node *c = cofactors(g, a, f), *wc = inner(g, w, c), *vc = inner(g, v, c);
	struct gd_node *d = gd_as_column(g, gd_as_column(g, gd_det(g, a, f)));
	struct gd_node *l = gd_sub(g, gd_mul(g, wc, vc), inner(g, v, chain(g, c, w, c)));
	struct gd_node *dc = gd_sub(g, gd_add(g, gd_mul(g, vc, w), gd_mul(g, wc, v)),
	                            gd_add(g, chain(g, v, c, w), chain(g, w, c, v)));
	return gd_sub(g, second(g, a, f, gd_div(g, dc, d)),
	              gd_mul(g, gd_div(g, l, gd_square(g, d)), c));
}

static void vjp_second(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	struct gd_node *live = gd_live_matrices(g, y, dy, 2);
	if (gd_wants(y, 0))
		dx[0] = gd_for_matrices(g, third(g, y, dy), live, y->in[0]);
	if (gd_wants(y, 2))
		dx[2] = gd_for_matrices(g, second(g, y->in[0], y->in[1], dy), live, y->in[2]);
}

static double cost_second(const struct gd_node *y)
{
	return 30.0 * (double)y->count * (double)gd_columns(y);
}

static const struct gd_prim second_prim = {.name = "cofactors_derivative",
                                           .forward = forward_second,
                                           .vjp = vjp_second,
                                           .cost = cost_second};

static struct gd_node *second(struct gd_graph *g, struct gd_node *a, struct gd_node *f,
                              struct gd_node *w)
{
	struct gd_node *in[3] = {a, f, w};
	return w ? gd_node_new(g, &second_prim, g->dtype, a->rank, a->shape, 3, in) : NULL;
}
