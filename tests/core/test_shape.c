/* Shape, indexing, diagonals: what is refused and where the error points, results in number,
 * indices known only at run time, sizes that would blow up. Values and gradients are in the golden
 * files. */
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

/* --- too large for the memory of a request -----------------------------------------------------
 */

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

/* --- indices that are computed ------------------------------------------------------------------
 */

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

/* --- results ---------------------------------------------------------------------------------- */

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

/* --- cotangents of parts ------------------------------------------------------------------------
 */

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

/* --- order
 * ---------------------------------------------------------------------------------------- */

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
	Suite *s = suite_create("core/shape");
	TCase *t = tcase_create("shape");
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 0, N_REFUSED);
	tcase_add_loop_test(t, what_does_not_fit_into_memory_fails_at_once, 0, N_HUGE);
	tcase_add_test(t, the_index_of_max_gathers);
	tcase_add_test(t, computed_indices_are_checked);
	tcase_add_test(t, computed_indices_count_from_the_end_too);
	tcase_add_test(t, indices_stay_as_they_are);
	tcase_add_test(t, one_hot_of_computed_classes);
	tcase_add_test(t, pieces_are_many_results);
	tcase_add_test(t, what_changes_nothing_is_a_new_variable);
	tcase_add_test(t, windows_overlap);
	tcase_add_test(t, signs_of_zeros_survive);
	tcase_add_test(t, triangles_drop_nan);
	tcase_add_test(t, a_padding_row_gets_no_gradient);
	tcase_add_test(t, many_parts_cost_no_more_than_the_whole);
	tcase_add_test(t, cotangents_of_parts_meet_others);
	tcase_add_loop_test(t, ties_in_an_order, 0, sizeof orders / sizeof *orders);
	tcase_add_test(t, places_written_twice_are_noted);
	tcase_add_test(t, sorting_is_a_permutation_in_order);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
