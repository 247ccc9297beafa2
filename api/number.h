/* Text ↔ numbers, correctly rounded, shortest form. The implementation is the one C++ unit:
 * fast_float (Eisel–Lemire with an exact fallback) reads, dragonbox writes; both are header-only,
 * so nothing of the C++ library is needed at run time. */
#ifndef GD_NUMBER_H
#define GD_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room that a number's text may take while it is written; the text itself is at most 26 bytes. */
enum { GD_NUMBER_MAX = 40 };

enum gd_number_status { GD_NUMBER_OK, GD_NUMBER_BAD, GD_NUMBER_TOO_LARGE };

/* Reads one number by JSON's grammar (no leading zeros, no "+", ".5", "1.", "inf") that starts at p
 * and ends before end, in time linear in its length. On OK and TOO_LARGE *stop is behind its last
 * character; on BAD at the character that does not belong, which is `end` when the text is cut
 * short. TOO_LARGE: rounds to infinity in this type (underflow is no error: the nearest value, 0
 * included, with its sign). *value is set on OK only. */
enum gd_number_status gd_read_double(const char *p, const char *end, double *value,
                                     const char **stop);
enum gd_number_status gd_read_float(const char *p, const char *end, float *value,
                                    const char **stop);

/* The text of a number without fraction and exponent, already checked, as an integer; false when
 * it does not fit. */
bool gd_read_int64(const char *p, const char *end, int64_t *value);

/* The inner loop of reading an array. Starting where an element starts, reads numbers with a comma
 * and at most one space between them into `out`, `room` at most, and returns how many. It stops in
 * front of whatever wants a closer look:
 *  - what is not a number, is out of range, is longer than 40 bytes, or may be cut off by `end`;
 *  - an integer that the type may not hold exactly (over 2^53, float: 2^24);
 *  - for double: what is halfway between two float32, or over float32's range unless `any_size`.
 * *at is moved behind what was read; `behind` tells that it is behind an element (whose comma is
 * yet to come) and not in front of one. `integers` becomes false when one had a fraction or an
 * exponent, and stays as it was otherwise. */
struct gd_run {
	const char *at;
	bool behind, integers, any_size;
};
size_t gd_read_doubles(struct gd_run *run, const char *end, double *out, size_t room);
size_t gd_read_floats(struct gd_run *run, const char *end, float *out, size_t room);

/* Writes the shortest text that reads back to the same value in that type (of several the nearest
 * to the value), in plain notation where people expect it (181.81, 0.001, 100000), from 1e21 on and
 * below 1e-6 as 1e21, 1.5e-7: what JavaScript prints, without its "+"; −0 as "-0.0"; not-a-number
 * and infinities as the strings "NaN", "Infinity", "-Infinity" with their quotes. No NUL. `out`
 * needs GD_NUMBER_MAX bytes of room; bytes behind the text may be overwritten. Returns the number
 * of bytes written. */
size_t gd_write_double(char *out, double value);
size_t gd_write_float(char *out, float value);
size_t gd_write_int64(char *out, int64_t value);

#ifdef __cplusplus
}
#endif

#endif
