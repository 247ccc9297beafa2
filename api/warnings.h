/* What an answer has to say beside its numbers. */
#ifndef GD_WARNINGS_H
#define GD_WARNINGS_H

#include "api/endpoint.h"
#include "core/eval.h"

/* Writes "warnings": […] into the object that x->doc has open, where there is something to say:
 * kinks that a gradient went through, and the first op that made a non-finite value. `run` is the
 * evaluation of `outputs` that has just been done; it is repeated, traced, when it met a non-finite
 * value. */
bool gd_write_warnings(struct gd_exchange *x, struct gd_sweep *run, int n,
                       struct gd_node *const *outputs);

#endif
