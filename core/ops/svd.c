/* A = U·diag(S)·Vh, m×n, k = min(m, n) singular values; and the pseudo-inverse.
 *
 *   dA = U·diag(dS)·Vh
 *   dA = U·(G∘S_j/E)·Vh + (I - U·Uᵀ)·dU·S⁻¹·Vh        G = Uᵀ·dU - dUᵀ·U
 *   dA = U·(S_i∘H/E)·Vh + U·S⁻¹·dVh·(I - Vhᵀ·Vh)      H = Vh·dVhᵀ - dVh·Vhᵀ
 *   E_ij = S_j² - S_i², 1 on the diagonal
 *
 *   P = A⁺    dA = -Pᵀ·dP·Pᵀ + (I - A·P)·dPᵀ·P·Pᵀ + Pᵀ·P·dPᵀ·(I - P·A), the rank being constant
 *
 * Of square (full) U and Vh the first k columns and rows have a derivative; the others are any
 * orthonormal ones. A factorisation has S, then U and Vh column-major. Source: Townsend,
 * Differentiating the Singular Value Decomposition; Golub and Pereyra, The Differentiation of
 * Pseudo-Inverses, equation 4.12. */
#include <string.h>

#include "core/build.h"
#include "core/lapack.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

enum { PART_U, PART_S, PART_VH, PARTS };

/* Rows and columns of each part, and where it begins, in a factorisation of `bytes` elements. */
struct layout {
	size_t rows[PARTS], columns[PARTS], start[PARTS], count;
	bool full;
};

static struct layout layout_of(const struct gd_node *a, bool full)
{
	size_t m = (size_t)gd_rows(a), n = (size_t)gd_columns(a), k = m < n ? m : n;
	struct layout l = {.full = full};
	l.rows[PART_U] = m;
	l.columns[PART_U] = full ? m : k;
	l.rows[PART_S] = 1;
	l.columns[PART_S] = k;
	l.rows[PART_VH] = full ? n : k;
	l.columns[PART_VH] = n;
	l.start[PART_S] = 0;
	l.start[PART_U] = k;
	l.start[PART_VH] = k + m * l.columns[PART_U];
	l.count = l.start[PART_VH] + n * l.rows[PART_VH];
	return l;
}

/* --- the factorisation -------------------------------------------------------------------- */

static void identity(enum gd_dtype t, size_t n, char *a)
{
	gd_fill(t, n * n, a, 0);
	for (size_t i = 0; i < n; i++)
		gd_fill(t, 1, a + i * (n + 1) * gd_dtype_size(t), 1);
}

static bool decompose(struct gd_sweep *run, const struct gd_node *y, size_t matrix,
                      const struct layout *l, size_t m, size_t n, void *columns, void *work,
                      size_t room)
{
	size_t size = gd_dtype_size(y->dtype);
	char *f = gd_elements(y, matrix * l->count);
	gd_transposed(y->dtype, m, n, gd_elements(y->in[0], matrix * m * n), columns);
	if (!gd_finite(y->dtype, m * n, columns)) {
		gd_matrix_failure(run, y, matrix, 1,
		                  "has elements that are not finite, and then the algorithm does "
		                  "not converge");
		return false;
	}
	if (gd_svd_factor(y->dtype, l->full, (int)m, (int)n, columns, f,
	                  f + l->start[PART_U] * size, f + l->start[PART_VH] * size, work, room)) {
		gd_matrix_failure(run, y, matrix, 1, "has singular values that do not converge");
		return false;
	}
	return true;
}

static void forward_factor(struct gd_sweep *run, struct gd_node *y)
{
	const struct gd_node *a = y->in[0];
	enum gd_dtype t = y->dtype;
	size_t m = (size_t)gd_rows(a), n = (size_t)gd_columns(a), size = gd_dtype_size(t);
	struct layout l = layout_of(a, y->attr.transposed.a);
	size_t wide = (m * n * size + 63) / 64 * 64, batch = gd_matrix_count(a, 2);
	if (y->count == 0)
		return;
	if (m == 0 || n == 0) {
		for (size_t k = 0; k < batch; k++)
			identity(t, m > n ? m : n, gd_elements(y, k * l.count));
		return;
	}
	size_t room = gd_svd_room(t, l.full, (int)m, (int)n);
	char *columns = gd_scratch(run, y, wide + room);
	if (!columns)
		return;
	for (size_t k = 0; k < batch; k++)
		if (!decompose(run, y, k, &l, m, n, columns, columns + wide, room))
			break;
	gd_data_free(run->graph->arena, columns, wide + room);
}

static double cost(const struct gd_node *y)
{
	const struct gd_node *a = y->in[0];
	int64_t m = gd_rows(a), n = gd_columns(a);
	return 10.0 * ((double)y->count + (double)a->count) * (double)(m < n ? m : n);
}

static const struct gd_prim factor = {.name = "svd", .forward = forward_factor, .cost = cost};

/* --- its parts ---------------------------------------------------------------------------- */

static struct gd_node *part(struct gd_graph *g, struct gd_node *a, struct gd_node *f, int which);

static void copy_part(struct gd_node *y, int which)
{
	struct layout l = layout_of(y->in[0], y->in[1]->attr.transposed.a);
	size_t rows = l.rows[which], columns = l.columns[which];
	for (size_t k = 0, done = 0; done < y->count; k++, done += rows * columns)
		gd_transposed(y->dtype, columns, rows,
		              gd_elements(y->in[1], k * l.count + l.start[which]),
		              gd_elements(y, done));
}

static void forward_u(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	copy_part(y, PART_U);
}

static void forward_s(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	copy_part(y, PART_S);
}

static void forward_vh(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	copy_part(y, PART_VH);
}

/* A's decomposition into k singular triplets, and E. */
struct thin {
	struct gd_node *u, *s, *vh, *e;
	int64_t m, n, k;
};

static struct thin thin_of(struct gd_graph *g, const struct gd_node *y)
{
	struct gd_node *a = y->in[0], *f = y->in[1];
	struct thin d = {.m = gd_rows(a), .n = gd_columns(a)};
	d.k = d.m < d.n ? d.m : d.n;
	d.u = gd_part(g, part(g, a, f, PART_U), -1, 0, d.k);
	d.s = part(g, a, f, PART_S);
	d.vh = gd_part(g, part(g, a, f, PART_VH), -2, 0, d.k);
	return d;
}

/* (S_j - S_i)·(S_j + S_i), and 1 on the diagonal. */
static struct gd_node *gaps(struct gd_graph *g, const struct thin *d)
{
	struct gd_node *row = gd_as_row(g, d->s), *column = gd_as_column(g, d->s);
	struct gd_node *e = gd_mul(g, gd_sub(g, row, column), gd_add(g, row, column));
	return gd_add(g, e, gd_identity(g, d->k));
}

static struct gd_node *skew(struct gd_graph *g, struct gd_node *x)
{
	return gd_sub(g, x, gd_transpose(g, x));
}

static void vjp_s(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct thin d = thin_of(g, y);
	struct gd_node *da = gd_matmul(g, gd_mul(g, d.u, gd_as_row(g, dy)), d.vh);
	dx[0] = gd_for_matrices(g, da, gd_live_matrices(g, y, dy, 1), y->in[0]);
}

static void vjp_u(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct thin d = thin_of(g, y);
	struct gd_node *row = gd_as_row(g, d.s), *ut = gd_transpose(g, d.u);
	struct gd_node *du = gd_part(g, dy, -1, 0, d.k), *rest = NULL;
	struct gd_node *core = gd_mul(g, skew(g, gd_matmul(g, ut, du)), row);
	struct gd_node *da = gd_matmul(g, d.u, gd_div(g, core, gaps(g, &d)));
	if (d.m > d.k) {
		rest = gd_div(g, du, row);
		rest = gd_sub(g, rest, gd_matmul(g, d.u, gd_matmul(g, ut, rest)));
		da = gd_add(g, da, rest);
	}
	dx[0] = gd_for_matrices(g, gd_matmul(g, da, d.vh), gd_live_matrices(g, y, dy, 2), y->in[0]);
}

static void vjp_vh(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct thin d = thin_of(g, y);
	struct gd_node *column = gd_as_column(g, d.s), *v = gd_transpose(g, d.vh);
	struct gd_node *dvh = gd_part(g, dy, -2, 0, d.k), *rest = NULL;
	struct gd_node *h = skew(g, gd_matmul(g, d.vh, gd_transpose(g, dvh)));
	struct gd_node *core = gd_div(g, gd_mul(g, column, h), gaps(g, &d));
	struct gd_node *da = gd_matmul(g, core, d.vh);
	if (d.n > d.k) {
		rest = gd_div(g, dvh, column);
		rest = gd_sub(g, rest, gd_matmul(g, gd_matmul(g, rest, v), d.vh));
		da = gd_add(g, da, rest);
	}
	dx[0] = gd_for_matrices(g, gd_matmul(g, d.u, da), gd_live_matrices(g, y, dy, 2), y->in[0]);
}

static const struct gd_prim parts[PARTS] = {
        [PART_U] = {.name = "svd_u", .forward = forward_u, .vjp = vjp_u},
        [PART_S] = {.name = "singular_values", .forward = forward_s, .vjp = vjp_s},
        [PART_VH] = {.name = "svd_vh", .forward = forward_vh, .vjp = vjp_vh},
};

static struct gd_node *part(struct gd_graph *g, struct gd_node *a, struct gd_node *f, int which)
{
	struct gd_node *in[2] = {a, f};
	if (!a || !f)
		return NULL;
	struct layout l = layout_of(a, f->attr.transposed.a);
	int64_t shape[2] = {(int64_t)l.rows[which], (int64_t)l.columns[which]};
	int skip = which == PART_S;
	return gd_matrix_node(g, &parts[which], a, 2, 2 - skip, shape + skip, 2, in);
}

void gd_svd(struct gd_graph *g, struct gd_node *a, bool full, struct gd_node **u,
            struct gd_node **s, struct gd_node **vh)
{
	struct gd_node *f = NULL;
	if (a && gd_matrix_fits(g, a)) {
		int64_t size = (int64_t)layout_of(a, full).count;
		f = gd_matrix_node(g, &factor, a, 2, 1, &size, 1, &a);
	}
	if (f)
		f->attr.transposed.a = full;
	if (u)
		*u = part(g, a, f, PART_U);
	if (s)
		*s = part(g, a, f, PART_S);
	if (vh)
		*vh = part(g, a, f, PART_VH);
}

/* --- pseudo-inverse ----------------------------------------------------------------------- */

static void forward_pinv(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	if (y->count)
		memcpy(y->data, y->in[0]->data, y->count * gd_dtype_size(y->dtype));
}

/* The three terms, of which products are shared in the smaller of both sizes: K = dPᵀ·P, m×m, or
 * P·dPᵀ, n×n. */
static void vjp_pinv(struct gd_graph *g, struct gd_node *p, struct gd_node *dp, struct gd_node **dx)
{
	struct gd_node *a = p->in[1], *pt = gd_transpose(g, p), *dpt = gd_transpose(g, dp);
	struct gd_node *main, *left, *right, *k;
	if (gd_rows(a) <= gd_columns(a)) {
		k = gd_matmul(g, dpt, p);
		main = gd_matmul(g, p, k);
		left = gd_matmul(g, k, pt);
		left = gd_sub(g, left, gd_matmul(g, gd_matmul(g, a, p), left));
		right = gd_sub(g, dpt, gd_matmul(g, k, a));
		right = gd_matmul(g, gd_matmul(g, pt, p), right);
	} else {
		k = gd_matmul(g, p, dpt);
		main = gd_matmul(g, k, p);
		left = gd_sub(g, dpt, gd_matmul(g, a, k));
		left = gd_matmul(g, left, gd_matmul(g, p, pt));
		right = gd_matmul(g, pt, k);
		right = gd_sub(g, right, gd_matmul(g, right, gd_matmul(g, p, a)));
	}
	struct gd_node *da = gd_sub(g, gd_add(g, left, right), gd_transpose(g, main));
	dx[1] = gd_for_matrices(g, da, gd_live_matrices(g, p, dp, 2), a);
}

static const struct gd_prim pinv = {.name = "pinv", .forward = forward_pinv, .vjp = vjp_pinv};

struct gd_node *gd_pinv_of(struct gd_graph *g, struct gd_node *a, struct gd_node *p)
{
	struct gd_node *in[2] = {gd_stop_gradient(g, p), a};
	return in[0] ? gd_node_new(g, &pinv, g->dtype, p->rank, p->shape, 2, in) : NULL;
}
