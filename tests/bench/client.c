/* A cheap HTTP client, so that what is measured is the server.
 *
 *   client post PORT PATH FILE COUNT [OUT]   one keep-alive connection; a line for each request:
 *                                            seconds to the last byte, seconds to the first byte,
 *                                            bytes of the body. OUT gets the last body.
 *   client start PORT PATH FILE COUNT COMMAND…  starts COMMAND COUNT times, each time until its
 *                                            first answer of 200: a line with the seconds.
 *
 * The request is sent from memory; the answer is read into one buffer and, but for OUT, dropped. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <strings.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, PATIENCE_S = 120 };

static pid_t child; /* the server of `start`, not to be left behind */

static _Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "client: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	if (child > 0)
		kill(child, SIGKILL);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long number(const char *text, long min, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < min || n > max)
		die("\"%s\" is not a number between %ld and %ld", text, min, max);
	return n;
}

struct message {
	char *bytes;
	size_t length;
};

/* Head and body of the request in one piece. */
static struct message read_request(const char *path, const char *file)
{
	struct message m;
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	size_t head;

	if (fd < 0 || fstat(fd, &st) < 0)
		die("%s: %s", file, strerror(errno));
	m.bytes = malloc((size_t)st.st_size + strlen(path) + 256);
	if (!m.bytes)
		die("no memory for %s", file);
	head = (size_t)sprintf(m.bytes,
	                       "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	                       "Content-Type: application/json\r\nContent-Length: %lld\r\n\r\n",
	                       path, (long long)st.st_size);
	m.length = head + (size_t)st.st_size;
	for (size_t at = head; at < m.length;) {
		ssize_t n = read(fd, m.bytes + at, m.length - at);

		if (n <= 0)
			die("%s: short read", file);
		at += (size_t)n;
	}
	close(fd);
	return m;
}

/* A connected socket, or -1. */
static int dial(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		die("socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return fd;
}

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
		die("the answer ended early: %s", n ? strerror(errno) : "connection closed");
	if (s->first == 0)
		s->first = now();
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
			die("cannot write the answer");
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
		die("not an HTTP answer: %s", text);
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

static int exchange(struct stream *s, const struct message *m)
{
	for (size_t at = 0; at < m->length;) {
		ssize_t n = send(s->fd, m->bytes + at, m->length - at, MSG_NOSIGNAL);

		if (n <= 0)
			die("cannot send the request: %s", strerror(errno));
		at += (size_t)n;
	}
	return read_answer(s);
}

static int post(int port, const struct message *m, long count, const char *out)
{
	struct stream s = {.fd = dial(port), .buf = malloc(BUFFER)};

	if (s.fd < 0 || !s.buf)
		die("cannot connect to port %d", port);
	for (long i = 0; i < count; i++) {
		if (out && i + 1 == count && !(s.out = fopen(out, "w")))
			die("%s: %s", out, strerror(errno));
		double start = now();
		int status = exchange(&s, m);
		double end = now();
		if (status != 200)
			die("the server answered %d", status);
		printf("%.9f %.9f %llu\n", end - start, s.first - start,
		       (unsigned long long)s.payload);
		fflush(stdout);
	}
	if (s.out && fclose(s.out))
		die("%s: %s", out, strerror(errno));
	return 0;
}

static pid_t launch(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	int null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execvp(command[0], command);
	_exit(127);
}

static int start(int port, const struct message *m, long count, char **command)
{
	struct stream s = {.buf = malloc(BUFFER)};
	const struct timespec pause = {.tv_nsec = 50000};

	for (long i = 0; s.buf && i < count; i++) {
		int status, exited;
		double begin = now();

		child = launch(command);
		while ((s.fd = dial(port)) < 0) {
			if (waitpid(child, &exited, WNOHANG) == child || now() - begin > 10) {
				child = 0;
				die("%s does not serve", command[0]);
			}
			nanosleep(&pause, NULL);
		}
		status = exchange(&s, m);
		printf("%.9f\n", now() - begin);
		if (status != 200)
			die("the server answered %d", status);
		close(s.fd);
		kill(child, SIGTERM);
		waitpid(child, &exited, 0);
		child = 0;
	}
	return s.buf ? 0 : 1;
}

int main(int argc, char **argv)
{
	bool is_post = argc >= 6 && argc <= 7 && !strcmp(argv[1], "post");
	bool is_start = argc >= 7 && !strcmp(argv[1], "start");

	if (!is_post && !is_start)
		die("usage: client post PORT PATH FILE COUNT [OUT] | "
		    "start PORT PATH FILE COUNT COMMAND...");
	int port = (int)number(argv[2], 1, 65535);
	long count = number(argv[5], 1, 1000000);
	struct message m = read_request(argv[3], argv[4]);
	return is_post ? post(port, &m, count, argv[6]) : start(port, &m, count, argv + 6);
}
