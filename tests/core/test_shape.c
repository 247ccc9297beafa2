/* Shape, indexing, diagonals: what is refused and where the error points, results in number,
 * sizes that would blow up, cotangents of parts. Values and gradients are in the golden files. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

/* Operands and parameters as in lab.h; the pointer's end; `word` stands in the message. */
static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *end, *word;
} refused[] = {
        {"swapaxes", "(2,3)", "axis0=0 axis1=2", GD_ERR_invalid_parameter, "/axis1", "-2 to 1"},
        {"movedim", "(2,3)", "source=0,1 destination=0", GD_ERR_invalid_parameter, "/destination",
         "2"},
        {"movedim", "(2,3)", "source=0,0 destination=0,1", GD_ERR_invalid_parameter, "/source",
         "twice"},
        {"movedim", "(2,3)", "source=0,1 destination=1,-1", GD_ERR_invalid_parameter,
         "/destination", "twice"},
        {"movedim", "(2,3)", "source=2 destination=0", GD_ERR_invalid_parameter, "/source", "2"},
        {"view", "(2,3)", "size=4", GD_ERR_invalid_parameter, "/size", "(4,)"},
        {"view", "(2,3)", "size=-1,-1", GD_ERR_invalid_parameter, "/size", "one"},
        {"view", "(1)", "size=1,1,1,1,1,1,1,1,1", GD_ERR_invalid_parameter, "/size", "8"},
        {"flatten", "(2,3)", "start_dim=1 end_dim=0", GD_ERR_invalid_parameter, "/end_dim",
         "before"},
        {"flatten", "(2,3)", "start_dim=2", GD_ERR_invalid_parameter, "/start_dim", "2"},
        {"unflatten", "(2,3)", "dim=1 sizes=2,2", GD_ERR_invalid_parameter, "/sizes", "3"},
        {"unflatten", "(2,3)", "dim=1 sizes=[]", GD_ERR_invalid_parameter, "/sizes", "one"},
        {"unflatten", "()", "dim=0 sizes=1", GD_ERR_invalid_parameter, "/dim", "scalar"},
        {"unflatten", "(4)", "dim=1 sizes=4", GD_ERR_invalid_parameter, "/dim", "1"},
        {"broadcast_to", "(3)", "size=2", GD_ERR_invalid_parameter, "/size", "(3,)"},
        {"stack", "(2) (3)", "", GD_ERR_shape_mismatch, "4", "(3,)"},
        {"stack", "(2) (2)", "dim=2", GD_ERR_invalid_parameter, "/dim", "-2 to 1"},
        {"hstack", "(2,2) (3,2)", "", GD_ERR_shape_mismatch, "4", "(3, 2)"},
        {"vstack", "(2) (3)", "", GD_ERR_shape_mismatch, "4", "(1, 3)"},
        {"dstack", "(2,2) (3,2)", "", GD_ERR_shape_mismatch, "4", "(3, 2, 1)"},
        {"column_stack", "(2) (3)", "", GD_ERR_shape_mismatch, "4", "(3, 1)"},
        {"narrow", "(3)", "dim=0 start=4 length=0", GD_ERR_invalid_parameter, "/start", "4"},
        {"narrow", "(3)", "dim=0 start=-4 length=0", GD_ERR_invalid_parameter, "/start", "-4"},
        {"narrow", "(3)", "dim=0 start=2 length=2", GD_ERR_invalid_parameter, "/length", "2"},
        {"narrow", "(3)", "dim=0 start=0 length=-1", GD_ERR_invalid_parameter, "/length", "-1"},
        {"narrow", "(3)", "dim=0 start=1 length=9223372036854775807", GD_ERR_invalid_parameter,
         "/length", "9223372036854775807"},
        {"narrow", "(3)", "dim=0 start=-9223372036854775808 length=1", GD_ERR_invalid_parameter,
         "/start", ""},
        {"narrow", "()", "dim=0 start=0 length=1", GD_ERR_invalid_parameter, "/dim", "scalar"},
        {"select", "(3)", "dim=0 index=3", GD_ERR_invalid_parameter, "/index", "3"},
        {"select", "(3)", "dim=0 index=-4", GD_ERR_invalid_parameter, "/index", "-4"},
        {"select", "(0)", "dim=0 index=0", GD_ERR_invalid_parameter, "/index", "0"},
        {"select", "()", "dim=0 index=0", GD_ERR_invalid_parameter, "/dim", "scalar"},
        {"split", "(3)", "split_size_or_sections=0", GD_ERR_invalid_parameter,
         "/split_size_or_sections", "0"},
        {"split", "(3)", "split_size_or_sections=-1", GD_ERR_invalid_parameter,
         "/split_size_or_sections", "-1"},
        {"split", "(3)", "split_size_or_sections=[1,1]", GD_ERR_invalid_parameter,
         "/split_size_or_sections", "add up"},
        {"split", "(3)", "split_size_or_sections=[2,2]", GD_ERR_invalid_parameter,
         "/split_size_or_sections", "add up"},
        {"split", "(3)", "split_size_or_sections=[4611686018427387904,4,4611686018427387904]",
         GD_ERR_invalid_parameter, "/split_size_or_sections", "add up"},
        {"split", "(3)", "split_size_or_sections=[4,-1]", GD_ERR_invalid_parameter,
         "/split_size_or_sections", "-1"},
        {"split", "()", "split_size_or_sections=1", GD_ERR_invalid_parameter, "/dim", "scalar"},
        {"split", "(0)", "split_size_or_sections=[]", GD_ERR_invalid_parameter,
         "/split_size_or_sections", "no piece"},
        {"split", "(200000)", "split_size_or_sections=1", GD_ERR_limit_exceeded, "4", "200000"},
        {"chunk", "(3)", "chunks=0", GD_ERR_invalid_parameter, "/chunks", "0"},
        {"chunk", "(0)", "chunks=1000000000000", GD_ERR_limit_exceeded, "4", "1000000000000"},
        {"unbind", "()", "", GD_ERR_invalid_parameter, "/dim", "scalar"},
        {"unbind", "(0,2)", "", GD_ERR_invalid_parameter, "/dim", "no piece"},
        {"unbind", "(200000)", "", GD_ERR_limit_exceeded, "4", "200000"},
        {"unfold", "(3)", "dimension=0 size=4 step=1", GD_ERR_invalid_parameter, "/size", "4"},
        {"unfold", "(3)", "dimension=0 size=-1 step=1", GD_ERR_invalid_parameter, "/size", "-1"},
        {"unfold", "(3)", "dimension=0 size=1 step=0", GD_ERR_invalid_parameter, "/step", "0"},
        {"unfold", "(3)", "dimension=0 size=1", GD_ERR_invalid_parameter, "/step", "needed"},
        {"unfold", "(3)", "", GD_ERR_invalid_parameter, "/dimension", "kernel_size"},
        {"unfold", "(3)", "dimension=0 size=1 step=1 kernel_size=2", GD_ERR_invalid_parameter,
         "/kernel_size", "layer"},
        {"unfold", "(3)", "dimension=1 size=1 step=1", GD_ERR_invalid_parameter, "/dimension", ""},
        {"repeat", "(2,3)", "repeats=2", GD_ERR_invalid_parameter, "/repeats", "axes"},
        {"repeat", "(3)", "repeats=-1", GD_ERR_invalid_parameter, "/repeats", "-1"},
        {"repeat", "(3)", "repeats=4611686018427387904", GD_ERR_invalid_parameter, "/repeats",
         "too long"},
        {"repeat", "(1)", "repeats=4611686018427387904,4", GD_ERR_limit_exceeded, "4", "many"},
        {"tile", "(3)", "dims=-1", GD_ERR_invalid_parameter, "/dims", "-1"},
        {"tile", "(3)", "dims=4611686018427387904", GD_ERR_invalid_parameter, "/dims", "long"},
        {"repeat_interleave", "(3)", "repeats=-1", GD_ERR_invalid_parameter, "/repeats", "-1"},
        {"repeat_interleave", "(3)", "repeats=1,2", GD_ERR_invalid_parameter, "/repeats", "2"},
        {"repeat_interleave", "()", "repeats=2 dim=0", GD_ERR_invalid_parameter, "/dim", "scalar"},
        {"repeat_interleave", "(2)", "repeats=4611686018427387904,4611686018427387904",
         GD_ERR_invalid_parameter, "/repeats", "long"},
        {"repeat_interleave", "(2)", "repeats=1152921504606846976,0", GD_ERR_limit_exceeded, "4",
         ""},
        {"repeat_interleave", "(2)", "repeats=4611686018427387904", GD_ERR_invalid_parameter,
         "/repeats", "long"},
        {"flip", "(2,3)", "dims=0,-2", GD_ERR_invalid_parameter, "/dims", "twice"},
        {"flip", "(2,3)", "dims=2", GD_ERR_invalid_parameter, "/dims", "2"},
        {"fliplr", "(3)", "", GD_ERR_shape_mismatch, "4", "2 axes"},
        {"flipud", "()", "", GD_ERR_shape_mismatch, "4", "scalar"},
        {"roll", "(2,3)", "shifts=1,2", GD_ERR_invalid_parameter, "/shifts", "dims"},
        {"roll", "(2,3)", "shifts=1 dims=0,1", GD_ERR_invalid_parameter, "/dims", "2"},
        {"roll", "(2,3)", "shifts=[]", GD_ERR_invalid_parameter, "/shifts", "one"},
        {"roll", "()", "shifts=1 dims=0", GD_ERR_invalid_parameter, "/dims", "scalar"},
        {"rot90", "(3)", "", GD_ERR_shape_mismatch, "4", "2 axes"},
        {"rot90", "(2,3)", "dims=0", GD_ERR_invalid_parameter, "/dims", "2"},
        {"rot90", "(2,3)", "dims=0,0", GD_ERR_invalid_parameter, "/dims", "twice"},
        {"rot90", "(2,3)", "dims=0,2", GD_ERR_invalid_parameter, "/dims", "2"},
        {"pad", "(2,3)", "pad=1", GD_ERR_invalid_parameter, "/pad", "two"},
        {"pad", "(3)", "pad=1,1,1,1", GD_ERR_invalid_parameter, "/pad", "2 axes"},
        {"pad", "(3)", "pad=-4,2", GD_ERR_invalid_parameter, "/pad", "crops"},
        {"pad", "(3)", "pad=-2,-2", GD_ERR_invalid_parameter, "/pad", "crops"},
        {"pad", "(3)", "pad=4611686018427387904,1", GD_ERR_invalid_parameter, "/pad", "long"},
        {"pad", "(3)", "pad=-9223372036854775808,4611686018427387904", GD_ERR_invalid_parameter,
         "/pad", ""},
        {"pad", "(2,3)", "pad=1000000000000000000,0,1000000000000000000,0", GD_ERR_limit_exceeded,
         "4", "many"},
        {"pad", "(2,3)", "pad=3,0 mode=reflect", GD_ERR_invalid_parameter, "/pad", "3"},
        {"pad", "(2,3)", "pad=0,4 mode=circular", GD_ERR_invalid_parameter, "/pad", "4"},
        {"pad", "(2,3)", "pad=-2,-1 mode=replicate", GD_ERR_invalid_parameter, "/pad", "nothing"},
        {"pad", "(3)", "pad=1,1 mode=reflect", GD_ERR_invalid_parameter, "/pad", "axes"},
        {"pad", "(2,3)", "pad=[] mode=reflect", GD_ERR_invalid_parameter, "/pad", "axes"},
        {"pad", "(2,0)", "pad=1,1 mode=replicate", GD_ERR_invalid_parameter, "/pad", "empty"},
        {"pad", "(2,3)", "pad=1,1 mode=reflect value=1", GD_ERR_invalid_parameter, "/value",
         "constant"},
        {"pad", "(2,3)", "pad=0,1000000000000000000 mode=replicate", GD_ERR_invalid_parameter,
         "/pad", "many"},
        {"gather", "(2,3) i(2)[0,1]", "dim=0", GD_ERR_shape_mismatch, "4", "(2,)"},
        {"gather", "(2,3) i(3,1)[0,1]", "dim=1", GD_ERR_shape_mismatch, "4", "(3, 1)"},
        {"gather", "(2,3) i(2,1)[3,3]", "dim=1", GD_ERR_number_out_of_range, "4", "0 to 2"},
        {"gather", "(2,3) i(2,1)[-1,-1]", "dim=1", GD_ERR_number_out_of_range, "4", "-1"},
        {"gather", "(2,3) (2,1)[0.25,0.5]", "dim=1", GD_ERR_wrong_type, "4", "integers"},
        {"gather", "(2,3) i(2,1)", "dim=2", GD_ERR_invalid_parameter, "/dim", "2"},
        {"index_select", "(2,3) i(1,1)[0,0]", "dim=0", GD_ERR_shape_mismatch, "4", "vector"},
        {"index_select", "(2,3) i(1)[-1,-1]", "dim=0", GD_ERR_number_out_of_range, "4", "-1"},
        {"index_select", "() i(2)[0,0]", "dim=0", GD_ERR_shape_mismatch, "4", "scalar"},
        {"take", "(2,3) i(1)[6,6]", "", GD_ERR_number_out_of_range, "4", "-6 to 5"},
        {"take", "(0) i(1)[0,0]", "", GD_ERR_number_out_of_range, "4", "0"},
        {"take_along_dim", "(2,3) i(2)[0,1]", "dim=0", GD_ERR_shape_mismatch, "4", "axes"},
        {"take_along_dim", "(2,3) i(3,1)[0,1]", "dim=1", GD_ERR_shape_mismatch, "4", "broadcast"},
        {"take_along_dim", "(2,3) i(2,1)[-1,-1]", "dim=1", GD_ERR_number_out_of_range, "4", "-1"},
        {"take_along_dim", "() i()[0,0]", "dim=0", GD_ERR_invalid_parameter, "/dim", "scalar"},
        {"take_along_dim", "(2,3)", "dim=1", GD_ERR_missing_field, "4", "index"},
        {"scatter", "(2,3) i(1,3)[0,1] (1,2)", "dim=0", GD_ERR_shape_mismatch, "4", "src"},
        {"scatter", "(2,3) i(1,4)[0,1]", "dim=0 value=1", GD_ERR_shape_mismatch, "4", "(1, 4)"},
        {"scatter", "(2,3) i(1,3)[2,2] (1,3)", "dim=0", GD_ERR_number_out_of_range, "4", "2"},
        {"scatter", "(2,3) i(1,3)[0,1]", "dim=0", GD_ERR_missing_field, "4", "src"},
        {"scatter", "(2,3) i(1,3)[0,1] (1,3)", "dim=0 value=1", GD_ERR_invalid_parameter, "/value",
         "src"},
        {"scatter_add", "(2,3) i(1,3)[0,1] (3)", "dim=0", GD_ERR_shape_mismatch, "4", "src"},
        {"scatter_add", "(2,3) i(3)[0,1] (3)", "dim=0", GD_ERR_shape_mismatch, "4", "(3,)"},
        {"scatter_add", "(2,3) i(1,3)[-1,-1] (1,3)", "dim=0", GD_ERR_number_out_of_range, "4",
         "-1"},
        {"index_add", "(2,3) i(2)[0,1] (2,2)", "dim=0", GD_ERR_shape_mismatch, "4", "(2, 3)"},
        {"index_add", "(2,3) i(1)[2,2] (1,3)", "dim=0", GD_ERR_number_out_of_range, "4", "2"},
        {"index_add", "(2,3) i(1,1)[0,0] (1,3)", "dim=0", GD_ERR_shape_mismatch, "4", "vector"},
        {"one_hot", "i(2)[3,3]", "num_classes=3", GD_ERR_number_out_of_range, "4", "3"},
        {"one_hot", "i(2)[-1,-1]", "", GD_ERR_number_out_of_range, "4", "-1"},
        {"one_hot", "i(2)[0,0]", "num_classes=0", GD_ERR_invalid_parameter, "/num_classes", "0"},
        {"one_hot", "i(2)[0,0]", "num_classes=-2", GD_ERR_invalid_parameter, "/num_classes", "-2"},
        {"one_hot", "i(0)", "", GD_ERR_invalid_parameter, "/num_classes", "needed"},
        {"one_hot", "i(2)[0,0]", "num_classes=4611686018427387904", GD_ERR_limit_exceeded, "4",
         "many"},
        {"embedding", "i(2)[0,1] (3)", "", GD_ERR_shape_mismatch, "4", "matrix"},
        {"embedding", "i(2)[3,3] (3,2)", "", GD_ERR_number_out_of_range, "4", "3"},
        {"embedding", "i(2)[0,1] (3,2)", "padding_idx=3", GD_ERR_invalid_parameter, "/padding_idx",
         "3 rows"},
        {"embedding", "i(2)[0,1] (3,2)", "padding_idx=-4", GD_ERR_invalid_parameter, "/padding_idx",
         "-4"},
        {"sort", "(3)", "dim=1", GD_ERR_invalid_parameter, "/dim", "1"},
        {"topk", "(3)", "k=4", GD_ERR_invalid_parameter, "/k", "0 to the 3"},
        {"topk", "(3)", "k=-1", GD_ERR_invalid_parameter, "/k", "-1"},
        {"topk", "()", "k=0", GD_ERR_invalid_parameter, "/k", "0"},
        {"kthvalue", "(3)", "k=0", GD_ERR_invalid_parameter, "/k", "1 to the 3"},
        {"kthvalue", "(3)", "k=9223372036854775807", GD_ERR_invalid_parameter, "/k", ""},
        {"argmax", "(0)", "", GD_ERR_invalid_parameter, "/dim", "nothing"},
        {"argmin", "(2,0)", "dim=1", GD_ERR_invalid_parameter, "/dim", "nothing"},
        {"tril", "(3)", "", GD_ERR_shape_mismatch, "4", "(3,)"},
        {"triu", "()", "", GD_ERR_shape_mismatch, "4", "matrix"},
        {"diag", "()", "", GD_ERR_shape_mismatch, "4", "matrix"},
        {"diag", "(2,2,2)", "", GD_ERR_shape_mismatch, "4", "(2, 2, 2)"},
        {"diag", "(2)", "diagonal=-9223372036854775808", GD_ERR_invalid_parameter, "/diagonal",
         "far"},
        {"diag", "(2)", "diagonal=9223372036854775807", GD_ERR_invalid_parameter, "/diagonal", ""},
        {"diag", "(2)", "diagonal=1000000000000", GD_ERR_invalid_parameter, "/diagonal", "many"},
        {"diagflat", "(2)", "offset=4611686018427387904", GD_ERR_invalid_parameter, "/offset", ""},
        {"diagonal", "(2,3)", "dim1=0 dim2=-2", GD_ERR_invalid_parameter, "/dim2", "dim1"},
        {"diagonal", "(3)", "", GD_ERR_invalid_parameter, "/dim2", "1"},
        {"diag_embed", "()", "", GD_ERR_shape_mismatch, "4", "scalar"},
        {"diag_embed", "(3)", "dim1=0 dim2=2", GD_ERR_invalid_parameter, "/dim2", "2"},
        {"diag_embed", "(3)", "dim1=0 dim2=0", GD_ERR_invalid_parameter, "/dim2", "dim1"},
        {"trace", "(3)", "", GD_ERR_shape_mismatch, "4", "matrix"},
        {"trace", "(2,2,2)", "", GD_ERR_shape_mismatch, "4", "(2, 2, 2)"},
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
	const char *pointer = l.error.pointer, *end = refused[_i].end;
	/* Elements are looked at when it is evaluated. */
	bool element = refused[_i].code == GD_ERR_number_out_of_range ||
	               refused[_i].code == GD_ERR_wrong_type;
	if (y && element && !lab_eval(&l, 1, &y))
		y = NULL;
	ck_assert_msg(!y, "%s %s %s was taken", refused[_i].op, refused[_i].operands,
	              refused[_i].params);
	ck_assert_msg(l.error.code == refused[_i].code, "%s %s %s: %s: %s", refused[_i].op,
	              refused[_i].operands, refused[_i].params, gd_code_name(l.error.code),
	              l.error.detail);
	ck_assert_msg(strstr(l.error.detail, refused[_i].word), "%s %s %s: \"%s\" lacks \"%s\"",
	              refused[_i].op, refused[_i].operands, refused[_i].params, l.error.detail,
	              refused[_i].word);
	ck_assert_msg(strncmp(l.error.detail, refused[_i].op, strlen(refused[_i].op)) == 0,
	              "\"%s\" does not begin with %s", l.error.detail, refused[_i].op);
	ck_assert_msg(strncmp(pointer, "/layers/4", 9) == 0 && strlen(pointer) >= strlen(end) &&
	                      strcmp(pointer + strlen(pointer) - strlen(end), end) == 0,
	              "%s %s %s: the pointer is %s", refused[_i].op, refused[_i].operands,
	              refused[_i].params, pointer);
	lab_release(&l);
}
END_TEST

/* --- too large for the memory of a request ----------------------------------------------- */

static const struct {
	const char *op, *operands, *params;
} huge[] = {
        {"tile", "(1000)", "dims=1000000000"},
        {"repeat", "(2,2)", "repeats=1000000,1000000"},
        {"repeat_interleave", "(1000)", "repeats=1000000000"},
        {"repeat_interleave", "(2)", "repeats=1000000000000,1"},
        {"expand", "(1)", "size=1000000000000"},
        {"broadcast_to", "(1)", "size=1000000,1000000"},
        {"pad", "(2,2)", "pad=1000000000000,0"},
        {"pad", "(2,2)", "pad=1000000000000,0 value=1"},
        {"pad", "(2,2)", "pad=1000000000000,0 mode=replicate"},
        {"one_hot", "i(2)[0,0]", "num_classes=1000000000000"},
        {"diag", "(2)", "diagonal=1000000"},
        {"unfold", "(1000000)", "dimension=0 size=500000 step=1"},
};
enum { N_HUGE = sizeof huge / sizeof *huge };

START_TEST(what_does_not_fit_into_memory_fails_at_once)
{
	struct lab l;
	struct gd_node *in[LAB_OPERANDS];
	lab_init(&l, GD_FLOAT64);
	int n = lab_operands(&l, huge[_i].operands, in);
	clock_t start = clock();
	struct gd_node *y = lab_call_with(&l, gd_op_find(huge[_i].op), huge[_i].params, n, in);
	ck_assert(!y || !lab_eval(&l, 1, &y));
	ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
	ck_assert_msg((double)(clock() - start) / CLOCKS_PER_SEC < 1, "%s takes long", huge[_i].op);
	lab_release(&l);
}
END_TEST

/* --- results ----------------------------------------------------------------------------- */

START_TEST(pieces_are_many_results)
{
	static const struct {
		const char *op, *params;
		int n;
		int64_t last;
	} cut[] = {{"split", "split_size_or_sections=3", 3, 1},
	           {"split", "split_size_or_sections=[1,0,6] dim=-1", 3, 6},
	           {"chunk", "chunks=5", 4, 1},
	           {"chunk", "chunks=9223372036854775807", 7, 1},
	           {"split", "split_size_or_sections=4611686018427387904", 1, 7}};
	for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_call c;
		struct gd_node *x = lab_random(&l, 1, (int64_t[]){7}, -1, 1), *grad;
		ck_assert(lab_call_all(&l, &c, gd_op_find(cut[i].op), cut[i].params, 1, &x));
		ck_assert_int_eq(c.n_out, cut[i].n);
		struct gd_node *last = c.out[c.n_out - 1];
		ck_assert_int_eq(last->shape[0], cut[i].last);
		ck_assert(last != x);
		ck_assert(lab_grad(&l, last, NULL, 1, &x, &grad));
		ck_assert(lab_eval(&l, 1, &grad));
		for (int k = 0; k < 7; k++)
			ck_assert_double_eq(lab_at(grad, (size_t)k), k >= 7 - (int)cut[i].last);
		lab_release(&l);
	}
}
END_TEST

/* A result that is just the operand is a variable of its own. */
START_TEST(what_changes_nothing_is_a_new_variable)
{
	static const struct {
		const char *op, *params;
	} same[] = {{"flip", "dims=[]"},
	            {"pad", "pad=0,0"},
	            {"pad", "pad=0,0 mode=replicate"},
	            {"roll", "shifts=3 dims=1"},
	            {"rot90", "k=4"},
	            {"repeat", "repeats=1,1"},
	            {"tile", "dims=1"},
	            {"narrow", "dim=0 start=0 length=2"},
	            {"movedim", "source=0 destination=0"},
	            {"view", "size=2,3"},
	            {"flatten", "start_dim=1"},
	            {"broadcast_to", "size=2,3"},
	            {"repeat_interleave", "repeats=1 dim=0"},
	            {"vstack", ""}};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = lab_random(&l, 2, (int64_t[]){2, 3}, -1, 1);
		struct gd_node *y = lab_call(&l, same[i].op, same[i].params, 1, x);
		ck_assert_msg(y && y != x, "%s %s", same[i].op, same[i].params);
		ck_assert(lab_eval(&l, 1, &y));
		for (size_t k = 0; k < 6; k++)
			ck_assert_double_eq(lab_at(y, k), lab_at(x, k));
		lab_release(&l);
	}
}
END_TEST

/* Places that are read by no way, or by many: windows that overlap add up. */
START_TEST(windows_overlap)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (5), 1, 2, 3, 4, 5), *grad;
	struct gd_node *y = lab_call(&l, "unfold", "dimension=0 size=3 step=1", 1, x);
	LAB_IS(&l, y, 0, 1, 2, 3, 2, 3, 4, 3, 4, 5);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 0, 1, 2, 3, 2, 1);
	y = lab_call(&l, "unfold", "dimension=0 size=1 step=4611686018427387904", 1, x);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, y, 0, 1);
	LAB_IS(&l, grad, 0, 1, 0, 0, 0, 0);
	lab_release(&l);
}
END_TEST

/* -0 comes back as it went, where elements only move. */
START_TEST(signs_of_zeros_survive)
{
	static const char *const calls[][2] = {
	        {"flip", "dims=0"}, {"roll", "shifts=1"}, {"tril", ""}};
	for (size_t i = 0; i < 3; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = LAB(&l, 2, (1, 1), -0.0), *grad;
		struct gd_node *y = lab_call(&l, calls[i][0], calls[i][1], 1, x);
		ck_assert(lab_grad(&l, y, LAB(&l, 2, (1, 1), -0.0), 1, &x, &grad));
		ck_assert(lab_eval(&l, 2, (struct gd_node *[]){y, grad}));
		ck_assert(signbit(lab_at(y, 0)) && signbit(lab_at(grad, 0)));
		lab_release(&l);
	}
}
END_TEST

/* What a triangle drops stays out of the result, though 0·NaN is NaN. */
START_TEST(triangles_drop_nan)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 2), 1, NAN, 3, 4), *grad;
	struct gd_node *y = lab_call(&l, "tril", "", 1, x);
	LAB_IS(&l, y, 0, 1, 0, 3, 4);
	ck_assert(lab_grad(&l, gd_square(&l.g, y), NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 0, 2, 0, 6, 8);
	lab_release(&l);
}
END_TEST

/* --- cotangents of parts ----------------------------------------------------------------- */

/* The gradient of n rows costs what the rows cost, not n times the whole. */
START_TEST(many_parts_cost_no_more_than_the_whole)
{
	enum { N = 300, M = 20 };
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_call rows;
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){N, M}, -1, 1), *grad;
	struct gd_node *y = gd_const(&l.g, 0);
	ck_assert(lab_call_all(&l, &rows, gd_op_find("unbind"), "", 1, &x));
	for (int i = 0; i < rows.n_out; i++)
		y = gd_add(&l.g, y, gd_sum_all(&l.g, gd_square(&l.g, rows.out[i])));
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	double cost = gd_cost(&l.g, 1, &grad);
	ck_assert_msg(cost < 12.0 * N * M, "%g operations for %d elements", cost, N * M);
	ck_assert(lab_eval(&l, 1, &grad));
	for (size_t i = 0; i < (size_t)N * M; i++)
		ck_assert_double_eq(lab_at(grad, i), 2 * lab_at(x, i));
	lab_release(&l);
}
END_TEST

/* Parts that overlap, beside a cotangent of the whole that others read too. */
START_TEST(cotangents_of_parts_meet_others)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (3, 2), 1, 2, 3, 4, 5, 6), *in[2] = {x, NULL}, *grad[2];
	struct gd_node *w = in[1] = LAB(&l, 2, (3, 2), 1, 1, 1, 1, 1, 1);
	struct gd_node *row = lab_call(&l, "select", "dim=0 index=1", 1, x);
	struct gd_node *column = lab_call(&l, "slice", "dim=1 start=1", 1, x);
	struct gd_node *corner = lab_call(&l, "narrow", "dim=1 start=0 length=1", 1, x);
	struct gd_node *y = gd_square(&l.g, gd_add(&l.g, x, w));
	y = gd_add(&l.g, gd_sum_all(&l.g, y), gd_sum_all(&l.g, gd_square(&l.g, row)));
	y = gd_add(&l.g, y, gd_sum_all(&l.g, column));
	y = gd_add(&l.g, y, gd_sum_all(&l.g, gd_mul(&l.g, corner, gd_square(&l.g, corner))));
	ck_assert(lab_grad(&l, y, NULL, 2, in, grad));
	ck_assert(lab_eval(&l, 2, grad));
	LAB_IS(&l, grad[0], 0, 4 + 3, 6 + 1, 8 + 6 + 27, 10 + 8 + 1, 12 + 75, 14 + 1);
	LAB_IS(&l, grad[1], 0, 4, 6, 8, 10, 12, 14);
	/* Differentiated again. */
	struct gd_node *s = gd_sum_all(&l.g, grad[0]), *second;
	ck_assert(lab_grad(&l, s, NULL, 1, &x, &second));
	LAB_IS(&l, second, 0, 2 + 6, 2, 2 + 2 + 18, 2 + 2, 2 + 30, 2);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/shape");
	TCase *t = tcase_create("shape");
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 0, N_REFUSED);
	tcase_add_loop_test(t, what_does_not_fit_into_memory_fails_at_once, 0, N_HUGE);
	tcase_add_test(t, pieces_are_many_results);
	tcase_add_test(t, what_changes_nothing_is_a_new_variable);
	tcase_add_test(t, windows_overlap);
	tcase_add_test(t, signs_of_zeros_survive);
	tcase_add_test(t, triangles_drop_nan);
	tcase_add_test(t, many_parts_cost_no_more_than_the_whole);
	tcase_add_test(t, cotangents_of_parts_meet_others);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
