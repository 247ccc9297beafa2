/* What the clients of the benchmarks share: requests ready to send, and connections. */
#ifndef GD_BENCH_WIRE_H
#define GD_BENCH_WIRE_H

#include <stddef.h>
#include <sys/types.h>

/* A server to be killed when the client dies, or 0. */
extern pid_t bench_child;

/* A line on standard error and exit 1. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Seconds of the monotonic clock. */
double bench_now(void);

/* A command line's number between min and max, or bench_die. */
long bench_number(const char *text, long min, long max);

/* Head and body in one piece. */
struct bench_message {
	char *bytes;
	size_t length;
};

struct bench_messages {
	struct bench_message *all;
	size_t count;
};

/* A POST to path for each line of the file; at least one. */
struct bench_messages bench_read_requests(const char *path, const char *file);

/* A connected socket of loopback, or -1. */
int bench_dial(int port);

#endif
