#include "core/rows.h"

#include <string.h>

#include "core/batch.h"
#include "core/build.h"
#include "core/schedule.h"

/* --- storing --------------------------------------------------------------------------------- */

struct gd_store {
	const struct gd_node *unit;
	struct gd_rows_target target;
	size_t total; /* rows */
};

enum { TILE = 16 };

/* to[i·stride] = row i of x, (rows, n). */
static void put_rows(void *to, const void *x, size_t at, size_t rows, size_t n, size_t size)
{
	memcpy((char *)to + at * n * size, x, rows * n * size);
}

/* Column at + i of `to`, (n, total), is row i of x: tile by tile, so that lines are used up. */
#define TRANSPOSE(T)                                                                               \
	for (size_t c0 = 0; c0 < n; c0 += TILE)                                                    \
		for (size_t r0 = 0; r0 < rows; r0 += TILE)                                         \
			for (size_t c = c0; c < n && c < c0 + TILE; c++)                           \
				for (size_t r = r0; r < rows && r < r0 + TILE; r++)                \
	((T *)to)[c * total + at + r] = ((const T *)x)[r * n + c]

static void put_columns(void *to, const void *x, size_t at, size_t rows, size_t n, size_t total,
                        size_t size)
{
	if (size == 8)
		TRANSPOSE(uint64_t);
	else
		TRANSPOSE(uint32_t);
}

static void forward_store(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	const struct gd_store *s = n->attr.store;
	const struct gd_node *x = n->in[0];
	size_t size = gd_dtype_size(x->dtype), rows = (size_t)x->shape[0];
	size_t each = rows ? x->count / rows : 0, at = (size_t)s->unit->attr.first;
	if (!each)
		return;
	if (s->target.columns)
		put_columns(s->target.to->data, x->data, at, rows, each, s->total, size);
	else
		put_rows(s->target.to->data, x->data, at, rows, each, size);
	if (s->target.mirror && s->target.columns)
		put_rows(s->target.mirror->data, x->data, at, rows, each, size);
	else if (s->target.mirror)
		put_columns(s->target.mirror->data, x->data, at, rows, each, s->total, size);
}

static double cost_of_store(const struct gd_node *n)
{
	return (double)n->in[0]->count;
}

static const struct gd_prim store = {
        .name = "store", .forward = forward_store, .cost = cost_of_store};

static struct gd_node *store_node(struct gd_graph *g, const struct gd_rows *rows,
                                  const struct gd_rows_target *target, struct gd_node *x)
{
	struct gd_store *s = gd_alloc(g->arena, sizeof *s);
	if (!s) {
		if (!gd_failed(g))
			gd_arena_fail(g->arena, g->error);
		return NULL;
	}
	*s = (struct gd_store){.unit = rows->unit, .target = *target, .total = (size_t)rows->total};
	struct gd_node *n = gd_node_new(g, &store, g->dtype, 1, (int64_t[]){0}, 1, &x);
	if (n) {
		n->attr.store = s;
		x->check = true;
	}
	return n;
}

/* --- planning -------------------------------------------------------------------------------- */

/* As many rows as fit, the blocks of one size. */
static int64_t block_of(int64_t total, double row_bytes, size_t bytes)
{
	double fit = (double)bytes / (row_bytes < 1 ? 1 : row_bytes);
	int64_t most = fit < 1 ? 1 : fit > (double)total ? total : (int64_t)fit;
	if (total < 1)
		return 0;
	int64_t blocks = (total - 1) / most + 1;
	return (total - 1) / blocks + 1;
}

struct gd_rows *gd_rows_new(struct gd_graph *g, struct gd_node *u, int n,
                            const struct gd_rows_target *targets, size_t bytes)
{
	if (gd_failed(g))
		return NULL;
	struct gd_rows *r = gd_alloc_zero(g->arena, sizeof *r);
	struct gd_node **x = gd_alloc_array(g->arena, 2 * (size_t)n, sizeof *x);
	if (!r || !x)
		goto out_of_arena;
	r->n = n;
	r->stores = gd_alloc_array(g->arena, (size_t)n, sizeof *r->stores);
	if (!r->stores)
		goto out_of_arena;
	for (int i = 0; i < n; i++)
		x[i] = targets[i].x;
	double row = (double)u->count + gd_batch_elements(g, 1, &u, n, x);
	r->total = (int64_t)u->count;
	r->block = block_of(r->total, row * (double)gd_dtype_size(g->dtype), bytes);
	r->unit = gd_unit_rows(g, r->block, u->rank, u->shape);
	if (!r->unit || !gd_batch(g, r->block, 1, &u, &r->unit, n, x, x + n))
		return NULL;
	for (int i = 0; i < n; i++)
		if (!(r->stores[i] = store_node(g, r, &targets[i], x[n + i])))
			return NULL;
	return r;
out_of_arena:
	if (!gd_failed(g))
		gd_arena_fail(g->arena, g->error);
	return NULL;
}

/* Marks what the stores need, from the last node down to `base`, and gives what lies below. */
static int reach_below(struct gd_graph *g, const struct gd_rows_plan *p, int base, bool *marks)
{
	int n = 0;
	for (const struct gd_rows *r = p->first; r; r = r->next)
		for (int i = 0; i < r->n; i++)
			marks[r->stores[i]->id] = true;
	for (int i = g->n_nodes - 1; i >= base; i--)
		for (int k = 0; marks[i] && k < g->nodes[i]->n_in; k++)
			marks[g->nodes[i]->in[k]->id] = true;
	for (int i = 0; i < base; i++)
		n += marks[i] = marks[i] && !gd_is_leaf(g->nodes[i]);
	return n;
}

bool gd_rows_share(struct gd_rows_plan *p, struct gd_graph *g, int base)
{
	if (gd_failed(g))
		return false;
	bool *marks = gd_alloc_zero(g->arena, (size_t)g->n_nodes + 1);
	if (!marks)
		return gd_arena_fail(g->arena, g->error);
	int n = reach_below(g, p, base, marks);
	p->shared = gd_alloc_array(g->arena, (size_t)n, sizeof *p->shared);
	p->saved = gd_alloc_array(g->arena, (size_t)n, sizeof *p->saved);
	if (!p->shared || !p->saved)
		return gd_arena_fail(g->arena, g->error);
	for (int i = 0; i < base; i++)
		if (marks[i])
			p->shared[p->n_shared++] = g->nodes[i];
	return true;
}

double gd_rows_cost(const struct gd_rows_plan *p, struct gd_graph *g, int n,
                    struct gd_node *const *outputs)
{
	double total = gd_cost(g, n, outputs);
	if (!p->first)
		return total;
	double shared = gd_cost(g, p->n_shared, p->shared);
	for (const struct gd_rows *r = p->first; r; r = r->next) {
		int64_t blocks = r->block ? (r->total - 1) / r->block + 1 : 0;
		double one = gd_cost(g, r->n, r->stores) - shared;
		total += (double)blocks * (one > 0 ? one : 0);
	}
	return total;
}

/* --- running --------------------------------------------------------------------------------- */

/* What is held is a leaf for a while: it is not computed again, and its data stay. */
static void hold(struct gd_rows_plan *p)
{
	for (int i = 0; i < p->n_shared; i++) {
		p->saved[i] = *p->shared[i];
		gd_node_hold(p->shared[i]);
	}
}

static void let_go(struct gd_rows_plan *p)
{
	for (int i = 0; i < p->n_shared; i++) {
		p->shared[i]->prim = p->saved[i].prim;
		p->shared[i]->n_in = p->saved[i].n_in;
	}
}

bool gd_rows_run(struct gd_rows_plan *p, struct gd_graph *g, struct gd_sweep *bad,
                 const struct gd_rows **bad_rows)
{
	int64_t bad_at = 0;
	bool ok = true;
	*bad_rows = NULL;
	hold(p);
	for (const struct gd_rows *r = p->first; r && ok; r = r->next) {
		struct gd_arena memory;
		gd_arena_init(&memory, g->arena->cap);
		/* Once for all blocks. */
		const struct gd_schedule *s = gd_schedule_new(g, &memory, r->n, r->stores);
		ok = s != NULL;
		for (int64_t at = 0; at < r->total && ok; at += r->block) {
			struct gd_sweep run = {.graph = g};
			/* The last block overlaps the one before rather than being shorter. */
			int64_t first = at > r->total - r->block ? r->total - r->block : at;
			gd_unit_rows_at(r->unit, first);
			ok = gd_schedule_run(&run, s);
			if (ok && run.nonfinite && !*bad_rows) {
				*bad = run;
				*bad_rows = r;
				bad_at = first;
			}
		}
		gd_arena_release(&memory);
	}
	let_go(p);
	if (*bad_rows)
		gd_unit_rows_at((*bad_rows)->unit, bad_at);
	return ok;
}
