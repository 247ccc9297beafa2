/* A group of elementwise nodes made into instructions over blocks, and run. */
#include <stdlib.h>
#include <string.h>

#include "core/eval.h"
#include "core/fuse.h"
#include "core/group.h"
#include "core/ops/broadcast.h"

struct compiler {
	struct gd_fusion *f;
	struct gd_arena *arena;
	struct gd_group *group;
	int index, n_ids; /* the nodes to compute: f->ids */
	bool failed;
	int free_slots[GD_MAX_SLOTS], n_free, n_slots;
	const struct gd_instruction *spreads[GD_KEPT_SPREADS];
	int n_spreads;
};

static void note_width(struct compiler *c, const struct gd_node *n)
{
	size_t width = gd_dtype_size(n->dtype);
	c->group->width = width > c->group->width ? width : c->group->width;
}

/* Is n computed here when it is read element for element? */
static bool is_inside(const struct compiler *c, const struct gd_node *n)
{
	int k = c->f->group[n->id];
	return k == c->index || (k >= 0 && !c->f->stored[n->id]);
}

static void want(struct compiler *c, const struct gd_node *n)
{
	if (c->f->uses[n->id] < 0) {
		c->f->uses[n->id] = 0;
		c->f->ids[c->n_ids++] = n->id;
	}
}

static int ascending(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The group's arrays, and from there downwards what they need. */
static void collect(struct compiler *c)
{
	struct gd_fusion *f = c->f;
	for (int i = f->highest[c->index]; i >= 0; i = f->next[i])
		if (f->stored[i])
			want(c, f->g->nodes[i]);
	c->group->n_stored = c->n_ids;
	for (int at = 0; at < c->n_ids; at++) {
		const struct gd_node *n = f->g->nodes[f->ids[at]];
		for (int k = 0; k < n->n_in; k++) {
			struct gd_read r = gd_read_operand(n, k);
			if (r.over || !is_inside(c, r.root))
				continue;
			want(c, r.root);
			f->uses[r.root->id]++;
		}
	}
	qsort(f->ids, (size_t)c->n_ids, sizeof *f->ids, ascending);
}

static int take_slot(struct compiler *c)
{
	return c->n_free ? c->free_slots[--c->n_free] : c->n_slots++;
}

static void give_slot(struct compiler *c, int slot)
{
	c->free_slots[c->n_free++] = slot;
}

static void note_read(struct compiler *c, struct gd_node *root)
{
	struct gd_group *group = c->group;
	note_width(c, root);
	for (int i = 0; i < group->n_reads; i++)
		if (group->reads[i] == root)
			return;
	group->reads[group->n_reads++] = root;
}

static struct gd_instruction *add(struct compiler *c, struct gd_instruction x)
{
	c->group->instructions[c->group->n] = x;
	return &c->group->instructions[c->group->n++];
}

static struct gd_spread *spread_new(struct compiler *c, struct gd_read r)
{
	struct gd_spread *s = gd_alloc_zero(c->arena, sizeof *s);
	struct gd_broadcast w = {0};
	if (!s) {
		c->failed = true;
		return NULL;
	}
	s->read = r;
	gd_broadcast_init(&w, r.over, 1, &r.as);
	for (int i = 0; i < w.rank; i++) {
		s->extent[i] = (size_t)w.extent[i];
		s->stride[i] = (size_t)w.stride[0][i];
	}
	s->extent[w.rank] = w.inner;
	s->stride[w.rank] = w.step[0];
	s->rank = w.rank + 1;
	return s;
}

static bool same_spread(const struct gd_read *a, const struct gd_read *b)
{
	return a->root == b->root && gd_same_shape(a->as, b->as) && gd_same_shape(a->over, b->over);
}

/* The slot that holds what is read spread, filled by an instruction of its own; *own: for this one
 * reader alone. */
static struct gd_place spread(struct compiler *c, struct gd_read r, bool *own)
{
	*own = false;
	for (int i = 0; i < c->n_spreads; i++)
		if (same_spread(&c->spreads[i]->spread->read, &r))
			return c->spreads[i]->out;
	note_read(c, r.root);
	const struct gd_instruction *x =
	        add(c, (struct gd_instruction){.spread = spread_new(c, r),
	                                       .out = {.slot = take_slot(c)}});
	*own = c->n_spreads == GD_KEPT_SPREADS;
	if (!*own)
		c->spreads[c->n_spreads++] = x;
	return x->out;
}

static void compile(struct compiler *c, struct gd_node *n)
{
	struct gd_fusion *f = c->f;
	struct gd_instruction x = {.node = n};
	int done[3], n_done = 0;
	for (int k = 0; k < n->n_in && !c->failed; k++) {
		struct gd_read r = gd_read_operand(n, k);
		struct gd_place *in = &x.in[k];
		int id = r.root->id;
		bool own;
		if (r.over && r.root->count > 1) {
			*in = spread(c, r, &own);
			if (own)
				done[n_done++] = in->slot;
			continue;
		}
		in->one = r.over != NULL;
		if (r.over || f->uses[id] < 0 || f->stored[id])
			in->array = r.root;
		else
			in->slot = f->slot[id];
		if (r.over || f->uses[id] < 0)
			note_read(c, r.root);
		else if (--f->uses[id] == 0 && !in->array)
			done[n_done++] = in->slot;
	}
	note_width(c, n);
	if (f->stored[n->id]) {
		x.out.array = n;
		c->group->stored[c->group->n_stored++] = n;
	} else {
		x.out.slot = f->slot[n->id] = take_slot(c);
	}
	add(c, x);
	while (n_done)
		give_slot(c, done[--n_done]);
}

static bool make_room(struct compiler *c)
{
	struct gd_group *group = c->group;
	size_t nodes = (size_t)c->n_ids;
	group->instructions = gd_alloc_array(c->arena, 4 * nodes, sizeof *group->instructions);
	group->reads = gd_alloc_array(c->arena, 3 * nodes, sizeof *group->reads);
	group->stored = gd_alloc_array(c->arena, (size_t)group->n_stored, sizeof *group->stored);
	group->n_stored = 0;
	return group->instructions && group->reads && group->stored;
}

struct gd_group *gd_group_new(struct gd_fusion *f, struct gd_arena *arena, int index)
{
	struct gd_group *group = gd_alloc_zero(arena, sizeof *group);
	struct compiler c = {.f = f, .arena = arena, .group = group, .index = index};
	if (!group)
		return NULL;
	group->count = f->g->nodes[f->highest[index]]->count;
	collect(&c);
	c.failed = !make_room(&c);
	for (int i = 0; i < c.n_ids && !c.failed; i++)
		compile(&c, f->g->nodes[f->ids[i]]);
	for (int i = 0; i < c.n_ids; i++)
		f->uses[f->ids[i]] = -1;
	if (c.failed)
		return NULL;
	if (group->n == 0) /* all of it is computed where it is read */
		return group;
	size_t slots = c.n_slots ? (size_t)c.n_slots : 1;
	size_t fits = GD_IN_CACHE / slots / group->width / GD_BLOCK_STEP * GD_BLOCK_STEP;
	group->block = fits > GD_BLOCK ? GD_BLOCK : fits ? fits : GD_BLOCK_STEP;
	return group;
}

bool gd_group_may_overwrite(const struct gd_group *group, const struct gd_node *y,
                            const struct gd_node *x)
{
	if (x->dtype != y->dtype || x->count != y->count)
		return false;
	bool written = false;
	for (int i = 0; i < group->n; i++) {
		const struct gd_instruction *at = &group->instructions[i];
		if (at->spread && at->spread->read.root == x)
			return false;
		for (int k = 0; at->node && k < at->node->n_in; k++)
			if (at->in[k].array == x && written)
				return false;
		written = written || at->node == y;
	}
	return true;
}
