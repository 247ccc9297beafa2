/* A tensor as JSON says it → struct gd_tensor. */
#ifndef GD_API_TENSOR_H
#define GD_API_TENSOR_H

#include "api/endpoint.h"
#include "core/tensor.h"

/* Reads the value v: an array or a number (lifted), "NaN" and its like, or an object in the flat or
 * the base64 form. Floating data becomes `floating`, whatever its own "dtype" says; int64 and bool
 * stay. *t owns the data block, in the arena. Errors (wrong_type, missing_field, unknown_field,
 * shape_mismatch, invalid_parameter, number_out_of_range, limit_exceeded) point at the place. */
bool gd_read_tensor(struct gd_exchange *x, const struct gd_json *v, enum gd_dtype floating,
                    struct gd_tensor *t);

/* "NaN", "Infinity" or "-Infinity"? */
bool gd_is_nonfinite_text(const char *text);

/* Points an error at element `index` of the tensor *t that stands at v: /tensors/x/0/2,
 * /tensors/x/data/5, or /tensors/x/base64. */
void gd_point_at_element(const struct gd_json *v, const struct gd_tensor *t, size_t index,
                         struct gd_error *e);

#endif
