/* What the files of the scanner share. Functions that take text return how far they came, or NULL
 * when they failed; then the error stands in scan->error.
 *
 *   scan.c         feeding, values of the skeleton and where tensors stand
 *   scan_string.c  strings: escapes, UTF-8
 *   scan_token.c   numbers and literals
 *   scan_tensor.c  a tensor's begin, end and rows
 *   scan_element.c its elements, base64
 *   scan_error.c   positions and pointers */
#ifndef GD_SCAN_INTERNAL_H
#define GD_SCAN_INTERNAL_H

#include "api/base64.h"
#include "api/scan.h"

enum scan_state {
	/* Between tokens. A cell is an element or a row of an array being lifted. */
	WANT_VALUE,
	WANT_FIRST_VALUE, /* of an array */
	WANT_FIRST_KEY,
	WANT_KEY,
	WANT_COLON,
	WANT_COMMA, /* or the end of the container */
	WANT_NOTHING,
	WANT_FIRST_CELL,
	WANT_CELL,
	WANT_CELL_COMMA,
	/* Inside of one that the chunk's end has cut. */
	IN_STRING,
	IN_NUMBER,
	IN_LITERAL,
};

/* What the value to come is, by where it stands. */
enum scan_place {
	PLACE_ELSEWHERE,
	PLACE_BODY,
	PLACE_DTYPE,     /* /dtype */
	PLACE_MAP,       /* /tensors, /tangents, /vectors, /claims */
	PLACE_TENSOR,    /* /tensors/NAME, …, /grad_output */
	PLACE_OWN_DTYPE, /* its dtype */
	PLACE_DATA,      /* its data */
	PLACE_BASE64,    /* its base64 */
};

/* An open container of the skeleton. */
enum scan_container { ARRAY, OBJECT, BODY, MAP, TENSOR };

enum scan_string { STRING_KEY, STRING_VALUE, STRING_CELL, STRING_BASE64 };

enum scan_escape { NO_ESCAPE, AFTER_BACKSLASH, HEX, LOW_BACKSLASH, LOW_U, LOW_HEX, UTF8 };

enum scan_dtype { DTYPE_UNKNOWN, DTYPE_FLOAT32, DTYPE_OTHER };

enum scan_cells { CELLS_UNKNOWN, CELLS_NUMBERS, CELLS_BOOLS };

struct gd_scan {
	struct gd_arena *arena;
	const struct gd_limits *limits;
	struct gd_error *error;
	enum scan_state state;
	bool failed;

	/* Position: newlines can stand between tokens only. */
	const char *chunk;  /* first byte of the chunk being read */
	size_t before;      /* bytes in front of it */
	size_t line;        /* from 1 */
	size_t line_offset; /* of its first byte */

	/* The skeleton, room for a NUL behind it. */
	char *text;
	size_t length, room;
	unsigned char *open; /* enum scan_container, outermost first */
	size_t depth, open_room;
	unsigned char open_few[24];

	/* Where the value to come stands. Keys as offsets into the skeleton. */
	enum scan_place place;
	size_t key, key_length;
	size_t root, root_length; /* the body's member being read */
	size_t name, name_length; /* its member, where that is a tensor; length 0 also: none */
	bool named;
	enum scan_dtype dtype, own_dtype;

	/* The string being read. */
	enum scan_string string;
	enum scan_escape escape;
	size_t string_at; /* STRING_VALUE: offset of its text in the skeleton */
	size_t escape_offset;
	unsigned hex, hex_left, high; /* high: first half of a surrogate pair */
	unsigned utf8_left;
	unsigned char utf8_low, utf8_high; /* range of the next byte */
	char cell[16];                     /* STRING_CELL: its text */
	unsigned cell_length;

	/* The literal being read. */
	const char *literal;
	unsigned literal_at;

	/* The number being read. */
	char *carry;
	size_t carried, carry_room;
	size_t number_offset;
	char carry_few[64];

	/* Lifted values; the last is being read while in_tensor. */
	struct gd_lifted *lifted;
	size_t lifted_count, lifted_room;
	bool in_tensor;
	enum scan_cells cells;
	int level;                 /* rows open */
	int rank;                  /* −1: not known yet. shape[i] is −1 likewise */
	int64_t seen[GD_MAX_RANK]; /* rows complete in each open row, for rows that hold rows */
	size_t n, data_room;       /* elements */
	size_t row_start;
	struct gd_base64 base64;
};

/* scan_error.c. Offsets are absolute. */
static inline size_t scan_offset(const struct gd_scan *s, const char *p)
{
	return s->before + (size_t)(p - s->chunk);
}
const char *scan_malformed(struct gd_scan *s, size_t offset, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* "expected …, but found 'c'" */
const char *scan_unexpected(struct gd_scan *s, size_t offset, char c, const char *expected);
/* What may come in this state. */
const char *scan_expected(const struct gd_scan *s);
/* The body ends here. */
bool scan_cut_short(struct gd_scan *s);
/* About the tensor being read (none: about the body). `axes` indices go behind its pointer: 0 is
 * the tensor, level the element to come, level − 1 the innermost open row. */
const char *scan_fail_at(struct gd_scan *s, int axes, enum gd_code code, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
const char *scan_fail_arena(struct gd_scan *s);

/* scan.c */
bool scan_emit_slow(struct gd_scan *s, const char *text, size_t n);
void scan_value_done(struct gd_scan *s);
void scan_key_done(struct gd_scan *s);
bool scan_too_deep(struct gd_scan *s);

/* Appends to the skeleton. */
static inline bool scan_emit(struct gd_scan *s, const char *text, size_t n)
{
	if (n > s->room - s->length)
		return scan_emit_slow(s, text, n);
	for (size_t i = 0; i < n; i++)
		s->text[s->length + i] = text[i];
	s->length += n;
	return true;
}

/* scan_string.c, scan_token.c. Each begins at the first character, or goes on where the last chunk
 * ended. */
const char *scan_string_begin(struct gd_scan *s, const char *p, const char *end,
                              enum scan_string what);
const char *scan_string(struct gd_scan *s, const char *p, const char *end);
const char *scan_number_begin(struct gd_scan *s, const char *p, const char *end);
const char *scan_number(struct gd_scan *s, const char *p, const char *end);
bool scan_number_end(struct gd_scan *s); /* at the end of the body */
const char *scan_literal_begin(struct gd_scan *s, const char *p, const char *end);
const char *scan_literal(struct gd_scan *s, const char *p, const char *end);

static inline bool scan_number_starts(char c)
{
	return (unsigned char)(c - '0') < 10 || c == '-';
}

/* scan_tensor.c */
static inline struct gd_lifted *scan_current(struct gd_scan *s)
{
	return &s->lifted[s->lifted_count - 1];
}

/* Bytes of an element; nothing else is scanned into. */
static inline size_t scan_size(enum gd_dtype dtype)
{
	return dtype == GD_FLOAT64 ? 8 : dtype == GD_FLOAT32 ? 4 : 1;
}

bool scan_tensor_begin(struct gd_scan *s, bool is_base64);
/* The data block is cut to its elements, the index goes to the skeleton. */
bool scan_tensor_end(struct gd_scan *s);
bool scan_row_open(struct gd_scan *s);
bool scan_row_close(struct gd_scan *s);
/* `what` is no row, or a row, other than what stands before it. */
bool scan_ragged(struct gd_scan *s, const char *what);
/* Room for twice as many elements, for `least` at least and `most` at most. */
bool scan_grow(struct gd_scan *s, size_t least, size_t most);

/* scan_element.c. `p` is at the first character of an element or row. */
const char *scan_cell(struct gd_scan *s, const char *p, const char *end);
bool scan_cell_number(struct gd_scan *s, const char *text, const char *end);
bool scan_cell_bool(struct gd_scan *s, bool value);
bool scan_cell_null(struct gd_scan *s);
bool scan_cell_string(struct gd_scan *s, const char *text, size_t n);
bool scan_cell_string_end(struct gd_scan *s);
/* Bytes of base64 text; stops in front of what does not fit, or with `all` fails there. */
const char *scan_base64(struct gd_scan *s, const char *p, const char *end, bool all);
bool scan_base64_end(struct gd_scan *s);

#endif
