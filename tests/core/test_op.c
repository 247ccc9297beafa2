/* The catalogue: signatures, calls, and what is refused with which words. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

/* --- signatures ------------------------------------------------------------------------------- */

static void say(char *text, size_t size, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
static void say(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;
	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

/* What was read, written back. */
static void print_signature(const struct gd_op *op, char *text, size_t size)
{
	static const char *const kinds[] = {"", ": index", ": bool", ": any"};
	*text = '\0';
	say(text, size, "%s(", op->name);
	for (int i = 0; i < op->n_operands; i++) {
		const struct gd_operand_spec *o = &op->operands[i];
		say(text, size, "%s%s%s%s%s", i ? ", " : "", o->name, o->list ? "..." : "",
		    kinds[o->kind], o->optional ? "?" : "");
	}
	for (int i = 0; i < op->n_params; i++) {
		const struct gd_param_spec *p = &op->params[i];
		say(text, size, "%s%s: %s%s%s", i ? ", " : ", *, ", p->name, p->type_text,
		    p->default_text ? " = " : "", p->default_text ? p->default_text : "");
	}
	say(text, size, ")");
}

START_TEST(signatures_read_back)
{
	size_t n;
	const struct gd_op *const *ops = gd_ops(&n);
	ck_assert_uint_gt(n, 60);
	for (size_t i = 0; i < n; i++) {
		char text[512];
		print_signature(ops[i], text, sizeof text);
		ck_assert_str_eq(text, ops[i]->signature);
		ck_assert_int_gt(ops[i]->n_operands, 0);
	}
}
END_TEST

/* Names to be found, in order, without doubles, and documented. */
START_TEST(every_operation_is_documented)
{
	size_t n;
	const struct gd_op *const *ops = gd_ops(&n);
	for (size_t i = 0; i < n; i++) {
		const struct gd_op *op = ops[i];
		ck_assert_ptr_eq(gd_op_find(op->name), op);
		ck_assert(i == 0 || strcmp(ops[i - 1]->name, op->name) < 0);
		ck_assert_msg(op->formula && *op->formula, "%s has no formula", op->name);
		ck_assert_msg(op->derivative && *op->derivative, "%s has no derivative", op->name);
		ck_assert_ptr_nonnull(op->kinks);
		for (const char *p = op->name; *p; p++)
			ck_assert(islower((unsigned char)*p) || isdigit((unsigned char)*p) ||
			          *p == '_' || *p == '.');
	}
	ck_assert_ptr_null(gd_op_find("Relu"));
	ck_assert_ptr_null(gd_op_find(""));
	ck_assert_ptr_null(gd_op_find("zzz"));
}
END_TEST

START_TEST(signatures_in_detail)
{
	const struct gd_op *op = gd_op_find("cross_entropy");
	ck_assert(op->loss);
	ck_assert_int_eq(op->n_operands, 3);
	ck_assert_int_eq(op->operands[1].kind, GD_OPERAND_ANY);
	ck_assert(!op->operands[1].optional && op->operands[2].optional);
	ck_assert_str_eq(op->operands[2].name, "weight");
	ck_assert_int_eq(op->n_params, 3);
	ck_assert_int_eq(op->params[0].type, GD_PARAM_INT);
	ck_assert_int_eq(op->params[0].fallback.i, -100);
	ck_assert_int_eq(op->params[1].type, GD_PARAM_CHOICE);
	ck_assert_str_eq(op->params[1].choices[0], "mean");
	ck_assert_str_eq(op->params[1].choices[2], "none");
	ck_assert_ptr_null(op->params[1].choices[3]);
	ck_assert_int_eq(op->params[1].fallback.i, 0);
	ck_assert_double_eq(op->params[2].fallback.f, 0);

	op = gd_op_find("cat");
	ck_assert(op->operands[0].list && !op->loss);
	ck_assert_str_eq(op->operands[0].name, "inputs");

	op = gd_op_find("slice");
	ck_assert(op->params[1].nullable && op->params[1].fallback.null);
	ck_assert(!op->params[0].nullable);
	ck_assert_int_eq(op->params[3].fallback.i, 1);

	op = gd_op_find("softmax");
	ck_assert_ptr_null(op->params[0].default_text);

	op = gd_op_find("sum");
	ck_assert_int_eq(op->params[0].type, GD_PARAM_INTS);
	ck_assert(op->params[0].fallback.null);
	ck_assert_int_eq(op->params[1].type, GD_PARAM_BOOL);
	ck_assert(!op->params[1].fallback.flag);

	op = gd_op_find("where");
	ck_assert_int_eq(op->operands[0].kind, GD_OPERAND_BOOL);
	op = gd_op_find("nll_loss");
	ck_assert_int_eq(op->operands[1].kind, GD_OPERAND_INDEX);
	op = gd_op_find("leaky_relu");
	ck_assert_double_eq(op->params[0].fallback.f, 0.01);
}
END_TEST

/* --- calls that are refused ------------------------------------------------------------------- */

/* Operands and parameters as in lab.h; `word` stands in the message. */
static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *word;
} refused[] = {
        {"add", "(2) (3)", "", GD_ERR_shape_mismatch, "(3,)"},
        {"add", "(2) -", "", GD_ERR_missing_field, "other"},
        {"linear", "- (2,2)", "", GD_ERR_missing_field, "input"},
        {"mul", "(2,3) (2,4)", "", GD_ERR_shape_mismatch, "(2, 4)"},
        {"where", "b(2) (3) (3)", "", GD_ERR_shape_mismatch, "(2,)"},
        {"where", "b(3) (3) (2)", "", GD_ERR_shape_mismatch, "(2,)"},
        {"clamp", "(3)", "", GD_ERR_missing_field, "min"},
        {"clamp", "(3) - -", "", GD_ERR_missing_field, "max"},
        {"softmax", "(2,3)", "dim=2", GD_ERR_invalid_parameter, "dim"},
        {"softmax", "(2,3)", "dim=-3", GD_ERR_invalid_parameter, "-2 to 1"},
        {"softmax", "()", "dim=1", GD_ERR_invalid_parameter, "dim"},
        {"sum", "(2,3)", "dim=5", GD_ERR_invalid_parameter, "dim"},
        {"sum", "(2,3)", "dim=0,-2", GD_ERR_invalid_parameter, "twice"},
        {"sum", "(2,3)", "dim=9223372036854775807", GD_ERR_invalid_parameter, "dim"},
        {"amax", "(0,3)", "", GD_ERR_invalid_parameter, "empty"},
        {"amax", "(0,3)", "dim=0", GD_ERR_invalid_parameter, "empty"},
        {"max", "(2,0)", "dim=1", GD_ERR_invalid_parameter, "empty"},
        {"min", "(0)", "", GD_ERR_invalid_parameter, "empty"},
        {"max", "(2) (2)", "dim=0", GD_ERR_invalid_parameter, "second"},
        {"transpose", "(2,3)", "dim0=0 dim1=2", GD_ERR_invalid_parameter, "dim1"},
        {"permute", "(2,3)", "dims=0", GD_ERR_invalid_parameter, "dims"},
        {"permute", "(2,3)", "dims=0,0", GD_ERR_invalid_parameter, "twice"},
        {"permute", "(2,3)", "dims=0,2", GD_ERR_invalid_parameter, "dims"},
        {"permute", "(2,3)", "dims=0,-9223372036854775808", GD_ERR_invalid_parameter, "dims"},
        {"reshape", "(2,3)", "shape=4", GD_ERR_invalid_parameter, "(4,)"},
        {"reshape", "(2,3)", "shape=-1,4", GD_ERR_invalid_parameter, "divide"},
        {"reshape", "(2,3)", "shape=-1,-1", GD_ERR_invalid_parameter, "one"},
        {"reshape", "(2,3)", "shape=-2,3", GD_ERR_invalid_parameter, "-2"},
        {"reshape", "(0,3)", "shape=-1,0", GD_ERR_invalid_parameter, "divide"},
        {"reshape", "(2)", "shape=4611686018427387904,4", GD_ERR_invalid_parameter, "elements"},
        {"squeeze", "(2,3)", "dim=4", GD_ERR_invalid_parameter, "dim"},
        {"unsqueeze", "(2,3)", "dim=3", GD_ERR_invalid_parameter, "-3 to 2"},
        {"unsqueeze", "(1,1,1,1,1,1,1,1)", "dim=0", GD_ERR_limit_exceeded, "8"},
        {"expand", "(2,3)", "size=3", GD_ERR_invalid_parameter, "fewer"},
        {"expand", "(2,3)", "size=2,4", GD_ERR_invalid_parameter, "(2, 4)"},
        {"expand", "(3)", "size=-1,3", GD_ERR_invalid_parameter, "size"},
        {"expand", "(1)", "size=-2", GD_ERR_invalid_parameter, "size"},
        {"expand", "(1)", "size=4611686018427387904,4", GD_ERR_limit_exceeded, "elements"},
        {"cat", "(2,3) (2,4)", "", GD_ERR_shape_mismatch, "(2, 4)"},
        {"cat", "(2,3) (3)", "", GD_ERR_shape_mismatch, "(3,)"},
        {"cat", "() ()", "", GD_ERR_shape_mismatch, "scalar"},
        {"cat", "(2) (2)", "dim=1", GD_ERR_invalid_parameter, "dim"},
        {"slice", "(3)", "step=0", GD_ERR_invalid_parameter, "step"},
        {"slice", "(3)", "step=-1", GD_ERR_invalid_parameter, "step"},
        {"slice", "(3)", "dim=1", GD_ERR_invalid_parameter, "dim"},
        {"slice", "()", "", GD_ERR_invalid_parameter, "scalar"},
        {"matmul", "(2,3) (2,3)", "", GD_ERR_shape_mismatch, "3 columns"},
        {"matmul", "() (2,3)", "", GD_ERR_shape_mismatch, "scalar"},
        {"matmul", "(2,2,3) (3,3,2)", "", GD_ERR_shape_mismatch, "leading"},
        {"matmul", "(3) (2)", "", GD_ERR_shape_mismatch, "2 rows"},
        {"linear", "(2,4) (3,2)", "", GD_ERR_shape_mismatch, "4 features"},
        {"linear", "(2,4) (3)", "", GD_ERR_shape_mismatch, "matrix"},
        {"linear", "() (3,2)", "", GD_ERR_shape_mismatch, "scalar"},
        {"linear", "(2,3) (3,2) (3)", "", GD_ERR_shape_mismatch, "2 columns"},
        {"linear", "(2,3) (3,2) (4,2,2)", "", GD_ERR_shape_mismatch, "bias"},
        {"mse_loss", "(2,3) (3)", "", GD_ERR_shape_mismatch, "(3,)"},
        {"mse_loss", "(2,1) (2)", "", GD_ERR_shape_mismatch, "(2, 1)"},
        {"l1_loss", "(2) ()", "", GD_ERR_shape_mismatch, "()"},
        {"huber_loss", "(2) (2)", "delta=0", GD_ERR_invalid_parameter, "delta"},
        {"huber_loss", "(2) (2)", "delta=nan", GD_ERR_invalid_parameter, "delta"},
        {"smooth_l1_loss", "(2) (2)", "beta=-1", GD_ERR_invalid_parameter, "beta"},
        {"cross_entropy", "(2,3) i(3)", "", GD_ERR_shape_mismatch, "(3,)"},
        {"cross_entropy", "() i()", "", GD_ERR_shape_mismatch, "classes"},
        {"cross_entropy", "(2,3) i(2)[3,3]", "", GD_ERR_number_out_of_range, "0 to 2"},
        {"cross_entropy", "(2,3) i(2)[-1,-1]", "", GD_ERR_number_out_of_range, "-1"},
        {"cross_entropy", "(2,3) (2)[0.25,0.5]", "", GD_ERR_wrong_type, "integers"},
        {"cross_entropy", "(2,3) i(2)[0,2] (2)", "", GD_ERR_shape_mismatch, "weight"},
        {"cross_entropy", "(2,3) i(2)[0,2]", "label_smoothing=1.5", GD_ERR_invalid_parameter,
         "label_smoothing"},
        {"cross_entropy", "(2,3) i(2)[0,2]", "label_smoothing=nan", GD_ERR_invalid_parameter,
         "label_smoothing"},
        {"nll_loss", "(2,3) i(2)[7,7]", "", GD_ERR_number_out_of_range, "7"},
        {"nll_loss", "(2,3) i(2,3)", "", GD_ERR_shape_mismatch, "(2, 3)"},
        {"binary_cross_entropy", "(2)[0,1] (3)", "", GD_ERR_shape_mismatch, "(3,)"},
        {"binary_cross_entropy", "(2)[0,1] (2) (3,2)", "", GD_ERR_shape_mismatch, "weight"},
        {"binary_cross_entropy_with_logits", "(2) (2) (3)", "", GD_ERR_shape_mismatch, ""},
        {"binary_cross_entropy_with_logits", "(2) (2) - (3,2)", "", GD_ERR_shape_mismatch,
         "pos_weight"},
};
enum { N_REFUSED = sizeof refused / sizeof *refused };

START_TEST(what_does_not_fit_is_refused)
{
	struct lab l;
	struct gd_node *in[LAB_OPERANDS];
	lab_init(&l, GD_FLOAT64);
	l.g.origin = "/layers/4";
	int n = lab_operands(&l, refused[_i].operands, in);
	struct gd_node *y =
	        lab_call_with(&l, gd_op_find(refused[_i].op), refused[_i].params, n, in);
	/* Elements are looked at when it is evaluated. */
	bool element = refused[_i].code == GD_ERR_number_out_of_range ||
	               refused[_i].code == GD_ERR_wrong_type;
	if (y && element && !lab_eval(&l, 1, &y))
		y = NULL;
	ck_assert_msg(!y, "%s %s %s was taken", refused[_i].op, refused[_i].operands,
	              refused[_i].params);
	ck_assert_msg(l.error.code == refused[_i].code, "%s %s %s: %s: %s", refused[_i].op,
	              refused[_i].operands, refused[_i].params,
	              l.error.code ? gd_code_name(l.error.code) : "no error", l.error.detail);
	ck_assert_msg(strstr(l.error.detail, refused[_i].word), "%s %s %s: \"%s\" lacks \"%s\"",
	              refused[_i].op, refused[_i].operands, refused[_i].params, l.error.detail,
	              refused[_i].word);
	ck_assert_msg(strncmp(l.error.detail, refused[_i].op, strlen(refused[_i].op)) == 0,
	              "\"%s\" does not begin with %s", l.error.detail, refused[_i].op);
	ck_assert_msg(strncmp(l.error.pointer, "/layers/4", 9) == 0, "%s", l.error.pointer);
	if (l.error.code == GD_ERR_invalid_parameter)
		ck_assert_msg(strlen(l.error.pointer) > 10, "%s", l.error.pointer);
	lab_release(&l);
}
END_TEST

/* --- operands --------------------------------------------------------------------------------- */

START_TEST(operands_are_converted)
{
	struct lab l;
	struct gd_node *in[LAB_OPERANDS];
	lab_init(&l, GD_FLOAT32);
	struct gd_call c;
	int n = lab_operands(&l, "i(3)[5,5] b(3)", in);
	gd_call_init(&c, &l.g, gd_op_find("mul"));
	in[0]->name = "labels";
	c.in = in;
	c.n_in = n;
	ck_assert(gd_call_build(&c));
	ck_assert_int_eq(c.n_out, 1);
	ck_assert_int_eq(c.out[0]->dtype, GD_FLOAT32);
	ck_assert_uint_eq(c.indices, 3);
	ck_assert_str_eq(c.in[0]->name, "labels");

	gd_call_init(&c, &l.g, gd_op_find("where"));
	n = lab_operands(&l, "(4)[1,2] (4) (4)", in);
	c.in = in;
	c.n_in = n;
	ck_assert(gd_call_build(&c));
	ck_assert_uint_eq(c.indices, 1);
	ck_assert_int_eq(c.in[0]->dtype, GD_BOOL);
	lab_release(&l);
}
END_TEST

/* Whole numbers in a floating target are classes. */
START_TEST(classes_may_come_as_floats)
{
	struct lab l;
	lab_init(&l, GD_FLOAT32);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){2, 3}, -1, 1), *t = LAB(&l, 1, (2), 2, 0);
	struct gd_node *y = lab_call(&l, "nll_loss", "reduction=none", 2, x, t);
	ck_assert_ptr_nonnull(y);
	LAB_IS(&l, y, 0, -lab_at(x, 2), -lab_at(x, 3));
	lab_release(&l);
}
END_TEST

START_TEST(classes_may_be_computed)
{
	for (int i = 0; i < 2; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = lab_random(&l, 2, (int64_t[]){2, 3}, -1, 1);
		struct gd_node *t = LAB(&l, 1, (2), -2, i ? 0.5 : -1);
		struct gd_node *y =
		        lab_call(&l, "nll_loss", "reduction=none", 2, x, gd_abs(&l.g, t));
		ck_assert_ptr_nonnull(y);
		if (i) {
			ck_assert(!lab_eval(&l, 1, &y));
			ck_assert_int_eq(l.error.code, GD_ERR_wrong_type);
		} else {
			LAB_IS(&l, y, 0, -lab_at(x, 2), -lab_at(x, 4));
		}
		lab_release(&l);
	}
}
END_TEST

/* No class at all: nothing can be read, and nothing needs to be where all are ignored. */
START_TEST(no_classes)
{
	for (int i = 0; i < 2; i++) {
		struct lab l;
		struct gd_node *in[LAB_OPERANDS], *grad;
		lab_init(&l, GD_FLOAT64);
		int n = lab_operands(&l, i ? "(2,0) i(2)[0,0] (0)" : "(2,0) i(2)[-100,-100] (0)",
		                     in);
		struct gd_node *y =
		        lab_call_with(&l, gd_op_find("cross_entropy"), "reduction=sum", n, in);
		ck_assert(lab_grad(&l, y, NULL, 1, in, &grad));
		ck_assert(lab_eval(&l, 1, &y) == !i);
		if (i)
			ck_assert_int_eq(l.error.code, GD_ERR_number_out_of_range);
		else
			LAB_IS(&l, y, 0, 0);
		lab_release(&l);
	}
}
END_TEST

/* The client's tensor of classes is read, never written. */
START_TEST(classes_stay_as_they_are)
{
	struct lab l;
	struct gd_node *in[LAB_OPERANDS];
	lab_init(&l, GD_FLOAT64);
	int n = lab_operands(&l, "(4,3) i(4)[-100,-100]", in);
	lab_set(in[1], 2, 1);
	struct gd_node *y = lab_call_with(&l, gd_op_find("cross_entropy"), "", n, in);
	ck_assert(lab_eval(&l, 1, &y));
	ck_assert_double_eq(lab_at(in[1], 0), -100);
	ck_assert_double_eq(lab_at(in[1], 2), 1);
	lab_release(&l);
}
END_TEST

START_TEST(several_results)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_call c;
	struct gd_node *x = LAB(&l, 2, (2, 3), 1, 5, 2, 7, 3, 7);
	gd_call_init(&c, &l.g, gd_op_find("max"));
	c.in = &x;
	c.n_in = 1;
	ck_assert(lab_params(&c, "dim=-1"));
	ck_assert(gd_call_build(&c));
	ck_assert_int_eq(c.n_out, 2);
	ck_assert_int_eq(c.out[1]->dtype, GD_INT64);
	LAB_IS(&l, c.out[0], 0, 5, 7);
	LAB_IS(&l, c.out[1], 0, 1, 0);
	lab_release(&l);
}
END_TEST

/* Numbers beyond any tensor are just long ways. */
START_TEST(slices_with_extreme_bounds)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (3, 2), 1, 2, 3, 4, 5, 6);
	LAB_IS(&l, lab_call(&l, "slice", "step=9223372036854775807", 1, x), 0, 1, 2);
	LAB_IS(&l, lab_call(&l, "slice", "step=4611686018427387904 start=2", 1, x), 0, 5, 6);
	LAB_IS(&l,
	       lab_call(&l, "slice", "start=-9223372036854775808 end=9223372036854775807", 1, x), 0,
	       1, 2, 3, 4, 5, 6);
	struct gd_node *none = lab_call(&l, "slice", "start=9223372036854775807", 1, x);
	ck_assert(none && none->shape[0] == 0);
	ck_assert(lab_eval(&l, 1, &none));
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/op");
	TCase *t = tcase_create("op");
	tcase_add_test(t, signatures_read_back);
	tcase_add_test(t, every_operation_is_documented);
	tcase_add_test(t, signatures_in_detail);
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 0, N_REFUSED);
	tcase_add_test(t, operands_are_converted);
	tcase_add_test(t, classes_may_come_as_floats);
	tcase_add_test(t, classes_may_be_computed);
	tcase_add_test(t, no_classes);
	tcase_add_test(t, classes_stay_as_they_are);
	tcase_add_test(t, several_results);
	tcase_add_test(t, slices_with_extreme_bounds);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
