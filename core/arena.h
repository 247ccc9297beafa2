/* Memory of one request: capped, and freed at once.
 *
 * Two kinds. Small things (graph nodes, names, the skeleton) are bumped from chunks and live as
 * long as the arena. Data blocks (tensor elements) can grow, shrink and be given back for reuse
 * within the arena, because the evaluator plans memory by liveness. Not thread-safe: one request
 * is worked on by one thread at a time. */
#ifndef GD_ARENA_H
#define GD_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

struct gd_chunk;
struct gd_block;

struct gd_arena {
	size_t cap;          /* bytes that may be held in all */
	size_t held;         /* bytes held from the system now */
	size_t peak;         /* the most it ever held */
	enum gd_code failed; /* GD_OK, GD_ERR_limit_exceeded (over cap), GD_ERR_out_of_memory */
	struct gd_chunk *chunks;
	char *at, *end;          /* free space of the newest chunk */
	struct gd_block *blocks; /* large data blocks in use */
	struct gd_block *cached; /* large data blocks given back, for reuse */
	void *small[16];         /* given-back small data blocks, by size class */
};

/* Allocates nothing yet. */
void gd_arena_init(struct gd_arena *a, size_t cap);

/* Frees everything that came from `a`. */
void gd_arena_release(struct gd_arena *a);

/* Large blocks of finished requests are kept for the next ones, up to 64 MiB in the process, and
 * chunks up to 32 MiB. This gives them to the system; false when there were none. Thread-safe. */
bool gd_arena_trim(void);

/* `size` bytes, 16-byte aligned, uninitialised; NULL with a->failed set when over the cap or out
 * of memory. A size of 0 gives a valid pointer. Lives until gd_arena_release. */
void *gd_alloc(struct gd_arena *a, size_t size);
void *gd_alloc_zero(struct gd_arena *a, size_t size);

/* n * size with the overflow checked (then limit_exceeded). */
void *gd_alloc_array(struct gd_arena *a, size_t n, size_t size);

/* A copy of n bytes with a NUL behind. */
char *gd_strndup(struct gd_arena *a, const char *s, size_t n);

/* Data blocks: 64-byte aligned, uninitialised. The caller remembers the size and says the same one
 * again. gd_data_resize keeps the first min(old, size) bytes and moves large blocks by remapping,
 * without copying; on failure the old block stands and NULL comes back. */
void *gd_data_alloc(struct gd_arena *a, size_t size);
void *gd_data_resize(struct gd_arena *a, void *p, size_t old, size_t size);
void gd_data_free(struct gd_arena *a, void *p, size_t size);

/* Says why the last allocation failed, as an error ("the request needs more than … MiB"). */
bool gd_arena_fail(const struct gd_arena *a, struct gd_error *e);

#endif
