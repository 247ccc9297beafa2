/* Does an operation's derivative agree with central differences? */
#ifndef GD_TEST_GRADCHECK_H
#define GD_TEST_GRADCHECK_H

#include "core/op.h"

struct gradcheck {
	char text[512]; /* what does not agree; "" if all does */
	int checks;     /* comparisons made */
};

/* Builds `op` on operands and parameters written as in lab.h and compares, for random u and v:
 * ⟨v, vjp(u)⟩ with the differences of ⟨u, y⟩ along v, for each floating operand (and along each
 * axis of small ones); the gradient of ⟨w, vjp(u)⟩, for the operands and u, with the differences of
 * it; float32 with float64; gradients asked for one by one with all at once; each gradient's shape
 * with its operand's. */
void gradcheck(struct gradcheck *result, const struct gd_op *op, const char *operands,
               const char *params);

#endif
