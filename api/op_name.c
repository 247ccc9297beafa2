#include "api/op_name.h"

#include <string.h>

#define ENDING "_loss"

/* A loss by its name with the ending taken off, or put on. */
static const struct gd_op *find_loss(const char *text)
{
	char name[64];
	size_t n = strlen(text), k = sizeof ENDING - 1;
	if (n + k >= sizeof name)
		return NULL;
	memcpy(name, text, n);
	const char *end = strstr(text, ENDING);
	if (end && end != text + n - k)
		return NULL;
	if (end)
		name[n - k] = '\0';
	else
		memcpy(name + n, ENDING, k + 1);
	const struct gd_op *op = gd_op_find(name);
	return op && op->loss ? op : NULL;
}

/* Names that could have been meant: of losses, in both forms. */
static const char **candidates(struct gd_exchange *x, bool is_loss)
{
	size_t n, k = 0;
	const struct gd_op *const *all = gd_ops(&n);
	const char **names = gd_alloc_array(x->arena, 2 * n + 1, sizeof *names);
	for (size_t i = 0; names && i < n; i++) {
		const char *name = all[i]->name, *end = is_loss ? strstr(name, ENDING) : NULL;
		const char *shorter = end ? gd_strndup(x->arena, name, (size_t)(end - name)) : NULL;
		if (!is_loss || all[i]->loss)
			names[k++] = name;
		if (shorter)
			names[k++] = shorter;
	}
	if (names)
		names[k] = NULL;
	return names;
}

static void unknown_op(struct gd_exchange *x, const struct gd_json *place, const char *text,
                       bool is_loss)
{
	struct gd_error *e = x->error;
	const char **names = candidates(x, is_loss);
	gd_json_fail(place, e, GD_ERR_unknown_op,
	             "there is no %s named \"%.128s\": GET /ops lists them all",
	             is_loss ? "loss" : "operation", text);
	if (is_loss && gd_op_find(text))
		gd_error_hint(e, "%s is a layer: let it stand among \"layers\"", text);
	else if (!is_loss && find_loss(text))
		gd_error_hint(e, "among the layers a loss has its full name, \"%s\"",
		              find_loss(text)->name);
	else if (names)
		gd_did_you_mean(e, text, names);
}

const struct gd_op *gd_op_named(struct gd_exchange *x, const struct gd_json *v, bool is_loss)
{
	struct gd_json member;
	const struct gd_json *place = v;
	if (gd_json_kind(v) == GD_JSON_OBJECT) {
		if (!gd_json_require(v, "op", &member, x->error))
			return NULL;
		place = &member;
	} else if (gd_json_kind(v) != GD_JSON_STRING) {
		gd_json_wrong_type(v, "an op's name or an object", x->error);
		return NULL;
	}
	const char *text = gd_json_string(place, x->error);
	if (!text)
		return NULL;
	const struct gd_op *op = gd_op_find(text);
	if (is_loss && (!op || !op->loss))
		op = find_loss(text);
	if (!op)
		unknown_op(x, place, text, is_loss);
	return op;
}
