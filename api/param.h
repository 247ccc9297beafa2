/* Parameters of an operation out of a layer's JSON. */
#ifndef GD_PARAM_H
#define GD_PARAM_H

#include "api/json.h"
#include "core/op.h"

struct gd_spec;

/* A number within the computation's dtype, or "NaN" and its like. */
bool gd_number_read(struct gd_spec *s, const struct gd_json *v, double *value);

/* What the parameter takes; lists live as long as the plan. */
bool gd_param_read(struct gd_spec *s, const struct gd_json *v, const struct gd_param_spec *p,
                   struct gd_value *value);

/* What it takes, in words: "a number, "fro" or "nuc" or null". */
enum { GD_PARAM_NEEDS = 256 };
const char *gd_param_needs(const struct gd_param_spec *p, char buf[GD_PARAM_NEEDS]);

#endif
