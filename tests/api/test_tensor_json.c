/* api/tensor: every form of a tensor in, every encoding out, and the values in between. */
#include <stdio.h>
#include <string.h>

#include "tests/api/call.h"
#include "tests/support/test.h"

/* x as it comes back in `encoding`, computed in `dtype`. */
static void check(const char *dtype, const char *x, const char *encoding, const char *expected)
{
	char body[4096], values[4096];
	const char *found;

	snprintf(body, sizeof body,
	         "{'dtype': '%s', 'encoding': '%s', 'tensors': {'x': %s}, 'layers': ['sum'], "
	         "'return': ['x']}",
	         dtype, encoding, x);
	snprintf(values, sizeof values, "'values': {'x': %s}", expected);

	struct answer *a = post("/forward", body);

	ck_assert_msg(a->status == 200, "%s\nto %s", a->text, body);
	found = strstr(squeezed(a->text), squeezed(json_of(values)));
	ck_assert_msg(found != NULL, "no %s\nin %s", values, a->text);
}

/* Each row: what is sent, what it is in nested form. */
static const struct {
	const char *x, *nested;
} forms[] = {
        /* nested */
        {"3", "3"},
        {"[]", "[]"},
        {"[1, 2]", "[1, 2]"},
        {"[[1, 2], [3, 4]]", "[[1, 2], [3, 4]]"},
        {"[[], []]", "[[], []]"},
        {"[[[[[[[[5]]]]]]]]", "[[[[[[[[5]]]]]]]]"},
        {"[\n  [1,\t2 ],\r\n[ 3 ,4]\n]", "[[1, 2], [3, 4]]"},
        {"true", "true"},
        {"[true, false]", "[true, false]"},
        /* flat */
        {"{'shape': [2, 2], 'data': [1, 2, 3, 4]}", "[[1, 2], [3, 4]]"},
        {"{'data': [1, 2, 3, 4], 'shape': [2, 2]}", "[[1, 2], [3, 4]]"},
        {"{'shape': [2, 2], 'data': [1, 2, 3, 4], 'dtype': 'float64'}", "[[1, 2], [3, 4]]"},
        {"{'shape': [], 'data': [7]}", "7"},
        {"{'shape': [1], 'data': [7]}", "[7]"},
        {"{'shape': [1, 1, 1, 1, 1, 1, 1, 1], 'data': [7]}", "[[[[[[[[7]]]]]]]]"},
        {"{'shape': [3], 'data': [true, false, true]}", "[true, false, true]"},
        {"{'shape': [3], 'dtype': 'bool', 'data': [true, false, true]}", "[true, false, true]"},
        {"{'shape': [2], 'dtype': 'bool', 'data': [1, 0]}", "[true, false]"},
        {"{'shape': [2], 'data': [1, 0], 'dtype': 'bool'}", "[true, false]"},
        {"{'shape': [2], 'dtype': 'int64', 'data': [1, -2.0]}", "[1, -2]"},
        {"{'shape': [2], 'dtype': 'int64', 'data': [9223372036854775807, -9223372036854775808]}",
         "[9223372036854775807, -9223372036854775808]"},
        {"{'shape': [2], 'data': [9007199254740993, 1e3], 'dtype': 'int64'}",
         "[9007199254740993, 1000]"},
        {"{'shape': [2, 0], 'data': []}", "[[], []]"},
        {"{'shape': [0, 2], 'data': []}", "{'shape': [0, 2], 'dtype': 'float64', 'data': []}"},
        {"{'shape': [0, 2], 'dtype': 'int64', 'data': []}",
         "{'shape': [0, 2], 'dtype': 'int64', 'data': []}"},
        {"{'shape': [0, 2], 'dtype': 'bool', 'data': []}",
         "{'shape': [0, 2], 'dtype': 'bool', 'data': []}"},
        /* base64 */
        {"{'shape': [2], 'base64': 'AAAAAAAA8D8AAAAAAAAAwA=='}", "[1, -2]"},
        {"{'shape': [1, 2], 'dtype': 'float64', 'base64': 'AAAAAAAA8D8AAAAAAAAAwA=='}",
         "[[1, -2]]"},
        {"{'base64': 'AACAPwAAAMA=', 'shape': [2], 'dtype': 'float32'}", "[1, -2]"},
        {"{'shape': [2], 'dtype': 'int64', 'base64': 'AQAAAAAAAAD+/////////w=='}", "[1, -2]"},
        {"{'shape': [3], 'dtype': 'bool', 'base64': 'AQAB'}", "[true, false, true]"},
        {"{'shape': [], 'base64': 'AAAAAAAA8D8='}", "1"},
        {"{'shape': [0], 'base64': ''}", "[]"},
        {"{'shape': [1], 'base64': 'AAAAAAAA+H8='}", "['NaN']"},
        {"{'shape': [1], 'base64': 'AAAAAAAA8P8='}", "['-Infinity']"},
        {"{'shape': [1], 'base64': 'AAAAAAAAAIA='}", "[-0.0]"},
        {"{'shape': [1], 'dtype': 'int64', 'base64': '\\/////\\u002f////8='}", "[-1]"},
        /* numbers */
        {"[0.1, 1e-3, 100000, 1e22, -181.81]", "[0.1, 0.001, 100000, 1e22, -181.81]"},
        {"[-0.0, 0, -0, 0e5]", "[-0.0, 0, -0.0, 0]"},
        {"[1.7976931348623157e308, 5e-324, 2.2250738585072014e-308]",
         "[1.7976931348623157e308, 5e-324, 2.2250738585072014e-308]"},
        {"[1e-400, -1e-400]", "[0, -0.0]"},
        {"[0.30000000000000004, 0.3]", "[0.30000000000000004, 0.3]"},
        {"[9007199254740993, 18446744073709551616]", "[9007199254740992, 18446744073709552000]"},
        {"['NaN', 'Infinity', '-Infinity', 1]", "['NaN', 'Infinity', '-Infinity', 1]"},
        {"[['\\u004eaN'], [1]]", "[['NaN'], [1]]"},
        {"'NaN'", "'NaN'"},
        {"'-Infinity'", "'-Infinity'"},
};

START_TEST(every_form)
{
	check("float64", forms[_i].x, "nested", forms[_i].nested);
}
END_TEST

START_TEST(float32)
{
	check("float32", "[0.1, 16777217, 3.4028234663852886e38, 1e-46, -0.0]", "nested",
	      "[0.1, 16777216, 3.4028235e38, 0, -0.0]");
	/* One rounding, not two: halfway between two floats and a hair more. */
	check("float32", "[1.00000005960464477539062500, 1.000000059604644776]", "nested",
	      "[1, 1.0000001]");
	check("float32", "{'shape': [1], 'data': [1.000000059604644776]}", "nested", "[1.0000001]");
	check("float32", "{'data': [1.000000059604644776], 'shape': [1], 'dtype': 'float32'}",
	      "nested", "[1.0000001]");
	check("float32", "{'shape': [1], 'base64': 'zczMPQ=='}", "nested", "[0.1]");
	check("float32", "{'shape': [1], 'dtype': 'float64', 'base64': 'mpmZmZmZuT8='}", "nested",
	      "[0.1]");
	check("float32", "['NaN', '-Infinity']", "nested", "['NaN', '-Infinity']");
	/* A float32 tensor of a float64 computation holds float32 values. */
	check("float64", "{'shape': [1], 'dtype': 'float32', 'data': [0.1]}", "nested",
	      "[0.10000000149011612]");
	check("float64", "{'shape': [1], 'dtype': 'float32', 'base64': 'zczMPQ=='}", "nested",
	      "[0.10000000149011612]");
	/* What is not floating stays what it is. */
	check("float32", "{'shape': [1], 'dtype': 'int64', 'data': [16777217]}", "nested",
	      "[16777217]");
	check("float32", "[true]", "nested", "[true]");
}
END_TEST

START_TEST(request_dtype_behind_the_tensors)
{
	ck_answer("/forward",
	          "{'tensors': {'x': [0.1, 1.000000059604644776]}, 'layers': ['neg'], 'dtype': "
	          "'float32'}",
	          "{'output': [-0.1, -1.0000001]}");
}
END_TEST

START_TEST(every_encoding)
{
	check("float64", "[[1, -2]]", "flat",
	      "{'shape': [1, 2], 'dtype': 'float64', 'data': [1, -2]}");
	check("float64", "[[1, -2]]", "base64",
	      "{'shape': [1, 2], 'dtype': 'float64', 'base64': 'AAAAAAAA8D8AAAAAAAAAwA=='}");
	check("float32", "[1, -2]", "flat", "{'shape': [2], 'dtype': 'float32', 'data': [1, -2]}");
	check("float32", "[1, -2]", "base64",
	      "{'shape': [2], 'dtype': 'float32', 'base64': 'AACAPwAAAMA='}");
	check("float64", "5", "flat", "{'shape': [], 'dtype': 'float64', 'data': [5]}");
	check("float64", "'NaN'", "base64",
	      "{'shape': [], 'dtype': 'float64', 'base64': 'AAAAAAAA+H8='}");
	check("float64", "[-0.0, 'Infinity']", "flat",
	      "{'shape': [2], 'dtype': 'float64', 'data': [-0.0, 'Infinity']}");
	check("float64", "[true, false]", "flat",
	      "{'shape': [2], 'dtype': 'bool', 'data': [true, false]}");
	check("float64", "[true, false]", "base64",
	      "{'shape': [2], 'dtype': 'bool', 'base64': 'AQA='}");
	check("float64", "{'shape': [1], 'dtype': 'int64', 'data': [-1]}", "base64",
	      "{'shape': [1], 'dtype': 'int64', 'base64': '//////////8='}");
	check("float64", "{'shape': [0, 3], 'data': []}", "base64",
	      "{'shape': [0, 3], 'dtype': 'float64', 'base64': ''}");
	check("float64", "[]", "nested", "[]");
}
END_TEST

/* What one answer says can be sent in the next request. */
START_TEST(answers_are_tensors)
{
	static const char *const encodings[] = {"nested", "flat", "base64"};
	const char *x = "[[0.1, -0.0, 'NaN'], [1e-310, 'Infinity', 3]]";
	char body[1024], first[1024];

	for (int i = 0; i < 3; i++) {
		snprintf(body, sizeof body,
		         "{'encoding': '%s', 'tensors': {'x': %s}, 'layers': [{'op': 'mul', "
		         "'other': 1}]}",
		         encodings[i], x);

		struct answer *a = post("/forward", body);

		ck_assert_int_eq(a->status, 200);
		const char *tensor = strchr(a->text, ':') + 1;
		const char *end = strstr(tensor, ",\"warnings\"");

		ck_assert_ptr_nonnull(end);
		snprintf(first, sizeof first, "%.*s", (int)(end - tensor), tensor);
		check("float64", first, "nested", x);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("tensors as JSON");
	TCase *t = tcase_create("tensors as JSON");

	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_loop_test(t, every_form, 0, sizeof forms / sizeof *forms);
	tcase_add_test(t, float32);
	tcase_add_test(t, request_dtype_behind_the_tensors);
	tcase_add_test(t, every_encoding);
	tcase_add_test(t, answers_are_tensors);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
