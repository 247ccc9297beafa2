#define _GNU_SOURCE
#include "tests/api/call.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/scan.h"
#include "core/tensor.h"

enum { DEPTH = 80 };

static const size_t memory = (size_t)256 << 20;

/* --- what a test holds ----------------------------------------------------------------------- */

static struct answer *answers;
static char *texts[4096];
static size_t n_texts;

void calls_release(void)
{
	while (answers) {
		struct answer *a = answers;

		answers = a->next;
		gd_request_close(a->request);
		gd_arena_release(&a->arena);
		free(a->text);
		free(a);
	}
	while (n_texts > 0)
		free(texts[--n_texts]);
}

static char *keep(char *text)
{
	ck_assert_uint_lt(n_texts, sizeof texts / sizeof *texts);
	return texts[n_texts++] = text;
}

char *json_of(const char *text)
{
	char *copy = keep(strdup(text));

	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p == '`' ? '\'' : *p;
	return copy;
}

char *squeezed(const char *text)
{
	char *copy = keep(strdup(text)), *out = copy;
	bool in_string = false;

	for (const char *p = text; *p; p++) {
		if (in_string && *p == '\\')
			*out++ = *p++;
		else if (*p == '"')
			in_string = !in_string;
		else if (!in_string && strchr(" \t\r\n", *p))
			continue;
		*out++ = *p;
	}
	*out = '\0';
	return copy;
}

/* --- requests and answers -------------------------------------------------------------------- */

static void read_answer(struct answer *a)
{
	size_t room = 256;

	a->text = malloc(room);
	for (size_t n; (n = gd_request_read(a->request, a->text + a->length, room - a->length));) {
		a->length += n;
		if (room - a->length < 128)
			a->text = realloc(a->text, room *= 2);
	}
	a->text[a->length] = '\0';
}

/* The scanner is strict where cJSON is not. */
static void parse(struct answer *a)
{
	struct gd_error e;
	struct gd_limits limits = GD_LIMITS_INIT;

	gd_error_clear(&e);
	gd_arena_init(&a->arena, memory);
	limits.skeleton_bytes = memory / 4;

	struct gd_scan *scan = gd_scan_new(&a->arena, &limits, &e);

	ck_assert_msg(gd_scan_feed(scan, a->text, a->length) && gd_scan_end(scan),
	              "the answer is no JSON (%s): %s", e.detail, a->text);
	ck_assert_msg(gd_json_parse(&a->root, &a->arena, a->text, a->length, &e),
	              "the answer is no JSON (%s): %s", e.detail, a->text);
}

struct answer *call(const struct gd_head *head, const struct gd_limits *limits, const char *body,
                    size_t length, size_t piece)
{
	struct answer *a = calloc(1, sizeof *a);

	a->service = (struct gd_service){.limits = GD_LIMITS_INIT};
	if (limits)
		a->service.limits = *limits;
	a->next = answers;
	answers = a;
	a->request = gd_request_open(&a->service, head);
	ck_assert_ptr_nonnull(a->request);
	for (size_t at = 0; at < length;) {
		size_t n = piece && piece < length - at ? piece : length - at;
		/* A copy of its own: sanitizers see what is read behind it. */
		char *part = malloc(n);

		memcpy(part, body + at, n);
		bool more = gd_request_feed(a->request, part, n);
		free(part);
		if (!more)
			break;
		at += n;
	}
	if (!gd_request_settled(a->request))
		gd_request_run(a->request);

	const struct gd_answer *answer = gd_request_answer(a->request);

	a->status = answer->status;
	a->type = answer->content_type;
	a->allow = answer->allow;
	read_answer(a);
	parse(a);
	return a;
}

struct answer *post(const char *path, const char *body)
{
	const struct gd_head head = {.method = "POST", .path = path, .content_length = -1};
	const char *text = json_of(body);

	return call(&head, NULL, text, strlen(text), 0);
}

/* --- by pointer ------------------------------------------------------------------------------ */

/* One token of the pointer, unescaped; returns what stands behind it. */
static const char *token(const char *p, char *buf, size_t size)
{
	size_t n = 0;

	for (; *p && *p != '/'; p++) {
		char c = *p;

		if (c == '~' && (p[1] == '0' || p[1] == '1'))
			c = *++p == '0' ? '~' : '/';
		if (n + 1 < size)
			buf[n++] = c;
	}
	buf[n] = '\0';
	return p;
}

/* Values hold on to those around them: path[] keeps these. */
static bool find(const struct gd_json *root, const char *pointer, struct gd_json path[DEPTH],
                 struct gd_json **found)
{
	char name[512];
	int depth = 0;

	path[0] = *root;
	*found = &path[0];
	while (*pointer == '/') {
		struct gd_json *v = &path[depth++], *child = &path[depth];

		if (depth + 1 >= DEPTH)
			return false;
		pointer = token(pointer + 1, name, sizeof name);
		if (gd_json_kind(v) == GD_JSON_OBJECT) {
			if (!gd_json_member(v, name, child))
				return false;
		} else {
			char *end;
			size_t index = strtoul(name, &end, 10);
			bool more = gd_json_first(v, child);

			while (more && child->index != index)
				more = gd_json_next(child);
			if (!more || *end || !*name)
				return false;
		}
		*found = child;
	}
	return *pointer == '\0';
}

bool has(const struct answer *a, const char *pointer)
{
	struct gd_json path[DEPTH], *v;

	return find(&a->root, pointer, path, &v);
}

double number_at(const struct answer *a, const char *pointer)
{
	struct gd_json path[DEPTH], *v;
	struct gd_error e;
	double value = 0;

	gd_error_clear(&e);
	ck_assert_msg(find(&a->root, pointer, path, &v), "no %s in %s", pointer, a->text);
	ck_assert_msg(gd_json_extended(v, &value, &e), "%s is no number in %s", pointer, a->text);
	return value;
}

const char *string_at(const struct answer *a, const char *pointer)
{
	struct gd_json path[DEPTH], *v;

	ck_assert_msg(find(&a->root, pointer, path, &v), "no %s in %s", pointer, a->text);
	ck_assert_msg(gd_json_kind(v) == GD_JSON_STRING, "%s is no string in %s", pointer, a->text);
	return gd_json_text(v);
}

size_t size_at(const struct answer *a, const char *pointer)
{
	struct gd_json path[DEPTH], *v;

	ck_assert_msg(find(&a->root, pointer, path, &v), "no %s in %s", pointer, a->text);
	return gd_json_size(v);
}

const char *text_at(const struct answer *a, const char *pointer)
{
	struct gd_json path[DEPTH], *v;
	char *text = NULL;

	ck_assert_msg(find(&a->root, pointer, path, &v), "no %s in %s", pointer, a->text);
	switch (gd_json_kind(v)) {
	case GD_JSON_NULL: return "null";
	case GD_JSON_BOOL: {
		struct gd_error e;
		bool yes = false;

		gd_error_clear(&e);
		gd_json_bool(v, &yes, &e);
		return yes ? "true" : "false";
	}
	case GD_JSON_NUMBER:
		ck_assert_int_gt(asprintf(&text, "%.17g", number_at(a, pointer)), 0);
		return keep(text);
	case GD_JSON_STRING:
		ck_assert_int_gt(asprintf(&text, "\"%s\"", gd_json_text(v)), 0);
		return keep(text);
	default: ck_abort_msg("%s is no scalar", pointer);
	}
	return NULL;
}

bool leads_somewhere(const char *text, size_t length, const char *pointer)
{
	struct gd_json root, path[DEPTH], *v;
	struct gd_arena arena;
	struct gd_error e;

	gd_error_clear(&e);
	gd_arena_init(&arena, memory);
	bool yes = *pointer == '\0' || (gd_json_parse(&root, &arena, text, length, &e) &&
	                                find(&root, pointer, path, &v));
	gd_arena_release(&arena);
	return yes;
}
