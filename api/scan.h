/* Bytes → tensors and a skeleton.
 *
 * A push parser over strict JSON (RFC 8259, UTF-8 checked) that can stop at any byte. Numbers that
 * belong to tensors go straight into data blocks of the arena; everything else is copied into the
 * skeleton, a small JSON text in which each lifted value stands as its index into `lifted`.
 *
 * A value is lifted where a tensor can stand: /tensors/NAME, /tangents/NAME, /vectors/NAME,
 * /claims/NAME and /grad_output, when it is an array, a number, true or false; and where that value
 * is an object, its member "data" (likewise) and its member "base64" (a string, decoded). At these
 * places a bare number in the skeleton is therefore always an index: a client cannot forge one.
 * A string there (the name of another tensor; "NaN" as a scalar) stays in the skeleton.
 *
 * The skeleton holds no whitespace, and its strings are in one form: only '"', '\' and control
 * characters are escaped. Its numbers stand as they were written, except that one of over 40 bytes
 * is written anew (shortest form) and one beyond float64 stands as 1e999 or -1e999. Whether keys
 * stand twice is not looked at.
 *
 * What comes out does not depend on how the bytes were cut, and time is linear in them. */
#ifndef GD_SCAN_H
#define GD_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/tensor.h"

/* Longest text of one number; a longer one is limit_exceeded. */
enum { GD_NUMBER_TEXT_MAX = 4096 };

/* An element whose exact value its float does not tell: an integer (i) beyond 2^53, in a float32
 * tensor also one that float32 does not hold; or, in float64 tensors only, a decimal that rounds to
 * another float32 (f) directly than by way of its double. Of an integer (float)i is that float32.
 */
struct gd_exact {
	size_t index;
	bool is_int;
	union {
		int64_t i;
		float f;
	} as;
};

struct gd_lifted {
	/* GD_FLOAT64 (numbers and the strings "NaN", "Infinity", "-Infinity"), GD_BOOL (true,
	 * false), or GD_FLOAT32: where the tensor's own "dtype" stood before its "data" and said
	 * so, or said nothing yet and the request's "dtype", before the tensor, did. An array
	 * without elements counts as numbers. The data block is of exactly count elements.
	 * base64: bytes in data, rank 1, shape[0] = count = number of bytes, dtype GD_BOOL (raw
	 * bytes). */
	struct gd_tensor tensor;
	bool is_base64;
	bool all_integers;      /* every element was written as an integer that fits int64 */
	struct gd_exact *exact; /* ascending by index, at most one for an element */
	size_t exact_count, exact_room;
	size_t too_large_for_float32; /* index + 1 of the first element over float32's range; 0:
	                                 none */
};

struct gd_scan; /* in the arena */

/* NULL when the arena is out. The scanner fails softly: the first error stands in `*error` and
 * every later call returns false. Errors:
 *   malformed_json       with its position; also a NUL in a string, which no name can hold
 *   ragged_array         pointer: the first row (or element) that does not fit those before it
 *   wrong_type           pointer: the element; TENSOR/base64 where that text is not base64
 *   number_out_of_range  pointer: the element. Too large for float64, or for a GD_FLOAT32 tensor
 *   limit_exceeded       pointer: the tensor, where one is being read
 * and those of the arena. `limits` and `error` must outlive the scanner. */
struct gd_scan *gd_scan_new(struct gd_arena *arena, const struct gd_limits *limits,
                            struct gd_error *error);

/* The next n bytes of the body, cut anywhere. */
bool gd_scan_feed(struct gd_scan *scan, const char *bytes, size_t n);

/* The body is over. An empty body is malformed_json. */
bool gd_scan_end(struct gd_scan *scan);

/* After gd_scan_end: NUL-terminated JSON text of *length bytes; the lifted values. */
const char *gd_scan_skeleton(const struct gd_scan *scan, size_t *length);
struct gd_lifted *gd_scan_lifted(const struct gd_scan *scan, size_t *count);

#endif
