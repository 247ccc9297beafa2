#define _GNU_SOURCE
#include "tests/server/gradd.h"

#include <arpa/inet.h>
#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGS = 32, PATIENCE_MS = 60000 };

void sleep_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

/* --- the process ----------------------------------------------------------------------------- */

static const char *binary(void)
{
	const char *path = getenv("GRADD");
	return path ? path : "build/gradd";
}

static void collect(const char *args[ARGS], int n, va_list list)
{
	while ((args[n] = va_arg(list, const char *)))
		ck_assert_int_lt(++n, ARGS - 1);
}

/* In the child. */
static void run(const char *args[ARGS])
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	execv(args[0], (char *const *)args);
	fprintf(stderr, "%s: %s\n", args[0], strerror(errno));
	_exit(127);
}

void gradd_start(struct gradd *g, ...)
{
	const char *args[ARGS] = {binary(), "--port", "0", "--log-level", "error"};
	va_list list;
	va_start(list, g);
	collect(args, 5, list);
	va_end(list);
	signal(SIGPIPE, SIG_IGN);
	int out[2];
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	g->pid = fork();
	ck_assert_int_ge(g->pid, 0);
	if (g->pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		run(args);
	}
	close(out[1]);
	g->out = out[0];
	size_t n = 0;
	while (n + 1 < sizeof g->line && read(g->out, g->line + n, 1) == 1 && g->line[n] != '\n')
		n++;
	g->line[n] = '\0';
	const char *colon = strrchr(g->line, ':');
	ck_assert_msg(colon != NULL, "gradd printed \"%s\"", g->line);
	g->port = atoi(colon + 1);
	ck_assert_int_gt(g->port, 0);
}

static int status_of(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		ck_assert_int_eq(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int gradd_wait(struct gradd *g)
{
	close(g->out);
	return status_of(g->pid);
}

void gradd_stop(struct gradd *g)
{
	ck_assert_int_eq(kill(g->pid, SIGTERM), 0);
	ck_assert_int_eq(gradd_wait(g), 0);
}

static void slurp(int fd, char *buf, size_t size)
{
	size_t n = 0;
	lseek(fd, 0, SEEK_SET);
	for (ssize_t m; n + 1 < size && (m = read(fd, buf + n, size - 1 - n)) > 0;)
		n += (size_t)m;
	buf[n] = '\0';
	close(fd);
}

static int scratch(void)
{
	FILE *f = tmpfile();
	ck_assert_ptr_nonnull(f);
	int fd = fcntl(fileno(f), F_DUPFD_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	fclose(f);
	return fd;
}

int gradd_run(const char *input, char *out, char *err, size_t size, ...)
{
	const char *args[ARGS] = {binary()};
	va_list list;
	va_start(list, size);
	collect(args, 1, list);
	va_end(list);
	int in_fd = scratch(), out_fd = scratch(), err_fd = scratch();
	if (input) {
		ck_assert_int_eq(write(in_fd, input, strlen(input)), (ssize_t)strlen(input));
		lseek(in_fd, 0, SEEK_SET);
	}
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(in_fd, STDIN_FILENO);
		dup2(out_fd, STDOUT_FILENO);
		dup2(err_fd, STDERR_FILENO);
		run(args);
	}
	int status = status_of(pid);
	close(in_fd);
	slurp(out_fd, out, size);
	slurp(err_fd, err, size);
	return status;
}

/* --- the client ------------------------------------------------------------------------------ */

void client_open(struct client *c, const struct gradd *g)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_port = htons((uint16_t)g->port),
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;
	*c = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	ck_assert_int_ge(c->fd, 0);
	ck_assert_int_eq(connect(c->fd, (struct sockaddr *)&a, sizeof a), 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void client_close(struct client *c)
{
	close(c->fd);
	free(c->buf);
	*c = (struct client){.fd = -1};
}

void client_abort(struct client *c)
{
	struct linger reset = {.l_onoff = 1};
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	client_close(c);
}

bool client_send(struct client *c, const void *bytes, size_t n)
{
	const char *p = bytes;
	while (n > 0) {
		ssize_t m = send(c->fd, p, n, MSG_NOSIGNAL);
		if (m < 0 && errno == EINTR)
			continue;
		if (m < 0)
			return false;
		p += m;
		n -= (size_t)m;
	}
	return true;
}

bool client_puts(struct client *c, const char *text)
{
	return client_send(c, text, strlen(text));
}

/* Appends what comes next; false when nothing does. */
static bool more(struct client *c, int timeout_ms)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	if (poll(&p, 1, timeout_ms) != 1)
		return false;
	if (c->capacity - c->length < 65536) {
		c->capacity = 2 * c->capacity + 65536;
		c->buf = realloc(c->buf, c->capacity);
		ck_assert_ptr_nonnull(c->buf);
	}
	ssize_t n = recv(c->fd, c->buf + c->length, c->capacity - c->length - 1, 0);
	if (n <= 0)
		return false;
	c->length += (size_t)n;
	c->buf[c->length] = '\0';
	return true;
}

static bool need(struct client *c, size_t n)
{
	while (c->length < n)
		if (!more(c, PATIENCE_MS))
			return false;
	return true;
}

static void take(struct client *c, size_t n)
{
	memmove(c->buf, c->buf + n, c->length - n + 1);
	c->length -= n;
}

/* Bytes up to the mark and with it, looked for from `from` on; 0 when it does not come. */
static size_t until(struct client *c, size_t from, const char *mark)
{
	for (;;) {
		const char *at = c->length > from ? strstr(c->buf + from, mark) : NULL;
		if (at)
			return (size_t)(at - c->buf) + strlen(mark);
		if (!more(c, PATIENCE_MS))
			return 0;
	}
}

static bool read_chunks(struct client *c, struct reply *r)
{
	size_t at = 0;
	for (;;) {
		size_t line = until(c, at, "\r\n");
		if (line == 0)
			return false;
		size_t n = strtoul(c->buf + at, NULL, 16);
		if (!need(c, line + n + 2))
			return false;
		r->body = realloc(r->body, r->length + n + 1);
		ck_assert_ptr_nonnull(r->body);
		memcpy(r->body + r->length, c->buf + line, n);
		r->length += n;
		r->body[r->length] = '\0';
		at = line + n + 2;
		if (n == 0)
			break;
	}
	take(c, at);
	return true;
}

bool client_read(struct client *c, struct reply *r, bool head)
{
	char value[256];
	do {
		*r = (struct reply){0};
		size_t n = until(c, 0, "\r\n\r\n");
		if (n == 0)
			return false;
		ck_assert_uint_lt(n, sizeof r->head);
		memcpy(r->head, c->buf, n);
		r->head[n] = '\0';
		take(c, n);
		ck_assert_int_eq(strncmp(r->head, "HTTP/1.", 7), 0);
		r->status = atoi(r->head + 9);
	} while (r->status == 100);
	if (head || r->status == 204) {
		r->body = strdup("");
		return true;
	}
	if (reply_header(r, "Transfer-Encoding", value))
		return read_chunks(c, r);
	const char *length = reply_header(r, "Content-Length", value);
	if (length) {
		r->length = strtoul(length, NULL, 10);
		if (!need(c, r->length))
			return false;
	} else {
		while (more(c, PATIENCE_MS))
			;
		r->length = c->length;
	}
	r->body = malloc(r->length + 1);
	ck_assert_ptr_nonnull(r->body);
	memcpy(r->body, c->buf, r->length);
	r->body[r->length] = '\0';
	take(c, r->length);
	return true;
}

void reply_free(struct reply *r)
{
	free(r->body);
	r->body = NULL;
}

bool client_closed(struct client *c)
{
	return c->length == 0 && !more(c, 5000) && c->length == 0 &&
	       recv(c->fd, &(char){0}, 1, MSG_DONTWAIT) <= 0 && errno != EAGAIN;
}

void client_post(struct client *c, const char *path, const char *body, struct reply *r)
{
	char head[512];
	snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: %zu\r\n\r\n",
	         path, strlen(body));
	ck_assert(client_puts(c, head));
	ck_assert(client_puts(c, body));
	ck_assert(client_read(c, r, false));
}

int ask(const struct gradd *g, const char *method, const char *path, const char *body)
{
	struct client c;
	struct reply r;
	char head[512];
	client_open(&c, g);
	snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: test\r\nContent-Length: %zu\r\n\r\n",
	         method, path, body ? strlen(body) : 0);
	ck_assert(client_puts(&c, head));
	if (body)
		ck_assert(client_puts(&c, body));
	ck_assert(client_read(&c, &r, strcmp(method, "HEAD") == 0));
	int status = r.status;
	reply_free(&r);
	client_close(&c);
	return status;
}

const char *reply_header(const struct reply *r, const char *name, char buf[256])
{
	size_t n = strlen(name);
	for (const char *line = strstr(r->head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, n) != 0 || line[2 + n] != ':')
			continue;
		const char *value = line + 3 + n;
		value += strspn(value, " ");
		snprintf(buf, 256, "%.*s", (int)strcspn(value, "\r"), value);
		return buf;
	}
	return NULL;
}

bool reply_has(const struct reply *r, const char *text)
{
	char *squeezed = malloc(r->length + 1);
	ck_assert_ptr_nonnull(squeezed);
	size_t n = 0;
	for (size_t i = 0; i < r->length; i++)
		if (!isspace((unsigned char)r->body[i]))
			squeezed[n++] = r->body[i];
	squeezed[n] = '\0';
	bool found = strstr(squeezed, text) != NULL;
	free(squeezed);
	return found;
}

void check_problem(const struct reply *r, int status, const char *code)
{
	char value[256], text[128];
	ck_assert_msg(r->status == status, "wanted %d, got %d: %s", status, r->status, r->body);
	ck_assert_pstr_eq(reply_header(r, "Content-Type", value), "application/problem+json");
	snprintf(text, sizeof text, "\"code\":\"%s\"", code);
	ck_assert_msg(reply_has(r, text), "no code %s in %s", code, r->body);
	snprintf(text, sizeof text, "\"status\":%d", status);
	ck_assert_msg(reply_has(r, text), "no status %d in %s", status, r->body);
}

/* --- requests -------------------------------------------------------------------------------- */

const char *const example =
        "{\"tensors\":{\"x\":[[1,2]],\"W\":[[0.5],[-1]],\"b\":[0],\"target\":[[1]]},"
        "\"layers\":[\"linear\"],\"loss\":\"mse\"}";

void check_example(const struct reply *r)
{
	static const char *const parts[] = {"\"loss\":6.25", "\"x\":[[-2.5,5]]",
	                                    "\"W\":[[-5],[-10]]", "\"b\":[-5]"};
	ck_assert_msg(r->status == 200, "%d: %s", r->status, r->body);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		ck_assert_msg(reply_has(r, parts[i]), "no %s in %s", parts[i], r->body);
}

/* Four products of 1024 × 1024 matrices and the eight of their gradients. */
const char *slow_request(void)
{
	return "{\"tensors\":{\"x\":[[0.001]]},\"layers\":["
	       "{\"op\":\"expand\",\"input\":\"x\",\"size\":[1024,1024],\"output\":\"e\"},"
	       "{\"op\":\"matmul\",\"other\":\"e\"},{\"op\":\"matmul\",\"other\":\"e\"},"
	       "{\"op\":\"matmul\",\"other\":\"e\"},{\"op\":\"matmul\",\"other\":\"e\"},\"sum\"]}";
}

const char *wide_request(int rows, char buf[256])
{
	snprintf(buf, 256,
	         "{\"tensors\":{\"x\":[[1.5]]},\"layers\":[{\"op\":\"expand\",\"input\":\"x\","
	         "\"size\":[%d,1000]}]}",
	         rows);
	return buf;
}
