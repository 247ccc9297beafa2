#define _GNU_SOURCE
#include "api/json.h"

#include <cjson/cJSON.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/number.h"

/* --- parsing --- */

/* cJSON's memory comes from the arena of the request that this thread is parsing. */
static _Thread_local struct gd_arena *current;

static void *json_alloc(size_t size)
{
	return current ? gd_alloc(current, size) : malloc(size);
}

static void json_free(void *p)
{
	if (!current)
		free(p);
}

/* The hooks are process-wide, so they are set before any thread runs. */
__attribute__((constructor)) static void set_hooks(void)
{
	cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = json_alloc, .free_fn = json_free});
}

static cJSON *parse(struct gd_arena *arena, const char *text, size_t length)
{
	current = arena;
	cJSON *root = cJSON_ParseWithLengthOpts(text, length + 1, NULL, 1);
	current = NULL;
	return root;
}

/* cJSON reads at most 63 characters of a number. Longer ones are replaced by their shortest form;
 * true when there were any. */
static bool shorten_numbers(char *text)
{
	bool any = false, in_string = false;
	char *out = text;

	for (const char *p = text; *p;) {
		if (in_string) {
			if (*p == '\\')
				*out++ = *p++;
			else if (*p == '"')
				in_string = false;
			*out++ = *p++;
			continue;
		}

		size_t n = strspn(p, "+-.0123456789eE");
		double value;
		const char *stop;

		if (n > 60) {
			enum gd_number_status status = gd_read_double(p, p + n, &value, &stop);

			any = true;
			if (status == GD_NUMBER_OK)
				out += gd_write_double(out, value);
			else if (status == GD_NUMBER_TOO_LARGE)
				out = stpcpy(out, *p == '-' ? "-1e999" : "1e999");
			else
				return false;
			p += n;
		} else if (n > 0) {
			memmove(out, p, n);
			out += n;
			p += n;
		} else {
			in_string = *p == '"';
			*out++ = *p++;
		}
	}
	*out = '\0';
	return any;
}

/* "\u0000" would end a C string early. Each becomes U+FFFF, which the walk then finds. */
static bool replace_nuls(char *text)
{
	bool any = false;

	for (char *p = text; *p; p++) {
		if (*p != '\\')
			continue;
		p++;
		if (strncmp(p, "u0000", 5) == 0) {
			memcpy(p, "uFFFF", 5);
			any = true;
		}
		if (!*p)
			break;
	}
	return any;
}

static bool has_nul_mark(const char *s)
{
	return strstr(s, "\xEF\xBF\xBF") != NULL;
}

/* Stable merge sort by key; `spare` has room for n too. */
static void sort_keys(const cJSON **keys, const cJSON **spare, size_t n)
{
	if (n < 2)
		return;

	size_t half = n / 2, i = 0, j = half, k = 0;

	sort_keys(keys, spare, half);
	sort_keys(keys + half, spare, n - half);
	while (i < half && j < n)
		spare[k++] = strcmp(keys[i]->string, keys[j]->string) <= 0 ? keys[i++] : keys[j++];
	while (i < half)
		spare[k++] = keys[i++];
	memcpy(keys, spare, k * sizeof *keys);
}

enum { FEW = 12 }; /* members that are compared one by one */

/* A member of the object whose key has been there before; *ok false when memory is out. */
static const cJSON *find_duplicate(struct gd_arena *arena, const cJSON *object, bool *ok)
{
	size_t n = 0;

	for (const cJSON *m = object->child; m; m = m->next, n++)
		for (const cJSON *o = n < FEW ? object->child : m; o != m; o = o->next)
			if (o->string[0] == m->string[0] && strcmp(o->string, m->string) == 0)
				return m;
	if (n <= FEW)
		return NULL;

	size_t bytes = 2 * n * sizeof(cJSON *), i = 0;
	const cJSON **keys = gd_data_alloc(arena, bytes), *found = NULL;

	if (!keys) {
		*ok = false;
		return NULL;
	}
	for (const cJSON *m = object->child; m; m = m->next)
		keys[i++] = m;
	sort_keys(keys, keys + n, n);
	for (i = 1; i < n && !found; i++)
		if (strcmp(keys[i - 1]->string, keys[i]->string) == 0)
			found = keys[i];
	gd_data_free(arena, keys, bytes);
	return found;
}

/* In an array or object cJSON leaves these fields unused: from here on they lead to its parent. */
static void set_parent(cJSON *node, const struct gd_json *v)
{
	node->valuestring = (char *)v->up;
	node->valueint = (int)v->index;
}

bool gd_json_parent(const struct gd_json *v, struct gd_json *parent)
{
	const cJSON *node = v->up;

	if (!node)
		return false;
	*parent = (struct gd_json){.node = node,
	                           .up = (const cJSON *)node->valuestring,
	                           .key = node->string,
	                           .index = (size_t)node->valueint};
	return true;
}

/* What the grammar does not forbid: duplicate keys, U+0000. */
static bool check_tree(struct gd_arena *arena, const struct gd_json *v, bool nuls,
                       struct gd_error *e)
{
	static const char no_nul[] = "names and strings cannot hold the character U+0000";
	struct gd_json child;

	if (v->node->child)
		set_parent((cJSON *)v->node, v);

	if (nuls && cJSON_IsString(v->node) && has_nul_mark(v->node->valuestring))
		return gd_json_fail(v, e, GD_ERR_invalid_parameter, no_nul);
	if (cJSON_IsObject(v->node)) {
		bool ok = true;
		const cJSON *twice = find_duplicate(arena, v->node, &ok);

		if (!ok)
			return gd_arena_fail(arena, e);
		if (twice) {
			child = (struct gd_json){
			        .node = twice, .up = v->node, .key = twice->string};
			return gd_json_fail(&child, e, GD_ERR_duplicate_key,
			                    "\"%.64s\" stands more than once in the same object",
			                    twice->string);
		}
	}
	for (bool more = gd_json_first(v, &child); more; more = gd_json_next(&child)) {
		if (nuls && child.key && has_nul_mark(child.key))
			return gd_json_fail(v, e, GD_ERR_invalid_parameter, no_nul);
		if ((child.node->child || nuls) && !check_tree(arena, &child, nuls, e))
			return false;
	}
	return true;
}

bool gd_json_parse(struct gd_json *root, struct gd_arena *arena, const char *text, size_t length,
                   struct gd_error *e)
{
	bool nuls = false;

	if (memmem(text, length, "\\u0000", 6)) {
		char *copy = gd_strndup(arena, text, length);

		if (!copy)
			return gd_arena_fail(arena, e);
		nuls = replace_nuls(copy);
		text = copy;
	}

	enum gd_code before = arena->failed;

	arena->failed = GD_OK;
	*root = (struct gd_json){.node = parse(arena, text, length)};
	if (!root->node && arena->failed == GD_OK) {
		char *copy = gd_strndup(arena, text, length);

		if (copy && shorten_numbers(copy))
			root->node = parse(arena, copy, strlen(copy));
	}
	if (!root->node) {
		if (arena->failed != GD_OK)
			return gd_arena_fail(arena, e);
		arena->failed = before;
		return gd_fail(e, GD_ERR_malformed_json, "the text is not one valid JSON value");
	}
	arena->failed = before;
	return check_tree(arena, root, nuls, e);
}

/* --- kinds, children --- */

enum gd_json_kind gd_json_kind(const struct gd_json *v)
{
	switch (v->node->type & 0xFF) {
	case cJSON_False:
	case cJSON_True: return GD_JSON_BOOL;
	case cJSON_Number: return GD_JSON_NUMBER;
	case cJSON_String: return GD_JSON_STRING;
	case cJSON_Array: return GD_JSON_ARRAY;
	case cJSON_Object: return GD_JSON_OBJECT;
	default: return GD_JSON_NULL;
	}
}

const char *gd_json_kind_name(enum gd_json_kind kind)
{
	static const char *const names[] = {
	        [GD_JSON_NULL] = "null",       [GD_JSON_BOOL] = "true or false",
	        [GD_JSON_NUMBER] = "a number", [GD_JSON_STRING] = "a string",
	        [GD_JSON_ARRAY] = "an array",  [GD_JSON_OBJECT] = "an object",
	};

	return names[kind];
}

size_t gd_json_size(const struct gd_json *v)
{
	size_t n = 0;

	for (const cJSON *c = v->node->child; c; c = c->next)
		n++;
	return n;
}

bool gd_json_first(const struct gd_json *v, struct gd_json *child)
{
	const cJSON *c = v->node->child;

	if (!c)
		return false;
	*child = (struct gd_json){.node = c, .up = v->node, .key = c->string};
	return true;
}

bool gd_json_next(struct gd_json *child)
{
	const cJSON *c = child->node->next;

	if (!c)
		return false;
	child->node = c;
	child->key = c->string;
	child->index++;
	return true;
}

bool gd_json_member(const struct gd_json *v, const char *name, struct gd_json *child)
{
	size_t i = 0;

	if (!cJSON_IsObject(v->node))
		return false;
	for (const cJSON *c = v->node->child; c; c = c->next, i++) {
		if (strcmp(c->string, name) == 0) {
			*child = (struct gd_json){
			        .node = c, .up = v->node, .key = c->string, .index = i};
			return true;
		}
	}
	return false;
}

/* --- values --- */

const char *gd_json_string(const struct gd_json *v, struct gd_error *e)
{
	return gd_json_is(v, GD_JSON_STRING, e) ? v->node->valuestring : NULL;
}

const char *gd_json_text(const struct gd_json *v)
{
	return cJSON_IsString(v->node) ? v->node->valuestring : "";
}

bool gd_json_bool(const struct gd_json *v, bool *value, struct gd_error *e)
{
	if (!gd_json_is(v, GD_JSON_BOOL, e))
		return false;
	*value = cJSON_IsTrue(v->node);
	return true;
}

bool gd_json_number(const struct gd_json *v, double *value, struct gd_error *e)
{
	char name[GD_SUBJECT];

	if (!gd_json_is(v, GD_JSON_NUMBER, e))
		return false;
	if (!isfinite(v->node->valuedouble))
		return gd_json_fail(v, e, GD_ERR_number_out_of_range,
		                    "%s is beyond the range of float64 (%.17g)",
		                    gd_json_subject(v, name), DBL_MAX);
	*value = v->node->valuedouble;
	return true;
}

bool gd_json_extended(const struct gd_json *v, double *value, struct gd_error *e)
{
	static const struct {
		const char *text;
		double value;
	} named[] = {{"NaN", NAN}, {"Infinity", INFINITY}, {"-Infinity", -INFINITY}};

	if (!cJSON_IsString(v->node))
		return gd_json_number(v, value, e);
	for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
		if (strcmp(v->node->valuestring, named[i].text) == 0) {
			*value = named[i].value;
			return true;
		}
	}
	return gd_json_wrong_type(v, "a number (or \"NaN\", \"Infinity\", \"-Infinity\")", e);
}

bool gd_json_int(const struct gd_json *v, int64_t min, int64_t max, int64_t *value,
                 struct gd_error *e)
{
	const double exact = 9007199254740992.0; /* 2^53 */
	char name[GD_SUBJECT];
	double number;

	if (!gd_json_number(v, &number, e))
		return false;
	if (number != trunc(number))
		return gd_json_fail(v, e, GD_ERR_wrong_type,
		                    "%s needs a whole number, but is %.17g",
		                    gd_json_subject(v, name), number);
	if (fabs(number) > exact)
		return gd_json_fail(v, e, GD_ERR_invalid_parameter,
		                    "%s needs a whole number of at most 2^53 in size",
		                    gd_json_subject(v, name));
	if ((int64_t)number < min || (int64_t)number > max) {
		if (max == INT64_MAX)
			return gd_json_fail(v, e, GD_ERR_invalid_parameter,
			                    "%s needs a whole number from %lld on, but is %.17g",
			                    gd_json_subject(v, name), (long long)min, number);
		return gd_json_fail(v, e, GD_ERR_invalid_parameter,
		                    "%s needs a whole number from %lld to %lld, but is %.17g",
		                    gd_json_subject(v, name), (long long)min, (long long)max,
		                    number);
	}
	*value = (int64_t)number;
	return true;
}

bool gd_json_lifted(const struct gd_json *v, size_t count, size_t *index)
{
	if (!cJSON_IsNumber(v->node))
		return false;

	double number = v->node->valuedouble;

	if (!(number >= 0 && number < (double)count))
		return false;
	*index = (size_t)number;
	return true;
}
