/* Linear algebra: what is refused, when, and in which words. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/lapack.h"
#include "tests/core/lab.h"
#include "tests/support/test.h"

/* --- what cannot be factorised ------------------------------------------------------------- */

/* op on matrices whose elements are given; `detail` is part of the sentence, "" for no error. */
static const struct {
	const char *op, *params;
	int rank;
	int64_t shape[3];
	double a[8];
	const char *detail;
} failures[] = {
        {"linalg.inv", "", 2, {2, 2}, {0}, "linalg.inv: the matrix is singular: pivot 1"},
        {"linalg.inv", "", 2, {2, 2}, {1, 2, 2, 4}, "linalg.inv: the matrix is singular: pivot 2"},
        {"inverse", "", 2, {1, 1}, {0}, "inverse: the matrix is singular"},
        {"linalg.inv",
         "",
         3,
         {2, 2, 2},
         {1, 0, 0, 1, 1, 1, 1, 1},
         "matrix 1 of the batch is singular: pivot 2"},
        {"linalg.cholesky",
         "",
         2,
         {2, 2},
         {1, 2, 2, 1},
         "the matrix is not positive definite: its leading minor of order 2"},
        {"linalg.cholesky", "upper=true", 2, {2, 2}, {1, 2, 0, 1}, "not positive definite"},
        {"linalg.cholesky", "upper=false", 2, {2, 2}, {1, 2, 0, 1}, ""},
        {"cholesky",
         "",
         3,
         {2, 2, 2},
         {1, 0, 0, 1, -1, 0, 0, 1},
         "cholesky: matrix 1 of the batch is not positive definite: its leading minor of order 1"},
        {"cholesky_inverse", "", 2, {2, 2}, {1, 0, 5, 0}, "element 2 of its diagonal is zero"},
        {"linalg.eigh", "", 2, {2, 2}, {1, NAN, NAN, 1}, "linalg.eigh: the matrix has elements"},
        {"linalg.eigvalsh", "", 2, {1, 1}, {INFINITY}, "not finite"},
        {"linalg.svd", "", 2, {2, 2}, {1, NAN, 0, 1}, "linalg.svd: the matrix has elements"},
        {"linalg.svdvals", "", 2, {1, 2}, {1, -INFINITY}, "not finite"},
        {"linalg.svd",
         "full_matrices=false",
         3,
         {2, 1, 2},
         {1, 2, 3, NAN},
         "matrix 1 of the batch has elements that are not finite"},
        {"linalg.pinv", "", 2, {2, 2}, {1, NAN, 0, 1}, "linalg.pinv: the matrix has elements"},
        {"linalg.matrix_norm", "ord=2", 2, {2, 2}, {1, NAN, 0, 1}, "not finite"},
        {"linalg.cond", "p=1", 2, {2, 2}, {1, 2, 2, 4}, "linalg.cond: the matrix is singular"},
        /* and what can */
        {"linalg.det", "", 2, {2, 2}, {1, 2, 2, 4}, ""},
        {"linalg.pinv", "", 2, {2, 2}, {1, 2, 2, 4}, ""},
        {"linalg.qr", "", 2, {2, 2}, {NAN, 2, 2, 4}, ""},
        {"linalg.cholesky", "", 2, {2, 2}, {NAN, 0, 0, 1}, ""},
        {"linalg.slogdet", "", 2, {2, 2}, {1, 2, 2, 4}, ""},
        {"linalg.inv", "", 2, {2, 2}, {INFINITY, INFINITY, NAN, 4}, ""},
};

START_TEST(failures_say_what_and_where)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		lab_init(&l, (enum gd_dtype)dtype);
		struct gd_node *a =
		        lab_leaf(&l, failures[_i].rank, failures[_i].shape, failures[_i].a);
		l.g.origin = "/layers/3";
		struct gd_node *y = lab_call(&l, failures[_i].op, failures[_i].params, 1, a);
		ck_assert_msg(y != NULL, "%s", l.error.detail);
		bool good = lab_eval(&l, 1, &y);
		ck_assert_msg(good == !*failures[_i].detail, "%s %d: %s", failures[_i].op, _i,
		              l.error.detail);
		if (!good) {
			ck_assert_int_eq(l.error.code, GD_ERR_linalg_failure);
			ck_assert_str_eq(l.error.pointer, "/layers/3");
			ck_assert_msg(strstr(l.error.detail, failures[_i].detail) != NULL, "\"%s\"",
			              l.error.detail);
		}
		lab_release(&l);
	}
}
END_TEST

START_TEST(a_singular_system_is_found_in_the_batch)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *a = LAB(&l, 4, (1, 2, 1, 1), 1, 0), *b = LAB(&l, 4, (3, 1, 1, 1), 1, 2, 3);
	struct gd_node *y = lab_call(&l, "linalg.solve", "", 2, a, b);
	ck_assert(!lab_eval(&l, 1, &y));
	ck_assert_int_eq(l.error.code, GD_ERR_linalg_failure);
	ck_assert_msg(strstr(l.error.detail,
	                     "linalg.solve: matrix (0, 1) of the batch is singular") != NULL,
	              "\"%s\"", l.error.detail);
	lab_release(&l);
}
END_TEST

/* The value is -∞; a derivative does not exist. */
START_TEST(the_logarithm_of_no_determinant_has_no_derivative)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *a = LAB(&l, 2, (2, 2), 1, 2, 2, 4), *grad;
	struct gd_node *y = lab_call(&l, "logdet", "", 1, a);
	LAB_IS(&l, y, 0, -INFINITY);
	ck_assert(lab_grad(&l, y, NULL, 1, &a, &grad));
	ck_assert(!lab_eval(&l, 1, &grad));
	ck_assert_int_eq(l.error.code, GD_ERR_linalg_failure);
	lab_release(&l);
}
END_TEST

/* --- parameters and shapes ----------------------------------------------------------------- */

static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *pointer;
} refused[] = {
        {"linalg.inv", "(3,2)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.inv", "(3)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.det", "()", "", GD_ERR_shape_mismatch, ""},
        {"linalg.slogdet", "(2,3,4)", "", GD_ERR_shape_mismatch, ""},
        {"logdet", "(2)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.cholesky", "(2,3)", "", GD_ERR_shape_mismatch, ""},
        {"cholesky_inverse", "(2,3)", "", GD_ERR_shape_mismatch, ""},
        {"cholesky_solve", "(3) (3,3)", "", GD_ERR_shape_mismatch, ""},
        {"cholesky_solve", "(2,1) (3,3)", "", GD_ERR_shape_mismatch, ""},
        {"cholesky_solve", "(3,1) (3,2)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.qr", "(3)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.eigh", "(3,2)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.svd", "(3)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.svdvals", "()", "", GD_ERR_shape_mismatch, ""},
        {"linalg.pinv", "(3)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.pinv", "(3,2)", "hermitian=true", GD_ERR_shape_mismatch, ""},
        {"linalg.matrix_exp", "(3,2)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.solve", "(2,2) (3)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.solve", "(2,2) (3,1)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.solve", "(2,2) ()", "", GD_ERR_shape_mismatch, ""},
        {"linalg.solve", "(2,3) (2,1)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.solve", "(2,2) (2,3)", "left=false", GD_ERR_shape_mismatch, ""},
        {"linalg.solve", "(2,2) (2)", "left=false", GD_ERR_invalid_parameter, "/left"},
        {"linalg.solve", "(2,2,2) (3,2,1)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.solve_triangular", "(2,2) (2)", "upper=true", GD_ERR_shape_mismatch, ""},
        {"linalg.solve_triangular", "(2,2) (1,2)", "upper=true", GD_ERR_shape_mismatch, ""},
        {"linalg.solve_triangular", "(2,2,2) (3,2,1)", "upper=true", GD_ERR_shape_mismatch, ""},
        {"linalg.matrix_norm", "(3)", "", GD_ERR_shape_mismatch, ""},
        {"linalg.matrix_norm", "(3,3)", "ord=3", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.matrix_norm", "(3,3)", "ord=0", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.matrix_norm", "(3,3)", "dim=0", GD_ERR_invalid_parameter, "/dim"},
        {"linalg.matrix_norm", "(3,3)", "dim=0,0", GD_ERR_invalid_parameter, "/dim"},
        {"linalg.matrix_norm", "(3,3)", "dim=1,-1", GD_ERR_invalid_parameter, "/dim"},
        {"linalg.matrix_norm", "(3,3)", "dim=0,2", GD_ERR_invalid_parameter, "/dim"},
        {"linalg.matrix_norm", "(3,3)", "dim=0,-3", GD_ERR_invalid_parameter, "/dim"},
        {"linalg.matrix_norm", "(3,3)", "dim=0,1,2", GD_ERR_invalid_parameter, "/dim"},
        {"linalg.matrix_norm", "(0,3)", "ord=2", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.matrix_norm", "(3,0)", "ord=1", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.matrix_norm", "(0,3)", "ord=-inf", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.norm", "(2,2,2)", "ord=2", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.norm", "()", "ord=2", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.norm", "(3)", "ord=fro", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.norm", "(3,3)", "ord=nuc dim=0", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.norm", "(3,3)", "dim=[]", GD_ERR_invalid_parameter, "/dim"},
        {"linalg.norm", "(3,3,3)", "dim=0,1,2", GD_ERR_invalid_parameter, "/dim"},
        {"linalg.norm", "(3,3)", "ord=2 dim=2", GD_ERR_invalid_parameter, "/dim"},
        {"linalg.norm", "(0)", "ord=inf", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.norm", "(2,0)", "ord=-1 dim=1", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.norm", "(3,3)", "ord=5", GD_ERR_invalid_parameter, "/ord"},
        {"linalg.cond", "(3,2)", "p=1", GD_ERR_shape_mismatch, ""},
        {"linalg.cond", "(3,3)", "p=3", GD_ERR_invalid_parameter, "/p"},
        {"linalg.cond", "(3)", "", GD_ERR_shape_mismatch, ""},
};

START_TEST(bad_requests_are_refused)
{
	struct lab l;
	struct gd_node *in[LAB_OPERANDS];
	char pointer[64];
	lab_init(&l, GD_FLOAT64);
	l.g.origin = "/layers/0";
	int n = lab_operands(&l, refused[_i].operands, in);
	struct gd_node *y =
	        lab_call_with(&l, gd_op_find(refused[_i].op), refused[_i].params, n, in);
	ck_assert_msg(y == NULL, "%s %s %s", refused[_i].op, refused[_i].operands,
	              refused[_i].params);
	ck_assert_msg(l.error.code == refused[_i].code, "%s %s %s: %s %s", refused[_i].op,
	              refused[_i].operands, refused[_i].params, gd_code_name(l.error.code),
	              l.error.detail);
	snprintf(pointer, sizeof pointer, "/layers/0%s", refused[_i].pointer);
	ck_assert_str_eq(l.error.pointer, pointer);
	ck_assert_int_eq(strncmp(l.error.detail, refused[_i].op, strlen(refused[_i].op)), 0);
	if (l.error.code == GD_ERR_shape_mismatch)
		ck_assert_msg(l.error.expected.rank > 0, "%s %s", refused[_i].op,
		              refused[_i].operands);
	lab_release(&l);
}
END_TEST

/* What PyTorch differentiates no more than we do. */
START_TEST(some_of_qr_has_no_derivative)
{
	static const char *const modes[] = {"mode=r", "mode=complete"};
	for (int i = 0; i < 2; i++)
		for (int result = 0; result < 2; result++) {
			struct lab l;
			struct gd_call c;
			struct gd_node *grad;
			lab_init(&l, GD_FLOAT64);
			struct gd_node *a = LAB(&l, 2, (3, 2), 1, 2, 3, 4, 5, 7), *in[1] = {a};
			l.g.origin = "/layers/1";
			ck_assert(lab_call_all(&l, &c, gd_op_find("linalg.qr"), modes[i], 1, in));
			l.g.origin = "";
			if (i == 0 && result == 0) {
				ck_assert_uint_eq(c.out[0]->count, 0);
			} else {
				ck_assert(!lab_grad(&l, c.out[result], NULL, 1, &a, &grad));
				ck_assert_int_eq(l.error.code, GD_ERR_not_differentiable);
				ck_assert_str_eq(l.error.pointer, "/layers/1");
				ck_assert(*l.error.hint);
			}
			lab_release(&l);
		}
}
END_TEST

/* Sizes that LAPACK cannot count, and results that no memory holds, are refused without work. */
START_TEST(matrices_may_be_too_large)
{
	ck_assert(gd_lapack_fits(20000, 20000));
	ck_assert(!gd_lapack_fits(20001, 20001));
	ck_assert(gd_lapack_fits(1, 10000000));
	ck_assert(!gd_lapack_fits(INT64_MAX, 1));
	static const char *const ops[] = {"linalg.inv", "linalg.det",  "linalg.cholesky",
	                                  "linalg.qr",  "linalg.eigh", "linalg.svd",
	                                  "matrix_exp"};
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = gd_expand(&l.g, gd_const(&l.g, 1), 2,
		                              (int64_t[]){INT64_C(1) << 29, INT64_C(1) << 29});
		ck_assert(x == NULL || lab_call(&l, ops[i], "", 1, x) == NULL);
		ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
		lab_release(&l);
	}
}
END_TEST

START_TEST(a_large_result_is_over_the_limit)
{
	static const char *const ops[] = {"linalg.qr", "linalg.svd"};
	for (size_t i = 0; i < 2; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT32);
		struct gd_node *x = gd_expand(&l.g, gd_const(&l.g, 1), 2, (int64_t[]){1000000, 1});
		struct gd_node *y = lab_call(&l, ops[i], i ? "" : "mode=complete", 1, x);
		ck_assert_ptr_nonnull(y);
		ck_assert(!lab_eval(&l, 1, &y));
		ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
		lab_release(&l);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/linalg");
	TCase *c = tcase_create("linalg");
	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, failures_say_what_and_where, 0,
	                    (int)(sizeof failures / sizeof *failures));
	tcase_add_loop_test(c, bad_requests_are_refused, 0,
	                    (int)(sizeof refused / sizeof *refused));
	tcase_add_test(c, a_singular_system_is_found_in_the_batch);
	tcase_add_test(c, the_logarithm_of_no_determinant_has_no_derivative);
	tcase_add_test(c, some_of_qr_has_no_derivative);
	tcase_add_test(c, matrices_may_be_too_large);
	tcase_add_test(c, a_large_result_is_over_the_limit);
	suite_add_tcase(s, c);
	return s;
}

TEST_MAIN(suite)
