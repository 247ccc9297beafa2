#include "api/metrics.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "api/endpoint.h"
#include "core/blas.h"

#ifndef GD_COMMIT
#define GD_COMMIT "unknown"
#endif

enum {
	ENDPOINTS = 32, /* rows of endpoints.def at most; the last place is for unknown paths */
	FIRST_STATUS = 200,
	STATUSES = 400,
	BUCKETS = 16
};

/* Upper bounds: 0.1 ms to 10 s in steps of about 2.5; 16 KiB to 16 GiB in steps of 4. */
static const double seconds[] = {1e-4, 2.5e-4, 5e-4,   1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2,
                                 5e-2, 1e-1,   2.5e-1, 5e-1, 1,      2.5,  5,    10};
static const double sizes[] = {0x1p14, 0x1p16, 0x1p18, 0x1p20, 0x1p22, 0x1p24,
                               0x1p26, 0x1p28, 0x1p30, 0x1p32, 0x1p34};

struct histogram {
	atomic_uint_fast64_t bucket[BUCKETS + 1]; /* the last one: beyond every bound */
	atomic_uint_fast64_t sum;                 /* ns, bytes */
};

struct gd_metrics {
	void (*read)(void *cls, struct gd_gauges *gauges);
	void *cls;
	double started; /* Unix time */
	atomic_uint_fast64_t requests[ENDPOINTS][STATUSES];
	struct histogram duration[ENDPOINTS][GD_PHASES];
	struct histogram memory;
	atomic_uint_fast64_t numbers[2], bytes[2];
};

/* --- counting ----------------------------------------------------------------------------- */

int64_t gd_metrics_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct gd_metrics *gd_metrics_new(void)
{
	struct gd_metrics *m = calloc(1, sizeof *m);
	struct timespec now;
	if (!m)
		return NULL;
	clock_gettime(CLOCK_REALTIME, &now);
	m->started = (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
	return m;
}

void gd_metrics_watch(struct gd_metrics *m, void (*read)(void *cls, struct gd_gauges *gauges),
                      void *cls)
{
	m->read = read;
	m->cls = cls;
}

void gd_metrics_free(struct gd_metrics *m)
{
	free(m);
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void observe(struct histogram *h, const double *bounds, int n, double value, uint64_t raw)
{
	int i = 0;
	while (i < n && value > bounds[i])
		i++;
	add(&h->bucket[i], 1);
	add(&h->sum, raw);
}

enum { N_SECONDS = sizeof seconds / sizeof *seconds, N_SIZES = sizeof sizes / sizeof *sizes };

void gd_metrics_count(struct gd_metrics *m, const struct gd_measure *x)
{
	int endpoint =
	        x->endpoint < 0 || x->endpoint >= ENDPOINTS - 1 ? ENDPOINTS - 1 : x->endpoint;
	int status = x->status - FIRST_STATUS;
	if (status < 0 || status >= STATUSES)
		return;
	add(&m->requests[endpoint][status], 1);
	for (int i = 0; i < GD_PHASES; i++)
		if (x->ns[i] >= 0)
			observe(&m->duration[endpoint][i], seconds, N_SECONDS,
			        (double)x->ns[i] * 1e-9, (uint64_t)x->ns[i]);
	observe(&m->memory, sizes, N_SIZES, (double)x->memory, x->memory);
	if (x->numbers_in)
		add(&m->numbers[0], x->numbers_in);
	if (x->numbers_out)
		add(&m->numbers[1], x->numbers_out);
	add(&m->bytes[0], x->bytes_in);
	add(&m->bytes[1], x->bytes_out);
}

/* --- the page ----------------------------------------------------------------------------- */

/* Text that grows in the arena. */
struct page {
	struct gd_arena *arena;
	char *text;
	size_t n, room;
	bool failed;
};

static void put(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct page *p, const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (p->failed || n < 0 || (size_t)n >= sizeof line)
		return;
	if (p->n + (size_t)n > p->room) {
		size_t room = 2 * p->room + 16384;
		char *text = gd_alloc(p->arena, room);
		if (!text) {
			p->failed = true;
			return;
		}
		if (p->n)
			memcpy(text, p->text, p->n);
		p->text = text;
		p->room = room;
	}
	memcpy(p->text + p->n, line, (size_t)n);
	p->n += (size_t)n;
}

static const char *endpoint_name(int i)
{
	size_t n;
	const struct gd_endpoint *all = gd_endpoints(&n);
	return i < (int)n ? all[i].path : i == ENDPOINTS - 1 ? "other" : NULL;
}

static const char *const phases[] = {"receive", "parse", "queue", "compute", "write"};

/* Buckets are cumulative; `unit` is what one of the sum is worth. */
static void put_histogram(struct page *p, const char *name, const char *labels,
                          const struct histogram *h, const double *bounds, int n, double unit)
{
	uint64_t count = 0;
	const char *comma = *labels ? "," : "";
	for (int i = 0; i < n; i++) {
		count += get(&h->bucket[i]);
		put(p, "%s_bucket{%s%sle=\"%.12g\"} %llu\n", name, labels, comma, bounds[i],
		    (unsigned long long)count);
	}
	count += get(&h->bucket[n]);
	put(p, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, labels, comma, (unsigned long long)count);
	put(p, *labels ? "%s_sum{%s} %.9g\n" : "%s_sum%s %.9g\n", name, labels,
	    (double)get(&h->sum) * unit);
	put(p, *labels ? "%s_count{%s} %llu\n" : "%s_count%s %llu\n", name, labels,
	    (unsigned long long)count);
}

static void put_requests(struct page *p, struct gd_metrics *m, const char *name)
{
	for (int e = 0; e < ENDPOINTS; e++)
		for (int s = 0; s < STATUSES; s++)
			if (get(&m->requests[e][s]))
				put(p, "%s{endpoint=\"%s\",code=\"%d\"} %llu\n", name,
				    endpoint_name(e), FIRST_STATUS + s,
				    (unsigned long long)get(&m->requests[e][s]));
}

static bool touched(const struct histogram *h)
{
	for (int i = 0; i <= BUCKETS; i++)
		if (get(&h->bucket[i]))
			return true;
	return false;
}

static void put_durations(struct page *p, struct gd_metrics *m, const char *name)
{
	char labels[128];
	for (int e = 0; e < ENDPOINTS; e++)
		for (int i = 0; i < GD_PHASES; i++) {
			if (!touched(&m->duration[e][i]))
				continue;
			snprintf(labels, sizeof labels, "endpoint=\"%s\",phase=\"%s\"",
			         endpoint_name(e), phases[i]);
			put_histogram(p, name, labels, &m->duration[e][i], seconds, N_SECONDS,
			              1e-9);
		}
}

static void put_two(struct page *p, const char *name, atomic_uint_fast64_t *both)
{
	static const char *const ways[] = {"in", "out"};
	for (int i = 0; i < 2; i++)
		put(p, "%s{direction=\"%s\"} %llu\n", name, ways[i],
		    (unsigned long long)get(&both[i]));
}

/* Pages of the process in RAM, in bytes; 0 where /proc is not there. */
static double resident_bytes(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static int open_descriptors(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	if (!d)
		return 0;
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n - 1; /* the folder's own */
}

static double cpu_seconds(void)
{
	struct rusage u;
	if (getrusage(RUSAGE_SELF, &u) != 0)
		return 0;
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

struct look {
	struct page *page;
	struct gd_metrics *m;
	const struct gd_service *service;
	struct gd_gauges gauges;
};

static void put_plain(struct look *l, const char *name, double value)
{
	put(l->page, "%s %.15g\n", name, value);
}

static void write_requests(struct look *l, const char *name)
{
	put_requests(l->page, l->m, name);
}

static void write_duration(struct look *l, const char *name)
{
	put_durations(l->page, l->m, name);
}

static void write_memory(struct look *l, const char *name)
{
	put_histogram(l->page, name, "", &l->m->memory, sizes, N_SIZES, 1);
}

static void write_numbers(struct look *l, const char *name)
{
	put_two(l->page, name, l->m->numbers);
}

static void write_bytes(struct look *l, const char *name)
{
	put_two(l->page, name, l->m->bytes);
}

static void write_active(struct look *l, const char *name)
{
	put_plain(l, name, (double)l->gauges.active);
}

static void write_queued(struct look *l, const char *name)
{
	put_plain(l, name, (double)l->gauges.queued);
}

static void write_queue_limit(struct look *l, const char *name)
{
	put_plain(l, name, (double)l->gauges.queue_limit);
}

static void write_threads(struct look *l, const char *name)
{
	put(l->page, "%s{role=\"connections\"} %zu\n%s{role=\"workers\"} %zu\n", name,
	    l->gauges.threads, name, l->gauges.workers);
	put(l->page, "%s{role=\"blas\"} %zu\n", name, l->gauges.blas_threads);
}

static void write_draining(struct look *l, const char *name)
{
	put_plain(l, name, atomic_load(&l->service->draining) ? 1 : 0);
}

static void write_build(struct look *l, const char *name)
{
	put(l->page, "%s{version=\"%s\",commit=\"%s\",blas=\"%s\"} 1\n", name, GD_VERSION,
	    GD_COMMIT, gd_blas_kernel());
}

static void write_started(struct look *l, const char *name)
{
	put_plain(l, name, l->m->started);
}

static void write_cpu(struct look *l, const char *name)
{
	put_plain(l, name, cpu_seconds());
}

static void write_resident(struct look *l, const char *name)
{
	put_plain(l, name, resident_bytes());
}

static void write_descriptors(struct look *l, const char *name)
{
	put_plain(l, name, open_descriptors());
}

static void write_descriptor_limit(struct look *l, const char *name)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		put_plain(l, name, (double)limit.rlim_cur);
}

static const struct {
	const char *name, *type, *help;
	void (*write)(struct look *l, const char *name);
} rows[] = {
#define GD_METRIC(id, name, type, help) {name, type, help, write_##id},
#include "api/metrics.def"
};

/* GET /metrics: Prometheus' text format, version 0.0.4. */
bool gd_metrics_run(struct gd_exchange *x)
{
	struct page page = {.arena = x->arena};
	struct gd_metrics *m = x->service->metrics, *none = NULL;
	if (!m)
		m = none = gd_metrics_new(); /* one call in-process: nothing is counted */
	if (!m) {
		gd_fail(x->error, GD_ERR_out_of_memory, "there is no memory to count with");
		return false;
	}
	struct look look = {.page = &page, .m = m, .service = x->service};
	if (m->read)
		m->read(m->cls, &look.gauges);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		put(&page, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name, rows[i].help, rows[i].name,
		    rows[i].type);
		rows[i].write(&look, rows[i].name);
	}
	gd_metrics_free(none);
	if (page.failed)
		return gd_arena_fail(x->arena, x->error);
	gd_doc_plain(x->doc, page.text, page.n);
	return true;
}
