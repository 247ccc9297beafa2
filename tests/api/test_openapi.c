/* /openapi.json: whole, and true to the tables and to what the service does. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/openapi.h"
#include "core/op.h"
#include "core/tensor.h"
#include "tests/api/call.h"
#include "tests/support/test.h"

static struct answer *doc;

static struct answer *get(const char *path)
{
	const struct gd_head head = {.method = "GET", .path = path, .content_length = -1};

	return call(&head, NULL, "", 0, 0);
}

static void setup(void)
{
	doc = get("/openapi.json");
	ck_assert_int_eq(doc->status, 200);
}

/* A pointer made by printf; slashes of %s are not escaped. */
static bool there(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool there(const char *format, ...)
{
	char pointer[512];
	va_list args;

	va_start(args, format);
	vsnprintf(pointer, sizeof pointer, format, args);
	va_end(args);
	return has(doc, pointer);
}

/* "/grad" → "~1grad" */
static const char *escaped(const char *path, char *buf)
{
	size_t n = 0;

	for (const char *p = path; *p; p++) {
		if (*p == '/')
			buf[n++] = '~';
		buf[n++] = *p == '/' ? '1' : *p;
	}
	buf[n] = '\0';
	return buf;
}

/* The place of a method of a path. */
static char *place_of(const struct gd_endpoint *e, char *buf, size_t size)
{
	char path[128];

	snprintf(buf, size, "/paths/%s/%s", escaped(e->path, path),
	         strcmp(e->method, "GET") == 0 ? "get" : "post");
	return buf;
}

/* The value at the pointer. */
static struct gd_json at(const char *pointer)
{
	struct gd_json v = doc->root, child;
	char copy[512];

	snprintf(copy, sizeof copy, "%s", pointer);
	for (char *part = strtok(copy, "/"); part; part = strtok(NULL, "/"), v = child) {
		char name[128];
		size_t n = 0;

		for (const char *p = part; *p; p++) {
			bool tilde = *p == '~' && p[1];

			name[n++] = tilde ? (*++p == '1' ? '/' : '~') : *p;
		}
		name[n] = '\0';
		ck_assert_msg(gd_json_member(&v, name, &child), "no %s", pointer);
	}
	return v;
}

static bool lists(const char *pointer, const char *word)
{
	struct gd_json list = at(pointer), v;

	for (bool more = gd_json_first(&list, &v); more; more = gd_json_next(&v))
		if (strcmp(gd_json_text(&v), word) == 0)
			return true;
	return false;
}

/* --- the tables ------------------------------------------------------------------------------ */

START_TEST(says_what_it_is)
{
	ck_assert_str_eq(string_at(doc, "/openapi"), "3.1.0");
	ck_assert_str_eq(string_at(doc, "/info/title"), "gradd");
	ck_assert_str_eq(string_at(doc, "/info/version"), GD_VERSION);
	ck_assert_str_eq(string_at(doc, "/info/license/identifier"), "MIT");
}
END_TEST

START_TEST(every_endpoint)
{
	size_t n;
	const struct gd_endpoint *all = gd_endpoints(&n);
	char place[256];

	for (size_t i = 0; i < n; i++) {
		place_of(&all[i], place, sizeof place);
		const char *slash = strchr(all[i].type, '/');
		ck_assert_msg(there("%s/responses/200/content/%.*s~1%s/schema/$ref", place,
		                    (int)(slash - all[i].type), all[i].type, slash + 1),
		              "%s", place);
		ck_assert_msg(there("%s/requestBody", place) == (all[i].prepare != NULL), "%s",
		              place);
		ck_assert_msg(there("%s/responses/503", place), "%s", place);
		ck_assert_msg(there("%s/responses/422", place) == (all[i].prepare != NULL), "%s",
		              place);
	}
}
END_TEST

START_TEST(operation_ids_are_unique)
{
	size_t n;
	const struct gd_endpoint *all = gd_endpoints(&n);
	char a[256], b[256];

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++) {
			strcat(place_of(&all[i], a, sizeof a - 16), "/operationId");
			strcat(place_of(&all[k], b, sizeof b - 16), "/operationId");
			ck_assert_str_ne(string_at(doc, a), string_at(doc, b));
		}
}
END_TEST

START_TEST(every_error)
{
	for (int i = GD_OK + 1; i < GD_ERROR_COUNT; i++) {
		enum gd_code code = (enum gd_code)i;
		char place[256];

		ck_assert_msg(lists("/components/schemas/ErrorCode/enum", gd_code_name(code)), "%s",
		              gd_code_name(code));
		snprintf(place, sizeof place,
		         "/components/responses/Problem%d/content/application~1problem+json/"
		         "examples/%s/value/code",
		         gd_code_status(code), gd_code_name(code));
		ck_assert_str_eq(string_at(doc, place), gd_code_name(code));
	}
}
END_TEST

START_TEST(every_operation)
{
	size_t n;
	const struct gd_op *const *ops = gd_ops(&n);

	for (size_t i = 0; i < n; i++) {
		const struct gd_op *op = ops[i];

		ck_assert_msg(lists("/components/schemas/OpName/enum", op->name), "%s", op->name);
		ck_assert(there("/components/schemas/LayerObject/discriminator/mapping/%s",
		                op->name));
		ck_assert(there("/components/schemas/loss.%s", op->name) == op->loss);
		for (int k = 0; k < op->n_operands; k++)
			ck_assert(op->operands[k].list ||
			          there("/components/schemas/op.%s/properties/%s", op->name,
			                op->operands[k].name));
		for (int k = 0; k < op->n_params; k++) {
			const struct gd_param_spec *p = &op->params[k];
			char required[256];

			ck_assert(there("/components/schemas/op.%s/properties/%s/default", op->name,
			                p->name) == (p->default_text != NULL));
			snprintf(required, sizeof required, "/components/schemas/op.%s/required",
			         op->name);
			ck_assert(lists(required, p->name) == (p->default_text == NULL));
		}
	}
}
END_TEST

START_TEST(every_field)
{
	for (const struct gd_field *f = gd_spec_fields; f->name; f++) {
		ck_assert(there("/components/schemas/Specification/properties/%s", f->name));
		ck_assert(lists("/components/schemas/Specification/required", f->name) ==
		          f->required);
	}
}
END_TEST

/* A calculation with fields of its own takes those of a specification too, and no others. */
START_TEST(fields_of_one_endpoint)
{
	static const struct gd_field own[] = {{"tangents", true, "{\"type\": \"object\"}"},
	                                      {NULL, false, NULL}};
	struct gd_arena arena;
	struct gd_doc d;
	size_t length;

	gd_arena_init(&arena, (size_t)1 << 20);
	gd_doc_init(&d, &arena);
	gd_write_request_schema(&d, own);
	ck_assert(gd_doc_finish(&d));
	const char *text = gd_doc_body(&d, &length);

	ck_assert_ptr_nonnull(strstr(text, "\"additionalProperties\":false"));
	ck_assert_ptr_nonnull(strstr(text, "\"required\":[\"tensors\",\"layers\",\"tangents\"]"));
	ck_assert(leads_somewhere(text, length, "/properties/tensors"));
	ck_assert(leads_somewhere(text, length, "/properties/tangents"));
	gd_arena_release(&arena);
}
END_TEST

START_TEST(every_word)
{
	struct gd_json list = at("/components/schemas/Encoding/enum"), v;
	enum gd_encoding encoding;

	for (int i = 0; i < GD_DTYPE_COUNT; i++)
		ck_assert(lists("/components/schemas/Dtype/enum", gd_dtype_name((enum gd_dtype)i)));
	ck_assert_uint_eq(gd_json_size(&list), GD_ENCODING_COUNT);
	for (bool more = gd_json_first(&list, &v); more; more = gd_json_next(&v))
		ck_assert(gd_encoding_from_name(gd_json_text(&v), &encoding));
}
END_TEST

/* --- as a document --------------------------------------------------------------------------- */

/* Every string that starts with "#/" leads somewhere; returns how many there are. */
static size_t check_refs(const struct gd_json *v)
{
	struct gd_json child;
	const char *text = gd_json_text(v);
	size_t n = 0;

	if (strncmp(text, "#/", 2) == 0) {
		ck_assert_msg(has(doc, text + 1), "%s leads nowhere", text);
		n = 1;
	}
	for (bool more = gd_json_first(v, &child); more; more = gd_json_next(&child))
		n += check_refs(&child);
	return n;
}

START_TEST(references_lead_somewhere)
{
	ck_assert_uint_gt(check_refs(&doc->root), 100);
}
END_TEST

/* --- what it says is so ---------------------------------------------------------------------- */

static const struct {
	const char *path, *json;
} asked[] =
        {
#define GD_ASK(path, ...) {path, #__VA_ARGS__},
#define GD_SAY(path, ...)
#include "api/examples.def"
#undef GD_ASK
#undef GD_SAY
},
  said[] = {
#define GD_ASK(path, ...)
#define GD_SAY(path, ...) {path, #__VA_ARGS__},
#include "api/examples.def"
#undef GD_ASK
#undef GD_SAY
};

enum { ASKED = sizeof asked / sizeof *asked, SAID = sizeof said / sizeof *said };

START_TEST(examples_are_answered_so)
{
	for (int i = 0; i < ASKED; i++) {
		int k = 0;

		while (strcmp(said[k].path, asked[i].path) != 0)
			ck_assert_int_lt(++k, SAID);
		struct answer *a = post(asked[i].path, asked[i].json);

		ck_assert_str_eq(squeezed(a->text), squeezed(said[k].json));
	}
}
END_TEST

/* What a GET of the table says is the answer, or for lists and the state of the build a part. */
START_TEST(examples_are_said)
{
	for (int i = 0; i < SAID; i++) {
		const char *text = squeezed(said[i].json);

		if (strcmp(said[i].path, "/ops") == 0) {
			/* The list's one element, without {"operations":[ and ]}. */
			char *one = squeezed(strchr(text, '[') + 1);

			one[strlen(one) - 2] = '\0';
			ck_assert_msg(strstr(squeezed(get("/ops")->text), one), "%s", one);
		} else if (strcmp(said[i].path, "/healthz") == 0 ||
		           strcmp(said[i].path, "/readyz") == 0) {
			ck_assert_str_eq(squeezed(get(said[i].path)->text), text);
		}
	}
}
END_TEST

static bool is_unknown(const char *format, const char *name)
{
	char body[256];

	snprintf(body, sizeof body, format, name);
	struct answer *a = post("/forward", body);

	return a->status != 200 && strcmp(string_at(a, "/code"), "unknown_op") == 0;
}

START_TEST(every_name_is_known)
{
	static const char layer[] = "{'tensors': {'x': [1]}, 'layers': ['%s']}";
	static const char loss[] = "{'tensors': {'x': [1]}, 'layers': [], 'loss': '%s'}";
	struct gd_json list = at("/components/schemas/OpName/enum"), v;

	for (bool more = gd_json_first(&list, &v); more; more = gd_json_next(&v))
		ck_assert_msg(!is_unknown(layer, gd_json_text(&v)), "%s", gd_json_text(&v));
	list = at("/components/schemas/LossName/enum");
	for (bool more = gd_json_first(&list, &v); more; more = gd_json_next(&v))
		ck_assert_msg(!is_unknown(loss, gd_json_text(&v)), "%s", gd_json_text(&v));
	ck_assert(is_unknown(layer, "nothing"));
	ck_assert(is_unknown(loss, "nothing"));
}
END_TEST

START_TEST(limits_are_the_server_s)
{
	const struct gd_head head = {
	        .method = "GET", .path = "/openapi.json", .content_length = -1};
	struct gd_limits limits = GD_LIMITS_INIT;

	limits.tensors = 17;
	struct answer *a = call(&head, &limits, "", 0, 0);

	ck_assert_double_eq(number_at(a, "/x-limits/tensors/limit"), 17);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("openapi");
	TCase *tables = tcase_create("tables"), *truth = tcase_create("truth");

	tcase_add_checked_fixture(tables, setup, calls_release);
	tcase_add_test(tables, says_what_it_is);
	tcase_add_test(tables, every_endpoint);
	tcase_add_test(tables, operation_ids_are_unique);
	tcase_add_test(tables, every_error);
	tcase_add_test(tables, every_operation);
	tcase_add_test(tables, every_field);
	tcase_add_test(tables, fields_of_one_endpoint);
	tcase_add_test(tables, every_word);
	tcase_add_test(tables, references_lead_somewhere);
	suite_add_tcase(s, tables);
	tcase_add_checked_fixture(truth, setup, calls_release);
	tcase_set_timeout(truth, 60);
	tcase_add_test(truth, examples_are_answered_so);
	tcase_add_test(truth, examples_are_said);
	tcase_add_test(truth, every_name_is_known);
	tcase_add_test(truth, limits_are_the_server_s);
	suite_add_tcase(s, truth);
	return s;
}

TEST_MAIN(suite)
