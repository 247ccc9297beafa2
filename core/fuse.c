/* Which elementwise nodes are computed together. Nodes are looked at in order; a node joins the
 * groups of its operands as long as these are open, that is, nobody outside has read from them: so
 * a group can wait until its last node, and no circle can arise. */
#include "core/fuse.h"

#include <string.h>

#include "core/build.h"
#include "core/eval.h"

enum {
	MOST_NODES = 32,     /* GD_MAX_SLOTS is made for it */
	MOST_RECOMPUTED = 4, /* operations done again to save an array */
};

struct gd_read gd_read_operand(const struct gd_node *n, int k)
{
	struct gd_node *x = n->in[k], *root = gd_root(x);
	if (x->count != n->count)
		return (struct gd_read){root, x, n};
	struct gd_node *source = gd_expansion_of(root);
	if (!source)
		return (struct gd_read){root, NULL, NULL};
	struct gd_node *base = gd_root(source);
	if (source->count == root->count)
		return (struct gd_read){base, NULL, NULL};
	return (struct gd_read){base, source, root};
}

static bool can_fuse(const struct gd_node *n)
{
	return n->prim->block && n->n_in <= 3 && n->count > 0;
}

struct fuser {
	struct gd_fusion *f;
	const struct gd_graph *g;
	int last;
	int *into;   /* by group */
	bool *open;  /* likewise */
	bool *hard;  /* read as an array by somebody who cannot compute it again */
	bool *soft;  /* read by another group, element for element */
	bool *again; /* can be computed again */
	int *work;   /* operations that takes */
	int *base;   /* the one array of its size that takes, or -1 */
};

/* Groups that were merged point to the one they went into. Source: Tarjan, union by path halving.
 */
static int group_of(const struct fuser *u, const struct gd_node *n)
{
	int k = u->f->group[n->id];
	while (k >= 0 && u->into[k] != k)
		k = u->into[k] = u->into[u->into[k]];
	return k;
}

static void close_group(struct fuser *u, const struct gd_node *root)
{
	int k = group_of(u, root);
	if (k >= 0)
		u->open[k] = false;
}

static void merge(struct fuser *u, int from, int to)
{
	u->into[from] = to;
	u->f->size[to] += u->f->size[from];
	u->f->highest[from] = -1;
}

/* Puts n into a group: those of its operands that are open, as one, or a new one. */
static void join(struct fuser *u, const struct gd_node *n)
{
	struct gd_fusion *f = u->f;
	int mine = -1;
	for (int k = 0; k < n->n_in; k++) {
		struct gd_read r = gd_read_operand(n, k);
		int theirs = group_of(u, r.root);
		if (theirs < 0 || theirs == mine || !u->open[theirs])
			continue;
		int size = f->size[theirs] + 1 + (mine >= 0 ? f->size[mine] : 0);
		if (r.over || size > MOST_NODES)
			u->open[theirs] = false;
		else if (mine < 0)
			mine = theirs;
		else
			merge(u, theirs, mine);
	}
	if (mine < 0) {
		mine = f->n_groups++;
		u->open[mine] = true;
		u->into[mine] = mine;
		f->size[mine] = 0;
	}
	f->group[n->id] = mine;
	f->size[mine]++;
	f->highest[mine] = n->id;
}

static void make_groups(struct fuser *u)
{
	for (int i = 0; i <= u->last; i++) {
		struct gd_node *n = u->g->nodes[i];
		u->f->group[i] = -1;
		if (!n->needed || gd_shares(n) || gd_is_leaf(n))
			continue;
		if (can_fuse(n)) {
			join(u, n);
			continue;
		}
		for (int k = 0; k < n->n_in; k++)
			close_group(u, gd_root(n->in[k]));
	}
}

/* Who reads what from outside. */
static void mark_readers(struct fuser *u)
{
	for (int i = 0; i <= u->last; i++) {
		struct gd_node *n = u->g->nodes[i];
		if (!n->needed || gd_shares(n))
			continue;
		if (n->keep)
			u->hard[i] = true;
		for (int k = 0; k < n->n_in; k++) {
			if (group_of(u, n) < 0) {
				/* An expansion is counted by those who look through it. */
				u->hard[gd_root(n->in[k])->id] = true;
				continue;
			}
			struct gd_read r = gd_read_operand(n, k);
			if (r.over)
				u->hard[r.root->id] = true;
			else if (group_of(u, r.root) != group_of(u, n))
				u->soft[r.root->id] = true;
		}
	}
}

/* Can n be computed again from arrays that stand anyway, of which at most one is of its size and
 * not the client's? */
static bool can_repeat(struct fuser *u, const struct gd_node *n)
{
	u->work[n->id] = 1;
	u->base[n->id] = -1;
	if (!n->prim->cheap || n->check)
		return false;
	for (int k = 0; k < n->n_in; k++) {
		struct gd_read r = gd_read_operand(n, k);
		int id = r.root->id, base = -1;
		if (gd_is_leaf(r.root) || (r.over && r.root->count < n->count))
			continue;
		if (u->f->stored[id] || group_of(u, r.root) < 0) {
			base = id;
		} else if (u->again[id]) {
			base = u->base[id];
			u->work[n->id] += u->work[id];
		} else {
			return false;
		}
		if (base >= 0 && u->base[n->id] >= 0 && base != u->base[n->id])
			return false;
		u->base[n->id] = base >= 0 ? base : u->base[n->id];
	}
	return u->work[n->id] <= MOST_RECOMPUTED;
}

static void choose_stored(struct fuser *u)
{
	for (int i = 0; i <= u->last; i++) {
		const struct gd_node *n = u->g->nodes[i];
		u->f->stored[i] = u->hard[i];
		u->again[i] = false;
		if (!n->needed || group_of(u, n) < 0)
			continue;
		u->again[i] = !u->hard[i] && can_repeat(u, n);
		u->f->stored[i] = u->hard[i] || (u->soft[i] && !u->again[i]);
	}
}

/* Lists of the groups' nodes, from the highest down. */
static void list_nodes(struct fuser *u)
{
	struct gd_fusion *f = u->f;
	int *head = u->work; /* no longer needed */
	for (int k = 0; k < f->n_groups; k++)
		head[k] = -1;
	for (int i = 0; i <= u->last; i++) {
		int k = f->group[i] = group_of(u, u->g->nodes[i]);
		if (k >= 0) {
			f->next[i] = head[k];
			head[k] = i;
		}
	}
}

bool gd_fuse(struct gd_fusion *f, struct gd_arena *arena, const struct gd_graph *g, int last)
{
	size_t n = (size_t)last + 1;
	struct fuser u = {.f = f, .g = g, .last = last};
	int *numbers = gd_alloc_array(arena, 10 * n, sizeof *numbers);
	bool *flags = gd_alloc_zero(arena, 5 * n * sizeof *flags);
	if (!numbers || !flags)
		return false;
	int **ints[] = {&f->group, &f->next, &f->highest, &f->size, &f->uses,
	                &f->slot,  &f->ids,  &u.into,     &u.work,  &u.base};
	bool **bools[] = {&f->stored, &u.open, &u.hard, &u.soft, &u.again};
	for (int i = 0; i < 10; i++)
		*ints[i] = numbers + (size_t)i * n;
	for (int i = 0; i < 5; i++)
		*bools[i] = flags + (size_t)i * n;
	f->g = g;
	f->n_groups = 0;
	for (size_t i = 0; i < n; i++)
		f->uses[i] = -1;
	make_groups(&u);
	mark_readers(&u);
	choose_stored(&u);
	list_nodes(&u);
	return true;
}
