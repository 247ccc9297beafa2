/* Norms of vectors and matrices.
 *
 *   vector   ‖x‖_p = (Σ |x|^p)^(1/p),  ∞ max |x|,  -∞ min |x|,  0 how many are not 0
 *   matrix   fro √Σ x²,  nuc Σ s,  2 max s,  -2 min s (singular values s),
 *            1 and -1 max and min of column sums of |x|,  ∞ and -∞ of row sums */
#include <math.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/linalg.h"
#include "core/layers/vector_norm.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

/* --- vectors ------------------------------------------------------------------------------ */

static bool is_zero(const struct gd_node *x, unsigned axes)
{
	for (int i = 0; i < x->rank; i++)
		if ((axes >> i & 1) && x->shape[i] == 0)
			return true;
	return false;
}

static struct gd_node *vector_norm(struct gd_call *c, struct gd_node *x, unsigned axes, double p,
                                   bool keep)
{
	if (!x)
		return NULL;
	if ((p < 0 || isinf(p)) && is_zero(x, axes)) {
		gd_param_fail(c, "ord",
		              "is %g, but no such norm exists of vectors without elements", p);
		return NULL;
	}
	return gd_vector_norm(c->g, x, p, axes, keep);
}

/* --- matrices ----------------------------------------------------------------------------- */

/* Which norm a parameter asks for. */
struct order {
	bool fro, nuc;
	double p;
};

static struct order order_of(const struct gd_call *c, const char *name)
{
	struct order o = {.fro = gd_chosen(c, name, "fro"), .nuc = gd_chosen(c, name, "nuc")};
	o.p = gd_param(c, name)->f;
	return o;
}

static struct gd_node *extremum(struct gd_call *c, const char *name, struct gd_node *x, int axis,
                                bool largest)
{
	unsigned axes = 1u << axis;
	if (!x)
		return NULL;
	if (is_zero(x, axes)) {
		gd_param_fail(c, name,
		              "is a norm that does not exist of matrices without elements");
		return NULL;
	}
	return largest ? gd_amax(c->g, x, axes, true) : gd_amin(c->g, x, axes, true);
}

/* Drops two axes, the second behind the first, of size 1. */
static struct gd_node *squeezed(struct gd_graph *g, struct gd_node *y, int row, int column)
{
	int64_t shape[GD_MAX_RANK];
	int rank = 0;
	if (!y)
		return NULL;
	for (int i = 0; i < y->rank; i++)
		if (i != row && i != column)
			shape[rank++] = y->shape[i];
	return gd_reshape(g, y, rank, shape);
}

/* x with the axes row and column last. */
static struct gd_node *axes_last(struct gd_graph *g, struct gd_node *x, int row, int column)
{
	int8_t perm[GD_MAX_RANK];
	int k = 0;
	for (int i = 0; i < x->rank; i++)
		if (i != row && i != column)
			perm[k++] = (int8_t)i;
	perm[k++] = (int8_t)row;
	perm[k] = (int8_t)column;
	return gd_permute(g, x, perm);
}

/* Of the singular values: both axes come back with size 1. */
static struct gd_node *spectral(struct gd_call *c, const char *name, struct gd_node *x, int row,
                                int column, struct order o)
{
	struct gd_graph *g = c->g;
	struct gd_node *s, *y;
	gd_svd(g, axes_last(g, x, row, column), false, NULL, &s, NULL);
	if (!s)
		return NULL;
	int last = s->rank - 1;
	y = o.nuc ? gd_sum(g, s, 1u << last, true) : extremum(c, name, s, last, o.p > 0);
	if (!y)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < x->rank; i++)
		shape[i] = i == row || i == column ? 1 : x->shape[i];
	return gd_reshape(g, y, x->rank, shape);
}

/* With both axes kept. */
static struct gd_node *matrix_norm(struct gd_call *c, const char *name, struct gd_node *x, int row,
                                   int column, struct order o)
{
	struct gd_graph *g = c->g;
	unsigned both = 1u << row | 1u << column;
	double p = fabs(o.p);
	if (o.fro)
		return vector_norm(c, x, both, 2, true);
	if (o.nuc || p == 2)
		return spectral(c, name, x, row, column, o);
	if (p != 1 && !isinf(p)) {
		gd_param_fail(c, name,
		              "is %g, but of matrices there are \"fro\", \"nuc\", 1, -1, 2, -2, "
		              "\"Infinity\" and \"-Infinity\"",
		              o.p);
		return NULL;
	}
	int summed = p == 1 ? row : column, rest = p == 1 ? column : row;
	struct gd_node *sums = gd_sum(g, gd_abs(g, x), 1u << summed, true);
	return extremum(c, name, sums, rest, o.p > 0);
}

/* Two different axes of x. */
static bool two_axes(struct gd_call *c, const struct gd_node *x, int *row, int *column)
{
	const struct gd_value *v = gd_param(c, "dim");
	int axis[2] = {x->rank - 2, x->rank - 1};
	if (!v->null && v->n != 2)
		return gd_param_fail(c, "dim", "has %d axes, but a matrix norm is over two", v->n);
	if (x->rank < 2)
		return gd_is_matrix(c, 0);
	for (int i = 0; i < 2 && !v->null; i++) {
		if (v->ints[i] < -x->rank || v->ints[i] >= x->rank)
			return gd_param_fail(c, "dim", "names axis %lld, but %s has %d axes",
			                     (long long)v->ints[i], gd_label(x, "A"), x->rank);
		axis[i] = (int)(v->ints[i] < 0 ? v->ints[i] + x->rank : v->ints[i]);
	}
	if (axis[0] == axis[1])
		return gd_param_fail(c, "dim", "names axis %d twice", axis[0]);
	*row = axis[0];
	*column = axis[1];
	return true;
}

static bool give_matrix_norm(struct gd_call *c, struct order o)
{
	int row = 0, column = 0;
	if (!two_axes(c, c->in[0], &row, &column))
		return false;
	struct gd_node *y = matrix_norm(c, "ord", c->in[0], row, column, o);
	return gd_give(c, gd_flag(c, "keepdim") ? y : squeezed(c->g, y, row, column));
}

bool build_matrix_norm(struct gd_call *c)
{
	return give_matrix_norm(c, order_of(c, "ord"));
}

bool gd_give_nuclear_norm(struct gd_call *c)
{
	const struct gd_node *x = c->in[0];
	if (gd_param(c, "dim")->null && x->rank != 2) {
		int64_t needed[2] = {1, 1};
		gd_graph_fail(c->g, GD_ERR_shape_mismatch,
		              "%s has %d axes, but the nuclear norm is a matrix's: name two axes "
		              "with dim",
		              gd_label(x, "input"), x->rank);
		gd_error_shapes(c->g->error, 2, needed, x->rank, x->shape);
		return false;
	}
	return give_matrix_norm(c, (struct order){.nuc = true});
}

/* Without dim: of all elements, or with ord of a vector or a matrix; with dim: one axis is a
 * vector's, two are a matrix's. */
bool build_linalg_norm(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	const struct gd_value *dim = gd_param(c, "dim"), *ord = gd_param(c, "ord");
	struct order o = order_of(c, "ord");
	bool keep = gd_flag(c, "keepdim"), vector = dim->null ? x->rank == 1 : dim->n == 1;
	unsigned axes = (1u << x->rank) - 1;
	if (dim->null && ord->null)
		return gd_give(c, vector_norm(c, x, axes, 2, keep));
	if (dim->null && x->rank != 1 && x->rank != 2)
		return gd_param_fail(c, "ord",
		                     "without dim needs a vector or a matrix, but %s has %d axes",
		                     gd_label(x, "A"), x->rank);
	if (!dim->null && dim->n != 1 && dim->n != 2)
		return gd_param_fail(c, "dim", "has %d axes, but a norm is over one or two",
		                     dim->n);
	if (!vector) {
		o.fro = o.fro || ord->null;
		return give_matrix_norm(c, o);
	}
	if (o.fro || o.nuc)
		return gd_param_fail(c, "ord", "is \"%s\", which is a norm of matrices",
		                     o.fro ? "fro" : "nuc");
	if (!dim->null && !gd_axes(c, "dim", x, &axes))
		return false;
	return gd_give(c, vector_norm(c, x, axes, ord->null ? 2 : o.p, keep));
}

/* --- condition number --------------------------------------------------------------------- */

bool build_cond(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *a = c->in[0], *s;
	struct order o = order_of(c, "p");
	bool spectral_norm = gd_param(c, "p")->null || (!o.fro && !o.nuc && fabs(o.p) == 2);
	bool inverse = !gd_param(c, "p")->null && o.p == -2;
	if (spectral_norm ? !gd_is_matrix(c, 0) : !gd_is_square(c, 0))
		return false;
	int row = a->rank - 2, column = a->rank - 1;
	if (a->shape[row] == 0 || a->shape[column] == 0)
		return gd_give(c, gd_expand(g, gd_const(g, 0), a->rank - 2, a->shape));
	if (!spectral_norm) {
		struct gd_node *y =
		        gd_mul(g, matrix_norm(c, "p", a, row, column, o),
		               matrix_norm(c, "p", gd_inverse_matrix(g, a), row, column, o));
		return gd_give(c, squeezed(g, y, row, column));
	}
	gd_svd(g, a, false, NULL, &s, NULL);
	if (!s)
		return false;
	int64_t k = gd_columns(s);
	struct gd_node *largest = gd_part(g, s, -1, 0, 1), *least = gd_part(g, s, -1, k - 1, 1);
	struct gd_node *y = inverse ? gd_div(g, least, largest) : gd_div(g, largest, least);
	return gd_give(c, y ? gd_reshape(g, y, y->rank - 1, y->shape) : NULL);
}
