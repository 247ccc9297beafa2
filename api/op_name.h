/* The operation that a layer, or the loss, names. */
#ifndef GD_OP_NAME_H
#define GD_OP_NAME_H

#include "api/endpoint.h"
#include "core/op.h"

/* v is the name or an object with "op"; a loss is found with or without its ending "_loss". NULL
 * with the error: wrong_type, missing_field, unknown_op with a did-you-mean. */
const struct gd_op *gd_op_named(struct gd_exchange *x, const struct gd_json *v, bool is_loss);

#endif
