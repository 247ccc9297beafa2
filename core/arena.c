#define _GNU_SOURCE
#include "core/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define GD_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GD_ASAN 1
#endif
#endif

#ifdef GD_ASAN
#include <sanitizer/asan_interface.h>
#define HIDE(p, n) __asan_poison_memory_region((p), (n))
#define SHOW(p, n) __asan_unpoison_memory_region((p), (n))
enum { GUARD = 16 }; /* bytes between two small allocations */
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
enum { GUARD = 0 };
#endif

enum {
	CHUNK_FIRST = 16 << 10,
	CHUNK_LAST = 1 << 20,
	LINE = 64,            /* alignment of data */
	SMALL_MAX = 32 << 10, /* larger data blocks are mapped one by one */
	SMALL_CLASSES = 10,   /* 64, 128, … SMALL_MAX */
	HUGE_FROM = 4 << 20,  /* from here on huge pages are worth asking for */
};

struct gd_chunk {
	struct gd_chunk *next;
	size_t size; /* with this header */
};

/* Stands in the first line of its mapping, the data behind it. */
struct gd_block {
	struct gd_block *prev, *next;
	size_t size; /* of the mapping, whole pages */
};

_Static_assert(sizeof(struct gd_block) <= LINE, "the header must leave the data aligned");
_Static_assert(LINE << (SMALL_CLASSES - 1) == SMALL_MAX, "the classes must end at SMALL_MAX");
_Static_assert(sizeof(struct gd_chunk) % 16 == 0, "the header must leave the space aligned");

void gd_arena_init(struct gd_arena *a, size_t cap)
{
	*a = (struct gd_arena){.cap = cap};
}

static void *fail(struct gd_arena *a, enum gd_code code)
{
	a->failed = code;
	return NULL;
}

static void count_held(struct gd_arena *a, size_t more)
{
	a->held += more;
	if (a->held > a->peak)
		a->peak = a->held;
}

/* --- large data blocks: one mapping each --- */

static void link_block(struct gd_block **list, struct gd_block *b)
{
	b->prev = NULL;
	b->next = *list;
	if (*list)
		(*list)->prev = b;
	*list = b;
}

static void unlink_block(struct gd_block **list, struct gd_block *b)
{
	if (b->prev)
		b->prev->next = b->next;
	else
		*list = b->next;
	if (b->next)
		b->next->prev = b->prev;
}

static void *block_data(struct gd_block *b, size_t size)
{
	SHOW(b, b->size);
	HIDE((char *)b + LINE + size, b->size - LINE - size);
	return (char *)b + LINE;
}

static struct gd_block *block_of(void *data)
{
	return (struct gd_block *)((char *)data - LINE);
}

static void unmap(struct gd_arena *a, struct gd_block *b)
{
	size_t size = b->size;

	SHOW(b, size);
	munmap(b, size);
	a->held -= size;
}

/* Makes room for `more` bytes under the cap by handing cached blocks back; false when there is
 * none to be made. */
static bool make_room(struct gd_arena *a, size_t more)
{
	while (more > a->cap - a->held) {
		struct gd_block *b = a->cached;

		if (!b)
			return false;
		unlink_block(&a->cached, b);
		unmap(a, b);
	}
	return true;
}

static void drop_cached(struct gd_arena *a)
{
	while (a->cached) {
		struct gd_block *b = a->cached;

		unlink_block(&a->cached, b);
		unmap(a, b);
	}
}

static size_t page_size(void)
{
	static size_t size; /* every thread writes the same value */

	if (__atomic_load_n(&size, __ATOMIC_RELAXED) == 0)
		__atomic_store_n(&size, (size_t)sysconf(_SC_PAGESIZE), __ATOMIC_RELAXED);
	return __atomic_load_n(&size, __ATOMIC_RELAXED);
}

/* Bytes to map for `size` bytes of data; 0 when that overflows. */
static size_t mapping_size(size_t size)
{
	size_t page = page_size();

	if (size > (size_t)PTRDIFF_MAX - LINE - page)
		return 0;
	return (size + LINE + page - 1) & ~(page - 1);
}

static void advise(struct gd_block *b)
{
	if (b->size >= HUGE_FROM)
		madvise(b, b->size, MADV_HUGEPAGE);
}

static struct gd_block *map_new(struct gd_arena *a, size_t size)
{
	if (!make_room(a, size))
		return fail(a, GD_ERR_limit_exceeded);

	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED && a->cached) {
		drop_cached(a);
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (p == MAP_FAILED)
		return fail(a, GD_ERR_out_of_memory);

	struct gd_block *b = p;

	b->size = size;
	count_held(a, size);
	advise(b);
	return b;
}

/* Grows or shrinks a block that is in no list; NULL leaves it as it was. */
static struct gd_block *remap(struct gd_arena *a, struct gd_block *b, size_t size)
{
	size_t old = b->size;

	if (size == old)
		return b;
	if (size > old && !make_room(a, size - old))
		return fail(a, GD_ERR_limit_exceeded);
	SHOW(b, old);

	void *p = mremap(b, old, size, MREMAP_MAYMOVE);

	if (p == MAP_FAILED && a->cached) {
		drop_cached(a);
		p = mremap(b, old, size, MREMAP_MAYMOVE);
	}
	if (p == MAP_FAILED)
		return fail(a, GD_ERR_out_of_memory);
	b = p;
	b->size = size;
	if (size > old) {
		count_held(a, size - old);
		advise(b);
	} else {
		a->held -= old - size;
	}
	return b;
}

/* Best fit among the cached blocks. One that is more than a quarter too large is split, its rest
 * stays cached. Where all are too small the largest is taken, to be grown. */
static struct gd_block *take_cached(struct gd_arena *a, size_t size)
{
	struct gd_block *fit = NULL, *largest = NULL;

	for (struct gd_block *b = a->cached; b; b = b->next) {
		if (b->size >= size && (!fit || b->size < fit->size))
			fit = b;
		if (!largest || b->size > largest->size)
			largest = b;
	}

	struct gd_block *b = fit ? fit : largest;

	if (!b)
		return NULL;
	unlink_block(&a->cached, b);
	if (b->size - size > size / 4 && b->size > size) {
		struct gd_block *rest = (struct gd_block *)((char *)b + size);

		SHOW(b, b->size);
		rest->size = b->size - size;
		b->size = size;
		link_block(&a->cached, rest);
	}
	return b;
}

static void *large_alloc(struct gd_arena *a, size_t size)
{
	size_t need = mapping_size(size);

	if (need == 0)
		return fail(a, GD_ERR_limit_exceeded);

	struct gd_block *b = take_cached(a, need);

	if (b && b->size < need) {
		struct gd_block *grown = remap(a, b, need);

		if (!grown) {
			unmap(a, b);
			b = NULL;
		} else {
			b = grown;
		}
	}
	if (!b)
		b = map_new(a, need);
	if (!b)
		return NULL;
	link_block(&a->blocks, b);
	return block_data(b, size);
}

static void *large_resize(struct gd_arena *a, void *p, size_t old, size_t size)
{
	struct gd_block *b = block_of(p);
	size_t need = mapping_size(size);

	if (need == 0)
		return fail(a, GD_ERR_limit_exceeded);
	unlink_block(&a->blocks, b);

	struct gd_block *moved = remap(a, b, need);

	link_block(&a->blocks, moved ? moved : b);
	if (moved)
		return block_data(moved, size);
	block_data(b, old);
	return NULL;
}

/* --- chunks --- */

/* `size` bytes, `align`ed, from a new chunk. Of the free space of the new chunk and of the newest
 * so far, the larger stays in use. */
static void *bump_slow(struct gd_arena *a, size_t size, size_t align)
{
	size_t regular = a->chunks ? 2 * a->chunks->size : CHUNK_FIRST;
	size_t need = sizeof(struct gd_chunk) + size + align;

	if (size > PTRDIFF_MAX - 2 * LINE)
		return fail(a, GD_ERR_limit_exceeded);
	if (regular > CHUNK_LAST)
		regular = CHUNK_LAST;

	size_t total = need > regular / 2 || regular > a->cap - a->held ? need : regular;

	if (!make_room(a, total))
		return fail(a, GD_ERR_limit_exceeded);

	struct gd_chunk *c = malloc(total);

	if (!c && a->cached) {
		drop_cached(a);
		c = malloc(total);
	}
	if (!c)
		return fail(a, GD_ERR_out_of_memory);
	c->size = total;
	count_held(a, total);

	char *p = (char *)(((uintptr_t)(c + 1) + align - 1) & ~(uintptr_t)(align - 1));
	char *end = (char *)c + total;
	char *rest = end - (p + size) < GUARD ? end : p + size + GUARD;

	HIDE(p + size, (size_t)(end - (p + size)));
	if (a->chunks && a->end - a->at >= end - rest) {
		c->next = a->chunks->next;
		a->chunks->next = c;
	} else {
		c->next = a->chunks;
		a->chunks = c;
		a->at = rest;
		a->end = end;
	}
	return p;
}

static inline void *bump(struct gd_arena *a, size_t size, size_t align)
{
	char *p = (char *)(((uintptr_t)a->at + align - 1) & ~(uintptr_t)(align - 1));

	if (p > a->end || size + GUARD > (size_t)(a->end - p) || size > PTRDIFF_MAX)
		return bump_slow(a, size, align);
	a->at = p + size + GUARD;
	SHOW(p, size);
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
		return fail(a, GD_ERR_limit_exceeded);
	return gd_alloc(a, bytes);
}

char *gd_strndup(struct gd_arena *a, const char *s, size_t n)
{
	char *copy = n < SIZE_MAX ? gd_alloc(a, n + 1) : fail(a, GD_ERR_limit_exceeded);

	if (!copy)
		return NULL;
	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

char *gd_sprintf(struct gd_arena *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		return fail(a, GD_ERR_out_of_memory);

	char *text = gd_alloc(a, (size_t)n + 1);

	if (!text)
		return NULL;
	va_start(args, format);
	vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}

/* --- data blocks --- */

static int class_of(size_t size)
{
	if (size <= LINE)
		return 0;
	return 64 - __builtin_clzll((size - 1) / LINE);
}

static size_t class_size(int class)
{
	return (size_t)LINE << class;
}

static void *small_alloc(struct gd_arena *a, size_t size)
{
	int class = class_of(size);
	void *p = a->small[class];

	if (p) {
		SHOW(p, sizeof p);
		memcpy(&a->small[class], p, sizeof p);
	} else {
		p = bump(a, class_size(class), LINE);
		if (!p)
			return NULL;
	}
	HIDE(p, class_size(class));
	SHOW(p, size);
	return p;
}

static void small_free(struct gd_arena *a, void *p, size_t size)
{
	int class = class_of(size);

	SHOW(p, sizeof p);
	memcpy(p, &a->small[class], sizeof p);
	a->small[class] = p;
	HIDE(p, class_size(class));
}

/* The newest small block grows where it stands. */
static bool small_extend(struct gd_arena *a, char *p, size_t old, size_t size)
{
	char *end = p + class_size(class_of(size)) + GUARD;

	if (p + class_size(class_of(old)) + GUARD != a->at || end > a->end || end < p)
		return false;
	HIDE(p, (size_t)(end - p));
	SHOW(p, size);
	a->at = end;
	return true;
}

void *gd_data_alloc(struct gd_arena *a, size_t size)
{
	return size <= SMALL_MAX ? small_alloc(a, size) : large_alloc(a, size);
}

void gd_data_free(struct gd_arena *a, void *p, size_t size)
{
	if (!p)
		return;
	if (size <= SMALL_MAX) {
		small_free(a, p, size);
		return;
	}

	struct gd_block *b = block_of(p);

	unlink_block(&a->blocks, b);
	link_block(&a->cached, b);
	HIDE(p, b->size - LINE);
}

void *gd_data_resize(struct gd_arena *a, void *p, size_t old, size_t size)
{
	if (!p)
		return gd_data_alloc(a, size);
	if (old > SMALL_MAX && size > SMALL_MAX)
		return large_resize(a, p, old, size);
	if (old <= SMALL_MAX && size <= SMALL_MAX) {
		/* A block that shrinks is of the smaller class from now on. */
		if (class_of(size) <= class_of(old)) {
			HIDE(p, class_size(class_of(old)));
			SHOW(p, size);
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
	drop_cached(a);
	while (a->blocks) {
		struct gd_block *b = a->blocks;

		unlink_block(&a->blocks, b);
		unmap(a, b);
	}
	while (a->chunks) {
		struct gd_chunk *c = a->chunks;

		a->chunks = c->next;
		SHOW(c, c->size);
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
