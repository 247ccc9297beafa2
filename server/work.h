/* A bounded queue and the threads that work it off. What is large runs here, so that no small
 * request waits behind it. */
#ifndef GD_WORK_H
#define GD_WORK_H

#include <stdbool.h>
#include <stddef.h>

/* Embedded in what is to be done; nothing is allocated for a job. */
struct gd_job {
	void (*run)(struct gd_job *job);  /* on a worker */
	void (*drop)(struct gd_job *job); /* instead of run, when the queue is stopped */
	struct gd_job *next;
};

struct gd_work;

/* `workers` threads and room for `queue` jobs beside those that run. NULL when there is no memory
 * or no thread to be had. */
struct gd_work *gd_work_start(size_t workers, size_t queue);

/* Takes a place for a job; false when all are taken. Each reserved place must be filled by one
 * gd_work_push. */
bool gd_work_reserve(struct gd_work *work);
void gd_work_push(struct gd_work *work, struct gd_job *job);

/* Jobs that are running or waiting. */
size_t gd_work_pending(struct gd_work *work);

/* Drops the jobs that wait, lets those that run finish and ends the threads. From then on there is
 * no place to reserve. */
void gd_work_stop(struct gd_work *work);

/* After gd_work_stop. */
void gd_work_free(struct gd_work *work);

#endif
