/* What is not finite: found, and blamed on the operation that made it. */
#include <math.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

START_TEST(finite_or_not)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		static const double bad[] = {NAN, INFINITY, -INFINITY};
		struct lab l;
		lab_init(&l, (enum gd_dtype)dtype);
		struct gd_node *x = lab_random(&l, 1, (int64_t[]){1000}, -1e30, 1e30);
		size_t at = 0;
		ck_assert(gd_all_finite(x, &at));
		for (size_t i = 0; i < 1000; i += 37) {
			double before = lab_at(x, i);
			lab_set(x, i, bad[i % 3]);
			ck_assert(!gd_all_finite(x, NULL));
			ck_assert(!gd_all_finite(x, &at));
			ck_assert_uint_eq(at, i);
			lab_set(x, i, before);
		}
		struct gd_node *mask = gd_gt(&l.g, x, gd_const(&l.g, 0));
		ck_assert(lab_eval(&l, 1, &mask));
		ck_assert(gd_all_finite(mask, NULL));
		lab_release(&l);
	}
}
END_TEST

START_TEST(the_first_bad_operation_forward)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (3), 1, 0, 2);
	struct gd_node *h = gd_exp(&l.g, x), *bad = lab_call(&l, "log", "", 1, x);
	struct gd_node *y = gd_sum_all(&l.g, gd_mul(&l.g, gd_add(&l.g, h, bad), bad));
	struct gd_sweep run = {.graph = &l.g, .trace = true};
	y->check = true;
	ck_assert(gd_eval(&run, 1, &y));
	ck_assert(run.nonfinite);
	ck_assert_ptr_eq(run.first_bad, bad);
	ck_assert_uint_eq(run.bad_index, 1);
	ck_assert(isinf(run.bad_value) && run.bad_value < 0);
	ck_assert_str_eq(run.first_bad->op, "log");
	lab_release(&l);
}
END_TEST

START_TEST(the_first_bad_operation_backward)
{
	struct lab l;
	lab_init(&l, GD_FLOAT32);
	struct gd_node *x = LAB(&l, 1, (3), 1, 4, 0), *grad;
	l.g.origin = "/layers/0";
	struct gd_node *h = lab_call(&l, "sqrt", "", 1, x);
	l.g.origin = "/layers/1";
	struct gd_node *y = lab_call(&l, "square", "", 1, h);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	struct gd_sweep run = {.graph = &l.g, .trace = true};
	grad->check = true;
	ck_assert(gd_eval(&run, 2, (struct gd_node *[]){y, grad}));
	ck_assert(run.nonfinite);
	ck_assert_ptr_nonnull(run.first_bad);
	ck_assert(run.first_bad->backward);
	ck_assert_str_eq(run.first_bad->op, "sqrt");
	ck_assert_str_eq(run.first_bad->origin, "/layers/0");
	ck_assert_uint_eq(run.bad_index, 2);
	lab_release(&l);
}
END_TEST

START_TEST(a_bad_leaf_is_the_first)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, NAN), *y = gd_exp(&l.g, gd_neg(&l.g, x));
	struct gd_sweep run = {.graph = &l.g, .trace = true};
	ck_assert(gd_eval(&run, 1, &y));
	ck_assert_ptr_eq(run.first_bad, x);
	ck_assert_uint_eq(run.bad_index, 1);
	ck_assert(!run.nonfinite); /* nothing was to be checked */
	lab_release(&l);
}
END_TEST

/* An infinity that a where keeps out, or that is a constant on purpose, is not to blame. */
START_TEST(harmless_infinities)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (3), 1, 0, 800), *zero = gd_const(&l.g, 0);
	struct gd_node *safe = gd_where(&l.g, gd_gt(&l.g, x, zero), gd_log(&l.g, x), zero);
	struct gd_node *lse = lab_call(&l, "logsumexp", "dim=0", 1, x);
	struct gd_node *y = lab_call(&l, "exp", "", 1, lab_call(&l, "add", "", 2, safe, x));
	y = gd_add(&l.g, gd_minimum(&l.g, y, gd_const(&l.g, (double)INFINITY)), lse);
	struct gd_sweep run = {.graph = &l.g, .trace = true};
	y->check = true;
	ck_assert(gd_eval(&run, 1, &y));
	ck_assert(run.nonfinite);
	ck_assert_str_eq(run.first_bad->op, "exp");
	ck_assert_uint_eq(run.bad_index, 2);
	run = (struct gd_sweep){.graph = &l.g, .trace = true};
	ck_assert(gd_eval(&run, 2, (struct gd_node *[]){safe, lse}));
	ck_assert_ptr_null(run.first_bad);
	/* The constant's own product is. */
	struct gd_node *made = gd_mul(&l.g, x, gd_const(&l.g, (double)INFINITY));
	ck_assert(gd_eval(&run, 1, &made));
	ck_assert_ptr_eq(run.first_bad, made);
	lab_release(&l);
}
END_TEST

START_TEST(nothing_bad)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, 2), *y = gd_exp(&l.g, gd_log(&l.g, x));
	struct gd_sweep run = {.graph = &l.g, .trace = true};
	y->check = true;
	ck_assert(gd_eval(&run, 1, &y));
	ck_assert(!run.nonfinite);
	ck_assert_ptr_null(run.first_bad);
	lab_release(&l);
}
END_TEST

/* An overflow of a product is found where it happens, not where it shows. */
START_TEST(an_overflow_is_found)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (1, 2), 1e200, 1), *w = LAB(&l, 2, (2, 1), 1e200, 1);
	struct gd_node *h = lab_call(&l, "linear", "", 2, x, w);
	struct gd_node *y = lab_call(&l, "sigmoid", "", 1, h);
	struct gd_sweep run = {.graph = &l.g, .trace = true};
	h->check = y->check = true;
	ck_assert(gd_eval(&run, 1, &y));
	ck_assert(run.nonfinite);
	ck_assert_ptr_nonnull(run.first_bad);
	ck_assert_str_eq(run.first_bad->op, "linear");
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/eval, not finite");
	TCase *t = tcase_create("finite");
	tcase_add_test(t, finite_or_not);
	tcase_add_test(t, the_first_bad_operation_forward);
	tcase_add_test(t, the_first_bad_operation_backward);
	tcase_add_test(t, a_bad_leaf_is_the_first);
	tcase_add_test(t, harmless_infinities);
	tcase_add_test(t, nothing_bad);
	tcase_add_test(t, an_overflow_is_found);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
