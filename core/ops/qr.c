/* A = Q·R, Q with orthonormal columns, R upper triangular. For m ≥ n:
 *
 *   dA = (dQ + Q·sym(triu(dR·Rᵀ - Qᵀ·dQ)))·R⁻ᵀ     sym mirrors the upper triangle
 *
 * A wide A = [X Y] has R = [T Z], X = Q·T square and Z = Qᵀ·Y:
 *
 *   dY = Q·dZ,  dX as above with dQ + Y·dZᵀ
 *
 * A factorisation has R row-major and then Q column-major. Source: Walter and Lehmann, Algorithmic
 * differentiation of linear algebra functions, section 3.2. */
#include <string.h>

#include "core/build.h"
#include "core/lapack.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

enum { R_PART = 1, NO_DERIVATIVE = 2 };

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* --- the factorisation -------------------------------------------------------------------- */

/* The upper triangle of the column-major a (m rows) as r (q×n, row-major). */
static void copy_r(enum gd_dtype t, size_t m, size_t n, size_t q, const void *a, void *r)
{
	for (size_t i = 0; i < q; i++)
		for (size_t j = 0; j < n; j++)
			gd_fill(t, 1, (char *)r + (i * n + j) * gd_dtype_size(t),
			        i <= j ? gd_element(t, a, j * m + i) : 0);
}

static void identity(enum gd_dtype t, size_t n, void *a)
{
	gd_fill(t, n * n, a, 0);
	for (size_t i = 0; i < n; i++)
		gd_fill(t, 1, (char *)a + i * (n + 1) * gd_dtype_size(t), 1);
}

static void forward_factor(struct gd_sweep *run, struct gd_node *y)
{
	const struct gd_node *a = y->in[0];
	enum gd_dtype t = y->dtype;
	size_t m = (size_t)gd_rows(a), n = (size_t)gd_columns(a), size = gd_dtype_size(t);
	size_t q = y->attr.axes ? m : (size_t)smaller((int64_t)m, (int64_t)n);
	size_t wide = m * (n > q ? n : q) * size;
	wide = (wide + 63) / 64 * 64;
	if (y->count == 0)
		return;
	size_t room = n && q ? gd_qr_room(t, (int)m, (int)n, (int)q) : 0;
	char *work = gd_scratch(run, y, wide + room);
	if (!work)
		return;
	for (size_t k = 0, batch = gd_matrix_count(a, 2); k < batch; k++) {
		char *r = gd_elements(y, k * (q * n + m * q));
		if (n == 0) {
			identity(t, m, r);
			continue;
		}
		gd_transposed(t, m, n, gd_elements(a, k * m * n), work);
		gd_qr_reflectors(t, (int)m, (int)n, work, work + wide, room);
		copy_r(t, m, n, q, work, r);
		gd_qr_q(t, (int)m, (int)n, (int)q, work, work + wide, room);
		memcpy(r + q * n * size, work, m * q * size);
	}
	gd_data_free(run->graph->arena, work, wide + room);
}

static double cost(const struct gd_node *y)
{
	const struct gd_node *a = y->in[0];
	return 4.0 * (double)y->count * (double)smaller(gd_rows(a), gd_columns(a));
}

static const struct gd_prim factor = {.name = "qr", .forward = forward_factor, .cost = cost};

/* --- its parts ---------------------------------------------------------------------------- */

static void forward_part(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	size_t m = (size_t)gd_rows(y->in[0]), n = (size_t)gd_columns(y->in[0]);
	bool is_r = y->attr.axes & R_PART;
	size_t q = (size_t)(is_r ? gd_rows(y) : gd_columns(y)), size = gd_dtype_size(y->dtype);
	if (y->count == 0)
		return;
	for (size_t k = 0, batch = gd_matrix_count(y, 2); k < batch; k++) {
		const char *f = gd_elements(y->in[1], k * (q * n + m * q));
		if (is_r)
			memcpy(gd_elements(y, k * q * n), f, q * n * size);
		else
			gd_transposed(y->dtype, q, m, f + q * n * size, gd_elements(y, k * m * q));
	}
}

static struct gd_node *part(struct gd_graph *g, struct gd_node *a, struct gd_node *f, int64_t q,
                            unsigned flags);

/* dA for square or tall A; dq or dr may be NULL for zero. */
static struct gd_node *pull_back(struct gd_graph *g, struct gd_node *q, struct gd_node *r,
                                 struct gd_node *dq, struct gd_node *dr)
{
	struct gd_node *from_r = dr ? gd_matmul(g, dr, gd_transpose(g, r)) : NULL;
	struct gd_node *from_q = dq ? gd_neg(g, gd_matmul(g, gd_transpose(g, q), dq)) : NULL;
	struct gd_node *m = dr && dq ? gd_add(g, from_r, from_q) : dr ? from_r : from_q;
	m = gd_add(g, gd_upper(g, m), gd_transpose(g, gd_strictly_upper(g, m)));
	m = gd_matmul(g, q, m);
	if (dq)
		m = gd_add(g, dq, m);
	/* M·R⁻ᵀ = (R⁻¹·Mᵀ)ᵀ */
	const struct gd_triangle how = {.upper = true};
	return gd_transpose(g, gd_solve_triangular(g, r, gd_transpose(g, m), how));
}

static struct gd_node *pull_back_wide(struct gd_graph *g, struct gd_node *a, struct gd_node *q,
                                      struct gd_node *r, struct gd_node *dq, struct gd_node *dr)
{
	int64_t m = gd_rows(a), rest = gd_columns(a) - m;
	struct gd_node *t = gd_part(g, r, -1, 0, m), *da[2] = {NULL, NULL};
	struct gd_node *dz = gd_part(g, dr, -1, m, rest), *dt = gd_part(g, dr, -1, 0, m);
	if (dr)
		dq = gd_matmul(g, gd_part(g, a, -1, m, rest), gd_transpose(g, dz));
	da[0] = pull_back(g, q, t, dq, dt);
	da[1] = dr ? gd_matmul(g, q, dz) : gd_zero_like(g, gd_part(g, a, -1, m, rest));
	return gd_cat(g, 2, da, a->rank - 1);
}

static void vjp_part(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct gd_node *a = y->in[0], *f = y->in[1];
	int64_t m = gd_rows(a), n = gd_columns(a);
	bool is_r = y->attr.axes & R_PART;
	int64_t width = is_r ? gd_rows(y) : gd_columns(y);
	if (y->attr.axes & NO_DERIVATIVE) {
		gd_graph_fail(g, GD_ERR_not_differentiable,
		              "its derivative needs Q, which \"mode\": \"r\" leaves out");
		gd_error_hint(g->error, "\"mode\": \"reduced\" gives the same R with a derivative");
		return;
	}
	if (width > n) {
		gd_graph_fail(g, GD_ERR_not_differentiable,
		              "\"complete\" has no derivative for a matrix with more rows than "
		              "columns: the last columns of Q may be any orthonormal ones");
		gd_error_hint(g->error, "\"mode\": \"reduced\" has one");
		return;
	}
	struct gd_node *q = part(g, a, f, width, 0), *r = part(g, a, f, width, R_PART);
	struct gd_node *dq = is_r ? NULL : dy, *dr = is_r ? dy : NULL;
	struct gd_node *da =
	        n > m ? pull_back_wide(g, a, q, r, dq, dr) : pull_back(g, q, r, dq, dr);
	dx[0] = gd_for_matrices(g, da, gd_live_matrices(g, y, dy, 2), a);
}

static const struct gd_prim part_prim = {
        .name = "qr_part", .forward = forward_part, .vjp = vjp_part};

static struct gd_node *part(struct gd_graph *g, struct gd_node *a, struct gd_node *f, int64_t q,
                            unsigned flags)
{
	struct gd_node *in[2] = {a, f};
	if (!a || !f)
		return NULL;
	int64_t shape[2] = {gd_rows(a), q};
	if (flags & R_PART) {
		shape[0] = q;
		shape[1] = gd_columns(a);
	}
	struct gd_node *y = gd_matrix_node(g, &part_prim, a, 2, 2, shape, 2, in);
	if (y)
		y->attr.axes = flags;
	return y;
}

void gd_qr(struct gd_graph *g, struct gd_node *a, bool complete, bool derivative,
           struct gd_node **q, struct gd_node **r)
{
	int64_t width = 0, size = 0;
	struct gd_node *f = NULL;
	if (a && gd_matrix_fits(g, a)) {
		width = complete ? gd_rows(a) : smaller(gd_rows(a), gd_columns(a));
		if (!__builtin_mul_overflow(width, gd_rows(a) + gd_columns(a), &size))
			f = gd_matrix_node(g, &factor, a, 2, 1, &size, 1, &a);
		else
			gd_graph_fail(g, GD_ERR_limit_exceeded, "Q has too many elements");
	}
	if (f)
		f->attr.axes = complete;
	if (q)
		*q = part(g, a, f, width, derivative ? 0 : NO_DERIVATIVE);
	if (r)
		*r = part(g, a, f, width, derivative ? R_PART : R_PART | NO_DERIVATIVE);
}
