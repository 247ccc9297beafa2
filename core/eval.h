/* Evaluation: drop what no output needs, plan memory by liveness, compute. */
#ifndef GD_EVAL_H
#define GD_EVAL_H

#include "core/graph.h"

/* What an evaluation found on its way. */
struct gd_sweep {
	struct gd_graph *graph;
	struct gd_error *error;
	bool nonfinite; /* a node with `check` set is not finite */
	/* After an error: the operand that has the element at fault, if it is one, and which. */
	const struct gd_node *refused;
	size_t refused_index;
	/* With trace: the node that made a NaN or an infinity out of finite operands (or the leaf
	 * that holds one) from which the first node with `check` that is not finite has it, or else
	 * the first output; where in it, and what. */
	bool trace;
	const struct gd_node *first_bad;
	size_t bad_index;
	double bad_value;
};

/* Floating-point operations needed for the outputs, roughly. Does no work. */
double gd_cost(struct gd_graph *g, int n, struct gd_node *const *outputs);

/* Computes outputs[i]->data; they live in the graph's arena. False on an error (in g->error).
 * Who evaluates the same outputs again makes a schedule once (core/schedule.h). */
bool gd_eval(struct gd_sweep *run, int n, struct gd_node *const *outputs);

/* The node whose data n shares. */
static inline struct gd_node *gd_root(struct gd_node *n)
{
	while (n->prim->alias || n->twin)
		n = n->twin ? n->twin : n->in[0];
	return n;
}

/* Has n no data of its own? */
static inline bool gd_shares(const struct gd_node *n)
{
	return n->prim->alias || n->twin;
}

/* Sets `twin` of the needed nodes up to `last`. False when out of memory. */
bool gd_find_twins(struct gd_graph *g, struct gd_arena *memory, int last);

/* Sets `needed`, `keep` and `uses` for these outputs, forgets twins; returns the largest id among
 * them, or -1. */
int gd_mark_needed(struct gd_graph *g, int n, struct gd_node *const *outputs);

/* Are n elements finite? */
bool gd_finite_run(enum gd_dtype dtype, const void *data, size_t n);

/* Is every element finite? True for integers and masks. *index: the first that is not, if wanted.
 */
bool gd_all_finite(const struct gd_node *n, size_t *index);

#endif
