/* Scans and products: zeros among factors, large logits, NaN behind a where, second derivatives. */
#include <math.h>

#include "core/ops/scan.h"
#include "tests/core/lab.h"
#include "tests/support/test.h"

/* The Hessian of a scalar, one row a gradient of a gradient. */
static void hessian_is(struct lab *l, struct gd_node *y, struct gd_node *x, double rtol,
                       const double *want)
{
	struct gd_node *grad, *row;
	ck_assert(lab_grad(l, y, NULL, 1, &x, &grad));
	for (size_t i = 0; i < x->count; i++) {
		double e[8] = {0};
		e[i] = 1;
		struct gd_node *seed = lab_leaf(l, 1, x->shape, e);
		ck_assert(lab_grad(l, grad, seed, 1, &x, &row));
		lab_is(l, row, rtol, x->count, want + i * x->count, __FILE__, __LINE__);
	}
}

/* ∂²Π/∂xᵢ∂xⱼ is the product of the others, whatever is 0. */
START_TEST(hessian_of_a_product)
{
	static const double factors[][4] = {
	        {2, 3, 4, 5}, {2, 0, 4, 5}, {0, 3, 4, 5}, {2, 3, 4, 0},
	        {2, 0, 0, 5}, {0, 3, 4, 0}, {0, 0, 0, 5}, {0, 0, 0, 0},
	};
	for (size_t k = 0; k < sizeof factors / sizeof *factors; k++) {
		struct lab l;
		double want[16];
		const double *f = factors[k];
		lab_init(&l, GD_FLOAT64);
		for (int i = 0; i < 4; i++)
			for (int j = 0; j < 4; j++) {
				want[4 * i + j] = i != j;
				for (int m = 0; m < 4 && i != j; m++)
					want[4 * i + j] *= m == i || m == j ? 1 : f[m];
			}
		struct gd_node *x = lab_leaf(&l, 1, (int64_t[]){4}, f);
		hessian_is(&l, lab_call(&l, "prod", "", 1, x), x, 1e-15, want);
		lab_release(&l);
	}
}
END_TEST

/* Third derivatives: of x·y·z, 1. */
START_TEST(third_derivative_of_a_product)
{
	struct lab l;
	struct gd_node *d;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (3), 0, 0, 0), *y = lab_call(&l, "prod", "", 1, x);
	for (int i = 0; i < 3; i++) {
		double e[3] = {i == 0, i == 1, i == 2};
		struct gd_node *seed = i ? lab_leaf(&l, 1, x->shape, e) : NULL;
		ck_assert(lab_grad(&l, y, seed, 1, &x, &d));
		y = d;
	}
	LAB_IS(&l, y, 0, 1, 0, 0);
	lab_release(&l);
}
END_TEST

START_TEST(large_logits)
{
	struct lab l;
	struct gd_node *d, *second;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (4), 1e4, -1e4, 1e4, -2e4);
	struct gd_node *y = lab_call(&l, "logcumsumexp", "dim=0", 1, x);
	const double two = 1e4 + 0.69314718055994529;
	LAB_IS(&l, y, 1e-15, 1e4, 1e4, two, two);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &d));
	LAB_IS(&l, d, 1e-11, 3, 0, 1, 0);
	struct gd_node *seed = LAB(&l, 1, (4), 1, 0, 0, 0);
	ck_assert(lab_grad(&l, d, seed, 1, &x, &second));
	LAB_IS(&l, second, 1e-11, 0.5, 0, -0.5, 0);
	lab_release(&l);
}
END_TEST

/* Long lines: the error does not grow with their length. */
START_TEST(long_sums_in_float32)
{
	struct lab l;
	lab_init(&l, GD_FLOAT32);
	enum { N = 100000 };
	struct gd_node *x = lab_random(&l, 1, (int64_t[]){N}, 0, 1);
	struct gd_node *out[2] = {lab_call(&l, "cumsum", "dim=0", 1, x),
	                          lab_call(&l, "logcumsumexp", "dim=0", 1, x)};
	ck_assert(lab_eval(&l, 2, out));
	double sum = 0, exponentials = 0;
	for (size_t i = 0; i < N; i++) {
		sum += lab_at(x, i);
		exponentials += exp(lab_at(x, i));
		ck_assert_double_eq_tol(lab_at(out[0], i), sum, 1e-7 * sum);
		ck_assert_double_eq_tol(lab_at(out[1], i), log(exponentials), 2e-6);
	}
	lab_release(&l);
}
END_TEST

/* Lines next to each other in several blocks, forwards and back. */
START_TEST(many_lines)
{
	enum { LINES = 600, TERMS = 3 };
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	int64_t shape[3] = {2, TERMS, LINES};
	struct gd_node *x = lab_random(&l, 3, shape, -1, 1);
	struct gd_node *a = lab_random(&l, 3, shape, -1, 1);
	struct gd_node *out[3] = {gd_cumsum(&l.g, x, 1, true), gd_recurrence(&l.g, a, x, 1, false),
	                          gd_recurrence(&l.g, a, x, 1, true)};
	ck_assert(lab_eval(&l, 3, out));
	for (size_t o = 0; o < 2; o++)
		for (size_t i = 0; i < LINES; i++) {
			double sum = 0, forth = 0, back = 0;
			for (size_t k = 0; k < TERMS; k++) {
				size_t f = (o * TERMS + k) * LINES + i;
				size_t b = (o * TERMS + TERMS - 1 - k) * LINES + i;
				sum += lab_at(x, b);
				forth = lab_at(a, f) * forth + lab_at(x, f);
				back = lab_at(a, b) * back + lab_at(x, b);
				ck_assert(lab_at(out[0], b) == sum);
				ck_assert(lab_at(out[1], f) == forth);
				ck_assert(lab_at(out[2], b) == back);
			}
		}
	lab_release(&l);
}
END_TEST

/* What a where does not choose of a scan leaves no NaN in the gradients of the rest. */
START_TEST(masked_ends)
{
	static const char *const ops[] = {"cumsum", "cumprod", "logcumsumexp"};
	static const double want[][3] = {{2, 1, 0}, {3, 1, 0}, {1.5, 0.5, 0}};
	for (int k = 0; k < 3; k++) {
		struct lab l;
		struct gd_node *d, *second;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = LAB(&l, 1, (3), k == 1 ? 1 : 0, k == 1 ? 2 : 0, NAN);
		if (k == 0)
			lab_set(x, 1, 0);
		struct gd_node *mask = gd_gt(&l.g, LAB(&l, 1, (3), 1, 1, 0), gd_const(&l.g, 0));
		struct gd_node *y = lab_call(&l, ops[k], "dim=0", 1, x);
		y = gd_where(&l.g, mask, y, gd_const(&l.g, 0));
		ck_assert(lab_grad(&l, y, NULL, 1, &x, &d));
		lab_is(&l, d, 1e-14, 3, want[k], __FILE__, __LINE__);
		ck_assert(lab_grad(&l, d, NULL, 1, &x, &second));
		ck_assert(lab_eval(&l, 1, &second));
		ck_assert(isfinite(lab_at(second, 0)) && isfinite(lab_at(second, 1)));
		lab_release(&l);
	}
}
END_TEST

START_TEST(indices_of_extrema)
{
	struct lab l;
	struct gd_call c;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (7), 1, 1, NAN, 0, NAN, 3, -1);
	ck_assert(lab_call_all(&l, &c, gd_op_find("cummax"), "dim=0", 1, &x));
	ck_assert_int_eq(c.n_out, 2);
	LAB_IS(&l, c.out[0], 0, 1, 1, NAN, NAN, NAN, NAN, NAN);
	LAB_IS(&l, c.out[1], 0, 0, 1, 2, 2, 4, 4, 4);
	ck_assert_int_eq(c.out[1]->dtype, GD_INT64);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/scan");
	TCase *t = tcase_create("scan");
	tcase_add_test(t, hessian_of_a_product);
	tcase_add_test(t, third_derivative_of_a_product);
	tcase_add_test(t, large_logits);
	tcase_add_test(t, long_sums_in_float32);
	tcase_add_test(t, many_lines);
	tcase_add_test(t, masked_ends);
	tcase_add_test(t, indices_of_extrema);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
