/* A tensor as JSON says it → struct gd_tensor. */
#ifndef GD_API_TENSOR_H
#define GD_API_TENSOR_H

#include "api/endpoint.h"
#include "core/graph.h"

/* Reads the value v, an array or a number (lifted), "NaN" and its like, or an object in the flat or
 * the base64 form, as a leaf of g. Floating data becomes g's dtype, whatever its own "dtype" says;
 * int64 and bool stay. NULL on errors (wrong_type, missing_field, unknown_field, shape_mismatch,
 * invalid_parameter, number_out_of_range, limit_exceeded), which point at the place. */
struct gd_node *gd_read_leaf(struct gd_exchange *x, const struct gd_json *v, struct gd_graph *g,
                             const char *name);

/* "NaN", "Infinity" or "-Infinity"? */
bool gd_is_nonfinite_text(const char *text);

/* Points an error at element `index` of the tensor *t that stands at v: /tensors/x/0/2,
 * /tensors/x/data/5, or /tensors/x/base64. */
void gd_point_at_element(const struct gd_json *v, const struct gd_tensor *t, size_t index,
                         struct gd_error *e);

#endif
