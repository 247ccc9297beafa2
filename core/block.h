/* Inside of the arena: its large data blocks, in use and cached. */
#ifndef GD_BLOCK_H
#define GD_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#define GD_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GD_ASAN 1
#endif
#endif

/* For AddressSanitizer what is free or behind the end of a block is poisoned, and what is given out
 * holds NaN (or −1), so that using it unset shows. */
#ifdef GD_ASAN
#include <sanitizer/asan_interface.h>
#define GD_HIDE(p, n)  __asan_poison_memory_region((p), (n))
#define GD_SHOW(p, n)  __asan_unpoison_memory_region((p), (n))
#define GD_FRESH(p, n) (GD_SHOW((p), (n)), (void)memset((p), 0xFF, (n)))
enum { GD_GUARD = 16 }; /* bytes between two small allocations */
#else
#define GD_HIDE(p, n)  ((void)(p), (void)(n))
#define GD_SHOW(p, n)  ((void)(p), (void)(n))
#define GD_FRESH(p, n) ((void)(p), (void)(n))
enum { GD_GUARD = 0 };
#endif

enum { GD_LINE = 64 }; /* alignment of data */

/* Sets a->failed; NULL always. */
void *gd_arena_failed(struct gd_arena *a, enum gd_code code);

void gd_arena_count(struct gd_arena *a, size_t more);

/* Makes room for `more` bytes under the cap by giving cached blocks away; false when it cannot. */
bool gd_make_room(struct gd_arena *a, size_t more);

/* Gives back to the system what neither this arena nor another uses, when the system has no more;
 * false when there was nothing. */
bool gd_scrape(struct gd_arena *a);

/* As gd_data_alloc, gd_data_resize (both sizes large) and gd_data_free. */
void *gd_block_alloc(struct gd_arena *a, size_t size);
void *gd_block_resize(struct gd_arena *a, void *p, size_t old, size_t size);
void gd_block_free(struct gd_arena *a, void *p);

/* All blocks of the arena, in use or not, go to the pool. */
void gd_block_release(struct gd_arena *a);

#endif
