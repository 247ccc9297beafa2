/* Loops over several threads. */
#ifndef GD_PARALLEL_H
#define GD_PARALLEL_H

#include <stddef.h>

/* Threads that one loop uses; 1 at first, at most 64. They are started when a loop first needs
 * them. Call it before loops run. */
void gd_threads(int n);

/* Calls work(context, begin, end) for parts that make up [0, n), each but the last a multiple of
 * `grain` long, and returns when all are done. Which parts there are depends on n, grain and the
 * number of threads; whoever must not depend on that lets no result cross a multiple of `grain`.
 * A loop that starts while another runs has its own thread only. */
void gd_parallel_for(size_t n, size_t grain, void (*work)(void *context, size_t begin, size_t end),
                     void *context);

#endif
