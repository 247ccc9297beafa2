/* api/problem: one document for every failure, with what its code calls for. */
#include <string.h>

#include "api/json.h"
#include "api/problem.h"
#include "tests/support/test.h"

static struct gd_arena arena;
static struct gd_error error;

static void setup(void)
{
	gd_arena_init(&arena, (size_t)1 << 20);
	gd_error_clear(&error);
}

static void teardown(void)
{
	gd_arena_release(&arena);
}

static const char *text(void)
{
	struct gd_doc doc;
	size_t length;

	gd_doc_init(&doc, &arena);
	gd_problem_write(&doc, &error);
	ck_assert(gd_doc_finish(&doc));
	return gd_doc_body(&doc, &length);
}

START_TEST(everything_about_shapes)
{
	gd_fail(&error, GD_ERR_shape_mismatch, "linear: 4 features, but \"W\" has 3 rows");
	gd_error_pointer(&error, "/layers/0");
	gd_error_shapes(&error, 2, (int64_t[]){4, 2}, 2, (int64_t[]){3, 2});
	gd_error_hint(&error, "transpose W");
	ck_assert_str_eq(text(), "{\"type\":\"/problems/shape_mismatch\","
	                         "\"title\":\"Shapes do not fit\",\"status\":422,"
	                         "\"code\":\"shape_mismatch\",\"pointer\":\"/layers/0\","
	                         "\"detail\":\"linear: 4 features, but \\\"W\\\" has 3 rows\","
	                         "\"expected\":[4,2],\"got\":[3,2],\"hint\":\"transpose W\"}");
}
END_TEST

START_TEST(a_scalar_shape_is_a_shape)
{
	gd_fail(&error, GD_ERR_shape_mismatch, "x");
	gd_error_shapes(&error, 0, NULL, -1, NULL);
	ck_assert_ptr_nonnull(strstr(text(), "\"expected\":[]}"));
}
END_TEST

START_TEST(malformed_json_has_a_position)
{
	gd_fail(&error, GD_ERR_malformed_json, "x");
	error.has_position = true;
	error.offset = 12;
	error.line = 2;
	error.column = 5;
	ck_assert_str_eq(text(), "{\"type\":\"/problems/malformed_json\","
	                         "\"title\":\"The body is not valid JSON\",\"status\":400,"
	                         "\"code\":\"malformed_json\","
	                         "\"position\":{\"offset\":12,\"line\":2,\"column\":5},"
	                         "\"detail\":\"x\"}");
}
END_TEST

/* Each code: its document is JSON, tells its status, and has a pointer where it is about the
 * body. */
START_TEST(every_code)
{
	for (int code = GD_OK + 1; code < GD_ERROR_COUNT; code++) {
		struct gd_json root, v;
		struct gd_error e;
		int64_t status;

		gd_error_clear(&error);
		gd_error_clear(&e);
		gd_fail(&error, (enum gd_code)code, "because");

		const char *body = text();

		ck_assert(gd_json_parse(&root, &arena, body, strlen(body), &e));
		ck_assert(gd_json_member(&root, "status", &v));
		ck_assert(gd_json_int(&v, 400, 599, &status, &e));
		ck_assert_int_eq(status, gd_code_status((enum gd_code)code));
		ck_assert(gd_json_member(&root, "type", &v));
		ck_assert_int_eq(strncmp(gd_json_text(&v), "/problems/", 10), 0);
		ck_assert_str_eq(gd_json_text(&v) + 10, gd_code_name((enum gd_code)code));

		bool about_body = status == 422 || code == GD_ERR_duplicate_key ||
		                  code == GD_ERR_limit_exceeded;

		ck_assert_int_eq(gd_json_member(&root, "pointer", &v), about_body);
		ck_assert_int_eq(gd_problem_retry_after((enum gd_code)code) > 0, status == 503);
	}
}
END_TEST

START_TEST(last_resort)
{
	size_t length;
	const char *body = gd_problem_last_resort(&length);

	ck_assert_uint_eq(strlen(body), length);
	gd_fail(&error, GD_ERR_out_of_memory, "the server has no memory left for this request");
	ck_assert_str_eq(body, text());
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("problem");
	TCase *t = tcase_create("problem");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, everything_about_shapes);
	tcase_add_test(t, a_scalar_shape_is_a_shape);
	tcase_add_test(t, malformed_json_has_a_position);
	tcase_add_test(t, every_code);
	tcase_add_test(t, last_resort);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
