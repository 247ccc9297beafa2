/* What functions with many optional operands of fixed shapes share. */
#ifndef GD_OPERANDS_H
#define GD_OPERANDS_H

#include "core/op.h"

/* Operand i, or NULL where it is left out. */
struct gd_node *gd_operand(const struct gd_call *c, int i);

/* Has operand i exactly this shape? Left out, it has; else that is a shape_mismatch. */
bool gd_operand_shape(struct gd_call *c, int i, int rank, const int64_t *shape);

/* Has operand i at least `low` and at most `high` axes? `wanted` says which, "(N, C, …)". */
bool gd_operand_rank(struct gd_call *c, int i, int low, int high, const char *wanted);

#endif
