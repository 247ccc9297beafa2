/* What the layers of linear algebra share. */
#ifndef GD_LAYERS_LINALG_H
#define GD_LAYERS_LINALG_H

#include "core/op.h"

/* Is operand i a matrix, or a batch of them; a square one? Else the error is set. */
bool gd_is_matrix(struct gd_call *c, int i);
bool gd_is_square(struct gd_call *c, int i);

/* The sum of the singular values, over the two axes of the parameter "dim" (null: of a matrix). */
bool gd_give_nuclear_norm(struct gd_call *c);

/* A⁻¹ of square A; matrices that have none are linalg_failure. */
struct gd_node *gd_inverse_matrix(struct gd_graph *g, struct gd_node *a);

#endif
