#include "server/work.h"

#include <pthread.h>
#include <stdlib.h>

struct gd_work {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct gd_job *head, **tail; /* those that wait */
	size_t pending, room;        /* places taken, places in all */
	bool stopping;
	size_t threads;
	pthread_t thread[];
};

static void *serve(void *arg)
{
	struct gd_work *work = arg;
	pthread_mutex_lock(&work->lock);
	for (;;) {
		struct gd_job *job = work->head;
		/* A place that was reserved will still be filled. */
		if (work->stopping && work->pending == 0)
			break;
		if (!job) {
			pthread_cond_wait(&work->wake, &work->lock);
			continue;
		}
		work->head = job->next;
		if (!work->head)
			work->tail = &work->head;
		bool dropped = work->stopping;
		pthread_mutex_unlock(&work->lock);
		if (dropped)
			job->drop(job);
		else
			job->run(job);
		/* The job is gone now: whoever it belonged to may have freed it. */
		pthread_mutex_lock(&work->lock);
		if (--work->pending == 0 && work->stopping)
			pthread_cond_broadcast(&work->wake);
	}
	pthread_mutex_unlock(&work->lock);
	return NULL;
}

struct gd_work *gd_work_start(size_t workers, size_t queue)
{
	struct gd_work *work = calloc(1, sizeof *work + workers * sizeof work->thread[0]);
	if (!work)
		return NULL;
	pthread_mutex_init(&work->lock, NULL);
	pthread_cond_init(&work->wake, NULL);
	work->tail = &work->head;
	work->room = workers + queue;
	for (; work->threads < workers; work->threads++)
		if (pthread_create(&work->thread[work->threads], NULL, serve, work) != 0) {
			gd_work_stop(work);
			gd_work_free(work);
			return NULL;
		}
	return work;
}

bool gd_work_reserve(struct gd_work *work)
{
	pthread_mutex_lock(&work->lock);
	bool free_place = work->pending < work->room && !work->stopping;
	work->pending += free_place;
	pthread_mutex_unlock(&work->lock);
	return free_place;
}

void gd_work_push(struct gd_work *work, struct gd_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&work->lock);
	*work->tail = job;
	work->tail = &job->next;
	pthread_cond_signal(&work->wake);
	pthread_mutex_unlock(&work->lock);
}

size_t gd_work_pending(struct gd_work *work)
{
	pthread_mutex_lock(&work->lock);
	size_t pending = work->pending;
	pthread_mutex_unlock(&work->lock);
	return pending;
}

void gd_work_stop(struct gd_work *work)
{
	pthread_mutex_lock(&work->lock);
	work->stopping = true;
	pthread_cond_broadcast(&work->wake);
	pthread_mutex_unlock(&work->lock);
	for (size_t i = 0; i < work->threads; i++)
		pthread_join(work->thread[i], NULL);
	work->threads = 0;
}

void gd_work_free(struct gd_work *work)
{
	if (!work)
		return;
	pthread_cond_destroy(&work->wake);
	pthread_mutex_destroy(&work->lock);
	free(work);
}
