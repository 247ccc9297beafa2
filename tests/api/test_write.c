/* api/write: documents whole and streamed, every encoding, cut at every place. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "api/write.h"
#include "tests/support/test.h"

static struct gd_arena arena;
static struct gd_doc doc;

static void setup(void)
{
	gd_arena_init(&arena, (size_t)1 << 30);
	gd_doc_init(&doc, &arena);
}

static void teardown(void)
{
	gd_arena_release(&arena);
}

/* The whole text, read in blocks of n bytes. */
static char *read_all(struct gd_doc *d, size_t n)
{
	static char text[8 << 20];
	size_t at = 0, got;

	while ((got = gd_doc_read(d, text + at, n)) > 0) {
		ck_assert_uint_le(got, n);
		at += got;
		ck_assert_uint_lt(at, sizeof text - n);
	}
	text[at] = '\0';
	return text;
}

static void check(const char *expected)
{
	size_t length;

	ck_assert(gd_doc_finish(&doc));
	const char *body = gd_doc_body(&doc, &length);

	ck_assert_ptr_nonnull(body);
	ck_assert_str_eq(body, expected);
	ck_assert_uint_eq(length, strlen(expected));
	ck_assert_str_eq(read_all(&doc, GD_DOC_BLOCK), expected);
}

static struct gd_tensor tensor(enum gd_dtype dtype, int rank, const int64_t *shape, void *data)
{
	struct gd_tensor t = {.dtype = dtype, .rank = rank, .data = data};

	for (int i = 0; i < rank; i++)
		t.shape[i] = shape[i];
	ck_assert(gd_shape_count(rank, shape, &t.count));
	return t;
}

START_TEST(values)
{
	gd_doc_object(&doc);
	gd_doc_key(&doc, "a");
	gd_doc_array(&doc);
	gd_doc_double(&doc, 6.25);
	gd_doc_double(&doc, NAN);
	gd_doc_double(&doc, -INFINITY);
	gd_doc_int(&doc, -7);
	gd_doc_bool(&doc, true);
	gd_doc_bool(&doc, false);
	gd_doc_null(&doc);
	gd_doc_raw(&doc, "{}", 2);
	gd_doc_end(&doc);
	gd_doc_key(&doc, "b");
	gd_doc_object(&doc);
	gd_doc_end(&doc);
	gd_doc_key(&doc, "shape");
	gd_doc_shape(&doc, 2, (int64_t[]){2, 3});
	gd_doc_key(&doc, "text");
	gd_doc_stringf(&doc, "%d of %d", 1, 2);
	gd_doc_end(&doc);
	check("{\"a\":[6.25,\"NaN\",\"-Infinity\",-7,true,false,null,{}],\"b\":{},"
	      "\"shape\":[2,3],\"text\":\"1 of 2\"}");
}
END_TEST

START_TEST(strings_are_escaped)
{
	gd_doc_array(&doc);
	gd_doc_string(&doc, "q\"b\\n\nt\tc\x01 \x7F/");
	gd_doc_string(&doc, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
	gd_doc_string(&doc, "\xFF|\xC3|\xC0\x80|\xED\xA0\x80|\xF5|\xE2\x82");
	gd_doc_end(&doc);
	check("[\"q\\\"b\\\\n\\nt\\tc\\u0001 \\u007f/\",\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\","
	      "\"\\ufffd|\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|\\ufffd|\\ufffd\\ufffd\"]");
}
END_TEST

START_TEST(long_strings)
{
	char s[5000];

	memset(s, 'x', sizeof s);
	s[sizeof s - 1] = '\0';
	gd_doc_array(&doc);
	gd_doc_stringf(&doc, "%s", s);
	gd_doc_string(&doc, s);
	gd_doc_end(&doc);
	ck_assert(gd_doc_finish(&doc));

	size_t length;

	gd_doc_body(&doc, &length);
	ck_assert_uint_eq(length, 2 * (sizeof s - 1) + 2 * 2 + 3);
}
END_TEST

START_TEST(nested_tensors)
{
	double x[] = {1, -0.0, 181.81, 0.001, NAN, INFINITY};
	float f[] = {0.1f, 16777216.0f};
	int64_t i[] = {INT64_MIN, INT64_MAX};
	unsigned char b[] = {1, 0};
	struct gd_tensor t[] = {
	        tensor(GD_FLOAT64, 0, NULL, x),
	        tensor(GD_FLOAT64, 2, (int64_t[]){2, 3}, x),
	        tensor(GD_FLOAT64, 3, (int64_t[]){3, 1, 2}, x),
	        tensor(GD_FLOAT64, 3, (int64_t[]){3, 2, 1}, x),
	        tensor(GD_FLOAT32, 1, (int64_t[]){2}, f),
	        tensor(GD_INT64, 1, (int64_t[]){2}, i),
	        tensor(GD_BOOL, 1, (int64_t[]){2}, b),
	        tensor(GD_FLOAT64, 8, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1}, x),
	};

	gd_doc_array(&doc);
	for (size_t k = 0; k < sizeof t / sizeof *t; k++)
		gd_doc_tensor(&doc, &t[k], GD_NESTED);
	gd_doc_end(&doc);
	check("[1,[[1,-0.0,181.81],[0.001,\"NaN\",\"Infinity\"]],"
	      "[[[1,-0.0]],[[181.81,0.001]],[[\"NaN\",\"Infinity\"]]],"
	      "[[[1],[-0.0]],[[181.81],[0.001]],[[\"NaN\"],[\"Infinity\"]]],"
	      "[0.1,16777216],[-9223372036854775808,9223372036854775807],[true,false],"
	      "[[[[[[[[1]]]]]]]]]");
}
END_TEST

START_TEST(empty_tensors)
{
	struct gd_tensor t[] = {
	        tensor(GD_FLOAT64, 1, (int64_t[]){0}, NULL),
	        tensor(GD_FLOAT64, 2, (int64_t[]){2, 0}, NULL),
	        tensor(GD_FLOAT64, 3, (int64_t[]){1, 2, 0}, NULL),
	        tensor(GD_FLOAT32, 2, (int64_t[]){0, 3}, NULL),
	        tensor(GD_FLOAT32, 3, (int64_t[]){2, 0, 3}, NULL),
	        tensor(GD_INT64, 2, (int64_t[]){0, 0}, NULL),
	        tensor(GD_FLOAT64, 2, (int64_t[]){1000000000, 0}, NULL),
	};

	gd_doc_array(&doc);
	for (size_t k = 0; k < sizeof t / sizeof *t; k++)
		gd_doc_tensor(&doc, &t[k], GD_NESTED);
	gd_doc_tensor(&doc, &t[0], GD_BASE64);
	gd_doc_end(&doc);
	check("[[],[[],[]],[[[],[]]],{\"shape\":[0,3],\"dtype\":\"float32\",\"data\":[]},"
	      "{\"shape\":[2,0,3],\"dtype\":\"float32\",\"data\":[]},"
	      "{\"shape\":[0,0],\"dtype\":\"int64\",\"data\":[]},"
	      "{\"shape\":[1000000000,0],\"dtype\":\"float64\",\"data\":[]},"
	      "{\"shape\":[0],\"dtype\":\"float64\",\"base64\":\"\"}]");
}
END_TEST

START_TEST(flat_and_base64)
{
	double x[] = {1, 2, 3, 4};
	unsigned char b[] = {1, 0, 1, 1};
	struct gd_tensor m = tensor(GD_FLOAT64, 2, (int64_t[]){2, 2}, x);
	struct gd_tensor scalar = tensor(GD_FLOAT64, 0, NULL, x);
	struct gd_tensor mask = tensor(GD_BOOL, 1, (int64_t[]){4}, b);

	gd_doc_array(&doc);
	gd_doc_tensor(&doc, &m, GD_FLAT);
	gd_doc_tensor(&doc, &scalar, GD_FLAT);
	gd_doc_tensor(&doc, &scalar, GD_BASE64);
	gd_doc_tensor(&doc, &mask, GD_BASE64);
	gd_doc_end(&doc);
	check("[{\"shape\":[2,2],\"dtype\":\"float64\",\"data\":[1,2,3,4]},"
	      "{\"shape\":[],\"dtype\":\"float64\",\"data\":[1]},"
	      "{\"shape\":[],\"dtype\":\"float64\",\"base64\":\"AAAAAAAA8D8=\"},"
	      "{\"shape\":[4],\"dtype\":\"bool\",\"base64\":\"AQABAQ==\"}]");
}
END_TEST

/* From one size of blocks to the next; in large steps where somebody is waiting. */
static size_t stride(size_t block)
{
	return getenv("GD_QUICK") ? 419 : block < 150 ? 1 : 97;
}

/* A document of large tensors in all encodings, read in blocks of every size from the least on,
 * is always the same text. */
START_TEST(streamed_text_does_not_depend_on_the_blocks)
{
	enum { N = 7 * 3 * 331 };
	double *x = gd_data_alloc(&arena, N * sizeof *x);
	static char expected[8 << 20];
	size_t length;

	for (int i = 0; i < N; i++)
		x[i] = sin(i) * pow(10, i % 40 - 20);
	struct gd_tensor t = tensor(GD_FLOAT64, 3, (int64_t[]){7, 331, 3}, x);

	for (size_t block = GD_DOC_BLOCK; block < 3000; block += stride(block)) {
		gd_doc_init(&doc, &arena);
		gd_doc_object(&doc);
		for (int e = 0; e < GD_ENCODING_COUNT; e++) {
			gd_doc_key(&doc, "before");
			gd_doc_tensor(&doc, &t, (enum gd_encoding)e);
			gd_doc_key(&doc, "after");
			gd_doc_tensor(&doc, &t, (enum gd_encoding)e);
		}
		gd_doc_end(&doc);
		ck_assert(gd_doc_finish(&doc));
		ck_assert_ptr_null(gd_doc_body(&doc, &length));

		const char *text = read_all(&doc, block);

		if (block == GD_DOC_BLOCK)
			strcpy(expected, text);
		else
			ck_assert(strcmp(text, expected) == 0);
	}
	ck_assert_int_eq(strncmp(expected, "{\"before\":[[[0,", 15), 0);
	ck_assert_ptr_nonnull(strstr(expected, "]]],\"after\":[[["));
	ck_assert_ptr_nonnull(strstr(expected, "]},\"after\":{\"shape\":[7,331,3],"));
	ck_assert_str_eq(expected + strlen(expected) - 3, "\"}}");

	/* The same numbers stand in it. */
	const char *p = expected + 10;

	for (int i = 0; i < N; i++) {
		p += strspn(p, "[],");
		ck_assert_double_eq(strtod(p, (char **)&p), x[i]);
	}
}
END_TEST

START_TEST(small_tensors_stay_in_one_piece)
{
	double x[1000];
	struct gd_tensor t = tensor(GD_FLOAT64, 2, (int64_t[]){10, 100}, x);
	size_t length;

	for (int i = 0; i < 1000; i++)
		x[i] = 1.0 / (i + 1);
	gd_doc_tensor(&doc, &t, GD_NESTED);
	ck_assert(gd_doc_finish(&doc));
	ck_assert_ptr_nonnull(gd_doc_body(&doc, &length));
}
END_TEST

START_TEST(failures_are_sticky)
{
	gd_arena_release(&arena);
	gd_arena_init(&arena, 100); /* not even the first text */
	gd_doc_init(&doc, &arena);
	gd_doc_object(&doc);
	gd_doc_key(&doc, "a");
	gd_doc_double(&doc, 1);
	gd_doc_end(&doc);
	ck_assert(!gd_doc_finish(&doc));

	gd_arena_init(&arena, 1 << 20);
	gd_doc_init(&doc, &arena);
	gd_doc_object(&doc);
	ck_assert(!gd_doc_finish(&doc)); /* left open */
	gd_doc_init(&doc, &arena);
	gd_doc_end(&doc);
	ck_assert(!gd_doc_finish(&doc)); /* never opened */
	gd_doc_init(&doc, &arena);
	for (int i = 0; i <= GD_DOC_DEPTH; i++)
		gd_doc_array(&doc);
	for (int i = 0; i <= GD_DOC_DEPTH; i++)
		gd_doc_end(&doc);
	ck_assert(!gd_doc_finish(&doc));
}
END_TEST

START_TEST(encodings_by_name)
{
	enum gd_encoding e;

	ck_assert(gd_encoding_from_name("nested", &e) && e == GD_NESTED);
	ck_assert(gd_encoding_from_name("flat", &e) && e == GD_FLAT);
	ck_assert(gd_encoding_from_name("base64", &e) && e == GD_BASE64);
	ck_assert(!gd_encoding_from_name("Base64", &e));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("write");
	TCase *t = tcase_create("write");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, values);
	tcase_add_test(t, strings_are_escaped);
	tcase_add_test(t, long_strings);
	tcase_add_test(t, nested_tensors);
	tcase_add_test(t, empty_tensors);
	tcase_add_test(t, flat_and_base64);
	tcase_add_test(t, streamed_text_does_not_depend_on_the_blocks);
	tcase_add_test(t, small_tensors_stay_in_one_piece);
	tcase_add_test(t, failures_are_sticky);
	tcase_add_test(t, encodings_by_name);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
