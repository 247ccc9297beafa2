/* core/error: the first error stands, texts are cut cleanly, names are guessed sensibly. */
#include <string.h>

#include "core/error.h"
#include "tests/support/test.h"

START_TEST(codes_have_name_title_and_status)
{
	for (int code = GD_OK + 1; code < GD_ERROR_COUNT; code++) {
		const char *name = gd_code_name((enum gd_code)code);
		int status = gd_code_status((enum gd_code)code);

		ck_assert_msg(name && *name, "code %d has no name", code);
		ck_assert_uint_gt(strlen(gd_code_title((enum gd_code)code)), 0);
		ck_assert_int_ge(status, 400);
		ck_assert_int_ne(status, 500);
		for (int other = GD_OK + 1; other < code; other++)
			ck_assert_str_ne(name, gd_code_name((enum gd_code)other));
	}
	ck_assert_str_eq(gd_code_name(GD_ERR_shape_mismatch), "shape_mismatch");
	ck_assert_str_eq(gd_code_title(GD_ERR_shape_mismatch), "Shapes do not fit");
	ck_assert_int_eq(gd_code_status(GD_ERR_shape_mismatch), 422);
}
END_TEST

START_TEST(first_error_stands)
{
	struct gd_error e;

	gd_error_clear(&e);
	ck_assert_int_eq(e.code, GD_OK);
	ck_assert(!gd_fail(&e, GD_ERR_not_scalar, "%d elements", 7));
	ck_assert(!gd_fail(&e, GD_ERR_wrong_type, "later"));
	ck_assert_int_eq(e.code, GD_ERR_not_scalar);
	ck_assert_str_eq(e.detail, "7 elements");
}
END_TEST

START_TEST(clear_forgets_everything)
{
	struct gd_error e;

	memset(&e, 'x', sizeof e);
	gd_error_clear(&e);
	gd_fail(&e, GD_ERR_wrong_type, "first");
	gd_error_pointer(&e, "/a/%d", 1);
	gd_error_hint(&e, "hint");
	gd_error_shapes(&e, 2, (int64_t[]){2, 3}, 1, (int64_t[]){4});
	ck_assert_int_eq(e.expected.rank, 2);
	ck_assert_int_eq(e.expected.dim[1], 3);
	ck_assert_int_eq(e.got.rank, 1);
	ck_assert_str_eq(e.pointer, "/a/1");
	gd_error_clear(&e);
	ck_assert_int_eq(e.code, GD_OK);
	ck_assert(!e.has_position);
	ck_assert_int_eq(e.expected.rank, -1);
	ck_assert_int_eq(e.got.rank, -1);
	ck_assert_str_eq(e.pointer, "");
	ck_assert_str_eq(e.detail, "");
	ck_assert_str_eq(e.hint, "");
}
END_TEST

START_TEST(shapes_out_of_range_are_none)
{
	struct gd_error e;

	gd_error_clear(&e);
	gd_error_shapes(&e, -1, NULL, GD_MAX_RANK + 1, NULL);
	ck_assert_int_eq(e.expected.rank, -1);
	ck_assert_int_eq(e.got.rank, -1);
}
END_TEST

/* Detail texts of every length around the end of the buffer, ending in 2-, 3- and 4-byte letters.
 */
START_TEST(long_texts_are_cut_between_letters)
{
	static const char *const letters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};

	for (size_t l = 0; l < sizeof letters / sizeof *letters; l++) {
		size_t width = strlen(letters[l]);

		for (size_t lead = 0; lead < 5; lead++) {
			struct gd_error e;
			char text[2 * sizeof e.detail];
			size_t n = lead;

			memset(text, '-', lead);
			while (n + width < sizeof text) {
				memcpy(text + n, letters[l], width);
				n += width;
			}
			text[n] = '\0';
			gd_error_clear(&e);
			gd_fail(&e, GD_ERR_wrong_type, "%s", text);

			size_t room = sizeof e.detail - 1 - lead;

			ck_assert_uint_eq(strlen(e.detail), lead + room / width * width);
			ck_assert_int_eq(strncmp(e.detail, text, strlen(e.detail)), 0);
		}
	}
}
END_TEST

START_TEST(long_pointers_end_at_an_enclosing_value)
{
	struct gd_error e;
	char name[400];

	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	gd_error_clear(&e);
	gd_fail(&e, GD_ERR_wrong_type, "x");
	gd_error_pointer(&e, "/tensors/%s", name);
	ck_assert_str_eq(e.pointer, "/tensors");
}
END_TEST

START_TEST(nearest_name)
{
	static const char *const names[] = {"relu",   "leaky_relu", "sigmoid", "softmax",
	                                    "matmul", "mse_loss",   "sum",     "W",
	                                    "b",      "add"};
	static const size_t n = sizeof names / sizeof *names;

	ck_assert_str_eq(gd_nearest("reul", names, n), "relu");
	ck_assert_str_eq(gd_nearest("Relu", names, n), "relu");
	ck_assert_str_eq(gd_nearest("RELU", names, n), "relu");
	ck_assert_str_eq(gd_nearest("leakyrelu", names, n), "leaky_relu");
	ck_assert_str_eq(gd_nearest("leaky-relu", names, n), "leaky_relu");
	ck_assert_str_eq(gd_nearest("sigmiod", names, n), "sigmoid");
	ck_assert_str_eq(gd_nearest("softmx", names, n), "softmax");
	ck_assert_str_eq(gd_nearest("mseloss", names, n), "mse_loss");
	ck_assert_str_eq(gd_nearest("w", names, n), "W");
	ck_assert_ptr_null(gd_nearest("x", names, n));
	ck_assert_ptr_null(gd_nearest("", names, n));
	ck_assert_ptr_null(gd_nearest("convolution", names, n));
	ck_assert_ptr_null(gd_nearest("relu", names, 0));

	char long_name[1000];

	memset(long_name, 'r', sizeof long_name);
	long_name[sizeof long_name - 1] = '\0';
	ck_assert_ptr_null(gd_nearest(long_name, names, n));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("error");
	TCase *t = tcase_create("error");

	tcase_add_test(t, codes_have_name_title_and_status);
	tcase_add_test(t, first_error_stands);
	tcase_add_test(t, clear_forgets_everything);
	tcase_add_test(t, shapes_out_of_range_are_none);
	tcase_add_test(t, long_texts_are_cut_between_letters);
	tcase_add_test(t, long_pointers_end_at_an_enclosing_value);
	tcase_add_test(t, nearest_name);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
