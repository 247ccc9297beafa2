#include "core/schedule.h"

#include <string.h>

#include "core/build.h"
#include "core/fuse.h"
#include "core/group.h"

/* y's array is x's, which nobody reads any more. */
struct reuse {
	struct gd_node *y, *x;
};

/* Computes a node or a group, or lets a node share data, and gives arrays back. */
struct gd_step {
	struct gd_node *node; /* NULL: the group */
	struct gd_group *group;
	const struct gd_node *shared; /* whose data the node takes, or NULL */
	struct reuse *made;           /* the arrays that come to be; x NULL: new ones */
	struct gd_node **dead;
	int n_made, n_dead;
};

struct gd_schedule {
	int n;
	struct gd_step *steps;
};

struct scheduler {
	struct gd_graph *g;
	struct gd_arena *arena, memory; /* the schedule's, and what only the work needs */
	struct gd_fusion f;
	struct gd_schedule *s;
	int last;
	int *last_read; /* by node id: the step that reads the array last */
	int *n_dead;    /* by step */
	bool failed;
};

static void *take(struct scheduler *w, struct gd_arena *arena, int n, size_t size)
{
	void *p = gd_alloc_array(arena, (size_t)n, size);
	if (!p)
		w->failed = true;
	else if (n)
		memset(p, 0, (size_t)n * size);
	return p;
}

/* --- steps ---------------------------------------------------------------------------------- */

static bool is_array(const struct scheduler *w, const struct gd_node *n)
{
	/* An expansion that everybody looks through is none. */
	return (w->f.group[n->id] < 0 && !gd_expansion_of(n)) || w->f.stored[n->id];
}

static void add_step(struct scheduler *w, struct gd_node *n, struct gd_group *group)
{
	const struct gd_node *shared = !n || !gd_shares(n) ? NULL : n->twin ? n->twin : n->in[0];
	w->s->steps[w->s->n++] = (struct gd_step){.node = n, .group = group, .shared = shared};
}

static void add_node(struct scheduler *w, struct gd_node *n)
{
	if (!n->needed || w->f.group[n->id] >= 0)
		return;
	if (gd_is_leaf(n) ? n->check : !gd_expansion_of(n) || w->f.stored[n->id])
		add_step(w, n, NULL);
}

static void add_group(struct scheduler *w, int index)
{
	struct gd_group *group = gd_group_new(&w->f, w->arena, index);
	if (!group)
		w->failed = true;
	else if (group->n)
		add_step(w, NULL, group);
}

/* Who shares data waits until there is some. */
static bool waits(const struct scheduler *w, const struct gd_node *n, int at)
{
	const struct gd_node *root = gd_root((struct gd_node *)n);
	int k = w->f.group[root->id];
	return k >= 0 && w->f.highest[k] > at;
}

static void make_steps(struct scheduler *w)
{
	struct gd_fusion *f = &w->f;
	/* Nodes that share data in the order in which they can, by the group that they wait for. */
	int *waiting = take(w, &w->memory, f->n_groups, sizeof *waiting);
	int *next = take(w, &w->memory, w->last + 1, sizeof *next);
	if (w->failed)
		return;
	for (int k = 0; k < f->n_groups; k++)
		waiting[k] = -1;
	for (int i = w->last; i >= 0; i--) {
		struct gd_node *n = w->g->nodes[i];
		if (n->needed && gd_shares(n) && waits(w, n, i)) {
			int k = f->group[gd_root(n)->id];
			next[i] = waiting[k];
			waiting[k] = i;
		}
	}
	for (int i = 0; i <= w->last && !w->failed; i++) {
		struct gd_node *n = w->g->nodes[i];
		int k = f->group[i];
		if (gd_shares(n)) {
			if (n->needed && is_array(w, gd_root(n)) && !waits(w, n, i))
				add_step(w, n, NULL);
		} else if (k < 0) {
			add_node(w, n);
		} else if (f->highest[k] == i) {
			add_group(w, k);
			for (int a = waiting[k]; a >= 0; a = next[a])
				if (is_array(w, gd_root(w->g->nodes[a])))
					add_step(w, w->g->nodes[a], NULL);
		}
	}
}

/* --- arrays --------------------------------------------------------------------------------- */

static int n_read(const struct gd_step *step)
{
	if (!step->node)
		return step->group->n_reads;
	return step->shared ? 0 : step->node->n_in;
}

static struct gd_node *nth_read(const struct gd_step *step, int k)
{
	return step->node ? gd_root(step->node->in[k]) : step->group->reads[k];
}

static int n_made(const struct gd_step *step)
{
	if (!step->node)
		return step->group->n_stored;
	return !step->shared && !gd_is_leaf(step->node);
}

static struct gd_node *nth_made(const struct gd_step *step, int k)
{
	return step->node ? step->node : step->group->stored[k];
}

static void find_last_reads(struct scheduler *w)
{
	for (int s = 0; s < w->s->n; s++) {
		const struct gd_step *step = &w->s->steps[s];
		for (int k = 0; k < n_made(step); k++)
			w->last_read[nth_made(step, k)->id] = s;
		for (int k = 0; k < n_read(step); k++)
			w->last_read[nth_read(step, k)->id] = s;
	}
}

static bool dies_at(const struct scheduler *w, const struct gd_node *x, int s)
{
	return w->last_read[x->id] == s && !x->keep && !gd_is_leaf(x);
}

/* An operand that y may overwrite: of y's own shape, and read by it once. */
static bool may_overwrite(const struct gd_step *step, const struct gd_node *y,
                          const struct gd_node *x)
{
	if (!step->node)
		return gd_group_may_overwrite(step->group, y, x);
	int times = 0;
	for (int k = 0; k < y->n_in; k++)
		if (gd_root(y->in[k]) == x)
			times += y->in[k]->count == y->count ? 1 : 2;
	return y->prim->elementwise && x->dtype == y->dtype && x->count == y->count && times == 1;
}

/* Which arrays each step makes, over which old ones, and which are dead behind it. */
static void plan_arrays(struct scheduler *w, int s)
{
	struct gd_step *step = &w->s->steps[s];
	int made = n_made(step), reads = n_read(step), dead = 0;
	if (!made)
		return;
	step->made = take(w, w->arena, made, sizeof *step->made);
	step->dead = take(w, w->arena, reads + made, sizeof *step->dead);
	if (w->failed)
		return;
	for (int k = 0; k < reads; k++) {
		struct gd_node *x = nth_read(step, k);
		if (!dies_at(w, x, s))
			continue;
		w->last_read[x->id] = -1; /* noted */
		step->dead[dead++] = x;
	}
	for (int k = 0; k < made; k++) {
		struct gd_node *y = nth_made(step, k);
		step->made[k].y = y;
		for (int d = 0; d < dead && !step->made[k].x; d++)
			if (may_overwrite(step, y, step->dead[d])) {
				step->made[k].x = step->dead[d];
				step->dead[d] = step->dead[--dead];
			}
		if (dies_at(w, y, s)) /* nobody reads it */
			w->last_read[y->id] = -2;
	}
	for (int k = 0; k < made; k++)
		if (w->last_read[nth_made(step, k)->id] == -2)
			step->dead[dead++] = nth_made(step, k);
	step->n_made = made;
	step->n_dead = dead;
}

struct gd_schedule *gd_schedule_new(struct gd_graph *g, struct gd_arena *arena, int n,
                                    struct gd_node *const *outputs)
{
	struct scheduler w = {.g = g, .arena = arena};
	if (gd_failed(g))
		return NULL;
	w.last = gd_mark_needed(g, n, outputs);
	gd_arena_init(&w.memory, arena->cap);
	w.s = take(&w, arena, 1, sizeof *w.s);
	w.last_read = take(&w, &w.memory, w.last + 1, sizeof *w.last_read);
	if (!w.failed)
		w.s->steps = take(&w, arena, w.last + 1, sizeof *w.s->steps);
	w.failed = w.failed || !gd_find_twins(g, &w.memory, w.last) ||
	           !gd_fuse(&w.f, &w.memory, g, w.last);
	if (!w.failed)
		make_steps(&w);
	if (!w.failed)
		find_last_reads(&w);
	for (int s = 0; !w.failed && s < w.s->n; s++)
		plan_arrays(&w, s);
	if (w.failed)
		gd_arena_fail(arena->failed ? arena : &w.memory, g->error);
	gd_arena_release(&w.memory);
	return w.failed ? NULL : w.s;
}

int gd_schedule_arrays(const struct gd_schedule *s)
{
	int arrays = 0;
	for (int i = 0; i < s->n; i++)
		arrays += s->steps[i].n_made;
	return arrays;
}

/* --- running -------------------------------------------------------------------------------- */

static size_t bytes_of(const struct gd_node *n)
{
	return n->count * gd_dtype_size(n->dtype);
}

static bool make_arrays(const struct gd_graph *g, const struct gd_step *step)
{
	for (int k = 0; k < step->n_made; k++) {
		struct gd_node *y = step->made[k].y, *x = step->made[k].x;
		y->data = x ? x->data : gd_data_alloc(g->arena, bytes_of(y));
		if (!y->data) {
			gd_arena_fail(g->arena, g->error);
			gd_error_pointer(g->error, "%s", y->origin);
			return false;
		}
	}
	return true;
}

bool gd_schedule_run(struct gd_sweep *run, const struct gd_schedule *s)
{
	struct gd_graph *g = run->graph;
	run->error = g->error;
	for (int i = 0; i < s->n; i++) {
		const struct gd_step *step = &s->steps[i];
		struct gd_node *n = step->node;
		if (!make_arrays(g, step))
			return false;
		if (!n)
			gd_group_run(run, step->group);
		else if (step->shared)
			n->data = step->shared->data;
		else if (!gd_is_leaf(n))
			n->prim->forward(run, n);
		if (gd_failed(g))
			return false;
		if (n && n->check && !run->nonfinite)
			run->nonfinite = !gd_all_finite(n, NULL);
		for (int k = 0; k < step->n_dead; k++) {
			gd_data_free(g->arena, step->dead[k]->data, bytes_of(step->dead[k]));
			step->dead[k]->data = NULL;
		}
	}
	return true;
}
