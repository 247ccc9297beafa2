/* The bare conversions that the codec is measured against. */
#ifndef GD_SCAN_FLOOR_H
#define GD_SCAN_FLOOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads n numbers with std::from_chars from text in which each is followed by one byte; returns
 * the end of what it read. */
const char *floor_read_doubles(const char *p, const char *end, double *out, size_t n);
const char *floor_read_floats(const char *p, const char *end, float *out, size_t n);

/* dragonbox's own printer: scientific notation, n numbers, a comma behind each. Returns bytes. */
size_t floor_write_doubles(char *out, const double *in, size_t n);
size_t floor_write_floats(char *out, const float *in, size_t n);

#ifdef __cplusplus
}
#endif

#endif
