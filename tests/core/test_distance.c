/* Distances: at 0, at ties, from far away, and how much memory they take. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

static int touched(struct lab *l)
{
	double total = 0;
	for (struct gd_kink *k = l->g.kinks; k; k = k->next) {
		ck_assert(lab_eval(l, 1, &k->count));
		total += k->passed ? lab_at(k->count, 0) : 0;
	}
	return (int)total;
}

/* One point, 0, against (1, -1, 0.5), 0 and (1, 1, 0); gradients for x1 and x2 as PyTorch's. */
static const struct {
	const char *params;
	double value[3], x1[3], x2[9];
	int touched;
} kinks[] = {
        {"p=1", {2.5, 0, 2}, {-2, 0, -1}, {1, -1, 1, 0, 0, 0, 1, 1, 0}, 2},
        {"p=0", {3, 0, 2}, {0}, {0}, 0},
        {"p=inf", {1, 0, 1}, {-2, 0, 0}, {1, -1, 0, 0, 0, 0, 1, 1, 0}, 3},
        {"p=2",
         {1.5, 0, 1.4142135623730951},
         {-1.3737734478532142, -0.040440114519880827, -1 / 3.},
         {2 / 3., -2 / 3., 1 / 3., 0, 0, 0, 0.70710678118654746, 0.70710678118654746, 0},
         1},
        {"p=0.5",
         {7.3284271247461901, 0, 4},
         {-4.7071067811865479, 0.7071067811865479, -3.8284271247461901},
         {2.7071067811865475, -2.7071067811865475, 3.8284271247461901, 0, 0, 0, 2, 2, 0},
         3},
};

START_TEST(gradients_at_kinks)
{
	struct lab l;
	struct gd_node *grad[2];
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x[2] = {LAB(&l, 2, (1, 3), 0, 0, 0),
	                        LAB(&l, 2, (3, 3), 1, -1, 0.5, 0, 0, 0, 1, 1, 0)};
	struct gd_node *y = lab_call(&l, "cdist", kinks[_i].params, 2, x[0], x[1]);
	ck_assert(lab_grad(&l, y, NULL, 2, x, grad));
	lab_is(&l, y, 1e-14, 3, kinks[_i].value, __FILE__, __LINE__);
	lab_is(&l, grad[0], 1e-14, 3, kinks[_i].x1, __FILE__, __LINE__);
	lab_is(&l, grad[1], 1e-14, 9, kinks[_i].x2, __FILE__, __LINE__);
	int kinks_touched = touched(&l);
	ck_assert_msg(kinks_touched == kinks[_i].touched, "%s: %d", kinks[_i].params,
	              kinks_touched);
	struct gd_node *second[2];
	struct gd_node *s = gd_add(&l.g, gd_sum_all(&l.g, grad[0]), gd_sum_all(&l.g, grad[1]));
	ck_assert(lab_grad(&l, s, NULL, 2, x, second));
	ck_assert(lab_eval(&l, 2, second));
	ck_assert(gd_all_finite(second[0], NULL) && gd_all_finite(second[1], NULL));
	lab_release(&l);
}
END_TEST

START_TEST(equal_rows_of_pdist)
{
	struct lab l;
	struct gd_node *grad;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (3, 2), 1, 2, 4, 6, 1, 2);
	struct gd_node *y = lab_call(&l, "pdist", "", 1, x);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, y, 0, 5, 0, 5);
	LAB_IS(&l, grad, 1e-15, -0.6, -0.8, 1.2, 1.6, -0.6, -0.8);
	ck_assert_int_eq(touched(&l), 1);
	lab_release(&l);
}
END_TEST

/* Of PyTorch's product form nothing would be left of these. */
START_TEST(small_distances_far_away)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		struct gd_node *grad;
		lab_init(&l, (enum gd_dtype)dtype);
		struct gd_node *x = LAB(&l, 2, (2, 2), 1e4, 1e4, 1e4 + 3, 1e4);
		struct gd_node *z = LAB(&l, 2, (1, 2), 1e4, 1e4 + 4);
		struct gd_node *y = lab_call(&l, "cdist", "", 2, x, z);
		ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
		LAB_IS(&l, y, 0, 4, 5);
		LAB_IS(&l, grad, 1e-7, 0, -1, 0.6, -0.8);
		lab_release(&l);
	}
}
END_TEST

/* A row that no gradient comes from may hold anything. */
START_TEST(rows_that_do_not_count)
{
	static const char *const p[] = {"p=2", "p=1", "p=3", "p=inf"};
	for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
		struct lab l;
		struct gd_node *grad[2];
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x[2] = {LAB(&l, 2, (2, 2), 1, 2, NAN, INFINITY),
		                        LAB(&l, 2, (2, 2), 4, 2, 1, 7)};
		struct gd_node *y = lab_call(&l, "cdist", p[i], 2, x[0], x[1]);
		struct gd_node *row = LAB(&l, 2, (2, 1), 1, 0), *zero = gd_const(&l.g, 0);
		y = lab_call(&l, "where", "", 3, gd_gt(&l.g, row, zero), y, zero);
		ck_assert(lab_grad(&l, y, NULL, 2, x, grad));
		LAB_IS(&l, grad[0], 1e-15, -1, -1, 0, 0);
		LAB_IS(&l, grad[1], 1e-15, 1, 0, 0, 1);
		struct gd_node *second[2], *s = gd_sum_all(&l.g, gd_square(&l.g, grad[1]));
		ck_assert(lab_grad(&l, s, NULL, 2, x, second));
		ck_assert(lab_eval(&l, 2, second));
		ck_assert(gd_all_finite(second[0], NULL));
		lab_release(&l);
	}
}
END_TEST

/* 120·120·64 differences would be 7 MB. */
START_TEST(no_tensor_of_all_differences)
{
	static const char *const p[] = {"p=2", "p=1", "p=0", "p=2.5"};
	for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
		struct lab l;
		struct gd_node *grad[2], *second[2];
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x[2] = {lab_random(&l, 2, (int64_t[]){120, 64}, -1, 1),
		                        lab_random(&l, 2, (int64_t[]){120, 64}, -1, 1)};
		struct gd_node *y = lab_call(&l, "cdist", p[i], 2, x[0], x[1]);
		ck_assert(lab_grad(&l, y, NULL, 2, x, grad));
		struct gd_node *s = gd_sum_all(&l.g, gd_square(&l.g, grad[0]));
		ck_assert(lab_grad(&l, s, NULL, 2, x, second));
		struct gd_node *all[] = {y, grad[0], grad[1], second[0], second[1]};
		ck_assert(lab_eval(&l, 5, all));
		ck_assert_uint_lt(l.arena.peak, (size_t)4 << 20);
		lab_release(&l);
	}
}
END_TEST

/* Norms below eps are eps, with the derivative x/eps: PyTorch's. */
START_TEST(cosine_of_small_vectors)
{
	struct lab l;
	struct gd_node *grad;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 2), 0, 0, 1, 2), *z = LAB(&l, 2, (2, 2), 1, 0, 3, -1);
	struct gd_node *y = lab_call(&l, "cosine_similarity", "eps=5", 2, x, z);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, y, 1e-14, 0, 0.04);
	LAB_IS(&l, grad, 1e-14, 0.04, 0, 0.1184, -0.0432);
	lab_release(&l);
}
END_TEST

static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *pointer, *says;
} refused[] = {
        {"cdist", "(3) (3)", "", GD_ERR_shape_mismatch, "/loss", "(3,)"},
        {"cdist", "(2,3) (2,4)", "", GD_ERR_shape_mismatch, "/loss", "one length"},
        {"cdist", "(3,2,3) (2,2,3)", "", GD_ERR_shape_mismatch, "/loss", "leading axes"},
        {"cdist", "(2,3) (2,3)", "p=-1", GD_ERR_invalid_parameter, "/loss/p", "-1"},
        {"cdist", "(2,3) (2,3)", "p=nan", GD_ERR_invalid_parameter, "/loss/p", "nan"},
        {"pdist", "(3)", "", GD_ERR_shape_mismatch, "/loss", "two axes"},
        {"pdist", "(2,3,4)", "", GD_ERR_shape_mismatch, "/loss", "two axes"},
        {"pdist", "()", "", GD_ERR_shape_mismatch, "/loss", "two axes"},
        {"pdist", "(2,3)", "p=-0.5", GD_ERR_invalid_parameter, "/loss/p", "-0.5"},
        {"pairwise_distance", "(2,3) (4,3)", "", GD_ERR_shape_mismatch, "/loss", "(4, 3)"},
        {"pairwise_distance", "(2) (2)", "p=nan", GD_ERR_invalid_parameter, "/loss/p", "number"},
        {"cosine_similarity", "(2,3) (4,3)", "", GD_ERR_shape_mismatch, "/loss", "(4, 3)"},
        {"cosine_similarity", "(3) (3)", "", GD_ERR_invalid_parameter, "/loss/dim", "1 ax"},
};

START_TEST(refuses)
{
	struct lab l;
	struct gd_node *in[LAB_OPERANDS];
	lab_init(&l, GD_FLOAT64);
	l.g.origin = "/loss";
	int n = lab_operands(&l, refused[_i].operands, in);
	struct gd_node *y =
	        lab_call_with(&l, gd_op_find(refused[_i].op), refused[_i].params, n, in);
	ck_assert_ptr_null(y);
	ck_assert_msg(l.error.code == refused[_i].code, "%s", l.error.detail);
	ck_assert_str_eq(l.error.pointer, refused[_i].pointer);
	ck_assert_msg(strstr(l.error.detail, refused[_i].says), "%s", l.error.detail);
	lab_release(&l);
}
END_TEST

/* Distances of very many empty rows: an error, at once. */
START_TEST(too_many_pairs)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_leaf(&l, 2, (int64_t[]){INT64_C(1) << 40, 0}, NULL);
	ck_assert_ptr_null(lab_call(&l, "cdist", "", 2, x, x));
	ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
	lab_release(&l);
	lab_init(&l, GD_FLOAT64);
	x = lab_leaf(&l, 2, (int64_t[]){INT64_C(1) << 30, 0}, NULL);
	ck_assert_ptr_null(lab_call(&l, "pdist", "", 1, x));
	ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/distance");
	TCase *t = tcase_create("distance");
	tcase_add_loop_test(t, gradients_at_kinks, 0, sizeof kinks / sizeof *kinks);
	tcase_add_test(t, equal_rows_of_pdist);
	tcase_add_test(t, small_distances_far_away);
	tcase_add_test(t, rows_that_do_not_count);
	tcase_add_test(t, no_tensor_of_all_differences);
	tcase_add_test(t, cosine_of_small_vectors);
	tcase_add_loop_test(t, refuses, 0, sizeof refused / sizeof *refused);
	tcase_add_test(t, too_many_pairs);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
