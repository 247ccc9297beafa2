/* Inside of the arena: pages from the system, and the pool of those that the next request can have
 * without asking the system. A block is a mapping of its own. */
#ifndef GD_PAGES_H
#define GD_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/block.h"

/* A page fault costs more than filling the page does (2.7 µs against 0.2 on a virtual machine), so
 * large blocks are aligned to huge pages and ask for them, and the pool keeps warm ones. */
enum { GD_HUGE_PAGE = 2 << 20 };

/* Stands in the first page of its mapping, the data in the pages behind. */
struct gd_block {
	struct gd_block *prev, *next;
	size_t size; /* of the mapping, whole pages */
};

void gd_block_link(struct gd_block **list, struct gd_block *b);
void gd_block_unlink(struct gd_block **list, struct gd_block *b);

size_t gd_page_size(void);

/* Fresh pages, `size` bytes of them; NULL when the system has none. */
void *gd_pages_map(size_t size);
void gd_pages_unmap(struct gd_block *b);

/* The same pages under another size, perhaps elsewhere; NULL leaves the block as it was. */
struct gd_block *gd_pages_remap(struct gd_block *b, size_t size);

/* Takes a block that is in no list. */
void gd_pool_put(struct gd_block *b);

/* The best fit of `size` to twice as much, else (unless only a large enough one will do) the
 * nearest of at least half of it. NULL when there is none; then as much as is wanted has been
 * evicted, so that the process does not grow by what is of no use. */
struct gd_block *gd_pool_take(size_t size, bool large_enough);

/* Chunks of GD_SPARE bytes from malloc, of finished requests and for the next ones: a spare one or
 * NULL; and true when it is kept, false when the caller is to free it. */
enum { GD_SPARE = 1 << 20 };
void *gd_spare_take(void);
bool gd_spare_put(void *chunk);

#endif
