/* Reading a JSON text: strict, case-sensitive, with errors that point at the place.
 *
 * The text is the scanner's skeleton, so its grammar has been checked already; what is checked here
 * is what a grammar does not know: duplicate keys, types, unknown and missing fields.
 *
 * A `struct gd_json` is a value and its place. It may be copied, and is good as long as the
 * arena:
 *
 *	struct gd_json layers, layer;
 *
 *	if (!gd_json_require(root, "layers", &layers, e) || !gd_json_is(&layers, GD_JSON_ARRAY, e))
 *		return false;
 *	for (bool more = gd_json_first(&layers, &layer); more; more = gd_json_next(&layer))
 *		...                                        an error in it points at /layers/0/...
 *
 * Every function that takes an error and returns false or NULL has set it: code, a sentence, the
 * pointer. Strings and keys are NUL-terminated, hold no U+0000 and live as long as the arena. */
#ifndef GD_JSON_H
#define GD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"

struct cJSON;

enum gd_json_kind {
	GD_JSON_NULL,
	GD_JSON_BOOL,
	GD_JSON_NUMBER,
	GD_JSON_STRING,
	GD_JSON_ARRAY,
	GD_JSON_OBJECT
};

struct gd_json {
	const struct cJSON *node;
	const struct cJSON *up; /* the array or object it stands in; NULL: the root */
	const char *key;        /* in an object; NULL in an array */
	size_t index;           /* position in the object or array, from 0 */
};

/* Parses `length` bytes; text[length] must be NUL. Everything is allocated from `arena`. Errors:
 * malformed_json (without a position: the text is not the body), duplicate_key at the second one,
 * invalid_parameter for a string with U+0000, out_of_memory, limit_exceeded. */
bool gd_json_parse(struct gd_json *root, struct gd_arena *arena, const char *text, size_t length,
                   struct gd_error *e);

enum gd_json_kind gd_json_kind(const struct gd_json *v);
const char *gd_json_kind_name(enum gd_json_kind kind); /* "a string", "an object", "null" */

/* True when v is of this kind, else wrong_type: "…" needs a string, but is a number. */
bool gd_json_is(const struct gd_json *v, enum gd_json_kind kind, struct gd_error *e);

/* Members and elements. gd_json_first and gd_json_next go through an object or an array in the
 * order of the text; they return false at the end (and for a value that has no children). */
size_t gd_json_size(const struct gd_json *v);
bool gd_json_first(const struct gd_json *v, struct gd_json *child);
bool gd_json_next(struct gd_json *child);

/* The member of that exact name; false when there is none or v is no object. One with the value
 * null counts as there. */
bool gd_json_member(const struct gd_json *v, const char *name, struct gd_json *child);

/* The same, but its absence is missing_field, pointing at v. */
bool gd_json_require(const struct gd_json *v, const char *name, struct gd_json *child,
                     struct gd_error *e);

/* The array or object that v stands in; false for the root. */
bool gd_json_parent(const struct gd_json *v, struct gd_json *parent);

/* Values; another type is wrong_type. A number over a double's range is number_out_of_range. */
const char *gd_json_string(const struct gd_json *v, struct gd_error *e);
bool gd_json_bool(const struct gd_json *v, bool *value, struct gd_error *e);
bool gd_json_number(const struct gd_json *v, double *value, struct gd_error *e);
/* Also the strings "NaN", "Infinity", "-Infinity". */
bool gd_json_extended(const struct gd_json *v, double *value, struct gd_error *e);
/* A whole number (2.0 is one); beyond ±2^53 or outside [min, max] invalid_parameter. */
bool gd_json_int(const struct gd_json *v, int64_t min, int64_t max, int64_t *value,
                 struct gd_error *e);

/* Where the scanner lifted a tensor out: its index into gd_scan_lifted. False when v is no bare
 * number below `count`. */
bool gd_json_lifted(const struct gd_json *v, size_t count, size_t *index);

/* The text of a string that is there, "" for anything else: for messages. */
const char *gd_json_text(const struct gd_json *v);

/* Every member of the object v is one of `names` (ends with NULL), else unknown_field at the first
 * that is not, with a did-you-mean. v that is no object: wrong_type. */
bool gd_json_known(const struct gd_json *v, const char *const *names, struct gd_error *e);

/* The JSON Pointer of v (RFC 6901): into buf, cut to that of an enclosing value where it does not
 * fit; or into the arena, whole (NULL when that is out). */
char *gd_json_pointer(const struct gd_json *v, char *buf, size_t size);
char *gd_json_pointer_new(const struct gd_json *v, struct gd_arena *arena);

/* Points an error just set at v. */
void gd_json_point(const struct gd_json *v, struct gd_error *e);

/* gd_fail and gd_json_point in one; false always. */
bool gd_json_fail(const struct gd_json *v, struct gd_error *e, enum gd_code code,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* How a sentence speaks of v: "weight" with its quotes, element 3 of "inputs", the body. */
enum { GD_SUBJECT = 160 };
const char *gd_json_subject(const struct gd_json *v, char buf[GD_SUBJECT]);

/* wrong_type: SUBJECT needs NEEDS, but is a number. */
bool gd_json_wrong_type(const struct gd_json *v, const char *needs, struct gd_error *e);

/* "did you mean "bias"?" as hint when one of `names` (ends with NULL) is near. */
void gd_did_you_mean(struct gd_error *e, const char *name, const char *const *names);

/* "there are a, b, c" as hint, as many as fit. */
void gd_list_names(struct gd_error *e, const char *const *names);

#endif
