/* What the process has done so far, counted, for GET /metrics (api/metrics.def).
 *
 * Counting takes a few relaxed atomic additions a request, on any thread. */
#ifndef GD_METRICS_H
#define GD_METRICS_H

#include <stddef.h>
#include <stdint.h>

/* The phases of a request, in order. */
enum gd_phase { GD_RECEIVE, GD_PARSE, GD_QUEUE, GD_COMPUTE, GD_WRITE, GD_PHASES };

/* What one request was; written by its thread, counted once at its end. */
struct gd_measure {
	int endpoint;          /* row of endpoints.def, or -1 */
	int status;            /* 0: the client was gone before there was one */
	int64_t ns[GD_PHASES]; /* -1: did not come to it */
	size_t memory;         /* most bytes held */
	uint64_t numbers_in, numbers_out, bytes_in, bytes_out;
};

/* What the server knows and the requests do not. */
struct gd_gauges {
	size_t active, queued, queue_limit, threads, workers, blas_threads;
};

struct gd_metrics;

/* NULL when there is no memory. */
struct gd_metrics *gd_metrics_new(void);
void gd_metrics_free(struct gd_metrics *m);

/* From now on `read` fills in the gauges when they are asked for; before the first request. */
void gd_metrics_watch(struct gd_metrics *m, void (*read)(void *cls, struct gd_gauges *gauges),
                      void *cls);

void gd_metrics_count(struct gd_metrics *m, const struct gd_measure *x);

/* Nanoseconds on a clock that only goes forward. */
int64_t gd_metrics_clock(void);

#endif
