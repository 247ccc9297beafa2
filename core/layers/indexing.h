/* Index operands: integers of the request, or computed ones. */
#ifndef GD_INDEXING_H
#define GD_INDEXING_H

#include "core/op.h"

/* A leaf of n integers, for the caller to fill in. */
struct gd_node *gd_index_leaf(struct gd_graph *g, int64_t n, int64_t **data);

/* Operand i as integers from 0 to high - or, with `wrap`, from -high - 1, which count from the end
 * and are made positive. They are checked when they are evaluated, so the graph serves others. */
struct gd_node *gd_read_index(struct gd_call *c, int i, int64_t high, bool wrap);

#endif
