/* One request from its first byte to the last byte of its answer, without a socket.
 * The server only moves bytes; `gradd call` and the tests use the same calls.
 *
 *   open → feed* → run → answer, read* → close
 *
 * gd_request_open never fails softly: whatever is wrong (path, method, media type, memory) becomes
 * the answer. Once gd_request_feed has returned false, or gd_request_settled says so, the answer is
 * already known and the rest of the body is of no interest. */
#ifndef GD_REQUEST_H
#define GD_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/limits.h"

/* What the requests of one process share. */
struct gd_service {
	struct gd_limits limits;
	atomic_bool draining;       /* /readyz answers 503 */
	struct gd_metrics *metrics; /* counts the requests; NULL: nobody does */
};

struct gd_head {
	const char *method;       /* "POST" */
	const char *path;         /* decoded, without the query */
	const char *content_type; /* NULL: none given */
	const char *accept;       /* NULL: none given */
	int64_t content_length;   /* -1: not known */
};

struct gd_request;

/* Strings of `head` need not outlive the call; `service` must outlive the request. NULL only when
 * there is no memory even for an answer (the server then sends its static out_of_memory text). */
struct gd_request *gd_request_open(const struct gd_service *service, const struct gd_head *head);

/* The next bytes of the body. Returns false once the answer is settled (an error; the body over its
 * limit). Callable after that, without effect. */
bool gd_request_feed(struct gd_request *request, const char *bytes, size_t n);
bool gd_request_settled(const struct gd_request *request);

/* Rough cost of gd_request_run in floating-point operations, known after the last feed without
 * doing any of the work; 0 when the answer is settled. The server runs small ones where they were
 * read. */
double gd_request_cost(struct gd_request *request);

/* From here to gd_request_run the request waits for its turn: for the metrics. */
void gd_request_queued(struct gd_request *request);

/* The body is complete: computes. After this the answer stands. Call exactly once. */
void gd_request_run(struct gd_request *request);

/* Makes the answer a problem of this code (draining, overloaded, request_timeout, …) instead;
 * instead of gd_request_run. */
void gd_request_refuse(struct gd_request *request, int code /* enum gd_code */, const char *detail);

enum { GD_LENGTH_UNKNOWN = -1 };

struct gd_answer {
	int status; /* HTTP */
	const char *content_type;
	const char *allow; /* for the Allow header, or NULL */
	int retry_after;   /* seconds for Retry-After, or 0 */
	int64_t length;    /* bytes, or GD_LENGTH_UNKNOWN: then read until 0 */
	const char *body;  /* the whole text where it was small enough to be held, else NULL */
};

/* Valid until gd_request_close. */
const struct gd_answer *gd_request_answer(const struct gd_request *request);

/* The next up to n bytes of the answer's body; 0 at its end. n must be at least GD_READ_LEAST. */
enum { GD_READ_LEAST = 96 };
size_t gd_request_read(struct gd_request *request, char *buf, size_t n);

void gd_request_close(struct gd_request *request);

#endif
