/* Base64 (RFC 4648, section 4) → bytes, in pieces cut anywhere. Strict: the standard alphabet,
 * padded, nothing between or behind, no stray bits in the last group. */
#ifndef GD_BASE64_H
#define GD_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeros to begin with. */
struct gd_base64 {
	uint32_t bits; /* of the `have` characters of the group that is not complete yet */
	unsigned have;
	unsigned pads; /* '=' seen in it */
	bool ended;    /* a padded group is complete: no more may come */
};

/* Decodes from *at on, to `end` or to the first character that does not fit there or to where
 * fewer than 3 bytes of room are left, moves *at there and returns the number of bytes written. */
size_t gd_base64_decode(struct gd_base64 *d, const char **at, const char *end, unsigned char *out,
                        size_t room);

/* May the text end here? */
static inline bool gd_base64_complete(const struct gd_base64 *d)
{
	return d->have == 0;
}

#endif
