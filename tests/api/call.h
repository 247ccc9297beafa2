/* One request from text to text, in-process, and what there is to check on any answer.
 *
 * Texts are JSON with ' for " (and ` for '), so that they can be read in C. Whatever must work and
 * does not fails the test by itself. */
#ifndef GD_TEST_CALL_H
#define GD_TEST_CALL_H

#include "api/json.h"
#include "api/request.h"

struct answer {
	int status;
	const char *type, *allow; /* Content-Type; Allow or NULL */
	char *text;               /* NUL-terminated */
	size_t length;
	struct gd_json root;
	/* behind the scenes */
	struct answer *next;
	struct gd_arena arena;
	struct gd_request *request;
	struct gd_service service;
};

/* Any request; `piece` is how many bytes are fed at once (0: all), `limits` NULL for the defaults.
 * The answer is valid JSON (else the test fails) and stands until calls_release. */
struct answer *call(const struct gd_head *head, const struct gd_limits *limits, const char *body,
                    size_t length, size_t piece);

/* POST with ' for " in the body. */
struct answer *post(const char *path, const char *body);

/* Teardown: what all calls of a test have held. */
void calls_release(void);

/* The text with " for ', ' for `; until calls_release. */
char *json_of(const char *text);

/* Text that must be in place after white space outside of strings is dropped. */
char *squeezed(const char *text);

/* The answer to the POST is 200 and exactly this, up to white space. */
#define ck_answer(path, body, expected)                                                            \
	do {                                                                                       \
		struct answer *ck_a = post(path, body);                                            \
		ck_assert_msg(ck_a->status == 200, "%s\nto %s", ck_a->text, body);                 \
		ck_assert_str_eq(squeezed(ck_a->text), squeezed(json_of(expected)));               \
	} while (0)

/* The answer to the POST is a problem of this code with this pointer. */
#define ck_problem(path, body, code, where)                                                        \
	do {                                                                                       \
		struct answer *ck_a = post(path, body);                                            \
		ck_assert_msg(strcmp(string_at(ck_a, "/code"), code) == 0, "%s\nto %s",            \
		              ck_a->text, body);                                                   \
		ck_assert_str_eq(string_at(ck_a, "/pointer"), where);                              \
	} while (0)

/* Values by JSON Pointer; what is not there fails the test. number_at takes "NaN" and the
 * infinities too. */
bool has(const struct answer *a, const char *pointer);
double number_at(const struct answer *a, const char *pointer);
const char *string_at(const struct answer *a, const char *pointer);
size_t size_at(const struct answer *a, const char *pointer);
/* A value that is no array or object, as JSON; until calls_release. */
const char *text_at(const struct answer *a, const char *pointer);

/* Does the pointer lead to a value of that JSON text? "" always does. */
bool leads_somewhere(const char *text, size_t length, const char *pointer);

#endif
