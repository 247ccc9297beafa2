/* api/json: what is read, what is refused, and where the errors point. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/json.h"
#include "tests/support/test.h"

static struct gd_arena arena;
static struct gd_error error;
static struct gd_json root;

static void setup(void)
{
	gd_arena_init(&arena, (size_t)1 << 28);
	gd_error_clear(&error);
}

static void teardown(void)
{
	gd_arena_release(&arena);
}

static void parse(const char *text)
{
	ck_assert_msg(gd_json_parse(&root, &arena, text, strlen(text), &error), "%s: %s", text,
	              error.detail);
}

static void check_error(enum gd_code code, const char *pointer)
{
	ck_assert_str_eq(gd_code_name(error.code), gd_code_name(code));
	ck_assert_str_eq(error.pointer, pointer);
	ck_assert_uint_gt(strlen(error.detail), 0);
}

static void refuse(const char *text, enum gd_code code, const char *pointer)
{
	gd_error_clear(&error);
	ck_assert_msg(!gd_json_parse(&root, &arena, text, strlen(text), &error), "%s", text);
	check_error(code, pointer);
}

START_TEST(values)
{
	struct gd_json v;
	double number;
	int64_t whole;
	bool flag;

	parse("{\"s\":\"caf\\u00e9\",\"n\":2.5,\"t\":true,\"z\":null,\"a\":[1,-7,[]],\"o\":{}}");
	ck_assert_int_eq(gd_json_kind(&root), GD_JSON_OBJECT);
	ck_assert_uint_eq(gd_json_size(&root), 6);
	ck_assert(gd_json_member(&root, "s", &v));
	ck_assert_str_eq(gd_json_string(&v, &error), "caf\xC3\xA9");
	ck_assert(gd_json_member(&root, "n", &v));
	ck_assert(gd_json_number(&v, &number, &error) && number == 2.5);
	ck_assert_str_eq(gd_json_text(&v), "");
	ck_assert(gd_json_member(&root, "t", &v));
	ck_assert(gd_json_bool(&v, &flag, &error) && flag);
	ck_assert(gd_json_member(&root, "z", &v));
	ck_assert_int_eq(gd_json_kind(&v), GD_JSON_NULL);
	ck_assert(!gd_json_member(&root, "S", &v)); /* names are case-sensitive */
	ck_assert(gd_json_require(&root, "a", &v, &error));

	struct gd_json element;

	ck_assert(gd_json_first(&v, &element));
	ck_assert(gd_json_next(&element));
	ck_assert(gd_json_int(&element, -10, 10, &whole, &error) && whole == -7);
	ck_assert_uint_eq(element.index, 1);
	ck_assert(gd_json_next(&element));
	ck_assert_int_eq(gd_json_kind(&element), GD_JSON_ARRAY);
	ck_assert(!gd_json_first(&element, &v));
	ck_assert(!gd_json_next(&element));
	ck_assert_int_eq(error.code, GD_OK);
}
END_TEST

START_TEST(roots_of_every_kind)
{
	static const char *const texts[] = {"null", "true", " 1 ", "\"\"", "[]", "{}"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		parse(texts[i]);
		ck_assert_uint_eq(gd_json_kind(&root), i);
	}
}
END_TEST

START_TEST(malformed)
{
	static const char *const texts[] = {"",    " ",     "{",         "[1,]",      "{} {}",
	                                    "nul", "[1 2]", "{\"a\" 1}", "\"a",       "{\"a\":1,}",
	                                    "'a'", "[",     "\"\\q\"",   "\"\\u12\"", "]"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		refuse(texts[i], GD_ERR_malformed_json, "");
}
END_TEST

START_TEST(duplicate_keys)
{
	refuse("{\"a\":1,\"b\":2,\"a\":3}", GD_ERR_duplicate_key, "/a");
	refuse("{\"a\":[0,{\"x/y\":1,\"x\\u002fy\":2}]}", GD_ERR_duplicate_key, "/a/1/x~1y");
	parse("{\"a\":{\"a\":{\"A\":1,\"a\":2}}}");
	parse("[{\"a\":1},{\"a\":1}]");
}
END_TEST

/* Many keys: found, and not in quadratic time. */
START_TEST(duplicate_keys_of_a_large_object)
{
	enum { N = 200000 };
	char *text = malloc(N * 20 + 100), *p = text;

	*p++ = '{';
	for (int i = 0; i < N; i++)
		p += sprintf(p, "\"k%d\":0,", i * 7919 % N);
	strcpy(p - 1, "}");
	parse(text);
	strcpy(p - 1, ",\"k777\":1}");
	refuse(text, GD_ERR_duplicate_key, "/k777");
	free(text);
}
END_TEST

START_TEST(wrong_types)
{
	struct gd_json v, element;
	double number;
	int64_t whole;
	bool flag;

	parse("{\"op\":3,\"layers\":[\"relu\",{\"dim\":1.5}],\"a~b\":true}");
	ck_assert(gd_json_member(&root, "op", &v));
	ck_assert_ptr_null(gd_json_string(&v, &error));
	check_error(GD_ERR_wrong_type, "/op");
	ck_assert_str_eq(error.detail, "\"op\" needs a string, but is a number");

	gd_error_clear(&error);
	ck_assert(gd_json_member(&root, "layers", &v));
	ck_assert(gd_json_first(&v, &element));
	ck_assert(!gd_json_number(&element, &number, &error));
	check_error(GD_ERR_wrong_type, "/layers/0");
	ck_assert_str_eq(error.detail, "element 0 of \"layers\" needs a number, but is a string");

	gd_error_clear(&error);
	ck_assert(gd_json_next(&element));
	ck_assert(gd_json_member(&element, "dim", &v));
	ck_assert(!gd_json_int(&v, 0, 5, &whole, &error));
	check_error(GD_ERR_wrong_type, "/layers/1/dim");

	gd_error_clear(&error);
	ck_assert(!gd_json_bool(&v, &flag, &error));
	gd_error_clear(&error);
	ck_assert(gd_json_member(&root, "a~b", &v));
	ck_assert(!gd_json_is(&v, GD_JSON_ARRAY, &error));
	check_error(GD_ERR_wrong_type, "/a~0b");
	ck_assert_str_eq(error.detail, "\"a~b\" needs an array, but is true or false");

	gd_error_clear(&error);
	ck_assert(!gd_json_is(&root, GD_JSON_STRING, &error));
	check_error(GD_ERR_wrong_type, "");
	ck_assert_str_eq(error.detail, "the body needs a string, but is an object");
}
END_TEST

START_TEST(numbers_at_their_limits)
{
	struct gd_json v;
	double number;
	int64_t whole;

	parse("{\"big\":1e999,\"exact\":9007199254740992,\"over\":9007199254740993e1,"
	      "\"long\":-0.00000000000000000000000000000000000000000000000000000000000000000000125,"
	      "\"text\":\"9."
	      "0000000000000000000000000000000000000000000000000000000000000000000000\","
	      "\"huge\":"
	      "1000000000000000000000000000000000000000000000000000000000000000000000e300}");
	ck_assert(gd_json_member(&root, "big", &v));
	ck_assert(!gd_json_number(&v, &number, &error));
	check_error(GD_ERR_number_out_of_range, "/big");
	gd_error_clear(&error);
	ck_assert(gd_json_member(&root, "exact", &v));
	ck_assert(gd_json_int(&v, INT64_MIN, INT64_MAX, &whole, &error));
	ck_assert_int_eq(whole, (int64_t)1 << 53);
	ck_assert(gd_json_member(&root, "over", &v));
	ck_assert(!gd_json_int(&v, INT64_MIN, INT64_MAX, &whole, &error));
	check_error(GD_ERR_invalid_parameter, "/over");
	gd_error_clear(&error);
	ck_assert(gd_json_member(&root, "long", &v));
	ck_assert(gd_json_number(&v, &number, &error));
	ck_assert_double_eq(number, -1.25e-69);
	ck_assert(gd_json_member(&root, "text", &v));
	ck_assert_uint_eq(strlen(gd_json_string(&v, &error)), 72);
	ck_assert(gd_json_member(&root, "huge", &v));
	ck_assert(!gd_json_number(&v, &number, &error));
	check_error(GD_ERR_number_out_of_range, "/huge");

	gd_error_clear(&error);
	parse("{\"n\":7}");
	ck_assert(gd_json_member(&root, "n", &v));
	ck_assert(!gd_json_int(&v, 0, 6, &whole, &error));
	check_error(GD_ERR_invalid_parameter, "/n");
	ck_assert_ptr_nonnull(strstr(error.detail, "from 0 to 6"));
}
END_TEST

START_TEST(extended_numbers)
{
	struct gd_json v;
	double number;

	parse("[\"NaN\",\"Infinity\",\"-Infinity\",3,\"inf\"]");
	gd_json_first(&root, &v);
	ck_assert(gd_json_extended(&v, &number, &error) && isnan(number));
	gd_json_next(&v);
	ck_assert(gd_json_extended(&v, &number, &error) && number > 0 && isinf(number));
	gd_json_next(&v);
	ck_assert(gd_json_extended(&v, &number, &error) && number < 0 && isinf(number));
	gd_json_next(&v);
	ck_assert(gd_json_extended(&v, &number, &error) && number == 3);
	gd_json_next(&v);
	ck_assert(!gd_json_extended(&v, &number, &error));
	check_error(GD_ERR_wrong_type, "/4");
}
END_TEST

START_TEST(fields)
{
	static const char *const names[] = {"op", "input", "weight", "bias", NULL};
	struct gd_json layers, layer, v;

	parse("{\"layers\":[{\"op\":\"linear\",\"wieght\":\"W\"}]}");
	gd_json_member(&root, "layers", &layers);
	gd_json_first(&layers, &layer);
	ck_assert(!gd_json_known(&layer, names, &error));
	check_error(GD_ERR_unknown_field, "/layers/0/wieght");
	ck_assert_str_eq(error.hint, "did you mean \"weight\"?");

	gd_error_clear(&error);
	ck_assert(!gd_json_known(&root, names, &error));
	check_error(GD_ERR_unknown_field, "/layers");
	ck_assert_str_eq(error.hint, "there are op, input, weight, bias");

	gd_error_clear(&error);
	ck_assert(!gd_json_require(&layer, "input", &v, &error));
	check_error(GD_ERR_missing_field, "/layers/0");
	ck_assert_ptr_nonnull(strstr(error.detail, "\"input\""));

	gd_error_clear(&error);
	ck_assert(!gd_json_require(&layers, "input", &v, &error));
	check_error(GD_ERR_wrong_type, "/layers");
	gd_error_clear(&error);
	ck_assert(!gd_json_known(&layers, names, &error));
	check_error(GD_ERR_wrong_type, "/layers");

	gd_error_clear(&error);
	parse("{\"bias\":1,\"op\":2}");
	ck_assert(gd_json_known(&root, names, &error));
}
END_TEST

START_TEST(lists_of_names_are_cut_to_fit)
{
	const char *names[101];

	for (int i = 0; i < 100; i++)
		names[i] = "some_name";
	names[100] = NULL;
	gd_fail(&error, GD_ERR_unknown_field, "x");
	gd_list_names(&error, names);
	ck_assert_uint_lt(strlen(error.hint), sizeof error.hint - 1);
	ck_assert_str_eq(error.hint + strlen(error.hint) - 5, ", \xE2\x80\xA6");
}
END_TEST

START_TEST(pointers)
{
	struct gd_json a, b, c;
	char buf[32];

	parse("{\"a/b\":{\"m~n\":[10,20]}}");
	gd_json_member(&root, "a/b", &a);
	gd_json_member(&a, "m~n", &b);
	gd_json_first(&b, &c);
	gd_json_next(&c);
	ck_assert_str_eq(gd_json_pointer(&root, buf, sizeof buf), "");
	ck_assert_str_eq(gd_json_pointer(&c, buf, sizeof buf), "/a~1b/m~0n/1");
	ck_assert_str_eq(gd_json_pointer_new(&c, &arena), "/a~1b/m~0n/1");
	ck_assert_str_eq(gd_json_pointer(&c, buf, 13), "/a~1b/m~0n/1");
	ck_assert_str_eq(gd_json_pointer(&c, buf, 12), "/a~1b/m~0n");
	ck_assert_str_eq(gd_json_pointer(&c, buf, 11), "/a~1b/m~0n");
	ck_assert_str_eq(gd_json_pointer(&c, buf, 10), "/a~1b");
	ck_assert_str_eq(gd_json_pointer(&c, buf, 3), "");
	ck_assert_str_eq(gd_json_pointer(&c, buf, 1), "");

	gd_json_fail(&c, &error, GD_ERR_wrong_type, "a %s", "reason");
	check_error(GD_ERR_wrong_type, "/a~1b/m~0n/1");
	ck_assert_str_eq(error.detail, "a reason");
	gd_json_fail(&root, &error, GD_ERR_not_scalar, "later");
	check_error(GD_ERR_wrong_type, "/a~1b/m~0n/1");
}
END_TEST

START_TEST(lifted_places)
{
	struct gd_json v;
	size_t index;

	parse("[0,2,3,-1,\"0\",null]");
	gd_json_first(&root, &v);
	ck_assert(gd_json_lifted(&v, 3, &index) && index == 0);
	gd_json_next(&v);
	ck_assert(gd_json_lifted(&v, 3, &index) && index == 2);
	while (gd_json_next(&v))
		ck_assert(!gd_json_lifted(&v, 3, &index));
}
END_TEST

START_TEST(nul_characters)
{
	refuse("{\"a\":[1,\"x\\u0000y\"]}", GD_ERR_invalid_parameter, "/a/1");
	refuse("{\"a\":{\"x\\u0000y\":1}}", GD_ERR_invalid_parameter, "/a");
	parse("{\"a\":\"x\\\\u0000y\"}"); /* a backslash and "u0000" */
}
END_TEST

START_TEST(memory_runs_out)
{
	gd_arena_release(&arena);
	gd_arena_init(&arena, 1000);
	refuse("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]", GD_ERR_limit_exceeded, "");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("json");
	TCase *t = tcase_create("json");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, values);
	tcase_add_test(t, roots_of_every_kind);
	tcase_add_test(t, malformed);
	tcase_add_test(t, duplicate_keys);
	tcase_add_test(t, duplicate_keys_of_a_large_object);
	tcase_add_test(t, wrong_types);
	tcase_add_test(t, numbers_at_their_limits);
	tcase_add_test(t, extended_numbers);
	tcase_add_test(t, fields);
	tcase_add_test(t, lists_of_names_are_cut_to_fit);
	tcase_add_test(t, pointers);
	tcase_add_test(t, lifted_places);
	tcase_add_test(t, nul_characters);
	tcase_add_test(t, memory_runs_out);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
