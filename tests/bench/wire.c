#include "tests/bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 120 };

pid_t bench_child;

_Noreturn void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	if (bench_child > 0)
		kill(bench_child, SIGKILL);
	exit(1);
}

double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

long bench_number(const char *text, long min, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < min || n > max)
		bench_die("\"%s\" is not a number between %ld and %ld", text, min, max);
	return n;
}

static char *read_file(const char *file, size_t *size)
{
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *bytes;

	if (fd < 0 || fstat(fd, &st) < 0)
		bench_die("%s: %s", file, strerror(errno));
	*size = (size_t)st.st_size;
	if (!(bytes = malloc(*size + 1)))
		bench_die("no memory for %s", file);
	for (size_t at = 0; at < *size;) {
		ssize_t n = read(fd, bytes + at, *size - at);

		if (n <= 0)
			bench_die("%s: short read", file);
		at += (size_t)n;
	}
	close(fd);
	return bytes;
}

static struct bench_message request(const char *path, const char *body, size_t length)
{
	struct bench_message m = {.bytes = malloc(length + strlen(path) + 256)};

	if (!m.bytes)
		bench_die("no memory for a request of %zu bytes", length);
	m.length = (size_t)sprintf(m.bytes,
	                           "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	                           "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
	                           path, length);
	memcpy(m.bytes + m.length, body, length);
	m.length += length;
	return m;
}

struct bench_messages bench_read_requests(const char *path, const char *file)
{
	struct bench_messages list = {0};
	size_t size;
	char *text = read_file(file, &size), *end = text + size;

	for (char *at = text, *stop; at < end; at = stop + 1) {
		stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			stop = end;
		list.all = realloc(list.all, (list.count + 1) * sizeof *list.all);
		if (!list.all)
			bench_die("no memory for the requests");
		list.all[list.count++] = request(path, at, (size_t)(stop - at));
	}
	if (!list.count)
		bench_die("%s is empty", file);
	free(text);
	return list;
}

int bench_dial(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		bench_die("socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}
