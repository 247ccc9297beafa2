#include "core/sample.h"

#include "core/batch.h"
#include "core/build.h"

struct gd_node *gd_rows_same(struct gd_graph *g, const struct gd_node *y, struct gd_node *const *d)
{
	struct gd_node *n = gd_node_new(g, y->prim, y->dtype, y->rank, y->shape, y->n_in, y->in);
	if (!n)
		return NULL;
	for (int i = 0; i < y->n_in; i++)
		n->in[i] = d[i] ? d[i] : y->in[i];
	n->attr = y->attr;
	return n;
}

bool gd_has_rows(const struct gd_node *x, int64_t n)
{
	return x->rank > 0 && x->shape[0] % n == 0 && x->count > 0;
}

bool gd_keeps_rows(const struct gd_node *y, int i, int64_t n)
{
	return gd_has_rows(y, n) && y->in[i]->rank == y->rank && y->in[i]->shape[0] == y->shape[0];
}

struct gd_node *gd_rows_leading(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                int64_t n, bool *apart)
{
	(void)apart;
	for (int i = 0; i < y->n_in; i++)
		if (!d[i] || !gd_keeps_rows(y, i, n))
			return NULL;
	return gd_rows_same(g, y, d);
}

/* --- the transformation ---------------------------------------------------------------------- */

struct sample {
	struct gd_graph *g;
	int64_t n;
	struct gd_node **rows;  /* by id: of what depends on u, its rows together, */
	struct gd_node **apart; /* or apart */
	struct gd_node *chosen; /* (n, n): is it this row? */
	double elements;
};

/* (n, n), true on the diagonal. */
static struct gd_node *diagonal(struct sample *s)
{
	if (!s->chosen)
		s->chosen = gd_cast(s->g, gd_unit_rows(s->g, s->n, 1, &s->n), GD_BOOL);
	return s->chosen;
}

/* Rows that were together, apart: (n, *x), row r all zeros but for row r. */
static struct gd_node *set_apart(struct sample *s, struct gd_node *x)
{
	struct gd_graph *g = s->g;
	if (!s->apart[x->id]) {
		struct gd_node *d = s->rows[x->id];
		int64_t parts[3] = {1, s->n, (int64_t)x->count / s->n}, shape[GD_MAX_RANK];
		int rank = gd_batch_shape(s->n, x->rank, x->shape, shape);
		struct gd_node *mask = gd_reshape(g, diagonal(s), 3, (int64_t[]){s->n, s->n, 1});
		d = gd_where(g, mask, gd_reshape(g, d, 3, parts), gd_const(g, 0));
		s->apart[x->id] = gd_reshape(g, d, rank, shape);
		s->elements += (double)s->n * (double)x->count;
	}
	return s->apart[x->id];
}

static bool go_on(struct sample *s, struct gd_node *y)
{
	struct gd_graph *g = s->g;
	struct gd_node *few[8] = {0}, **d = few;
	bool together = y->prim->rows != NULL, apart = false;
	if (y->n_in > 4) {
		d = gd_alloc_zero(g->arena, 2 * (size_t)y->n_in * sizeof *d);
		if (!d)
			return gd_arena_fail(g->arena, g->error);
	}
	struct gd_node **twins = d + y->n_in;
	for (int i = 0; i < y->n_in; i++) {
		d[i] = s->rows[y->in[i]->id];
		together = together && (d[i] || !s->apart[y->in[i]->id]);
	}
	g->origin = y->origin;
	g->op = y->op;
	g->backward = y->backward;
	struct gd_node *next = together ? y->prim->rows(g, y, d, s->n, &apart) : NULL;
	if (next && !apart) {
		s->rows[y->id] = next;
		return true;
	}
	if (!next) {
		for (int i = 0; i < y->n_in; i++)
			twins[i] = d[i] ? set_apart(s, y->in[i]) : s->apart[y->in[i]->id];
		next = y->prim->batch && !gd_failed(g) ? y->prim->batch(g, y, twins, s->n)
		                                       : gd_batch_map(g, y, twins, s->n);
	}
	s->apart[y->id] = next;
	s->elements += (double)s->n * (double)y->count;
	return next != NULL;
}

bool gd_sample_rows(struct gd_graph *g, struct gd_node *u, int n_y, struct gd_node *const *y,
                    struct gd_node **out, double *elements)
{
	if (gd_failed(g))
		return false;
	struct sample s = {.g = g, .n = u->shape[0]};
	const char *origin = g->origin, *op = g->op;
	bool backward = g->backward;
	size_t n_before = (size_t)g->n_nodes;
	unsigned char *marks = gd_batch_mark(g, 1, &u, n_y, y);
	s.rows = gd_alloc_zero(g->arena, n_before * sizeof *s.rows);
	s.apart = gd_alloc_zero(g->arena, n_before * sizeof *s.apart);
	if (!marks || !s.rows || !s.apart)
		return gd_failed(g) ? false : gd_arena_fail(g->arena, g->error);
	s.rows[u->id] = gd_expand(g, gd_const(g, 1), u->rank, u->shape);
	for (size_t i = 0; i < n_before && !gd_failed(g); i++)
		if (gd_batch_has_twin(marks[i]))
			go_on(&s, g->nodes[i]);
	for (int i = 0; i < n_y && !gd_failed(g); i++) {
		struct gd_node *twin = s.rows[y[i]->id] ? set_apart(&s, y[i]) : s.apart[y[i]->id];
		struct gd_node self = {.in = (struct gd_node *[]){y[i]}};
		out[i] = gd_batched(g, &self, 0, &twin, s.n);
	}
	*elements = s.elements;
	g->origin = origin;
	g->op = op;
	g->backward = backward;
	return !gd_failed(g);
}
