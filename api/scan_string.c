#include <string.h>

#include "api/scan_internal.h"

/* Bytes that stand for themselves in JSON text: all but '"', '\', control characters, non-ASCII. */
static const bool plain[256] = {
        [' '] = true,
        ['!'] = true,
        ['#' ... '['] = true,
        [']' ... 0x7F] = true,
};

const char *scan_string_begin(struct gd_scan *s, const char *p, const char *end,
                              enum scan_string what)
{
	s->state = IN_STRING;
	s->string = what;
	s->escape = NO_ESCAPE;
	s->cell_length = 0;
	if (what == STRING_KEY || what == STRING_VALUE) {
		if (!scan_emit(s, "\"", 1))
			return NULL;
		s->string_at = s->length;
	}
	return scan_string(s, p + 1, end);
}

/* n bytes of the string's value, none of which the skeleton needs escaped. */
static bool take_bytes(struct gd_scan *s, const char *bytes, size_t n)
{
	switch (s->string) {
	case STRING_KEY:
	case STRING_VALUE: return scan_emit(s, bytes, n);
	case STRING_CELL: return scan_cell_string(s, bytes, n);
	case STRING_BASE64: return scan_base64(s, bytes, bytes + n, true) != NULL;
	}
	return true;
}

/* A character that stood as an escape. */
static bool take_char(struct gd_scan *s, unsigned code)
{
	static const char digits[] = "0123456789abcdef", letters[] = "btnfr";
	bool is_text = s->string == STRING_KEY || s->string == STRING_VALUE;
	char buf[6];

	if (is_text && (code < ' ' || code == '"' || code == '\\')) {
		char two[2] = {'\\', (char)code};
		char six[6] = {'\\', 'u', '0', '0', digits[code >> 4 & 15], digits[code & 15]};

		if (code >= ' ')
			return scan_emit(s, two, 2);
		if (code < '\b' || code > '\r' || code == '\v')
			return scan_emit(s, six, 6);
		two[1] = code < '\v' ? letters[code - '\b'] : letters[code - '\b' - 1];
		return scan_emit(s, two, 2);
	}
	if (code < 0x80) {
		buf[0] = (char)code;
		return take_bytes(s, buf, 1);
	}

	size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--, code >>= 6)
		buf[i] = (char)(0x80 | (code & 0x3F));
	buf[0] = (char)(0xF00 >> n | code);
	return take_bytes(s, buf, n);
}

static bool string_done(struct gd_scan *s)
{
	if (s->string == STRING_CELL)
		return scan_cell_string_end(s);
	if (s->string == STRING_BASE64)
		return scan_base64_end(s);
	if (s->string == STRING_KEY) {
		s->key = s->string_at;
		s->key_length = s->length - s->string_at;
		scan_key_done(s);
	} else {
		bool float32 = s->length - s->string_at == 7 &&
		               memcmp(s->text + s->string_at, "float32", 7) == 0;

		if (s->place == PLACE_DTYPE)
			s->dtype = float32 ? DTYPE_FLOAT32 : DTYPE_OTHER;
		if (s->place == PLACE_OWN_DTYPE)
			s->own_dtype = float32 ? DTYPE_FLOAT32 : DTYPE_OTHER;
		scan_value_done(s);
	}
	return scan_emit(s, "\"", 1);
}

/* The range of the second byte shuts out overlong forms, surrogates and what is over U+10FFFF. */
static bool utf8_lead(struct gd_scan *s, unsigned char c)
{
	if (c < 0xC2 || c > 0xF4)
		return false;
	s->utf8_left = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
	s->utf8_low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
	s->utf8_high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
	s->escape = UTF8;
	return true;
}

static bool bad_utf8(struct gd_scan *s, const char *p)
{
	return scan_malformed(s, scan_offset(s, p), "the byte 0x%02X in a string is not UTF-8 here",
	                      (unsigned)(unsigned char)*p);
}

static bool lone_surrogate(struct gd_scan *s, unsigned code)
{
	return scan_malformed(s, s->escape_offset,
	                      "\\u%04x in a string is half of a surrogate pair, without its other "
	                      "half",
	                      code);
}

static bool hex_done(struct gd_scan *s)
{
	unsigned code = s->hex;
	bool low = (code & 0xFC00) == 0xDC00, was_high = s->escape == LOW_HEX;

	s->escape = NO_ESCAPE;
	if (was_high) {
		if (!low)
			return lone_surrogate(s, s->high);
		return take_char(s, 0x10000 + ((s->high & 0x3FF) << 10 | (code & 0x3FF)));
	}
	if (low)
		return lone_surrogate(s, code);
	if ((code & 0xFC00) == 0xD800) {
		s->high = code;
		s->escape = LOW_BACKSLASH;
		return true;
	}
	if (code == 0)
		return scan_malformed(s, s->escape_offset, "a string here cannot hold \\u0000");
	return take_char(s, code);
}

static bool take_hex(struct gd_scan *s, const char *p)
{
	unsigned digit = (unsigned char)*p - (unsigned)'0';
	unsigned letter = ((unsigned char)*p | 0x20u) - (unsigned)'a';

	if (digit < 10)
		s->hex = s->hex << 4 | digit;
	else if (letter < 6)
		s->hex = s->hex << 4 | (letter + 10);
	else
		return scan_unexpected(s, scan_offset(s, p), *p,
		                       "four hexadecimal digits after \\u in a string");
	return --s->hex_left > 0 || hex_done(s);
}

static bool take_escaped(struct gd_scan *s, const char *p)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *letter = *p ? strchr(letters, *p) : NULL;

	if (*p == 'u') {
		s->escape = HEX;
		s->hex = 0;
		s->hex_left = 4;
		return true;
	}
	if (!letter)
		return scan_unexpected(s, scan_offset(s, p), *p,
		                       "one of \" \\ / b f n r t u after '\\' in a string");
	s->escape = NO_ESCAPE;
	return take_char(s, (unsigned char)meant[letter - letters]);
}

/* One byte in the middle of an escape or of a UTF-8 sequence. */
static bool take_escape_byte(struct gd_scan *s, const char *p)
{
	unsigned char c = (unsigned char)*p;

	switch (s->escape) {
	case AFTER_BACKSLASH: return take_escaped(s, p);
	case HEX:
	case LOW_HEX: return take_hex(s, p);
	case LOW_BACKSLASH: s->escape = LOW_U; return c == '\\' || lone_surrogate(s, s->high);
	case LOW_U:
		s->escape = LOW_HEX;
		s->hex = 0;
		s->hex_left = 4;
		return c == 'u' || lone_surrogate(s, s->high);
	case UTF8:
		if (c < s->utf8_low || c > s->utf8_high)
			return bad_utf8(s, p);
		s->utf8_low = 0x80;
		s->utf8_high = 0xBF;
		if (--s->utf8_left == 0)
			s->escape = NO_ESCAPE;
		return take_bytes(s, p, 1);
	case NO_ESCAPE: break;
	}
	return true;
}

const char *scan_string(struct gd_scan *s, const char *p, const char *end)
{
	while (p != end) {
		if (s->escape != NO_ESCAPE) {
			if (!take_escape_byte(s, p++))
				return NULL;
			continue;
		}
		if (s->string == STRING_BASE64) {
			p = scan_base64(s, p, end, false);
			if (!p || p == end)
				return p;
		} else {
			const char *start = p;

			while (p != end && plain[(unsigned char)*p])
				p++;
			if (p != start && !take_bytes(s, start, (size_t)(p - start)))
				return NULL;
			if (p == end)
				return p;
		}

		unsigned char c = (unsigned char)*p;

		if (c == '"')
			return string_done(s) ? p + 1 : NULL;
		if (c == '\\') {
			s->escape = AFTER_BACKSLASH;
			s->escape_offset = scan_offset(s, p);
		} else if (c < ' ') {
			return scan_unexpected(
			        s, scan_offset(s, p), *p,
			        "'\"' at the end of a string, or its next character");
		} else if (c >= 0x80 && !utf8_lead(s, c)) {
			bad_utf8(s, p);
			return NULL;
		} else if (!take_bytes(s, p, 1)) {
			return NULL;
		}
		p++;
	}
	return p;
}
