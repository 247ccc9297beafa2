/* What went wrong, as one struct that travels up and that each layer completes:
 * core fills the code, a sentence and the shapes; api the JSON Pointer or the position. */
#ifndef GD_ERROR_H
#define GD_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Axes of a client's tensor; and of any, as a Jacobian has those of two, and as batching adds one.
 */
enum { GD_USER_RANK = 8, GD_MAX_RANK = 2 * GD_USER_RANK + 1 };

enum gd_code {
	GD_OK = 0,
#define GD_ERROR(code, status, title) GD_ERR_##code,
#include "core/errors.def"
#undef GD_ERROR
	GD_ERROR_COUNT
};

/* A shape that an error speaks of; rank −1: none. */
struct gd_dims {
	int rank;
	int64_t dim[GD_MAX_RANK];
};

struct gd_error {
	enum gd_code code;
	bool has_position;           /* malformed_json only */
	size_t offset, line, column; /* offset in bytes from 0; line and column (in bytes) from 1 */
	struct gd_dims expected, got;
	char pointer[256]; /* RFC 6901, into the request; "" is the whole body */
	char detail[512];  /* one sentence: what was needed, what came */
	char hint[192];    /* "" for none */
};

/* Resets *e to "no error". */
void gd_error_clear(struct gd_error *e);

/* Sets code and detail (printf-style; cut to fit, never in the middle of a UTF-8 sequence),
 * clearing everything else. The first error stands: does nothing when *e already holds one.
 * Returns false always, so that a caller can `return gd_fail(...)`. */
bool gd_fail(struct gd_error *e, enum gd_code code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Complete an error that gd_fail has just set. */
void gd_error_pointer(struct gd_error *e, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void gd_error_hint(struct gd_error *e, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void gd_error_shapes(struct gd_error *e, int expected_rank, const int64_t *expected, int got_rank,
                     const int64_t *got);

/* "shape_mismatch", "Shapes do not fit", 422; code must not be GD_OK. */
const char *gd_code_name(enum gd_code code);
const char *gd_code_title(enum gd_code code);
int gd_code_status(enum gd_code code);

/* The nearest of `n` names to `name` for a did-you-mean hint (Damerau-Levenshtein, at most a third
 * of its letters changed), or NULL. */
const char *gd_nearest(const char *name, const char *const *names, size_t n);

#endif
