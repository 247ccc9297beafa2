/* The part of json.h that finds fault and says where. */
#include "api/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/number.h"

static size_t escape_key(const char *key, char *out, size_t room)
{
	size_t n = 0;

	for (; *key; key++) {
		char escaped[2] = {'~', *key == '~' ? '0' : '1'};
		bool special = *key == '~' || *key == '/';

		if (n + 1 + special < room)
			memcpy(out + n, special ? escaped : key, 1 + special);
		n += 1 + special;
	}
	return n;
}

/* Bytes of the pointer of v; writes those that fit, a whole token at a time. */
static size_t write_pointer(const struct gd_json *v, char *out, size_t room)
{
	struct gd_json parent;

	if (!gd_json_parent(v, &parent))
		return 0;

	size_t at = write_pointer(&parent, out, room), left = at + 1 < room ? room - at - 1 : 0, n;
	char digits[GD_NUMBER_MAX];

	if (v->key)
		n = escape_key(v->key, left ? out + at + 1 : digits, left);
	else
		n = gd_write_int64(digits, (int64_t)v->index);
	if (n < left) {
		out[at] = '/';
		if (!v->key)
			memcpy(out + at + 1, digits, n);
		out[at + 1 + n] = '\0';
	} else if (at < room) {
		out[at] = '\0';
	}
	return at + 1 + n;
}

char *gd_json_pointer(const struct gd_json *v, char *buf, size_t size)
{
	if (size > 0) {
		buf[0] = '\0';
		write_pointer(v, buf, size);
	}
	return buf;
}

char *gd_json_pointer_new(const struct gd_json *v, struct gd_arena *arena)
{
	char short_one[64];
	size_t size = write_pointer(v, short_one, sizeof short_one) + 1;

	if (size <= sizeof short_one)
		return gd_strndup(arena, short_one, size - 1);

	char *text = gd_alloc(arena, size);

	return text ? gd_json_pointer(v, text, size) : NULL;
}

void gd_json_point(const struct gd_json *v, struct gd_error *e)
{
	gd_json_pointer(v, e->pointer, sizeof e->pointer);
}

bool gd_json_fail(const struct gd_json *v, struct gd_error *e, enum gd_code code,
                  const char *format, ...)
{
	char detail[sizeof e->detail];
	va_list args;

	if (e->code != GD_OK)
		return false;
	va_start(args, format);
	vsnprintf(detail, sizeof detail, format, args);
	va_end(args);
	gd_fail(e, code, "%s", detail);
	gd_json_point(v, e);
	return false;
}

const char *gd_json_subject(const struct gd_json *v, char buf[GD_SUBJECT])
{
	struct gd_json parent;

	if (!gd_json_parent(v, &parent))
		return "the body";
	if (v->key)
		snprintf(buf, GD_SUBJECT, "\"%.64s\"", v->key);
	else if (parent.key)
		snprintf(buf, GD_SUBJECT, "element %zu of \"%.64s\"", v->index, parent.key);
	else
		snprintf(buf, GD_SUBJECT, "element %zu", v->index);
	return buf;
}

bool gd_json_wrong_type(const struct gd_json *v, const char *needs, struct gd_error *e)
{
	char name[GD_SUBJECT];

	return gd_json_fail(v, e, GD_ERR_wrong_type, "%s needs %s, but is %s",
	                    gd_json_subject(v, name), needs, gd_json_kind_name(gd_json_kind(v)));
}

bool gd_json_is(const struct gd_json *v, enum gd_json_kind kind, struct gd_error *e)
{
	return gd_json_kind(v) == kind || gd_json_wrong_type(v, gd_json_kind_name(kind), e);
}

bool gd_json_require(const struct gd_json *v, const char *name, struct gd_json *child,
                     struct gd_error *e)
{
	char where[GD_SUBJECT];

	if (gd_json_member(v, name, child))
		return true;
	if (!gd_json_is(v, GD_JSON_OBJECT, e))
		return false;
	return gd_json_fail(v, e, GD_ERR_missing_field, "%s needs a field \"%s\"",
	                    gd_json_subject(v, where), name);
}

void gd_did_you_mean(struct gd_error *e, const char *name, const char *const *names)
{
	size_t n = 0;

	while (names[n])
		n++;

	const char *near = gd_nearest(name, names, n);

	if (near)
		gd_error_hint(e, "did you mean \"%s\"?", near);
}

void gd_list_names(struct gd_error *e, const char *const *names)
{
	char list[sizeof e->hint];
	size_t at = 0;

	list[0] = '\0';
	for (; *names; names++) {
		int n = snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", *names);

		if (n < 0 || at + (size_t)n + 32 > sizeof list) {
			list[at] = '\0';
			snprintf(list + at, sizeof list - at, ", …");
			break;
		}
		at += (size_t)n;
	}
	gd_error_hint(e, "there are %s", list);
}

bool gd_json_known(const struct gd_json *v, const char *const *names, struct gd_error *e)
{
	struct gd_json m;

	if (!gd_json_is(v, GD_JSON_OBJECT, e))
		return false;
	for (bool more = gd_json_first(v, &m); more; more = gd_json_next(&m)) {
		const char *const *name = names;

		while (*name && strcmp(*name, m.key) != 0)
			name++;
		if (*name)
			continue;
		gd_json_fail(&m, e, GD_ERR_unknown_field, "there is no field \"%.64s\" here",
		             m.key);
		gd_did_you_mean(e, m.key, names);
		if (!e->hint[0])
			gd_list_names(e, names);
		return false;
	}
	return true;
}
