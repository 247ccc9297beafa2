#include "api/compute.h"

#include <string.h>

#include "api/tensor.h"
#include "api/warnings.h"
#include "core/build.h"
#include "core/diff.h"
#include "core/limits.h"

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

bool gd_ask_gradients(struct gd_compute *c, struct gd_scalar *scalar)
{
	struct gd_spec *s = c->spec;
	struct gd_arena *arena = s->x->plan_arena;
	if (!gd_spec_scalar(s, &scalar->y, &scalar->seed))
		return false;
	/* A second derivative is by what the cotangent is given for, not by the cotangent. */
	if (s->second && scalar->seed &&
	    !(scalar->seed = gd_stop_gradient(&s->graph, scalar->seed)))
		return false;
	scalar->grads = gd_alloc_array(arena, (size_t)s->wrt.n, sizeof(struct gd_node *));
	if (!scalar->grads)
		return gd_arena_fail(arena, s->x->error);
	return gd_grad(&s->graph, scalar->y, scalar->seed, s->wrt.n, s->wrt.nodes, scalar->grads,
	               true) &&
	       (scalar->seed || gd_ask(c, scalar->y)) && gd_ask_all(c, s->wrt.n, scalar->grads);
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
	if (c->rows.first && (!gd_rows_share(&c->rows, &s->graph, c->rows_base) ||
	                      !gd_ask_all(c, c->rows.n_shared, c->rows.shared)))
		return false;
	s->x->cost = gd_rows_cost(&c->rows, &s->graph, c->n, c->outputs);
	s->x->compute = c;
	c->schedule = gd_schedule_new(&s->graph, s->x->plan_arena, c->n, c->outputs);
	return c->schedule != NULL;
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

/* --- rows ---------------------------------------------------------------------------------- */

enum { BLOCK_BYTES = 8 << 20 /* of a block of rows: it stays in the caches, and fills them */ };

/* The bytes that the request may still take. */
static double bytes_left(const struct gd_exchange *x)
{
	return (double)x->arena->cap - (double)x->arena->held;
}

bool gd_result_fits(struct gd_compute *c, const struct gd_node *a, const struct gd_node *b,
                    struct gd_tensor *t)
{
	struct gd_exchange *x = c->spec->x;
	*t = (struct gd_tensor){.dtype = c->spec->graph.dtype, .rank = a->rank + b->rank};
	char text_a[GD_SHAPE_TEXT], text_b[GD_SHAPE_TEXT];
	for (int i = 0; i < t->rank && i < GD_MAX_RANK; i++)
		t->shape[i] = i < a->rank ? a->shape[i] : b->shape[i - a->rank];
	gd_shape_text(a->rank, a->shape, text_a);
	gd_shape_text(b->rank, b->shape, text_b);
	if (!gd_shape_count(t->rank, t->shape, &t->count) || t->count > x->service->limits.elements)
		gd_fail(x->error, GD_ERR_limit_exceeded,
		        "the derivatives of %s by %s are %.0f elements, but a tensor has at most "
		        "%zu",
		        text_a, text_b, (double)a->count * (double)b->count,
		        x->service->limits.elements);
	c->result_bytes += (double)t->count * (double)gd_dtype_size(t->dtype);
	if (c->result_bytes > bytes_left(x))
		gd_fail(x->error, GD_ERR_limit_exceeded,
		        "with the derivatives of %s by %s, the answer needs more than the memory "
		        "of "
		        "%.0f MiB",
		        text_a, text_b, (double)x->service->limits.memory_bytes / (double)GD_MIB);
	if (x->error->code != GD_OK) {
		gd_error_hint(x->error, "name fewer tensors in wrt, or ask for products with it: "
		                        "/jvp, /hvp, /grad with grad_output");
		return false;
	}
	return true;
}

struct gd_node *gd_result_new(struct gd_compute *c, const struct gd_node *a,
                              const struct gd_node *b)
{
	struct gd_exchange *x = c->spec->x;
	struct gd_tensor t;
	if (!gd_result_fits(c, a, b, &t))
		return NULL;
	struct gd_result *r = gd_alloc(x->plan_arena, sizeof *r);
	struct gd_node *node = r ? gd_leaf(&c->spec->graph, &t, NULL) : NULL;
	if (!node) {
		if (x->error->code == GD_OK)
			gd_arena_fail(x->plan_arena, x->error);
		return NULL;
	}
	*r = (struct gd_result){.next = c->results, .node = node};
	c->results = r;
	return node;
}

bool gd_ask_rows(struct gd_compute *c, struct gd_node *u, int n,
                 const struct gd_rows_target *targets)
{
	struct gd_graph *g = &c->spec->graph;
	double left = (bytes_left(c->spec->x) - c->result_bytes) / 4;
	if (!c->rows.first) {
		c->rows.last = &c->rows.first;
		c->rows_base = g->n_nodes;
	}
	left = left < 0 ? 0 : left > BLOCK_BYTES ? BLOCK_BYTES : left;
	struct gd_rows *rows = gd_rows_new(g, u, n, targets, (size_t)left);
	if (!rows)
		return false;
	*c->rows.last = rows;
	c->rows.last = &rows->next;
	return true;
}

/* --- evaluation ---------------------------------------------------------------------------- */

bool gd_compute_run(struct gd_compute *c)
{
	struct gd_exchange *x = c->spec->x;
	struct gd_graph *g = &c->spec->graph;
	const struct gd_rows *bad_rows;
	struct gd_sweep bad;
	for (struct gd_result *r = c->results; r; r = r->next) {
		r->node->data =
		        gd_data_alloc(x->arena, r->node->count * gd_dtype_size(r->node->dtype));
		if (!r->node->data)
			return gd_arena_fail(x->arena, x->error);
	}
	c->sweep = (struct gd_sweep){.graph = g};
	c->warned = c->outputs;
	c->n_warned = c->n;
	if (!gd_schedule_run(&c->sweep, c->schedule)) {
		point_at_element(x, &c->sweep);
		return false;
	}
	if (!c->rows.first)
		return true;
	if (!gd_rows_run(&c->rows, g, &bad, &bad_rows))
		return false;
	if (bad_rows && !c->sweep.nonfinite) {
		c->sweep = bad;
		c->warned = bad_rows->stores;
		c->n_warned = bad_rows->n;
	}
	return true;
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

void gd_write_gradients(struct gd_compute *c, const struct gd_scalar *scalar)
{
	const struct gd_wanted *wrt = &c->spec->wrt;
	if (!scalar->seed)
		gd_write_scalar(c, "loss", scalar->y);
	gd_write_named(c, "gradients", wrt->n, wrt->names, scalar->grads);
}

void gd_write_loss(struct gd_compute *c)
{
	const struct gd_node *loss = c->spec->loss;
	if (loss && loss->rank == 0)
		gd_write_scalar(c, "loss", loss);
	else if (loss)
		gd_write_node(c, "loss", loss);
}

bool gd_write_rest(struct gd_compute *c)
{
	const struct gd_wanted *r = &c->spec->returns;
	if (r->n)
		gd_write_named(c, "values", r->n, r->names, r->nodes);
	return gd_write_warnings(c->spec->x, &c->sweep, c->n_warned, c->warned);
}
