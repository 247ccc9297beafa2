#include "api/param.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/spec.h"
#include "api/tensor.h"

/* --- in words ------------------------------------------------------------------------------ */

struct words {
	char *text;
	size_t n;
};

static void say(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct words *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(w->text + w->n, GD_PARAM_NEEDS - w->n, format, args);
	va_end(args);
	if (n > 0)
		w->n = w->n + (size_t)n < GD_PARAM_NEEDS ? w->n + (size_t)n : GD_PARAM_NEEDS - 1;
}

const char *gd_param_needs(const struct gd_param_spec *p, char buf[GD_PARAM_NEEDS])
{
	static const char *const types[GD_PARAM_TYPES] = {
	        [GD_PARAM_BOOL] = "true or false",
	        [GD_PARAM_INT] = "an integer",
	        [GD_PARAM_FLOAT] = "a number",
	        [GD_PARAM_INTS] = "an integer or a list of integers",
	        [GD_PARAM_FLOATS] = "a number or a list of numbers",
	        [GD_PARAM_LISTS] = "an integer or two lists of integers",
	        [GD_PARAM_STR] = "a text"};
	struct words w = {.text = buf};
	*buf = '\0';
	if (p->type != GD_PARAM_CHOICE)
		say(&w, "%s%s", types[p->type], p->open ? " (null keeps a size)" : "");
	for (int i = 0; p->choices[i]; i++)
		say(&w, "%s\"%s\"", !w.n ? "" : p->choices[i + 1] ? ", " : " or ", p->choices[i]);
	if (p->nullable)
		say(&w, " or null");
	return buf;
}

static bool wrong_type(const struct gd_json *v, const struct gd_param_spec *p, struct gd_error *e)
{
	char needs[GD_PARAM_NEEDS];
	return gd_json_wrong_type(v, gd_param_needs(p, needs), e);
}

/* --- values -------------------------------------------------------------------------------- */

bool gd_number_read(struct gd_spec *s, const struct gd_json *v, double *value)
{
	if (!gd_json_extended(v, value, s->x->error))
		return false;
	if (s->graph.dtype == GD_FLOAT32 && isinf((float)*value) && !isinf(*value))
		return gd_json_fail(v, s->x->error, GD_ERR_number_out_of_range,
		                    "%g is beyond float32's range", *value);
	return true;
}

/* The numbers of one list, or one number; behind those that are there already. */
static bool read_ints(struct gd_spec *s, const struct gd_json *v, bool open, int64_t *ints, int *n)
{
	struct gd_json element;
	struct gd_error *e = s->x->error;
	if (gd_json_kind(v) != GD_JSON_ARRAY)
		return gd_json_int(v, INT64_MIN, INT64_MAX, &ints[(*n)++], e);
	for (bool more = gd_json_first(v, &element); more; more = gd_json_next(&element))
		if (open && gd_json_kind(&element) == GD_JSON_NULL)
			ints[(*n)++] = GD_NULL_INT;
		else if (!gd_json_int(&element, INT64_MIN, INT64_MAX, &ints[(*n)++], e))
			return false;
	return true;
}

static bool read_floats(struct gd_spec *s, const struct gd_json *v, double *floats, int *n)
{
	struct gd_json element;
	if (gd_json_kind(v) != GD_JSON_ARRAY)
		return gd_number_read(s, v, &floats[(*n)++]);
	for (bool more = gd_json_first(v, &element); more; more = gd_json_next(&element))
		if (!gd_number_read(s, &element, &floats[(*n)++]))
			return false;
	return true;
}

/* An integer, or two lists of integers. */
static bool read_lists(struct gd_spec *s, const struct gd_json *v, int64_t *ints,
                       struct gd_value *value)
{
	struct gd_json element;
	if (gd_json_kind(v) == GD_JSON_NUMBER)
		return read_ints(s, v, false, ints, &value->n);
	if (gd_json_size(v) != 2)
		return gd_json_wrong_type(v, "an integer or two lists of integers", s->x->error);
	for (bool more = gd_json_first(v, &element); more; more = gd_json_next(&element)) {
		if (!read_ints(s, &element, false, ints, &value->n))
			return false;
		if (element.index == 0)
			value->first = value->n;
	}
	return true;
}

/* How many numbers there can be in a list, or in a list of two. */
static size_t numbers_in(const struct gd_json *v)
{
	struct gd_json element;
	size_t n = 1;
	if (gd_json_kind(v) != GD_JSON_ARRAY)
		return n;
	for (bool more = gd_json_first(v, &element); more; more = gd_json_next(&element))
		n += gd_json_kind(&element) == GD_JSON_ARRAY ? 1 + gd_json_size(&element) : 1;
	return n;
}

static bool read_list(struct gd_spec *s, const struct gd_json *v, const struct gd_param_spec *p,
                      struct gd_value *value)
{
	struct gd_exchange *x = s->x;
	int64_t *numbers = gd_alloc_array(x->plan_arena, numbers_in(v), sizeof *numbers);
	if (!numbers)
		return gd_arena_fail(x->plan_arena, x->error);
	value->list = gd_json_kind(v) == GD_JSON_ARRAY;
	if (!value->list && gd_json_kind(v) != GD_JSON_NUMBER && p->type != GD_PARAM_FLOATS)
		return wrong_type(v, p, x->error);
	value->ints = numbers;
	value->floats = (double *)numbers;
	if (p->type == GD_PARAM_FLOATS)
		return read_floats(s, v, (double *)numbers, &value->n);
	if (p->type == GD_PARAM_LISTS)
		return read_lists(s, v, numbers, value);
	return read_ints(s, v, p->open, numbers, &value->n);
}

/* One of the words; whether any other text would do is the type's matter. */
static bool read_word(const struct gd_json *v, const struct gd_param_spec *p,
                      struct gd_value *value, struct gd_error *e)
{
	char needs[GD_PARAM_NEEDS];
	const char *text = gd_json_string(v, e);
	if (!text)
		return false;
	for (int i = 0; p->choices[i]; i++)
		if (strcmp(text, p->choices[i]) == 0)
			value->word = p->choices[i];
	if (value->word)
		return true;
	gd_json_fail(v, e, GD_ERR_invalid_parameter, "%s is %s, not \"%s\"", p->name,
	             gd_param_needs(p, needs), text);
	gd_did_you_mean(e, text, p->choices);
	return false;
}

bool gd_param_read(struct gd_spec *s, const struct gd_json *v, const struct gd_param_spec *p,
                   struct gd_value *value)
{
	struct gd_error *e = s->x->error;
	bool is_text = gd_json_kind(v) == GD_JSON_STRING;
	*value = (struct gd_value){.null = gd_json_kind(v) == GD_JSON_NULL};
	if (value->null)
		return p->nullable ? true : wrong_type(v, p, e);
	if (is_text && p->choices[0] && !gd_is_nonfinite_text(gd_json_text(v)))
		return read_word(v, p, value, e);
	switch (p->type) {
	case GD_PARAM_BOOL: return gd_json_bool(v, &value->flag, e);
	case GD_PARAM_INT: return gd_json_int(v, INT64_MIN, INT64_MAX, &value->i, e);
	case GD_PARAM_FLOAT: return gd_number_read(s, v, &value->f);
	case GD_PARAM_INTS:
	case GD_PARAM_FLOATS:
	case GD_PARAM_LISTS: return read_list(s, v, p, value);
	case GD_PARAM_STR: return (value->text = gd_json_string(v, e)) != NULL;
	default: return read_word(v, p, value, e);
	}
}
