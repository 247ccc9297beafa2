/* ctc_loss: against all paths counted one by one, PyTorch's own gradient, long inputs, what it
 * refuses. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

static struct gd_node *integers(struct lab *l, int rank, const int64_t *shape,
                                const int64_t *values)
{
	struct gd_tensor t = {.dtype = GD_INT64, .rank = rank};
	memcpy(t.shape, shape, (size_t)rank * sizeof *shape);
	ck_assert(gd_shape_count(rank, t.shape, &t.count));
	t.data = (int64_t *)values;
	return gd_leaf(&l->g, &t, NULL);
}
#define INTS(l, n, ...) integers(l, 1, (int64_t[]){n}, (int64_t[]){__VA_ARGS__})
#define INT(l, value)   integers(l, 0, (int64_t[]){0}, (int64_t[]){value})

/* log Σ of the paths of `steps` labels out of `classes` that become the target. */
static double all_paths(const double *p, int steps, int classes, int n, const int64_t *target)
{
	double total = 0;
	int count = 1;
	for (int t = 0; t < steps; t++)
		count *= classes;
	for (int path = 0; path < count; path++) {
		int rest = path, before = -1, found = 0;
		double log_p = 0;
		bool fits = true;
		for (int t = 0; t < steps; t++, rest /= classes) {
			int label = rest % classes;
			log_p += p[t * classes + label];
			if (label != 0 && label != before) {
				fits = fits && found < n && target[found] == label;
				found++;
			}
			before = label;
		}
		total += fits && found == n ? exp(log_p) : 0;
	}
	return log(total);
}

START_TEST(counts_all_paths)
{
	static const int64_t targets[][3] = {{1, 2}, {1, 1}, {2, 1, 2}, {1, 1, 1}, {2}, {0}};
	static const int lengths[] = {2, 2, 3, 3, 1, 0};
	enum { T = 5, C = 3 };
	for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
		struct lab l;
		double values[T * C];
		lab_init(&l, GD_FLOAT64);
		l.random = k;
		for (int i = 0; i < T * C; i++)
			values[i] = lab_uniform(&l, -2, 1);
		struct gd_node *p = lab_leaf(&l, 2, (int64_t[]){T, C}, values);
		int64_t n = lengths[k];
		struct gd_node *y =
		        lab_call(&l, "ctc_loss", "reduction=sum", 4, p,
		                 integers(&l, 1, &n, targets[k]), INT(&l, T), INT(&l, n));
		LAB_IS(&l, y, 1e-14, -all_paths(values, T, C, lengths[k], targets[k]));
		lab_release(&l);
	}
}
END_TEST

/* Through log_softmax PyTorch's gradient is this one. */
START_TEST(gradient_through_log_softmax)
{
	struct lab l;
	struct gd_node *grad;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (4, 3), 1, 2, 0.5, 0, 1, -1, 2, 0.25, 1, 0.5, -0.5, 0.75);
	struct gd_node *p = lab_call(&l, "log_softmax", "dim=-1", 1, x);
	struct gd_node *y =
	        lab_call(&l, "ctc_loss", "", 4, p, INTS(&l, 2, 1, 2), INT(&l, 4), INT(&l, 2));
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, y, 1e-14, 0.41404993945595703);
	LAB_IS(&l, grad, 1e-13, 0.010997726332568368, -0.08111991791561261, 0.07012219158304424,
	       0.027358046495013406, -0.04322205313175417, 0.015864006636740764,
	       0.04761038912457139, 0.017099628209299073, -0.06471001733387045, 0.09213302468115796,
	       0.06936135738075122, -0.16149438206190916);
	lab_release(&l);
}
END_TEST

/* A matter of a few nodes however long it is, and of finite numbers however unlikely. */
START_TEST(long_inputs)
{
	enum { T = 4000, C = 3, L = 40 };
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		struct gd_node *grad, *second;
		int64_t labels[L];
		lab_init(&l, (enum gd_dtype)dtype);
		for (int i = 0; i < L; i++)
			labels[i] = 1 + i % 2;
		struct gd_node *x = lab_random(&l, 2, (int64_t[]){T, C}, -9, 9);
		struct gd_node *p = lab_call(&l, "log_softmax", "dim=1", 1, x);
		struct gd_node *y =
		        lab_call(&l, "ctc_loss", "reduction=sum", 4, p,
		                 integers(&l, 1, (int64_t[]){L}, labels), INT(&l, T), INT(&l, L));
		ck_assert(lab_grad(&l, y, NULL, 1, &p, &grad));
		struct gd_node *rows = gd_sum(&l.g, grad, 2, false);
		ck_assert(lab_grad(&l, gd_sum_all(&l.g, gd_square(&l.g, grad)), NULL, 1, &p,
		                   &second));
		ck_assert_int_lt(l.g.n_nodes, 500);
		ck_assert(lab_eval(&l, 3, (struct gd_node *[]){y, rows, second}));
		ck_assert(isfinite(lab_at(y, 0)) && lab_at(y, 0) > 0);
		/* At each time some label is there. */
		for (size_t t = 0; t < T; t++)
			ck_assert_double_eq_tol(lab_at(rows, t), -1,
			                        dtype == GD_FLOAT64 ? 1e-9 : 0.03);
		ck_assert(gd_all_finite(second, NULL));
		lab_release(&l);
	}
}
END_TEST

/* Labels too many for the time: ∞, or 0 where that is asked for, the other sample untouched. */
START_TEST(targets_that_fit_no_path)
{
	struct lab l;
	struct gd_node *grad, *second;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *p = lab_random(&l, 3, (int64_t[]){2, 2, 3}, -2, -0.5);
	struct gd_node *t = integers(&l, 2, (int64_t[]){2, 2}, (int64_t[]){1, 2, 1, 1});
	struct gd_node *steps = INTS(&l, 2, 2, 2), *lengths = INTS(&l, 2, 2, 2);
	struct gd_node *y = lab_call(&l, "ctc_loss", "reduction=none", 4, p, t, steps, lengths);
	double path = -lab_at(p, 1) - lab_at(p, 8);
	LAB_IS(&l, y, 1e-15, path, INFINITY);
	y = lab_call(&l, "ctc_loss", "reduction=none zero_infinity=true", 4, p, t, steps, lengths);
	ck_assert(lab_grad(&l, y, NULL, 1, &p, &grad));
	LAB_IS(&l, y, 1e-15, path, 0);
	LAB_IS(&l, grad, 1e-15, 0, -1, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0);
	ck_assert(lab_grad(&l, gd_sum_all(&l.g, gd_square(&l.g, grad)), NULL, 1, &p, &second));
	ck_assert(lab_eval(&l, 1, &second));
	ck_assert(gd_all_finite(second, NULL));
	ck_assert_ptr_nonnull(l.g.kinks);
	ck_assert(lab_eval(&l, 1, &l.g.kinks->count));
	ck_assert_double_eq(lab_at(l.g.kinks->count, 0), 1);
	lab_release(&l);
}
END_TEST

/* In no time there is one path, for the empty target. */
START_TEST(no_time)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *p = lab_random(&l, 3, (int64_t[]){2, 2, 3}, -2, -0.5);
	struct gd_node *t = INTS(&l, 1, 1), *steps = INTS(&l, 2, 0, 0);
	struct gd_node *y =
	        lab_call(&l, "ctc_loss", "reduction=none", 4, p, t, steps, INTS(&l, 2, 0, 1));
	LAB_IS(&l, y, 0, 0, INFINITY);
	lab_release(&l);
}
END_TEST

/* An impossible label is no path, and nothing undefined. */
START_TEST(impossible_labels)
{
	struct lab l;
	struct gd_node *grad, *second;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *p = LAB(&l, 2, (3, 2), -1, -2, -INFINITY, -1, -INFINITY, -3);
	struct gd_node *y =
	        lab_call(&l, "ctc_loss", "", 4, p, INTS(&l, 1, 1), INT(&l, 3), INT(&l, 1));
	ck_assert(lab_grad(&l, y, NULL, 1, &p, &grad));
	double a = exp(-1), b = exp(-2);
	LAB_IS(&l, y, 1e-15, 4 - log(a + b));
	LAB_IS(&l, grad, 1e-14, -a / (a + b), -b / (a + b), 0, -1, 0, -1);
	ck_assert(lab_grad(&l, gd_sum_all(&l.g, gd_square(&l.g, grad)), NULL, 1, &p, &second));
	ck_assert(lab_eval(&l, 1, &second));
	ck_assert(gd_all_finite(second, NULL));
	lab_release(&l);
}
END_TEST

static const struct {
	const char *operands, *params;
	enum gd_code code;
	int operand; /* at fault, or -1 */
	const char *says;
} refused[] = {
        {"(4) i(2)[1,2] i()[4,4] i()[2,2]", "", GD_ERR_shape_mismatch, -1, "(T, N, C)"},
        {"(0,2,3) i(2,2)[1,2] i(2)[0,0] i(2)[0,0]", "", GD_ERR_shape_mismatch, -1, "T ≥ 1"},
        {"(4,2,3) i(2,2)[1,2] i(2)[4,4] i(2)[2,2]", "blank=3", GD_ERR_invalid_parameter, -1,
         "blank"},
        {"(4,2,3) i(2,2)[1,2] i(2)[4,4] i(2)[2,2]", "blank=-1", GD_ERR_invalid_parameter, -1,
         "blank"},
        {"(4,2,0) i(2,2)[1,2] i(2)[4,4] i(2)[2,2]", "", GD_ERR_invalid_parameter, -1, "blank"},
        {"(4,2,3) i(2,2)[1,2] i(2)[5,5] i(2)[2,2]", "", GD_ERR_number_out_of_range, 2, "0 to 4"},
        {"(4,2,3) i(2,2)[1,2] i(2)[-1,-1] i(2)[2,2]", "", GD_ERR_number_out_of_range, 2, "-1"},
        {"(4,2,3) i(2,2)[1,2] i(2)[4,4] i(2)[3,3]", "", GD_ERR_number_out_of_range, 3, "0 to 2"},
        {"(4,2,3) i(2,2)[1,2] i(2)[4,4] i(2)[-1,-1]", "", GD_ERR_number_out_of_range, 3, "-1"},
        {"(4,2,3) i(2,2)[3,3] i(2)[4,4] i(2)[2,2]", "", GD_ERR_number_out_of_range, 1, "0 to 2"},
        {"(4,2,3) i(4)[-1,-1] i(2)[4,4] i(2)[2,2]", "", GD_ERR_number_out_of_range, 1, "-1"},
        {"(4,2,3) i(5)[1,2] i(2)[4,4] i(2)[2,2]", "", GD_ERR_shape_mismatch, -1, "as many labels"},
        {"(4,2,3) i(3)[1,2] i(2)[4,4] i(2)[2,2]", "", GD_ERR_shape_mismatch, -1, "as many labels"},
        {"(4,2,3) i(1,2)[1,2] i(2)[4,4] i(2)[2,2]", "", GD_ERR_shape_mismatch, -1, "(N, S)"},
        {"(4,2,3) i()[1,2] i(2)[4,4] i(2)[2,2]", "", GD_ERR_shape_mismatch, -1, "(N, S)"},
        {"(4,3) i(2,2)[1,2] i()[4,4] i()[2,2]", "", GD_ERR_shape_mismatch, -1, "vector of labels"},
        {"(4,2,3) i(2,2)[1,2] i(3)[4,4] i(2)[2,2]", "", GD_ERR_shape_mismatch, -1, "one length"},
        {"(4,2,3) i(2,2)[1,2] i(2)[4,4] i()[2,2]", "", GD_ERR_shape_mismatch, -1, "one length"},
        {"(4,2,3) i(2,2)[1,2] (2)[0.1,0.9] i(2)[2,2]", "", GD_ERR_wrong_type, 2, "integers"},
};

START_TEST(refuses)
{
	struct lab l;
	struct gd_call c;
	struct gd_node *in[LAB_OPERANDS];
	lab_init(&l, GD_FLOAT64);
	l.g.origin = "/loss";
	int n = lab_operands(&l, refused[_i].operands, in);
	ck_assert(!lab_call_all(&l, &c, gd_op_find("ctc_loss"), refused[_i].params, n, in));
	ck_assert_msg(l.error.code == refused[_i].code, "%s", l.error.detail);
	ck_assert_str_eq(l.error.pointer,
	                 refused[_i].code == GD_ERR_invalid_parameter ? "/loss/blank" : "/loss");
	ck_assert_msg(strstr(l.error.detail, refused[_i].says), "%s", l.error.detail);
	ck_assert_int_eq(c.bad_operand, refused[_i].operand);
	lab_release(&l);
}
END_TEST

/* What stands behind a target is not looked at. */
START_TEST(padding_may_be_anything)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *p = lab_random(&l, 3, (int64_t[]){3, 2, 3}, -2, -0.5);
	struct gd_node *steps = INTS(&l, 2, 3, 3), *lengths = INTS(&l, 2, 1, 2);
	struct gd_node *padded = integers(&l, 2, (int64_t[]){2, 3},
	                                  (int64_t[]){1, -100, INT64_MAX, 2, 1, INT64_MIN});
	struct gd_node *flat = INTS(&l, 3, 1, 2, 1);
	struct gd_node *a = lab_call(&l, "ctc_loss", "", 4, p, padded, steps, lengths);
	struct gd_node *b = lab_call(&l, "ctc_loss", "", 4, p, flat, steps, lengths);
	ck_assert_msg(a && b, "%s", l.error.detail);
	ck_assert(lab_eval(&l, 2, (struct gd_node *[]){a, b}));
	ck_assert_double_eq(lab_at(a, 0), lab_at(b, 0));
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/ctc");
	TCase *t = tcase_create("ctc");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, counts_all_paths);
	tcase_add_test(t, gradient_through_log_softmax);
	tcase_add_test(t, long_inputs);
	tcase_add_test(t, targets_that_fit_no_path);
	tcase_add_test(t, no_time);
	tcase_add_test(t, impossible_labels);
	tcase_add_loop_test(t, refuses, 0, sizeof refused / sizeof *refused);
	tcase_add_test(t, padding_may_be_anything);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
