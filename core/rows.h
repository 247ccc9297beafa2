/* Jacobians and Hessians: many vjps, some rows of the identity at a time.
 *
 * What does not depend on the rows is evaluated once and held; then block after block of rows goes
 * through one and the same batched graph, is stored where it belongs, and is forgotten. */
#ifndef GD_ROWS_H
#define GD_ROWS_H

#include "core/eval.h"
#include "core/graph.h"

/* Where the rows of x go, x being the vjp of a dummy seed u (core/diff.h): `to` is (*u, *x), or
 * (*x, *u) with `columns`. `mirror` (or NULL) gets them the other way round. Both are leaves that
 * get data when they are evaluated, of that many elements. */
struct gd_rows_target {
	struct gd_node *x, *to, *mirror;
	bool columns;
};

/* One dummy seed's rows. */
struct gd_rows {
	struct gd_node *unit; /* (block, *u), rows of the identity */
	int64_t total, block;
	int n;
	struct gd_node **stores;
	struct gd_rows *next;
};

/* Appends the batched nodes and what stores them. `bytes`: how much memory a block may take,
 * roughly. NULL on an error. */
struct gd_rows *gd_rows_new(struct gd_graph *g, struct gd_node *u, int n,
                            const struct gd_rows_target *targets, size_t bytes);

/* All of them, to be evaluated with the same outputs. */
struct gd_rows_plan {
	struct gd_rows *first, **last;
	int n_shared;
	struct gd_node **shared; /* what the blocks read of the rest of the graph */
	struct gd_node *saved;   /* as they were before they were held */
};

/* Ends the planning: finds out what is shared. `base`: g->n_nodes before the first gd_rows_new. */
bool gd_rows_share(struct gd_rows_plan *p, struct gd_graph *g, int base);

/* Floating-point operations, roughly, of the outputs, which include what is shared, and of all
 * blocks. */
double gd_rows_cost(const struct gd_rows_plan *p, struct gd_graph *g, int n,
                    struct gd_node *const *outputs);

/* Runs the blocks once the shared nodes have been evaluated as outputs. `bad` is set to the
 * evaluation of the first block that was not finite, if there is one: its rows are set up to be
 * evaluated again, with a trace. */
bool gd_rows_run(struct gd_rows_plan *p, struct gd_graph *g, struct gd_sweep *bad,
                 const struct gd_rows **bad_rows);

#endif
