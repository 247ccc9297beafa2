/* core/tensor: dtypes, element counts, shape texts. */
#include <string.h>

#include "core/tensor.h"
#include "tests/support/test.h"

START_TEST(dtypes_by_name)
{
	for (int i = 0; i < GD_DTYPE_COUNT; i++) {
		enum gd_dtype back;

		ck_assert(gd_dtype_from_name(gd_dtype_name((enum gd_dtype)i), &back));
		ck_assert_int_eq(back, i);
	}
	ck_assert_uint_eq(gd_dtype_size(GD_FLOAT64), 8);
	ck_assert_uint_eq(gd_dtype_size(GD_FLOAT32), 4);
	ck_assert_uint_eq(gd_dtype_size(GD_INT64), 8);
	ck_assert_uint_eq(gd_dtype_size(GD_BOOL), 1);

	enum gd_dtype none = GD_INT64;

	ck_assert(!gd_dtype_from_name("Float64", &none));
	ck_assert(!gd_dtype_from_name("", &none));
	ck_assert_int_eq(none, GD_INT64);
}
END_TEST

START_TEST(counts)
{
	size_t n;

	ck_assert(gd_shape_count(0, NULL, &n) && n == 1);
	ck_assert(gd_shape_count(2, (int64_t[]){3, 4}, &n) && n == 12);
	ck_assert(gd_shape_count(3, (int64_t[]){3, 0, 4}, &n) && n == 0);
	ck_assert(!gd_shape_count(1, (int64_t[]){-1}, &n));
	ck_assert(!gd_shape_count(2, (int64_t[]){INT64_MAX, 4}, &n));
	ck_assert(!gd_shape_count(1, (int64_t[]){INT64_MAX / 4}, &n)); /* its bytes overflow */
	ck_assert(!gd_shape_count(3, (int64_t[]){0, INT64_MAX, 4}, &n));
	ck_assert(!gd_shape_count(GD_MAX_RANK + 1, (int64_t[GD_MAX_RANK + 1]){0}, &n));
}
END_TEST

START_TEST(shape_texts)
{
	char buf[GD_SHAPE_TEXT];
	int64_t longest[GD_MAX_RANK];

	ck_assert_str_eq(gd_shape_text(0, NULL, buf), "()");
	ck_assert_str_eq(gd_shape_text(1, (int64_t[]){4}, buf), "(4,)");
	ck_assert_str_eq(gd_shape_text(2, (int64_t[]){2, 3}, buf), "(2, 3)");
	for (int i = 0; i < GD_MAX_RANK; i++)
		longest[i] = INT64_MIN;
	gd_shape_text(GD_MAX_RANK, longest, buf);
	ck_assert_uint_eq(strlen(buf), 2 + GD_MAX_RANK * 20 + (GD_MAX_RANK - 1) * 2);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tensor");
	TCase *t = tcase_create("tensor");

	tcase_add_test(t, dtypes_by_name);
	tcase_add_test(t, counts);
	tcase_add_test(t, shape_texts);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
