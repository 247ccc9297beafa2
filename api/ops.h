/* How the catalogue is told: shared by /ops and /openapi.json. */
#ifndef GD_OPS_H
#define GD_OPS_H

#include "api/write.h"
#include "core/op.h"

/* "float", "integer", "mask", "any". */
const char *gd_operand_type(enum gd_operand_kind kind);

/* The default as JSON: a number, true, false, null or a word. There must be one. */
void gd_write_default(struct gd_doc *d, const struct gd_param_spec *p);

#endif
