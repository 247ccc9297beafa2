#include "core/block.h"

#include <string.h>

#include "core/pages.h"

static struct gd_block *block_of(void *data)
{
	return (struct gd_block *)((char *)data - gd_page_size());
}

/* The data of a block of which `size` bytes are in use. */
static void *block_data(struct gd_block *b, size_t size)
{
	char *data = (char *)b + gd_page_size();

	GD_SHOW(b, b->size);
	GD_HIDE(data + size, b->size - gd_page_size() - size);
	return data;
}

static void hide_data(struct gd_block *b)
{
	GD_HIDE((char *)b + gd_page_size(), b->size - gd_page_size());
}

/* Bytes to map for `size` bytes of data; 0 when that overflows. */
static size_t mapping_size(size_t size)
{
	size_t page = gd_page_size();

	if (size > (size_t)PTRDIFF_MAX - 2 * GD_HUGE_PAGE)
		return 0;
	return page + ((size + page - 1) & ~(page - 1));
}

bool gd_make_room(struct gd_arena *a, size_t more)
{
	while (more > a->cap - a->held) {
		struct gd_block *b = a->cached;

		if (!b)
			return false;
		gd_block_unlink(&a->cached, b);
		a->held -= b->size;
		gd_pool_put(b);
	}
	return true;
}

bool gd_scrape(struct gd_arena *a)
{
	bool any = a->cached != NULL;

	while (a->cached) {
		struct gd_block *b = a->cached;

		gd_block_unlink(&a->cached, b);
		a->held -= b->size;
		gd_pages_unmap(b);
	}
	return gd_arena_trim() || any;
}

/* gd_pages_remap, counted. */
static struct gd_block *resize(struct gd_arena *a, struct gd_block *b, size_t size)
{
	size_t old = b->size;

	if (size == old)
		return b;
	if (size > old && !gd_make_room(a, size - old))
		return gd_arena_failed(a, GD_ERR_limit_exceeded);

	struct gd_block *moved = gd_pages_remap(b, size);

	if (!moved && gd_scrape(a))
		moved = gd_pages_remap(b, size);
	if (!moved)
		return gd_arena_failed(a, GD_ERR_out_of_memory);
	if (size > old)
		gd_arena_count(a, size - old);
	else
		a->held -= old - size;
	return moved;
}

/* Best fit among the cached blocks; one that is more than a quarter too large is split, its rest
 * stays cached. */
static struct gd_block *take_cached(struct gd_arena *a, size_t size)
{
	struct gd_block *fit = NULL;

	for (struct gd_block *b = a->cached; b && (!fit || fit->size > size); b = b->next)
		if (b->size >= size && (!fit || b->size < fit->size))
			fit = b;
	if (!fit)
		return NULL;
	gd_block_unlink(&a->cached, fit);
	if (fit->size - size > size / 4) {
		struct gd_block *rest = (struct gd_block *)((char *)fit + size);

		GD_SHOW(fit, fit->size);
		rest->size = fit->size - size;
		fit->size = size;
		gd_block_link(&a->cached, rest);
	}
	return fit;
}

/* The largest cached block, all being too small, grown. */
static struct gd_block *grow_cached(struct gd_arena *a, size_t size)
{
	struct gd_block *largest = a->cached;

	for (struct gd_block *b = a->cached; b; b = b->next)
		if (b->size > largest->size)
			largest = b;
	if (!largest)
		return NULL;
	gd_block_unlink(&a->cached, largest);

	struct gd_block *grown = resize(a, largest, size);

	if (!grown)
		gd_block_link(&a->cached, largest);
	return grown;
}

/* From the pool, then of the right size; NULL when it has none or that fails. */
static struct gd_block *take_pooled(struct gd_arena *a, size_t size)
{
	struct gd_block *b = size <= a->cap - a->held ? gd_pool_take(size, false) : NULL;

	if (!b)
		return NULL;
	GD_SHOW(b, b->size);
	if (b->size > a->cap - a->held || b->size < size || b->size - size > size / 4) {
		struct gd_block *fitting = gd_pages_remap(b, size);

		if (!fitting) {
			gd_pages_unmap(b);
			return NULL;
		}
		b = fitting;
	}
	gd_arena_count(a, b->size);
	return b;
}

static struct gd_block *take_fresh(struct gd_arena *a, size_t size)
{
	if (!gd_make_room(a, size))
		return gd_arena_failed(a, GD_ERR_limit_exceeded);

	struct gd_block *b = gd_pages_map(size);

	if (!b && gd_scrape(a))
		b = gd_pages_map(size);
	if (!b)
		return gd_arena_failed(a, GD_ERR_out_of_memory);
	b->size = size;
	gd_arena_count(a, size);
	return b;
}

void *gd_block_alloc(struct gd_arena *a, size_t size)
{
	size_t need = mapping_size(size);

	if (need == 0)
		return gd_arena_failed(a, GD_ERR_limit_exceeded);

	enum gd_code before = a->failed;
	struct gd_block *b = take_cached(a, need);

	if (!b)
		b = take_pooled(a, need);
	if (!b)
		b = grow_cached(a, need);
	if (!b)
		b = take_fresh(a, need);
	if (!b)
		return NULL;
	a->failed = before;
	gd_block_link(&a->blocks, b);

	void *data = block_data(b, size);

	GD_FRESH(data, size);
	return data;
}

void gd_block_free(struct gd_arena *a, void *p)
{
	struct gd_block *b = block_of(p);

	gd_block_unlink(&a->blocks, b);
	gd_block_link(&a->cached, b);
	hide_data(b);
}

/* A warm block from the pool, which may be up to twice as large: who grows will grow on. */
static struct gd_block *take_to_grow(struct gd_arena *a, size_t size)
{
	struct gd_block *b = gd_pool_take(size, true);

	if (b && b->size > a->cap - a->held) {
		gd_pool_put(b);
		b = NULL;
	}
	if (b)
		gd_arena_count(a, b->size);
	return b;
}

/* A copy into a warm block is cheaper than new pages, and one into a huge page cheaper than new
 * small pages. NULL when it is better done by remapping. */
static void *grow_by_copy(struct gd_arena *a, void *p, size_t old, size_t size, size_t need)
{
	bool small = block_of(p)->size <= GD_HUGE_PAGE;
	struct gd_block *b = small ? take_cached(a, need) : NULL;

	if (!b)
		b = take_to_grow(a, need);
	if (!b && small && need > GD_HUGE_PAGE && need <= a->cap - a->held)
		b = take_fresh(a, need);
	if (!b)
		return NULL;
	gd_block_link(&a->blocks, b);

	void *data = block_data(b, size);

	memcpy(data, p, old);
	gd_block_free(a, p);
	return data;
}

void *gd_block_resize(struct gd_arena *a, void *p, size_t old, size_t size)
{
	struct gd_block *b = block_of(p), *moved;
	size_t need = mapping_size(size);
	enum gd_code before = a->failed;
	void *data;

	if (need == 0)
		return gd_arena_failed(a, GD_ERR_limit_exceeded);
	if (size >= old && need <= b->size)
		return block_data(b, size);
	if (size > old && (data = grow_by_copy(a, p, old, size, need)))
		return data;
	a->failed = before;
	gd_block_unlink(&a->blocks, b);
	moved = resize(a, b, need);
	gd_block_link(&a->blocks, moved ? moved : b);
	if (moved)
		return block_data(moved, size);
	block_data(b, old);
	return NULL;
}

void gd_block_release(struct gd_arena *a)
{
	struct gd_block *lists[] = {a->cached, a->blocks};

	a->cached = a->blocks = NULL;
	for (int i = 0; i < 2; i++) {
		while (lists[i]) {
			struct gd_block *b = lists[i];

			lists[i] = b->next;
			hide_data(b);
			gd_pool_put(b);
		}
	}
}
