#include "server/net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static struct addrinfo *resolve(const char *host, size_t port, int flags, char error[GD_NET_TEXT])
{
	char service[16];
	snprintf(service, sizeof service, "%zu", port);
	struct addrinfo hints = {
	        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *list = NULL;
	int rc = getaddrinfo(host, service, &hints, &list);
	if (rc == 0)
		return list;
	snprintf(error, GD_NET_TEXT, "the host \"%.200s\" is no address and no known name (%s)",
	         host, rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	return NULL;
}

static void describe(const char *host, size_t port, int why, char error[GD_NET_TEXT])
{
	switch (why) {
	case EADDRINUSE:
		snprintf(error, GD_NET_TEXT,
		         "port %zu on %.200s is in use by another program; --port 0 takes a free "
		         "one",
		         port, host);
		break;
	case EADDRNOTAVAIL:
		snprintf(error, GD_NET_TEXT,
		         "%.200s is no address of this machine; --host 0.0.0.0 listens on all",
		         host);
		break;
	case EACCES:
		snprintf(
		        error, GD_NET_TEXT,
		        "no permission to listen on port %zu of %.200s; ports below 1024 are often "
		        "reserved",
		        port, host);
		break;
	default:
		snprintf(error, GD_NET_TEXT, "cannot listen on %.200s, port %zu: %s", host, port,
		         strerror(why));
	}
}

static int listen_on(const struct addrinfo *a)
{
	int fd =
	        socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	if (fd < 0)
		return -1;
	int on = 1, off = 0;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

int gd_net_listen(const char *host, size_t port, char url[GD_NET_TEXT], char error[GD_NET_TEXT])
{
	struct addrinfo *list = resolve(host, port, AI_PASSIVE, error);
	if (!list)
		return -1;
	int fd = -1, why = 0;
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
		fd = listen_on(a);
		why = fd < 0 && !why ? errno : why;
	}
	freeaddrinfo(list);
	if (fd < 0) {
		describe(host, port, why, error);
		return -1;
	}
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	char number[16] = "?";
	if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
		getnameinfo((struct sockaddr *)&address, size, NULL, 0, number, sizeof number,
		            NI_NUMERICSERV);
	bool colons = strchr(host, ':') != NULL;
	snprintf(url, GD_NET_TEXT, "http://%s%.200s%s:%s", colons ? "[" : "", host,
	         colons ? "]" : "", number);
	return fd;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until the socket is ready for `events` or the deadline is over. */
static bool ready(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left = deadline - now_ms();
	return left > 0 && poll(&p, 1, (int)left) == 1;
}

static bool ask(int fd, const struct addrinfo *a, const char *request, int64_t deadline,
                char head[64])
{
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
		return false;
	int why = 0;
	socklen_t size = sizeof why;
	if (!ready(fd, POLLOUT, deadline))
		return (errno = ETIMEDOUT), false;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0 || why)
		return (errno = why ? why : errno), false;
	size_t n = strlen(request);
	if (send(fd, request, n, MSG_NOSIGNAL) != (ssize_t)n)
		return false;
	/* The status line is all that is looked at. */
	for (size_t got = 0; got < 63 && !memchr(head, '\n', got);) {
		if (!ready(fd, POLLIN, deadline))
			return (errno = ETIMEDOUT), false;
		ssize_t m = recv(fd, head + got, 63 - got, 0);
		if (m < 0)
			return false;
		if (m == 0)
			break;
		got += (size_t)m;
		head[got] = '\0';
	}
	return true;
}

bool gd_net_probe(const char *host, size_t port, const char *path, int timeout_ms,
                  char error[GD_NET_TEXT])
{
	if (strcmp(host, "0.0.0.0") == 0)
		host = "127.0.0.1";
	else if (strcmp(host, "::") == 0)
		host = "::1";
	int64_t deadline = now_ms() + timeout_ms;
	struct addrinfo *list = resolve(host, port, 0, error);
	if (!list)
		return false;
	char request[512], head[64] = "";
	snprintf(request, sizeof request,
	         "GET %.200s HTTP/1.1\r\nHost: %.200s\r\nConnection: close\r\n\r\n", path, host);
	bool asked = false;
	int why = 0;
	for (const struct addrinfo *a = list; a && !asked; a = a->ai_next) {
		int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		asked = fd >= 0 && ask(fd, a, request, deadline, head);
		why = asked ? 0 : errno;
		if (fd >= 0)
			close(fd);
	}
	freeaddrinfo(list);
	head[strcspn(head, "\r\n")] = '\0';
	if (!asked)
		snprintf(error, GD_NET_TEXT, "no answer from %.200s, port %zu: %s", host, port,
		         strerror(why));
	else if (strncmp(head, "HTTP/1.1 200 ", 13) == 0)
		return true;
	else
		snprintf(error, GD_NET_TEXT, "%.200s, port %zu: %.100s answered \"%s\"", host, port,
		         path, head);
	return false;
}
