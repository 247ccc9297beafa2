#include "core/eval.h"

#include <math.h>
#include <string.h>

/* The node whose data n shares. */
static struct gd_node *root_of(struct gd_node *n)
{
	while (n->prim->alias)
		n = n->in[0];
	return n;
}

static size_t bytes_of(const struct gd_node *n)
{
	return n->count * gd_dtype_size(n->dtype);
}

/* Marks what the outputs need; returns the largest id among them. */
static int mark_needed(struct gd_graph *g, int n, struct gd_node *const *outputs)
{
	int last = -1;
	for (int i = 0; i < g->n_nodes; i++) {
		g->nodes[i]->needed = g->nodes[i]->keep = false;
		g->nodes[i]->uses = 0;
	}
	for (int i = 0; i < n; i++) {
		outputs[i]->needed = true;
		root_of(outputs[i])->keep = true;
		last = outputs[i]->id > last ? outputs[i]->id : last;
	}
	for (int i = last; i >= 0; i--) {
		struct gd_node *y = g->nodes[i];
		for (int k = 0; y->needed && k < y->n_in; k++) {
			y->in[k]->needed = true;
			if (!y->prim->alias)
				root_of(y->in[k])->uses++;
		}
	}
	return last;
}

double gd_cost(struct gd_graph *g, int n, struct gd_node *const *outputs)
{
	double total = 0;
	int last = mark_needed(g, n, outputs);
	for (int i = 0; i <= last; i++) {
		const struct gd_node *y = g->nodes[i];
		if (y->needed && y->n_in)
			total += y->prim->cost ? y->prim->cost(y) : (double)y->count;
	}
	return total;
}

bool gd_all_finite(const struct gd_node *n, size_t *index)
{
	size_t i = 0;
	/* 0·x is 0 for finite x and NaN otherwise: a sum finds out without a branch an element. */
#define SEARCH(T)                                                                                  \
	do {                                                                                       \
		const T *x = n->data;                                                              \
		for (size_t end; i < n->count; i = end) {                                          \
			T bad = 0;                                                                 \
			end = n->count - i > 256 ? i + 256 : n->count;                             \
			for (size_t k = i; k < end; k++)                                           \
				bad += 0 * x[k];                                                   \
			if (bad != 0 || bad != bad)                                                \
				break;                                                             \
		}                                                                                  \
		while (i < n->count && isfinite(x[i]))                                             \
			i++;                                                                       \
	} while (0)
	if (n->dtype == GD_FLOAT64)
		SEARCH(double);
	else if (n->dtype == GD_FLOAT32)
		SEARCH(float);
	else
		return true;
#undef SEARCH
	if (index)
		*index = i;
	return i == n->count;
}

static double element(const struct gd_node *n, size_t i)
{
	return n->dtype == GD_FLOAT64 ? ((double *)n->data)[i] : (double)((float *)n->data)[i];
}

static void look_for_nonfinite(struct gd_sweep *run, const struct gd_node *y)
{
	size_t at;
	if (run->trace && !run->first_bad && !gd_all_finite(y, &at)) {
		bool inherited = false;
		for (int k = 0; k < y->n_in; k++)
			inherited = inherited || !gd_all_finite(y->in[k], NULL);
		if (!inherited || !y->n_in) {
			run->first_bad = y;
			run->bad_index = at;
			run->bad_value = element(y, at);
		}
	}
	if (y->check && !run->nonfinite)
		run->nonfinite = !gd_all_finite(y, NULL);
}

/* An operand that y may overwrite: read here for the last time, of y's own shape. A trace compares
 * operands with results, so it overwrites none. */
static struct gd_node *reusable(const struct gd_sweep *run, const struct gd_node *y)
{
	if (!y->prim->elementwise || run->trace)
		return NULL;
	for (int k = 0; k < y->n_in; k++) {
		struct gd_node *x = root_of(y->in[k]);
		if (x->uses == 1 && !x->keep && !gd_is_leaf(x) && x->data && x->dtype == y->dtype &&
		    x->count == y->count && y->in[k]->count == y->count)
			return x;
	}
	return NULL;
}

static bool compute(struct gd_sweep *run, struct gd_node *y)
{
	struct gd_graph *g = run->graph;
	struct gd_node *over = reusable(run, y);
	if (over) {
		y->data = over->data;
	} else {
		y->data = gd_data_alloc(g->arena, bytes_of(y));
		if (!y->data) {
			gd_arena_fail(g->arena, g->error);
			gd_error_pointer(g->error, "%s", y->origin);
			return false;
		}
	}
	y->prim->forward(run, y);
	look_for_nonfinite(run, y);
	for (int k = 0; k < y->n_in; k++) {
		struct gd_node *x = root_of(y->in[k]);
		if (--x->uses > 0 || x->keep || gd_is_leaf(x))
			continue;
		if (x != over)
			gd_data_free(g->arena, x->data, bytes_of(x));
		x->data = NULL;
	}
	return !gd_failed(g);
}

bool gd_eval(struct gd_sweep *run, int n, struct gd_node *const *outputs)
{
	struct gd_graph *g = run->graph;
	run->error = g->error;
	if (gd_failed(g))
		return false;
	int last = mark_needed(g, n, outputs);
	for (int i = 0; i <= last; i++) {
		struct gd_node *y = g->nodes[i];
		if (!y->needed)
			continue;
		if (gd_is_leaf(y)) {
			look_for_nonfinite(run, y);
		} else if (y->prim->alias) {
			y->data = y->in[0]->data;
			look_for_nonfinite(run, y);
		} else if (!compute(run, y)) {
			return false;
		}
	}
	return true;
}
