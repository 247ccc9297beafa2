#include "server/early.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/log.h"

enum {
	LINGERING = 256,      /* sockets at once; beyond that they are just closed */
	TOTAL_MS = 30 * 1000, /* for one socket */
	SILENT_MS = 5 * 1000, /* without a byte */
	STOPPING_MS = 1 * 1000,
	ANSWER_BYTES = 16 * 1024, /* errors are shorter */
	DISCARD_BYTES = 64 * 1024,
};

struct lingering {
	int socket;
	int64_t silent, end; /* deadlines, in ms */
};

struct gd_early {
	pthread_t thread;
	pthread_mutex_t lock;
	bool stopping;
	int wake; /* eventfd: `arrived` or `stopping` has changed */
	int arrived[LINGERING], arrivals;
	/* Of the thread alone: */
	struct lingering list[LINGERING];
	int count;
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Discards what has come; false when the socket is done with. */
static bool discard(struct lingering *l, int64_t now)
{
	char buf[DISCARD_BYTES];
	/* A few rounds, then the others have their turn. TCP drops the bytes without copying. */
	for (int i = 0; i < 16; i++) {
		ssize_t n = recv(l->socket, buf, sizeof buf, MSG_DONTWAIT | MSG_TRUNC);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (n < 0)
			break;
		l->silent = now + SILENT_MS;
	}
	return true;
}

/* Takes in what has arrived; false when it is time to end. */
static bool admit(struct gd_early *early, int64_t now)
{
	uint64_t count;
	ssize_t got = read(early->wake, &count, sizeof count);
	(void)got;
	pthread_mutex_lock(&early->lock);
	for (int i = 0; i < early->arrivals; i++) {
		if (early->count == LINGERING) {
			close(early->arrived[i]);
			continue;
		}
		early->list[early->count++] = (struct lingering){.socket = early->arrived[i],
		                                                 .silent = now + SILENT_MS,
		                                                 .end = now + TOTAL_MS};
	}
	early->arrivals = 0;
	bool stopping = early->stopping;
	pthread_mutex_unlock(&early->lock);
	for (int i = 0; stopping && i < early->count; i++)
		if (early->list[i].end > now + STOPPING_MS)
			early->list[i].end = now + STOPPING_MS;
	return !stopping || early->count > 0;
}

static void *linger(void *arg)
{
	struct gd_early *early = arg;
	struct pollfd polled[LINGERING + 1];
	while (admit(early, now_ms())) {
		int64_t now = now_ms(), next = INT64_MAX;
		polled[0] = (struct pollfd){.fd = early->wake, .events = POLLIN};
		for (int i = 0; i < early->count; i++) {
			const struct lingering *l = &early->list[i];
			int64_t end = l->silent < l->end ? l->silent : l->end;
			next = end < next ? end : next;
			polled[i + 1] = (struct pollfd){.fd = l->socket, .events = POLLIN};
		}
		int wait = next == INT64_MAX ? -1 : next > now ? (int)(next - now) + 1 : 0;
		if (poll(polled, (nfds_t)early->count + 1, wait) < 0)
			continue;
		now = now_ms();
		int kept = 0;
		for (int i = 0; i < early->count; i++) {
			struct lingering *l = &early->list[i];
			bool open = !polled[i + 1].revents || discard(l, now);
			if (open && now < l->silent && now < l->end)
				early->list[kept++] = *l;
			else
				close(l->socket);
		}
		early->count = kept;
	}
	return NULL;
}

struct gd_early *gd_early_start(void)
{
	struct gd_early *early = calloc(1, sizeof *early);
	if (!early)
		return NULL;
	pthread_mutex_init(&early->lock, NULL);
	early->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (early->wake < 0 || pthread_create(&early->thread, NULL, linger, early) != 0) {
		if (early->wake >= 0)
			close(early->wake);
		free(early);
		return NULL;
	}
	return early;
}

static void wake(struct gd_early *early)
{
	uint64_t one = 1;
	ssize_t put = write(early->wake, &one, sizeof one);
	(void)put;
}

static size_t format_answer(struct gd_request *request, bool head, char buf[ANSWER_BYTES])
{
	const struct gd_answer *answer = gd_request_answer(request);
	char body[ANSWER_BYTES - 1024];
	size_t length = 0;
	if (answer->body && answer->length >= 0 && (size_t)answer->length <= sizeof body) {
		length = (size_t)answer->length;
		memcpy(body, answer->body, length);
	} else {
		for (size_t n = 1; n > 0 && sizeof body - length >= 64; length += n)
			n = gd_request_read(request, body + length, sizeof body - length);
	}
	char date[64];
	time_t t = time(NULL);
	struct tm utc;
	gmtime_r(&t, &utc);
	strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
	size_t n = (size_t)snprintf(
	        buf, 1024,
	        "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: close\r\nContent-Type: %.200s\r\n"
	        "Content-Length: %zu\r\n%s%.200s%s",
	        answer->status, MHD_get_reason_phrase_for((unsigned)answer->status), date,
	        answer->content_type, length, answer->allow ? "Allow: " : "",
	        answer->allow ? answer->allow : "", answer->allow ? "\r\n" : "");
	if (answer->retry_after)
		n += (size_t)snprintf(buf + n, 1024 - n, "Retry-After: %d\r\n",
		                      answer->retry_after);
	memcpy(buf + n, "\r\n", 2);
	n += 2;
	if (!head) {
		memcpy(buf + n, body, length);
		n += length;
	}
	return n;
}

size_t gd_early_answer(struct gd_early *early, int socket, struct gd_request *request, bool head)
{
	char buf[ANSWER_BYTES];
	size_t n = format_answer(request, head, buf);
	/* It fits into the empty send buffer of the socket, or the client reads nothing at all. */
	ssize_t sent = send(socket, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < (ssize_t)n)
		return sent < 0 ? 0 : (size_t)sent;
	int copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);
	if (copy < 0) {
		gd_log_event(GD_LOG_WARN, "no descriptor to linger on: %s", strerror(errno));
		return n;
	}
	shutdown(copy, SHUT_WR);
	pthread_mutex_lock(&early->lock);
	bool room = early->arrivals < LINGERING && !early->stopping;
	if (room)
		early->arrived[early->arrivals++] = copy;
	pthread_mutex_unlock(&early->lock);
	if (room)
		wake(early);
	else
		close(copy);
	return n;
}

void gd_early_stop(struct gd_early *early)
{
	if (!early)
		return;
	pthread_mutex_lock(&early->lock);
	early->stopping = true;
	pthread_mutex_unlock(&early->lock);
	wake(early);
	pthread_join(early->thread, NULL);
	pthread_mutex_destroy(&early->lock);
	close(early->wake);
	free(early);
}
