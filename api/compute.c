#include "api/compute.h"

#include <string.h>

#include "api/tensor.h"
#include "api/warnings.h"

bool gd_ask(struct gd_compute *c, struct gd_node *node)
{
	struct gd_arena *arena = c->spec->x->plan_arena;
	if (c->n == c->room) {
		int room = c->room ? 2 * c->room : 16;
		struct gd_node **all = gd_alloc_array(arena, (size_t)room, sizeof *all);
		if (!all)
			return gd_arena_fail(arena, c->spec->x->error);
		if (c->n)
			memcpy(all, c->outputs, (size_t)c->n * sizeof *all);
		c->outputs = all;
		c->room = room;
	}
	c->outputs[c->n++] = node;
	return true;
}

bool gd_ask_all(struct gd_compute *c, int n, struct gd_node *const *nodes)
{
	for (int i = 0; i < n; i++)
		if (!gd_ask(c, nodes[i]))
			return false;
	return true;
}

bool gd_compute_ready(struct gd_compute *c)
{
	struct gd_spec *s = c->spec;
	if (!gd_ask_all(c, s->returns.n, s->returns.nodes))
		return false;
	for (int i = 0; i < c->n; i++)
		c->outputs[i]->check = true;
	for (struct gd_kink *k = s->graph.kinks; k; k = k->next)
		if (k->passed && !gd_ask(c, k->count))
			return false;
	s->x->cost = gd_cost(&s->graph, c->n, c->outputs);
	s->x->compute = c;
	return true;
}

/* An element of the request's that could not be what it was used as. */
static void point_at_element(const struct gd_exchange *x, const struct gd_sweep *run)
{
	struct gd_json tensors, tensor;
	const struct gd_node *n = run->refused;
	if (!n || !n->name || !gd_is_leaf(n) || !gd_json_member(&x->root, "tensors", &tensors) ||
	    !gd_json_member(&tensors, n->name, &tensor))
		return;
	struct gd_tensor t = gd_node_tensor(n);
	gd_point_at_element(&tensor, &t, run->refused_index, x->error);
}

bool gd_compute_run(struct gd_compute *c)
{
	c->sweep = (struct gd_sweep){.graph = &c->spec->graph};
	if (gd_eval(&c->sweep, c->n, c->outputs))
		return true;
	point_at_element(c->spec->x, &c->sweep);
	return false;
}

void gd_write_node(struct gd_compute *c, const char *key, const struct gd_node *node)
{
	struct gd_tensor t = gd_node_tensor(node);
	gd_doc_key(c->spec->x->doc, key);
	gd_doc_tensor(c->spec->x->doc, &t, c->spec->encoding);
}

void gd_write_named(struct gd_compute *c, const char *key, int n, const char *const *names,
                    struct gd_node *const *nodes)
{
	gd_doc_key(c->spec->x->doc, key);
	gd_doc_object(c->spec->x->doc);
	for (int i = 0; i < n; i++)
		gd_write_node(c, names[i], nodes[i]);
	gd_doc_end(c->spec->x->doc);
}

void gd_write_scalar(struct gd_compute *c, const char *key, const struct gd_node *node)
{
	struct gd_tensor t = gd_node_tensor(node);
	t.rank = 0;
	gd_doc_key(c->spec->x->doc, key);
	gd_doc_tensor(c->spec->x->doc, &t, GD_NESTED);
}

bool gd_write_rest(struct gd_compute *c)
{
	const struct gd_wanted *r = &c->spec->returns;
	if (r->n)
		gd_write_named(c, "values", r->n, r->names, r->nodes);
	return gd_write_warnings(c->spec->x, &c->sweep, c->n, c->outputs);
}
