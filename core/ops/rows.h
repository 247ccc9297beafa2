/* Whole rows by index, elements overwritten by index, and what index operands need besides. */
#ifndef GD_ROWS_H
#define GD_ROWS_H

#include "core/graph.h"

/* Row index[j] of x along `axis` as row j; index is an int64 vector, its values in range. And its
 * adjoint: zeros with x's rows added at those places, the axis `size` long. */
struct gd_node *gd_index_select(struct gd_graph *g, struct gd_node *x, int axis,
                                struct gd_node *index);
struct gd_node *gd_index_sum(struct gd_graph *g, struct gd_node *x, int axis, struct gd_node *index,
                             int64_t size);

/* x as far as index reaches along the other axes: what gd_gather takes. */
struct gd_node *gd_within(struct gd_graph *g, struct gd_node *x, int axis,
                          const struct gd_node *index);

/* x with src's elements at the places that gd_gather reads; later ones win. index is no longer than
 * x along the other axes; src has index's shape, or is a scalar. A place written twice has its
 * gradient twice, as in PyTorch. */
struct gd_node *gd_scatter(struct gd_graph *g, struct gd_node *x, int axis, struct gd_node *index,
                           struct gd_node *src);

/* Is index == value? A mask. */
struct gd_node *gd_index_is(struct gd_graph *g, struct gd_node *index, int64_t value);

/* The index, but `by` where it is `value`. */
struct gd_node *gd_index_replace(struct gd_graph *g, struct gd_node *index, int64_t value,
                                 int64_t by);

/* int64 of index's shape and a new last axis: 1 at the index, else 0. */
struct gd_node *gd_one_hot(struct gd_graph *g, struct gd_node *index, int64_t classes);

/* What an index may be: checked when it is evaluated. */
struct gd_index_rule {
	int64_t low, high;
	bool wrap;        /* negative ones count from high + 1, and are made positive */
	const char *role; /* as messages call it */
	bool has_exempt;  /* this one may be beyond, and stays as it is */
	int64_t exempt;
};

/* x's numbers as int64. One that is no integer is wrong_type, one beyond the rule
 * number_out_of_range: found when it is evaluated, and the sweep says which. */
struct gd_node *gd_checked_index(struct gd_graph *g, struct gd_node *x,
                                 const struct gd_index_rule *rule);

/* The elements of `value` with the derivative of `like`, of one shape. */
struct gd_node *gd_surrogate(struct gd_graph *g, struct gd_node *value, struct gd_node *like);

#endif
