#include <string.h>

#include "api/number.h"
#include "api/scan_internal.h"

/* --- numbers --- */

/* The number that begins at `text` stops being one at `stop`; `c` stands there. */
static const char *bad_number(struct gd_scan *s, const char *text, const char *stop, char c)
{
	size_t offset = s->number_offset + (size_t)(stop - text);
	char before = stop[-1];

	if (before == '0')
		return scan_malformed(s, offset,
		                      "a number does not begin with 0 and another digit");
	return scan_unexpected(s, offset, c,
	                       before == '.'     ? "a digit after the decimal point"
	                       : stop - text > 1 ? "a digit in the exponent"
	                                         : "a digit after '-'");
}

static bool emit_number(struct gd_scan *s, const char *text, const char *end, double value,
                        enum gd_number_status status)
{
	char buf[GD_NUMBER_MAX];

	scan_value_done(s);
	if (status == GD_NUMBER_TOO_LARGE)
		return scan_emit(s, *text == '-' ? "-1e999" : "1e999", *text == '-' ? 6 : 5);
	if (end - text <= GD_NUMBER_MAX)
		return scan_emit(s, text, (size_t)(end - text));
	return scan_emit(s, buf, gd_write_double(buf, value));
}

/* The number that begins at `text` and goes on to `end` at most, where it does end. Returns where
 * it ended; *bad then tells that it is no number. */
static const char *take_number(struct gd_scan *s, const char *text, const char *end, bool *bad)
{
	const char *stop;
	double value = 0;
	enum gd_number_status status = gd_read_double(text, end, &value, &stop);

	*bad = false;
	if (stop - text > GD_NUMBER_TEXT_MAX)
		return scan_fail_at(s, s->in_tensor ? s->level : 0, GD_ERR_limit_exceeded,
		                    "a number may be written in %d bytes, but one has more",
		                    GD_NUMBER_TEXT_MAX);
	if (status == GD_NUMBER_BAD) {
		*bad = true;
		return stop;
	}
	if (s->in_tensor)
		return scan_cell_number(s, text, stop) ? stop : NULL;
	return emit_number(s, text, stop, value, status) ? stop : NULL;
}

const char *scan_number_begin(struct gd_scan *s, const char *p, const char *end)
{
	const char *stop = p + 1;

	s->state = IN_NUMBER;
	s->number_offset = scan_offset(s, p);
	s->carried = 0;
	/* Where the characters of numbers go on to the end of the chunk, more may come. */
	if ((size_t)(end - p) <= GD_NUMBER_TEXT_MAX) {
		while (stop != end && (scan_number_starts(*stop) || *stop == '.' || *stop == '+' ||
		                       (*stop | 0x20) == 'e'))
			stop++;
		if (stop == end)
			return scan_number(s, p, end);
	} else {
		end = p + GD_NUMBER_TEXT_MAX + 1;
	}

	bool bad;

	stop = take_number(s, p, end, &bad);
	return stop && bad ? bad_number(s, p, stop, *stop) : stop;
}

static bool carry(struct gd_scan *s, const char *bytes, size_t n)
{
	if (n > s->carry_room - s->carried) {
		size_t room = GD_NUMBER_TEXT_MAX + 1;
		char *more = gd_alloc(s->arena, room);

		if (!more)
			return scan_fail_arena(s);
		memcpy(more, s->carry, s->carried);
		s->carry = more;
		s->carry_room = room;
	}
	memcpy(s->carry + s->carried, bytes, n);
	s->carried += n;
	return true;
}

/* The carried text is complete; *next stands behind it, NULL: the body's end. */
static bool take_carried(struct gd_scan *s, const char *next)
{
	const char *text = s->carry, *end = text + s->carried;
	bool bad;
	const char *stop = take_number(s, text, end, &bad);

	if (!stop)
		return false;
	if (stop == end && bad && !next)
		return scan_cut_short(s);
	if (stop == end)
		return !bad || bad_number(s, text, stop, *next);
	if (bad)
		return bad_number(s, text, stop, *stop);
	return scan_unexpected(s, s->number_offset + (size_t)(stop - text), *stop,
	                       scan_expected(s));
}

const char *scan_number(struct gd_scan *s, const char *p, const char *end)
{
	const char *start = p;
	size_t most = GD_NUMBER_TEXT_MAX + 1 - s->carried;

	if ((size_t)(end - p) > most)
		end = p + most;
	while (p != end && (scan_number_starts(*p) || *p == '.' || *p == '+' || (*p | 0x20) == 'e'))
		p++;
	if (!carry(s, start, (size_t)(p - start)))
		return NULL;
	if (p == end && s->carried <= GD_NUMBER_TEXT_MAX)
		return p;
	return take_carried(s, p) ? p : NULL;
}

bool scan_number_end(struct gd_scan *s)
{
	return take_carried(s, NULL);
}

/* --- true, false, null --- */

const char *scan_literal_begin(struct gd_scan *s, const char *p, const char *end)
{
	s->state = IN_LITERAL;
	s->literal = *p == 't' ? "true" : *p == 'f' ? "false" : "null";
	s->literal_at = 1;
	return scan_literal(s, p + 1, end);
}

const char *scan_literal(struct gd_scan *s, const char *p, const char *end)
{
	const char *word = s->literal;

	for (; word[s->literal_at] != '\0'; p++, s->literal_at++) {
		if (p == end)
			return p;
		if (*p != word[s->literal_at])
			return scan_unexpected(s, scan_offset(s, p), *p, scan_expected(s));
	}
	if (s->in_tensor)
		return (*word == 'n' ? scan_cell_null(s) : scan_cell_bool(s, *word == 't')) ? p
		                                                                            : NULL;
	scan_value_done(s);
	return scan_emit(s, word, s->literal_at) ? p : NULL;
}
