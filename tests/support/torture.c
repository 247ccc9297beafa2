#define _GNU_SOURCE
#include "tests/support/torture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The C library's own, under the names that it keeps for replacements like these. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static _Thread_local bool armed;
static _Thread_local size_t count, fail_at;
static _Thread_local long live_blocks, live_bytes;

void torture_arm(size_t k)
{
	count = 0;
	fail_at = k;
	live_blocks = live_bytes = 0;
	armed = true;
}

size_t torture_disarm(void)
{
	armed = false;
	return count;
}

long torture_live_blocks(void)
{
	return live_blocks;
}

long torture_live_bytes(void)
{
	return live_bytes;
}

/* True when this one is to fail. */
static bool fails(void)
{
	if (!armed || ++count != fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

static void *got(void *p)
{
	live_blocks += armed && p;
	return p;
}

void *malloc(size_t size)
{
	return fails() ? NULL : got(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : got(__libc_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
	if (!p)
		return malloc(size);
	return fails() ? NULL : __libc_realloc(p, size);
}

void free(void *p)
{
	live_blocks -= armed && p;
	__libc_free(p);
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (fails())
		return MAP_FAILED;

	void *p = (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset);

	if (armed && p != MAP_FAILED)
		live_bytes += (long)size;
	return p;
}

int munmap(void *p, size_t size)
{
	if (armed)
		live_bytes -= (long)size;
	return (int)syscall(SYS_munmap, p, size);
}

void *mremap(void *p, size_t old, size_t size, int flags, ...)
{
	va_list args;
	void *to, *moved;

	va_start(args, flags);
	to = flags & MREMAP_FIXED ? va_arg(args, void *) : NULL;
	va_end(args);
	if (fails()) {
		/* Like the kernel, which makes room at a fixed target before it looks further. */
		if (to)
			munmap(to, size);
		return MAP_FAILED;
	}
	moved = (void *)syscall(SYS_mremap, p, old, size, flags, to);
	/* A fixed target is mapped already and counted. */
	if (armed && moved != MAP_FAILED)
		live_bytes += to ? -(long)old : (long)size - (long)old;
	return moved;
}
