/* Requests a second, by a client that never sleeps. Waking a sleeping client is the server's work
 * (dear on a virtual machine), and wrk sleeps when the server is slower than itself: a comparison
 * of a slower server with a faster one by wrk counts that as the slower one's cost.
 *
 *   load PORT PATH FILE CONNECTIONS SECONDS   prints requests, seconds */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/wire.h"

enum { BUFFER = 16 << 10, CONNECTIONS = 256 };

struct connection {
	int fd;
	size_t have;
	char answer[BUFFER + 1];
};

static void ask(struct connection *c, const struct bench_message *m)
{
	c->have = 0;
	if (send(c->fd, m->bytes, m->length, MSG_NOSIGNAL) != (ssize_t)m->length)
		bench_die("cannot send the request: %s", strerror(errno));
}

/* Reads what is there; whether the answer is complete. */
static int complete(struct connection *c)
{
	static const char field[] = "\r\nContent-Length: ", ok[] = "HTTP/1.1 200";
	ssize_t n = recv(c->fd, c->answer + c->have, BUFFER - c->have, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		bench_die("the answer ended early, or is too long");
	c->have += (size_t)n;
	c->answer[c->have] = 0;
	char *body = strstr(c->answer, "\r\n\r\n"), *length = strstr(c->answer, field);
	if (!body)
		return 0;
	if (!length || strncasecmp(c->answer, ok, sizeof ok - 1))
		bench_die("not a 200 of known length: %.60s", c->answer);
	return (size_t)(body + 4 - c->answer) + strtoul(length + sizeof field - 1, NULL, 10) <=
	       c->have;
}

int main(int argc, char **argv)
{
	static struct connection all[CONNECTIONS];
	struct epoll_event events[CONNECTIONS];
	unsigned long requests = 0;

	if (argc != 6)
		bench_die("usage: load PORT PATH FILE CONNECTIONS SECONDS");
	int port = (int)bench_number(argv[1], 1, 65535), poll = epoll_create1(0);
	int count = (int)bench_number(argv[4], 1, CONNECTIONS);
	struct bench_message m = bench_read_requests(argv[2], argv[3]).all[0];
	double seconds = (double)bench_number(argv[5], 1, 60);

	for (int i = 0; i < count; i++) {
		struct epoll_event want = {.events = EPOLLIN, .data.ptr = &all[i]};
		all[i].fd = bench_dial(port);
		if (all[i].fd < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &want))
			bench_die("cannot connect to port %d", port);
		ask(&all[i], &m);
	}
	double start = bench_now(), end = start;
	for (; end - start < seconds; end = bench_now()) {
		int n = epoll_wait(poll, events, count, 0);
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (!complete(c))
				continue;
			requests++;
			ask(c, &m);
		}
	}
	printf("%lu %.6f\n", requests, end - start);
	return 0;
}
