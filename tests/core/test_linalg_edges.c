/* Linear algebra beyond cases.def and the golden values: singular and rank-deficient matrices,
 * equal eigenvalues, elements that are not finite, where masks, large matrices. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

/* --- determinants are polynomials ----------------------------------------------------------- */

/* Of rank n - 1 the gradient is what it is next to it, of rank n - 2 zero; the Hessian is the
 * polynomial's, too. */
START_TEST(det_of_singular_matrices_has_its_derivatives)
{
	static const struct {
		int64_t n;
		double a[9], cofactors[9];
	} cases[] = {
	        {2, {1, 2, 2, 4}, {4, -2, -2, 1}},
	        {2, {0}, {0}},
	        {1, {0}, {1}},
	        {3, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {-3, 6, -3, 6, -12, 6, -3, 6, -3}},
	        {3, {1, 2, 3, 2, 4, 6, 3, 6, 9}, {0}},
	        {3, {1, 0, 0, 0, 1, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, 1}},
	        {3, {0, 1, 0, 1, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 0, 0, -1}},
	        {2, {1e-200, 0, 0, 1e-200}, {1e-200, 0, 0, 1e-200}},
	        {2, {1e200, 0, 0, 1e200}, {1e200, 0, 0, 1e200}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lab l;
		struct gd_node *grad, *hvp;
		int64_t n = cases[i].n, shape[2] = {n, n};
		double scale = fmax(1, fabs(cases[i].a[0]));
		lab_init(&l, GD_FLOAT64);
		struct gd_node *a = lab_leaf(&l, 2, shape, cases[i].a);
		struct gd_node *v = lab_random(&l, 2, shape, -1, 1);
		struct gd_node *y = lab_call(&l, "linalg.det", "", 1, a);
		ck_assert(lab_grad(&l, y, NULL, 1, &a, &grad));
		struct gd_node *s = gd_sum_all(&l.g, gd_mul(&l.g, grad, v));
		ck_assert(lab_grad(&l, s, NULL, 1, &a, &hvp));
		ck_assert(lab_eval(&l, 2, (struct gd_node *[]){grad, hvp}));
		for (size_t k = 0; k < grad->count; k++) {
			double want = cases[i].cofactors[k];
			double room = cases[i].a[0] == 1e-200 ? 1e-213 : 1e-13 * scale;
			ck_assert_msg(fabs(lab_at(grad, k) - want) <= 10 * room,
			              "case %zu: cofactor %zu is %.17g, not %.17g", i, k,
			              lab_at(grad, k), want);
			ck_assert(isfinite(lab_at(hvp, k)));
		}
		if (n == 2) { /* det = ad - bc: the Hessian does not depend on a … d */
			double want[4] = {lab_at(v, 3), -lab_at(v, 2), -lab_at(v, 1), lab_at(v, 0)};
			for (size_t k = 0; k < 4; k++)
				ck_assert_double_eq_tol(lab_at(hvp, k), want[k], 1e-14);
		}
		if (n == 3) { /* ⟨∇det(a + hv) - ∇det(a - hv), ·⟩ is linear in h */
			struct gd_node *apart[2], *g[2];
			for (int side = 0; side < 2; side++) {
				double moved[9];
				for (size_t k = 0; k < 9; k++)
					moved[k] =
					        cases[i].a[k] + (side ? -0.5 : 0.5) * lab_at(v, k);
				apart[side] = lab_leaf(&l, 2, shape, moved);
				y = lab_call(&l, "det", "", 1, apart[side]);
				ck_assert(lab_grad(&l, y, NULL, 1, &apart[side], &g[side]));
			}
			struct gd_node *all[3] = {g[0], g[1], hvp};
			ck_assert(lab_eval(&l, 3, all));
			for (size_t k = 0; k < 9; k++)
				ck_assert_double_eq_tol(lab_at(hvp, k),
				                        lab_at(g[0], k) - lab_at(g[1], k), 1e-12);
		}
		lab_release(&l);
	}
}
END_TEST

/* The third derivative, of regular matrices, against differences of the second. */
START_TEST(det_can_be_differentiated_three_times)
{
	struct lab l;
	struct gd_node *x, *grad, *second, *third;
	lab_init(&l, GD_FLOAT64);
	int64_t shape[2] = {4, 4};
	x = lab_random(&l, 2, shape, -2, 2);
	struct gd_node *u = lab_random(&l, 2, shape, -1, 1), *v = lab_random(&l, 2, shape, -1, 1);
	struct gd_node *w = lab_random(&l, 2, shape, -1, 1);
	struct gd_node *y = lab_call(&l, "det", "", 1, x);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	ck_assert(lab_grad(&l, gd_sum_all(&l.g, gd_mul(&l.g, grad, u)), NULL, 1, &x, &second));
	struct gd_node *s = gd_sum_all(&l.g, gd_mul(&l.g, second, v));
	ck_assert(lab_grad(&l, s, NULL, 1, &x, &third));
	ck_assert(lab_eval(&l, 1, &third));
	double analytic = 0, side[2], kept[16];
	for (size_t k = 0; k < 16; k++)
		analytic += lab_at(third, k) * lab_at(w, k);
	for (int i = 0; i < 2; i++) {
		for (size_t k = 0; k < 16; k++) {
			kept[k] = lab_at(x, k);
			lab_set(x, k, kept[k] + (i ? -1e-4 : 1e-4) * lab_at(w, k));
		}
		ck_assert(lab_eval(&l, 1, &s));
		side[i] = lab_at(s, 0);
		for (size_t k = 0; k < 16; k++)
			lab_set(x, k, kept[k]);
	}
	ck_assert_double_eq_tol(analytic, (side[0] - side[1]) / 2e-4, 1e-7);
	lab_release(&l);
}
END_TEST

/* --- at the edges of smoothness -------------------------------------------------------------- */

/* Values have a derivative where they coincide; vectors have none, and say so with NaN. */
START_TEST(equal_eigenvalues_and_singular_values)
{
	static const char *const ops[] = {"linalg.eigh", "linalg.eigvalsh", "linalg.svd",
	                                  "linalg.svdvals"};
	for (int i = 0; i < 4; i++) {
		struct lab l;
		struct gd_call c;
		struct gd_node *grad, *in[1];
		lab_init(&l, GD_FLOAT64);
		struct gd_node *a = in[0] = LAB(&l, 2, (2, 2), 2, 0, 0, 2);
		ck_assert(lab_call_all(&l, &c, gd_op_find(ops[i]), "", 1, in));
		struct gd_node *values = i == 2 ? c.out[1] : c.out[0];
		ck_assert(lab_grad(&l, values, NULL, 1, &a, &grad));
		LAB_IS(&l, grad, 1e-14, 1, 0, 0, 1);
		if (i % 2 == 0) {
			struct gd_node *vectors = i == 2 ? c.out[0] : c.out[1];
			ck_assert(lab_grad(&l, vectors, NULL, 1, &a, &grad));
			ck_assert(lab_eval(&l, 1, &grad));
			ck_assert(!gd_all_finite(grad, NULL));
		}
		lab_release(&l);
	}
}
END_TEST

/* The pseudo-inverse of a projection times 2, and its derivative along matrices of the same rank
 * and off them. */
START_TEST(pinv_of_a_deficient_matrix)
{
	struct lab l;
	struct gd_node *grad;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *a = LAB(&l, 2, (2, 3), 2, 0, 0, 0, 0, 0);
	struct gd_node *y = lab_call(&l, "linalg.pinv", "", 1, a);
	LAB_IS(&l, y, 1e-15, 0.5, 0, 0, 0, 0, 0);
	struct gd_node *seed = LAB(&l, 2, (3, 2), 1, 2, 3, 4, 5, 6);
	ck_assert(lab_grad(&l, y, seed, 1, &a, &grad));
	LAB_IS(&l, grad, 1e-14, -0.25, 0.75, 1.25, 0.5, 0, 0);
	lab_release(&l);
}
END_TEST

/* Elements that are 0 have the gradient 0, and second derivatives that are finite. */
START_TEST(norms_at_zero)
{
	static const struct {
		const char *params;
		double x[3], y, grad[3];
	} cases[] = {
	        {"ord=0.5", {4, 0, 9}, 25, {2.5, 0, 5. / 3}},
	        {"ord=0.5", {0, 0, 0}, 0, {0, 0, 0}},
	        {"ord=-1", {1, 0, 2}, 0, {0, 0, 0}},
	        {"ord=2", {0, 0, 0}, 0, {0, 0, 0}},
	        {"ord=3", {0, -2, 0}, 2, {0, -1, 0}},
	        {"ord=1", {0, -2, 3}, 5, {0, -1, 1}},
	        {"ord=inf", {3, -3, 1}, 3, {0.5, -0.5, 0}},
	        {"ord=-inf", {3, -1, 1}, 1, {0, -0.5, 0.5}},
	        {"ord=0", {3, 0, 1}, 2, {0, 0, 0}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lab l;
		struct gd_node *grad, *second;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = lab_leaf(&l, 1, (int64_t[]){3}, cases[i].x);
		struct gd_node *y = lab_call(&l, "linalg.norm", cases[i].params, 1, x);
		LAB_IS(&l, y, 1e-15, cases[i].y);
		ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
		lab_is(&l, grad, 1e-15, 3, cases[i].grad, __FILE__, __LINE__);
		ck_assert(lab_grad(&l, gd_sum_all(&l.g, grad), NULL, 1, &x, &second));
		ck_assert(lab_eval(&l, 1, &second));
		ck_assert_msg(gd_all_finite(second, NULL), "%s", cases[i].params);
		lab_release(&l);
	}
}
END_TEST

START_TEST(norms_of_zeros_are_noted)
{
	struct lab l;
	struct gd_node *grad;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 3, (2, 1, 2), 0, 0, 3, 4);
	struct gd_node *y = lab_call(&l, "linalg.matrix_norm", "", 1, x);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 1e-15, 0, 0, 0.6, 0.8);
	ck_assert_ptr_nonnull(l.g.kinks);
	ck_assert(l.g.kinks->passed);
	LAB_IS(&l, l.g.kinks->count, 0, 1);
	lab_release(&l);
}
END_TEST

/* --- not a number ---------------------------------------------------------------------------- */

/* Each matrix by itself: NaN in one leaves the other alone. */
START_TEST(nan_stays_in_its_matrix)
{
	static const char *const ops[] = {
	        "linalg.inv", "linalg.det", "linalg.slogdet", "logdet",           "linalg.cholesky",
	        "linalg.qr",  "matrix_exp", "linalg.solve",   "cholesky_inverse", "linalg.norm"};
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++)
		for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
			struct lab l;
			struct gd_call c;
			struct gd_node *grad;
			lab_init(&l, (enum gd_dtype)dtype);
			struct gd_node *a = LAB(&l, 3, (2, 2, 2), 3, 1, 1, 2, 3, NAN, NAN, 2);
			struct gd_node *in[2] = {a, LAB(&l, 3, (2, 2, 1), 1, 2, 3, 4)};
			const char *params = strcmp(ops[i], "linalg.norm") == 0 ? "dim=1,2" : "";
			ck_assert(lab_call_all(&l, &c, gd_op_find(ops[i]), params,
			                       strcmp(ops[i], "linalg.solve") == 0 ? 2 : 1, in));
			struct gd_node *y = c.out[c.n_out - 1];
			ck_assert(lab_grad(&l, y, NULL, 1, &a, &grad));
			ck_assert_msg(lab_eval(&l, 2, (struct gd_node *[]){y, grad}), "%s: %s",
			              ops[i], l.error.detail);
			size_t half = y->count / 2;
			bool any = false;
			for (size_t k = 0; k < half; k++) {
				ck_assert_msg(isfinite(lab_at(y, k)), "%s", ops[i]);
				any = any || isnan(lab_at(y, half + k));
			}
			ck_assert_msg(any, "%s", ops[i]);
			for (size_t k = 0; k < 4; k++)
				ck_assert_msg(isfinite(lab_at(grad, k)), "%s", ops[i]);
			lab_release(&l);
		}
}
END_TEST

/* A matrix that `where` leaves out has the gradient 0, whatever it holds. */
START_TEST(where_keeps_nan_out)
{
	static const char *const ops[] = {"linalg.inv",       "linalg.det",  "logdet",
	                                  "linalg.cholesky",  "linalg.qr",   "matrix_exp",
	                                  "cholesky_inverse", "linalg.solve"};
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		struct lab l;
		struct gd_call c;
		struct gd_node *grad, *second;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *a = LAB(&l, 3, (2, 2, 2), 3, 1, 1, 2, NAN, 1, 1, 2);
		struct gd_node *in[2] = {a, LAB(&l, 3, (2, 2, 1), 1, 2, 3, 4)};
		ck_assert(lab_call_all(&l, &c, gd_op_find(ops[i]), "",
		                       strcmp(ops[i], "linalg.solve") == 0 ? 2 : 1, in));
		struct gd_node *y = c.out[0];
		int64_t shape[3] = {2, 1, 1};
		struct gd_node *first = lab_leaf(&l, y->rank, shape, (double[]){1, 0});
		first = gd_gt(&l.g, first, gd_const(&l.g, 0));
		y = gd_where(&l.g, first, y, gd_const(&l.g, 0));
		ck_assert(lab_grad(&l, y, NULL, 1, &a, &grad));
		struct gd_node *s = gd_sum_all(&l.g, gd_square(&l.g, grad));
		ck_assert(lab_grad(&l, s, NULL, 1, &a, &second));
		ck_assert_msg(lab_eval(&l, 2, (struct gd_node *[]){grad, second}), "%s", ops[i]);
		for (size_t k = 0; k < 8; k++) {
			ck_assert_msg(isfinite(lab_at(grad, k)), "%s: %zu", ops[i], k);
			ck_assert_msg(isfinite(lab_at(second, k)), "%s: second, %zu", ops[i], k);
			if (k >= 4)
				ck_assert_msg(lab_at(grad, k) == 0, "%s: %zu", ops[i], k);
		}
		lab_release(&l);
	}
}
END_TEST

/* --- large ----------------------------------------------------------------------------------- */

static double largest(struct lab *l, struct gd_node *x)
{
	struct gd_node *m = gd_amax(&l->g, gd_abs(&l->g, x), (1u << x->rank) - 1, false);
	ck_assert_msg(m && lab_eval(l, 1, &m), "%s", l->error.detail);
	return lab_at(m, 0);
}

static struct gd_node *t(struct lab *l, struct gd_node *x)
{
	return gd_swap_axes(&l->g, x, 0, 1);
}

/* Blocked algorithms, seen by what defines the results. */
START_TEST(large_matrices_are_what_they_should_be)
{
	enum { M = 150, N = 130 };
	struct lab l;
	struct gd_call c;
	lab_init(&l, GD_FLOAT64);
	struct gd_graph *g = &l.g;
	struct gd_node *a = lab_random(&l, 2, (int64_t[]){M, N}, -1, 1), *in[2] = {a};
	struct gd_node *eye = lab_call(&l, "linalg.matrix_exp", "", 1,
	                               gd_zero_like(g, gd_matmul(g, t(&l, a), a)));
	struct gd_node *spd = gd_add(g, gd_matmul(g, t(&l, a), a), eye);

	ck_assert(lab_call_all(&l, &c, gd_op_find("linalg.qr"), "", 1, in));
	ck_assert_double_le(largest(&l, gd_sub(g, gd_matmul(g, c.out[0], c.out[1]), a)), 1e-12);
	struct gd_node *qq = gd_matmul(g, t(&l, c.out[0]), c.out[0]);
	ck_assert_double_le(largest(&l, gd_sub(g, qq, eye)), 1e-12);

	in[0] = a;
	ck_assert(lab_call_all(&l, &c, gd_op_find("linalg.svd"), "full_matrices=false", 1, in));
	struct gd_node *us = gd_mul(g, c.out[0], c.out[1]);
	ck_assert_double_le(largest(&l, gd_sub(g, gd_matmul(g, us, c.out[2]), a)), 1e-11);

	in[0] = spd;
	ck_assert(lab_call_all(&l, &c, gd_op_find("linalg.eigh"), "", 1, in));
	struct gd_node *vl = gd_mul(g, c.out[1], c.out[0]);
	ck_assert_double_le(largest(&l, gd_sub(g, gd_matmul(g, vl, t(&l, c.out[1])), spd)), 1e-10);

	struct gd_node *low = lab_call(&l, "linalg.cholesky", "", 1, spd);
	ck_assert_double_le(largest(&l, gd_sub(g, gd_matmul(g, low, t(&l, low)), spd)), 1e-11);
	struct gd_node *inv = lab_call(&l, "linalg.inv", "", 1, spd);
	ck_assert_double_le(largest(&l, gd_sub(g, gd_matmul(g, inv, spd), eye)), 1e-10);
	struct gd_node *both[2] = {lab_call(&l, "logdet", "", 1, spd),
	                           gd_sum_all(g, gd_log(g, c.out[0]))};
	ck_assert(lab_eval(&l, 2, both));
	ck_assert_double_eq_tol(lab_at(both[0], 0), lab_at(both[1], 0), 1e-9);
	struct gd_node *exp = lab_call(&l, "matrix_exp", "", 1, gd_div(g, spd, gd_const(g, 50)));
	struct gd_node *scaled = gd_exp(g, gd_div(g, c.out[0], gd_const(g, 50)));
	struct gd_node *want = gd_matmul(g, gd_mul(g, c.out[1], scaled), t(&l, c.out[1]));
	double size = largest(&l, want);
	ck_assert_double_le(largest(&l, gd_sub(g, exp, want)), 1e-12 * size);
	lab_release(&l);
}
END_TEST

/* One factorisation serves the value and its derivatives. */
START_TEST(factorisations_are_shared)
{
	static const char *const ops[] = {"linalg.inv", "logdet", "linalg.qr", "linalg.eigh",
	                                  "linalg.svd"};
	static const char *const names[] = {"lu", "lu", "qr", "eigh", "svd"};
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		struct lab l;
		struct gd_call c;
		struct gd_node *grad, *second, *in[1];
		lab_init(&l, GD_FLOAT64);
		in[0] = LAB(&l, 2, (2, 2), 2, 1, 1, 3);
		struct gd_node *a = in[0];
		ck_assert(lab_call_all(&l, &c, gd_op_find(ops[i]), "", 1, in));
		struct gd_node *y = lab_join(&l, c.n_out, c.out);
		ck_assert(lab_grad(&l, y, NULL, 1, &a, &grad));
		struct gd_node *s = gd_sum_all(&l.g, gd_square(&l.g, grad));
		ck_assert(lab_grad(&l, s, NULL, 1, &a, &second));
		int found = 0;
		for (int k = 0; k < l.g.n_nodes; k++)
			found += strcmp(l.g.nodes[k]->prim->name, names[i]) == 0;
		ck_assert_msg(found == 1, "%s: %d", ops[i], found);
		lab_release(&l);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/linalg_edges");
	TCase *c = tcase_create("edges");
	tcase_set_timeout(c, 120);
	tcase_add_test(c, det_of_singular_matrices_has_its_derivatives);
	tcase_add_test(c, det_can_be_differentiated_three_times);
	tcase_add_test(c, equal_eigenvalues_and_singular_values);
	tcase_add_test(c, pinv_of_a_deficient_matrix);
	tcase_add_test(c, norms_at_zero);
	tcase_add_test(c, norms_of_zeros_are_noted);
	tcase_add_test(c, nan_stays_in_its_matrix);
	tcase_add_test(c, where_keeps_nan_out);
	tcase_add_test(c, large_matrices_are_what_they_should_be);
	tcase_add_test(c, factorisations_are_shared);
	suite_add_tcase(s, c);
	return s;
}

TEST_MAIN(suite)
