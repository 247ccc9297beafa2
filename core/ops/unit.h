/* Rows of the identity, which seed the rows of Jacobians, and products with them, which choose. */
#ifndef GD_OPS_UNIT_H
#define GD_OPS_UNIT_H

#include "core/graph.h"

/* The gd_unit_rows that x is, in another shape perhaps, or NULL. */
struct gd_node *gd_unit_rows_of(struct gd_node *x);

/* op(a[r])·op(b) for each row r of a's unit_rows, `y` being such a product for one: (k, *y), zeros
 * but for the one row that the 1 chooses of op(b), a matrix. */
struct gd_node *gd_unit_product(struct gd_graph *g, const struct gd_node *y, struct gd_node *rows,
                                struct gd_node *b);

#endif
