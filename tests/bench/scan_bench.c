/* The codec and the scanner against the bare conversions of the standard library and of dragonbox,
 * both sides in one run: ns a number and their ratio.
 *
 *   scan_bench [KIND]   0 to 4: that kind of numbers only */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/number.h"
#include "api/scan.h"
#include "tests/bench/scan_floor.h"

enum { N = 1 << 20, ROW = 1024, ROUNDS = 9, SMALL_TIMES = 20000, KINDS = 5 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint64_t random_state = 88172645463325252u;

static uint64_t random_bits(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static double uniform(void)
{
	return (double)(random_bits() >> 11) * 0x1p-52 - 1;
}

static double random_value(int kind)
{
	double d;
	uint64_t bits;

	switch (kind) {
	case 0: return uniform();
	case 1: return 5 * uniform();
	case 2: return (double)(random_bits() % 256);
	case 3: return (double)(random_bits() % 100000) / 100;
	default:
		do {
			bits = random_bits();
			memcpy(&d, &bits, sizeof d);
		} while (d - d != 0);
		return d;
	}
}

static const char *const kinds[KINDS] = {"(-1, 1)", "(-5, 5)", "0 to 255", "0.00 to 999.99",
                                         "random bits"};

static char *text;
static double *values, *back;

/* A request that is one tensor of N numbers in rows; `space` behind each comma. */
static size_t write_request(bool space, int row)
{
	char *p = text;

	p += sprintf(p, "{\"tensors\":{\"x\":[");
	for (int i = 0; i < N; i++) {
		if (i % row == 0)
			*p++ = '[';
		p += gd_write_double(p, values[i]);
		if (i % row == row - 1) {
			*p++ = ']';
			*p++ = i == N - 1 ? ']' : ',';
		} else {
			*p++ = ',';
		}
		if (space && p[-1] == ',')
			*p++ = ' ';
	}
	p += sprintf(p, "}}");
	return (size_t)(p - text);
}

static double scan_once(const char *bytes, size_t length, size_t chunk, const char *check)
{
	struct gd_limits limits = GD_LIMITS_INIT;
	struct gd_arena arena;
	struct gd_error error;
	double start = now();

	gd_arena_init(&arena, limits.memory_bytes);
	gd_error_clear(&error);

	struct gd_scan *scan = gd_scan_new(&arena, &limits, &error);

	for (size_t at = 0; at < length; at += chunk)
		gd_scan_feed(scan, bytes + at, length - at < chunk ? length - at : chunk);

	bool good = gd_scan_end(scan);
	double took = now() - start;
	size_t count;
	struct gd_lifted *lifted = gd_scan_lifted(scan, &count);

	if (!good || (check && memcmp(lifted[0].tensor.data, check, N * sizeof(double)) != 0)) {
		fprintf(stderr, "scan_bench: wrong result: %s\n", error.detail);
		exit(EXIT_FAILURE);
	}
	gd_arena_release(&arena);
	return took;
}

static double best(double a, double b)
{
	return a < b ? a : b;
}

static void print_row(const char *what, const char *kind, double ours, double floor, double times)
{
	printf("%-32s %-16s %8.1f %8.1f %8.2f\n", what, kind, ours * 1e9 / times,
	       floor * 1e9 / times, ours / floor);
}

static void bench_numbers(int kind)
{
	static const size_t chunks[] = {16 << 10, 256 << 10};
	double write = 1, write_floor = 1, read_floor = 1, read = 1, scan[2][2] = {{1, 1}, {1, 1}};
	double narrow = 1;

	for (int i = 0; i < N; i++)
		values[i] = random_value(kind);
	for (int round = 0; round < ROUNDS; round++) {
		double start = now();

		floor_write_doubles(text, values, N);
		write_floor = best(write_floor, now() - start);

		char *p = text;

		start = now();
		for (int i = 0; i < N; i++) {
			p += gd_write_double(p, values[i]);
			*p++ = ',';
		}
		write = best(write, now() - start);

		start = now();
		floor_read_doubles(text, p, back, N);
		read_floor = best(read_floor, now() - start);

		const char *q = text;

		start = now();
		for (int i = 0; i < N; i++) {
			const char *stop;

			gd_read_double(q, p, &back[i], &stop);
			q = stop + 1;
		}
		read = best(read, now() - start);
		for (int space = 0; space < 2; space++) {
			size_t length = write_request(space, ROW);

			for (int c = 0; c < 2; c++)
				scan[space][c] =
				        best(scan[space][c],
				             scan_once(text, length, chunks[c], (char *)values));
		}
		narrow = best(narrow,
		              scan_once(text, write_request(false, 2), 64 << 10, (char *)values));
	}
	print_row("write / dragonbox", kinds[kind], write, write_floor, N);
	print_row("read / from_chars", kinds[kind], read, read_floor, N);
	print_row("scan, chunks of 16 KiB", kinds[kind], scan[0][0], read_floor, N);
	print_row("scan, chunks of 256 KiB", kinds[kind], scan[0][1], read_floor, N);
	print_row("scan, \", \", chunks of 256 KiB", kinds[kind], scan[1][1], read_floor, N);
	print_row("scan, rows of 2", kinds[kind], narrow, read_floor, N);
}

static void bench_small(void)
{
	static const char request[] =
	        "{\"tensors\": {\"x\": [[1, 2, 3, 4]], \"W\": [[0.5, -1], [0.25, 2], [1, 1], "
	        "[-0.125, 3]], \"b\": [0, 1], \"target\": [[1, 0]]}, \"layers\": [\"linear\"], "
	        "\"loss\": \"mse\"}";
	double took = 1;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now();

		for (int i = 0; i < SMALL_TIMES; i++)
			scan_once(request, sizeof request - 1, 4096, NULL);
		took = best(took, now() - start);
	}
	printf("a request of %zu bytes, arena included: %.0f ns\n", sizeof request - 1,
	       took * 1e9 / SMALL_TIMES);
}

int main(int argc, char **argv)
{
	int only = argc > 1 ? atoi(argv[1]) : -1;

	text = malloc((size_t)N * GD_NUMBER_MAX + 4096);
	values = malloc(N * sizeof *values);
	back = malloc(N * sizeof *back);
	if (!text || !values || !back)
		return EXIT_FAILURE;
	printf("%-32s %-16s %8s %8s %8s\n", "", "numbers", "ns", "floor", "ratio");
	for (int kind = 0; kind < KINDS; kind++)
		if (getenv("K") == NULL || atoi(getenv("K")) == kind)
			if (only < 0 || only == kind)
				bench_numbers(kind);
	bench_small();
	free(text);
	free(values);
	free(back);
	return EXIT_SUCCESS;
}
