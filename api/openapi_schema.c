/* The schemas of /openapi.json: the rows of schemas.def, and those that follow from the tables of
 * fields, operations, dtypes and error codes. */
#include <stdio.h>
#include <string.h>

#include "api/openapi.h"
#include "api/ops.h"

static const struct {
	const char *name, *json;
} schemas[] = {
#define GD_SCHEMA(name, ...) {#name, #__VA_ARGS__},
#include "api/schemas.def"
#undef GD_SCHEMA
};

/* --- small pieces ------------------------------------------------------------------------- */

void gd_member(struct gd_doc *d, const char *key, const char *value)
{
	gd_doc_key(d, key);
	gd_doc_string(d, value);
}

void gd_open_member(struct gd_doc *d, const char *key)
{
	gd_doc_key(d, key);
	gd_doc_object(d);
}

static void open_list(struct gd_doc *d, const char *key)
{
	gd_doc_key(d, key);
	gd_doc_array(d);
}

static void int_member(struct gd_doc *d, const char *key, int value)
{
	gd_doc_key(d, key);
	gd_doc_int(d, value);
}

void gd_write_schema_ref(struct gd_doc *d, const char *name)
{
	gd_doc_object(d);
	gd_doc_key(d, "$ref");
	gd_doc_stringf(d, "#/components/schemas/%s", name);
	gd_doc_end(d);
}

/* NAME: {"type": "string", "enum": […; close with two ends. */
static void open_words(struct gd_doc *d, const char *name)
{
	gd_open_member(d, name);
	gd_member(d, "type", "string");
	open_list(d, "enum");
}

static void close_words(struct gd_doc *d)
{
	gd_doc_end(d);
	gd_doc_end(d);
}

/* An object that takes the properties that follow and no others. */
static void open_closed_object(struct gd_doc *d)
{
	gd_doc_object(d);
	gd_member(d, "type", "object");
	gd_doc_key(d, "additionalProperties");
	gd_doc_bool(d, false);
}

/* --- tensors and errors ------------------------------------------------------------------- */

static void write_shape(struct gd_doc *d)
{
	gd_open_member(d, "Shape");
	gd_member(d, "type", "array");
	int_member(d, "maxItems", GD_USER_RANK);
	gd_open_member(d, "items");
	gd_member(d, "type", "integer");
	int_member(d, "minimum", 0);
	gd_doc_end(d);
	gd_doc_end(d);
}

static void write_dtypes(struct gd_doc *d, const char *name, bool floating)
{
	open_words(d, name);
	for (int i = 0; i < GD_DTYPE_COUNT; i++)
		if (!floating || gd_is_float((enum gd_dtype)i))
			gd_doc_string(d, gd_dtype_name((enum gd_dtype)i));
	close_words(d);
}

static void write_error_codes(struct gd_doc *d)
{
	open_words(d, "ErrorCode");
	for (int i = GD_OK + 1; i < GD_ERROR_COUNT; i++)
		gd_doc_string(d, gd_code_name((enum gd_code)i));
	close_words(d);
}

/* --- requests ----------------------------------------------------------------------------- */

static void write_fields(struct gd_doc *d, const struct gd_field *f)
{
	for (; f->name; f++) {
		gd_doc_key(d, f->name);
		gd_doc_raw(d, f->schema, strlen(f->schema));
	}
}

static void write_required(struct gd_doc *d, const struct gd_field *f)
{
	for (; f->name; f++)
		if (f->required)
			gd_doc_string(d, f->name);
}

void gd_write_request_schema(struct gd_doc *d, const struct gd_field *own)
{
	open_closed_object(d);
	open_list(d, "required");
	write_required(d, gd_spec_fields);
	write_required(d, own);
	gd_doc_end(d);
	gd_open_member(d, "properties");
	write_fields(d, gd_spec_fields);
	write_fields(d, own);
	gd_doc_end(d);
	gd_doc_end(d);
}

/* --- operations --------------------------------------------------------------------------- */

/* "type": "integer", or ["integer", "null"]. */
static void write_types(struct gd_doc *d, const char *type, const char *other, bool nullable)
{
	gd_doc_key(d, "type");
	if (!other && !nullable) {
		gd_doc_string(d, type);
		return;
	}
	gd_doc_array(d);
	gd_doc_string(d, type);
	if (other)
		gd_doc_string(d, other);
	if (nullable)
		gd_doc_string(d, "null");
	gd_doc_end(d);
}

/* The schema's members for the type itself; words besides it stand apart. */
static void write_param_type(struct gd_doc *d, const struct gd_param_spec *p)
{
	switch (p->type) {
	case GD_PARAM_BOOL: write_types(d, "boolean", NULL, p->nullable); break;
	case GD_PARAM_INT: write_types(d, "integer", NULL, p->nullable); break;
	case GD_PARAM_STR: write_types(d, "string", NULL, p->nullable); break;
	case GD_PARAM_FLOAT:
		open_list(d, "anyOf");
		gd_doc_object(d);
		write_types(d, "number", NULL, p->nullable);
		gd_doc_end(d);
		gd_write_schema_ref(d, "NonFinite");
		gd_doc_end(d);
		break;
	case GD_PARAM_INTS:
	case GD_PARAM_FLOATS:
	case GD_PARAM_LISTS: {
		const char *number = p->type == GD_PARAM_FLOATS ? "number" : "integer";
		write_types(d, number, "array", p->nullable);
		gd_open_member(d, "items");
		if (p->type == GD_PARAM_LISTS) {
			gd_member(d, "type", "array");
			gd_open_member(d, "items");
			gd_member(d, "type", number);
			gd_doc_end(d);
		} else {
			write_types(d, number, NULL, p->open);
		}
		gd_doc_end(d);
		break;
	}
	default:
		write_types(d, "string", NULL, p->nullable);
		open_list(d, "enum");
		for (int i = 0; p->choices[i]; i++)
			gd_doc_string(d, p->choices[i]);
		if (p->nullable)
			gd_doc_null(d);
		gd_doc_end(d);
		break;
	}
}

static void write_param(struct gd_doc *d, const struct gd_param_spec *p)
{
	gd_open_member(d, p->name);
	if (p->choices[0] && p->type != GD_PARAM_CHOICE) {
		const struct gd_param_spec words = {.type = GD_PARAM_CHOICE,
		                                    .choices = {p->choices[0], p->choices[1],
		                                                p->choices[2], p->choices[3],
		                                                p->choices[4], p->choices[5]}};
		open_list(d, "anyOf");
		gd_doc_object(d);
		write_param_type(d, p);
		gd_doc_end(d);
		gd_doc_object(d);
		write_param_type(d, &words);
		gd_doc_end(d);
		gd_doc_end(d);
	} else {
		write_param_type(d, p);
	}
	if (p->default_text) {
		gd_doc_key(d, "default");
		gd_write_default(d, p);
	}
	gd_doc_end(d);
}

static void write_inputs(struct gd_doc *d, const struct gd_op *op)
{
	bool list = false;
	gd_open_member(d, "inputs");
	gd_member(d, "description", "the operands in order, instead of by name");
	gd_member(d, "type", "array");
	gd_doc_key(d, "items");
	gd_write_schema_ref(d, "Operand");
	for (int i = 0; i < op->n_operands; i++)
		list = list || op->operands[i].list;
	if (!list)
		int_member(d, "maxItems", op->n_operands);
	gd_doc_end(d);
}

static void write_operand(struct gd_doc *d, const struct gd_operand_spec *operand)
{
	gd_open_member(d, operand->name);
	gd_doc_key(d, "description");
	gd_doc_stringf(d, "%s tensor%s%s", gd_operand_type(operand->kind), operand->list ? "s" : "",
	               operand->optional ? ", optional" : "");
	if (operand->list) {
		gd_member(d, "type", "array");
		gd_doc_key(d, "items");
		gd_write_schema_ref(d, "Operand");
	} else {
		gd_member(d, "$ref", "#/components/schemas/Operand");
	}
	gd_doc_end(d);
}

/* A loss has a second name, with or without _loss, unless that is another operation's. */
static bool second_name(const struct gd_op *op, char *buf, size_t size)
{
	static const char ending[] = "_loss";
	size_t n = strlen(op->name), k = sizeof ending - 1;
	if (n > k && strcmp(op->name + n - k, ending) == 0)
		snprintf(buf, size, "%.*s", (int)(n - k), op->name);
	else
		snprintf(buf, size, "%s%s", op->name, ending);
	return !gd_op_find(buf);
}

enum { NAME = 128 };

/* An operation as an object: as a layer, or in the place of the loss. */
static void write_op(struct gd_doc *d, const struct gd_op *op, bool as_loss)
{
	char second[NAME], name[NAME];
	snprintf(name, sizeof name, "%s.%s", as_loss ? "loss" : "op", op->name);
	gd_doc_key(d, name);
	open_closed_object(d);
	gd_doc_key(d, "description");
	gd_doc_stringf(d, "%s: %s", op->signature, op->formula);
	open_list(d, "required");
	gd_doc_string(d, "op");
	for (int i = 0; i < op->n_params; i++)
		if (!op->params[i].default_text)
			gd_doc_string(d, op->params[i].name);
	gd_doc_end(d);
	gd_open_member(d, "properties");
	gd_open_member(d, "op");
	gd_member(d, "type", "string");
	if (as_loss && second_name(op, second, sizeof second)) {
		open_list(d, "enum");
		gd_doc_string(d, op->name);
		gd_doc_string(d, second);
		gd_doc_end(d);
	} else {
		gd_member(d, "const", op->name);
	}
	gd_doc_end(d);
	write_inputs(d, op);
	/* A list without operands before it is "inputs" itself. */
	for (int i = 0; i < op->n_operands; i++)
		if (i > 0 || !op->operands[i].list)
			write_operand(d, &op->operands[i]);
	for (int i = 0; i < op->n_params; i++)
		write_param(d, &op->params[i]);
	gd_doc_key(d, "output");
	gd_write_schema_ref(d, "OutputNames");
	gd_doc_end(d);
	gd_doc_end(d);
}

static bool stands(const struct gd_op *op, bool as_loss)
{
	return op->loss || !as_loss;
}

/* The names; the choice between the objects, told apart by "op"; the objects. */
static void write_ops(struct gd_doc *d, bool as_loss)
{
	const char *prefix = as_loss ? "loss" : "op";
	char second[NAME];
	size_t n;
	const struct gd_op *const *ops = gd_ops(&n);

	open_words(d, as_loss ? "LossName" : "OpName");
	for (size_t i = 0; i < n; i++) {
		if (!stands(ops[i], as_loss))
			continue;
		gd_doc_string(d, ops[i]->name);
		if (as_loss && second_name(ops[i], second, sizeof second))
			gd_doc_string(d, second);
	}
	close_words(d);

	gd_open_member(d, as_loss ? "LossObject" : "LayerObject");
	open_list(d, "oneOf");
	for (size_t i = 0; i < n; i++) {
		char name[NAME];
		snprintf(name, sizeof name, "%s.%s", prefix, ops[i]->name);
		if (stands(ops[i], as_loss))
			gd_write_schema_ref(d, name);
	}
	gd_doc_end(d);
	gd_open_member(d, "discriminator");
	gd_member(d, "propertyName", "op");
	gd_open_member(d, "mapping");
	for (size_t i = 0; i < n; i++) {
		if (!stands(ops[i], as_loss))
			continue;
		gd_doc_key(d, ops[i]->name);
		gd_doc_stringf(d, "#/components/schemas/%s.%s", prefix, ops[i]->name);
		if (as_loss && second_name(ops[i], second, sizeof second)) {
			gd_doc_key(d, second);
			gd_doc_stringf(d, "#/components/schemas/%s.%s", prefix, ops[i]->name);
		}
	}
	gd_doc_end(d);
	gd_doc_end(d);
	gd_doc_end(d);

	for (size_t i = 0; i < n; i++)
		if (stands(ops[i], as_loss))
			write_op(d, ops[i], as_loss);
}

void gd_write_schemas(struct gd_doc *d)
{
	gd_doc_object(d);
	gd_doc_key(d, "Specification");
	gd_write_request_schema(d, gd_no_fields);
	for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
		gd_doc_key(d, schemas[i].name);
		gd_doc_raw(d, schemas[i].json, strlen(schemas[i].json));
	}
	write_shape(d);
	write_dtypes(d, "Dtype", false);
	write_dtypes(d, "FloatDtype", true);
	write_error_codes(d);
	write_ops(d, false);
	write_ops(d, true);
	gd_doc_end(d);
}
