/* where masks hard: nothing undefined in the branch not taken reaches a first or second derivative,
 * whatever stands in that branch. */
#include <math.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

typedef struct gd_node *branch_fn(struct lab *l, struct gd_node *x);

#define CALL(...) lab_call(l, __VA_ARGS__)

/* Branches of one element each: undefined at 0 and at -1, fine at 2 and 3. */
static struct gd_node *f_log(struct lab *l, struct gd_node *x)
{
	return CALL("log", "", 1, x);
}

static struct gd_node *f_sqrt(struct lab *l, struct gd_node *x)
{
	return CALL("sqrt", "", 1, x);
}

static struct gd_node *f_reciprocal(struct lab *l, struct gd_node *x)
{
	return CALL("div", "", 2, gd_const(&l->g, 1), x);
}

static struct gd_node *f_power(struct lab *l, struct gd_node *x)
{
	return CALL("pow", "", 2, x, gd_const(&l->g, -1.5));
}

static struct gd_node *f_sqrt_log(struct lab *l, struct gd_node *x)
{
	return f_sqrt(l, f_log(l, x));
}

static struct gd_node *f_log_sqrt(struct lab *l, struct gd_node *x)
{
	return f_log(l, f_sqrt(l, x));
}

static struct gd_node *f_tanh_neg_log(struct lab *l, struct gd_node *x)
{
	return CALL("tanh", "", 1, CALL("neg", "", 1, f_log(l, x)));
}

static struct gd_node *f_x_log_x(struct lab *l, struct gd_node *x)
{
	return CALL("mul", "", 2, x, f_log(l, x));
}

/* The cotangents of log x meet before they go on. */
static struct gd_node *f_log_twice(struct lab *l, struct gd_node *x)
{
	struct gd_node *u = f_log(l, x);
	return CALL("add", "", 2, CALL("square", "", 1, u), CALL("sin", "", 1, u));
}

static struct gd_node *f_log_over_sqrt(struct lab *l, struct gd_node *x)
{
	return CALL("div", "", 2, f_log(l, x), f_sqrt(l, x));
}

static struct gd_node *f_nested_where(struct lab *l, struct gd_node *x)
{
	struct gd_node *large = gd_gt(&l->g, x, gd_const(&l->g, 2.5));
	return CALL("where", "", 3, large, f_sqrt(l, f_log(l, x)), f_reciprocal(l, x));
}

static struct gd_node *f_reshape(struct lab *l, struct gd_node *x)
{
	int64_t n = (int64_t)x->count;
	struct gd_node *flat = gd_reshape(&l->g, x, 1, &n);
	return gd_reshape(&l->g, f_log(l, flat), x->rank, x->shape);
}

static struct gd_node *f_transpose(struct lab *l, struct gd_node *x)
{
	struct gd_node *t = CALL("transpose", "dim0=0 dim1=-1", 1, x);
	return CALL("transpose", "dim0=0 dim1=-1", 1, f_log(l, t));
}

static struct gd_node *f_cat_slice(struct lab *l, struct gd_node *x)
{
	struct gd_node *both = CALL("cat", "dim=0", 2, x, x);
	return CALL("slice", "dim=0 start=2", 1, f_sqrt(l, f_log(l, both)));
}

static struct gd_node *f_sum_of_axis(struct lab *l, struct gd_node *x)
{
	struct gd_node *column = CALL("unsqueeze", "dim=-1", 1, x);
	return CALL("sum", "dim=-1", 1, f_log(l, column));
}

static struct gd_node *f_expanded(struct lab *l, struct gd_node *x)
{
	struct gd_node *column =
	        CALL("expand", "size=-1,-1,3", 1, CALL("unsqueeze", "dim=-1", 1, x));
	return CALL("mean", "dim=2", 1, f_sqrt(l, f_log(l, column)));
}

static struct gd_node *f_bce(struct lab *l, struct gd_node *x)
{
	struct gd_node *p = CALL("div", "", 2, gd_const(&l->g, 1), x);
	return CALL("binary_cross_entropy_with_logits", "reduction=none", 2, f_log(l, p),
	            CALL("sigmoid", "", 1, p));
}

static struct gd_node *f_activations(struct lab *l, struct gd_node *x)
{
	struct gd_node *u = f_log(l, x);
	u = CALL("add", "", 2, CALL("gelu", "", 1, u), CALL("silu", "", 1, u));
	u = CALL("add", "", 2, u, CALL("softplus", "", 1, u));
	u = CALL("leaky_relu", "", 1, u);
	return CALL("clamp", "", 3, u, gd_const(&l->g, -50), gd_const(&l->g, 50));
}

static const struct {
	const char *name;
	branch_fn *f;
} branches[] = {
        {"log", f_log},
        {"sqrt", f_sqrt},
        {"reciprocal", f_reciprocal},
        {"power", f_power},
        {"sqrt of log", f_sqrt_log},
        {"log of sqrt", f_log_sqrt},
        {"tanh of -log", f_tanh_neg_log},
        {"x log x", f_x_log_x},
        {"log in two places", f_log_twice},
        {"log over sqrt", f_log_over_sqrt},
        {"nested where", f_nested_where},
        {"reshape", f_reshape},
        {"transpose", f_transpose},
        {"cat and slice", f_cat_slice},
        {"sum of an axis", f_sum_of_axis},
        {"expand", f_expanded},
        {"bce with logits", f_bce},
        {"activations", f_activations},
};
enum { N_BRANCHES = sizeof branches / sizeof *branches };

/* Gradients dx and d2 (of Σ dx), evaluated; y's other branch is 0. */
static void derive(struct lab *l, struct gd_node *y, int n, struct gd_node *const *wrt,
                   struct gd_node **first, struct gd_node **second)
{
	struct gd_node *s = gd_const(&l->g, 0), *all[8];
	ck_assert(lab_grad(l, y, NULL, n, wrt, first));
	for (int i = 0; i < n; i++)
		s = gd_add(&l->g, s, gd_sum_all(&l->g, first[i]));
	ck_assert(lab_grad(l, s, NULL, n, wrt, second));
	for (int i = 0; i < n; i++) {
		all[i] = first[i];
		all[n + i] = second[i];
	}
	ck_assert_msg(lab_eval(l, 2 * n, all), "%s", l->error.detail);
}

START_TEST(the_branch_not_taken_gets_zero)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		lab_init(&l, (enum gd_dtype)dtype);
		struct gd_node *x = LAB(&l, 2, (2, 3), 0, 2, -1, 3, -0.0, -4), *first, *second;
		struct gd_node *y = branches[_i].f(&l, x);
		y = lab_call(&l, "where", "", 3, gd_gt(&l.g, x, gd_const(&l.g, 0)), y,
		             gd_const(&l.g, 0));
		derive(&l, y, 1, &x, &first, &second);
		for (size_t i = 0; i < x->count; i++) {
			bool taken = lab_at(x, i) > 0;
			double a = lab_at(first, i), b = lab_at(second, i);
			ck_assert_msg(isfinite(a) && (taken ? a != 0 : a == 0),
			              "%s: the gradient at %g is %g", branches[_i].name,
			              lab_at(x, i), a);
			ck_assert_msg(isfinite(b) && (taken || b == 0),
			              "%s: the second derivative at %g is %g", branches[_i].name,
			              lab_at(x, i), b);
		}
		lab_release(&l);
	}
}
END_TEST

/* Whether it is the first or the second branch, and whatever the other one is. */
START_TEST(either_branch)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (4), 0, 2, -1, -2), *first, *second;
	struct gd_node *minus = gd_neg(&l.g, x), *cond = gd_gt(&l.g, x, gd_const(&l.g, 0));
	struct gd_node *y = gd_where(&l.g, cond, gd_log(&l.g, x),
	                             gd_sqrt(&l.g, gd_add(&l.g, minus, gd_const(&l.g, 1))));
	derive(&l, y, 1, &x, &first, &second);
	LAB_IS(&l, first, 1e-15, -0.5, 0.5, -0.5 / sqrt(2), -0.5 / sqrt(3));
	LAB_IS(&l, second, 1e-15, -0.25, -0.25, -0.25 / pow(2, 1.5), -0.25 / pow(3, 1.5));
	lab_release(&l);
}
END_TEST

/* x/w with a w for each column: the gradient of w sums over the rows that were taken. */
START_TEST(broadcast_inside_the_branch)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 3), 1, 2, 3, 4, 5, 6), *w = LAB(&l, 1, (3), 2, 0, 4);
	struct gd_node *wrt[] = {x, w}, *first[2], *second[2];
	struct gd_node *cond = gd_ne(&l.g, w, gd_const(&l.g, 0));
	struct gd_node *y = gd_where(&l.g, cond, gd_div(&l.g, x, w), gd_const(&l.g, 0));
	derive(&l, y, 2, wrt, first, second);
	LAB_IS(&l, first[0], 0, 0.5, 0, 0.25, 0.5, 0, 0.25);
	LAB_IS(&l, first[1], 1e-15, -5 / 4., 0, -9 / 16.);
	/* d/dx Σ: -1/w²; d/dw Σ: -2/w² (from x) + Σ 2x/w³ */
	LAB_IS(&l, second[0], 1e-15, -0.25, 0, -1 / 16., -0.25, 0, -1 / 16.);
	LAB_IS(&l, second[1], 1e-15, -2 / 4. + 10 / 8., 0, -2 / 16. + 18 / 64.);
	lab_release(&l);
}
END_TEST

/* A scalar broadcast into a branch that is taken nowhere. */
START_TEST(a_scalar_taken_nowhere)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *a = LAB_SCALAR(&l, 0), *x = LAB(&l, 1, (2), -1, -2);
	struct gd_node *wrt[] = {a, x}, *first[2], *second[2];
	struct gd_node *cond = gd_gt(&l.g, x, gd_const(&l.g, 0));
	struct gd_node *y = gd_where(&l.g, cond, gd_mul(&l.g, gd_log(&l.g, a), x), x);
	derive(&l, y, 2, wrt, first, second);
	LAB_IS(&l, first[0], 0, 0);
	LAB_IS(&l, first[1], 0, 1, 1);
	LAB_IS(&l, second[0], 0, 0);
	LAB_IS(&l, second[1], 0, 0, 0);
	lab_release(&l);
}
END_TEST

/* √Σx² is not differentiable at a row of zeros: the well-known trick must work. */
START_TEST(norms_of_rows)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (3, 2), 3, 4, 0, 0, 6, -8), *first, *second;
	struct gd_node *squares = gd_sum(&l.g, gd_square(&l.g, x), 2, false);
	struct gd_node *cond = gd_gt(&l.g, squares, gd_const(&l.g, 0));
	struct gd_node *y = gd_where(&l.g, cond, gd_sqrt(&l.g, squares), gd_const(&l.g, 0));
	derive(&l, y, 1, &x, &first, &second);
	LAB_IS(&l, first, 1e-15, 0.6, 0.8, 0, 0, 0.6, -0.8);
	for (size_t i = 0; i < second->count; i++)
		ck_assert(isfinite(lab_at(second, i)));
	lab_release(&l);
}
END_TEST

/* Rows with a NaN in them, masked out after an operation that works on whole rows. */
static struct gd_node *row_softmax(struct lab *l, struct gd_node *x, struct gd_node *w)
{
	return CALL("matmul", "", 2, CALL("softmax", "dim=1", 1, x), w);
}

static struct gd_node *row_log_softmax(struct lab *l, struct gd_node *x, struct gd_node *w)
{
	return CALL("matmul", "", 2, CALL("log_softmax", "dim=1", 1, x), w);
}

static struct gd_node *row_logsumexp(struct lab *l, struct gd_node *x, struct gd_node *w)
{
	return CALL("mul", "", 2, CALL("logsumexp", "dim=1 keepdim=true", 1, x),
	            CALL("amax", "dim=0", 1, w));
}

static struct gd_node *row_amax(struct lab *l, struct gd_node *x, struct gd_node *w)
{
	return CALL("add", "", 2, CALL("amax", "dim=1 keepdim=true", 1, x),
	            CALL("sum", "dim=0", 1, w));
}

static struct gd_node *row_max(struct lab *l, struct gd_node *x, struct gd_node *w)
{
	return CALL("add", "", 2, CALL("max", "dim=1 keepdim=true", 1, x),
	            CALL("sum", "dim=0", 1, w));
}

static struct gd_node *row_matmul(struct lab *l, struct gd_node *x, struct gd_node *w)
{
	return CALL("matmul", "", 2, x, w);
}

static struct gd_node *row_matmul_transposed(struct lab *l, struct gd_node *x, struct gd_node *w)
{
	return CALL("transpose", "dim0=0 dim1=1", 1,
	            CALL("matmul", "", 2, CALL("transpose", "dim0=0 dim1=1", 1, w),
	                 CALL("transpose", "dim0=0 dim1=1", 1, x)));
}

static struct gd_node *row_batched(struct lab *l, struct gd_node *x, struct gd_node *w)
{
	return CALL("squeeze", "dim=0", 1,
	            CALL("matmul", "", 2, CALL("unsqueeze", "dim=0", 1, x),
	                 CALL("unsqueeze", "dim=0", 1, w)));
}

static struct gd_node *row_hidden_layer(struct lab *l, struct gd_node *x, struct gd_node *w)
{
	struct gd_node *h =
	        CALL("relu", "", 1,
	             CALL("linear", "weight_layout=out_in", 2, CALL("linear", "", 2, x, w), w));
	return CALL("linear", "", 2, h, w);
}

static const struct {
	const char *name;
	struct gd_node *(*f)(struct lab *, struct gd_node *x, struct gd_node *w);
} rows[] = {
        {"softmax", row_softmax},
        {"log_softmax", row_log_softmax},
        {"logsumexp", row_logsumexp},
        {"amax", row_amax},
        {"max", row_max},
        {"matmul", row_matmul},
        {"matmul, transposed", row_matmul_transposed},
        {"matmul, batched", row_batched},
        {"hidden layer", row_hidden_layer},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

START_TEST(rows_not_taken)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (3, 3), 1, 2, 3, 1, NAN, INFINITY, 0.5, -1, 4);
	struct gd_node *w = LAB(&l, 2, (3, 2), 1, -2, 0.5, 3, 2, 1);
	struct gd_node *wrt[] = {x, w}, *first[2], *second[2];
	struct gd_tensor t = {.dtype = GD_BOOL, .rank = 2, .shape = {3, 1}, .count = 3};
	uint8_t taken[3] = {1, 0, 1};
	t.data = taken;
	struct gd_node *y = rows[_i].f(&l, x, w);
	y = gd_where(&l.g, gd_leaf(&l.g, &t, NULL), y, gd_const(&l.g, 0));
	derive(&l, y, 2, wrt, first, second);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < wrt[k]->count; i++) {
			ck_assert_msg(isfinite(lab_at(first[k], i)),
			              "%s: gradient %zu of operand %d is %g", rows[_i].name, i, k,
			              lab_at(first[k], i));
			ck_assert_msg(isfinite(lab_at(second[k], i)),
			              "%s: second derivative %zu of operand %d is %g",
			              rows[_i].name, i, k, lab_at(second[k], i));
		}
	for (size_t i = 3; i < 6; i++)
		ck_assert_msg(lab_at(first[0], i) == 0 && lab_at(second[0], i) == 0,
		              "%s: a row not taken has a gradient", rows[_i].name);
	lab_release(&l);
}
END_TEST

/* A NaN in the weights ruins the rows taken, but has no way into the others. */
START_TEST(bad_weights_and_rows_not_taken)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 2), 1, 2, 3, 4), *w = LAB(&l, 2, (2, 2), 1, NAN, 2, 3);
	struct gd_node *wrt[] = {x, w}, *first[2], *second[2];
	struct gd_tensor t = {.dtype = GD_BOOL, .rank = 2, .shape = {2, 1}, .count = 2};
	uint8_t taken[2] = {1, 0};
	t.data = taken;
	for (int transposed = 0; transposed < 2; transposed++) {
		struct gd_node *y =
		        lab_call(&l, "linear", transposed ? "weight_layout=out_in" : "", 2, x, w);
		y = gd_where(&l.g, gd_leaf(&l.g, &t, NULL), y, gd_const(&l.g, 0));
		derive(&l, y, 2, wrt, first, second);
		ck_assert(isnan(lab_at(first[0], 0)) || isnan(lab_at(first[0], 1)));
		LAB_IS(&l, gd_sum(&l.g, first[0], 2, false), 0, NAN, 0);
		LAB_IS(&l, gd_sum(&l.g, first[1], transposed ? 2 : 1, false), 0, 3, 3);
	}
	lab_release(&l);
}
END_TEST

/* What is undefined where it is taken stays so. */
START_TEST(the_branch_taken_keeps_its_nan)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (3), -1, 0, 4), *grad;
	struct gd_node *cond = gd_lt(&l.g, x, gd_const(&l.g, 3));
	struct gd_node *y = gd_where(&l.g, cond, gd_sqrt(&l.g, x), gd_const(&l.g, 0));
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 0, NAN, INFINITY, 0);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/where");
	TCase *t = tcase_create("where");
	tcase_add_loop_test(t, the_branch_not_taken_gets_zero, 0, N_BRANCHES);
	tcase_add_test(t, either_branch);
	tcase_add_test(t, broadcast_inside_the_branch);
	tcase_add_test(t, a_scalar_taken_nowhere);
	tcase_add_test(t, norms_of_rows);
	tcase_add_loop_test(t, rows_not_taken, 0, N_ROWS);
	tcase_add_test(t, bad_weights_and_rows_not_taken);
	tcase_add_test(t, the_branch_taken_keeps_its_nan);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
