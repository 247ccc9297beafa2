/* bad_requests.def: each row is refused as it says, in whatever pieces it comes, and every refusal
 * is a complete problem document. */
#include <stdio.h>
#include <string.h>

#include "api/problem.h"
#include "tests/api/call.h"
#include "tests/support/test.h"

struct bad {
	int line;
	int status;
	enum gd_code code;
	const char *pointer;
	const char *body;
	bool malformed;
	size_t offset, at_line, column;
	const char *path, *method, *type, *accept, *allow;
	const char *says, *hint, *expected, *got;
	struct gd_limits limits;
};

#define BAD(status_, code_, pointer_, body_, ...)                                                  \
	{.line = __LINE__,                                                                         \
	 .status = (status_),                                                                      \
	 .code = GD_ERR_##code_,                                                                   \
	 .pointer = (pointer_),                                                                    \
	 .body = (body_),                                                                          \
	 __VA_ARGS__},
#define MALFORMED(offset_, line_, column_, body_, ...)                                             \
	{.line = __LINE__,                                                                         \
	 .status = 400,                                                                            \
	 .code = GD_ERR_malformed_json,                                                            \
	 .malformed = true,                                                                        \
	 .offset = (offset_),                                                                      \
	 .at_line = (line_),                                                                       \
	 .column = (column_),                                                                      \
	 .body = (body_),                                                                          \
	 __VA_ARGS__},

static const struct bad table[] = {
#include "tests/api/bad_requests.def"
};

enum { COUNT = sizeof table / sizeof *table };

static struct answer *send(const struct bad *b, const char *body, size_t piece)
{
	struct gd_limits limits = GD_LIMITS_INIT;
	const struct gd_head head = {.method = b->method ? b->method : "POST",
	                             .path = b->path ? b->path : "/grad",
	                             .content_type = b->type,
	                             .accept = b->accept,
	                             .content_length = -1};

#define TAKE(field, option, value, unit, what)                                                     \
	if (b->limits.field)                                                                       \
		limits.field = b->limits.field;
	GD_LIMITS(TAKE)
#undef TAKE
	return call(&head, &limits, body, strlen(body), piece);
}

/* The row and its answer, for messages. */
static char context[4096];
#define check(condition) ck_assert_msg(condition, "%s\nof %s", #condition, context)

static bool is(const struct answer *a, const char *pointer, const char *text)
{
	return strcmp(string_at(a, pointer), text) == 0;
}

/* What a problem document must be, whatever went wrong. */
static void check_document(const struct answer *a, const struct bad *b)
{
	char type[64];

	check(a->status == b->status);
	check(strcmp(a->type, GD_PROBLEM_TYPE) == 0);
	check(is(a, "/code", gd_code_name(b->code)));
	check(gd_code_status(b->code) == b->status);
	check((int)number_at(a, "/status") == b->status);
	check(is(a, "/title", gd_code_title(b->code)));
	snprintf(type, sizeof type, "/problems/%s", gd_code_name(b->code));
	check(is(a, "/type", type));
	check(strlen(string_at(a, "/detail")) >= 10);
	check(b->code != GD_ERR_shape_mismatch || (has(a, "/expected") && has(a, "/got")));
}

static void check_place(const struct answer *a, const struct bad *b, const char *body)
{
	check(has(a, "/position") == b->malformed);
	if (b->malformed) {
		check(number_at(a, "/position/offset") == (double)b->offset);
		check(number_at(a, "/position/line") == (double)b->at_line);
		check(number_at(a, "/position/column") == (double)b->column);
		check(!has(a, "/pointer"));
	}
	if (b->pointer)
		check(is(a, "/pointer", b->pointer));
	if (has(a, "/pointer") && b->code != GD_ERR_duplicate_key)
		check(leads_somewhere(body, strlen(body), string_at(a, "/pointer")));
}

static bool says(const struct answer *a, const char *pointer, const char *part)
{
	return !part || strstr(string_at(a, pointer), json_of(part));
}

/* "key":[2,3] */
static bool shape_is(const struct answer *a, const char *key, const char *shape)
{
	char text[64];

	snprintf(text, sizeof text, "\"%s\":%s", key, shape ? shape : "");
	return !shape || strstr(a->text, text);
}

START_TEST(refused)
{
	const struct bad *b = &table[_i];
	char *body = json_of(b->body);
	struct answer *a = send(b, body, 0);

	snprintf(context, sizeof context, "bad_requests.def:%d\n%s\n%s", b->line, body, a->text);
	check_document(a, b);
	check_place(a, b, body);
	check(says(a, "/detail", b->says));
	check(says(a, "/hint", b->hint));
	check(shape_is(a, "expected", b->expected));
	check(shape_is(a, "got", b->got));
	check(!b->allow || (a->allow && strstr(a->allow, b->allow)));
	for (size_t piece = 1; piece < 8; piece += 3)
		check(strcmp(send(b, body, piece)->text, a->text) == 0);
}
END_TEST

START_TEST(enough_of_them)
{
	ck_assert_int_ge(COUNT, 300);
}
END_TEST

/* Every code that a request alone can cause stands in the table. */
START_TEST(every_code)
{
	for (int code = GD_OK + 1; code < GD_ERROR_COUNT; code++) {
		int status = gd_code_status((enum gd_code)code);
		bool found = status == 401 || status == 408 || status >= 500 ||
		             code == GD_ERR_linalg_failure;

		for (int i = 0; i < COUNT && !found; i++)
			found = table[i].code == (enum gd_code)code;
		ck_assert_msg(found, "no row for %s", gd_code_name((enum gd_code)code));
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bad requests");
	TCase *t = tcase_create("bad requests");

	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_loop_test(t, refused, 0, COUNT);
	tcase_add_test(t, enough_of_them);
	tcase_add_test(t, every_code);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
