/* A tensor within an answer: its elements as JSON or base64 text, a block at a time. */
#ifndef GD_PIECE_H
#define GD_PIECE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/write.h"
#include "core/tensor.h"

struct gd_piece {
	size_t text_end;         /* the document's text up to here comes before it */
	struct gd_tensor tensor; /* has elements, unless base64 */
	bool base64;             /* the characters alone, without the quotes */
};

/* At least as many bytes as gd_piece_write needs to write all of it in one call; SIZE_MAX for
 * more than can be. */
size_t gd_piece_bound(const struct gd_tensor *t, bool base64);

/* The next up to n bytes, n ≥ GD_DOC_BLOCK: numbers are not cut. Moves *c on. */
size_t gd_piece_write(const struct gd_piece *piece, struct gd_piece_cursor *c, char *buf, size_t n);

bool gd_piece_done(const struct gd_piece *piece, const struct gd_piece_cursor *c);

#endif
