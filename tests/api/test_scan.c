#include <math.h>

#include "tests/support/scan_text.h"
#include "tests/support/test.h"

static struct gd_limits default_limits(void)
{
	struct gd_limits limits = GD_LIMITS_INIT;

	return limits;
}

/* --- however the bytes are cut --- */

static char *run_cut(const char *text, size_t n, const struct gd_limits *limits, size_t first,
                     size_t step)
{
	struct scan_run r;
	size_t at = first;

	scan_run_begin(&r, limits);
	scan_run_feed(&r, text, first);
	for (; at < n; at += step)
		scan_run_feed(&r, text + at, n - at < step ? n - at : step);
	scan_run_end(&r);

	char *result = scan_run_text(&r);

	scan_run_release(&r);
	return result;
}

static char *run(const char *text)
{
	struct gd_limits limits = default_limits();

	return run_cut(text, strlen(text), &limits, strlen(text), 1);
}

static void check_cuts_with(const char *text, size_t n, const struct gd_limits *limits)
{
	char *whole = run_cut(text, n, limits, n, 1);
	size_t dense = n > 600 ? 600 : n;

	for (size_t cut = 0; cut < dense; cut++) {
		char *cut_once = run_cut(text, n, limits, cut, n);

		ck_assert_msg(strcmp(whole, cut_once) == 0,
		              "%.200s\ncut at %zu: %.900s\nnot: %.900s", text, cut, cut_once,
		              whole);
		free(cut_once);
	}
	for (size_t step = 1; step < 9; step++) {
		char *steps = run_cut(text, n, limits, 0, step);

		ck_assert_msg(strcmp(whole, steps) == 0, "%.200s\nby %zu: %.900s\nnot: %.900s",
		              text, step, steps, whole);
		free(steps);
	}
	free(whole);
}

static void check_cuts(const char *text)
{
	struct gd_limits limits = default_limits();

	check_cuts_with(text, strlen(text), &limits);
}

/* --- what comes out --- */

static const struct {
	const char *text, *start; /* of the description */
} scanned[] = {
        {"{}", "{}"},
        {" \t\r\n{ } \n", "{}"},
        {"[]", "[]"},
        {"0", "0"},
        {"null", "null"},
        {"\"\"", "\"\""},
        {"{\"layers\":[\"linear\",{\"op\":\"relu\",\"a\":[1,-2.50,3e4]}],\"loss\":null}",
         "{\"layers\":[\"linear\",{\"op\":\"relu\",\"a\":[1,-2.50,3e4]}],\"loss\":null}"},
        /* Strings get one form. */
        {"[\"\\u0041\\/\\\"\\\\\\b\\f\\n\\r\\t\\u001f\\u007f\"]",
         "[\"A/\\\"\\\\\\b\\f\\n\\r\\t\\u001f\177\"]"},
        {"[\"\\u0008\\u000b\\u000C\\u0022\\u005c\"]", "[\"\\b\\u000b\\f\\\"\\\\\"]"},
        {"[\"\\u00e9\\u20AC\\uD83D\\ude00é€😀\"]", "[\"é€😀é€😀\"]"},
        /* Numbers of the skeleton. */
        {"[1e999,-1e999,0.10000000000000000000000000000000000000000000000000000000001]",
         "[1e999,-1e999,0.1]"},
        {"{\"a\":[1 , 2],\"tensors\":[[1,2]],\"vectors\":5,\"claims\":\"x\"}",
         "{\"a\":[1,2],\"tensors\":[[1,2]],\"vectors\":5,\"claims\":\"x\"}"},
        /* Lifted. */
        {"{\"tensors\":{\"x\":[[1,2],[3.5,-0.0]]}}", "{\"tensors\":{\"x\":0}}\nfloat64(2, 2) 4:"},
        {"{\"tensors\":{\"x\":[[1,2],[3,-0]]}}",
         "{\"tensors\":{\"x\":0}}\nfloat64(2, 2) integers 4:"},
        {"{\"tensors\":{\"x\":5,\"y\":-1.5e0,\"t\":true,\"f\" : false }}",
         "{\"tensors\":{\"x\":0,\"y\":1,\"t\":2,\"f\":3}}\nfloat64() integers 1:"},
        {"{\"tensors\":{\"x\":[]}}", "{\"tensors\":{\"x\":0}}\nfloat64(0,) integers 0:"},
        {"{\"tensors\":{\"x\":[[ ] , []]}}", "{\"tensors\":{\"x\":0}}\nfloat64(2, 0) integers 0:"},
        {"{\"tensors\":{\"x\":[[[],[]],[[],[]],[[],[]]]}}",
         "{\"tensors\":{\"x\":0}}\nfloat64(3, 2, 0) integers 0:"},
        {"{\"tensors\":{\"x\":[[[[[[[[7]]]]]]]]}}",
         "{\"tensors\":{\"x\":0}}\nfloat64(1, 1, 1, 1, 1, 1, 1, 1) integers 1:"},
        {"{\"tensors\":{\"x\":[true,false]}}", "{\"tensors\":{\"x\":0}}\nbool(2,) 2:"},
        {"{\"tensors\":{\"x\":[\"NaN\",\"-Infinity\",1,\"\\u0049nfinity\"]}}",
         "{\"tensors\":{\"x\":0}}\nfloat64(4,) 4:"},
        {"{\"\\u0074ensors\":{\"x\\\"\\n\":[1]},\"grad_output\":[[2]]}",
         "{\"tensors\":{\"x\\\"\\n\":0},\"grad_output\":1}\nfloat64(1,) integers 1:"},
        {"{\"tangents\":{\"x\":[1]},\"vectors\":{\"x\":[1]},\"claims\":{\"x\":[1]}}",
         "{\"tangents\":{\"x\":0},\"vectors\":{\"x\":1},\"claims\":{\"x\":2}}"},
        /* Not lifted: what only looks like those places. */
        {"{\"x\":{\"tensors\":{\"x\":[1]}},\"layers\":[{\"grad_output\":[1]}]}",
         "{\"x\":{\"tensors\":{\"x\":[1]}},\"layers\":[{\"grad_output\":[1]}]}"},
        {"[{\"tensors\":{\"x\":[1]}}]", "[{\"tensors\":{\"x\":[1]}}]"},
        {"{\"tensors\":{\"x\":\"y\",\"z\":null,\"n\":\"NaN\"},\"grad_output\":\"x\"}",
         "{\"tensors\":{\"x\":\"y\",\"z\":null,\"n\":\"NaN\"},\"grad_output\":\"x\"}"},
        {"{\"tensors\":{\"x\":{\"more\":{\"data\":[1]},\"base64\":null,\"data\":{\"data\":[1]}}}}",
         "{\"tensors\":{\"x\":{\"more\":{\"data\":[1]},\"base64\":null,\"data\":{\"data\":[1]}}}}"},
        /* Objects. */
        {"{\"tensors\":{\"x\":{\"shape\":[2,2],\"data\":[1,2,3,4],\"dtype\":\"int64\"}}}",
         "{\"tensors\":{\"x\":{\"shape\":[2,2],\"data\":0,\"dtype\":\"int64\"}}}"
         "\nfloat64(4,) integers 4:"},
        {"{\"grad_output\":{\"data\":true,\"shape\":[]}}",
         "{\"grad_output\":{\"data\":0,\"shape\":[]}}\nbool() 1:"},
        {"{\"tensors\":{\"x\":{\"base64\":\"\",\"dtype\":\"float64\"}}}",
         "{\"tensors\":{\"x\":{\"base64\":0,\"dtype\":\"float64\"}}}\nbool(0,) base64 0:"},
        {"{\"tensors\":{\"x\":{\"base64\":\"AAECAwQFBgcICf\\/+\\u002bw==\"}}}",
         "{\"tensors\":{\"x\":{\"base64\":0}}}\nbool(13,) base64 13:"},
        {"{\"tensors\":{\"x\":{\"base64\":\"AQ==\"},\"y\":{\"base64\":\"AQI=\"}}}",
         "{\"tensors\":{\"x\":{\"base64\":0},\"y\":{\"base64\":1}}}\nbool(1,) base64 1:"},
        /* dtype. */
        {"{\"dtype\":\"float32\",\"tensors\":{\"x\":[1,0.1]}}",
         "{\"dtype\":\"float32\",\"tensors\":{\"x\":0}}\nfloat32(2,) 2:"},
        {"{\"tensors\":{\"x\":[1,0.1]},\"dtype\":\"float32\"}",
         "{\"tensors\":{\"x\":0},\"dtype\":\"float32\"}\nfloat64(2,) 2:"},
        {"{\"dtype\":\"float32\",\"tensors\":{\"x\":{\"data\":[1,\"NaN\"]}}}",
         "{\"dtype\":\"float32\",\"tensors\":{\"x\":{\"data\":0}}}\nfloat32(2,) 2:"},
        {"{\"dtype\":\"float32\",\"tensors\":{\"x\":{\"dtype\":\"int64\",\"data\":[1]}}}",
         "{\"dtype\":\"float32\",\"tensors\":{\"x\":{\"dtype\":\"int64\",\"data\":0}}}\nfloat64(1,"
         ")"},
        {"{\"dtype\":\"float32\",\"tensors\":{\"i\":{\"dtype\":\"int64\"},\"x\":[1]}}",
         "{\"dtype\":\"float32\",\"tensors\":{\"i\":{\"dtype\":\"int64\"},\"x\":0}}\nfloat32(1,)"},
        {"{\"tensors\":{\"x\":{\"dtype\":\"float32\",\"data\":[1]},\"y\":[1]}}",
         "{\"tensors\":{\"x\":{\"dtype\":\"float32\",\"data\":0},\"y\":1}}\nfloat32(1,)"},
        {"{\"dtype\":\"float32\",\"tensors\":{\"m\":[true]}}",
         "{\"dtype\":\"float32\",\"tensors\":{\"m\":0}}\nbool(1,) 1:"},
        {"{\"dtype\":{\"dtype\":\"float32\"},\"tensors\":{\"x\":[1]}}",
         "{\"dtype\":{\"dtype\":\"float32\"},\"tensors\":{\"x\":0}}\nfloat64(1,)"},
};

START_TEST(scans_as_expected)
{
	const char *text = scanned[_i].text, *start = scanned[_i].start;
	char *result = run(text);

	ck_assert_msg(strncmp(result, start, strlen(start)) == 0, "%s\nis: %s\nnot: %s", text,
	              result, start);
	free(result);
	check_cuts(text);
}
END_TEST

/* --- malformed: offset, line, column, part of the detail --- */

static const struct {
	const char *text;
	size_t offset, line, column;
	const char *part;
} malformed[] = {
        {"", 0, 1, 1, "the body is empty"},
        {" \n ", 3, 2, 2, "the body is empty"},
        {"\xEF\xBB\xBF{}", 0, 1, 1, "found the byte 0xEF (Send UTF-8 without"},
        {"{", 1, 1, 2, "expected a name in double quotes or '}' after '{'"},
        {"[", 1, 1, 2, "too early: expected a value or ']' after '['"},
        {"{\n  \"a\"\n}", 8, 3, 1, "expected ':' after the name of a member, but found '}'"},
        {"{\"a\":}", 5, 1, 6, "expected a value after ':', but found '}'"},
        {"{\"a\":1,}", 7, 1, 8, "but found '}' (JSON allows no comma in front of"},
        {"[1,]", 3, 1, 4, "but found ']' (JSON allows no comma in front of"},
        {"{\"a\":[1,\n2,\n]}", 12, 3, 1, "expected a value after ',' in an array"},
        {"{\"a\" 1}", 5, 1, 6, "expected ':'"},
        {"{\"a\":1 \"b\":2}", 7, 1, 8, "expected ',' or '}' after a member of an object"},
        {"[1 2]", 3, 1, 4, "expected ',' or ']' after an array element, but found '2'"},
        {"[1}", 2, 1, 3, "expected ',' or ']' after an array element, but found '}'"},
        {"{\"a\":1]", 6, 1, 7, "but found ']'"},
        {"{} {}", 3, 1, 4, "expected nothing more after the end of the JSON value"},
        {"{}\n]", 3, 2, 1, "nothing more"},
        {"1 2", 2, 1, 3, "nothing more"},
        {"{'a':1}", 1, 1, 2, "found \"'\" (JSON strings stand in double quotes.)"},
        {"{a:1}", 1, 1, 2, "expected a name in double quotes"},
        {"{\"a\":NaN}", 5, 1, 6, "found 'N' (Not-a-number"},
        {"{\"a\":Infinity}", 5, 1, 6, "(Not-a-number"},
        {"{\"a\":-Infinity}", 6, 1, 7, "expected a digit after '-', but found 'I' (Not-a-"},
        {"{\"a\":True}", 5, 1, 6, "small letters"},
        {"// x\n{}", 0, 1, 1, "JSON has no comments"},
        {"[tru]", 4, 1, 5, "expected the rest of 'true', but found ']'"},
        {"[nul", 4, 1, 5, "the body ends inside of 'null'"},
        {"[truex]", 5, 1, 6, "expected ',' or ']'"},
        {"[falsy]", 5, 1, 6, "expected the rest of 'false'"},
        /* Numbers. */
        {"[01]", 2, 1, 3, "does not begin with 0"},
        {"[-01]", 3, 1, 4, "does not begin with 0"},
        {"[-]", 2, 1, 3, "expected a digit after '-', but found ']' ()"},
        {"[1.]", 3, 1, 4, "expected a digit after the decimal point"},
        {"[1.e3]", 3, 1, 4, "expected a digit after the decimal point, but found 'e'"},
        {"[1e]", 3, 1, 4, "expected a digit in the exponent"},
        {"[1e+]", 4, 1, 5, "expected a digit in the exponent"},
        {"[+1]", 1, 1, 2, "Numbers in JSON begin with"},
        {"[.5]", 1, 1, 2, "Numbers in JSON begin with"},
        {"[1.2.3]", 4, 1, 5, "expected ',' or ']' after an array element, but found '.'"},
        {"[1-2]", 2, 1, 3, "expected ',' or ']' after an array element, but found '-'"},
        {"1e5e5", 3, 1, 4, "nothing more"},
        {"[0x10]", 2, 1, 3, "found 'x'"},
        {"-", 1, 1, 2, "the body ends inside a number"},
        {"[1.", 3, 1, 4, "the body ends inside a number"},
        {"[1.5e-", 6, 1, 7, "the body ends inside a number"},
        {"[12", 3, 1, 4, "expected ',' or ']'"},
        /* Strings. */
        {"\"abc", 4, 1, 5, "the body ends inside a string"},
        {"\"abc\\", 5, 1, 6, "the body ends inside a string"},
        {"\"a\nb\"", 2, 1, 3, "found a line break"},
        {"\"a\tb\"", 2, 1, 3, "found the control character 0x09"},
        {"\"\\x\"", 2, 1, 3, "after '\\' in a string, but found 'x'"},
        {"\"\\u12g4\"", 5, 1, 6, "four hexadecimal digits"},
        {"\"\\u12\"", 5, 1, 6, "four hexadecimal digits"},
        {"\"ab\\ud800\"", 3, 1, 4, "\\ud800 in a string is half of a surrogate pair"},
        {"\"ab\\udc00\"", 3, 1, 4, "\\udc00 in a string is half"},
        {"\"\\ud800\\n\"", 1, 1, 2, "half of a surrogate pair"},
        {"\"\\ud800\\ud800\"", 1, 1, 2, "half of a surrogate pair"},
        {"\"\\ud800x\"", 1, 1, 2, "half of a surrogate pair"},
        {"{\"a\\u0000\":1}", 3, 1, 4, "cannot hold \\u0000"},
        /* UTF-8. */
        {"\"\x80\"", 1, 1, 2, "the byte 0x80 in a string is not UTF-8"},
        {"\"\xC3\"", 2, 1, 3, "the byte 0x22 in a string is not UTF-8"},
        {"\"\xC0\xAF\"", 1, 1, 2, "0xC0"},
        {"\"\xE0\x9F\xBF\"", 2, 1, 3, "0x9F"},
        {"\"\xED\xA0\x80\"", 2, 1, 3, "0xA0"},
        {"\"\xF0\x8F\xBF\xBF\"", 2, 1, 3, "0x8F"},
        {"\"\xF4\x90\x80\x80\"", 2, 1, 3, "0x90"},
        {"\"\xF5\x80\x80\x80\"", 1, 1, 2, "0xF5"},
        {"\"é\xE2\x82\"", 5, 1, 6, "0x22"},
        {"[\xE9]", 1, 1, 2, "the byte 0xE9"},
        /* Within tensors. */
        {"{\"tensors\":{\"x\":[[1,2],\n [3,]]}}", 28, 2, 5, "an element or a row after ','"},
        {"{\"tensors\":{\"x\":[1 2]}}", 19, 1, 20, "expected ',' or ']'"},
        {"{\"tensors\":{\"x\":[1}}", 18, 1, 19, "but found '}'"},
        {"{\"tensors\":{\"x\":[x]}}", 17, 1, 18, "an element, a row or ']'"},
        {"{\"tensors\":{\"x\":[1,2.]}}", 21, 1, 22, "after the decimal point"},
        {"{\"tensors\":{\"x\":[1,NaN]}}", 19, 1, 20, "(Not-a-number"},
        {"{\"tensors\":{\"x\":[1,01]}}", 20, 1, 21, "does not begin with 0"},
        {"{\"tensors\":{\"x\":[\n1,\r\n2,\n3;]}}", 26, 4, 2, "found ';'"},
        {"{\"tensors\":{\"x\":[[1,2],[3,4]", 28, 1, 29, "the body ends too early"},
        {"{\"tensors\":{\"x\":[\"N\naN\"]}}", 19, 1, 20, "a line break"},
        {"{\"tensors\":{\"x\":{\"base64\":\"AA\n==\"}}}", 29, 1, 30, "a line break"},
        {"{\"tensors\":{\"x\":5 6}}", 18, 1, 19, "expected ',' or '}'"},
};

START_TEST(places_what_is_malformed)
{
	const char *text = malformed[_i].text;
	char *result = run(text), position[96];

	snprintf(position, sizeof position, " at %zu, line %zu, column %zu (", malformed[_i].offset,
	         malformed[_i].line, malformed[_i].column);
	ck_assert_msg(strncmp(result, "malformed_json '' ", 18) == 0, "%s: %s", text, result);
	ck_assert_msg(strstr(result, position) != NULL, "%s: %s", text, result);

	/* The part may go on into the hint, behind the position. */
	char *at = strstr(result, position);
	char both[1024];

	snprintf(both, sizeof both, "%.*s (%s", (int)(at - result), result, at + strlen(position));
	ck_assert_msg(strstr(both, malformed[_i].part) != NULL, "%s: %s\nnot: %s", text, both,
	              malformed[_i].part);
	free(result);
	check_cuts(text);
}
END_TEST

START_TEST(refuses_a_nul_byte)
{
	struct gd_limits limits = default_limits();
	static const char text[] = "{\"a\0b\":1}", bare[] = "{\0}";
	char *result = run_cut(text, sizeof text - 1, &limits, 3, 100);

	ck_assert_ptr_nonnull(strstr(result, "the control character 0x00 at 3,"));
	free(result);
	result = run_cut(bare, sizeof bare - 1, &limits, 3, 100);
	ck_assert_ptr_nonnull(strstr(result, "the control character 0x00 at 1,"));
	free(result);
	check_cuts_with(text, sizeof text - 1, &limits);
}
END_TEST

/* --- the rest: code and pointer, and part of the detail --- */

static const struct {
	const char *text, *start, *part;
} pointed[] = {
#define X(x) "{\"tensors\":{\"x\":" x "}}"
        {X("[[1,2],[3]]"), "ragged_array '/tensors/x/1'",
         "1 element, but the rows before it have 2"},
        {X("[[1,2],[3,4,5]]"), "ragged_array '/tensors/x/1'", "3 elements, but the rows before it"},
        {X("[[1,2],[]]"), "ragged_array '/tensors/x/1'", "0 elements, but"},
        {X("[[],[1]]"), "ragged_array '/tensors/x/1'", "1 element, but the rows before it have 0"},
        {X("[[],[[]]]"), "ragged_array '/tensors/x/1'", "the rows before it are empty"},
        {X("[[[1]],[]]"), "ragged_array '/tensors/x/1'", "0 elements"},
        {X("[[[1,2],[3,4],[5]],[[1,2]]]"), "ragged_array '/tensors/x/0/2'", "1 element,"},
        {X("[[[1,2],[3,4]],[[1,2]]]"), "ragged_array '/tensors/x/1'", "1 element, but the rows"},
        {X("[1,[2]]"), "ragged_array '/tensors/x/1'", "a row stands here"},
        {X("[[1],2]"), "ragged_array '/tensors/x/1'",
         "a number stands here, but the elements before it are rows"},
        {X("[[1],[2],true]"), "ragged_array '/tensors/x/2'", "true stands here"},
        {X("[[1,[2]]]"), "ragged_array '/tensors/x/0/1'", "a row stands here"},
        {X("[[[1],2]]"), "ragged_array '/tensors/x/0/1'", "a number"},
        {X("[[],1]"), "ragged_array '/tensors/x/1'", "a number"},
        {X("[[1],\"NaN\"]"), "ragged_array '/tensors/x/1'", "NaN stands here"},
        {"{\"tensors\":{\"a/b~c\":[[1],[]]}}", "ragged_array '/tensors/a~1b~0c/1'", ""},
        {"{\"tensors\":{\"\":[[1],[]]}}", "ragged_array '/tensors//1'", ""},
        {"{\"tensors\":{\"\\u00e9\\n\\\"\\u0001\":[[1],[]]}}",
         "ragged_array '/tensors/é\n\"\001/1'", ""},
        {"{\"grad_output\":[[1],[]]}", "ragged_array '/grad_output/1'", ""},
        {"{\"grad_output\":{\"data\":[[1],[]]}}", "ragged_array '/grad_output/data/1'", ""},
        {"{\"claims\":{\"W\":{\"data\":[[1],[]]}}}", "ragged_array '/claims/W/data/1'", ""},
        {X("[1,null]"), "wrong_type '/tensors/x/1'", "but null stands here"},
        {X("[1,{}]"), "wrong_type '/tensors/x/1'", "an object stands here"},
        {X("[1,\"two\"]"), "wrong_type '/tensors/x/1'", "here stands \"two\""},
        {X("[\"nan\"]"), "wrong_type '/tensors/x/0'", "here stands \"nan\""},
        {X("[\"a rather long text\"]"), "wrong_type '/tensors/x/0'", "some other text"},
        {X("[\"sixteen letters!\"]"), "wrong_type '/tensors/x/0'", "some other text"},
        {X("[[1,2],[3,true]]"), "wrong_type '/tensors/x/1/1'", "are numbers, but true stands here"},
        {X("[true,1]"), "wrong_type '/tensors/x/1'", "are true and false, but a number"},
        {X("[true,\"NaN\"]"), "wrong_type '/tensors/x/1'", "but NaN stands here"},
        {X("[1e308,1e309]"), "number_out_of_range '/tensors/x/1'", "too large for float64"},
        {X("[[0,-1.8e308]]"), "number_out_of_range '/tensors/x/0/1'", ""},
        {X("1e400"), "number_out_of_range '/tensors/x'", ""},
        {X("{\"data\":[1,2,1e400]}"), "number_out_of_range '/tensors/x/data/2'", ""},
        {"{\"dtype\":\"float32\",\"tensors\":{\"x\":[1,3.5e38]}}",
         "number_out_of_range '/tensors/x/1'", "float32"},
        {X("{\"dtype\":\"float32\",\"data\":[1e39]}"), "number_out_of_range '/tensors/x/data/0'",
         "float32"},
        {X("[[[[[[[[[1]]]]]]]]]"), "limit_exceeded '/tensors/x'", "8 axes"},
        {X("{\"data\":[[[[[[[[[1]]]]]]]]]}"), "limit_exceeded '/tensors/x/data'", "8 axes"},
        {X("{\"base64\":\"AA*A\"}"), "wrong_type '/tensors/x/base64'",
         "does not belong into base64"},
        {X("{\"base64\":\"AAé\"}"), "wrong_type '/tensors/x/base64'", "does not belong"},
        {X("{\"base64\":\"AA AA\"}"), "wrong_type '/tensors/x/base64'", "does not belong"},
        {X("{\"base64\":\"AA\\nAA\"}"), "wrong_type '/tensors/x/base64'", "does not belong"},
        {X("{\"base64\":\"AA-_\"}"), "wrong_type '/tensors/x/base64'", "does not belong"},
        {X("{\"base64\":\"AAA\"}"), "wrong_type '/tensors/x/base64'", "no multiple of 4"},
        {X("{\"base64\":\"AA=\"}"), "wrong_type '/tensors/x/base64'", "no multiple of 4"},
        {X("{\"base64\":\"AA==AAAA\"}"), "wrong_type '/tensors/x/base64'", "does not belong"},
        {X("{\"base64\":\"AA==\\u003d\"}"), "wrong_type '/tensors/x/base64'", "does not belong"},
        {X("{\"base64\":\"A===\"}"), "wrong_type '/tensors/x/base64'", "does not belong"},
        {X("{\"base64\":\"=AAA\"}"), "wrong_type '/tensors/x/base64'", "does not belong"},
        {X("{\"base64\":\"AA=A\"}"), "wrong_type '/tensors/x/base64'", "does not belong"},
        {X("{\"base64\":\"AB==\"}"), "wrong_type '/tensors/x/base64'", "does not belong"},
        {X("{\"base64\":0}"), "wrong_type '/tensors/x/base64'", "base64 is a string"},
        {X("{\"base64\":[1]}"), "wrong_type '/tensors/x/base64'", "base64 is a string"},
        {X("{\"base64\":true}"), "wrong_type '/tensors/x/base64'", "base64 is a string"},
#undef X
};

START_TEST(points_at_what_is_wrong)
{
	const char *text = pointed[_i].text;
	char *result = run(text);

	ck_assert_msg(strncmp(result, pointed[_i].start, strlen(pointed[_i].start)) == 0,
	              "%s: %s\nnot: %s", text, result, pointed[_i].start);
	ck_assert_msg(strstr(result, pointed[_i].part) != NULL, "%s: %s\nnot: %s", text, result,
	              pointed[_i].part);
	free(result);
	check_cuts(text);
}
END_TEST

START_TEST(cuts_a_long_pointer_at_a_part)
{
	char text[1024], name[301];

	memset(name, 'n', 300);
	name[300] = '\0';
	snprintf(text, sizeof text, "{\"tensors\":{\"%s\":[null]}}", name);

	char *result = run(text);

	ck_assert_msg(strncmp(result, "wrong_type '/tensors' ", 22) == 0, "%s", result);
	free(result);
}
END_TEST

/* --- values --- */

static struct gd_lifted *lift(struct scan_run *r, const char *text)
{
	struct gd_limits limits = default_limits();
	size_t count;

	scan_run_begin(r, &limits);
	scan_run_feed(r, text, strlen(text));
	ck_assert_msg(scan_run_end(r), "%s: %s", text, r->error.detail);

	struct gd_lifted *lifted = gd_scan_lifted(r->scan, &count);

	ck_assert_uint_ge(count, 1);
	return lifted;
}

START_TEST(values_are_right)
{
	struct scan_run r;
	struct gd_lifted *l = lift(
	        &r, "{\"tensors\":{\"x\":[[1,-0.0,\"NaN\"],[\"Infinity\",\"-Infinity\",1e-400]]}}");
	const double *x = l->tensor.data;

	ck_assert(l->tensor.rank == 2 && l->tensor.shape[0] == 2 && l->tensor.shape[1] == 3);
	ck_assert(x[0] == 1 && x[1] == 0 && signbit(x[1]) && isnan(x[2]));
	ck_assert(x[3] == INFINITY && x[4] == -INFINITY && x[5] == 0 && !signbit(x[5]));
	ck_assert(((uintptr_t)x & 63) == 0);
	scan_run_release(&r);
}
END_TEST

START_TEST(large_integers_stay_exact)
{
	struct scan_run r;
	struct gd_lifted *l = lift(&r, "{\"tensors\":{\"x\":[9007199254740993,1,9007199254740994,"
	                               "9223372036854775807,-9223372036854775808],"
	                               "\"y\":[1,9223372036854775808],\"z\":[1,2.0]}}");

	static const struct {
		size_t index;
		int64_t value;
	} large[] = {{0, 9007199254740993}, {2, 9007199254740994}, {3, INT64_MAX}, {4, INT64_MIN}};

	ck_assert(l[0].all_integers && l[0].exact_count == 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert(l[0].exact[i].is_int && l[0].exact[i].index == large[i].index &&
		          l[0].exact[i].as.i == large[i].value);
	ck_assert(((double *)l[0].tensor.data)[4] == -0x1p63);
	ck_assert(!l[1].all_integers && l[1].exact_count == 0 && !l[2].all_integers);
	scan_run_release(&r);

	/* float32 holds fewer. */
	l = lift(&r, "{\"dtype\":\"float32\",\"tensors\":{\"x\":[16777217,16777218,-16777219]}}");
	ck_assert(l->tensor.dtype == GD_FLOAT32 && l->all_integers && l->exact_count == 2);
	ck_assert(l->exact[0].index == 0 && l->exact[0].as.i == 16777217);
	ck_assert(l->exact[1].index == 2 && l->exact[1].as.i == -16777219);
	scan_run_release(&r);
}
END_TEST

/* Decimals near halfway between two float32: by way of float64 they would be rounded twice. */
START_TEST(float32_is_rounded_once)
{
	static const char texts[][96] = {
	        "1.000000059604644775390625",
	        "1.00000005960464477539062500000000000000000001",
	        "1.0000000596046447753906249999999999999999999",
	        "-1.00000017881393432617187499999999999999999",
	        "-1.00000017881393432617187500000000000000001",
	        "16777217.0000000000000001",
	        "16777218.9999999999999999",
	        "3.40282356779733661637539395458142568447e38",
	        "3.40282356779733661637539395458142568448e38",
	        "3.4028235677973366163753939545814256844e38",
	        "7.00649232162408535461864791644958065640130970938257885878534141944895541e-46",
	        "7.00649232162408535461864791644958065640130970938257885878534141944895542e-46",
	        "7.0064923216240853546186479164495806564013097093825788587853e-46",
	        "1.0e-46",
	        "4.2038953929744512127711887498697483938407858256295473152712e-45",
	        "1.40129846432481707092372958328991613128026194187651577e-45",
	        "0.1",
	        "1e39",
	        "-1e39",
	        "9223372036854775809",
	        "36893488147419103233",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct scan_run r;
		char text[200];
		float direct = strtof(texts[i], NULL);

		snprintf(text, sizeof text, "{\"tensors\":{\"x\":[0.5,%.95s,2.5]}}", texts[i]);

		struct gd_lifted *l = lift(&r, text);
		double d = ((double *)l->tensor.data)[1];

		ck_assert(d == strtod(texts[i], NULL));
		if (isinf(direct))
			ck_assert_uint_eq(l->too_large_for_float32, 2);
		else if (l->too_large_for_float32)
			ck_abort_msg("%s is not too large", texts[i]);
		else if (direct == (float)d)
			ck_assert_msg(l->exact_count == 0, "%s", texts[i]);
		else
			ck_assert_msg(l->exact_count == 1 && l->exact->index == 1 &&
			                      !l->exact->is_int && l->exact->as.f == direct,
			              "%s", texts[i]);
		scan_run_release(&r);
	}
}
END_TEST

static uint64_t random_state = 88172645463325252u;

static uint64_t random_bits(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* A large tensor in random pieces, numbers of all kinds among them. */
START_TEST(a_large_tensor_in_random_pieces)
{
	enum { ROWS = 3000, COLUMNS = 17 };
	char *text = malloc(ROWS * COLUMNS * 40 + 100), *p = text;
	double *values = malloc(sizeof(double) * ROWS * COLUMNS);
	struct gd_limits limits = default_limits();

	p += sprintf(p, "{\"tensors\": {\"x\": [");
	for (int i = 0; i < ROWS * COLUMNS; i++) {
		uint64_t bits = random_bits();
		double d;

		memcpy(&d, &bits, sizeof d);
		if (!isfinite(d) || bits % 4 == 0)
			d = (double)(bits % 1000);
		else if (bits % 4 == 1)
			d = (double)(bits >> 11) * 0x1p-53;
		values[i] = d;
		p += sprintf(p, "%s%.17g%s",
		             i % COLUMNS ? ""
		             : i         ? ",\n ["
		                         : "[",
		             d, i % COLUMNS < COLUMNS - 1 ? bits % 3 ? "," : ", " : "]");
	}
	p += sprintf(p, "]}}\n");
	for (int round = 0; round < 12; round++) {
		struct scan_run r;
		size_t n = (size_t)(p - text), count;

		scan_run_begin(&r, &limits);
		for (size_t at = 0, step; at < n; at += step) {
			step = 1 + random_bits() % (round < 3 ? 40 : 5000);
			if (step > n - at)
				step = n - at;
			scan_run_feed(&r, text + at, step);
		}
		ck_assert_msg(scan_run_end(&r), "%s", r.error.detail);

		struct gd_lifted *l = gd_scan_lifted(r.scan, &count);

		ck_assert(l->tensor.rank == 2 && l->tensor.shape[0] == ROWS &&
		          l->tensor.shape[1] == COLUMNS && l->tensor.count == ROWS * COLUMNS);
		ck_assert(memcmp(l->tensor.data, values, sizeof(double) * ROWS * COLUMNS) == 0);
		scan_run_release(&r);
	}
	free(text);
	free(values);
}
END_TEST

START_TEST(base64_of_any_length)
{
	static const char alphabet[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned char bytes[300];
	char text[1024];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)random_bits();
	for (size_t n = 0; n <= sizeof bytes; n += n < 20 ? 1 : 35) {
		char *p = text + sprintf(text, "{\"tensors\":{\"x\":{\"base64\":\"");

		for (size_t i = 0; i < n; i += 3) {
			uint32_t v = (uint32_t)bytes[i] << 16;

			v |= i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0;
			v |= i + 2 < n ? bytes[i + 2] : 0;
			*p++ = alphabet[v >> 18];
			*p++ = alphabet[v >> 12 & 63];
			*p++ = i + 1 < n ? alphabet[v >> 6 & 63] : '=';
			*p++ = i + 2 < n ? alphabet[v & 63] : '=';
		}
		strcpy(p, "\"}}}");

		struct scan_run r;
		struct gd_lifted *l = lift(&r, text);

		ck_assert(l->is_base64 && l->tensor.rank == 1 && l->tensor.count == n &&
		          l->tensor.shape[0] == (int64_t)n);
		ck_assert(memcmp(l->tensor.data, bytes, n) == 0);
		scan_run_release(&r);
		check_cuts(text);
	}
}
END_TEST

/* --- long numbers --- */

static char *long_number(size_t digits, const char *before, const char *after)
{
	char *text = malloc(digits + 200), *p = text + sprintf(text, "%s", before);

	memset(p, '7', digits);
	strcpy(p + digits, after);
	return text;
}

START_TEST(numbers_may_be_long_but_not_endless)
{
	static const struct {
		size_t digits;
		const char *before, *after, *start;
	} cases[] = {
	        {4094, "{\"tensors\":{\"x\":[1,0.", "]}}", "{\"tensors\":{\"x\":0}}"},
	        {4095, "{\"tensors\":{\"x\":[1,0.", "]}}", "limit_exceeded '/tensors/x/1'"},
	        {4095, "{\"tensors\":{\"x\":0.", "}}", "limit_exceeded '/tensors/x'"},
	        {4094, "[0.", "]", "[0.7777777777777778]"},
	        {4095, "[0.", "]", "limit_exceeded ''"},
	        {4096, "[", "]", "[1e999]"},
	        {4097, "[-", "]", "limit_exceeded ''"},
	        {4096, "[", "e]", "limit_exceeded ''"},
	        {4095, "[", "e]", "malformed_json ''"},
	        {4096, "[", "-]", "malformed_json ''"},
	        {4096, "[", "", "malformed_json ''"},
	        {1000000, "[", "]", "limit_exceeded ''"},
	        {1000000, "{\"tensors\":{\"x\":[", "", "limit_exceeded '/tensors/x/0'"},
	};
	struct gd_limits limits = default_limits();

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = long_number(cases[i].digits, cases[i].before, cases[i].after);
		size_t n = strlen(text);
		char *whole = run_cut(text, n, &limits, n, 1);

		ck_assert_msg(strncmp(whole, cases[i].start, strlen(cases[i].start)) == 0,
		              "%zu: %.300s", i, whole);
		for (size_t step = 1; step < 6000; step = step * 3 + 1) {
			char *steps = run_cut(text, n, &limits, 5, step);

			ck_assert_msg(strcmp(whole, steps) == 0, "%zu by %zu: %.300s, not %.300s",
			              i, step, steps, whole);
			free(steps);
		}
		free(whole);
		free(text);
	}
}
END_TEST

/* --- limits --- */

static void check_limit(struct gd_limits limits, const char *text, const char *start)
{
	char *result = run_cut(text, strlen(text), &limits, strlen(text), 1);

	ck_assert_msg(strncmp(result, start, strlen(start)) == 0, "%s: %s\nnot: %s", text, result,
	              start);
	free(result);
	check_cuts_with(text, strlen(text), &limits);
}

START_TEST(keeps_the_limits)
{
	struct gd_limits limits = default_limits();

	limits.elements = 4;
	check_limit(limits, "{\"tensors\":{\"x\":[1,2,3,4]}}", "{\"tensors\":{\"x\":0}}");
	check_limit(limits, "{\"tensors\":{\"x\":[1,2,3,4,5]}}", "limit_exceeded '/tensors/x'");
	check_limit(limits, "{\"tensors\":{\"x\":[1,2,3,4,\"NaN\"]}}",
	            "limit_exceeded '/tensors/x'");
	check_limit(limits, "{\"tensors\":{\"x\":[true,true,true,true]}}", "{\"tensors\"");
	check_limit(limits, "{\"tensors\":{\"x\":[true,true,true,true,true]}}",
	            "limit_exceeded '/tensors/x'");
	check_limit(limits, "{\"tensors\":{\"x\":{\"data\":[[1,2,3],[4,5,6]]}}}",
	            "limit_exceeded '/tensors/x/data'");
	limits.elements = 1;
	check_limit(limits, "{\"tensors\":{\"x\":{\"base64\":\"AAECAwQFBgc=\"}}}", "{\"tensors\"");
	check_limit(limits, "{\"tensors\":{\"x\":{\"base64\":\"AAECAwQFBgcI\"}}}",
	            "limit_exceeded '/tensors/x/base64'");

	limits = default_limits();
	limits.tensors = 2;
	check_limit(limits, "{\"tensors\":{\"x\":[1],\"y\":2}}", "{\"tensors\":{\"x\":0,\"y\":1}}");
	check_limit(limits, "{\"tensors\":{\"x\":[1],\"y\":2,\"z\":3}}",
	            "limit_exceeded '/tensors/z'");
	check_limit(limits, "{\"tensors\":{\"x\":[1],\"y\":2,\"z\":{\"base64\":\"\"}}}",
	            "limit_exceeded '/tensors/z/base64'");

	limits = default_limits();
	limits.skeleton_bytes = 20;
	check_limit(limits, "{\"tensors\":{\"x\": 1}}", "{\"tensors\":{\"x\":0}}");
	check_limit(limits, "{\"tensors\":{\"xyz\":[1]}}", "limit_exceeded ''");
	check_limit(limits, "\"1234567890 234567890\"", "limit_exceeded ''");

	limits = default_limits();
	limits.nesting = 4;
	check_limit(limits, "[[[[1]]]]", "[[[[1]]]]");
	check_limit(limits, "[[[[{}]]]]", "limit_exceeded ''");
	check_limit(limits, "{\"tensors\":{\"x\":[[1]]}}", "{\"tensors\":{\"x\":0}}");
	check_limit(limits, "{\"tensors\":{\"x\":[[[1]]]}}", "limit_exceeded '/tensors/x'");
	limits.nesting = 1000;
	check_limit(limits,
	            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"
	            "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	            "[[[[");
}
END_TEST

START_TEST(deep_nesting_is_refused_in_time)
{
	struct gd_limits limits = default_limits();
	enum { DEEP = 1000000 };
	char *text = malloc(DEEP);

	memset(text, '[', DEEP);

	char *result = run_cut(text, DEEP, &limits, DEEP, 1);

	ck_assert_msg(strncmp(result, "limit_exceeded '' ", 18) == 0, "%s", result);
	free(result);
	free(text);
}
END_TEST

/* Under every cap on memory it ends in an error or in the right result, never otherwise. */
START_TEST(runs_out_of_memory_softly)
{
	struct gd_limits limits = default_limits();
	char *text = malloc(400000), *p = text;

	p += sprintf(p, "{\"layers\":[\"");
	memset(p, 'a', 70000);
	p += 70000;
	p += sprintf(p, "\"],\"tensors\":{\"y\":[9007199254740993");
	for (int i = 0; i < 3000; i++)
		p += sprintf(p, ",9007199254740993");
	p += sprintf(p, "],\"x\":[0");
	for (int i = 0; i < 20000; i++)
		p += sprintf(p, ",%d", i);
	p += sprintf(p, "]}}");

	size_t n = (size_t)(p - text);
	char *right = run_cut(text, n, &limits, n, 1);

	ck_assert_msg(strncmp(right, "{\"layers\"", 9) == 0, "%.200s", right);
	for (size_t cap = 0; cap < 2000000; cap += cap < 40000 ? 997 : 9973) {
		limits.memory_bytes = cap;

		struct scan_run r;

		scan_run_begin(&r, &limits);
		if (!r.scan) {
			ck_assert(r.arena.failed == GD_ERR_limit_exceeded);
		} else {
			scan_run_feed(&r, text, n);
			scan_run_end(&r);

			char *result = scan_run_text(&r);

			ck_assert_msg(strcmp(result, right) == 0 ||
			                      strncmp(result, "limit_exceeded ", 15) == 0,
			              "%.200s", result);
			free(result);
		}
		scan_run_release(&r);
	}
	free(right);
	free(text);
}
END_TEST

START_TEST(stays_failed)
{
	struct gd_limits limits = default_limits();
	struct scan_run r;

	scan_run_begin(&r, &limits);
	ck_assert(!gd_scan_feed(r.scan, "[}", 2));
	ck_assert(!gd_scan_feed(r.scan, "1]", 2));
	ck_assert(!gd_scan_end(r.scan));
	ck_assert_uint_eq(r.error.offset, 1);
	scan_run_release(&r);
}
END_TEST

/* --- any bytes at all --- */

START_TEST(mutated_texts_do_not_care_for_cuts)
{
	static const char letters[] = "[]{},:\"\\0123456789.-+eE tfnu/=\n\x01\xC3\xA9";
	struct gd_limits limits = default_limits();

	limits.elements = 20;
	limits.tensors = 3;
	for (int i = 0; i < (getenv("GD_QUICK") ? 600 : 20000); i++) {
		const char *source =
		        scanned[random_bits() % (sizeof scanned / sizeof *scanned)].text;
		char text[512];
		size_t n = strlen(source);

		memcpy(text, source, n);
		for (uint64_t k = random_bits() % 4; k > 0; k--) {
			size_t at = random_bits() % n;
			char c = letters[random_bits() % (sizeof letters - 1)];

			if (random_bits() % 3 && n + 1 < sizeof text) {
				memmove(text + at + 1, text + at, n - at);
				n++;
			}
			text[at] = c;
		}

		char *whole = run_cut(text, n, &limits, n, 1);
		char *bytes = run_cut(text, n, &limits, 0, 1);
		char *pieces = run_cut(text, n, &limits, random_bits() % n, 1 + random_bits() % 7);

		ck_assert_msg(strcmp(whole, bytes) == 0, "%.*s\n%s\nnot: %s", (int)n, text, bytes,
		              whole);
		ck_assert_msg(strcmp(whole, pieces) == 0, "%.*s\n%s\nnot: %s", (int)n, text, pieces,
		              whole);
		free(whole);
		free(bytes);
		free(pieces);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("scan");
	TCase *t = tcase_create("tables");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, scans_as_expected, 0, sizeof scanned / sizeof *scanned);
	tcase_add_loop_test(t, places_what_is_malformed, 0, sizeof malformed / sizeof *malformed);
	tcase_add_loop_test(t, points_at_what_is_wrong, 0, sizeof pointed / sizeof *pointed);
	suite_add_tcase(s, t);
	t = tcase_create("cases");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, refuses_a_nul_byte);
	tcase_add_test(t, cuts_a_long_pointer_at_a_part);
	tcase_add_test(t, values_are_right);
	tcase_add_test(t, large_integers_stay_exact);
	tcase_add_test(t, float32_is_rounded_once);
	tcase_add_test(t, a_large_tensor_in_random_pieces);
	tcase_add_test(t, base64_of_any_length);
	tcase_add_test(t, numbers_may_be_long_but_not_endless);
	tcase_add_test(t, keeps_the_limits);
	tcase_add_test(t, deep_nesting_is_refused_in_time);
	tcase_add_test(t, runs_out_of_memory_softly);
	tcase_add_test(t, stays_failed);
	tcase_add_test(t, mutated_texts_do_not_care_for_cuts);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
