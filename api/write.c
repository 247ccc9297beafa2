#include "api/write.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/number.h"
#include "api/piece.h"

enum {
	FIRST_ROOM = 512,
	WHOLE = 128 << 10,    /* a document stays in one piece up to about here */
	ALWAYS = 2 << 10,     /* a tensor this small is text at once wherever it stands */
	EMPTY_ROWS = 1 << 12, /* "[],[],…" is written out up to here */
};

bool gd_encoding_from_name(const char *name, enum gd_encoding *encoding)
{
	static const char *const names[GD_ENCODING_COUNT] = {"nested", "flat", "base64"};

	for (int i = 0; i < GD_ENCODING_COUNT; i++) {
		if (strcmp(name, names[i]) == 0) {
			*encoding = (enum gd_encoding)i;
			return true;
		}
	}
	return false;
}

void gd_doc_init(struct gd_doc *d, struct gd_arena *arena)
{
	*d = (struct gd_doc){.arena = arena};
}

/* --- text --- */

/* Room for n bytes more and a NUL; NULL once the document has failed. */
static char *reserve_slow(struct gd_doc *d, size_t n)
{
	size_t room = d->room ? d->room : FIRST_ROOM;

	if (d->failed)
		return NULL;
	while (room - d->used <= n)
		if (__builtin_mul_overflow(room, (size_t)2, &room))
			goto fail;

	char *text = gd_data_resize(d->arena, d->text, d->room, room);

	if (!text)
		goto fail;
	d->text = text;
	d->room = room;
	return text + d->used;
fail:
	d->failed = true;
	return NULL;
}

static inline char *reserve(struct gd_doc *d, size_t n)
{
	if (d->room - d->used > n && !d->failed)
		return d->text + d->used;
	return reserve_slow(d, n);
}

static inline void put(struct gd_doc *d, const char *s, size_t n)
{
	char *p = reserve(d, n);

	if (p) {
		memcpy(p, s, n);
		d->used += n;
	}
}

/* The comma before a value, and room for n bytes of it. */
static inline char *begin_value(struct gd_doc *d, size_t n)
{
	char *p = reserve(d, n + 1);

	if (p && d->comma) {
		*p++ = ',';
		d->used++;
	}
	d->comma = true;
	return p;
}

static void open_level(struct gd_doc *d, char bracket)
{
	char *p = begin_value(d, 1);

	if (!p)
		return;
	if (d->depth == GD_DOC_DEPTH) {
		d->failed = true;
		return;
	}
	*p = bracket;
	d->used++;
	d->in_object = d->in_object << 1 | (bracket == '{');
	d->depth++;
	d->comma = false;
}

void gd_doc_object(struct gd_doc *d)
{
	open_level(d, '{');
}

void gd_doc_array(struct gd_doc *d)
{
	open_level(d, '[');
}

void gd_doc_end(struct gd_doc *d)
{
	if (d->depth == 0) {
		d->failed = true;
		return;
	}
	put(d, d->in_object & 1 ? "}" : "]", 1);
	d->in_object >>= 1;
	d->depth--;
	d->comma = true;
}

/* Length of the UTF-8 sequence at s, 0 when it is none (overlong, surrogate, cut). */
static int utf8_length(const unsigned char *s)
{
	int n = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;

	if (s[0] > 0xF4)
		return 0;
	for (int i = 1; i < n; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
	    (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	return n;
}

/* Writes s with quotes and escapes; `out` has room for 6 bytes a byte and 2. */
static char *quote(char *out, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)s;

	*out++ = '"';
	while (*p) {
		int n = 1;

		if (*p >= 0x20 && *p < 0x7F && *p != '"' && *p != '\\') {
			*out++ = (char)*p++;
			continue;
		}
		if (*p == '"' || *p == '\\') {
			*out++ = '\\';
			*out++ = (char)*p;
		} else if (*p == '\n' || *p == '\t') {
			*out++ = '\\';
			*out++ = *p == '\n' ? 'n' : 't';
		} else if (*p < 0x20 || *p == 0x7F) {
			memcpy(out, "\\u00", 4);
			out[4] = hex[*p >> 4];
			out[5] = hex[*p & 15];
			out += 6;
		} else if ((n = utf8_length(p)) > 0) {
			memcpy(out, p, (size_t)n);
			out += n;
		} else {
			n = 1;
			memcpy(out, "\\ufffd", 6);
			out += 6;
		}
		p += n;
	}
	*out++ = '"';
	return out;
}

/* Worst-case bytes of s quoted; 0 when that overflows. */
static size_t quoted_room(const char *s)
{
	size_t n;

	return __builtin_mul_overflow(strlen(s), (size_t)6, &n) ? 0 : n + 2;
}

void gd_doc_key(struct gd_doc *d, const char *key)
{
	size_t room = quoted_room(key);
	char *p = room ? begin_value(d, room + 1) : NULL;

	if (!p)
		return;
	p = quote(p, key);
	*p++ = ':';
	d->used = (size_t)(p - d->text);
	d->comma = false;
}

void gd_doc_string(struct gd_doc *d, const char *s)
{
	if (!s) {
		gd_doc_null(d);
		return;
	}

	size_t room = quoted_room(s);
	char *p = room ? begin_value(d, room) : NULL;

	if (p)
		d->used = (size_t)(quote(p, s) - d->text);
}

void gd_doc_stringf(struct gd_doc *d, const char *format, ...)
{
	char small[512], *text = small;
	va_list args;

	va_start(args, format);
	int n = vsnprintf(small, sizeof small, format, args);
	va_end(args);
	if (n < 0) {
		d->failed = true;
		return;
	}
	if ((size_t)n >= sizeof small) {
		text = gd_alloc(d->arena, (size_t)n + 1);
		if (!text) {
			d->failed = true;
			return;
		}
		va_start(args, format);
		vsnprintf(text, (size_t)n + 1, format, args);
		va_end(args);
	}
	gd_doc_string(d, text);
}

void gd_doc_raw(struct gd_doc *d, const char *json, size_t n)
{
	char *p = begin_value(d, n);

	if (p) {
		memcpy(p, json, n);
		d->used += n;
	}
}

void gd_doc_double(struct gd_doc *d, double value)
{
	char *p = begin_value(d, GD_NUMBER_MAX);

	if (p)
		d->used += gd_write_double(p, value);
}

void gd_doc_int(struct gd_doc *d, int64_t value)
{
	char *p = begin_value(d, GD_NUMBER_MAX);

	if (p)
		d->used += gd_write_int64(p, value);
}

void gd_doc_bool(struct gd_doc *d, bool value)
{
	gd_doc_raw(d, value ? "true" : "false", value ? 4 : 5);
}

void gd_doc_null(struct gd_doc *d)
{
	gd_doc_raw(d, "null", 4);
}

void gd_doc_shape(struct gd_doc *d, int rank, const int64_t *shape)
{
	gd_doc_array(d);
	for (int i = 0; i < rank; i++)
		gd_doc_int(d, shape[i]);
	gd_doc_end(d);
}

/* --- tensors --- */

/* Writes the tensor at this place: as text where it is small, else as a piece. */
static void put_piece(struct gd_doc *d, const struct gd_tensor *t, bool base64)
{
	size_t bound = gd_piece_bound(t, base64);

	if (bound <= ALWAYS || (bound <= WHOLE && d->used + bound <= WHOLE)) {
		struct gd_piece piece = {.tensor = *t, .base64 = base64};
		struct gd_piece_cursor cursor = {0};
		char *p = reserve(d, bound);

		if (p)
			d->used += gd_piece_write(&piece, &cursor, p, bound);
		return;
	}
	if (d->failed)
		return;
	if (d->piece_count == d->piece_room) {
		size_t room = d->piece_room ? 2 * d->piece_room : 8;
		struct gd_piece *pieces = gd_data_resize(
		        d->arena, d->pieces, d->piece_room * sizeof *pieces, room * sizeof *pieces);

		if (!pieces) {
			d->failed = true;
			return;
		}
		d->pieces = pieces;
		d->piece_room = room;
	}
	d->pieces[d->piece_count++] =
	        (struct gd_piece){.text_end = d->used, .tensor = *t, .base64 = base64};
}

/* Brackets alone, for a shape that ends in 0. */
static void put_empty(struct gd_doc *d, int rank, const int64_t *shape)
{
	gd_doc_array(d);
	for (int64_t i = 0; rank > 1 && i < shape[0]; i++)
		put_empty(d, rank - 1, shape + 1);
	gd_doc_end(d);
}

static bool nesting_can_tell(const struct gd_tensor *t)
{
	size_t rows;

	if (t->count > 0)
		return true;
	return gd_shape_count(t->rank - 1, t->shape, &rows) && rows > 0 && rows <= EMPTY_ROWS;
}

void gd_doc_tensor(struct gd_doc *d, const struct gd_tensor *t, enum gd_encoding encoding)
{
	struct gd_tensor flat = *t;

	d->numbers += t->count;
	if (encoding == GD_NESTED && nesting_can_tell(t)) {
		if (t->count == 0) {
			put_empty(d, t->rank, t->shape);
		} else if (begin_value(d, 0)) {
			put_piece(d, t, false);
		}
		return;
	}
	flat.rank = 1;
	flat.shape[0] = (int64_t)t->count;
	gd_doc_object(d);
	gd_doc_key(d, "shape");
	gd_doc_shape(d, t->rank, t->shape);
	gd_doc_key(d, "dtype");
	gd_doc_string(d, gd_dtype_name(t->dtype));
	if (encoding == GD_BASE64) {
		gd_doc_key(d, "base64");
		put(d, "\"", 1);
		put_piece(d, &flat, true);
		put(d, "\"", 1);
		d->comma = true;
	} else {
		gd_doc_key(d, "data");
		if (t->count == 0) {
			put_empty(d, 1, flat.shape);
		} else {
			put_piece(d, &flat, false);
			d->comma = true;
		}
	}
	gd_doc_end(d);
}

void gd_doc_plain(struct gd_doc *d, const char *text, size_t n)
{
	put(d, text, n);
}

/* --- reading --- */

bool gd_doc_finish(struct gd_doc *d)
{
	char *end = reserve(d, 0);

	if (!end || d->depth != 0)
		return false;
	*end = '\0';
	return true;
}

const char *gd_doc_body(const struct gd_doc *d, size_t *length)
{
	*length = d->used;
	return d->piece_count == 0 ? d->text : NULL;
}

size_t gd_doc_read(struct gd_doc *d, char *buf, size_t n)
{
	size_t at = 0;

	while (at < n) {
		struct gd_piece *piece =
		        d->piece_at < d->piece_count ? &d->pieces[d->piece_at] : NULL;
		size_t text = (piece ? piece->text_end : d->used) - d->text_at;

		if (text > 0) {
			text = text < n - at ? text : n - at;
			memcpy(buf + at, d->text + d->text_at, text);
			d->text_at += text;
			at += text;
			continue;
		}
		if (!piece || n - at < GD_DOC_BLOCK)
			break;
		at += gd_piece_write(piece, &d->cursor, buf + at, n - at);
		if (gd_piece_done(piece, &d->cursor)) {
			d->cursor = (struct gd_piece_cursor){0};
			d->piece_at++;
		}
	}
	return at;
}
