/* A = V·diag(λ)·Vᵀ for symmetric A, of which one triangle is read.
 *
 *   dA = V·diag(dλ)·Vᵀ          dA = V·½(K + Kᵀ)·Vᵀ,  K_ij = (Vᵀ·dV)_ij/(λ_j - λ_i), K_ii = 0
 *
 * A factorisation has the eigenvalues and then V column-major. Source: Giles, Collected Matrix
 * Derivative Results, section 3.1. */
#include <string.h>

#include "core/build.h"
#include "core/lapack.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

static void forward_factor(struct gd_sweep *run, struct gd_node *y)
{
	const struct gd_node *a = y->in[0];
	enum gd_dtype t = y->dtype;
	size_t n = (size_t)gd_columns(a), size = gd_dtype_size(t);
	if (y->count == 0)
		return;
	size_t room = gd_eigh_room(t, (int)n);
	void *work = gd_scratch(run, y, room);
	if (!work)
		return;
	for (size_t k = 0, batch = gd_matrix_count(a, 2); k < batch; k++) {
		char *values = gd_elements(y, k * n * (n + 1)), *vectors = values + n * size;
		gd_transposed(t, n, n, gd_elements(a, k * n * n), vectors);
		if (!gd_finite(t, n * n, vectors)) {
			gd_matrix_failure(run, y, k, 1,
			                  "has elements that are not finite, and then the "
			                  "algorithm does not converge");
			break;
		}
		if (gd_eigh_factor(t, y->attr.transposed.a, (int)n, vectors, values, work, room)) {
			gd_matrix_failure(run, y, k, 1, "has eigenvalues that do not converge");
			break;
		}
	}
	gd_data_free(run->graph->arena, work, room);
}

static double cost(const struct gd_node *y)
{
	return 10.0 * (double)y->count * (double)gd_columns(y->in[0]);
}

static const struct gd_prim factor = {.name = "eigh", .forward = forward_factor, .cost = cost};

/* --- its parts ---------------------------------------------------------------------------- */

static void forward_values(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	size_t n = (size_t)gd_columns(y);
	for (size_t k = 0; n && k < y->count / n; k++)
		memcpy(gd_elements(y, k * n), gd_elements(y->in[1], k * n * (n + 1)),
		       n * gd_dtype_size(y->dtype));
}

static void forward_vectors(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	size_t n = (size_t)gd_columns(y);
	for (size_t k = 0, batch = gd_matrix_count(y, 2); k < batch && n; k++)
		gd_transposed(y->dtype, n, n, gd_elements(y->in[1], k * n * (n + 1) + n),
		              gd_elements(y, k * n * n));
}

static struct gd_node *values_of(struct gd_graph *g, struct gd_node *a, struct gd_node *f);
static struct gd_node *vectors_of(struct gd_graph *g, struct gd_node *a, struct gd_node *f);

static void vjp_values(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	struct gd_node *a = y->in[0], *v = vectors_of(g, a, y->in[1]);
	struct gd_node *da = gd_matmul(g, gd_mul(g, v, gd_as_row(g, dy)), gd_transpose(g, v));
	dx[0] = gd_for_matrices(g, da, gd_live_matrices(g, y, dy, 1), a);
}

static void vjp_vectors(struct gd_graph *g, struct gd_node *v, struct gd_node *dv,
                        struct gd_node **dx)
{
	struct gd_node *a = v->in[0], *l = values_of(g, a, v->in[1]);
	struct gd_node *gaps = gd_sub(g, gd_as_row(g, l), gd_as_column(g, l));
	gaps = gd_add(g, gaps, gd_identity(g, gd_columns(a)));
	struct gd_node *k = gd_matmul(g, gd_transpose(g, v), dv);
	k = gd_div(g, gd_sub(g, k, gd_diagonal_of(g, k)), gaps);
	k = gd_mul(g, gd_const(g, 0.5), gd_add(g, k, gd_transpose(g, k)));
	struct gd_node *da = gd_matmul(g, gd_matmul(g, v, k), gd_transpose(g, v));
	dx[0] = gd_for_matrices(g, da, gd_live_matrices(g, v, dv, 2), a);
}

static const struct gd_prim values_prim = {
        .name = "eigenvalues", .forward = forward_values, .vjp = vjp_values};
static const struct gd_prim vectors_prim = {
        .name = "eigenvectors", .forward = forward_vectors, .vjp = vjp_vectors};

static struct gd_node *values_of(struct gd_graph *g, struct gd_node *a, struct gd_node *f)
{
	struct gd_node *in[2] = {a, f};
	return f ? gd_matrix_node(g, &values_prim, a, 2, 1, a->shape + a->rank - 1, 2, in) : NULL;
}

static struct gd_node *vectors_of(struct gd_graph *g, struct gd_node *a, struct gd_node *f)
{
	struct gd_node *in[2] = {a, f};
	return f ? gd_node_new(g, &vectors_prim, g->dtype, a->rank, a->shape, 2, in) : NULL;
}

void gd_eigh(struct gd_graph *g, struct gd_node *a, bool upper, struct gd_node **values,
             struct gd_node **vectors)
{
	struct gd_node *f = NULL;
	if (a && gd_matrix_fits(g, a)) {
		int64_t n = gd_columns(a), size = n * (n + 1);
		f = gd_matrix_node(g, &factor, a, 2, 1, &size, 1, &a);
	}
	if (f)
		f->attr.transposed.a = upper;
	if (values)
		*values = values_of(g, a, f);
	if (vectors)
		*vectors = vectors_of(g, a, f);
}
