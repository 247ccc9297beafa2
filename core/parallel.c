#include "core/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { MOST = 64, SPINS = 4000 /* some microseconds: the next loop is often close behind */ };

/* One loop at a time: `busy` guards all of this but the atomics. */
static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t sleeping = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static atomic_int wanted = 1;
static int started;           /* workers; they are numbered from 1 */
static atomic_uint loop;      /* counts the loops */
static atomic_int unfinished; /* workers that have not done their part of this one */
static struct {
	size_t n, grain;
	int parts;
	void (*work)(void *, size_t, size_t);
	void *context;
} job;

void gd_threads(int n)
{
	atomic_store(&wanted, n < 1 ? 1 : n > MOST ? MOST : n);
}

static void run_part(int part)
{
	size_t grains = (job.n + job.grain - 1) / job.grain, parts = (size_t)job.parts;
	size_t begin = grains * (size_t)part / parts * job.grain;
	size_t end = grains * ((size_t)part + 1) / parts * job.grain;
	end = end < job.n ? end : job.n;
	if (begin < end)
		job.work(job.context, begin, end);
}

static void relax(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#endif
}

static unsigned next_loop(unsigned seen)
{
	unsigned now;
	for (int i = 0; i < SPINS; i++) {
		now = atomic_load_explicit(&loop, memory_order_acquire);
		if (now != seen)
			return now;
		relax();
	}
	pthread_mutex_lock(&sleeping);
	while ((now = atomic_load_explicit(&loop, memory_order_acquire)) == seen)
		pthread_cond_wait(&wake, &sleeping);
	pthread_mutex_unlock(&sleeping);
	return now;
}

/* A worker takes part in every loop from its first on, if only to say that it has no part. */
static void *worker(void *number)
{
	int part = (int)(size_t)number;
	unsigned seen = (unsigned)((size_t)number >> 32);
	for (;;) {
		seen = next_loop(seen);
		if (part < job.parts)
			run_part(part);
		atomic_fetch_sub_explicit(&unfinished, 1, memory_order_release);
	}
	return NULL;
}

/* Workers take no signals: those are for the threads that expect them. */
static void start_workers(int n)
{
	sigset_t all, before;
	pthread_attr_t attr;
	if (started >= n || pthread_attr_init(&attr) != 0)
		return;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started < n) {
		pthread_t thread;
		size_t number = (size_t)(started + 1) | (size_t)atomic_load(&loop) << 32;
		if (pthread_create(&thread, &attr, worker, (void *)number) != 0)
			break;
		started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
}

void gd_parallel_for(size_t n, size_t grain, void (*work)(void *context, size_t begin, size_t end),
                     void *context)
{
	int threads = atomic_load_explicit(&wanted, memory_order_relaxed);
	if (n == 0)
		return;
	if (threads == 1 || n <= grain || pthread_mutex_trylock(&busy) != 0) {
		work(context, 0, n);
		return;
	}
	start_workers(threads - 1);
	job.n = n;
	job.grain = grain;
	job.parts = started < threads - 1 ? started + 1 : threads;
	job.work = work;
	job.context = context;
	atomic_store_explicit(&unfinished, started, memory_order_relaxed);
	pthread_mutex_lock(&sleeping);
	atomic_fetch_add_explicit(&loop, 1, memory_order_release);
	pthread_cond_broadcast(&wake);
	pthread_mutex_unlock(&sleeping);
	run_part(0);
	for (int i = 0; atomic_load_explicit(&unfinished, memory_order_acquire) > 0; i++)
		if (i < SPINS)
			relax();
		else
			sched_yield();
	pthread_mutex_unlock(&busy);
}
