#include "core/eval.h"

#include <math.h>
#include <string.h>

#include "core/schedule.h"

static size_t bytes_of(const struct gd_node *n)
{
	return n->count * gd_dtype_size(n->dtype);
}

int gd_mark_needed(struct gd_graph *g, int n, struct gd_node *const *outputs)
{
	int last = -1;
	for (int i = 0; i < g->n_nodes; i++) {
		g->nodes[i]->needed = g->nodes[i]->keep = g->nodes[i]->bad = false;
		g->nodes[i]->uses = 0;
		/* The root of a chain of aliases is one step away. */
		g->nodes[i]->twin = g->nodes[i]->prim->alias ? gd_root(g->nodes[i]->in[0]) : NULL;
	}
	for (int i = 0; i < n; i++) {
		outputs[i]->needed = true;
		gd_root(outputs[i])->keep = true;
		last = outputs[i]->id > last ? outputs[i]->id : last;
	}
	for (int i = last; i >= 0; i--) {
		struct gd_node *y = g->nodes[i];
		for (int k = 0; y->needed && k < y->n_in; k++) {
			y->in[k]->needed = true;
			if (!y->prim->alias)
				gd_root(y->in[k])->uses++;
		}
	}
	return last;
}

double gd_cost(struct gd_graph *g, int n, struct gd_node *const *outputs)
{
	double total = 0;
	int last = gd_mark_needed(g, n, outputs);
	for (int i = 0; i <= last; i++) {
		const struct gd_node *y = g->nodes[i];
		if (y->needed && y->n_in)
			total += y->prim->cost ? y->prim->cost(y) : (double)y->count;
	}
	return total;
}

/* Index of the first of n elements that is not finite, or n. Its exponent is all ones, so that one
 * more carries into the sign bit: a sum of bits finds out without a branch an element. */
static size_t first_nonfinite(enum gd_dtype dtype, const void *data, size_t n)
{
	size_t i = 0;
#define SEARCH(T, U, ONES, ONE)                                                                    \
	do {                                                                                       \
		const char *x = data;                                                              \
		for (size_t end; i < n; i = end) {                                                 \
			U carry = 0, bits;                                                         \
			end = n - i > 256 ? i + 256 : n;                                           \
			for (size_t k = i; k < end; k++) {                                         \
				memcpy(&bits, x + k * sizeof bits, sizeof bits);                   \
				carry |= (bits & (ONES)) + (ONE);                                  \
			}                                                                          \
			if (carry >> (8 * sizeof carry - 1))                                       \
				break;                                                             \
		}                                                                                  \
		while (i < n && isfinite(((const T *)data)[i]))                                    \
			i++;                                                                       \
	} while (0)
	if (dtype == GD_FLOAT64)
		SEARCH(double, uint64_t, UINT64_C(0x7ff) << 52, UINT64_C(1) << 52);
	else if (dtype == GD_FLOAT32)
		SEARCH(float, uint32_t, UINT32_C(0xff) << 23, UINT32_C(1) << 23);
	else
		return n;
#undef SEARCH
	return i;
}

bool gd_finite_run(enum gd_dtype dtype, const void *data, size_t n)
{
	return first_nonfinite(dtype, data, n) == n;
}

bool gd_all_finite(const struct gd_node *n, size_t *index)
{
	size_t i = first_nonfinite(n->dtype, n->data, n->count);
	if (index && i < n->count)
		*index = i;
	return i == n->count;
}

static double element(const struct gd_node *n, size_t i)
{
	return n->dtype == GD_FLOAT64 ? ((double *)n->data)[i] : (double)((float *)n->data)[i];
}

/* A constant may be infinite on purpose: what is made of it counts. */
static void look_for_nonfinite(struct gd_sweep *run, struct gd_node *y)
{
	double constant;
	y->bad = !gd_all_finite(y, &y->bad_index) && !gd_is_const(y, &constant);
	if (y->bad)
		y->bad_value = element(y, y->bad_index);
	run->nonfinite = run->nonfinite || (y->check && y->bad);
}

/* From the first bad node that was to be checked, or else the first bad output, back to where it
 * began: an infinity that nobody asked for and that a `where` kept out did no harm. */
static void find_first_bad(struct gd_sweep *run, int last, int n, struct gd_node *const *outputs)
{
	const struct gd_node *at = NULL, *next = NULL;
	for (int i = 0; i <= last && !next; i++)
		if (run->graph->nodes[i]->check && run->graph->nodes[i]->bad)
			next = run->graph->nodes[i];
	for (int i = 0; i < n && !next; i++)
		if (outputs[i]->bad)
			next = outputs[i];
	while (next) {
		at = next;
		next = NULL;
		for (int k = 0; k < at->n_in; k++)
			if (at->in[k]->bad && (!next || at->in[k]->id < next->id))
				next = at->in[k];
	}
	run->first_bad = at;
	run->bad_index = at ? at->bad_index : 0;
	run->bad_value = at ? at->bad_value : 0;
}

/* An operand that y may overwrite: read here for the last time, of y's own shape. */
static struct gd_node *reusable(const struct gd_node *y)
{
	if (!y->prim->elementwise)
		return NULL;
	for (int k = 0; k < y->n_in; k++) {
		struct gd_node *x = gd_root(y->in[k]);
		if (x->uses == 1 && !x->keep && !gd_is_leaf(x) && x->data && x->dtype == y->dtype &&
		    x->count == y->count && y->in[k]->count == y->count)
			return x;
	}
	return NULL;
}

static bool compute(struct gd_sweep *run, struct gd_node *y)
{
	struct gd_graph *g = run->graph;
	struct gd_node *over = reusable(y);
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
	if (gd_failed(g))
		return false;
	look_for_nonfinite(run, y);
	for (int k = 0; k < y->n_in; k++) {
		struct gd_node *x = gd_root(y->in[k]);
		if (--x->uses > 0 || x->keep || gd_is_leaf(x))
			continue;
		if (x != over)
			gd_data_free(g->arena, x->data, bytes_of(x));
		x->data = NULL;
	}
	return true;
}

/* Node by node, so that the first that is not finite is found. */
static bool sweep(struct gd_sweep *run, int n, struct gd_node *const *outputs)
{
	struct gd_graph *g = run->graph;
	int last = gd_mark_needed(g, n, outputs);
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
	find_first_bad(run, last, n, outputs);
	return true;
}

bool gd_eval(struct gd_sweep *run, int n, struct gd_node *const *outputs)
{
	struct gd_graph *g = run->graph;
	struct gd_arena memory;
	run->error = g->error;
	if (gd_failed(g))
		return false;
	if (run->trace)
		return sweep(run, n, outputs);
	gd_arena_init(&memory, g->arena->cap);
	const struct gd_schedule *s = gd_schedule_new(g, &memory, n, outputs);
	bool ok = s && gd_schedule_run(run, s);
	gd_arena_release(&memory);
	return ok;
}
