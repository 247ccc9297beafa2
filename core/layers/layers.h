/* The functions behind the catalogue's rows, and what they share. */
#ifndef GD_LAYERS_H
#define GD_LAYERS_H

#include "core/op.h"

#define GD_OP(fn, ...)      bool fn(struct gd_call *c);
#define GD_LOSS(fn, ...)    bool fn(struct gd_call *c);
#define GD_UNARY(name, ...) bool build_##name(struct gd_call *c);
#define GD_INNER(name, ...)
#define GD_BINARY(name, ...)
#define GD_COMPARE(name, ...) bool build_##name(struct gd_call *c);
#include "core/ops.def"
#include "core/ops/elementwise.def"

/* a · b as torch.matmul: vectors get a row or a column that is dropped again. */
struct gd_node *gd_matmul_any(struct gd_graph *g, struct gd_node *a, struct gd_node *b);

/* Are the first two operands of one shape? Input and target are compared element by element:
 * nothing is broadcast in silence. False with the error set. */
bool gd_same_shapes(struct gd_call *c);
/* The layer of the two operations that are named unfold: windows of images as columns. It reads
 * kernel_size, dilation, padding and stride. */
bool gd_build_im2col(struct gd_call *c);

/* Applies the parameter "reduction" to elementwise losses. */
bool gd_reduce_loss(struct gd_call *c, struct gd_node *loss);

#endif
