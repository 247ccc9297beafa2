#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/scan_internal.h"

/* --- malformed text, by position --- */

const char *scan_malformed(struct gd_scan *s, size_t offset, const char *format, ...)
{
	char text[sizeof s->error->detail];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	gd_fail(s->error, GD_ERR_malformed_json, "%s", text);
	s->error->has_position = true;
	s->error->offset = offset;
	s->error->line = s->line;
	s->error->column = offset - s->line_offset + 1;
	return NULL;
}

static void name_char(unsigned char c, char buf[40])
{
	if (c == '\n')
		snprintf(buf, 40, "a line break");
	else if (c == '\'')
		snprintf(buf, 40, "\"'\"");
	else if (c < ' ' || c == 0x7F)
		snprintf(buf, 40, "the control character 0x%02X", c);
	else if (c >= 0x80)
		snprintf(buf, 40, "the byte 0x%02X", c);
	else
		snprintf(buf, 40, "'%c'", c);
}

static const char *hint_for(const struct gd_scan *s, char c)
{
	switch (c) {
	case '\'': return "JSON strings stand in double quotes.";
	case '/':
	case '#': return "JSON has no comments.";
	case 'N':
	case 'I':
		return "Not-a-number and the infinities are written as the strings \"NaN\", "
		       "\"Infinity\" and \"-Infinity\"; nothing at all is null.";
	case 'T':
	case 'F': return "JSON writes true and false in small letters.";
	case '+':
	case '.': return "Numbers in JSON begin with a digit or '-'.";
	case ']':
		return s->state == WANT_VALUE || s->state == WANT_CELL
		               ? "JSON allows no comma in front of a closing bracket."
		               : "";
	case '}':
		return s->state == WANT_KEY ? "JSON allows no comma in front of a closing brace."
		                            : "";
	case '\xEF':
		return s->state == WANT_VALUE && s->depth == 0
		               ? "Send UTF-8 without a byte order mark."
		               : "";
	default: return "";
	}
}

const char *scan_unexpected(struct gd_scan *s, size_t offset, char c, const char *expected)
{
	char found[40];

	name_char((unsigned char)c, found);
	scan_malformed(s, offset, "expected %s, but found %s", expected, found);
	gd_error_hint(s->error, "%s", hint_for(s, c));
	return NULL;
}

const char *scan_expected(const struct gd_scan *s)
{
	switch (s->state) {
	case WANT_VALUE:
		if (s->depth == 0)
			return "a JSON value";
		return s->open[s->depth - 1] == ARRAY ? "a value after ',' in an array"
		                                      : "a value after ':'";
	case WANT_FIRST_VALUE: return "a value or ']' after '['";
	case WANT_FIRST_KEY: return "a name in double quotes or '}' after '{'";
	case WANT_KEY: return "a name in double quotes after ','";
	case WANT_COLON: return "':' after the name of a member";
	case WANT_COMMA:
		return s->open[s->depth - 1] == ARRAY ? "',' or ']' after an array element"
		                                      : "',' or '}' after a member of an object";
	case WANT_NOTHING: return "nothing more after the end of the JSON value";
	case WANT_FIRST_CELL: return "an element, a row or ']' after '['";
	case WANT_CELL: return "an element or a row after ',' in an array";
	case WANT_CELL_COMMA: return "',' or ']' after an array element";
	case IN_LITERAL:
		return *s->literal == 't'   ? "the rest of 'true'"
		       : *s->literal == 'f' ? "the rest of 'false'"
		                            : "the rest of 'null'";
	case IN_NUMBER: return "the rest of a number";
	case IN_STRING: break;
	}
	return "the rest of a string";
}

bool scan_cut_short(struct gd_scan *s)
{
	if (s->state == WANT_VALUE && s->depth == 0) {
		scan_malformed(s, s->before,
		               "the body is empty, but it must be a JSON object such as "
		               "{\"tensors\": {\"x\": [[1, 2]]}, \"layers\": [\"relu\", \"sum\"]}");
		return false;
	}
	if (s->state == IN_STRING)
		scan_malformed(s, s->before, "the body ends inside a string");
	else if (s->state == IN_NUMBER)
		scan_malformed(s, s->before, "the body ends inside a number");
	else if (s->state == IN_LITERAL)
		scan_malformed(s, s->before, "the body ends inside of '%s'", s->literal);
	else
		scan_malformed(s, s->before, "the body ends too early: expected %s",
		               scan_expected(s));
	return false;
}

/* --- the rest, by pointer --- */

struct pointer {
	char text[sizeof((struct gd_error *)0)->pointer];
	size_t length, part; /* the part being added begins there */
	bool full;           /* then it names an enclosing value */
};

static void put_char(struct pointer *p, char c)
{
	if (p->full)
		return;
	if (p->length + 1 == sizeof p->text) {
		p->full = true;
		p->length = p->part;
	} else {
		p->text[p->length++] = c;
	}
	p->text[p->length] = '\0';
}

static void put_escaped(struct pointer *p, char c)
{
	if (c == '~' || c == '/') {
		put_char(p, '~');
		c = c == '~' ? '0' : '1';
	}
	put_char(p, c);
}

static void begin_part(struct pointer *p)
{
	p->part = p->length;
	put_char(p, '/');
}

static int hex_value(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* One part from n bytes of a string of the skeleton, whose escapes are few: \" \\ \b \f \n \r \t
 * and \u00XX. */
static void put_part(struct pointer *p, const char *text, size_t n)
{
	static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";

	begin_part(p);
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == '\\') {
			c = text[++i];

			const char *letter = strchr(letters, c);

			if (letter) {
				c = meant[letter - letters];
			} else if (c == 'u') {
				/* Not yet NUL-terminated text: 00, then two digits. */
				c = (char)(hex_value(text[i + 3]) << 4 | hex_value(text[i + 4]));
				i += 4;
			}
		}
		put_escaped(p, c);
	}
}

static void point_to_tensor(const struct gd_scan *s, struct pointer *p)
{
	if (s->place != PLACE_TENSOR && s->place != PLACE_DATA && s->place != PLACE_BASE64)
		return;
	put_part(p, s->text + s->root, s->root_length);
	if (s->named)
		put_part(p, s->text + s->name, s->name_length);
	if (s->place == PLACE_DATA)
		put_part(p, "data", 4);
	if (s->place == PLACE_BASE64)
		put_part(p, "base64", 6);
}

static void point(struct gd_scan *s, int axes)
{
	struct pointer p = {.length = 0};

	point_to_tensor(s, &p);
	for (int i = 0; i < axes; i++) {
		bool innermost = i == s->rank - 1;
		char index[24];
		int n = snprintf(index, sizeof index, "%lld",
		                 innermost ? (long long)(s->n - s->row_start)
		                           : (long long)s->seen[i]);

		put_part(&p, index, (size_t)n);
	}
	gd_error_pointer(s->error, "%s", p.text);
}

const char *scan_fail_at(struct gd_scan *s, int axes, enum gd_code code, const char *format, ...)
{
	char text[sizeof s->error->detail];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	gd_fail(s->error, code, "%s", text);
	point(s, axes);
	return NULL;
}

const char *scan_fail_arena(struct gd_scan *s)
{
	gd_arena_fail(s->arena, s->error);
	return NULL;
}
