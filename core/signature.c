#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/op.h"

/* Signatures are ours: they are read once, trusted, into strings that stay. */

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	for (char *end = s + strlen(s); end > s && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	return s;
}

/* Cuts the text at the first `mark`; returns what stood behind it, or NULL. */
static char *split(char *text, const char *mark)
{
	char *found = strstr(text, mark);
	if (!found)
		return NULL;
	*found = '\0';
	return trim(found + strlen(mark));
}

static void read_operand(struct gd_op *op, char *text)
{
	static const char *const kinds[] = {"float", "index", "bool", "any"};
	struct gd_operand_spec *o = &op->operands[op->n_operands++];
	char *kind = split(text, ":");
	text = trim(text);
	size_t n = strlen(text);
	o->list = n > 3 && strcmp(text + n - 3, "...") == 0;
	o->optional = text[n - 1] == '?';
	text[n - (o->list ? 3 : o->optional ? 1 : 0)] = '\0';
	o->name = text;
	for (int i = 0; kind && i < 4; i++) {
		size_t k = strlen(kind);
		bool optional = k && kind[k - 1] == '?';
		if (strncmp(kind, kinds[i], k - optional) == 0 &&
		    strlen(kinds[i]) == k - optional) {
			o->kind = (enum gd_operand_kind)i;
			o->optional = o->optional || optional;
		}
	}
}

static bool read_word(const struct gd_param_spec *p, struct gd_value *v, const char *text)
{
	for (int i = 0; p->choices[i]; i++)
		if (strcmp(text, p->choices[i]) == 0)
			v->word = p->choices[i];
	return v->word != NULL;
}

static void read_default(struct gd_param_spec *p)
{
	const char *text = p->default_text;
	struct gd_value *v = &p->fallback;
	v->null = strcmp(text, "null") == 0;
	if (v->null || read_word(p, v, text))
		return;
	p->default_int = strtoll(text, NULL, 10);
	p->default_float = strtod(text, NULL);
	v->flag = strcmp(text, "true") == 0;
	v->i = p->default_int;
	v->f = p->default_float;
	v->text = text;
	v->n = 1;
	v->ints = &p->default_int;
	v->floats = &p->default_float;
}

/* "float|fro|nuc": a type, words, or both. */
static void read_types(struct gd_param_spec *p, char *type)
{
	static const char *const types[] = {"bool",   "int",   "float", "ints",
	                                    "floats", "lists", "str"};
	int words = 0;
	p->type = GD_PARAM_CHOICE;
	while (type) {
		char *rest = split(type, "|");
		bool named = false;
		type = trim(type);
		for (int i = 0; i < GD_PARAM_CHOICE; i++)
			if (strcmp(type, types[i]) == 0) {
				p->type = (enum gd_param_type)i;
				named = true;
			}
		if (strcmp(type, "sizes") == 0) {
			p->type = GD_PARAM_INTS;
			p->open = named = true;
		}
		if (!named)
			p->choices[words++] = type;
		type = rest;
	}
}

static void read_param(struct gd_op *op, char *text)
{
	struct gd_param_spec *p = &op->params[op->n_params++];
	p->default_text = split(text, "=");
	char *type = split(text, ":");
	p->name = trim(text);
	type = trim(type);
	p->type_text = strdup(type);
	size_t n = strlen(type);
	if (type[n - 1] == '?') {
		p->nullable = true;
		type[n - 1] = '\0';
	}
	read_types(p, type);
	if (p->default_text)
		read_default(p);
}

void gd_signature_read(struct gd_op *op)
{
	char *text = strdup(op->signature);
	text[strlen(text) - 1] = '\0'; /* the closing parenthesis */
	char *rest = split(text, "(");
	op->name = text;
	bool params = false;
	while (rest && *rest) {
		char *part = rest;
		rest = split(part, ",");
		if (strcmp(trim(part), "*") == 0)
			params = true;
		else if (params)
			read_param(op, part);
		else
			read_operand(op, part);
	}
}
