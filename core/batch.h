/* Many at once: the nodes that depend on a variable, for k values of it along a new leading axis.
 *
 * A vjp for k cotangents is the graph of one vjp, batched along its seed; so are the rows of a
 * Jacobian and of a Hessian. What does not depend on the variable is shared, and a product with it
 * becomes one product of larger matrices. What is appended here may be evaluated and differentiated
 * as any node. */
#ifndef GD_BATCH_H
#define GD_BATCH_H

#include "core/graph.h"

/* With to[i] of shape (k, *from[i]), gives out[i] of shape (k, *y[i]): y[i] with each from[i] taken
 * from to[i]. A y that depends on none is expanded. */
bool gd_batch(struct gd_graph *g, int64_t k, int n_from, struct gd_node *const *from,
              struct gd_node *const *to, int n_y, struct gd_node *const *y, struct gd_node **out);

/* Elements, for each of the k, of all nodes that gd_batch would append. */
double gd_batch_elements(struct gd_graph *g, int n_from, struct gd_node *const *from, int n_y,
                         struct gd_node *const *y);

/* Row r of the result, of shape (k, *shape), is zeros with a 1 at element `first` + r: k rows of
 * the identity. `first` is changed from evaluation to evaluation. */
struct gd_node *gd_unit_rows(struct gd_graph *g, int64_t k, int rank, const int64_t *shape);
void gd_unit_rows_at(struct gd_node *rows, int64_t first);

/* --- rules: the `batch` of a primitive ------------------------------------------------------
 * in[i] is operand i with the new axis in front, or NULL where it has none and is y->in[i]. The
 * result has the shape (k, *y), and y's dtype. A primitive without a rule is run k times on its
 * operands' parts, which is always right. */

/* Elementwise, its operands broadcasting. */
struct gd_node *gd_batch_broadcast(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                                   int64_t k);
/* All operands have the same leading axes, which the primitive only walks over. */
struct gd_node *gd_batch_leading(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                                 int64_t k);
/* The same, with an axis in attr.axis, or a set of them in attr.axes. */
struct gd_node *gd_batch_axis(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                              int64_t k);
struct gd_node *gd_batch_axes(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                              int64_t k);
/* Shares in[0]'s data: a reshape. */
struct gd_node *gd_batch_alias(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                               int64_t k);
/* The forward, k times. */
struct gd_node *gd_batch_map(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
                             int64_t k);

/* --- for other transformations ---------------------------------------------------------------- */

/* A mark for each node, by id, for gd_batch_has_twin: does y need it, and does it depend on a
 * `from`, which it is not itself? NULL when the arena is out. */
unsigned char *gd_batch_mark(struct gd_graph *g, int n_from, struct gd_node *const *from, int n_y,
                             struct gd_node *const *y);
bool gd_batch_has_twin(unsigned char mark);

/* --- for rules of their own ------------------------------------------------------------------ */

/* Operand i, expanded to (k, *shape) where it has no new axis. */
struct gd_node *gd_batched(struct gd_graph *g, const struct gd_node *y, int i,
                           struct gd_node *const *in, int64_t k);
/* (k, *x) as (k, 1, …, 1, *x), of that rank. */
struct gd_node *gd_batch_align(struct gd_graph *g, struct gd_node *x, int rank);
/* y's primitive, dtype and attributes, (k, *y) as shape, and these operands. */
struct gd_node *gd_batch_like(struct gd_graph *g, const struct gd_node *y,
                              struct gd_node *const *in, int64_t k);
/* (k, *shape); returns its rank. */
int gd_batch_shape(int64_t k, int rank, const int64_t *shape, int64_t out[GD_MAX_RANK]);

#endif
