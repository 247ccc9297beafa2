#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *title;
	int status;
} codes[GD_ERROR_COUNT] = {
        [GD_OK] = {"ok", "No error", 200},
#define GD_ERROR(code, http, text) [GD_ERR_##code] = {#code, text, http},
#include "core/errors.def"
#undef GD_ERROR
};

void gd_error_clear(struct gd_error *e)
{
	e->code = GD_OK;
	e->has_position = false;
	e->offset = e->line = e->column = 0;
	e->expected.rank = e->got.rank = -1;
	e->pointer[0] = e->detail[0] = e->hint[0] = '\0';
}

/* Drops a UTF-8 sequence that the end of the buffer cut in two. */
static void mend_utf8(char *s, size_t length)
{
	size_t start = length;

	while (start > 0 && ((unsigned char)s[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0)
		return;
	start--;

	unsigned char lead = (unsigned char)s[start];
	size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;

	if (length - start < need)
		s[start] = '\0';
}

/* True when everything fitted. */
static bool print_text(char *buf, size_t size, const char *format, va_list args)
{
	int n = vsnprintf(buf, size, format, args);

	if (n < 0) {
		buf[0] = '\0';
		return false;
	}
	if ((size_t)n < size)
		return true;
	mend_utf8(buf, size - 1);
	return false;
}

bool gd_fail(struct gd_error *e, enum gd_code code, const char *format, ...)
{
	if (e->code != GD_OK)
		return false;
	gd_error_clear(e);
	e->code = code;

	va_list args;
	va_start(args, format);
	print_text(e->detail, sizeof e->detail, format, args);
	va_end(args);
	return false;
}

void gd_error_pointer(struct gd_error *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	/* A pointer that is too long becomes that of an enclosing value. */
	if (!print_text(e->pointer, sizeof e->pointer, format, args)) {
		char *slash = strrchr(e->pointer, '/');

		if (slash)
			*slash = '\0';
	}
	va_end(args);
}

void gd_error_hint(struct gd_error *e, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_text(e->hint, sizeof e->hint, format, args);
	va_end(args);
}

static void set_dims(struct gd_dims *d, int rank, const int64_t *dim)
{
	if (rank < 0 || rank > GD_MAX_RANK) {
		d->rank = -1;
		return;
	}
	d->rank = rank;
	for (int i = 0; i < rank; i++)
		d->dim[i] = dim[i];
}

void gd_error_shapes(struct gd_error *e, int expected_rank, const int64_t *expected, int got_rank,
                     const int64_t *got)
{
	set_dims(&e->expected, expected_rank, expected);
	set_dims(&e->got, got_rank, got);
}

const char *gd_code_name(enum gd_code code)
{
	return codes[code].name;
}

const char *gd_code_title(enum gd_code code)
{
	return codes[code].title;
}

int gd_code_status(enum gd_code code)
{
	return codes[code].status;
}

enum { NEAREST_MAX = 64 }; /* longer names get no hint */

/* Case and the kind of dash are no difference between names. */
static unsigned char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned char)(c - 'A' + 'a');
	return c == '-' ? '_' : (unsigned char)c;
}

static int min3(int a, int b, int c)
{
	int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment: inserted, dropped, changed, or two neighbours swapped. */
static int edit_distance(const char *a, int m, const char *b, int n)
{
	int rows[3][NEAREST_MAX + 1];
	int *before = rows[0], *above = rows[1], *row = rows[2];

	for (int j = 0; j <= n; j++)
		above[j] = j;
	for (int i = 1; i <= m; i++) {
		row[0] = i;
		for (int j = 1; j <= n; j++) {
			int changed = fold(a[i - 1]) != fold(b[j - 1]);

			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + changed);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			    fold(a[i - 2]) == fold(b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}

		int *recycled = before;

		before = above;
		above = row;
		row = recycled;
	}
	return above[n];
}

const char *gd_nearest(const char *name, const char *const *names, size_t n)
{
	size_t length = strlen(name);
	const char *best = NULL;
	int best_distance = NEAREST_MAX + 1;

	if (length == 0 || length > NEAREST_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other = strlen(names[i]);
		size_t longer = other > length ? other : length;
		size_t gap = longer - (other > length ? length : other);

		if (other == 0 || other > NEAREST_MAX || gap * 3 > longer)
			continue;

		int d = edit_distance(name, (int)length, names[i], (int)other);

		if ((size_t)d * 3 <= longer && d < best_distance) {
			best = names[i];
			best_distance = d;
		}
	}
	return best;
}
