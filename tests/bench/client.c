/* A cheap HTTP client, so that what is measured is the server.
 *
 *   client post PORT PATH FILE COUNT [OUT]   one keep-alive connection; a line for each request:
 *                                            seconds to the last byte, seconds to the first byte,
 *                                            bytes of the body. OUT gets the last body.
 *   client start PORT PATH FILE COUNT COMMAND…  starts COMMAND COUNT times, each time until its
 *                                            first answer of 200: a line with the seconds.
 *
 * Each line of FILE is a body; with several they take turns, or a CPU's branch predictor learns a
 * short one by heart. The request is sent from memory; the answer is read into one buffer and, but
 * for OUT, dropped. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/wire.h"

enum { BUFFER = 1 << 20 };

/* The bytes of an answer, as they come. */
struct stream {
	int fd;
	char *buf, *at, *end;
	FILE *out;        /* or NULL */
	double first;     /* time of the first byte, 0 before it */
	uint64_t payload; /* bytes of body so far */
};

static void fill(struct stream *s)
{
	ssize_t n = recv(s->fd, s->buf, BUFFER, 0);

	if (n <= 0)
		bench_die("the answer ended early: %s", n ? strerror(errno) : "connection closed");
	if (s->first == 0)
		s->first = bench_now();
	s->at = s->buf;
	s->end = s->buf + n;
}

/* The next line, without its end. */
static void line(struct stream *s, char *text, size_t room)
{
	size_t n = 0;

	for (;;) {
		if (s->at == s->end)
			fill(s);
		char c = *s->at++;
		if (c == '\n')
			break;
		if (c != '\r' && n + 1 < room)
			text[n++] = c;
	}
	text[n] = 0;
}

static void body(struct stream *s, uint64_t length)
{
	while (length) {
		if (s->at == s->end)
			fill(s);
		size_t n = (size_t)(s->end - s->at);
		if (n > length)
			n = length;
		if (s->out && fwrite(s->at, 1, n, s->out) != n)
			bench_die("cannot write the answer");
		s->at += n;
		s->payload += n;
		length -= n;
	}
}

static int read_answer(struct stream *s)
{
	char text[1024];
	int status = 0;
	uint64_t length = 0;
	bool chunked = false;

	s->at = s->end = s->buf;
	s->first = 0;
	s->payload = 0;
	line(s, text, sizeof text);
	if (sscanf(text, "HTTP/1.%*d %d", &status) != 1)
		bench_die("not an HTTP answer: %s", text);
	for (;;) {
		line(s, text, sizeof text);
		if (!*text)
			break;
		if (!strncasecmp(text, "Content-Length:", 15))
			length = strtoull(text + 15, NULL, 10);
		else if (!strncasecmp(text, "Transfer-Encoding:", 18))
			chunked = true;
	}
	if (!chunked) {
		body(s, length);
		return status;
	}
	do {
		line(s, text, sizeof text);
		length = strtoull(text, NULL, 16);
		body(s, length);
		line(s, text, sizeof text);
	} while (length);
	return status;
}

static int exchange(struct stream *s, const struct bench_message *m)
{
	for (size_t at = 0; at < m->length;) {
		ssize_t n = send(s->fd, m->bytes + at, m->length - at, MSG_NOSIGNAL);

		if (n <= 0)
			bench_die("cannot send the request: %s", strerror(errno));
		at += (size_t)n;
	}
	return read_answer(s);
}

static int post(int port, const struct bench_messages *list, long count, const char *out)
{
	struct stream s = {.fd = bench_dial(port), .buf = malloc(BUFFER)};

	if (s.fd < 0 || !s.buf)
		bench_die("cannot connect to port %d", port);
	for (long i = 0; i < count; i++) {
		if (out && i + 1 == count && !(s.out = fopen(out, "w")))
			bench_die("%s: %s", out, strerror(errno));
		double start = bench_now();
		int status = exchange(&s, &list->all[(size_t)i % list->count]);
		double end = bench_now();
		if (status != 200)
			bench_die("the server answered %d", status);
		printf("%.9f %.9f %llu\n", end - start, s.first - start,
		       (unsigned long long)s.payload);
		fflush(stdout);
	}
	if (s.out && fclose(s.out))
		bench_die("%s: %s", out, strerror(errno));
	return 0;
}

static pid_t launch(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		bench_die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	int null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execvp(command[0], command);
	_exit(127);
}

static int start(int port, const struct bench_message *m, long count, char **command)
{
	struct stream s = {.buf = malloc(BUFFER)};
	const struct timespec pause = {.tv_nsec = 50000};

	for (long i = 0; s.buf && i < count; i++) {
		int status, exited;
		double begin = bench_now();

		bench_child = launch(command);
		while ((s.fd = bench_dial(port)) < 0) {
			if (waitpid(bench_child, &exited, WNOHANG) == bench_child ||
			    bench_now() - begin > 10) {
				bench_child = 0;
				bench_die("%s does not serve", command[0]);
			}
			nanosleep(&pause, NULL);
		}
		status = exchange(&s, m);
		printf("%.9f\n", bench_now() - begin);
		if (status != 200)
			bench_die("the server answered %d", status);
		close(s.fd);
		kill(bench_child, SIGTERM);
		waitpid(bench_child, &exited, 0);
		bench_child = 0;
	}
	return s.buf ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool is_post = argc >= 6 && argc <= 7 && !strcmp(argv[1], "post");
	bool is_start = argc >= 7 && !strcmp(argv[1], "start");

	if (!is_post && !is_start)
		bench_die("usage: client post PORT PATH FILE COUNT [OUT] | "
		          "start PORT PATH FILE COUNT COMMAND...");
	int port = (int)bench_number(argv[2], 1, 65535);
	long count = bench_number(argv[5], 1, 1000000);
	struct bench_messages list = bench_read_requests(argv[3], argv[4]);
	return is_post ? post(port, &list, count, argv[6]) : start(port, list.all, count, argv + 6);
}
