/* Reverse mode: what it appends, in whatever graph. */
#include <math.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

START_TEST(diamond)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 0.5, 2), *grad;
	struct gd_node *a = gd_exp(&l.g, x), *b = gd_square(&l.g, x);
	struct gd_node *y = gd_mul(&l.g, a, b);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	/* (x² + 2x)·e^x */
	LAB_IS(&l, grad, 1e-15, 1.25 * exp(0.5), 8 * exp(2));
	lab_release(&l);
}
END_TEST

/* Intermediate results, operands and the output itself can all be asked for. */
START_TEST(intermediate_variables)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, 3), *grad[4];
	struct gd_node *a = gd_square(&l.g, x), *b = gd_mul(&l.g, a, x);
	struct gd_node *y = gd_sum_all(&l.g, gd_add(&l.g, b, a));
	struct gd_node *wrt[] = {x, a, b, y};
	ck_assert(lab_grad(&l, y, NULL, 4, wrt, grad));
	LAB_IS(&l, grad[0], 1e-15, 3 + 2, 27 + 6);
	LAB_IS(&l, grad[1], 0, 2, 4);
	LAB_IS(&l, grad[2], 0, 1, 1);
	LAB_IS(&l, grad[3], 0, 1);
	lab_release(&l);
}
END_TEST

START_TEST(what_y_does_not_depend_on_gets_zeros)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (1, 2), 1, 3), *other = LAB(&l, 2, (2, 2), 1, 2, 3, 4),
	               *grad[3];
	struct gd_node *y = gd_square(&l.g, x), *later = gd_mul(&l.g, y, other);
	ck_assert(lab_grad(&l, y, NULL, 3, (struct gd_node *[]){other, later, x}, grad));
	LAB_IS(&l, grad[0], 0, 0, 0, 0, 0);
	LAB_IS(&l, grad[1], 0, 0, 0, 0, 0);
	LAB_IS(&l, grad[2], 0, 2, 6);
	ck_assert(gd_same_shape(grad[0], other));
	lab_release(&l);
}
END_TEST

START_TEST(one_variable_named_twice)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, 3), *grad[2];
	struct gd_node *y = gd_square(&l.g, x);
	ck_assert(lab_grad(&l, y, NULL, 2, (struct gd_node *[]){x, x}, grad));
	LAB_IS(&l, grad[0], 0, 2, 6);
	LAB_IS(&l, grad[1], 0, 2, 6);
	lab_release(&l);
}
END_TEST

/* An operation that changes nothing still makes a variable of its own. */
START_TEST(results_are_not_their_operands)
{
	static const char *const same[][2] = {
	        {"reshape", "shape=1,2"},       {"expand", "size=1,2"},
	        {"squeeze", "dim=1"},           {"permute", "dims=0,1"},
	        {"transpose", "dim0=0 dim1=0"}, {"sum", "dim=0 keepdim=true"},
	        {"amax", "dim=0 keepdim=true"}};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = LAB(&l, 2, (1, 2), 1, 3), *grad[2];
		struct gd_node *y = lab_call(&l, same[i][0], same[i][1], 1, x);
		struct gd_node *sum = lab_call(&l, "sum", "", 1, lab_call(&l, "add", "", 2, x, y));
		ck_assert(lab_grad(&l, sum, NULL, 2, (struct gd_node *[]){x, y}, grad));
		LAB_IS(&l, grad[0], 0, 2, 2);
		LAB_IS(&l, grad[1], 0, 1, 1);
		LAB_IS(&l, y, 0, 1, 3);
		lab_release(&l);
	}
}
END_TEST

/* Builders look through transposes and expansions, but not through the client's variables. */
START_TEST(named_variables_are_not_looked_through)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 2), 1, 2, 3, 4), *w = LAB(&l, 2, (2, 2), 1, 2, 3, 5),
	               *b = LAB(&l, 1, (2), 1, 2), *grad[2];
	struct gd_node *t = lab_call(&l, "transpose", "dim0=0 dim1=1", 1, x);
	t->name = "t";
	struct gd_node *y = lab_call(&l, "matmul", "", 2, t, w);
	ck_assert(lab_grad(&l, y, NULL, 2, (struct gd_node *[]){x, t}, grad));
	LAB_IS(&l, grad[0], 0, 3, 3, 8, 8);
	LAB_IS(&l, grad[1], 0, 3, 8, 3, 8);
	y = lab_call(&l, "matmul", "", 2, w, t);
	ck_assert(lab_grad(&l, y, NULL, 2, (struct gd_node *[]){x, t}, grad));
	LAB_IS(&l, grad[1], 0, 4, 4, 7, 7);
	y = gd_square(&l.g, lab_call(&l, "permute", "dims=1,0", 1, t));
	ck_assert(lab_grad(&l, y, NULL, 2, (struct gd_node *[]){x, t}, grad));
	LAB_IS(&l, grad[0], 0, 2, 4, 6, 8);
	LAB_IS(&l, grad[1], 0, 2, 6, 4, 8);
	struct gd_node *e = lab_call(&l, "expand", "size=2,2", 1, b);
	e->name = "e";
	y = lab_call(&l, "mul", "", 2, x, e);
	ck_assert(lab_grad(&l, y, NULL, 2, (struct gd_node *[]){b, e}, grad));
	LAB_IS(&l, grad[0], 0, 4, 6);
	LAB_IS(&l, grad[1], 0, 1, 2, 3, 4);
	struct gd_node *one = lab_call(&l, "exp", "", 1, gd_const(&l.g, 0));
	one->name = "one";
	y = gd_square(&l.g, lab_call(&l, "mul", "", 2, x, one));
	y = lab_call(&l, "sum", "", 1, gd_mul(&l.g, y, gd_exp(&l.g, one)));
	ck_assert(lab_grad(&l, y, NULL, 1, &one, grad));
	LAB_IS(&l, grad[0], 1e-15, 90 * exp(1));
	lab_release(&l);
}
END_TEST

START_TEST(stop_gradient_stops)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, 3), *grad;
	struct gd_node *y = gd_mul(&l.g, x, gd_stop_gradient(&l.g, gd_square(&l.g, x)));
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 0, 1, 9);
	lab_release(&l);
}
END_TEST

START_TEST(masks_have_no_derivative)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, 3), *grad;
	struct gd_node *mask = gd_gt(&l.g, x, gd_const(&l.g, 2));
	struct gd_node *y = gd_mul(&l.g, gd_cast(&l.g, mask, GD_FLOAT64), x);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 0, 0, 1);
	lab_release(&l);
}
END_TEST

/* d⁵/dx⁵ x⁶ = 720x, and sin comes back after four. */
START_TEST(higher_derivatives)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (3), 1, -2, 0.5), *d = x;
	d = gd_mul(&l.g, gd_square(&l.g, gd_square(&l.g, x)), gd_square(&l.g, x));
	for (int i = 0; i < 5; i++)
		ck_assert(lab_grad(&l, d, NULL, 1, &x, &d));
	LAB_IS(&l, d, 1e-14, 720, -1440, 360);
	d = gd_sin(&l.g, x);
	for (int i = 0; i < 4; i++)
		ck_assert(lab_grad(&l, d, NULL, 1, &x, &d));
	LAB_IS(&l, d, 1e-14, sin(1), sin(-2), sin(0.5));
	lab_release(&l);
}
END_TEST

/* A Jacobian-vector product is two vector-Jacobian products: d/du ⟨vjp(u), v⟩. */
START_TEST(jvp_by_two_vjps)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (3), 1, 2, 3), *v = LAB(&l, 1, (3), 0.5, -1, 2), *grad, *jvp;
	struct gd_node *y = lab_call(&l, "softmax", "dim=0", 1, x);
	struct gd_node *u = lab_leaf(&l, 1, (int64_t[]){3}, (double[]){0, 0, 0});
	ck_assert(lab_grad(&l, y, u, 1, &x, &grad));
	struct gd_node *s = gd_sum_all(&l.g, gd_mul(&l.g, grad, v));
	ck_assert(lab_grad(&l, s, NULL, 1, &u, &jvp));
	double p[3], total = 0, pv = 0, want[3];
	for (int i = 0; i < 3; i++)
		total += p[i] = exp(lab_at(x, (size_t)i));
	for (int i = 0; i < 3; i++)
		pv += (p[i] /= total) * lab_at(v, (size_t)i);
	for (int i = 0; i < 3; i++)
		want[i] = p[i] * (lab_at(v, (size_t)i) - pv);
	lab_is(&l, jvp, 1e-13, 3, want, __FILE__, __LINE__);
	lab_release(&l);
}
END_TEST

/* H of xᵀAx is A + Aᵀ. */
START_TEST(hessian_of_a_quadratic_form)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 3, -4), *a = LAB(&l, 2, (2, 2), 1, 2, 5, 7), *grad, *hv;
	struct gd_node *v = LAB(&l, 1, (2), 1, -1);
	struct gd_node *y = lab_call(&l, "matmul", "", 2, x, lab_call(&l, "matmul", "", 2, a, x));
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	struct gd_node *s = lab_call(&l, "matmul", "", 2, grad, v);
	ck_assert(lab_grad(&l, s, NULL, 1, &x, &hv));
	LAB_IS(&l, hv, 1e-15, 2 - 7, 7 - 14);
	lab_release(&l);
}
END_TEST

START_TEST(seed_is_linear)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){3, 4}, -1, 1);
	struct gd_node *u = lab_random(&l, 2, (int64_t[]){3, 4}, -1, 1), *one, *two;
	struct gd_node *y = lab_call(&l, "gelu", "", 1, lab_call(&l, "softmax", "dim=1", 1, x));
	ck_assert(lab_grad(&l, y, u, 1, &x, &one));
	ck_assert(lab_grad(&l, y, gd_mul(&l.g, u, gd_const(&l.g, -2)), 1, &x, &two));
	ck_assert(lab_eval(&l, 2, (struct gd_node *[]){one, two}));
	for (size_t i = 0; i < one->count; i++)
		ck_assert_double_eq(-2 * lab_at(one, i), lab_at(two, i));
	lab_release(&l);
}
END_TEST

/* Many operands: more than fit in place. */
START_TEST(cat_of_many)
{
	enum { N = 40 };
	struct lab l;
	struct gd_node *in[N], *grad[N], *all;
	lab_init(&l, GD_FLOAT64);
	for (int i = 0; i < N; i++)
		in[i] = lab_leaf(&l, 1, (int64_t[]){i % 3}, (double[]){i, -i});
	all = gd_cat(&l.g, N, in, 0);
	/* The same operand at both ends too. */
	struct gd_node *y = gd_cat(&l.g, 3, (struct gd_node *[]){in[1], all, in[1]}, 0);
	y = gd_square(&l.g, y);
	ck_assert(lab_grad(&l, y, NULL, N, in, grad));
	ck_assert(lab_eval(&l, N, grad));
	for (int i = 0; i < N; i++) {
		ck_assert_uint_eq(grad[i]->count, (size_t)(i % 3));
		for (size_t k = 0; k < grad[i]->count; k++)
			ck_assert_double_eq(lab_at(grad[i], k),
			                    (i == 1 ? 3 : 1) * 2 * lab_at(in[i], k));
	}
	lab_release(&l);
}
END_TEST

/* cat and slice below a where: more operands than fit in place, and their masks. */
START_TEST(cat_of_many_below_a_where)
{
	enum { N = 12 };
	struct lab l;
	struct gd_node *in[N], *logs[N], *grad[N];
	lab_init(&l, GD_FLOAT64);
	for (int i = 0; i < N; i++) {
		in[i] = lab_leaf(&l, 1, (int64_t[]){2}, (double[]){i, -i});
		logs[i] = gd_log(&l.g, in[i]);
	}
	struct gd_node *x = gd_cat(&l.g, N, in, 0), *y = gd_cat(&l.g, N, logs, 0);
	y = gd_where(&l.g, gd_gt(&l.g, x, gd_const(&l.g, 0)), y, gd_const(&l.g, 0));
	ck_assert(lab_grad(&l, y, NULL, N, in, grad));
	for (int i = 0; i < N; i++)
		LAB_IS(&l, grad[i], 0, i ? 1. / i : 0, 0);
	lab_release(&l);
}
END_TEST

START_TEST(a_failed_graph_has_no_gradient)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, 2), *bad = LAB(&l, 1, (3), 1, 2, 3), *grad;
	struct gd_node *y = gd_add(&l.g, x, bad);
	ck_assert_ptr_null(y);
	ck_assert(!gd_grad(&l.g, y, NULL, 1, &x, &grad, true));
	ck_assert(!gd_grad(&l.g, x, NULL, 1, &x, &grad, true));
	ck_assert_int_eq(l.error.code, GD_ERR_shape_mismatch);
	lab_release(&l);
}
END_TEST

/* The limit on nodes also holds while differentiating. */
START_TEST(the_limit_holds_in_the_middle)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, 2), *y = x, *grad;
	for (int i = 0; i < 20; i++)
		y = gd_sin(&l.g, y);
	l.g.max_nodes = (size_t)l.g.n_nodes + 7;
	ck_assert(!lab_grad(&l, y, NULL, 1, &x, &grad));
	ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
	lab_release(&l);
}
END_TEST

/* Nodes know what they were appended for. */
START_TEST(backward_nodes_are_marked)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	l.g.origin = "/layers/0";
	struct gd_node *x = LAB(&l, 1, (2), 1, 2), *grad;
	struct gd_node *y = lab_call(&l, "tanh", "", 1, x);
	int forward = l.g.n_nodes;
	l.g.origin = "/loss";
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	ck_assert_int_gt(l.g.n_nodes, forward);
	for (int i = 0; i < l.g.n_nodes; i++)
		ck_assert_int_eq(l.g.nodes[i]->backward, i >= forward);
	ck_assert_str_eq(grad->origin, "/layers/0");
	ck_assert_str_eq(grad->op, "tanh");
	ck_assert_str_eq(l.g.origin, "/loss");
	ck_assert(!l.g.backward);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/diff");
	TCase *t = tcase_create("diff");
	tcase_add_test(t, diamond);
	tcase_add_test(t, intermediate_variables);
	tcase_add_test(t, what_y_does_not_depend_on_gets_zeros);
	tcase_add_test(t, one_variable_named_twice);
	tcase_add_test(t, results_are_not_their_operands);
	tcase_add_test(t, named_variables_are_not_looked_through);
	tcase_add_test(t, stop_gradient_stops);
	tcase_add_test(t, masks_have_no_derivative);
	tcase_add_test(t, higher_derivatives);
	tcase_add_test(t, jvp_by_two_vjps);
	tcase_add_test(t, hessian_of_a_quadratic_form);
	tcase_add_test(t, seed_is_linear);
	tcase_add_test(t, cat_of_many);
	tcase_add_test(t, cat_of_many_below_a_where);
	tcase_add_test(t, a_failed_graph_has_no_gradient);
	tcase_add_test(t, the_limit_holds_in_the_middle);
	tcase_add_test(t, backward_nodes_are_marked);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
