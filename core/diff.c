#include "core/diff.h"

#include <string.h>

#include "core/build.h"
#include "core/ops/accumulate.h"

/* Marks what depends on a wrt, up to the node `last`. */
static void mark_wanted(struct gd_graph *g, int last, int n_wrt, struct gd_node *const *wrt)
{
	for (int i = 0; i < g->n_nodes; i++)
		g->nodes[i]->wanted = false;
	for (int i = 0; i < n_wrt; i++)
		wrt[i]->wanted = true;
	for (int i = 0; i <= last; i++) {
		struct gd_node *n = g->nodes[i];
		for (int k = 0; k < n->n_in && n->prim->vjp; k++)
			n->wanted = n->wanted || n->in[k]->wanted;
	}
}

/* Does a gradient go on from n to an operand? */
static bool passes(const struct gd_node *n)
{
	for (int k = 0; k < n->n_in && n->prim->vjp; k++)
		if (n->in[k]->wanted)
			return true;
	return false;
}

/* Cotangents that meet at one node add up. */
static void accumulate(struct gd_graph *g, struct gd_node **cotangent, const struct gd_node *x,
                       struct gd_node *d)
{
	struct gd_node *before = cotangent[x->id];
	if (!d || !x->wanted)
		return;
	cotangent[x->id] = before ? gd_accumulate(g, before, d) : d;
	if (before && cotangent[x->id])
		gd_set_mask(cotangent[x->id], gd_mask_or(g, before->mask, d->mask));
}

/* Where elements only move, the mask moves with them. */
static void move_mask(struct gd_graph *g, struct gd_node *y, struct gd_node *mask,
                      struct gd_node **dx, struct gd_node **moved)
{
	struct gd_node *ones = gd_expand(g, gd_cast(g, mask, g->dtype), y->rank, y->shape);
	if (!ones)
		return;
	y->prim->vjp(g, y, ones, moved);
	for (int k = 0; k < y->n_in; k++)
		if (dx[k] && moved[k])
			gd_set_mask(dx[k], gd_gt(g, moved[k], gd_const(g, 0)));
}

static void pull_back(struct gd_graph *g, struct gd_node *y, struct gd_node **cotangent,
                      bool note_kinks)
{
	struct gd_node *in_place[8] = {0}, **dx = in_place, *dy = cotangent[y->id];
	g->origin = y->origin;
	g->op = y->op;
	if (y->n_in > 4) {
		dx = gd_alloc_zero(g->arena, 2 * (size_t)y->n_in * sizeof *dx);
		if (!dx) {
			gd_arena_fail(g->arena, g->error);
			return;
		}
	}
	if (note_kinks && y->prim->kink && !y->backward)
		gd_note_kink(g, y, y->prim->kink(g, y), y->prim->kink_text);
	y->prim->vjp(g, y, dy, dx);
	if (dy->mask && y->prim->moves)
		move_mask(g, y, dy->mask, dx, dx + y->n_in);
	for (int k = 0; k < y->n_in; k++)
		accumulate(g, cotangent, y->in[k], dx[k]);
}

bool gd_grad_all(struct gd_graph *g, int n_y, struct gd_node *const *y, struct gd_node *const *seed,
                 int n_wrt, struct gd_node *const *wrt, struct gd_node **grads, bool note_kinks)
{
	int last = -1;
	if (gd_failed(g))
		return false;
	for (int i = 0; i < n_y; i++)
		last = y[i]->id > last ? y[i]->id : last;
	const char *origin = g->origin, *op = g->op;
	bool backward = g->backward;
	g->backward = true;
	struct gd_node **cotangent =
	        gd_alloc_zero(g->arena, ((size_t)last + 1) * sizeof *cotangent);
	if (!cotangent)
		return gd_arena_fail(g->arena, g->error);
	mark_wanted(g, last, n_wrt, wrt);
	for (int i = 0; i < n_y; i++)
		accumulate(g, cotangent, y[i], seed[i]);
	for (int i = last; i >= 0 && !gd_failed(g); i--)
		if (cotangent[i] && passes(g->nodes[i]))
			pull_back(g, g->nodes[i], cotangent, note_kinks);
	for (struct gd_kink *k = g->kinks; k; k = k->next)
		k->passed =
		        k->passed || (k->at->id <= last && cotangent[k->at->id] && passes(k->at));
	for (int i = 0; i < n_wrt && !gd_failed(g); i++) {
		grads[i] = wrt[i]->id <= last ? cotangent[wrt[i]->id] : NULL;
		if (!grads[i])
			grads[i] = gd_zero_like(g, wrt[i]);
	}
	g->origin = origin;
	g->op = op;
	g->backward = backward;
	return !gd_failed(g);
}

bool gd_grad(struct gd_graph *g, struct gd_node *y, struct gd_node *seed, int n_wrt,
             struct gd_node *const *wrt, struct gd_node **grads, bool note_kinks)
{
	if (gd_failed(g) || !y)
		return false;
	bool backward = g->backward;
	g->backward = true;
	if (!seed)
		seed = gd_expand(g, gd_const(g, 1), y->rank, y->shape);
	g->backward = backward;
	return gd_grad_all(g, 1, &y, &seed, n_wrt, wrt, grads, note_kinks);
}

struct gd_node *gd_dummy_seed(struct gd_graph *g, const struct gd_node *y)
{
	struct gd_node *u = gd_expand(g, gd_const(g, 0), y->rank, y->shape);
	if (u)
		u->name = "the cotangent";
	return u;
}

struct gd_node *gd_jvp(struct gd_graph *g, struct gd_node *y, int n, struct gd_node *const *x,
                       struct gd_node *const *v, bool note_kinks)
{
	struct gd_node *u = gd_dummy_seed(g, y), *tangent = NULL;
	struct gd_node **pulled = gd_alloc_array(g->arena, (size_t)n, sizeof *pulled);
	if (!pulled) {
		gd_arena_fail(g->arena, g->error);
		return NULL;
	}
	if (!gd_grad(g, y, u, n, x, pulled, note_kinks) ||
	    !gd_grad_all(g, n, pulled, v, 1, &u, &tangent, false))
		return NULL;
	return tangent;
}
