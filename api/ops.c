/* GET /ops: the catalogue, from the table that runs it. */
#include "api/ops.h"

#include "api/endpoint.h"

static void member(struct gd_doc *d, const char *key, const char *value)
{
	gd_doc_key(d, key);
	gd_doc_string(d, value);
}

const char *gd_operand_type(enum gd_operand_kind kind)
{
	static const char *const types[] = {"float", "integer", "mask", "any"};
	return types[kind];
}

static void write_operands(struct gd_doc *d, const struct gd_op *op)
{
	gd_doc_key(d, "operands");
	gd_doc_array(d);
	for (int i = 0; i < op->n_operands; i++) {
		gd_doc_object(d);
		member(d, "name", op->operands[i].name);
		member(d, "type", gd_operand_type(op->operands[i].kind));
		gd_doc_key(d, "optional");
		gd_doc_bool(d, op->operands[i].optional);
		gd_doc_key(d, "list");
		gd_doc_bool(d, op->operands[i].list);
		gd_doc_end(d);
	}
	gd_doc_end(d);
}

void gd_write_default(struct gd_doc *d, const struct gd_param_spec *p)
{
	const struct gd_value *v = &p->fallback;
	if (v->null) {
		gd_doc_null(d);
		return;
	}
	if (v->word) {
		gd_doc_string(d, v->word);
		return;
	}
	switch (p->type) {
	case GD_PARAM_BOOL: gd_doc_bool(d, v->flag); break;
	case GD_PARAM_INT: gd_doc_int(d, v->i); break;
	case GD_PARAM_FLOAT: gd_doc_double(d, v->f); break;
	case GD_PARAM_INTS:
	case GD_PARAM_LISTS: gd_doc_int(d, v->ints[0]); break;
	case GD_PARAM_FLOATS: gd_doc_double(d, v->floats[0]); break;
	default: gd_doc_string(d, v->text); break;
	}
}

static void write_params(struct gd_doc *d, const struct gd_op *op)
{
	gd_doc_key(d, "parameters");
	gd_doc_array(d);
	for (int i = 0; i < op->n_params; i++) {
		const struct gd_param_spec *p = &op->params[i];
		gd_doc_object(d);
		member(d, "name", p->name);
		member(d, "type", p->type_text);
		gd_doc_key(d, "required");
		gd_doc_bool(d, !p->default_text);
		if (p->default_text) {
			gd_doc_key(d, "default");
			gd_write_default(d, p);
		}
		gd_doc_end(d);
	}
	gd_doc_end(d);
}

static void write_precision(struct gd_doc *d, const struct gd_precision *p)
{
	gd_doc_key(d, "float32");
	gd_doc_object(d);
	gd_doc_key(d, "ulps");
	gd_doc_double(d, p->ulps);
	gd_doc_key(d, "absolute");
	gd_doc_double(d, p->absolute);
	member(d, "detail", p->why);
	gd_doc_end(d);
}

bool gd_ops_run(struct gd_exchange *x)
{
	size_t n;
	const struct gd_op *const *ops = gd_ops(&n);
	struct gd_doc *d = x->doc;
	gd_doc_object(d);
	gd_doc_key(d, "operations");
	gd_doc_array(d);
	for (size_t i = 0; i < n; i++) {
		gd_doc_object(d);
		member(d, "name", ops[i]->name);
		member(d, "kind", ops[i]->loss ? "loss" : "layer");
		member(d, "signature", ops[i]->signature);
		write_operands(d, ops[i]);
		write_params(d, ops[i]);
		member(d, "shapes", ops[i]->shapes);
		member(d, "formula", ops[i]->formula);
		member(d, "derivative", ops[i]->derivative);
		member(d, "kinks", ops[i]->kinks);
		write_precision(d, &ops[i]->precision);
		gd_doc_end(d);
	}
	gd_doc_end(d);
	gd_doc_end(d);
	return true;
}
