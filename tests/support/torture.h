/* Makes the k-th allocation of a piece of code fail.
 *
 *	for (size_t k = 1;; k++) {
 *		torture_arm(k);
 *		...                              the code: malloc, calloc, realloc, mmap and mremap
 *		if (torture_disarm() < k)        of this thread are counted, the k-th fails
 *			break;                   it was through before the k-th
 *	}
 *
 * A program is made of its tests/<layer>/torture_<name>.c, this file's .c and the libraries; `make
 * torture` builds and runs all of them. No sanitizers: the functions are replaced by definition,
 * which is what those do too. */
#ifndef TORTURE_H
#define TORTURE_H

#include <stddef.h>

void torture_arm(size_t fail_at);

/* Returns how many allocations there were, the failed one included. */
size_t torture_disarm(void);

/* Blocks and mapped bytes that were got while armed and have not been given back. */
long torture_live_blocks(void);
long torture_live_bytes(void);

#endif
