#include "core/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "core/pages.h"

enum {
	CHUNK_FIRST = 16 << 10,
	CHUNK_LAST = GD_SPARE,
	SMALL_MAX = 32 << 10, /* larger data blocks are core/block's */
	SMALL_CLASSES = 10,   /* 64, 128, … SMALL_MAX */
};

struct gd_chunk {
	struct gd_chunk *next;
	size_t size; /* with this header */
};

_Static_assert(GD_LINE << (SMALL_CLASSES - 1) == SMALL_MAX, "the classes must end at SMALL_MAX");
_Static_assert(sizeof(struct gd_chunk) % 16 == 0, "the header must leave the space aligned");

void gd_arena_init(struct gd_arena *a, size_t cap)
{
	*a = (struct gd_arena){.cap = cap};
}

void *gd_arena_failed(struct gd_arena *a, enum gd_code code)
{
	a->failed = code;
	return NULL;
}

void gd_arena_count(struct gd_arena *a, size_t more)
{
	a->held += more;
	if (a->held > a->peak)
		a->peak = a->held;
}

/* --- chunks --- */

/* `size` bytes, `align`ed, from a new chunk. Of the free space of the new chunk and of the newest
 * so far, the larger stays in use. */
static void *bump_slow(struct gd_arena *a, size_t size, size_t align)
{
	size_t regular = a->chunks ? 2 * a->chunks->size : CHUNK_FIRST;
	size_t need = sizeof(struct gd_chunk) + size + align;

	if (size > PTRDIFF_MAX - 2 * GD_LINE)
		return gd_arena_failed(a, GD_ERR_limit_exceeded);
	if (regular > CHUNK_LAST)
		regular = CHUNK_LAST;

	size_t total = need > regular / 2 || regular > a->cap - a->held ? need : regular;

	if (!gd_make_room(a, total))
		return gd_arena_failed(a, GD_ERR_limit_exceeded);

	struct gd_chunk *c = total == GD_SPARE ? gd_spare_take() : NULL;

	if (!c)
		c = malloc(total);
	if (!c && gd_scrape(a))
		c = malloc(total);
	if (!c)
		return gd_arena_failed(a, GD_ERR_out_of_memory);
	c->size = total;
	gd_arena_count(a, total);

	char *p = (char *)(((uintptr_t)(c + 1) + align - 1) & ~(uintptr_t)(align - 1));
	char *end = (char *)c + total;
	char *rest = end - (p + size) < GD_GUARD ? end : p + size + GD_GUARD;

	GD_HIDE(p + size, (size_t)(end - (p + size)));
	if (a->chunks && a->end - a->at >= end - rest) {
		c->next = a->chunks->next;
		a->chunks->next = c;
	} else {
		c->next = a->chunks;
		a->chunks = c;
		a->at = rest;
		a->end = end;
	}
	GD_FRESH(p, size);
	return p;
}

static inline void *bump(struct gd_arena *a, size_t size, size_t align)
{
	char *p = (char *)(((uintptr_t)a->at + align - 1) & ~(uintptr_t)(align - 1));

	if (p > a->end || size + GD_GUARD > (size_t)(a->end - p) || size > PTRDIFF_MAX)
		return bump_slow(a, size, align);
	a->at = p + size + GD_GUARD;
	GD_FRESH(p, size);
	return p;
}

void *gd_alloc(struct gd_arena *a, size_t size)
{
	return bump(a, size ? size : 1, 16);
}

void *gd_alloc_zero(struct gd_arena *a, size_t size)
{
	void *p = gd_alloc(a, size);

	return p ? memset(p, 0, size) : NULL;
}

void *gd_alloc_array(struct gd_arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return gd_arena_failed(a, GD_ERR_limit_exceeded);
	return gd_alloc(a, bytes);
}

char *gd_strndup(struct gd_arena *a, const char *s, size_t n)
{
	char *copy = n < SIZE_MAX ? gd_alloc(a, n + 1) : gd_arena_failed(a, GD_ERR_limit_exceeded);

	if (!copy)
		return NULL;
	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

/* --- data blocks --- */

static int class_of(size_t size)
{
	if (size <= GD_LINE)
		return 0;
	return 64 - __builtin_clzll((size - 1) / GD_LINE);
}

static size_t class_size(int class)
{
	return (size_t)GD_LINE << class;
}

static void *small_alloc(struct gd_arena *a, size_t size)
{
	int class = class_of(size);
	void *p = a->small[class];

	if (p) {
		GD_SHOW(p, sizeof p);
		memcpy(&a->small[class], p, sizeof p);
	} else {
		p = bump(a, class_size(class), GD_LINE);
		if (!p)
			return NULL;
	}
	GD_HIDE(p, class_size(class));
	GD_FRESH(p, size);
	return p;
}

static void small_free(struct gd_arena *a, void *p, size_t size)
{
	int class = class_of(size);

	GD_SHOW(p, sizeof p);
	memcpy(p, &a->small[class], sizeof p);
	a->small[class] = p;
	GD_HIDE(p, class_size(class));
}

/* The newest small block grows where it stands. */
static bool small_extend(struct gd_arena *a, char *p, size_t old, size_t size)
{
	char *end = p + class_size(class_of(size)) + GD_GUARD;

	if (p + class_size(class_of(old)) + GD_GUARD != a->at || end > a->end || end < p)
		return false;
	GD_HIDE(p, (size_t)(end - p));
	GD_SHOW(p, size);
	a->at = end;
	return true;
}

void *gd_data_alloc(struct gd_arena *a, size_t size)
{
	return size <= SMALL_MAX ? small_alloc(a, size) : gd_block_alloc(a, size);
}

void gd_data_free(struct gd_arena *a, void *p, size_t size)
{
	if (!p)
		return;
	if (size <= SMALL_MAX) {
		small_free(a, p, size);
		return;
	}

	gd_block_free(a, p);
}

void *gd_data_resize(struct gd_arena *a, void *p, size_t old, size_t size)
{
	if (!p)
		return gd_data_alloc(a, size);
	if (old > SMALL_MAX && size > SMALL_MAX)
		return gd_block_resize(a, p, old, size);
	if (old <= SMALL_MAX && size <= SMALL_MAX) {
		/* A block that shrinks is of the smaller class from now on. */
		if (class_of(size) <= class_of(old)) {
			GD_HIDE(p, class_size(class_of(old)));
			GD_SHOW(p, size);
			return p;
		}
		if (small_extend(a, p, old, size))
			return p;
	}

	void *moved = gd_data_alloc(a, size);

	if (!moved)
		return NULL;
	memcpy(moved, p, old < size ? old : size);
	gd_data_free(a, p, old);
	return moved;
}

void gd_arena_release(struct gd_arena *a)
{
	if (a->blocks || a->cached)
		gd_block_release(a);
	while (a->chunks) {
		struct gd_chunk *c = a->chunks;

		a->chunks = c->next;
		GD_SHOW(c, c->size);
		if (c->size != GD_SPARE || !gd_spare_put(c))
			free(c);
	}
	gd_arena_init(a, a->cap);
}

bool gd_arena_fail(const struct gd_arena *a, struct gd_error *e)
{
	if (e->code != GD_OK)
		return false;
	if (a->failed == GD_ERR_limit_exceeded) {
		if (a->cap >> 20)
			gd_fail(e, GD_ERR_limit_exceeded,
			        "the request needs more than %zu MiB of memory", a->cap >> 20);
		else
			gd_fail(e, GD_ERR_limit_exceeded,
			        "the request needs more than %zu bytes of memory", a->cap);
		gd_error_hint(e,
		              "smaller tensors or \"dtype\": \"float32\" need less; the server's "
		              "limit is its option --max-memory");
		return false;
	}
	return gd_fail(e, GD_ERR_out_of_memory, "the server has no memory left for this request");
}
