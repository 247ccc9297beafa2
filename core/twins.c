/* Common subexpressions: a node that computes what an earlier one does is its twin and shares its
 * data. Two nodes do when primitive, attributes, dtype, shape and operands are the same; an operand
 * is the same when it is the same constant, or shares the same data in the same shape. */
#include <string.h>

#include "core/eval.h"

/* Attributes are compared bit by bit: those behind a pointer count as different. */
static size_t mix(size_t h, size_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ (h >> 32);
}

static size_t bits_of(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static size_t hash(const struct gd_node *n)
{
	size_t h = mix((size_t)n->prim, (size_t)n->dtype), word;
	double value;
	for (size_t i = 0; i + sizeof word <= sizeof n->attr; i += sizeof word) {
		memcpy(&word, (const char *)&n->attr + i, sizeof word);
		h = mix(h, word);
	}
	for (int i = 0; i < n->rank; i++)
		h = mix(h, (size_t)n->shape[i]);
	for (int k = 0; k < n->n_in; k++) {
		struct gd_node *root = gd_root(n->in[k]);
		h = mix(h, gd_is_const(root, &value) ? bits_of(value) : (size_t)root);
	}
	return h;
}

static bool same_operand(struct gd_node *a, struct gd_node *b)
{
	struct gd_node *x = gd_root(a), *y = gd_root(b);
	double v, w;
	if (!gd_same_shape(a, b))
		return false;
	return x == y || (gd_is_const(x, &v) && gd_is_const(y, &w) && bits_of(v) == bits_of(w));
}

static bool same(const struct gd_node *a, const struct gd_node *b)
{
	const void *attr_a = &a->attr, *attr_b = &b->attr;
	if (a->prim != b->prim || a->dtype != b->dtype || a->n_in != b->n_in ||
	    !gd_same_shape(a, b) || memcmp(attr_a, attr_b, sizeof a->attr) != 0)
		return false;
	for (int k = 0; k < a->n_in; k++)
		if (!same_operand(a->in[k], b->in[k]))
			return false;
	return true;
}

bool gd_find_twins(struct gd_graph *g, struct gd_arena *memory, int last)
{
	size_t room = 16;
	while (room < 2 * (size_t)(last + 1))
		room *= 2;
	struct gd_node **table = gd_alloc_zero(memory, room * sizeof *table);
	if (!table)
		return false;
	for (int i = 0; i <= last; i++) {
		struct gd_node *n = g->nodes[i];
		if (!n->needed || n->prim->alias || n->n_in == 0)
			continue;
		size_t at = hash(n) & (room - 1);
		while (table[at] && !same(table[at], n))
			at = (at + 1) & (room - 1);
		if (!table[at]) {
			table[at] = n;
			continue;
		}
		n->twin = table[at];
		n->twin->keep = n->twin->keep || n->keep;
	}
	return true;
}
