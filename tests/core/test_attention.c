/* Attention: masks, rows that are shut out, dropout of the weights, what is refused. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

/* --- rows of which nothing takes part ----------------------------------------------------------
 */

/* The second query sees nothing: its row is 0 and so is its gradient; the first one's is as without
 * the second. */
START_TEST(a_row_that_sees_nothing)
{
	static const char *const forms[] = {"bool", "added"};
	for (int form = 0; form < 2; form++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *q = lab_random(&l, 2, (int64_t[]){2, 3}, -1, 1);
		struct gd_node *k = lab_random(&l, 2, (int64_t[]){2, 3}, -1, 1);
		struct gd_node *v = lab_random(&l, 2, (int64_t[]){2, 2}, -1, 1);
		double shut = -(double)INFINITY;
		struct gd_node *added = LAB(&l, 2, (2, 2), 0, 0, shut, shut), *mask = added;
		struct gd_node *one = LAB(&l, 2, (2, 1), 1, 0), *in[3] = {q, k, v}, *grad[3];
		if (form == 0)
			mask = gd_gt(&l.g, gd_expand(&l.g, one, 2, (int64_t[]){2, 2}),
			             gd_const(&l.g, 0));
		struct gd_node *y =
		        lab_call(&l, "scaled_dot_product_attention", "", 4, q, k, v, mask);
		ck_assert_msg(lab_grad(&l, y, NULL, 3, in, grad), "%s", forms[form]);
		struct gd_node *first = lab_leaf(&l, 2, (int64_t[]){1, 3}, q->data);
		struct gd_node *alone =
		        lab_call(&l, "scaled_dot_product_attention", "", 3, first, k, v);
		struct gd_node *all[] = {y, grad[0], grad[1], grad[2], alone};
		ck_assert(lab_eval(&l, 5, all));
		for (size_t i = 0; i < 2; i++) {
			ck_assert_double_eq(lab_at(y, i), lab_at(alone, i));
			ck_assert_double_eq(lab_at(y, 2 + i), 0);
		}
		for (size_t i = 3; i < 6; i++)
			ck_assert_double_eq(lab_at(grad[0], i), 0);
		for (size_t i = 0; i < 6; i++)
			ck_assert(isfinite(lab_at(grad[1], i)));
		for (size_t i = 0; i < 4; i++)
			ck_assert(isfinite(lab_at(grad[2], i)));
		lab_release(&l);
	}
}
END_TEST

/* What a mask shuts out may be anything: a padded key is NaN here. */
START_TEST(a_padded_key_stays_out)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *q = lab_random(&l, 2, (int64_t[]){2, 2}, -1, 1);
	struct gd_node *k = LAB(&l, 2, (3, 2), 1, 2, 3, 4, NAN, NAN);
	struct gd_node *v = lab_random(&l, 2, (int64_t[]){3, 2}, -1, 1);
	struct gd_node *live = LAB(&l, 1, (3), 1, 1, 0), *in[3] = {q, k, v}, *grad[3];
	struct gd_node *mask = gd_gt(&l.g, live, gd_const(&l.g, 0));
	struct gd_node *y = lab_call(&l, "scaled_dot_product_attention", "", 4, q, k, v, mask);
	ck_assert(lab_grad(&l, y, NULL, 3, in, grad));
	ck_assert(lab_eval(&l, 4, (struct gd_node *[]){y, grad[0], grad[1], grad[2]}));
	ck_assert(gd_all_finite(y, NULL));
	for (int i = 0; i < 3; i++)
		ck_assert_msg(gd_all_finite(grad[i], NULL), "gradient %d", i);
	ck_assert_double_eq(lab_at(grad[1], 4), 0);
	ck_assert_double_eq(lab_at(grad[1], 5), 0);
	lab_release(&l);
}
END_TEST

/* In the two functions a bool mask means opposite things. */
START_TEST(masks_of_the_two_functions)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){3, 2}, -1, 1);
	struct gd_node *eye = LAB(&l, 2, (2, 2), 1, 0, 0, 1), *in_weight[3] = {eye, eye, eye};
	struct gd_node *three = gd_cat(&l.g, 3, in_weight, 0);
	struct gd_node *shut =
	        gd_gt(&l.g, LAB(&l, 2, (3, 3), 0, 1, 1, 0, 0, 1, 0, 0, 0), gd_const(&l.g, 0));
	struct gd_node *a = lab_call(&l, "multi_head_attention", "num_heads=1", 8, x, x, x, three,
	                             NULL, eye, NULL, shut);
	struct gd_node *b = lab_call(&l, "scaled_dot_product_attention", "", 4, x, x, x,
	                             gd_logical_not(&l.g, shut));
	struct gd_node *c =
	        lab_call(&l, "scaled_dot_product_attention", "is_causal=true", 3, x, x, x);
	ck_assert(lab_eval(&l, 3, (struct gd_node *[]){a, b, c}));
	for (size_t i = 0; i < 6; i++) {
		ck_assert_double_eq_tol(lab_at(a, i), lab_at(b, i), 1e-15);
		ck_assert_double_eq(lab_at(b, i), lab_at(c, i));
	}
	lab_release(&l);
}
END_TEST

START_TEST(scores_of_any_size)
{
	struct lab l;
	lab_init(&l, GD_FLOAT32);
	struct gd_node *q = LAB(&l, 2, (1, 1), 1e4), *k = LAB(&l, 2, (3, 1), 1e4, -1e4, 0.9999e4);
	struct gd_node *v = LAB(&l, 2, (3, 1), 1, 2, 3), *in[3] = {q, k, v}, *grad[3];
	struct gd_node *y = lab_call(&l, "scaled_dot_product_attention", "", 3, q, k, v);
	ck_assert(lab_grad(&l, y, NULL, 3, in, grad));
	LAB_IS(&l, y, 0, 1);
	LAB_IS(&l, grad[2], 0, 1, 0, 0);
	LAB_IS(&l, grad[0], 0, 0);
	lab_release(&l);
}
END_TEST

/* The weights are dropped with the noise that dropout makes for their shape. */
START_TEST(dropped_weights)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *q = lab_random(&l, 2, (int64_t[]){3, 2}, -1, 1);
	struct gd_node *k = lab_random(&l, 2, (int64_t[]){4, 2}, -1, 1);
	struct gd_node *eye = lab_random(&l, 2, (int64_t[]){4, 4}, 0, 0);
	for (size_t i = 0; i < 4; i++)
		lab_set(eye, 5 * i, 1);
	struct gd_node *w = lab_call(&l, "scaled_dot_product_attention", "", 3, q, k, eye);
	struct gd_node *want = lab_call(&l, "dropout", "p=0.4 seed=11", 1, w);
	struct gd_node *got =
	        lab_call(&l, "scaled_dot_product_attention", "dropout_p=0.4 seed=11", 3, q, k, eye);
	ck_assert(lab_eval(&l, 2, (struct gd_node *[]){want, got}));
	int dropped = 0;
	for (size_t i = 0; i < 12; i++) {
		ck_assert_double_eq_tol(lab_at(got, i), lab_at(want, i), 1e-15);
		dropped += lab_at(got, i) == 0;
	}
	ck_assert_int_gt(dropped, 0);
	ck_assert_int_lt(dropped, 12);
	lab_release(&l);
}
END_TEST

START_TEST(the_weights_are_a_result)
{
	struct lab l;
	struct gd_call c;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 3, (int64_t[]){3, 2, 4}, -1, 1);
	struct gd_node *w = lab_random(&l, 2, (int64_t[]){12, 4}, -1, 1);
	struct gd_node *o = lab_random(&l, 2, (int64_t[]){4, 4}, -1, 1);
	struct gd_node *in[] = {x, x, x, w, NULL, o};
	const struct gd_op *op = gd_op_find("multi_head_attention");
	ck_assert(lab_call_all(&l, &c, op, "num_heads=2", 6, in));
	ck_assert_int_eq(c.n_out, 2);
	ck_assert_int_eq(c.out[1]->rank, 3);
	struct gd_node *sums = gd_sum(&l.g, c.out[1], 1u << 2, false);
	LAB_IS(&l, sums, 1e-14, 1, 1, 1, 1, 1, 1);
	struct gd_node *again[] = {x, x, x, w, NULL, o};
	ck_assert(lab_call_all(&l, &c, op, "num_heads=2 average_attn_weights=false", 6, again));
	ck_assert_int_eq(c.out[1]->rank, 4);
	struct gd_node *more[] = {x, x, x, w, NULL, o};
	ck_assert(lab_call_all(&l, &c, op, "num_heads=2 need_weights=false", 6, more));
	ck_assert_int_eq(c.n_out, 1);
	lab_release(&l);
}
END_TEST

/* --- what is refused -------------------------------------------------------------------------- */

#define MHA "(3,2,4) (2,2,4) (2,2,4) (12,4) (12) (4,4) (4)"
#define TEL "(3,2,4) (12,4) (12) (4,4) (4) (5,4) (5) (4,5) (4) (4) (4) (4) (4)"
static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *pointer, *detail;
} refused[] = {
        {"scaled_dot_product_attention", "(3) (3) (3)", "", GD_ERR_shape_mismatch, "/layers/0",
         "query"},
        {"scaled_dot_product_attention", "(2,3) (4,2) (4,2)", "", GD_ERR_shape_mismatch,
         "/layers/0", "3 features"},
        {"scaled_dot_product_attention", "(2,3) (4,3) (3,2)", "", GD_ERR_shape_mismatch,
         "/layers/0", "length"},
        {"scaled_dot_product_attention", "(2,2,3) (3,4,3) (3,4,2)", "", GD_ERR_shape_mismatch,
         "/layers/0", "leading axes"},
        {"scaled_dot_product_attention", "(2,2,3) (2,4,3) (3,4,2)", "", GD_ERR_shape_mismatch,
         "/layers/0", "leading axes"},
        {"scaled_dot_product_attention", "(2,3) (4,3) (4,2) b(4,2)", "", GD_ERR_shape_mismatch,
         "/layers/0", "(…, L, S)"},
        {"scaled_dot_product_attention", "(2,3) (4,3) (4,2) b(3,2,4)", "", GD_ERR_shape_mismatch,
         "/layers/0", "(…, L, S)"},
        {"scaled_dot_product_attention", "(2,3) (4,3) (4,2) i(2,4)[0,1]", "", GD_ERR_wrong_type,
         "/layers/0", "bool"},
        {"scaled_dot_product_attention", "(2,3) (4,3) (4,2) b(2,4)", "is_causal=true",
         GD_ERR_invalid_parameter, "/layers/0/is_causal", "attn_mask"},
        {"scaled_dot_product_attention", "(2,3) (4,3) (4,2)", "dropout_p=2",
         GD_ERR_invalid_parameter, "/layers/0/dropout_p", "between 0 and 1"},
        {"scaled_dot_product_attention", "(2,3) (4,3) (4,2)", "dropout_p=0.1", GD_ERR_missing_field,
         "/layers/0", "seed"},
        {"scaled_dot_product_attention", "(3,2,3) (2,4,3) (2,4,2)", "enable_gqa=true",
         GD_ERR_shape_mismatch, "/layers/0", "2 heads"},
        {"multi_head_attention", MHA, "num_heads=3", GD_ERR_invalid_parameter,
         "/layers/0/num_heads", "divide the 4 features"},
        {"multi_head_attention", MHA, "num_heads=0", GD_ERR_invalid_parameter,
         "/layers/0/num_heads", "is 0"},
        {"multi_head_attention", MHA, "num_heads=2 batch_first=true", GD_ERR_shape_mismatch,
         "/layers/0", "key"},
        {"multi_head_attention", "(3,2,4) (2,4) (2,4) (12,4) (12) (4,4) (4)", "num_heads=2",
         GD_ERR_shape_mismatch, "/layers/0", "key"},
        {"multi_head_attention", "(3,2,4) (2,2,4) (3,2,4) (12,4) (12) (4,4) (4)", "num_heads=2",
         GD_ERR_shape_mismatch, "/layers/0", "value"},
        {"multi_head_attention", "(3,2,4) (2,2,4) (2,2,4) (4,12) (12) (4,4) (4)", "num_heads=2",
         GD_ERR_shape_mismatch, "/layers/0", "in_proj_weight needs the shape (12, 4)"},
        {"multi_head_attention", MHA " b(2,3)", "num_heads=2", GD_ERR_shape_mismatch, "/layers/0",
         "attn_mask"},
        {"multi_head_attention", MHA " b(2,3,2)", "num_heads=2", GD_ERR_shape_mismatch, "/layers/0",
         "(4, 3, 2)"},
        {"multi_head_attention", MHA " - b(2)", "num_heads=2", GD_ERR_shape_mismatch, "/layers/0",
         "key_padding_mask"},
        {"multi_head_attention", MHA " - i(2,2)[0,1]", "num_heads=2", GD_ERR_wrong_type,
         "/layers/0", "key_padding_mask"},
        {"multi_head_attention", MHA, "num_heads=2 dropout_p=0.5", GD_ERR_missing_field,
         "/layers/0", "seed"},
        {"transformer_encoder_layer", TEL, "nhead=3", GD_ERR_invalid_parameter, "/layers/0/nhead",
         "divide"},
        {"transformer_encoder_layer", TEL, "nhead=2 dropout=0.1", GD_ERR_invalid_parameter,
         "/layers/0/dropout", "only 0"},
        {"transformer_encoder_layer", TEL " b(2,2)", "nhead=2", GD_ERR_shape_mismatch, "/layers/0",
         "src_mask"},
        {"transformer_encoder_layer", TEL " - b(3,2)", "nhead=2", GD_ERR_shape_mismatch,
         "/layers/0", "src_key_padding_mask"},
        {"transformer_encoder_layer",
         "(3,2,4) (12,4) (12) (4,4) (4) (5,4) (5) (5,4) (4) (4) (4) (4) (4)", "nhead=2",
         GD_ERR_shape_mismatch, "/layers/0", "linear2.weight needs the shape (4, 5)"},
        {"transformer_encoder_layer",
         "(3,2,4) (12,4) (12) (4,4) (4) (5) (5) (4,5) (4) (4) (4) (4) (4)", "nhead=2",
         GD_ERR_shape_mismatch, "/layers/0", "linear1.weight"},
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

static Suite *suite(void)
{
	Suite *s = suite_create("core/attention");
	TCase *t = tcase_create("attention");
	tcase_add_test(t, a_row_that_sees_nothing);
	tcase_add_test(t, a_padded_key_stays_out);
	tcase_add_test(t, masks_of_the_two_functions);
	tcase_add_test(t, scores_of_any_size);
	tcase_add_test(t, dropped_weights);
	tcase_add_test(t, the_weights_are_a_result);
	tcase_add_loop_test(t, what_is_refused, 0, (int)(sizeof refused / sizeof *refused));
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
