#include "core/batch.h"

#include <string.h>

#include "core/build.h"
#include "core/eval.h"

int gd_batch_shape(int64_t k, int rank, const int64_t *shape, int64_t out[GD_MAX_RANK])
{
	/* A rank beyond what there can be is found out by gd_node_new. */
	out[0] = k;
	for (int i = 0; i < rank && i + 1 < GD_MAX_RANK; i++)
		out[i + 1] = shape[i];
	return rank + 1;
}

/* --- rules ----------------------------------------------------------------------------------- */

struct gd_node *gd_batched(struct gd_graph *g, const struct gd_node *y, int i,
                           struct gd_node *const *in, int64_t k)
{
	int64_t shape[GD_MAX_RANK];
	if (in[i])
		return in[i];
	int rank = gd_batch_shape(k, y->in[i]->rank, y->in[i]->shape, shape);
	return gd_expand(g, y->in[i], rank, shape);
}

struct gd_node *gd_batch_align(struct gd_graph *g, struct gd_node *x, int rank)
{
	int64_t shape[GD_MAX_RANK];
	if (!x || x->rank >= rank || rank > GD_MAX_RANK)
		return x;
	for (int i = 1; i < rank; i++)
		shape[i] = i <= rank - x->rank ? 1 : x->shape[i - (rank - x->rank)];
	shape[0] = x->shape[0];
	return gd_reshape(g, x, rank, shape);
}

struct gd_node *gd_batch_like(struct gd_graph *g, const struct gd_node *y,
                              struct gd_node *const *in, int64_t k)
{
	int64_t shape[GD_MAX_RANK];
	int rank = gd_batch_shape(k, y->rank, y->shape, shape);
	struct gd_node *n = gd_node_new(g, y->prim, y->dtype, rank, shape, y->n_in, in);
	if (n)
		n->attr = y->attr;
	return n;
}

/* Room for the operands of a node. */
static struct gd_node **operands(struct gd_graph *g, const struct gd_node *y,
                                 struct gd_node *few[4])
{
	if (y->n_in <= 4)
		return few;
	struct gd_node **in = gd_alloc_array(g->arena, (size_t)y->n_in, sizeof *in);
	if (!in)
		gd_arena_fail(g->arena, g->error);
	return in;
}

struct gd_node *gd_batch_broadcast(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                                   int64_t k)
{
	struct gd_node *few[4], **x = operands(g, y, few);
	for (int i = 0; x && i < y->n_in; i++)
		x[i] = in[i] ? gd_batch_align(g, in[i], y->rank + 1) : y->in[i];
	return x ? gd_batch_like(g, y, x, k) : NULL;
}

struct gd_node *gd_batch_leading(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                                 int64_t k)
{
	struct gd_node *few[4], **x = operands(g, y, few);
	for (int i = 0; x && i < y->n_in; i++)
		x[i] = gd_batched(g, y, i, in, k);
	return x ? gd_batch_like(g, y, x, k) : NULL;
}

struct gd_node *gd_batch_axis(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                              int64_t k)
{
	for (int i = 0; i < y->n_in; i++)
		if (y->in[i]->rank == 0)
			return gd_batch_map(g, y, in, k);
	struct gd_node *n = gd_batch_leading(g, y, in, k);
	if (n)
		n->attr.axis++;
	return n;
}

struct gd_node *gd_batch_axes(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                              int64_t k)
{
	struct gd_node *n = gd_batch_leading(g, y, in, k);
	if (n)
		n->attr.axes <<= 1;
	return n;
}

struct gd_node *gd_batch_alias(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                               int64_t k)
{
	return gd_batch_like(g, y, (struct gd_node *[]){gd_batched(g, y, 0, in, k)}, k);
}

/* --- any primitive, k times ------------------------------------------------------------------ */

/* Copies of y and of its operands, whose data are set to one part after the other. */
struct gd_mapped {
	struct gd_node *y, one, *operands;
	bool *batched;
};

static void forward_map(struct gd_sweep *run, struct gd_node *n)
{
	struct gd_mapped *m = n->attr.mapped;
	size_t part = m->one.count * gd_dtype_size(n->dtype), k = (size_t)n->shape[0];
	for (size_t r = 0; r < k; r++) {
		m->one.data = (char *)n->data + r * part;
		for (int i = 0; i < n->n_in; i++) {
			struct gd_node *x = &m->operands[i];
			size_t bytes = m->batched[i] ? x->count * gd_dtype_size(x->dtype) : 0;
			x->data = (char *)n->in[i]->data + r * bytes;
		}
		if (m->y->prim->alias)
			memcpy(m->one.data, m->operands[0].data, part);
		else
			m->y->prim->forward(run, &m->one);
		if (run && run->error->code != GD_OK)
			return;
	}
}

static double cost_of_map(const struct gd_node *n)
{
	const struct gd_node *y = n->attr.mapped->y;
	double one = y->prim->cost ? y->prim->cost(y) : (double)y->count;
	return (one + 50) * (double)n->shape[0];
}

/* Differentiate first, then batch. */
static void vjp_map(struct gd_graph *g, struct gd_node *n, struct gd_node *dn, struct gd_node **dx)
{
	(void)dn, (void)dx;
	gd_graph_fail(g, GD_ERR_not_differentiable, "a batch of %s is not differentiated again",
	              n->attr.mapped->y->prim->name);
}

static const struct gd_prim map = {
        .name = "map", .forward = forward_map, .vjp = vjp_map, .cost = cost_of_map};

struct gd_node *gd_batch_map(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                             int64_t k)
{
	struct gd_node *few[4], **x = operands(g, y, few);
	struct gd_mapped *m = gd_alloc(g->arena, sizeof *m);
	size_t n_in = (size_t)y->n_in;
	if (!x || !m)
		goto out_of_arena;
	m->y = y;
	m->one = *y;
	m->operands = gd_alloc_array(g->arena, n_in, sizeof *m->operands);
	m->one.in = gd_alloc_array(g->arena, n_in, sizeof *m->one.in);
	m->batched = gd_alloc_array(g->arena, n_in, sizeof *m->batched);
	if (!m->operands || !m->one.in || !m->batched)
		goto out_of_arena;
	for (int i = 0; i < y->n_in; i++) {
		x[i] = in[i] ? in[i] : y->in[i];
		m->batched[i] = in[i] != NULL;
		m->operands[i] = *y->in[i];
		m->one.in[i] = &m->operands[i];
	}
	struct gd_node *n = gd_batch_like(g, y, x, k);
	if (n) {
		n->prim = &map;
		n->attr.mapped = m;
	}
	return n;
out_of_arena:
	if (!gd_failed(g))
		gd_arena_fail(g->arena, g->error);
	return NULL;
}

/* --- the transformation ---------------------------------------------------------------------- */

enum { NEEDED = 1, DEPENDS = 2, FROM = 4 };

unsigned char *gd_batch_mark(struct gd_graph *g, int n_from, struct gd_node *const *from, int n_y,
                             struct gd_node *const *y)
{
	unsigned char *marks = gd_alloc_zero(g->arena, (size_t)g->n_nodes + 1);
	if (!marks) {
		gd_arena_fail(g->arena, g->error);
		return NULL;
	}
	for (int i = 0; i < n_y; i++)
		marks[y[i]->id] |= NEEDED;
	for (int i = 0; i < n_from; i++)
		marks[from[i]->id] |= FROM | DEPENDS;
	for (int i = g->n_nodes - 1; i >= 0; i--) {
		const struct gd_node *n = g->nodes[i];
		for (int j = 0; (marks[i] & (NEEDED | FROM)) == NEEDED && j < n->n_in; j++)
			marks[n->in[j]->id] |= NEEDED;
	}
	for (int i = 0; i < g->n_nodes; i++) {
		const struct gd_node *n = g->nodes[i];
		for (int j = 0; (marks[i] & NEEDED) && j < n->n_in; j++)
			marks[i] |= marks[n->in[j]->id] & DEPENDS;
	}
	return marks;
}

bool gd_batch_has_twin(unsigned char marks)
{
	return (marks & (NEEDED | DEPENDS | FROM)) == (NEEDED | DEPENDS);
}

double gd_batch_elements(struct gd_graph *g, int n_from, struct gd_node *const *from, int n_y,
                         struct gd_node *const *y)
{
	unsigned char *marks = gd_failed(g) ? NULL : gd_batch_mark(g, n_from, from, n_y, y);
	double total = 0;
	for (int i = 0; marks && i < g->n_nodes; i++)
		if (gd_batch_has_twin(marks[i]) && !g->nodes[i]->prim->alias)
			total += (double)g->nodes[i]->count;
	return total;
}

/* The twin of one node. */
static struct gd_node *twin_of(struct gd_graph *g, struct gd_node *n, struct gd_node *const *twin,
                               int64_t k)
{
	struct gd_node *few[4], **in = operands(g, n, few);
	for (int j = 0; in && j < n->n_in; j++)
		in[j] = twin[n->in[j]->id];
	if (!in)
		return NULL;
	g->origin = n->origin;
	g->op = n->op;
	g->backward = n->backward;
	return n->prim->batch ? n->prim->batch(g, n, in, k) : gd_batch_map(g, n, in, k);
}

bool gd_batch(struct gd_graph *g, int64_t k, int n_from, struct gd_node *const *from,
              struct gd_node *const *to, int n_y, struct gd_node *const *y, struct gd_node **out)
{
	if (gd_failed(g))
		return false;
	const char *origin = g->origin, *op = g->op;
	bool backward = g->backward;
	int n_before = g->n_nodes;
	unsigned char *marks = gd_batch_mark(g, n_from, from, n_y, y);
	struct gd_node **twin = gd_alloc_zero(g->arena, ((size_t)n_before + 1) * sizeof *twin);
	if (!marks || !twin)
		return gd_failed(g) ? false : gd_arena_fail(g->arena, g->error);
	for (int i = 0; i < n_from; i++)
		twin[from[i]->id] = to[i];
	for (int i = 0; i < n_before && !gd_failed(g); i++)
		if (gd_batch_has_twin(marks[i]))
			twin[i] = twin_of(g, g->nodes[i], twin, k);
	for (int i = 0; i < n_y && !gd_failed(g); i++) {
		struct gd_node *none = NULL, self = {.in = (struct gd_node *[]){y[i]}};
		out[i] = gd_batched(g, &self, 0, twin[y[i]->id] ? &twin[y[i]->id] : &none, k);
	}
	g->origin = origin;
	g->op = op;
	g->backward = backward;
	return !gd_failed(g);
}
