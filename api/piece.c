#include "api/piece.h"

#include <stdint.h>
#include <string.h>

#include "api/number.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "base64 carries little-endian bytes as they are"
#endif

/* An element, the brackets that close, a comma, the brackets that open. */
#define STEP ((size_t)GD_NUMBER_MAX + 2 * GD_MAX_RANK + 1)
_Static_assert(STEP <= (size_t)GD_DOC_BLOCK, "one element must always fit into a block");

/* Longest text of an element, and its comma: -0.0000012345678901234567, -9223372036854775808. */
static const unsigned char longest[GD_DTYPE_COUNT] = {
        [GD_FLOAT64] = 26, [GD_FLOAT32] = 20, [GD_INT64] = 21, [GD_BOOL] = 6};

static size_t byte_count(const struct gd_tensor *t)
{
	return t->count * gd_dtype_size(t->dtype);
}

size_t gd_piece_bound(const struct gd_tensor *t, bool base64)
{
	size_t text, brackets = 0;

	if (base64)
		return byte_count(t) / 3 * 4 + 4 + GD_DOC_BLOCK;
	/* Each row has its brackets, and may be the last of all that enclose it. */
	if (t->rank > 0)
		brackets = t->count / (size_t)t->shape[t->rank - 1] * 2 * (size_t)t->rank;
	if (__builtin_mul_overflow(t->count, (size_t)longest[t->dtype], &text) ||
	    __builtin_add_overflow(text, brackets, &text) ||
	    __builtin_add_overflow(text, (size_t)GD_DOC_BLOCK, &text))
		return SIZE_MAX;
	return text;
}

bool gd_piece_done(const struct gd_piece *piece, const struct gd_piece_cursor *c)
{
	return c->element == (piece->base64 ? byte_count(&piece->tensor) : piece->tensor.count);
}

static inline size_t write_bool(char *out, unsigned char value)
{
	memcpy(out, value ? "true" : "false", 5);
	return value ? 4 : 5;
}

/* Elements [*at, end), each with a comma behind, as long as a whole step fits. */
#define PUT_ELEMENTS(type, write)                                                                  \
	do {                                                                                       \
		const type *x = t->data;                                                           \
		for (; i < end && (size_t)(limit - p) >= STEP; i++) {                              \
			p += write(p, x[i]);                                                       \
			*p++ = ',';                                                                \
		}                                                                                  \
	} while (0)

static char *put_elements(const struct gd_tensor *t, size_t *at, size_t end, char *p,
                          const char *limit)
{
	size_t i = *at;

	switch (t->dtype) {
	case GD_FLOAT64: PUT_ELEMENTS(double, gd_write_double); break;
	case GD_FLOAT32: PUT_ELEMENTS(float, gd_write_float); break;
	case GD_INT64: PUT_ELEMENTS(int64_t, gd_write_int64); break;
	default: PUT_ELEMENTS(unsigned char, write_bool); break;
	}
	*at = i;
	return p;
}

/* Moves on to the next row; returns how many of the axes around it came to their end. */
static int next_row(const struct gd_tensor *t, struct gd_piece_cursor *c)
{
	int wrapped = 0;

	c->column = 0;
	for (int axis = t->rank - 2; axis >= 0; axis--) {
		if (++c->row[axis] < t->shape[axis])
			break;
		c->row[axis] = 0;
		wrapped++;
	}
	return wrapped;
}

static char *fill(char *p, char bracket, int n)
{
	while (n-- > 0)
		*p++ = bracket;
	return p;
}

static size_t write_elements(const struct gd_tensor *t, struct gd_piece_cursor *c, char *buf,
                             size_t n)
{
	size_t columns = t->rank > 0 ? (size_t)t->shape[t->rank - 1] : 1;
	const char *limit = buf + n;
	char *p = buf;

	if (c->element == 0)
		p = fill(p, '[', t->rank);
	while (c->element < t->count) {
		size_t before = c->element;

		p = put_elements(t, &c->element, before + columns - c->column, p, limit);
		c->column += c->element - before;
		if (c->column < columns)
			break; /* the block is full */
		p--;           /* no comma behind the last of a row */
		int ends = 1 + next_row(t, c);

		if (t->rank > 0)
			p = fill(p, ']', ends);
		if (c->element < t->count) {
			*p++ = ',';
			p = fill(p, '[', ends);
		}
	}
	return (size_t)(p - buf);
}

static size_t write_base64(const struct gd_tensor *t, struct gd_piece_cursor *c, char *buf,
                           size_t n)
{
	static const char digit[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *bytes = t->data;
	size_t total = byte_count(t), groups = (total - c->element) / 3;
	char *p = buf;

	if (groups > n / 4)
		groups = n / 4;
	for (const unsigned char *b = bytes + c->element, *end = b + 3 * groups; b < end; b += 3) {
		uint32_t bits = (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2];

		p[0] = digit[bits >> 18];
		p[1] = digit[bits >> 12 & 63];
		p[2] = digit[bits >> 6 & 63];
		p[3] = digit[bits & 63];
		p += 4;
	}
	c->element += 3 * groups;

	size_t left = total - c->element;

	if (left > 0 && left < 3 && n - (size_t)(p - buf) >= 4) {
		const unsigned char *b = bytes + c->element;
		uint32_t bits = (uint32_t)b[0] << 16 | (left > 1 ? (uint32_t)b[1] << 8 : 0);

		p[0] = digit[bits >> 18];
		p[1] = digit[bits >> 12 & 63];
		p[2] = left > 1 ? digit[bits >> 6 & 63] : '=';
		p[3] = '=';
		p += 4;
		c->element = total;
	}
	return (size_t)(p - buf);
}

size_t gd_piece_write(const struct gd_piece *piece, struct gd_piece_cursor *c, char *buf, size_t n)
{
	return piece->base64 ? write_base64(&piece->tensor, c, buf, n)
	                     : write_elements(&piece->tensor, c, buf, n);
}
