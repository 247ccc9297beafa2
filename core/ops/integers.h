/* What index operands need: integers that are checked when they are evaluated, masks and unit
 * vectors of them. */
#ifndef GD_INTEGERS_H
#define GD_INTEGERS_H

#include "core/graph.h"

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

#endif
