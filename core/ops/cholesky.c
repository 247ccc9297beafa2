/* A = L·Lᵀ, A symmetric and positive definite, of which the lower triangle is read.
 *
 *   dA = ½·(S + Sᵀ),  S = L⁻ᵀ·Φ(Lᵀ·dL)·L⁻¹,  Φ the lower triangle with half the diagonal
 *
 * Source: Murray, Differentiation of the Cholesky decomposition, section 3.2. */
#include <string.h>

#include "core/build.h"
#include "core/lapack.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

/* The row-major lower triangle is the column-major upper one. */
static void forward_cholesky(struct gd_sweep *run, struct gd_node *y)
{
	size_t n = (size_t)gd_columns(y), size = gd_dtype_size(y->dtype);
	if (y->count == 0)
		return;
	memcpy(y->data, y->in[0]->data, y->count * size);
	for (size_t k = 0, batch = gd_matrix_count(y, 2); k < batch; k++) {
		char *l = gd_elements(y, k * n * n);
		int minor = gd_cholesky_factor(y->dtype, (int)n, l);
		if (minor) {
			gd_matrix_failure(run, y, k, 2,
			                  "is not positive definite: its leading minor of order %d "
			                  "is not positive",
			                  minor);
			return;
		}
		for (size_t i = 0; i < n; i++)
			memset(l + (i * n + i + 1) * size, 0, (n - i - 1) * size);
	}
}

static void vjp_cholesky(struct gd_graph *g, struct gd_node *l, struct gd_node *dl,
                         struct gd_node **dx)
{
	const struct gd_triangle adjoint = {.transposed = true};
	struct gd_node *half = gd_const(g, 0.5);
	struct gd_node *p = gd_matmul(g, gd_transpose(g, l), dl);
	/* Φ(P) + Φ(P)ᵀ: the lower triangle mirrored. */
	struct gd_node *s = gd_add(g, gd_lower(g, p), gd_transpose(g, gd_strictly_lower(g, p)));
	s = gd_solve_triangular(g, l, s, adjoint);
	s = gd_solve_triangular(g, l, gd_transpose(g, s), adjoint);
	s = gd_mul(g, half, s);
	/* It is symmetric but for rounding. */
	s = gd_mul(g, half, gd_add(g, s, gd_transpose(g, s)));
	dx[0] = gd_for_matrices(g, s, gd_live_matrices(g, l, dl, 2), l->in[0]);
}

static double cost(const struct gd_node *y)
{
	return (double)y->count * (double)gd_columns(y) / 3;
}

static const struct gd_prim cholesky = {
        .name = "cholesky", .forward = forward_cholesky, .vjp = vjp_cholesky, .cost = cost};

struct gd_node *gd_cholesky(struct gd_graph *g, struct gd_node *a)
{
	if (!a || !gd_matrix_fits(g, a))
		return NULL;
	return gd_node_new(g, &cholesky, g->dtype, a->rank, a->shape, 1, &a);
}
