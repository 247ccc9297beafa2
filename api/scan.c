#include "api/scan.h"

#include <string.h>

#include "api/scan_internal.h"

enum { FIRST_ROOM = 512 };

struct gd_scan *gd_scan_new(struct gd_arena *arena, const struct gd_limits *limits,
                            struct gd_error *error)
{
	struct gd_scan *s = gd_alloc_zero(arena, sizeof *s);

	if (!s)
		return NULL;
	s->arena = arena;
	s->limits = limits;
	s->error = error;
	s->state = WANT_VALUE;
	s->place = PLACE_BODY;
	s->line = 1;
	s->open = s->open_few;
	s->open_room = sizeof s->open_few;
	s->carry = s->carry_few;
	s->carry_room = sizeof s->carry_few;
	return s;
}

/* --- the skeleton --- */

bool scan_emit_slow(struct gd_scan *s, const char *text, size_t n)
{
	size_t most = s->limits->skeleton_bytes;

	if (n > s->room - s->length) {
		if (n > most || s->length > most - n)
			return gd_fail(s->error, GD_ERR_limit_exceeded,
			               "without the elements of its tensors a request may have "
			               "%zu bytes, but this one has more",
			               most);

		size_t room = s->room ? s->room : FIRST_ROOM;

		while (room < s->length + n)
			room *= 2;
		if (room > most)
			room = most;

		char *moved =
		        gd_data_resize(s->arena, s->text, s->text ? s->room + 1 : 0, room + 1);

		if (!moved)
			return scan_fail_arena(s);
		s->text = moved;
		s->room = room;
	}
	memcpy(s->text + s->length, text, n);
	s->length += n;
	return true;
}

bool scan_too_deep(struct gd_scan *s)
{
	if (s->depth + (size_t)s->level < s->limits->nesting)
		return false;
	scan_fail_at(s, 0, GD_ERR_limit_exceeded,
	             "arrays and objects may be nested %zu deep, but here they are deeper",
	             s->limits->nesting);
	return true;
}

static bool open_container(struct gd_scan *s, enum scan_container what)
{
	if (scan_too_deep(s))
		return false;
	if (s->depth == s->open_room) {
		unsigned char *more = gd_alloc_array(s->arena, s->open_room, 2);

		if (!more)
			return scan_fail_arena(s);
		memcpy(more, s->open, s->depth);
		s->open = more;
		s->open_room *= 2;
	}
	s->open[s->depth++] = (unsigned char)what;
	s->state = what == ARRAY ? WANT_FIRST_VALUE : WANT_FIRST_KEY;
	return scan_emit(s, what == ARRAY ? "[" : "{", 1);
}

static bool close_container(struct gd_scan *s, char c)
{
	s->depth--;
	scan_value_done(s);
	return scan_emit(s, &c, 1);
}

void scan_value_done(struct gd_scan *s)
{
	s->state = s->depth > 0 ? WANT_COMMA : WANT_NOTHING;
}

/* --- where tensors stand --- */

static bool key_is(const struct gd_scan *s, const char *word)
{
	size_t n = strlen(word);

	return s->key_length == n && memcmp(s->text + s->key, word, n) == 0;
}

void scan_key_done(struct gd_scan *s)
{
	s->state = WANT_COLON;
	s->place = PLACE_ELSEWHERE;
	switch ((enum scan_container)s->open[s->depth - 1]) {
	case BODY:
		s->root = s->key;
		s->root_length = s->key_length;
		s->named = false;
		if (key_is(s, "dtype"))
			s->place = PLACE_DTYPE;
		else if (key_is(s, "grad_output"))
			s->place = PLACE_TENSOR;
		else if (key_is(s, "tensors") || key_is(s, "tangents") || key_is(s, "vectors") ||
		         key_is(s, "claims"))
			s->place = PLACE_MAP;
		break;
	case MAP:
		s->name = s->key;
		s->name_length = s->key_length;
		s->named = true;
		s->place = PLACE_TENSOR;
		break;
	case TENSOR:
		if (key_is(s, "data"))
			s->place = PLACE_DATA;
		else if (key_is(s, "base64"))
			s->place = PLACE_BASE64;
		else if (key_is(s, "dtype"))
			s->place = PLACE_OWN_DTYPE;
		break;
	case ARRAY:
	case OBJECT: break;
	}
}

/* --- values --- */

static const char *begin_object(struct gd_scan *s, const char *p)
{
	enum scan_container what = s->place == PLACE_BODY     ? BODY
	                           : s->place == PLACE_MAP    ? MAP
	                           : s->place == PLACE_TENSOR ? TENSOR
	                                                      : OBJECT;

	if (what == TENSOR)
		s->own_dtype = DTYPE_UNKNOWN;
	return open_container(s, what) ? p + 1 : NULL;
}

static const char *begin_value(struct gd_scan *s, const char *p, const char *end)
{
	bool lift = s->place == PLACE_TENSOR || s->place == PLACE_DATA;
	char c = *p;

	if (s->place == PLACE_BASE64 && c != '"' && c != 'n' &&
	    (strchr("{[tf", c) || scan_number_starts(c)))
		return scan_fail_at(s, 0, GD_ERR_wrong_type,
		                    "base64 is a string: the elements' bytes, little-endian, as "
		                    "base64 text");
	switch (c) {
	case '{': return begin_object(s, p);
	case '[':
		if (lift)
			return scan_tensor_begin(s, false) && scan_row_open(s) ? p + 1 : NULL;
		return open_container(s, ARRAY) ? p + 1 : NULL;
	case '"':
		if (s->place != PLACE_BASE64)
			return scan_string_begin(s, p, end, STRING_VALUE);
		return scan_tensor_begin(s, true) ? scan_string_begin(s, p, end, STRING_BASE64)
		                                  : NULL;
	case 't':
	case 'f':
		if (lift && !scan_tensor_begin(s, false))
			return NULL;
		return scan_literal_begin(s, p, end);
	case 'n': return scan_literal_begin(s, p, end);
	default:
		if (!scan_number_starts(c))
			return scan_unexpected(s, scan_offset(s, p), c, scan_expected(s));
		if (lift && !scan_tensor_begin(s, false))
			return NULL;
		return scan_number_begin(s, p, end);
	}
}

static const char *after_value(struct gd_scan *s, const char *p)
{
	bool array = s->open[s->depth - 1] == ARRAY;

	if (*p == (array ? ']' : '}'))
		return close_container(s, *p) ? p + 1 : NULL;
	if (*p != ',')
		return scan_unexpected(s, scan_offset(s, p), *p, scan_expected(s));
	s->state = array ? WANT_VALUE : WANT_KEY;
	s->place = PLACE_ELSEWHERE;
	return scan_emit(s, ",", 1) ? p + 1 : NULL;
}

/* --- feeding --- */

static const char *skip_space(struct gd_scan *s, const char *p, const char *end)
{
	for (; p != end; p++) {
		if (*p == '\n') {
			s->line++;
			s->line_offset = scan_offset(s, p) + 1;
		} else if (*p != ' ' && *p != '\t' && *p != '\r') {
			break;
		}
	}
	return p;
}

/* One token, or what the chunk has of it. */
static const char *step(struct gd_scan *s, const char *p, const char *end)
{
	if ((unsigned char)*p <= ' ' && s->state < IN_STRING) {
		if (*p == ' ' && ++p != end && (unsigned char)*p > ' ')
			goto token;
		p = skip_space(s, p, end);
		if (p == end)
			return p;
	}
token:
	switch (s->state) {
	case IN_STRING: return scan_string(s, p, end);
	case IN_NUMBER: return scan_number(s, p, end);
	case IN_LITERAL: return scan_literal(s, p, end);
	case WANT_FIRST_VALUE:
		if (*p == ']')
			return close_container(s, ']') ? p + 1 : NULL;
		s->place = PLACE_ELSEWHERE;
		return begin_value(s, p, end);
	case WANT_VALUE: return begin_value(s, p, end);
	case WANT_FIRST_KEY:
		if (*p == '}')
			return close_container(s, '}') ? p + 1 : NULL;
		break;
	case WANT_KEY: break;
	case WANT_COLON:
		if (*p != ':')
			return scan_unexpected(s, scan_offset(s, p), *p, scan_expected(s));
		s->state = WANT_VALUE;
		return scan_emit(s, ":", 1) ? p + 1 : NULL;
	case WANT_COMMA: return after_value(s, p);
	case WANT_NOTHING: return scan_unexpected(s, scan_offset(s, p), *p, scan_expected(s));
	case WANT_FIRST_CELL:
		if (*p == ']')
			return scan_row_close(s) ? p + 1 : NULL;
		return scan_cell(s, p, end);
	case WANT_CELL: return scan_cell(s, p, end);
	case WANT_CELL_COMMA:
		if (*p == ']')
			return scan_row_close(s) ? p + 1 : NULL;
		if (*p != ',')
			return scan_unexpected(s, scan_offset(s, p), *p, scan_expected(s));
		s->state = WANT_CELL;
		return p + 1;
	}
	if (*p != '"')
		return scan_unexpected(s, scan_offset(s, p), *p, scan_expected(s));
	return scan_string_begin(s, p, end, STRING_KEY);
}

bool gd_scan_feed(struct gd_scan *s, const char *bytes, size_t n)
{
	const char *p = bytes, *end = bytes + n;

	s->chunk = bytes;
	while (p != end && !s->failed) {
		p = step(s, p, end);
		if (!p)
			s->failed = true;
	}
	s->before += n;
	s->chunk = NULL;
	return !s->failed;
}

bool gd_scan_end(struct gd_scan *s)
{
	if (s->failed)
		return false;
	if (s->state == IN_NUMBER && !scan_number_end(s))
		s->failed = true;
	else if (s->state != WANT_NOTHING)
		s->failed = !scan_cut_short(s);
	else
		s->text[s->length] = '\0';
	return !s->failed;
}

const char *gd_scan_skeleton(const struct gd_scan *s, size_t *length)
{
	*length = s->length;
	return s->text;
}

struct gd_lifted *gd_scan_lifted(const struct gd_scan *s, size_t *count)
{
	*count = s->lifted_count;
	return s->lifted;
}
