/* Normalisation and dropout: what golden values and differences cannot show. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

/* --- stability -------------------------------------------------------------------------------- */

/* Three neighbours far from 0: mean and variance are exact, and the largest is at √1.5. */
START_TEST(large_means)
{
	static const struct {
		const char *op, *params;
		int rank;
		int64_t shape[4];
	} forms[] = {{"layer_norm", "normalized_shape=3 eps=0", 2, {1, 3}},
	             {"group_norm", "num_groups=1 eps=0", 3, {1, 1, 3}},
	             {"instance_norm", "eps=0", 3, {1, 1, 3}},
	             {"batch_norm", "training=true eps=0", 2, {3, 1}},
	             {"batch_norm", "training=true eps=0", 3, {1, 1, 3}},
	             {"batch_norm", "training=true eps=0", 4, {3, 1, 1, 1}}};
	for (int wide = 0; wide < 2; wide++)
		for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
			struct lab l;
			double far = wide ? 0x1p52 : 0x1p23, root = sqrt(1.5);
			lab_init(&l, wide ? GD_FLOAT64 : GD_FLOAT32);
			struct gd_node *x = lab_leaf(&l, forms[i].rank, forms[i].shape,
			                             (double[]){far, far + 1, far + 2});
			struct gd_node *y = lab_call(&l, forms[i].op, forms[i].params, 1, x);
			LAB_IS(&l, y, wide ? 1e-15 : 1e-7, -root, 0, root);
			lab_release(&l);
		}
}
END_TEST

/* Groups longer than a lane and than a block of columns, against sums in long double. */
START_TEST(many_groups)
{
	enum { ROWS = 37, COLUMNS = 301 };
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){ROWS, COLUMNS}, 1e6, 1e6 + 1);
	struct gd_node *rows = lab_call(&l, "layer_norm", "normalized_shape=301", 1, x);
	struct gd_node *columns = lab_call(&l, "batch_norm", "training=true", 1, x);
	ck_assert(lab_eval(&l, 2, (struct gd_node *[]){rows, columns}));
	for (int by_row = 0; by_row < 2; by_row++)
		for (int k = 0; k < (by_row ? ROWS : COLUMNS); k++) {
			int n = by_row ? COLUMNS : ROWS, step = by_row ? 1 : COLUMNS;
			size_t first = (size_t)(by_row ? k * COLUMNS : k);
			long double mean = 0, var = 0;
			for (int i = 0; i < n; i++)
				mean += (lab_at(x, first + (size_t)(i * step)) - 1e6L) / n;
			for (int i = 0; i < n; i++) {
				long double d = lab_at(x, first + (size_t)(i * step)) - 1e6L - mean;
				var += d * d / n;
			}
			for (int i = 0; i < n; i++) {
				size_t at = first + (size_t)(i * step);
				long double want =
				        (lab_at(x, at) - 1e6L - mean) / sqrtl(var + 1e-5L);
				double got = lab_at(by_row ? rows : columns, at);
				ck_assert_msg(fabsl(got - want) < 1e-14L, "%g instead of %Lg", got,
				              want);
			}
		}
	lab_release(&l);
}
END_TEST

START_TEST(equal_numbers_standardise_to_zero)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 3), 0.1, 0.1, 0.1, 1e300, 1e300, 1e300), *grad;
	struct gd_node *y = lab_call(&l, "layer_norm", "normalized_shape=3", 1, x);
	ck_assert(lab_grad(&l, gd_sum_all(&l.g, gd_square(&l.g, y)), NULL, 1, &x, &grad));
	LAB_IS(&l, y, 0, 0, 0, 0, 0, 0, 0);
	LAB_IS(&l, grad, 0, 0, 0, 0, 0, 0, 0);
	lab_release(&l);
}
END_TEST

/* What `where` did not choose leaves no trace, though its numbers are none. */
START_TEST(a_group_that_was_not_chosen)
{
	for (int form = 0; form < 3; form++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = LAB(&l, 3, (2, 1, 3), 1, 2, 4, NAN, (double)INFINITY, 1);
		struct gd_node *w = LAB(&l, 1, (3), 1, 2, 3), *in[2] = {x, w}, *grad[2], *again;
		struct gd_node *rows = gd_gt(&l.g, LAB(&l, 3, (2, 1, 1), 1, 0), gd_const(&l.g, 0));
		struct gd_node *y =
		        form == 0 ? lab_call(&l, "layer_norm", "normalized_shape=3", 2, x, w)
		        : form == 1
		                ? lab_call(&l, "rms_norm", "normalized_shape=3", 2, x, w)
		                : gd_mul(&l.g, lab_call(&l, "local_response_norm", "size=2", 1, x),
		                         w);
		y = gd_where(&l.g, rows, y, gd_const(&l.g, 0));
		ck_assert(lab_grad(&l, gd_sum_all(&l.g, gd_square(&l.g, y)), NULL, 2, in, grad));
		struct gd_node *s = gd_sum_all(&l.g, gd_square(&l.g, grad[1]));
		ck_assert(lab_grad(&l, s, NULL, 1, &x, &again));
		ck_assert(lab_eval(&l, 3, (struct gd_node *[]){grad[0], grad[1], again}));
		ck_assert_msg(gd_all_finite(grad[0], NULL), "form %d", form);
		ck_assert_msg(gd_all_finite(grad[1], NULL), "form %d: weight", form);
		ck_assert_msg(gd_all_finite(again, NULL), "form %d: again", form);
		for (size_t i = 3; i < 6; i++) {
			ck_assert_double_eq(lab_at(grad[0], i), 0);
			ck_assert_double_eq(lab_at(again, i), 0);
		}
		lab_release(&l);
	}
}
END_TEST

/* A window as wide as the axis and wider, and blocks that do not fit into it. */
START_TEST(windows_of_every_size)
{
	enum { N = 13 };
	for (int64_t size = 1; size <= 2 * N + 3; size++) {
		struct lab l;
		char params[64];
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = lab_random(&l, 3, (int64_t[]){1, N, 1}, -2, 2);
		snprintf(params, sizeof params, "size=%d alpha=%d beta=1 k=0", (int)size,
		         (int)size);
		struct gd_node *y = lab_call(&l, "local_response_norm", params, 1, x);
		ck_assert(lab_eval(&l, 1, &y));
		for (int64_t c = 0; c < N; c++) {
			double sum = 0;
			for (int64_t j = c - size / 2; j <= c + (size - 1) / 2; j++)
				sum += j < 0 || j >= N ? 0 : pow(lab_at(x, (size_t)j), 2);
			ck_assert_double_eq_tol(lab_at(y, (size_t)c), lab_at(x, (size_t)c) / sum,
			                        1e-12 * fabs(lab_at(x, (size_t)c) / sum));
		}
		lab_release(&l);
	}
}
END_TEST

/* --- normalize at 0 --------------------------------------------------------------------------- */

START_TEST(a_vector_of_zeros_is_noted)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (3, 2), 0, 0, 3, 4, -0.0, 0), *grad;
	struct gd_node *y = lab_call(&l, "normalize", "eps=0.5", 1, x);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, y, 1e-15, 0, 0, 0.6, 0.8, 0, 0);
	LAB_IS(&l, grad, 1e-14, 2, 2, 0.032, -0.024, 2, 2);
	ck_assert_ptr_nonnull(l.g.kinks);
	ck_assert_ptr_null(l.g.kinks->next);
	ck_assert(lab_eval(&l, 1, &l.g.kinks->count));
	ck_assert_double_eq(lab_at(l.g.kinks->count, 0), 2);
	lab_release(&l);
}
END_TEST

/* --- dropout ---------------------------------------------------------------------------------- */

/* As the catalogue describes it. */
static bool kept(uint64_t seed, size_t i, double p)
{
	uint64_t state = seed, z = 0;
	for (size_t k = 0; k <= i; k++) {
		state += 0x9e3779b97f4a7c15u;
		z = state;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		z ^= z >> 31;
	}
	return (double)(z >> 11) / 0x1p53 >= p;
}

START_TEST(a_client_can_make_the_mask)
{
	static const int64_t seeds[] = {0, 1, -1, 123456789, INT64_MAX};
	for (size_t s = 0; s < sizeof seeds / sizeof *seeds; s++)
		for (int wide = 0; wide < 2; wide++) {
			struct lab l;
			char params[64];
			lab_init(&l, wide ? GD_FLOAT64 : GD_FLOAT32);
			struct gd_node *x = lab_random(&l, 2, (int64_t[]){10, 20}, 1, 2), *grad;
			snprintf(params, sizeof params, "p=0.25 seed=%lld", (long long)seeds[s]);
			struct gd_node *y = lab_call(&l, "dropout", params, 1, x);
			ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
			ck_assert(lab_eval(&l, 2, (struct gd_node *[]){y, grad}));
			double scale = wide ? 1 / 0.75 : (double)(float)(1 / 0.75);
			for (size_t i = 0; i < 200; i++) {
				double want = kept((uint64_t)seeds[s], i, 0.25) ? scale : 0;
				double value = want * lab_at(x, i);
				ck_assert_double_eq(lab_at(grad, i), want);
				ck_assert_double_eq(lab_at(y, i),
				                    wide ? value : (double)(float)value);
			}
			lab_release(&l);
		}
}
END_TEST

/* Four standard deviations of the number kept. */
START_TEST(the_mask_has_its_probability)
{
	enum { N = 40000 };
	static const double ps[] = {0.1, 0.5, 0.9};
	for (size_t k = 0; k < 3; k++) {
		struct lab l;
		char params[64];
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = lab_random(&l, 1, (int64_t[]){N}, 1, 2);
		snprintf(params, sizeof params, "p=%g seed=%zu", ps[k], k);
		struct gd_node *y = lab_call(&l, "dropout", params, 1, x);
		ck_assert(lab_eval(&l, 1, &y));
		double n = 0;
		for (size_t i = 0; i < N; i++)
			n += lab_at(y, i) != 0;
		ck_assert_double_lt(fabs(n - N * (1 - ps[k])), 4 * sqrt(N * ps[k] * (1 - ps[k])));
		lab_release(&l);
	}
}
END_TEST

START_TEST(channels_drop_as_one)
{
	static const struct {
		const char *op;
		int rank;
		int64_t shape[5];
		size_t channels, each;
	} forms[] = {
	        {"dropout1d", 2, {50, 3}, 50, 3},       {"dropout1d", 3, {5, 10, 3}, 50, 3},
	        {"dropout2d", 4, {5, 10, 2, 3}, 50, 6}, {"dropout2d", 3, {5, 10, 3}, 50, 3},
	        {"dropout3d", 4, {50, 2, 1, 3}, 50, 6}, {"dropout3d", 5, {5, 10, 2, 1, 3}, 50, 6}};
	for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = lab_random(&l, forms[f].rank, forms[f].shape, 1, 2);
		struct gd_node *y = lab_call(&l, forms[f].op, "p=0.5 seed=7", 1, x);
		ck_assert(lab_eval(&l, 1, &y));
		for (size_t c = 0; c < forms[f].channels; c++)
			for (size_t i = 0; i < forms[f].each; i++) {
				size_t at = c * forms[f].each + i;
				ck_assert_double_eq(lab_at(y, at),
				                    kept(7, c, 0.5) ? 2 * lab_at(x, at) : 0);
			}
		lab_release(&l);
	}
}
END_TEST

START_TEST(alpha_dropout_with_a_seed)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 1, (int64_t[]){30}, -1, 1);
	struct gd_node *y = lab_call(&l, "alpha_dropout", "p=0.3 seed=5 training=true", 1, x);
	ck_assert(lab_eval(&l, 1, &y));
	double s = -1.7580993408473766, a = 1 / sqrt((1 + 0.3 * s * s) * 0.7);
	for (size_t i = 0; i < 30; i++) {
		double in = kept(5, i, 0.3) ? lab_at(x, i) : s;
		ck_assert_double_eq_tol(lab_at(y, i), a * in - a * s * 0.3, 1e-14);
	}
	lab_release(&l);
}
END_TEST

/* --- what is refused -------------------------------------------------------------------------- */

static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *pointer, *detail;
} refused[] = {
        {"batch_norm", "(3)", "training=true", GD_ERR_shape_mismatch, "/layers/0", "(N, C, …)"},
        {"batch_norm", "(2,3)", "", GD_ERR_missing_field, "/layers/0", "running_mean"},
        {"batch_norm", "(2,3) (3)", "", GD_ERR_missing_field, "/layers/0", "running_var"},
        {"batch_norm", "(2,3) (2) (3)", "", GD_ERR_shape_mismatch, "/layers/0", "(3,)"},
        {"batch_norm", "(2,3) (3) (3) (1)", "", GD_ERR_shape_mismatch, "/layers/0", "weight"},
        {"batch_norm", "(1,3)", "training=true", GD_ERR_shape_mismatch, "/layers/0",
         "more than one value"},
        {"batch_norm", "(1,3,1,1)", "training=true", GD_ERR_shape_mismatch, "/layers/0",
         "(1, 3, 1, 1)"},
        {"instance_norm", "(2,3)", "", GD_ERR_shape_mismatch, "/layers/0", "more than one value"},
        {"instance_norm", "(2,3,1)", "", GD_ERR_shape_mismatch, "/layers/0", "more than one value"},
        {"instance_norm", "(2,3,4)", "use_input_stats=false", GD_ERR_missing_field, "/layers/0",
         "running_mean"},
        {"layer_norm", "(2,3)", "normalized_shape=2", GD_ERR_invalid_parameter,
         "/layers/0/normalized_shape", "(2,)"},
        {"layer_norm", "(2,3)", "normalized_shape=[]", GD_ERR_invalid_parameter,
         "/layers/0/normalized_shape", "no axis"},
        {"layer_norm", "(3)", "normalized_shape=2,3", GD_ERR_invalid_parameter,
         "/layers/0/normalized_shape", "(2, 3)"},
        {"layer_norm", "(3)", "normalized_shape=1,1,1,1,1,1,1,1,3", GD_ERR_invalid_parameter,
         "/layers/0/normalized_shape", "at most 8"},
        {"layer_norm", "(2,3) (1)", "normalized_shape=3", GD_ERR_shape_mismatch, "/layers/0",
         "weight"},
        {"layer_norm", "(2,3) (3) (2,3)", "normalized_shape=3", GD_ERR_shape_mismatch, "/layers/0",
         "bias"},
        {"rms_norm", "(2,3)", "normalized_shape=2", GD_ERR_invalid_parameter,
         "/layers/0/normalized_shape", "(2,)"},
        {"group_norm", "(2,4)", "num_groups=3", GD_ERR_invalid_parameter, "/layers/0/num_groups",
         "divide the 4 channels"},
        {"group_norm", "(2,4)", "num_groups=0", GD_ERR_invalid_parameter, "/layers/0/num_groups",
         "is 0"},
        {"group_norm", "(4)", "num_groups=2", GD_ERR_shape_mismatch, "/layers/0", "(N, C, …)"},
        {"group_norm", "(1,4)", "num_groups=4", GD_ERR_shape_mismatch, "/layers/0",
         "value a group"},
        {"local_response_norm", "(2,3)", "size=2", GD_ERR_shape_mismatch, "/layers/0",
         "three axes"},
        {"local_response_norm", "(2,3,1)", "size=0", GD_ERR_invalid_parameter, "/layers/0/size",
         "at least 1"},
        {"normalize", "(2,3)", "dim=2", GD_ERR_invalid_parameter, "/layers/0/dim", "2 axes"},
        {"normalize", "(3)", "", GD_ERR_invalid_parameter, "/layers/0/dim", "1 axis"},
        {"dropout", "(3)", "", GD_ERR_missing_field, "/layers/0", "\"seed\" or a \"mask\""},
        {"dropout", "(3)", "p=1.5 seed=1", GD_ERR_invalid_parameter, "/layers/0/p",
         "between 0 and 1"},
        {"dropout", "(3)", "p=nan seed=1", GD_ERR_invalid_parameter, "/layers/0/p",
         "between 0 and 1"},
        {"dropout", "(3)", "p=-0.1 training=false", GD_ERR_invalid_parameter, "/layers/0/p",
         "between 0 and 1"},
        {"dropout", "(3) b(2,3)", "", GD_ERR_shape_mismatch, "/layers/0", "mask"},
        {"dropout", "(3) b(2)", "", GD_ERR_shape_mismatch, "/layers/0", "mask"},
        {"dropout1d", "(3)", "seed=1", GD_ERR_shape_mismatch, "/layers/0", "(C, L)"},
        {"dropout2d", "(3,2)", "seed=1", GD_ERR_shape_mismatch, "/layers/0", "(N, C, H, W)"},
        {"dropout3d", "(3,2,1)", "seed=1", GD_ERR_shape_mismatch, "/layers/0", "(C, D, H, W)"},
        {"alpha_dropout", "(3)", "training=true", GD_ERR_missing_field, "/layers/0", "seed"},
        {"bilinear", "(2,3) (2,4) (5,4,3)", "", GD_ERR_shape_mismatch, "/layers/0", "(5, 3, 3)"},
        {"bilinear", "(2,3) (3,4) (5,3,4)", "", GD_ERR_shape_mismatch, "/layers/0", "input2"},
        {"bilinear", "() () (5,3,4)", "", GD_ERR_shape_mismatch, "/layers/0", "in1_features"},
        {"bilinear", "(3) (4) (3,4)", "", GD_ERR_shape_mismatch, "/layers/0", "(out, "},
        {"bilinear", "(3) (4) (5,3,4) (4)", "", GD_ERR_shape_mismatch, "/layers/0", "bias"},
};

START_TEST(what_is_refused)
{
	struct lab l;
	struct gd_node *in[LAB_OPERANDS];
	lab_init(&l, GD_FLOAT64);
	l.g.origin = "/layers/0";
	int n = lab_operands(&l, refused[_i].operands, in);
	struct gd_node *y =
	        lab_call_with(&l, gd_op_find(refused[_i].op), refused[_i].params, n, in);
	ck_assert_ptr_null(y);
	ck_assert_msg(l.error.code == refused[_i].code, "%s", l.error.detail);
	ck_assert_str_eq(l.error.pointer, refused[_i].pointer);
	ck_assert_msg(strstr(l.error.detail, refused[_i].detail), "%s", l.error.detail);
	lab_release(&l);
}
END_TEST

/* Numbers out of nowhere: an answer at once. */
START_TEST(a_huge_window)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 3, (1, 2, 1), 1, 2);
	struct gd_node *y = lab_call(&l, "local_response_norm",
	                             "size=9223372036854775807 alpha=0 k=2 beta=1", 1, x);
	LAB_IS(&l, y, 1e-15, 0.5, 1);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/norm");
	TCase *t = tcase_create("norm");
	tcase_add_test(t, large_means);
	tcase_add_test(t, many_groups);
	tcase_add_test(t, equal_numbers_standardise_to_zero);
	tcase_add_test(t, a_group_that_was_not_chosen);
	tcase_add_test(t, windows_of_every_size);
	tcase_add_test(t, a_vector_of_zeros_is_noted);
	tcase_add_test(t, a_client_can_make_the_mask);
	tcase_add_test(t, the_mask_has_its_probability);
	tcase_add_test(t, channels_drop_as_one);
	tcase_add_test(t, alpha_dropout_with_a_seed);
	tcase_add_loop_test(t, what_is_refused, 0, (int)(sizeof refused / sizeof *refused));
	tcase_add_test(t, a_huge_window);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
