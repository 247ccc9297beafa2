/* Losses and activations: what they refuse, and where others overflow. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

/* --- refused --------------------------------------------------------------------------------- */

static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *pointer, *says;
} refused[] = {
#define SHAPE(op, operands, says)                                                                  \
	{                                                                                          \
		op, operands, "", GD_ERR_shape_mismatch, "/loss", says                             \
	}
#define PARAM(op, operands, p, name)                                                               \
	{                                                                                          \
		op, operands, p, GD_ERR_invalid_parameter, "/loss/" name, name                     \
	}
        SHAPE("glu", "()", "scalar"),
        SHAPE("glu", "(2,3)", "3 elements along axis 1"),
        SHAPE("prelu", "(2,3) (2)", "each of the 3 channels"),
        SHAPE("prelu", "(3) (3)", "each of the 1 channels"),
        SHAPE("prelu", "(2,3) (3,1)", "weight needs"),
        SHAPE("prelu", "(3) (0)", "weight needs"),
        PARAM("glu", "(2,4)", "dim=2", "dim"),
        PARAM("softmin", "(2,4)", "dim=-3", "dim"),
        PARAM("softshrink", "(2)", "lambd=-0.5", "lambd"),
        PARAM("softshrink", "(2)", "lambd=nan", "lambd"),
        PARAM("celu", "(2)", "alpha=0", "alpha"),
        SHAPE("kl_div", "(2,3) (3)", "(2, 3)"),
        SHAPE("poisson_nll_loss", "(3) (1)", "(3,)"),
        SHAPE("gaussian_nll_loss", "(3) (3,1) (3)", "(3, 1)"),
        SHAPE("gaussian_nll_loss", "(3,2) (3,2) (2)", "var"),
        SHAPE("gaussian_nll_loss", "(3,2) (3,2) (2,2)", "var"),
        SHAPE("gaussian_nll_loss", "(3,2) (3,2) (1,1)", "var"),
        SHAPE("gaussian_nll_loss", "(3,2) (3,2) (3,2,1)", "var"),
        SHAPE("hinge_embedding_loss", "(3) (3,1)", "(3, 1)"),
        SHAPE("margin_ranking_loss", "(3) (3) (1)", "target"),
        SHAPE("margin_ranking_loss", "(3) (3) ()", "another number of axes"),
        SHAPE("margin_ranking_loss", "(3) (2) (3)", "broadcast"),
        SHAPE("cosine_embedding_loss", "(4,3) (4,3) (1)", "target"),
        SHAPE("cosine_embedding_loss", "(3) (3) (3)", "(N, d)"),
        SHAPE("cosine_embedding_loss", "(4,3) (4,3) ()", "(N, d)"),
        SHAPE("cosine_embedding_loss", "(4,3) (4,2) (4)", "broadcast"),
        SHAPE("triplet_margin_loss", "(4,3) (3) (3)", "another number of axes"),
        SHAPE("triplet_margin_loss", "(4,3) (4,2) (4,3)", "broadcast"),
        SHAPE("triplet_margin_with_distance_loss", "(4,3) (4,3) (3)", "another number of axes"),
        {"triplet_margin_with_distance_loss", "(2,2) (2,2) (3,2)",
         "distance_function=cosine_distance", GD_ERR_shape_mismatch, "/loss", "(3, 2)"},
        SHAPE("soft_margin_loss", "(4) (3)", "(4,)"),
        SHAPE("multilabel_soft_margin_loss", "() ()", "scalar"),
        SHAPE("multilabel_soft_margin_loss", "(3,4) (4)", "(3, 4)"),
        SHAPE("multilabel_soft_margin_loss", "(3,4) (3,4) (2,3,4)", "weight"),
        SHAPE("multi_margin_loss", "(4,0) i(4)[0,0]", "at least one class"),
        SHAPE("multi_margin_loss", "(2,3,4) i(2)[0,0]", "at least one class"),
        SHAPE("multi_margin_loss", "(4,3) i(3)[0,0]", "each of 4 rows"),
        SHAPE("multi_margin_loss", "(4,3) i(4,1)[0,0]", "each of 4 rows"),
        SHAPE("multi_margin_loss", "(4,3) i(4)[0,0] (4)", "each of the 3 classes"),
        SHAPE("multilabel_margin_loss", "(4,3) i(4)[0,0]", "(4, 3)"),
        SHAPE("multilabel_margin_loss", "(4,0) i(4,0)[0,0]", "at least one class"),
        PARAM("multi_margin_loss", "(4,3) i(4)[0,0]", "p=3", "p"),
        PARAM("multi_margin_loss", "(4,3) i(4)[0,0]", "p=-1000000000000000000", "p"),
        PARAM("triplet_margin_loss", "(4,3) (4,3) (4,3)", "p=nan", "p"),
        {"multi_margin_loss", "(4,3) i(4)[3,3]", "", GD_ERR_number_out_of_range, "/loss", "0 to 2"},
        {"multi_margin_loss", "(4,3) i(4)[-1,-1]", "", GD_ERR_number_out_of_range, "/loss", "-1"},
        {"multi_margin_loss", "(4,3) (4)", "", GD_ERR_wrong_type, "/loss", "integers"},
        {"multilabel_margin_loss", "(4) i(4)[4,4]", "", GD_ERR_number_out_of_range, "/loss",
         "0 to 3"},
        {"multilabel_margin_loss", "(4) i(4)[-2,-2]", "", GD_ERR_number_out_of_range, "/loss",
         "-2"},
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
	ck_assert_msg(!y, "%s takes %s %s", refused[_i].op, refused[_i].operands,
	              refused[_i].params);
	ck_assert_msg(l.error.code == refused[_i].code, "%s", l.error.detail);
	ck_assert_str_eq(l.error.pointer, refused[_i].pointer);
	ck_assert_msg(strstr(l.error.detail, refused[_i].says), "%s", l.error.detail);
	if (l.error.code == GD_ERR_shape_mismatch)
		ck_assert_int_ge(l.error.got.rank, 0);
	lab_release(&l);
}
END_TEST

START_TEST(a_variance_is_not_negative)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		lab_init(&l, (enum gd_dtype)dtype);
		l.g.origin = "/loss";
		struct gd_node *x = LAB(&l, 1, (3), 1, 2, 3), *var = LAB(&l, 1, (3), 1, 0, -0.5);
		struct gd_node *y = lab_call(&l, "gaussian_nll_loss", "", 3, x, x, var);
		ck_assert_ptr_nonnull(y);
		ck_assert(!lab_eval(&l, 1, &y));
		ck_assert_int_eq(l.error.code, GD_ERR_number_out_of_range);
		ck_assert_str_eq(l.error.pointer, "/loss");
		ck_assert_str_eq(l.error.detail, "gaussian_nll_loss: var must not be negative, but "
		                                 "element 2 is -0.5");
		lab_release(&l);
	}
}
END_TEST

/* --- stable ---------------------------------------------------------------------------------- */

/* Far out, where e^x is not: values and gradients of single elements, by exact reasoning. */
static const struct {
	const char *op, *params;
	double x, t, value, slope;
} far[] = {
        {"mish", "", 1e4, 0, 1e4, 1},
        {"mish", "", -1e4, 0, 0, 0},
        {"mish", "", 800, 0, 800, 1},
        {"elu", "alpha=3", 1e4, 0, 1e4, 1},
        {"elu", "alpha=3", -1e4, 0, -3, 0},
        {"elu", "", -1e-20, 0, -1e-20, 1},
        {"celu", "alpha=0.5", 1e4, 0, 1e4, 1},
        {"celu", "", -1e-20, 0, -1e-20, 1},
        {"selu", "", 1e4, 0, 1.0507009873554805e4, 1.0507009873554805},
        {"softsign", "", 1e8, 0, 1, 1e-16},
        {"softsign", "", -1e8, 0, -1, 1e-16},
        {"hardswish", "", 1e30, 0, 1e30, 1},
        {"tanhshrink", "", 1e-6, 0, 1e-18 / 3, 1e-12},
        {"tanhshrink", "", 0.125, 0, 0.00064699822880379195, 0.015463669049606610},
        {"tanhshrink", "", 0.9375, 0, 0.20342848039565851, 0.53886099428962722},
        {"tanhshrink", "", -50, 0, -49, 1},
        {"soft_margin_loss", "", 1e4, 1, 0, 0},
        {"soft_margin_loss", "", -1e4, 1, 1e4, -1},
        {"soft_margin_loss", "", 1e4, -1, 1e4, 1},
        {"kl_div", "log_target=true", -1e4, -1e4, 0, 0},
        {"poisson_nll_loss", "", -1e4, 2, 2e4, -2},
};

START_TEST(far_out)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		struct gd_node *in[2], *grad;
		lab_init(&l, (enum gd_dtype)dtype);
		const struct gd_op *op = gd_op_find(far[_i].op);
		in[0] = LAB_SCALAR(&l, far[_i].x);
		in[1] = LAB_SCALAR(&l, far[_i].t);
		struct gd_node *y = lab_call_with(&l, op, far[_i].params, op->n_operands, in);
		ck_assert(lab_grad(&l, y, NULL, 1, in, &grad));
		ck_assert(lab_eval(&l, 2, (struct gd_node *[]){y, grad}));
		double got = lab_at(y, 0), slope = lab_at(grad, 0);
		ck_assert_msg(fabs(got - far[_i].value) <= 2e-7 * fabs(far[_i].value),
		              "%s(%g) is %.17g", op->name, far[_i].x, got);
		ck_assert_msg(fabs(slope - far[_i].slope) <= 2e-7 * fabs(far[_i].slope),
		              "%s'(%g) is %.17g", op->name, far[_i].x, slope);
		lab_release(&l);
	}
}
END_TEST

/* On both sides: labels that do not count, classes that are their own. */
START_TEST(multilabel_soft_margin_of_large_logits)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (4), 1e3, -1e3, 1e3, -1e3), *grad;
	struct gd_node *t = LAB(&l, 1, (4), 1, 0, 0, 1);
	struct gd_node *y = lab_call(&l, "multilabel_soft_margin_loss", "", 2, x, t);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, y, 1e-15, 500);
	LAB_IS(&l, grad, 1e-15, 0, 0, 0.25, -0.25);
	lab_release(&l);
}
END_TEST

/* --- kinks that need integers ----------------------------------------------------------------- */

static int touched(struct lab *l)
{
	double total = 0;
	for (struct gd_kink *k = l->g.kinks; k; k = k->next) {
		ck_assert(lab_eval(l, 1, &k->count));
		total += k->passed ? lab_at(k->count, 0) : 0;
	}
	return (int)total;
}

static struct gd_node *integers(struct lab *l, int64_t n, const int64_t *values)
{
	struct gd_tensor t = {.dtype = GD_INT64, .rank = 1, .shape = {n}, .count = (size_t)n};
	t.data = (int64_t *)values;
	return gd_leaf(&l->g, &t, NULL);
}

/* Scores 1 below the class's are at the margin of p = 1; its own score is not, at margin 0. */
START_TEST(multi_margin_at_the_margin)
{
	struct lab l;
	struct gd_node *grad;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (4), 2, 1, 1.5, 0);
	struct gd_node *t = integers(&l, 1, (int64_t[]){0});
	struct gd_node *y = lab_call(&l, "multi_margin_loss", "reduction=sum", 2, x, t);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, y, 1e-15, 0.125);
	LAB_IS(&l, grad, 1e-15, -0.25, 0, 0.25, 0);
	ck_assert_int_eq(touched(&l), 1);
	y = lab_call(&l, "multi_margin_loss", "reduction=sum margin=0.25 p=2", 2, x, t);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 1e-15, 0, 0, 0, 0);
	ck_assert_int_eq(touched(&l), 1);
	lab_release(&l);
}
END_TEST

START_TEST(multilabel_margin_at_the_margin)
{
	struct lab l;
	struct gd_node *grad;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (4), 2, 1, 1.5, 1);
	/* Classes 0 and 3; what stands behind the -1 does not count. */
	struct gd_node *t = integers(&l, 4, (int64_t[]){0, 3, -1, 2});
	struct gd_node *y = lab_call(&l, "multilabel_margin_loss", "reduction=sum", 2, x, t);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, y, 1e-15, (0 + 0.5 + 1 + 1.5) / 4);
	LAB_IS(&l, grad, 1e-15, -0.25, 0.25, 0.5, -0.5);
	ck_assert_int_eq(touched(&l), 1);
	lab_release(&l);
}
END_TEST

START_TEST(cosine_embedding_at_the_margin)
{
	struct lab l;
	struct gd_node *grad;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *a = LAB(&l, 2, (2, 2), 1, 0, 1, 0), *b = LAB(&l, 2, (2, 2), 0, 1, 0, 1);
	struct gd_node *t = LAB(&l, 1, (2), -1, 1);
	struct gd_node *y = lab_call(&l, "cosine_embedding_loss", "reduction=sum", 3, a, b, t);
	ck_assert(lab_grad(&l, y, NULL, 1, &a, &grad));
	LAB_IS(&l, y, 0, 1);
	LAB_IS(&l, grad, 1e-9, 0, 1, 0, -1);
	ck_assert_int_eq(touched(&l), 1);
	lab_release(&l);
}
END_TEST

/* The gradient for var goes through its bound, as PyTorch's. */
START_TEST(gaussian_below_eps)
{
	struct lab l;
	struct gd_node *grad;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, 0), *t = LAB(&l, 1, (2), 0, 0);
	struct gd_node *var = LAB(&l, 1, (2), 0, 0.25);
	struct gd_node *y =
	        lab_call(&l, "gaussian_nll_loss", "eps=0.5 reduction=none", 3, x, t, var);
	ck_assert(lab_grad(&l, y, NULL, 1, &var, &grad));
	LAB_IS(&l, y, 1e-15, 0.5 * (log(0.5) + 2), 0.5 * log(0.5));
	LAB_IS(&l, grad, 1e-15, 0.5 * (2 - 4), 0.5 * 2);
	lab_release(&l);
}
END_TEST

/* --- not a number ---------------------------------------------------------------------------- */

START_TEST(nan_goes_through)
{
	static const char *const ops[] = {"relu6", "hardtanh",   "hardsigmoid", "hardswish",
	                                  "elu",   "softshrink", "hardshrink",  "threshold",
	                                  "selu",  "celu",       "mish",        "softsign",
	                                  "prelu", "tanhshrink", "glu",         "softmin"};
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		struct gd_node *x = LAB(&l, 1, (2), NAN, NAN), *w = LAB(&l, 1, (1), 0.5);
		const struct gd_op *op = gd_op_find(ops[i]);
		struct gd_node *in[2] = {x, w};
		struct gd_node *y = lab_call_with(&l, op, "", op->n_operands, in);
		ck_assert(lab_eval(&l, 1, &y));
		ck_assert_msg(isnan(lab_at(y, 0)), "%s(NaN) is %g", ops[i], lab_at(y, 0));
	}
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/loss");
	TCase *t = tcase_create("loss");
	tcase_add_loop_test(t, refuses, 0, sizeof refused / sizeof *refused);
	tcase_add_test(t, a_variance_is_not_negative);
	tcase_add_loop_test(t, far_out, 0, sizeof far / sizeof *far);
	tcase_add_test(t, multilabel_soft_margin_of_large_logits);
	tcase_add_test(t, multi_margin_at_the_margin);
	tcase_add_test(t, multilabel_margin_at_the_margin);
	tcase_add_test(t, cosine_embedding_at_the_margin);
	tcase_add_test(t, gaussian_below_eps);
	tcase_add_test(t, nan_goes_through);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
