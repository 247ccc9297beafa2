#include "core/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/build.h"

void gd_graph_init(struct gd_graph *g, struct gd_arena *arena, struct gd_error *error,
                   enum gd_dtype dtype, size_t max_nodes)
{
	*g = (struct gd_graph){
	        .arena = arena, .error = error, .dtype = dtype, .max_nodes = max_nodes};
	g->origin = "";
	g->op = "";
}

struct gd_node *gd_graph_fail(struct gd_graph *g, enum gd_code code, const char *format, ...)
{
	if (gd_failed(g))
		return NULL;
	char detail[sizeof g->error->detail];
	va_list args;
	va_start(args, format);
	vsnprintf(detail, sizeof detail, format, args);
	va_end(args);
	gd_fail(g->error, code, "%s%s%s", g->op, *g->op ? ": " : "", detail);
	gd_error_pointer(g->error, "%s", g->origin);
	return NULL;
}

struct gd_node *gd_shape_fail(struct gd_graph *g, const struct gd_node *expected_like,
                              const struct gd_node *got, const char *format, ...)
{
	if (gd_failed(g))
		return NULL;
	char detail[sizeof g->error->detail];
	va_list args;
	va_start(args, format);
	vsnprintf(detail, sizeof detail, format, args);
	va_end(args);
	gd_graph_fail(g, GD_ERR_shape_mismatch, "%s", detail);
	gd_error_shapes(g->error, expected_like->rank, expected_like->shape, got->rank, got->shape);
	return NULL;
}

static bool out_of_arena(struct gd_graph *g)
{
	if (!gd_failed(g)) {
		gd_arena_fail(g->arena, g->error);
		gd_error_pointer(g->error, "%s", g->origin);
	}
	return false;
}

static bool room_for_node(struct gd_graph *g)
{
	if ((size_t)g->n_nodes >= g->max_nodes) {
		gd_graph_fail(g, GD_ERR_limit_exceeded, "the graph needs more than %zu operations",
		              g->max_nodes);
		return false;
	}
	if (g->n_nodes < g->room)
		return true;
	int room = g->room ? 2 * g->room : 32;
	struct gd_node **nodes = gd_alloc_array(g->arena, (size_t)room, sizeof *nodes);
	if (!nodes)
		return out_of_arena(g);
	if (g->n_nodes)
		memcpy(nodes, g->nodes, (size_t)g->n_nodes * sizeof *nodes);
	g->nodes = nodes;
	g->room = room;
	return true;
}

struct gd_node *gd_node_new(struct gd_graph *g, const struct gd_prim *prim, enum gd_dtype dtype,
                            int rank, const int64_t *shape, int n_in, struct gd_node *const *in)
{
	if (gd_failed(g) || !room_for_node(g))
		return NULL;
	for (int i = 0; i < n_in; i++)
		if (!in[i])
			return NULL;
	size_t count;
	if (!gd_shape_count(rank, shape, &count) || count > SIZE_MAX / 2 / sizeof(double))
		return gd_graph_fail(g, GD_ERR_limit_exceeded, "the result has too many elements");
	struct gd_node *n = gd_alloc(g->arena, sizeof *n);
	struct gd_node **operands =
	        n_in <= 3 || !n ? NULL : gd_alloc_array(g->arena, (size_t)n_in, sizeof *operands);
	if (!n || (n_in > 3 && !operands)) {
		out_of_arena(g);
		return NULL;
	}
	*n = (struct gd_node){.prim = prim,
	                      .n_in = n_in,
	                      .id = g->n_nodes,
	                      .dtype = dtype,
	                      .rank = rank,
	                      .count = count,
	                      .origin = g->origin,
	                      .op = g->op,
	                      .backward = g->backward};
	memset(&n->attr, 0, sizeof n->attr); /* compared bit by bit */
	for (int i = 0; i < rank; i++)
		n->shape[i] = shape[i];
	n->in = operands ? operands : n->in_place;
	for (int i = 0; i < n_in; i++)
		n->in[i] = in[i];
	g->nodes[g->n_nodes++] = n;
	return n;
}

static const struct gd_prim leaf = {.name = "tensor"};
static const struct gd_prim constant = {.name = "constant"};

struct gd_node *gd_leaf(struct gd_graph *g, const struct gd_tensor *t, const char *name)
{
	struct gd_node *n = gd_node_new(g, &leaf, t->dtype, t->rank, t->shape, 0, NULL);
	if (!n)
		return NULL;
	n->data = t->data;
	n->name = name;
	return n;
}

struct gd_node *gd_const(struct gd_graph *g, double value)
{
	struct gd_node *n = gd_node_new(g, &constant, g->dtype, 0, NULL, 0, NULL);
	if (!n)
		return NULL;
	/* The element lives beside the operands, of which a constant has none. */
	n->data = &n->in_place[0];
	if (g->dtype == GD_FLOAT32) {
		float f = (float)value;
		value = f;
		memcpy(n->data, &f, sizeof f);
	} else {
		memcpy(n->data, &value, sizeof value);
	}
	n->attr.value = value;
	return n;
}

bool gd_is_const(const struct gd_node *n, double *value)
{
	if (!n || n->prim != &constant || n->name)
		return false;
	*value = n->attr.value;
	return true;
}

void gd_node_hold(struct gd_node *n)
{
	n->prim = &leaf;
	n->n_in = 0;
}

bool gd_is_leaf(const struct gd_node *n)
{
	return n->prim == &leaf || n->prim == &constant;
}

struct gd_tensor gd_node_tensor(const struct gd_node *n)
{
	struct gd_tensor t = {
	        .dtype = n->dtype, .rank = n->rank, .count = n->count, .data = n->data};
	memcpy(t.shape, n->shape, sizeof t.shape);
	return t;
}

bool gd_same_shape(const struct gd_node *a, const struct gd_node *b)
{
	if (a->rank != b->rank)
		return false;
	for (int i = 0; i < a->rank; i++)
		if (a->shape[i] != b->shape[i])
			return false;
	return true;
}

void gd_note_kink(struct gd_graph *g, const struct gd_node *at, struct gd_node *mask,
                  const char *text)
{
	struct gd_kink *kink = at && mask ? gd_alloc(g->arena, sizeof *kink) : NULL;
	if (!kink) {
		if (at && mask)
			out_of_arena(g);
		return;
	}
	*kink = (struct gd_kink){.next = g->kinks, .at = at, .total = mask->count, .text = text};
	kink->count = gd_sum_all(g, gd_cast(g, mask, g->dtype));
	g->kinks = kink;
}
