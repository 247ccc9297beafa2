/* How long the computation of a /grad request takes, apart from reading and writing.
 *
 *   compute FILE THREADS COUNT [OUT]   FILE holds the request's JSON, its tensors best as base64
 *
 * Prepares the request once and evaluates it COUNT times, each time in fresh memory as a server
 * would; prints the seconds of each and its CPU time, a line each. OUT gets the loss and the
 * gradients of `wrt`, in its order, as raw elements. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/compute.h"
#include "api/plan.h"
#include "core/blas.h"
#include "core/parallel.h"

static double now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int complain(const struct gd_error *e, const char *what)
{
	fprintf(stderr, "compute: %s: %s\n", what, e->detail);
	return 1;
}

static bool feed(struct gd_scan *scan, const char *path)
{
	static char buffer[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t n;
	bool ok = f && scan;
	while (ok && (n = fread(buffer, 1, sizeof buffer, f)) > 0)
		ok = gd_scan_feed(scan, buffer, n);
	if (f)
		fclose(f);
	return ok && gd_scan_end(scan);
}

static bool save(const struct gd_compute *c, const char *path)
{
	FILE *f = fopen(path, "wb");
	bool ok = f != NULL;
	for (int i = 0; ok && i < 1 + c->spec->wrt.n; i++) {
		const struct gd_node *n = c->outputs[i];
		ok = fwrite(n->data, gd_dtype_size(n->dtype), n->count, f) == n->count;
	}
	return f && fclose(f) == 0 && ok;
}

int main(int argc, char **argv)
{
	struct gd_service service = {.limits = GD_LIMITS_INIT};
	struct gd_arena arena;
	struct gd_error error;
	struct gd_exchange x = {.service = &service, .arena = &arena, .error = &error};
	size_t length;
	if (argc < 4) {
		fprintf(stderr, "usage: compute FILE THREADS COUNT [OUT]\n");
		return 2;
	}
	int threads = atoi(argv[2]), count = atoi(argv[3]);
	gd_blas_threads(threads);
	gd_threads(threads);
	gd_arena_init(&arena, service.limits.memory_bytes);
	gd_error_clear(&error);
	struct gd_scan *scan = gd_scan_new(&arena, &service.limits, &error);
	if (!feed(scan, argv[1]))
		return complain(&error, argv[1]);
	x.endpoint = gd_endpoint_find("POST", "/grad", &error);
	x.lifted = gd_scan_lifted(scan, &x.lifted_count);
	const char *skeleton = gd_scan_skeleton(scan, &length);
	if (!gd_plan_prepare(&x, skeleton, length))
		return complain(&error, gd_code_name(error.code));
	for (int i = 0; i < count; i++) {
		struct gd_arena memory;
		gd_arena_init(&memory, service.limits.memory_bytes);
		x.compute->spec->graph.arena = &memory;
		double begin = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
		if (!gd_compute_run(x.compute))
			return complain(&error, "evaluation");
		printf("%.9f %.9f\n", now(CLOCK_MONOTONIC) - begin,
		       now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
		if (i == 0 && argc > 4 && !save(x.compute, argv[4]))
			return complain(&error, argv[4]);
		gd_arena_release(&memory);
	}
	gd_plan_release(x.plan, false);
	gd_arena_release(&arena);
	return 0;
}
