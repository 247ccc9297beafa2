/* struct gd_error → the one shape of every failure: RFC 9457, application/problem+json. */
#ifndef GD_PROBLEM_H
#define GD_PROBLEM_H

#include <stddef.h>

#include "api/write.h"
#include "core/error.h"

#define GD_PROBLEM_TYPE "application/problem+json"

/* Seconds for Retry-After with this code, 0 for none. */
int gd_problem_retry_after(enum gd_code code);

/* Writes the problem into a document that has been initialised and nothing else. Not finished. */
void gd_problem_write(struct gd_doc *d, const struct gd_error *e);

/* The out_of_memory problem as a constant, for when there is no memory to write one. */
const char *gd_problem_last_resort(size_t *length);

#endif
