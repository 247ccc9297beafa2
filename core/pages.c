#define _GNU_SOURCE
#include "core/pages.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { POOL_BYTES = 64 << 20, POOL_COUNT = 1024, SPARES = 32 };

void gd_block_link(struct gd_block **list, struct gd_block *b)
{
	b->prev = NULL;
	b->next = *list;
	if (*list)
		(*list)->prev = b;
	*list = b;
}

void gd_block_unlink(struct gd_block **list, struct gd_block *b)
{
	if (b->prev)
		b->prev->next = b->next;
	else
		*list = b->next;
	if (b->next)
		b->next->prev = b->prev;
}

size_t gd_page_size(void)
{
	static size_t size; /* every thread writes the same value */
	size_t page = __atomic_load_n(&size, __ATOMIC_RELAXED);

	if (page == 0) {
		page = (size_t)sysconf(_SC_PAGESIZE);
		__atomic_store_n(&size, page, __ATOMIC_RELAXED);
	}
	return page;
}

void *gd_pages_map(size_t size)
{
	size_t slack = size > GD_HUGE_PAGE ? GD_HUGE_PAGE - gd_page_size() : 0;
	char *p = mmap(NULL, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	               0);

	if (p == MAP_FAILED)
		return NULL;
	if (slack == 0)
		return p;

	/* The second page is where a huge page begins. */
	size_t before = -((uintptr_t)p + gd_page_size()) % GD_HUGE_PAGE;

	if (before > 0)
		munmap(p, before);
	if (before < slack)
		munmap(p + before + size, slack - before);
	madvise(p + before, size, MADV_HUGEPAGE);
	return p + before;
}

void gd_pages_unmap(struct gd_block *b)
{
	size_t size = b->size;

	GD_SHOW(b, size);
	munmap(b, size);
}

struct gd_block *gd_pages_remap(struct gd_block *b, size_t size)
{
	size_t old = b->size;
	void *p = MAP_FAILED, *target;

	GD_SHOW(b, old);
	if (size <= old || ((uintptr_t)b + gd_page_size()) % GD_HUGE_PAGE == 0)
		p = mremap(b, old, size, 0);
	if (p == MAP_FAILED && size > GD_HUGE_PAGE) {
		/* Should this fail, the kernel has given up the target by then. */
		target = gd_pages_map(size);
		if (target)
			p = mremap(b, old, size, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	} else if (p == MAP_FAILED) {
		p = mremap(b, old, size, MREMAP_MAYMOVE);
	}
	if (p == MAP_FAILED)
		return NULL;
	b = p;
	b->size = size;
	if (size > old && size > GD_HUGE_PAGE)
		madvise(b, size, MADV_HUGEPAGE);
	return b;
}

/* --- the pool: blocks of requests that are over --- */

static struct {
	pthread_mutex_t lock;
	struct gd_block *blocks, *oldest; /* the youngest first */
	size_t bytes, count;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct gd_block *pool_remove(struct gd_block *b)
{
	if (b == pool.oldest)
		pool.oldest = b->prev;
	gd_block_unlink(&pool.blocks, b);
	pool.bytes -= b->size;
	pool.count--;
	return b;
}

/* Takes the oldest out and links it into *out, until `bytes` are out or there is none. */
static void pool_evict(size_t bytes, struct gd_block **out)
{
	size_t evicted = 0;

	while (pool.oldest && evicted < bytes) {
		evicted += pool.oldest->size;
		gd_block_link(out, pool_remove(pool.oldest));
	}
}

static void unmap_all(struct gd_block *list)
{
	while (list) {
		struct gd_block *next = list->next;

		gd_pages_unmap(list);
		list = next;
	}
}

void gd_pool_put(struct gd_block *b)
{
	struct gd_block *out = NULL;

#ifdef GD_ASAN
	gd_pages_unmap(b); /* so that a use after the request's end is seen */
	return;
#endif
	if (b->size > POOL_BYTES / 2) {
		gd_pages_unmap(b);
		return;
	}
	pthread_mutex_lock(&pool.lock);
	gd_block_link(&pool.blocks, b);
	if (!pool.oldest)
		pool.oldest = b;
	pool.bytes += b->size;
	pool.count++;
	if (pool.bytes > POOL_BYTES)
		pool_evict(pool.bytes - POOL_BYTES, &out);
	else if (pool.count > POOL_COUNT)
		pool_evict(1, &out);
	pthread_mutex_unlock(&pool.lock);
	unmap_all(out);
}

struct gd_block *gd_pool_take(size_t size, bool large_enough)
{
	struct gd_block *fit = NULL, *near = NULL, *out = NULL;

	pthread_mutex_lock(&pool.lock);
	for (struct gd_block *b = pool.blocks; b && (!fit || fit->size > size); b = b->next) {
		if (b->size >= size && b->size / 2 <= size && (!fit || b->size < fit->size))
			fit = b;
		if (b->size < size && b->size >= size / 2 && (!near || b->size > near->size))
			near = b;
	}
	if (!fit && !large_enough)
		fit = near;
	if (fit)
		pool_remove(fit);
	else if (!large_enough)
		pool_evict(size, &out);
	pthread_mutex_unlock(&pool.lock);
	unmap_all(out);
	return fit;
}

/* --- spare chunks --- */

static struct {
	pthread_mutex_t lock;
	void *chunk[SPARES];
	int n;
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER};

void *gd_spare_take(void)
{
	void *chunk;

	pthread_mutex_lock(&spare.lock);
	chunk = spare.n ? spare.chunk[--spare.n] : NULL;
	pthread_mutex_unlock(&spare.lock);
	return chunk;
}

bool gd_spare_put(void *chunk)
{
	bool room;

#ifdef GD_ASAN
	return false; /* so that a use after the request's end is seen */
#endif
	pthread_mutex_lock(&spare.lock);
	room = spare.n < SPARES;
	if (room)
		spare.chunk[spare.n++] = chunk;
	pthread_mutex_unlock(&spare.lock);
	return room;
}

bool gd_arena_trim(void)
{
	struct gd_block *out = NULL;
	void *chunk;

	pthread_mutex_lock(&pool.lock);
	pool_evict(SIZE_MAX, &out);
	pthread_mutex_unlock(&pool.lock);

	bool any = out != NULL;

	unmap_all(out);
	while ((chunk = gd_spare_take())) {
		free(chunk);
		any = true;
	}
	return any;
}
