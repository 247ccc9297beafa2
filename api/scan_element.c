#include <math.h>
#include <string.h>

#include "api/number.h"
#include "api/scan_internal.h"

static bool make_room(struct gd_scan *s)
{
	return s->n < s->data_room || scan_grow(s, 1, s->limits->elements);
}

/* --- elements --- */

/* May an element of this kind stand here? The first one settles rank and kind. */
static bool admit(struct gd_scan *s, enum scan_cells cells, const char *what)
{
	struct gd_tensor *t = &scan_current(s)->tensor;

	if (s->rank < 0)
		s->rank = s->level;
	else if (s->level < s->rank)
		return scan_ragged(s, what);
	if (s->cells == cells)
		return true;
	if (s->cells != CELLS_UNKNOWN)
		return scan_fail_at(s, s->level, GD_ERR_wrong_type,
		                    "the elements before this one are %s, but %s stands here",
		                    cells == CELLS_BOOLS ? "numbers" : "true and false", what);
	s->cells = cells;
	if (cells == CELLS_BOOLS) {
		t->dtype = GD_BOOL;
		scan_current(s)->all_integers = false;
	}
	return true;
}

static bool element_done(struct gd_scan *s)
{
	s->n++;
	s->state = WANT_CELL_COMMA;
	return s->level > 0 || scan_tensor_end(s);
}

/* Numbers, as long as they come. */
static const char *read_numbers(struct gd_scan *s, const char *p, const char *end)
{
	struct gd_lifted *now = scan_current(s);
	struct gd_run run = {
	        .at = p,
	        .integers = now->all_integers,
	        .any_size = now->too_large_for_float32 != 0,
	};

	/* A row's first one settles the rank; a scalar has no comma behind it. */
	if (s->rank != s->level || s->cells != CELLS_NUMBERS) {
		if (!admit(s, CELLS_NUMBERS, "a number"))
			return NULL;
		if (s->level == 0)
			return scan_number_begin(s, p, end);
	}
	do {
		if (!make_room(s))
			return NULL;

		void *data = now->tensor.data;
		size_t room = s->data_room - s->n;

		if (now->tensor.dtype == GD_FLOAT64)
			s->n += gd_read_doubles(&run, end, (double *)data + s->n, room);
		else
			s->n += gd_read_floats(&run, end, (float *)data + s->n, room);
	} while (s->n == s->data_room && !run.behind && run.at != end &&
	         scan_number_starts(*run.at));
	now->all_integers = run.integers;
	if (run.behind) {
		s->state = WANT_CELL_COMMA;
		return run.at;
	}
	if (run.at != p)
		s->state = WANT_CELL;
	if (run.at == end || !scan_number_starts(*run.at))
		return run.at;
	return scan_number_begin(s, run.at, end);
}

const char *scan_cell(struct gd_scan *s, const char *p, const char *end)
{
	switch (*p) {
	case '[': return scan_row_open(s) ? p + 1 : NULL;
	case '"': return scan_string_begin(s, p, end, STRING_CELL);
	case 't':
	case 'f':
	case 'n': return scan_literal_begin(s, p, end);
	case '{':
		return scan_fail_at(s, s->level, GD_ERR_wrong_type,
		                    "an element is a number, true or false, but an object stands "
		                    "here");
	default:
		if (scan_number_starts(*p))
			return read_numbers(s, p, end);
		return scan_unexpected(s, scan_offset(s, p), *p, scan_expected(s));
	}
}

static bool add_exact(struct gd_scan *s, struct gd_exact exact)
{
	struct gd_lifted *now = scan_current(s);

	if (now->exact_count == now->exact_room) {
		size_t room = now->exact_room ? 2 * now->exact_room : 8;
		void *more =
		        gd_data_resize(s->arena, now->exact, now->exact_room * sizeof *now->exact,
		                       room * sizeof *now->exact);

		if (!more)
			return scan_fail_arena(s);
		now->exact = more;
		now->exact_room = room;
	}
	exact.index = s->n;
	now->exact[now->exact_count++] = exact;
	return true;
}

/* Is the double or float just this integer, and was it safe to assume so? */
static bool is_exactly(double value, int64_t i)
{
	return fabs(value) <= 0x1p53 && (int64_t)value == i;
}

/* What the tensor's value does not tell of this element. */
static bool note_exact(struct gd_scan *s, const char *text, const char *end, double value)
{
	struct gd_lifted *now = scan_current(s);
	bool is_int = true;
	int64_t i;

	for (const char *p = text; p != end; p++)
		is_int &= *p != '.' && (*p | 0x20) != 'e';
	if (is_int && gd_read_int64(text, end, &i))
		return is_exactly(value, i) ||
		       add_exact(s, (struct gd_exact){.is_int = true, .as.i = i});
	now->all_integers = false;
	if (now->tensor.dtype == GD_FLOAT32)
		return true;

	float direct;
	const char *stop;

	if (gd_read_float(text, end, &direct, &stop) == GD_NUMBER_TOO_LARGE) {
		if (now->too_large_for_float32 == 0)
			now->too_large_for_float32 = s->n + 1;
		return true;
	}
	return direct == (float)value || add_exact(s, (struct gd_exact){.as.f = direct});
}

bool scan_cell_number(struct gd_scan *s, const char *text, const char *end)
{
	struct gd_tensor *t = &scan_current(s)->tensor;
	bool float32 = t->dtype == GD_FLOAT32;
	enum gd_number_status status;
	const char *stop;
	double d = 0;
	float f = 0;

	if (!admit(s, CELLS_NUMBERS, "a number") || !make_room(s))
		return false;
	status = float32 ? gd_read_float(text, end, &f, &stop)
	                 : gd_read_double(text, end, &d, &stop);
	if (status == GD_NUMBER_TOO_LARGE)
		return scan_fail_at(s, s->level, GD_ERR_number_out_of_range,
		                    "this number is too large for %s, whose largest is %s",
		                    float32 ? "float32" : "float64",
		                    float32 ? "3.4028235e38" : "1.7976931348623157e308");
	if (float32)
		((float *)t->data)[s->n] = f;
	else
		((double *)t->data)[s->n] = d;
	return note_exact(s, text, end, float32 ? f : d) && element_done(s);
}

bool scan_cell_bool(struct gd_scan *s, bool value)
{
	if (!admit(s, CELLS_BOOLS, value ? "true" : "false") || !make_room(s))
		return false;
	((unsigned char *)scan_current(s)->tensor.data)[s->n] = value;
	return element_done(s);
}

bool scan_cell_null(struct gd_scan *s)
{
	return scan_fail_at(s, s->level, GD_ERR_wrong_type,
	                    "an element is a number, true or false, but null stands here");
}

static bool wrong_string(struct gd_scan *s)
{
	bool fits = s->cell_length < sizeof s->cell;

	return scan_fail_at(s, s->level, GD_ERR_wrong_type,
	                    "the only strings among elements are \"NaN\", \"Infinity\" and "
	                    "\"-Infinity\", but here stands %s%.*s%s",
	                    fits ? "\"" : "", fits ? (int)s->cell_length : 16,
	                    fits ? s->cell : "some other text", fits ? "\"" : "");
}

bool scan_cell_string(struct gd_scan *s, const char *text, size_t n)
{
	if (n > sizeof s->cell - s->cell_length) {
		s->cell_length = sizeof s->cell;
		return wrong_string(s);
	}
	memcpy(s->cell + s->cell_length, text, n);
	s->cell_length += (unsigned)n;
	return true;
}

bool scan_cell_string_end(struct gd_scan *s)
{
	static const struct {
		const char *text;
		double value;
	} strings[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};

	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
		const char *text = strings[i].text;
		struct gd_lifted *now = scan_current(s);

		if (strlen(text) != s->cell_length || memcmp(text, s->cell, s->cell_length) != 0)
			continue;
		if (!admit(s, CELLS_NUMBERS, text) || !make_room(s))
			return false;
		if (now->tensor.dtype == GD_FLOAT32)
			((float *)now->tensor.data)[s->n] = (float)strings[i].value;
		else
			((double *)now->tensor.data)[s->n] = strings[i].value;
		now->all_integers = false;
		return element_done(s);
	}
	return wrong_string(s);
}

/* --- base64 --- */

const char *scan_base64(struct gd_scan *s, const char *p, const char *end, bool all)
{
	size_t most = s->limits->elements < SIZE_MAX / 16 ? s->limits->elements * 8 : SIZE_MAX / 2;

	while (p != end) {
		if (s->data_room - s->n < 3 && !scan_grow(s, s->n + 3, most + 3))
			return NULL;

		unsigned char *out = scan_current(s)->tensor.data;
		const char *start = p;

		s->n += gd_base64_decode(&s->base64, &p, end, out + s->n, s->data_room - s->n);
		if (p == start || s->data_room - s->n >= 3)
			break;
	}
	if (s->n > most)
		return scan_fail_at(s, 0, GD_ERR_limit_exceeded,
		                    "a tensor may have %zu elements, but this one has more",
		                    s->limits->elements);
	if (all && p != end)
		return scan_fail_at(s, 0, GD_ERR_wrong_type,
		                    "a character stands here that does not belong into base64 "
		                    "(A to Z, a to z, 0 to 9, + and /, padded with = at the end)");
	return p;
}

bool scan_base64_end(struct gd_scan *s)
{
	if (!gd_base64_complete(&s->base64))
		return scan_fail_at(s, 0, GD_ERR_wrong_type,
		                    "the base64 text is incomplete: its length is no multiple of 4 "
		                    "(padding with = counts)");
	s->rank = 1;
	scan_current(s)->tensor.shape[0] = (int64_t)s->n;
	return scan_tensor_end(s);
}
