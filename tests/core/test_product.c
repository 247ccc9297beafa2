/* Products: what is refused, and where the error points. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

/* Operands, parameters, the code, where it points (a parameter, or ""), words of the message. */
static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *pointer, *words;
} refused[] = {
        {"mm", "(2,3) (2,3)", "", GD_ERR_shape_mismatch, "", "has 3 columns"},
        {"mm", "(3) (3,2)", "", GD_ERR_shape_mismatch, "", "must be a matrix"},
        {"mm", "(2,2,3) (3,2)", "", GD_ERR_shape_mismatch, "", "must be a matrix"},
        {"bmm", "(2,2,3) (3,3,2)", "", GD_ERR_shape_mismatch, "", "holds 2 matrices"},
        {"bmm", "(2,3) (3,2)", "", GD_ERR_shape_mismatch, "", "batch of matrices"},
        {"mv", "(2,3) (2)", "", GD_ERR_shape_mismatch, "", "3 columns"},
        {"mv", "(2,3) (3,1)", "", GD_ERR_shape_mismatch, "", "must be a vector"},
        {"dot", "(3) (2)", "", GD_ERR_shape_mismatch, "", "has the shape (3,)"},
        {"dot", "(3) (1)", "", GD_ERR_shape_mismatch, "", "has the shape (3,)"},
        {"dot", "() ()", "", GD_ERR_shape_mismatch, "", "must be a vector"},
        {"outer", "(2,2) (3)", "", GD_ERR_shape_mismatch, "", "must be a vector"},
        {"inner", "(2,3) (2,2)", "", GD_ERR_shape_mismatch, "", "the last axes are 3 and 2"},
        {"addmm", "(3,4) (2,3) (3,4)", "", GD_ERR_shape_mismatch, "", "does not broadcast"},
        {"addmm", "(1,2,4) (2,3) (3,4)", "", GD_ERR_shape_mismatch, "", "does not broadcast"},
        {"addmm", "(2,4) (2,3) (2,4)", "", GD_ERR_shape_mismatch, "", "3 columns"},
        {"addmm", "(3) (2,1) (1,1)", "", GD_ERR_shape_mismatch, "", "does not broadcast"},
        {"addbmm", "(2,2) (2,2,3) (2,2,2)", "", GD_ERR_shape_mismatch, "", "3 columns"},
        {"addbmm", "(2,2) (2,2,3) (1,3,2)", "", GD_ERR_shape_mismatch, "", "holds 2"},
        {"addr", "(3,2) (2) (3)", "", GD_ERR_shape_mismatch, "", "does not broadcast"},
        {"vecdot", "(2,3) (2,4)", "", GD_ERR_shape_mismatch, "", "broadcast"},
        {"vecdot", "(2,3) (2,3)", "dim=2", GD_ERR_invalid_parameter, "/dim", "takes -2 to 1"},
        {"cross", "(2,4) (2,4)", "", GD_ERR_invalid_parameter, "/dim", "no axis of size 3"},
        {"cross", "(3,2) (3,2)", "dim=1", GD_ERR_invalid_parameter, "/dim", "needs one of size 3"},
        {"cross", "() ()", "dim=0", GD_ERR_invalid_parameter, "/dim", "needs one of size 3"},
        {"linalg.cross", "(3,2) (3,2)", "", GD_ERR_invalid_parameter, "/dim", "size 3"},
        {"cross", "(3) (4)", "", GD_ERR_shape_mismatch, "", "broadcast"},
        {"tensordot", "(2,3) (2,3)", "dims=1", GD_ERR_shape_mismatch, "", "axis 1"},
        {"tensordot", "(2,3) (3)", "dims=2", GD_ERR_invalid_parameter, "/dims", "2 and 1 axes"},
        {"tensordot", "(2,3) (3)", "dims=-1", GD_ERR_invalid_parameter, "/dims", "is -1"},
        {"tensordot", "(2,3) (3)", "dims=[[0,1],[0]]", GD_ERR_invalid_parameter, "/dims",
         "2 axes of the first"},
        {"tensordot", "(2,2) (2,2)", "dims=[[0,0],[0,1]]", GD_ERR_invalid_parameter, "/dims",
         "twice"},
        {"tensordot", "(2,2) (2,2)", "dims=[[5],[0]]", GD_ERR_invalid_parameter, "/dims",
         "names axis 5"},
        {"tensordot", "(1,1,1,1,1) (1,1,1,1)", "dims=0", GD_ERR_limit_exceeded, "", "8 axes"},
        {"linalg.multi_dot", "(2,3)", "", GD_ERR_missing_field, "", "at least two"},
        {"linalg.multi_dot", "(2,3) (3) (3,2)", "", GD_ERR_shape_mismatch, "", "must be a matrix"},
        {"linalg.multi_dot", "(2,3) (2,2)", "", GD_ERR_shape_mismatch, "", "3 columns"},
        {"linalg.matrix_power", "(2,3)", "n=2", GD_ERR_shape_mismatch, "",
         "as many columns as rows"},
        {"linalg.matrix_power", "(2)", "n=2", GD_ERR_shape_mismatch, "", "a matrix"},
        {"einsum", "(2,3) (3,4)", "equation=ij,jk,kl->il", GD_ERR_invalid_parameter, "/equation",
         "more operands"},
        {"einsum", "(2,3) (3,4)", "equation=ij->i", GD_ERR_invalid_parameter, "/equation", "fewer"},
        {"einsum", "(2,3)", "equation=ijk->i", GD_ERR_invalid_parameter, "/equation",
         "names 3 axes of operand 0"},
        {"einsum", "(2,3)", "equation=i->i", GD_ERR_invalid_parameter, "/equation", "names 1 axis"},
        {"einsum", "(2,3)", "equation=ij->ik", GD_ERR_invalid_parameter, "/equation",
         "label k in the output"},
        {"einsum", "(2,3)", "equation=ij->ii", GD_ERR_invalid_parameter, "/equation", "twice"},
        {"einsum", "(2,3)", "equation=i1->i", GD_ERR_invalid_parameter, "/equation",
         "takes letters"},
        {"einsum", "(2,3)", "equation=ij-i", GD_ERR_invalid_parameter, "/equation", "is needed"},
        {"einsum", "(2,3)", "equation=ij->i,j", GD_ERR_invalid_parameter, "/equation", "behind"},
        {"einsum", "(2,3)", "equation=......", GD_ERR_invalid_parameter, "/equation", "takes"},
        {"einsum", "(2,3)", "equation=ii->i", GD_ERR_invalid_parameter, "/equation",
         "2 and 3 long"},
        {"einsum", "(2,3) (4,3)", "equation=ij,ik->jk", GD_ERR_shape_mismatch, "",
         "the label i is 2 long"},
        {"einsum", "(1,1,1,1,1) (1,1,1,1)", "equation=abcde,fghi->abcdefghi",
         GD_ERR_invalid_parameter, "/equation", "9 axes"},
};

START_TEST(what_does_not_fit_is_refused)
{
	struct lab l;
	struct gd_node *in[LAB_OPERANDS];
	lab_init(&l, GD_FLOAT64);
	int n = lab_operands(&l, refused[_i].operands, in);
	struct gd_node *y =
	        lab_call_with(&l, gd_op_find(refused[_i].op), refused[_i].params, n, in);
	ck_assert_ptr_null(y);
	ck_assert_msg(l.error.code == refused[_i].code, "%s %s: %s", refused[_i].op,
	              refused[_i].params, l.error.detail);
	ck_assert_str_eq(l.error.pointer, refused[_i].pointer);
	ck_assert_msg(strstr(l.error.detail, refused[_i].words), "%s", l.error.detail);
	if (refused[_i].code == GD_ERR_shape_mismatch)
		ck_assert_int_ge(l.error.got.rank, 0);
	lab_release(&l);
}
END_TEST

/* A chain is multiplied in the order that needs least. */
START_TEST(a_chain_is_multiplied_in_the_cheapest_order)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *a = lab_random(&l, 2, (int64_t[]){200, 2}, -1, 1);
	struct gd_node *b = lab_random(&l, 2, (int64_t[]){2, 200}, -1, 1);
	struct gd_node *v = lab_random(&l, 1, (int64_t[]){200}, -1, 1);
	struct gd_node *left = gd_matmul(&l.g, gd_matmul(&l.g, a, b), a);
	struct gd_node *best = lab_call(&l, "linalg.multi_dot", "", 3, a, b, a);
	struct gd_node *vector = lab_call(&l, "linalg.multi_dot", "", 3, a, b, v);
	ck_assert_double_eq(gd_cost(&l.g, 1, &best), 2.0 * 2 * 200 * 2 * 2);
	ck_assert_double_gt(gd_cost(&l.g, 1, &left), 50 * gd_cost(&l.g, 1, &best));
	ck_assert_double_lt(gd_cost(&l.g, 1, &vector), 4000);
	lab_release(&l);
}
END_TEST

/* A large exponent takes no longer than its digits. */
START_TEST(powers_square)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 2), 0, 1, 1, 0);
	LAB_IS(&l, lab_call(&l, "matrix_power", "n=1000000000000000001", 1, x), 1e-15, 0, 1, 1, 0);
	ck_assert_int_lt(l.g.n_nodes, 200);
	lab_release(&l);
}
END_TEST

/* With beta 0 nothing of the input comes through, NaN included. */
START_TEST(beta_0_drops_the_input)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (1, 1), NAN), *a = LAB(&l, 2, (1, 1), 2), *grad;
	struct gd_node *y = lab_call(&l, "addmm", "beta=0 alpha=3", 3, x, a, a);
	LAB_IS(&l, y, 1e-15, 12);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 0, 0);
	lab_release(&l);
}
END_TEST

/* NaN beside the diagonal stays there. */
START_TEST(a_diagonal_reads_nothing_else)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 2), 1, NAN, NAN, 2), *grad;
	struct gd_node *y = lab_call(&l, "einsum", "equation=ii", 1, x);
	LAB_IS(&l, y, 1e-15, 3);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 0, 1, 0, 0, 1);
	lab_release(&l);
}
END_TEST

/* Spaces are allowed, and an output written with "...". */
START_TEST(equations_may_have_spaces)
{
	struct lab l;
	struct gd_call c;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *in[1] = {LAB(&l, 2, (2, 3), 1, 2, 3, 4, 5, 6)};
	gd_call_init(&c, &l.g, gd_op_find("einsum"));
	c.in = in;
	c.n_in = 1;
	c.params[0] = (struct gd_value){.text = " i ... -> ... "};
	ck_assert(gd_call_build(&c));
	LAB_IS(&l, c.out[0], 1e-15, 5, 7, 9);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/product");
	TCase *t = tcase_create("product");
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 0,
	                    (int)(sizeof refused / sizeof *refused));
	tcase_add_test(t, a_chain_is_multiplied_in_the_cheapest_order);
	tcase_add_test(t, powers_square);
	tcase_add_test(t, beta_0_drops_the_input);
	tcase_add_test(t, a_diagonal_reads_nothing_else);
	tcase_add_test(t, equations_may_have_spaces);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
