/* Answers → JSON text, block by block.
 *
 * A document is built once, front to back, and then read once. What is small is text at once; a
 * large tensor is noted and turned into text only while it is read, so the text of a large answer
 * is never held. Tensors and their data must stay as they are until the document has been read.
 *
 *	gd_doc_init(&doc, arena);
 *	gd_doc_object(&doc);
 *	gd_doc_key(&doc, "loss");
 *	gd_doc_double(&doc, 6.25);
 *	gd_doc_key(&doc, "gradients");
 *	gd_doc_tensor(&doc, &dw, GD_NESTED);
 *	gd_doc_end(&doc);
 *	if (!gd_doc_finish(&doc))
 *		return gd_arena_fail(arena, error);
 *
 * Commas and colons are put by the document. Errors (the arena is out) are sticky and looked at
 * once, in gd_doc_finish. */
#ifndef GD_WRITE_H
#define GD_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/tensor.h"

enum gd_encoding { GD_NESTED, GD_FLAT, GD_BASE64, GD_ENCODING_COUNT };

/* "nested", "flat", "base64"; false when there is no such name. */
bool gd_encoding_from_name(const char *name, enum gd_encoding *encoding);

enum { GD_DOC_DEPTH = 64, GD_DOC_BLOCK = 96 };

struct gd_piece; /* a tensor within the text */

/* How far a tensor has been turned into text. */
struct gd_piece_cursor {
	size_t element, column;   /* the next element, its place in its row */
	int64_t row[GD_MAX_RANK]; /* index of that row */
};

struct gd_doc {
	struct gd_arena *arena;
	char *text; /* everything but the large tensors, NUL-terminated once finished */
	size_t used, room;
	struct gd_piece *pieces;
	size_t piece_count, piece_room;
	int depth;
	uint64_t in_object; /* bit per level: '}' or ']' closes it */
	bool comma;         /* a value stands before this place */
	bool failed;
	uint64_t numbers;         /* elements of tensors in it */
	size_t text_at, piece_at; /* reading: the next byte of text, the next piece */
	struct gd_piece_cursor cursor;
};

void gd_doc_init(struct gd_doc *d, struct gd_arena *arena);

void gd_doc_object(struct gd_doc *d);
void gd_doc_array(struct gd_doc *d);
void gd_doc_end(struct gd_doc *d); /* of the innermost object or array */

void gd_doc_key(struct gd_doc *d, const char *key);

/* Any bytes: what is not UTF-8 is written as U+FFFD. NULL is null. */
void gd_doc_string(struct gd_doc *d, const char *s);
void gd_doc_stringf(struct gd_doc *d, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void gd_doc_double(struct gd_doc *d, double value); /* "NaN", … as strings */
void gd_doc_int(struct gd_doc *d, int64_t value);
void gd_doc_bool(struct gd_doc *d, bool value);
void gd_doc_null(struct gd_doc *d);
void gd_doc_raw(struct gd_doc *d, const char *json, size_t n);       /* one valid JSON value */
void gd_doc_shape(struct gd_doc *d, int rank, const int64_t *shape); /* [2,3] */

/* Nested: a rank of 0 is a bare number; a shape without elements that nesting cannot tell, such as
 * (0, 3), is written flat. *t is copied, its data is not. */
void gd_doc_tensor(struct gd_doc *d, const struct gd_tensor *t, enum gd_encoding encoding);

/* Makes the document this text, which is no JSON; instead of all the others. */
void gd_doc_plain(struct gd_doc *d, const char *text, size_t n);

/* All is closed and nothing failed. After this the document can be read. */
bool gd_doc_finish(struct gd_doc *d);

/* The whole text and its length where it is held in one piece, else NULL. */
const char *gd_doc_body(const struct gd_doc *d, size_t *length);

/* The next up to n bytes, n ≥ GD_DOC_BLOCK; 0 at the end. Numbers are not cut, so fewer than n may
 * come before the end. */
size_t gd_doc_read(struct gd_doc *d, char *buf, size_t n);

#endif
