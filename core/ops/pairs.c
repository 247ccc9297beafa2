/* Sums over pairs of rows, of a (B, n, d) and c (B, m, d), with weights w (B, n, m), u (B, n, d)
 * and v (B, m, d), the last two or one of them absent:
 *
 *   pair_sums   y_ij = Σ_k u_ik·v_jk·φ(a_ik - c_jk)
 *   row_sums    y_ik = Σ_j w_ij·v_jk·φ(a_ik - c_jk)
 *
 * Both are derivatives of Σ_ijk w_ij·u_ik·v_jk·φ(a_ik - c_jk), and so are their derivatives, of any
 * order, with φ' for φ where it is by a or c. A sum over the rows of a is a row_sums with the two
 * exchanged: φ(a - c) = ±φ(c - a). */
#include "core/ops/pairs.h"

#include <math.h>

#include "core/build.h"

enum { BLOCK = 128 };

struct extents {
	size_t n, m, d;
};

#define T       double
#define K(name) name##_f64
#include "core/ops/pairs_kernels.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/pairs_kernels.h"

/* --- kernels ------------------------------------------------------------------------------ */

/* Operands: a, c, then u (pair_sums) or w (row_sums), then v. u and v may be the constant 1. */
enum { A, C, U, W = U, V };

static const void *part(const struct gd_node *x, size_t batch)
{
	size_t size = gd_dtype_size(x->dtype) * (size_t)x->shape[1] * (size_t)x->shape[2];
	return x->rank ? (const char *)x->data + batch * size : NULL;
}

static void forward(struct gd_node *y, bool rows, enum gd_phi phi)
{
	struct gd_node *const *in = y->in;
	struct extents e = {(size_t)in[A]->shape[1], (size_t)in[C]->shape[1],
	                    (size_t)in[A]->shape[2]};
	for (size_t b = 0; y->count && b < (size_t)y->shape[0]; b++) {
		const void *a = part(in[A], b), *c = part(in[C], b), *w = part(in[W], b);
		const void *v = part(in[V], b), *out = part(y, b);
		if (y->dtype == GD_FLOAT64)
			(rows ? row_sums_f64 : pair_sums_f64)(&e, (double *)out, a, c, w, v, phi,
			                                      y->attr.value);
		else
			(rows ? row_sums_f32 : pair_sums_f32)(&e, (float *)out, a, c, w, v, phi,
			                                      y->attr.value);
	}
}

#define FORWARD(name, rows, phi)                                                                   \
	static void forward_##name(struct gd_sweep *run, struct gd_node *y)                        \
	{                                                                                          \
		(void)run;                                                                         \
		forward(y, rows, phi);                                                             \
	}
FORWARD(pairs_even, false, GD_PHI_EVEN)
FORWARD(pairs_odd, false, GD_PHI_ODD)
FORWARD(pairs_zero, false, GD_PHI_ZERO)
FORWARD(rows_even, true, GD_PHI_EVEN)
FORWARD(rows_odd, true, GD_PHI_ODD)

static double cost(const struct gd_node *y)
{
	double q = y->attr.value, each = q == 0 || q == 1 || q == 2 ? 3 : 40;
	const struct gd_node *a = y->in[A];
	return each * (double)a->count * (double)y->in[C]->shape[1];
}

/* --- derivatives -------------------------------------------------------------------------- */

static void vjp_pairs(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx);
static void vjp_rows(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                     struct gd_node **dx);

static const struct gd_prim prims[2][3] = {
        {{.name = "pair_sums", .forward = forward_pairs_even, .vjp = vjp_pairs, .cost = cost},
         {.name = "pair_sums", .forward = forward_pairs_odd, .vjp = vjp_pairs, .cost = cost},
         {.name = "pair_zeros", .forward = forward_pairs_zero, .cost = cost}},
        {{.name = "row_sums", .forward = forward_rows_even, .vjp = vjp_rows, .cost = cost},
         {.name = "row_sums", .forward = forward_rows_odd, .vjp = vjp_rows, .cost = cost}}};

static enum gd_phi phi_of(const struct gd_node *y)
{
	return y->prim->forward == forward_pairs_odd || y->prim->forward == forward_rows_odd
	               ? GD_PHI_ODD
	               : GD_PHI_EVEN;
}

static struct gd_node *sums(struct gd_graph *g, bool rows, enum gd_phi phi, double q,
                            struct gd_node *a, struct gd_node *c, struct gd_node *w,
                            struct gd_node *v)
{
	struct gd_node *in[4] = {a, c, w, v};
	if (!a || !c || !w || !v)
		return NULL;
	int64_t shape[3] = {a->shape[0], a->shape[1], rows ? a->shape[2] : c->shape[1]};
	struct gd_node *y = gd_node_new(g, &prims[rows][phi], g->dtype, 3, shape, 4, in);
	if (y)
		y->attr.value = q;
	return y;
}

/* Σ_i w_ij·u_ik·φ(a_ik - c_jk), for each row j of c. */
static struct gd_node *columns(struct gd_graph *g, enum gd_phi phi, double q, struct gd_node *a,
                               struct gd_node *c, struct gd_node *w, struct gd_node *u)
{
	struct gd_node *y = sums(g, true, phi, q, c, a, gd_swap_axes(g, w, 1, 2), u);
	return phi == GD_PHI_ODD ? gd_neg(g, y) : y;
}

/* By a and by c, of Σ w·u·v·φ: u·row_sums(φ') and -v·columns(φ'). */
static void by_rows(struct gd_graph *g, struct gd_node *y, struct gd_node *w, struct gd_node *u,
                    struct gd_node *v, struct gd_node **dx)
{
	double q = y->attr.value;
	enum gd_phi slope = phi_of(y) == GD_PHI_EVEN ? GD_PHI_ODD : GD_PHI_EVEN;
	struct gd_node *a = y->in[A], *c = y->in[C], *factor = gd_const(g, q);
	if (q == 0)
		return;
	if (gd_wants(y, A))
		dx[A] = gd_mul(g, gd_mul(g, sums(g, true, slope, q - 1, a, c, w, v), u), factor);
	if (gd_wants(y, C))
		dx[C] = gd_neg(
		        g, gd_mul(g, gd_mul(g, columns(g, slope, q - 1, a, c, w, u), v), factor));
}

/* Is the mask true anywhere along `axis` of dy? Of rank 3, then that axis has size 1. */
static struct gd_node *any_along(struct gd_graph *g, struct gd_node *mask, int axis)
{
	int64_t shape[3];
	mask = gd_mask_any(g, mask, 3, 1u << axis);
	if (!mask)
		return NULL;
	for (int i = 0; i < 3; i++)
		shape[i] = i < 3 - mask->rank ? 1 : mask->shape[i - (3 - mask->rank)];
	return gd_reshape(g, mask, 3, shape);
}

static void keep_masked(struct gd_graph *g, struct gd_node **d, struct gd_node *mask)
{
	*d = gd_only(g, *d, mask);
	gd_set_mask(*d, mask);
}

static void vjp_pairs(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx)
{
	struct gd_node *a = y->in[A], *c = y->in[C], *u = y->in[U], *v = y->in[V];
	struct gd_node *live_a = any_along(g, dy->mask, 2), *live_c = any_along(g, dy->mask, 1);
	live_c = live_c ? gd_swap_axes(g, live_c, 1, 2) : NULL;
	by_rows(g, y, dy, u, v, dx);
	if (gd_wants(y, U))
		dx[U] = sums(g, true, phi_of(y), y->attr.value, a, c, dy, v);
	if (gd_wants(y, V))
		dx[V] = columns(g, phi_of(y), y->attr.value, a, c, dy, u);
	keep_masked(g, &dx[A], live_a);
	keep_masked(g, &dx[U], live_a);
	keep_masked(g, &dx[C], live_c);
	keep_masked(g, &dx[V], live_c);
}

static void vjp_rows(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	struct gd_node *a = y->in[A], *c = y->in[C], *w = y->in[W], *v = y->in[V];
	struct gd_node *live_c = any_along(g, dy->mask, 1);
	by_rows(g, y, w, dy, v, dx);
	if (gd_wants(y, W))
		dx[W] = sums(g, false, phi_of(y), y->attr.value, a, c, dy, v);
	if (gd_wants(y, V))
		dx[V] = columns(g, phi_of(y), y->attr.value, a, c, w, dy);
	keep_masked(g, &dx[A], dy->mask);
	keep_masked(g, &dx[C], live_c);
	keep_masked(g, &dx[W], any_along(g, dy->mask, 2));
	keep_masked(g, &dx[V], live_c);
}

struct gd_node *gd_pair_sums(struct gd_graph *g, enum gd_phi phi, double q, struct gd_node *a,
                             struct gd_node *c)
{
	return sums(g, false, phi, q, a, c, gd_const(g, 1), gd_const(g, 1));
}
