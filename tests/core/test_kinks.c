/* Where a derivative does not exist: the answer, and the note that says so. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

enum { MOST = 8 };

/* op on vectors (the operands' elements one behind the other), each gradient for dy = 1. */
static const struct {
	const char *op, *params;
	int n_in, n;
	double in[3][MOST], grad[3][MOST];
	int touched; /* inputs at a kink, by the op's own count */
} kinks[] = {
        {"relu", "", 1, 5, {{0, -0.0, 1, -1, 1e-30}}, {{0, 0, 1, 0, 1}}, 2},
        {"abs", "", 1, 4, {{0, -0.0, 2, -2}}, {{0, 0, 1, -1}}, 2},
        {"sign", "", 1, 3, {{0, 2, -2}}, {{0, 0, 0}}, 1},
        {"leaky_relu", "", 1, 4, {{0, -0.0, 2, -2}}, {{0.01, 0.01, 1, 0.01}}, 2},
        {"leaky_relu", "negative_slope=-3", 1, 3, {{0, 2, -2}}, {{-3, 1, -3}}, 1},
        {"maximum",
         "",
         2,
         4,
         {{1, 2, 3, 0}, {1, 3, 2, -0.0}},
         {{0.5, 0, 1, 0.5}, {0.5, 1, 0, 0.5}},
         2},
        {"minimum",
         "",
         2,
         4,
         {{1, 2, 3, 0}, {1, 3, 2, -0.0}},
         {{0.5, 1, 0, 0.5}, {0.5, 0, 1, 0.5}},
         2},
        {"max", "", 2, 3, {{1, 2, 3}, {1, 3, 2}}, {{0.5, 0, 1}, {0.5, 1, 0}}, 1},
        {"min", "", 2, 3, {{1, 2, 3}, {1, 3, 2}}, {{0.5, 1, 0}, {0.5, 0, 1}}, 1},
        {"amax", "", 1, 5, {{3, 1, 3, 2, 3}}, {{1 / 3., 0, 1 / 3., 0, 1 / 3.}}, 3},
        {"amax", "dim=0", 1, 3, {{1, 3, 2}}, {{0, 1, 0}}, 0},
        {"amin", "", 1, 5, {{-3, 1, -3, 2, 0}}, {{0.5, 0, 0.5, 0, 0}}, 2},
        {"max", "", 1, 4, {{3, 1, 3, 2}}, {{0.5, 0, 0.5, 0}}, 2},
        {"min", "", 1, 4, {{1, 3, 1, 1}}, {{1 / 3., 0, 1 / 3., 1 / 3.}}, 3},
        {"max", "dim=0", 1, 4, {{1, 3, 3, 2}}, {{0, 1, 0, 0}}, 2},
        {"min", "dim=0", 1, 4, {{3, 1, 2, 1}}, {{0, 1, 0, 0}}, 2},
        {"clamp",
         "",
         3,
         5,
         {{-1, 1, 0, -2, 2}, {-1, -1, -1, -1, -1}, {1, 1, 1, 1, 1}},
         {{1, 1, 1, 0, 0}, {0, 0, 0, 1, 0}, {0, 0, 0, 0, 1}},
         2},
        {"l1_loss", "reduction=sum", 2, 3, {{1, 2, 3}, {1, 1, 4}}, {{0, 1, -1}, {0, -1, 1}}, 1},
        {"huber_loss",
         "reduction=sum",
         2,
         4,
         {{1, -1, 0, 3}, {0, 0, 0, 0}},
         {{1, -1, 0, 1}, {-1, 1, 0, -1}},
         0},
        {"huber_loss",
         "reduction=sum delta=2",
         2,
         4,
         {{2, -2, 0, 3}, {0, 0, 0, 0}},
         {{2, -2, 0, 2}, {-2, 2, 0, -2}},
         0},
        {"smooth_l1_loss",
         "reduction=sum",
         2,
         4,
         {{1, -1, 0, 3}, {0, 0, 0, 0}},
         {{1, -1, 0, 1}, {-1, 1, 0, -1}},
         0},
        {"smooth_l1_loss",
         "reduction=sum beta=2",
         2,
         4,
         {{2, -2, 0, 3}, {0, 0, 0, 0}},
         {{1, -1, 0, 1}, {-1, 1, 0, -1}},
         0},
        {"smooth_l1_loss",
         "reduction=sum beta=0",
         2,
         3,
         {{2, -2, 0}, {0, 0, 0}},
         {{1, -1, 0}, {-1, 1, 0}},
         1},
        {"relu6", "", 1, 6, {{0, -0.0, 6, 3, -1, 7}}, {{0, 0, 0, 1, 0, 0}}, 3},
        {"hardtanh", "", 1, 5, {{-1, 1, 0, 2, -2}}, {{0, 0, 1, 0, 0}}, 2},
        {"hardtanh", "min_val=0 max_val=0", 1, 3, {{0, 1, -1}}, {{0, 0, 0}}, 1},
        {"hardsigmoid", "", 1, 5, {{-3, 3, 0, 4, -4}}, {{0, 0, 1 / 6., 0, 0}}, 2},
        {"hardswish", "", 1, 5, {{-3, 3, 0, 4, -4}}, {{-0.5, 1.5, 0.5, 1, 0}}, 2},
        {"hardshrink", "", 1, 5, {{0.5, -0.5, 0.75, 0.25, -0.75}}, {{0, 0, 1, 0, 1}}, 2},
        {"hardshrink", "lambd=-1", 1, 3, {{0, 1, -1}}, {{1, 1, 1}}, 0},
        {"softshrink", "", 1, 5, {{0.5, -0.5, 0.75, 0.25, -0.75}}, {{0, 0, 1, 0, 1}}, 2},
        {"softshrink", "lambd=0", 1, 3, {{0, 1, -1}}, {{0, 1, 1}}, 1},
        {"threshold", "threshold=1 value=5", 1, 3, {{1, 2, 0}}, {{0, 1, 0}}, 1},
        {"prelu", "", 2, 1, {{0}, {0.25}}, {{0.25}, {0}}, 1},
        {"elu", "", 1, 3, {{0, -0.0, 1}}, {{1, 1, 1}}, 0},
        {"elu", "alpha=2", 1, 3, {{0, -0.0, 1}}, {{2, 2, 1}}, 2},
        {"selu", "", 1, 2, {{0, 1}}, {{1.7580993408473766, 1.0507009873554805}}, 1},
        {"celu", "alpha=2", 1, 3, {{0, -0.0, 1}}, {{1, 1, 1}}, 0},
        {"softsign", "", 1, 3, {{0, -0.0, 1}}, {{1, 1, 0.25}}, 0},
        {"hinge_embedding_loss",
         "reduction=sum",
         2,
         4,
         {{1, 1, 0, 2}, {-1, 1, -1, -1}},
         {{-1, 1, -1, 0}, {0, 0, 0, 0}},
         1},
        {"margin_ranking_loss",
         "reduction=sum margin=1",
         3,
         2,
         {{1, 2}, {0, 0}, {1, 1}},
         {{-1, 0}, {1, 0}, {-1, 0}},
         1},
        {"triplet_margin_loss",
         "margin=0 eps=0",
         3,
         2,
         {{0, 0}, {1, 0}, {-1, 0}},
         {{-2, 0}, {1, 0}, {1, 0}},
         1},
        {"kl_div", "reduction=sum", 2, 2, {{0, -1}, {0, 1}}, {{0, -1}, {0, 2}}, 1},
        {"poisson_nll_loss", "full=true", 2, 1, {{0}, {1}}, {{0}, {0}}, 1},
        {"pairwise_distance", "eps=0", 2, 2, {{1, 2}, {1, 2}}, {{0, 0}, {0, 0}}, 1},
        {"pairwise_distance", "eps=0 p=1", 2, 2, {{1, 2}, {1, 5}}, {{0, -1}, {0, 1}}, 1},
        {"pairwise_distance", "eps=0 p=0.5", 2, 2, {{1, 2}, {1, 5}}, {{0, -1}, {0, 1}}, 1},
        {"pairwise_distance",
         "eps=0 p=inf",
         2,
         2,
         {{0, 0}, {1, -1}},
         {{-0.5, 0.5}, {0.5, -0.5}},
         2},
        {"pow", "", 2, 3, {{0, 0, 2}, {0, 2, 0}}, {{0, 0, 0}, {0, 0, 0.69314718055994529}}, 0},
};
enum { N_KINKS = sizeof kinks / sizeof *kinks };

/* How many inputs touched a kink that a gradient went through. */
static int touched(struct lab *l)
{
	double total = 0;
	for (struct gd_kink *k = l->g.kinks; k; k = k->next) {
		ck_assert(lab_eval(l, 1, &k->count));
		ck_assert_double_le(lab_at(k->count, 0), (double)k->total);
		ck_assert_ptr_nonnull(k->text);
		total += k->passed ? lab_at(k->count, 0) : 0;
	}
	return (int)total;
}

START_TEST(gradients_at_kinks)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		struct gd_node *in[3], *grad[3];
		int64_t shape[1] = {kinks[_i].n};
		lab_init(&l, (enum gd_dtype)dtype);
		for (int k = 0; k < kinks[_i].n_in; k++)
			in[k] = lab_leaf(&l, 1, shape, kinks[_i].in[k]);
		struct gd_node *y = lab_call_with(&l, gd_op_find(kinks[_i].op), kinks[_i].params,
		                                  kinks[_i].n_in, in);
		ck_assert_msg(y != NULL, "%s", l.error.detail);
		ck_assert(lab_grad(&l, y, NULL, kinks[_i].n_in, in, grad));
		for (int k = 0; k < kinks[_i].n_in; k++) {
			ck_assert(lab_eval(&l, 1, &grad[k]));
			for (int i = 0; i < kinks[_i].n; i++) {
				double got = lab_at(grad[k], (size_t)i),
				       want = kinks[_i].grad[k][i];
				ck_assert_msg(fabs(got - want) <= 1e-7,
				              "%s %s: element %d for operand %d is %g, not %g",
				              kinks[_i].op, kinks[_i].params, i, k, got, want);
			}
		}
		ck_assert_msg(touched(&l) == kinks[_i].touched, "%s %s: %d touched", kinks[_i].op,
		              kinks[_i].params, touched(&l));
		lab_release(&l);
	}
}
END_TEST

/* Second derivatives where it is smooth only once, and at kinks, are finite: 0 or one side's. */
START_TEST(second_derivatives_at_kinks_are_finite)
{
	struct lab l;
	struct gd_node *in[3], *grad[3], *second[3];
	int64_t shape[1] = {kinks[_i].n};
	int n = kinks[_i].n_in;
	lab_init(&l, GD_FLOAT64);
	for (int k = 0; k < n; k++)
		in[k] = lab_leaf(&l, 1, shape, kinks[_i].in[k]);
	struct gd_node *y = lab_call_with(&l, gd_op_find(kinks[_i].op), kinks[_i].params, n, in);
	struct gd_node *s = gd_const(&l.g, 0);
	ck_assert(lab_grad(&l, y, NULL, n, in, grad));
	for (int k = 0; k < n; k++)
		s = gd_add(&l.g, s, gd_sum_all(&l.g, grad[k]));
	ck_assert(lab_grad(&l, s, NULL, n, in, second));
	ck_assert(lab_eval(&l, n, second));
	bool power = strcmp(kinks[_i].op, "pow") == 0; /* d²/da db of 0^b is -∞ */
	for (int k = 0; k < n && !power; k++)
		ck_assert_msg(gd_all_finite(second[k], NULL), "%s %s", kinks[_i].op,
		              kinks[_i].params);
	lab_release(&l);
}
END_TEST

/* PyTorch divides by max(x(1 - x), 1e-12). */
START_TEST(bce_at_its_ends)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (4), 0, 1, 0, 1), *t = LAB(&l, 1, (4), 0, 1, 1, 0), *grad;
	struct gd_node *y = lab_call(&l, "binary_cross_entropy", "reduction=none", 2, x, t);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, y, 0, 0, 0, 100, 100);
	LAB_IS(&l, grad, 1e-8, 0, 0, -1e12, 1e12);
	ck_assert_int_eq(touched(&l), 4);
	lab_release(&l);
}
END_TEST

START_TEST(bce_takes_probabilities_only)
{
	static const double wrong[] = {-1e-9, 1.0000001, NAN, INFINITY};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = LAB(&l, 1, (2), 0.5, wrong[i]), *t = LAB(&l, 1, (2), 0, 1);
		struct gd_node *y = lab_call(&l, "binary_cross_entropy", "", 2, x, t);
		ck_assert(!lab_eval(&l, 1, &y));
		ck_assert_int_eq(l.error.code, GD_ERR_number_out_of_range);
		lab_release(&l);
	}
}
END_TEST

/* --- what is noted ---------------------------------------------------------------------------- */

/* A kink that no gradient goes through is not worth a word. */
START_TEST(only_kinks_on_the_way_count)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 0, 1), *w = LAB(&l, 1, (2), 0, 2), *grad;
	struct gd_node *off = lab_call(&l, "leaky_relu", "", 1, w);
	struct gd_node *unused = lab_call(&l, "clamp", "", 2, x, gd_const(&l.g, 0));
	struct gd_node *y = gd_add(&l.g, gd_relu(&l.g, x), gd_add(&l.g, gd_abs(&l.g, w), off));
	ck_assert_ptr_nonnull(unused);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	ck_assert_int_eq(touched(&l), 1);
	lab_release(&l);
}
END_TEST

/* The gradient for a relu's output does not go through the relu. */
START_TEST(a_kink_below_the_variable_does_not_count)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 0, 1), *grad;
	struct gd_node *h = gd_relu(&l.g, x), *k = lab_call(&l, "leaky_relu", "", 1, h);
	struct gd_node *y = gd_square(&l.g, k);
	ck_assert(lab_grad(&l, y, NULL, 1, &k, &grad));
	ck_assert_int_eq(touched(&l), 0);
	ck_assert(lab_grad(&l, y, NULL, 1, &h, &grad));
	ck_assert_int_eq(touched(&l), 1);
	lab_release(&l);
}
END_TEST

START_TEST(kinks_carry_their_origin)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (3), 0, 0, 1), *grad;
	l.g.origin = "/layers/7";
	struct gd_node *y = lab_call(&l, "relu", "", 1, x);
	l.g.origin = "/loss";
	y = lab_call(&l, "sum", "", 1, y);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	ck_assert_ptr_nonnull(l.g.kinks);
	ck_assert_ptr_null(l.g.kinks->next);
	ck_assert_str_eq(l.g.kinks->at->origin, "/layers/7");
	ck_assert_str_eq(l.g.kinks->at->op, "relu");
	ck_assert_uint_eq(l.g.kinks->total, 3);
	ck_assert_int_eq(touched(&l), 2);
	lab_release(&l);
}
END_TEST

/* --- not a number, infinity: as PyTorch, beyond what the golden values have ------------------- */

START_TEST(nan_goes_through)
{
	static const char *const ops[] = {"relu",     "abs",  "leaky_relu", "sigmoid", "tanh",
	                                  "softplus", "gelu", "silu",       "exp",     "log",
	                                  "sqrt",     "erf",  "logsigmoid", "square",  "amax",
	                                  "amin",     "max",  "min",        "sum",     "mean"};
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = LAB(&l, 1, (1), NAN);
		struct gd_node *both = LAB(&l, 1, (2), 1, NAN);
		struct gd_node *y = lab_call(&l, ops[i], "", 1, i < 14 ? x : both);
		ck_assert(lab_eval(&l, 1, &y));
		ck_assert_msg(isnan(lab_at(y, 0)), "%s(NaN) is %g", ops[i], lab_at(y, 0));
		lab_release(&l);
	}
}
END_TEST

START_TEST(nan_in_pairs)
{
	static const char *const ops[] = {"maximum", "minimum", "max", "min", "clamp"};
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *a = LAB(&l, 1, (4), NAN, 1, NAN, 2),
		               *b = LAB(&l, 1, (4), 1, NAN, NAN, 2);
		struct gd_node *y = lab_call(&l, ops[i], "", 2, a, b);
		LAB_IS(&l, y, 0, NAN, NAN, NAN, 2);
		lab_release(&l);
	}
}
END_TEST

/* Every position of a NaN among many, where reductions run in lanes and blocks. */
START_TEST(nan_anywhere_in_an_extremum)
{
	enum { N = 67 };
	for (int at = 0; at < N; at++) {
		struct lab l;
		lab_init(&l, at % 2 ? GD_FLOAT64 : GD_FLOAT32);
		struct gd_node *x = lab_random(&l, 2, (int64_t[]){N, 3}, -1, 1);
		lab_set(x, (size_t)(3 * at + 1), NAN);
		struct gd_node *rows = gd_amax(&l.g, x, 2, false),
		               *columns = gd_amin(&l.g, x, 1, false);
		struct gd_node *index = gd_argmax(&l.g, x, 0);
		ck_assert(lab_eval(&l, 3, (struct gd_node *[]){rows, columns, index}));
		for (int i = 0; i < N; i++)
			ck_assert_int_eq(isnan(lab_at(rows, (size_t)i)) != 0, i == at);
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(isnan(lab_at(columns, (size_t)i)) != 0, i == 1);
		ck_assert_double_eq(lab_at(index, 1), at);
		lab_release(&l);
	}
}
END_TEST

START_TEST(infinities)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), INFINITY, -INFINITY),
	               *none = LAB(&l, 1, (2), -INFINITY, -INFINITY);
	struct gd_node *grad;
	LAB_IS(&l, gd_sigmoid(&l.g, x), 0, 1, 0);
	LAB_IS(&l, gd_logsigmoid(&l.g, x), 0, 0, -INFINITY);
	LAB_IS(&l, gd_tanh(&l.g, x), 0, 1, -1);
	LAB_IS(&l, gd_relu(&l.g, x), 0, INFINITY, 0);
	LAB_IS(&l, lab_call(&l, "softplus", "", 1, x), 0, INFINITY, 0);
	LAB_IS(&l, lab_call(&l, "logsumexp", "dim=0", 1, x), 0, INFINITY);
	LAB_IS(&l, lab_call(&l, "logsumexp", "dim=0", 1, none), 0, -INFINITY);
	LAB_IS(&l, lab_call(&l, "sum", "", 1, x), 0, NAN);
	LAB_IS(&l, lab_call(&l, "amax", "", 1, x), 0, INFINITY);
	struct gd_node *y = gd_sigmoid(&l.g, x);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 0, 0, 0);
	/* Beyond the last exponent: no NaN on the way. */
	struct gd_node *far = LAB(&l, 1, (4), 1e4, -1e4, 800, -800);
	LAB_IS(&l, gd_sigmoid(&l.g, far), 0, 1, 0, 1, 0);
	LAB_IS(&l, lab_call(&l, "softplus", "", 1, far), 0, 1e4, 0, 800, 0);
	LAB_IS(&l, lab_call(&l, "logsumexp", "dim=0", 1, far), 0, 1e4);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/kinks");
	TCase *t = tcase_create("kinks");
	tcase_add_loop_test(t, gradients_at_kinks, 0, N_KINKS);
	tcase_add_loop_test(t, second_derivatives_at_kinks_are_finite, 0, N_KINKS);
	tcase_add_test(t, bce_at_its_ends);
	tcase_add_test(t, bce_takes_probabilities_only);
	tcase_add_test(t, only_kinks_on_the_way_count);
	tcase_add_test(t, a_kink_below_the_variable_does_not_count);
	tcase_add_test(t, kinks_carry_their_origin);
	tcase_add_test(t, nan_goes_through);
	tcase_add_test(t, nan_in_pairs);
	tcase_add_test(t, nan_anywhere_in_an_extremum);
	tcase_add_test(t, infinities);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
