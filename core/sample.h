/* A gradient for each row of a batch, without a pass for each.
 *
 * Row r's cotangents are zero but for row r as long as rows do not meet, so those of all rows fit
 * into one tensor, as in the gradient of their sum. Only where a rule adds rows up (a weight's or
 * a bias's gradient) are they kept apart: there the result gets the new axis.
 *
 * In such a tensor the rows are n equal parts of its elements, one behind the other. */
#ifndef GD_SAMPLE_H
#define GD_SAMPLE_H

#include "core/graph.h"

/* The same as gd_batch with u = the rows of the identity, for a dummy seed u of shape (n) that
 * y[0..n_y) are linear in: out[i] is (n, *y[i]). *elements: how many are in nodes that have the
 * new axis. */
bool gd_sample_rows(struct gd_graph *g, struct gd_node *u, int n_y, struct gd_node *const *y,
                    struct gd_node **out, double *elements);

/* --- rules: the `rows` of a primitive --------------------------------------------------------
 * d[i] holds operand i's rows, or is NULL where it does not depend on u. The result holds y's rows;
 * or each by itself, (n, *y), then *apart is set. NULL: the rule does not apply, and rows are
 * batched (core/batch.h). It applies only where y is linear in what depends on u. */

/* y with its operands replaced. */
struct gd_node *gd_rows_same(struct gd_graph *g, const struct gd_node *y, struct gd_node *const *d);
/* Is x's first axis made of n parts? */
bool gd_has_rows(const struct gd_node *x, int64_t n);
/* Is y's first axis, and is it operand i's too? */
bool gd_keeps_rows(const struct gd_node *y, int i, int64_t n);
/* Rows go through where the first axis stays: for primitives linear in all operands together. */
struct gd_node *gd_rows_leading(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                int64_t n, bool *apart);

#endif
