/* Inverses, determinants, linear systems, Cholesky: composites of the factorisations in
 * core/ops/linalg.h. */
#include "core/layers/linalg.h"

#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

static const char *role_of(const struct gd_call *c, int i)
{
	return c->op->operands[i].name;
}

bool gd_is_matrix(struct gd_call *c, int i)
{
	const struct gd_node *x = c->in[i];
	if (x->rank >= 2)
		return true;
	char text[GD_SHAPE_TEXT];
	int64_t n = x->rank ? x->shape[0] : 1;
	gd_graph_fail(c->g, GD_ERR_shape_mismatch,
	              "%s must be a matrix or a batch of them, but has the shape %s",
	              gd_label(x, role_of(c, i)), gd_shape_text(x->rank, x->shape, text));
	gd_error_shapes(c->g->error, 2, (int64_t[]){n, n}, x->rank, x->shape);
	return false;
}

bool gd_is_square(struct gd_call *c, int i)
{
	const struct gd_node *x = c->in[i];
	if (!gd_is_matrix(c, i))
		return false;
	if (gd_rows(x) == gd_columns(x))
		return true;
	char text[GD_SHAPE_TEXT];
	int64_t needed[GD_MAX_RANK];
	memcpy(needed, x->shape, sizeof needed);
	needed[x->rank - 1] = gd_rows(x);
	gd_graph_fail(c->g, GD_ERR_shape_mismatch,
	              "%s must have as many columns as rows, but has the shape %s",
	              gd_label(x, role_of(c, i)), gd_shape_text(x->rank, x->shape, text));
	gd_error_shapes(c->g->error, x->rank, needed, x->rank, x->shape);
	return false;
}

/* --- inverse and determinant -------------------------------------------------------------- */

struct gd_node *gd_inverse_matrix(struct gd_graph *g, struct gd_node *a)
{
	return a ? gd_lu_solved(g, a, gd_lu_of(g, a), gd_identity(g, gd_columns(a))) : NULL;
}

bool build_inv(struct gd_call *c)
{
	return gd_is_square(c, 0) && gd_give(c, gd_inverse_matrix(c->g, c->in[0]));
}

bool build_det(struct gd_call *c)
{
	struct gd_node *a = c->in[0];
	return gd_is_square(c, 0) && gd_give(c, gd_det(c->g, a, gd_lu_of(c->g, a)));
}

bool build_slogdet(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *a = c->in[0];
	if (!gd_is_square(c, 0))
		return false;
	struct gd_node *f = gd_lu_of(g, a);
	struct gd_node *both[2] = {gd_det_sign(g, a, f), gd_log_abs_det(g, a, f)};
	return gd_give_all(c, 2, both);
}

bool build_logdet(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *a = c->in[0];
	if (!gd_is_square(c, 0))
		return false;
	struct gd_node *f = gd_lu_of(g, a);
	struct gd_node *negative = gd_lt(g, gd_det_sign(g, a, f), gd_const(g, 0));
	return gd_give(c, gd_where(g, negative, gd_const(g, NAN), gd_log_abs_det(g, a, f)));
}

/* --- linear systems ----------------------------------------------------------------------- */

/* The leading axes of a and b broadcast? */
static bool batches_fit(struct gd_call *c, const struct gd_node *a, const struct gd_node *b)
{
	struct gd_node lead_a = gd_leading(a, 2), lead_b = gd_leading(b, 2);
	int rank;
	int64_t shape[GD_MAX_RANK];
	char ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT];
	if (gd_broadcast_shape(&lead_a, &lead_b, &rank, shape))
		return true;
	gd_shape_fail(c->g, a, b, "the leading axes of %s %s and %s %s do not fit",
	              gd_label(a, "A"), gd_shape_text(a->rank, a->shape, ta), gd_label(b, "B"),
	              gd_shape_text(b->rank, b->shape, tb));
	return false;
}

/* Does A·X = B, or X·A = B, have sizes that fit? */
static bool system_fits(struct gd_call *c, const struct gd_node *a, const struct gd_node *b,
                        bool left)
{
	int axis = b->rank - (left ? 2 : 1);
	if (b->shape[axis] == gd_rows(a))
		return batches_fit(c, a, b);
	char ta[GD_SHAPE_TEXT], tb[GD_SHAPE_TEXT];
	int64_t needed[GD_MAX_RANK];
	memcpy(needed, b->shape, sizeof needed);
	needed[axis] = gd_rows(a);
	gd_graph_fail(c->g, GD_ERR_shape_mismatch,
	              "%s = B needs a B with as many %s as %s %s has, but %s is %s",
	              left ? "A·X" : "X·A", left ? "rows" : "columns", gd_label(a, "A"),
	              gd_shape_text(a->rank, a->shape, ta), gd_label(b, "B"),
	              gd_shape_text(b->rank, b->shape, tb));
	gd_error_shapes(c->g->error, b->rank, needed, b->rank, b->shape);
	return false;
}

/* B is a vector, or a batch of them, as PyTorch decides. */
static bool is_vector(const struct gd_node *a, const struct gd_node *b)
{
	bool same = b->rank == a->rank - 1;
	for (int i = 0; i < b->rank && same; i++)
		same = b->shape[i] == a->shape[i];
	return b->rank == 1 || same;
}

static struct gd_node *without_last(struct gd_graph *g, struct gd_node *x)
{
	return x ? gd_reshape(g, x, x->rank - 1, x->shape) : NULL;
}

bool build_solve(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *a = c->in[0], *b = c->in[1];
	bool left = gd_flag(c, "left");
	if (!gd_is_square(c, 0))
		return false;
	if (b->rank == 0)
		return gd_is_matrix(c, 1);
	if (is_vector(a, b)) {
		if (!left)
			return gd_param_fail(c, "left",
			                     "is false, which needs a matrix %s: X·A = B has "
			                     "rows for unknowns",
			                     gd_label(b, "B"));
		const char *name = b->name;
		b = gd_as_column(g, b);
		if (!b)
			return false;
		b->name = name;
		return system_fits(c, a, b, true) &&
		       gd_give(c, without_last(g, gd_lu_solved(g, a, gd_lu_of(g, a), b)));
	}
	if (!system_fits(c, a, b, left))
		return false;
	if (left)
		return gd_give(c, gd_lu_solved(g, a, gd_lu_of(g, a), b));
	/* X·A = B is Aᵀ·Xᵀ = Bᵀ. */
	a = gd_transpose(g, a);
	return gd_give(c, gd_transpose(g, gd_lu_solved(g, a, gd_lu_of(g, a), gd_transpose(g, b))));
}

bool build_solve_triangular(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *a = c->in[0], *b = c->in[1];
	struct gd_triangle how = {.upper = gd_flag(c, "upper"),
	                          .unit = gd_flag(c, "unitriangular")};
	bool left = gd_flag(c, "left");
	if (!gd_is_square(c, 0) || !gd_is_matrix(c, 1) || !system_fits(c, a, b, left))
		return false;
	if (left)
		return gd_give(c, gd_solve_triangular(g, a, b, how));
	how.transposed = true;
	return gd_give(c, gd_transpose(g, gd_solve_triangular(g, a, gd_transpose(g, b), how)));
}

/* --- Cholesky ----------------------------------------------------------------------------- */

bool build_cholesky(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	bool upper = gd_flag(c, "upper");
	struct gd_node *a = c->in[0];
	if (!gd_is_square(c, 0))
		return false;
	struct gd_node *l = gd_cholesky(g, upper ? gd_transpose(g, a) : a);
	return gd_give(c, upper ? gd_transpose(g, l) : l);
}

/* X of A·X = B where A is L·Lᵀ, or Uᵀ·U. */
static struct gd_node *cholesky_solved(struct gd_graph *g, struct gd_node *factor,
                                       struct gd_node *b, bool upper, bool regular)
{
	struct gd_triangle first = {.upper = upper, .transposed = upper, .regular = regular};
	struct gd_triangle second = {.upper = upper, .transposed = !upper, .regular = regular};
	return gd_solve_triangular(g, factor, gd_solve_triangular(g, factor, b, first), second);
}

bool build_cholesky_solve(struct gd_call *c)
{
	struct gd_node *b = c->in[0], *factor = c->in[1];
	return gd_is_matrix(c, 0) && gd_is_square(c, 1) && system_fits(c, factor, b, true) &&
	       gd_give(c, cholesky_solved(c->g, factor, b, gd_flag(c, "upper"), false));
}

bool build_cholesky_inverse(struct gd_call *c)
{
	struct gd_node *factor = c->in[0];
	if (!gd_is_square(c, 0))
		return false;
	struct gd_node *one = gd_identity(c->g, gd_columns(factor));
	return gd_give(c, cholesky_solved(c->g, factor, one, gd_flag(c, "upper"), true));
}

/* --- exponential -------------------------------------------------------------------------- */

bool build_matrix_exp(struct gd_call *c)
{
	return gd_is_square(c, 0) && gd_give(c, gd_matrix_exp(c->g, c->in[0]));
}
