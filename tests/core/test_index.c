/* Indices and orders: known only at run time, out of range, written twice, tied. Values and
 * gradients are in the golden files. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

/* --- indices that are computed ----------------------------------------------------------- */

static struct gd_node *index_of_largest(struct lab *l, struct gd_node *x)
{
	struct gd_call c;
	gd_call_init(&c, &l->g, gd_op_find("max"));
	c.in = &x;
	c.n_in = 1;
	ck_assert(lab_params(&c, "dim=1 keepdim=true"));
	ck_assert(gd_call_build(&c));
	return c.out[1];
}

START_TEST(the_index_of_max_gathers)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 3), 1, 5, 2, 7, 3, 6), *grad;
	struct gd_node *other = LAB(&l, 2, (2, 3), 10, 20, 30, 40, 50, 60);
	struct gd_node *y = lab_call(&l, "gather", "dim=1", 2, other, index_of_largest(&l, x));
	LAB_IS(&l, y, 0, 20, 40);
	ck_assert(lab_grad(&l, y, NULL, 1, &other, &grad));
	LAB_IS(&l, grad, 0, 0, 1, 0, 1, 0, 0);
	ck_assert(!l.g.looked_at_data);
	lab_release(&l);
}
END_TEST

/* Out of range, or no integer, is found when it is evaluated. */
START_TEST(computed_indices_are_checked)
{
	static const struct {
		double value;
		const char *op;
		enum gd_code code;
	} wrong[] = {{3, "index_select", GD_ERR_number_out_of_range},
	             {-1, "index_select", GD_ERR_number_out_of_range},
	             {0.5, "index_select", GD_ERR_wrong_type},
	             {NAN, "index_select", GD_ERR_wrong_type},
	             {1e300, "take", GD_ERR_wrong_type},
	             {INFINITY, "take", GD_ERR_wrong_type},
	             {-4, "take", GD_ERR_number_out_of_range}};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = LAB(&l, 1, (3), 5, 6, 7), *v = LAB(&l, 1, (1), wrong[i].value);
		struct gd_node *k = gd_neg(&l.g, gd_neg(&l.g, v));
		l.g.origin = "/layers/9";
		struct gd_node *y = lab_call(
		        &l, wrong[i].op, strcmp(wrong[i].op, "take") == 0 ? "" : "dim=0", 2, x, k);
		ck_assert_ptr_nonnull(y);
		ck_assert(!lab_eval(&l, 1, &y));
		ck_assert_int_eq(l.error.code, wrong[i].code);
		ck_assert_str_eq(l.error.pointer, "/layers/9");
		ck_assert(strstr(l.error.detail, wrong[i].op) == l.error.detail);
		lab_release(&l);
	}
}
END_TEST

START_TEST(computed_indices_count_from_the_end_too)
{
	struct lab l;
	lab_init(&l, GD_FLOAT32);
	struct gd_node *x = LAB(&l, 1, (3), 5, 6, 7), *v = LAB(&l, 1, (3), 1, 3, -2), *grad;
	struct gd_node *y = lab_call(&l, "take", "", 2, x, gd_neg(&l.g, v));
	LAB_IS(&l, y, 0, 7, 5, 7);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 0, 1, 0, 2);
	lab_release(&l);
}
END_TEST

/* The client's indices are read, never written; floats that are whole do. */
START_TEST(indices_stay_as_they_are)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (3), 5, 6, 7), *k = LAB(&l, 1, (2), -1, 1);
	LAB_IS(&l, lab_call(&l, "take", "", 2, x, k), 0, 7, 6);
	ck_assert_double_eq(lab_at(k, 0), -1);
	lab_release(&l);
}
END_TEST

START_TEST(one_hot_of_computed_classes)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 3), 1, 5, 2, 7, 3, 6);
	struct gd_node *y = lab_call(&l, "one_hot", "num_classes=3", 1, index_of_largest(&l, x));
	ck_assert_int_eq(y->dtype, GD_INT64);
	ck_assert_int_eq(y->rank, 3);
	LAB_IS(&l, y, 0, 0, 1, 0, 1, 0, 0);
	ck_assert_ptr_null(lab_call(&l, "one_hot", "", 1, index_of_largest(&l, x)));
	ck_assert_int_eq(l.error.code, GD_ERR_invalid_parameter);
	lab_release(&l);
}
END_TEST

START_TEST(a_padding_row_gets_no_gradient)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *in[LAB_OPERANDS], *grad;
	lab_operands(&l, "i(3)[1,1] (2,2)", in);
	lab_set(in[0], 2, 0);
	struct gd_node *y = lab_call_with(&l, gd_op_find("embedding"), "padding_idx=0", 2, in);
	struct gd_node *bad = gd_mul(&l.g, y, LAB(&l, 2, (3, 1), 1, 1, NAN));
	ck_assert(lab_grad(&l, bad, NULL, 1, &in[1], &grad));
	LAB_IS(&l, grad, 0, 0, 0, 2, 2);
	lab_release(&l);
}
END_TEST

/* --- order ------------------------------------------------------------------------------- */

static int touched(struct lab *l)
{
	double total = 0;
	for (struct gd_kink *k = l->g.kinks; k; k = k->next) {
		ck_assert(lab_eval(l, 1, &k->count));
		total += k->passed ? lab_at(k->count, 0) : 0;
	}
	return (int)total;
}

/* op on a vector: its values, the gradient for dy = 1, 2, …, and how many pairs tie. */
static const struct {
	const char *op, *params;
	double in[5], grad[5];
	int n_out, ties;
} orders[] = {
        {"sort", "", {3, 1, 3, 0, 5}, {3, 2, 4, 1, 5}, 5, 1},
        {"sort", "descending=true", {3, 1, 3, 0, 5}, {2, 4, 3, 5, 1}, 5, 1},
        {"sort", "", {2, 1, 3, 0, 5}, {3, 2, 4, 1, 5}, 5, 0},
        {"topk", "k=2", {3, 1, 3, 0, 5}, {2, 0, 0, 0, 1}, 2, 1},
        {"topk", "k=2", {3, 1, 1, 0, 5}, {2, 0, 0, 0, 1}, 2, 0},
        {"topk", "k=2 largest=false", {0, 1, -0.0, 3, 5}, {1, 0, 2, 0, 0}, 2, 1},
        {"kthvalue", "k=2", {3, 1, 3, 2, 5}, {0, 0, 0, 1, 0}, 1, 0},
        {"kthvalue", "k=3", {3, 1, 3, 2, 5}, {1, 0, 0, 0, 0}, 1, 1},
        {"kthvalue", "k=4", {3, 1, 3, 2, 5}, {0, 0, 1, 0, 0}, 1, 1},
};

START_TEST(ties_in_an_order)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_leaf(&l, 1, (int64_t[]){5}, orders[_i].in), *grad;
	struct gd_node *y = lab_call(&l, orders[_i].op, orders[_i].params, 1, x);
	struct gd_node *seed = lab_leaf(&l, y->rank, y->shape, (double[]){1, 2, 3, 4, 5});
	ck_assert_uint_eq(y->count, (size_t)orders[_i].n_out);
	ck_assert(lab_grad(&l, y, seed, 1, &x, &grad));
	lab_is(&l, grad, 0, 5, orders[_i].grad, __FILE__, __LINE__);
	ck_assert_int_eq(touched(&l), orders[_i].ties);
	lab_release(&l);
}
END_TEST

/* PyTorch's gradient for what was written over is not the derivative: a warning says so. */
START_TEST(places_written_twice_are_noted)
{
	for (int i = 0; i < 3; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *in[LAB_OPERANDS], *grad[2];
		int n = lab_operands(&l, i == 2 ? "(4) i(3)[1,1]" : "(4) i(3)[1,1] (3)", in);
		if (i == 0)
			for (size_t k = 0; k < 3; k++)
				lab_set(in[1], k, (double)k);
		struct gd_node *wrt[2] = {in[0], in[2]};
		struct gd_node *y = lab_call_with(&l, gd_op_find("scatter"),
		                                  i == 2 ? "dim=0 value=2" : "dim=0", n, in);
		ck_assert(lab_grad(&l, y, NULL, i == 2 ? 1 : 2, wrt, grad));
		ck_assert_int_eq(touched(&l), i == 1);
		if (i == 1) {
			LAB_IS(&l, grad[0], 0, 1, 0, 1, 1);
			LAB_IS(&l, grad[1], 0, 1, 1, 1);
		}
		lab_release(&l);
	}
}
END_TEST

/* Long fibres, every stride: against counting. */
START_TEST(sorting_is_a_permutation_in_order)
{
	for (int n = 1; n < 70; n++) {
		struct lab l;
		lab_init(&l, n % 2 ? GD_FLOAT64 : GD_FLOAT32);
		struct gd_call c;
		struct gd_node *x = lab_random(&l, 2, (int64_t[]){n, 2}, -3, 3);
		for (size_t i = 0; i < x->count; i++)
			lab_set(x, i, floor(lab_at(x, i)));
		ck_assert(lab_call_all(&l, &c, gd_op_find("sort"), "dim=0", 1, &x));
		ck_assert(lab_eval(&l, 2, c.out));
		for (size_t i = 0; i + 2 < x->count; i++) {
			double a = lab_at(c.out[0], i), b = lab_at(c.out[0], i + 2);
			double p = lab_at(c.out[1], i), q = lab_at(c.out[1], i + 2);
			ck_assert(a < b || (a == b && p < q));
			ck_assert_double_eq(lab_at(x, 2 * (size_t)p + i % 2), a);
		}
		lab_release(&l);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/index");
	TCase *t = tcase_create("index");
	tcase_add_test(t, the_index_of_max_gathers);
	tcase_add_test(t, computed_indices_are_checked);
	tcase_add_test(t, computed_indices_count_from_the_end_too);
	tcase_add_test(t, indices_stay_as_they_are);
	tcase_add_test(t, one_hot_of_computed_classes);
	tcase_add_loop_test(t, ties_in_an_order, 0, sizeof orders / sizeof *orders);
	tcase_add_test(t, places_written_twice_are_noted);
	tcase_add_test(t, sorting_is_a_permutation_in_order);
	tcase_add_test(t, a_padding_row_gets_no_gradient);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
