/* A gradd to talk to, and a client that writes and reads bytes as it likes. Everything fails the
 * test by itself when what must work does not. */
#ifndef GD_TEST_GRADD_H
#define GD_TEST_GRADD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* --- the process ----------------------------------------------------------------------------- */

struct gradd {
	pid_t pid;
	int port;
	int out;        /* its standard output, behind what was read of it */
	char line[256]; /* the first line that it printed */
};

/* Starts $GRADD (build/gradd) with these further options, NULL at the end, on a free port of
 * 127.0.0.1, and waits until it listens. It dies with the test. */
void gradd_start(struct gradd *g, ...) __attribute__((sentinel));

/* Waits for the end; the exit status, or 128 + the signal. */
int gradd_wait(struct gradd *g);

/* SIGTERM, then gradd_wait, which must be 0 (also for the leak checks of a sanitizer). */
void gradd_stop(struct gradd *g);

/* Runs $GRADD with these arguments, NULL at the end, and `input` as its standard input. Puts what
 * it prints (cut to size) and returns its exit status. */
int gradd_run(const char *input, char *out, char *err, size_t size, ...) __attribute__((sentinel));

/* --- the client ------------------------------------------------------------------------------ */

struct client {
	int fd;
	char *buf; /* what has come and is not yet taken */
	size_t length, capacity;
};

struct reply {
	int status;
	char head[4096]; /* the header lines, ends included */
	char *body;      /* chunks put together, with a NUL behind; until the next reply */
	size_t length;
};

void client_open(struct client *c, const struct gradd *g);
void client_close(struct client *c);
/* Closes with a reset, as a client does that is killed with bytes unread. */
void client_abort(struct client *c);

/* False when the server has closed. */
bool client_send(struct client *c, const void *bytes, size_t n);
bool client_puts(struct client *c, const char *text);

/* The next answer. False when the server closes, or is silent for a minute, before its end.
 * Interim answers (100 Continue) are skipped. `head`: it has no body. */
bool client_read(struct client *c, struct reply *r, bool head);
void reply_free(struct reply *r);

/* Whether the server closes within 5 seconds without sending more. */
bool client_closed(struct client *c);

/* POST with a Content-Length; then client_read, which must succeed. */
void client_post(struct client *c, const char *path, const char *body, struct reply *r);

/* One request on a connection of its own. */
int ask(const struct gradd *g, const char *method, const char *path, const char *body);

/* The value of a header line into buf; NULL when there is none. */
const char *reply_header(const struct reply *r, const char *name, char buf[256]);

/* Whether the body without white space contains the text. */
bool reply_has(const struct reply *r, const char *text);

/* The answer must be a problem document of this status and code. */
void check_problem(const struct reply *r, int status, const char *code);

/* --- requests -------------------------------------------------------------------------------- */

/* The example of the README and its answer. */
extern const char *const example;
void check_example(const struct reply *r);

/* A request that computes for a good part of a second on one core. */
const char *slow_request(void);

/* A request whose answer by /forward is rows × 1000 times the number 1.5. */
const char *wide_request(int rows, char buf[256]);

void sleep_ms(long ms);

#endif
