#include "server/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core/error.h"
#include "server/log.h"

enum {
	/* A large answer of known length goes out in such pieces. */
	BLOCK_BYTES = 64 * 1024,
	/* A body whose answer is known before its end is read to its end when no more than this is
	 * to come; then the connection can be used again. */
	DISCARD_BYTES = 1024 * 1024,
};

enum phase { RECEIVING, WORKING, READY, ANSWERED };

/* One request and its answer on a connection. */
struct transfer {
	struct gd_http *http;
	struct MHD_Connection *connection;
	struct gd_request *request;
	/* Read and written by one thread at a time, but a worker hands the transfer back with it.
	 */
	_Atomic(enum phase) phase;
	bool early;             /* answered before the end of the body */
	bool head;              /* HEAD: the answer has no body */
	int64_t content_length; /* -1: not known */
	uint64_t received, sent;
	uint64_t excess; /* received after the answer was known */
	struct gd_job job;
	/* A piece of the answer too small to be asked for directly. */
	char rest[GD_READ_LEAST];
	size_t rest_at, rest_end;
	/* For the log; set at level debug only. */
	struct timespec began;
	char *label;
};

static void set_phase(struct transfer *x, enum phase phase)
{
	atomic_store_explicit(&x->phase, phase, memory_order_release);
}

static enum phase get_phase(const struct transfer *x)
{
	return atomic_load_explicit(&x->phase, memory_order_acquire);
}

static const char *header(struct MHD_Connection *connection, const char *name, size_t n)
{
	const char *value = NULL;
	MHD_lookup_connection_value_n(connection, MHD_HEADER_KIND, name, n, &value, NULL);
	return value;
}
#define HEADER(connection, name) header(connection, name, sizeof name - 1)

/* --- the log ----------------------------------------------------------------------------- */

static void log_begin(struct transfer *x, const char *method, const char *path)
{
	char a[32], b[256], label[300];
	clock_gettime(CLOCK_MONOTONIC, &x->began);
	int n = snprintf(label, sizeof label, "%s %s", gd_log_text(method, a, sizeof a),
	                 gd_log_text(path, b, sizeof b));
	x->label = n > 0 ? strdup(label) : NULL;
}

static void log_end(const struct transfer *x, enum MHD_RequestTerminationCode how)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	double ms = (double)(now.tv_sec - x->began.tv_sec) * 1e3 +
	            (double)(now.tv_nsec - x->began.tv_nsec) * 1e-6;
	bool answered = get_phase(x) == ANSWERED;
	gd_log_event(GD_LOG_DEBUG, "request %s status=%d in=%llu out=%llu ms=%.3f%s",
	             x->label ? x->label : "?",
	             answered ? gd_request_answer(x->request)->status : 0,
	             (unsigned long long)x->received, (unsigned long long)x->sent, ms,
	             x->early                                                 ? " early"
	             : answered && how == MHD_REQUEST_TERMINATED_COMPLETED_OK ? ""
	                                                                      : " cut off");
}

/* --- answers ----------------------------------------------------------------------------- */

/* Copies up to max bytes of the answer; -1 when it ends before its length says. */
static ssize_t on_read(void *cls, uint64_t position, char *buf, size_t max)
{
	struct transfer *x = cls;
	(void)position;
	if (x->rest_at == x->rest_end && max >= GD_READ_LEAST) {
		size_t n = gd_request_read(x->request, buf, max);
		x->sent += n;
		return n ? (ssize_t)n : MHD_CONTENT_READER_END_OF_STREAM;
	}
	if (x->rest_at == x->rest_end) {
		x->rest_at = 0;
		x->rest_end = gd_request_read(x->request, x->rest, sizeof x->rest);
		if (x->rest_end == 0)
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	size_t n = x->rest_end - x->rest_at < max ? x->rest_end - x->rest_at : max;
	memcpy(buf, x->rest + x->rest_at, n);
	x->rest_at += n;
	x->sent += n;
	return (ssize_t)n;
}

static enum MHD_Result answer(struct transfer *x)
{
	const struct gd_answer *a = gd_request_answer(x->request);
	struct MHD_Response *response;
	if (a->body && a->length >= 0) {
		/* The text stays in the request, which lives until on_completed. */
		x->sent = x->head ? 0 : (uint64_t)a->length;
		response = MHD_create_response_from_buffer((size_t)a->length, (void *)a->body,
		                                           MHD_RESPMEM_PERSISTENT);
	} else {
		uint64_t length = a->length >= 0 ? (uint64_t)a->length : MHD_SIZE_UNKNOWN;
		response = MHD_create_response_from_callback(length, BLOCK_BYTES, on_read, x, NULL);
	}
	set_phase(x, ANSWERED);
	if (!response)
		return MHD_queue_response(x->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
		                          x->http->out_of_memory);
	bool ok = true;
	if (a->content_type && a->length != 0)
		ok &= MHD_add_response_header(response, "Content-Type", a->content_type);
	if (a->allow)
		ok &= MHD_add_response_header(response, "Allow", a->allow);
	if (a->retry_after) {
		char seconds[16];
		snprintf(seconds, sizeof seconds, "%d", a->retry_after);
		ok &= MHD_add_response_header(response, "Retry-After", seconds);
	}
	if (atomic_load_explicit(&x->http->service->draining, memory_order_relaxed))
		ok &= MHD_add_response_header(response, "Connection", "close");
	ok = ok && MHD_queue_response(x->connection, (unsigned)a->status, response);
	MHD_destroy_response(response);
	return ok ? MHD_YES : MHD_NO;
}

static int socket_of(const struct transfer *x)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	return info ? info->connect_fd : -1;
}

/* Answers while the client is still sending, and has the connection closed. */
static enum MHD_Result answer_early(struct transfer *x)
{
	set_phase(x, ANSWERED);
	x->early = true;
	x->sent = gd_early_answer(x->http->early, socket_of(x), x->request, x->head);
	return MHD_NO;
}

/* --- large requests ---------------------------------------------------------------------- */

static struct transfer *of_job(struct gd_job *job)
{
	return (struct transfer *)((char *)job - offsetof(struct transfer, job));
}

/* The connection's own thread looks at nothing here until the connection is resumed. */
static void run_job(struct gd_job *job)
{
	struct transfer *x = of_job(job);
	gd_request_run(x->request);
	set_phase(x, READY);
	MHD_resume_connection(x->connection);
}

static void drop_job(struct gd_job *job)
{
	struct transfer *x = of_job(job);
	gd_request_refuse(x->request, GD_ERR_draining, "the server is shutting down");
	set_phase(x, READY);
	MHD_resume_connection(x->connection);
}

/* --- the way of a request ---------------------------------------------------------------- */

static struct transfer *open_transfer(struct gd_http *http, struct MHD_Connection *connection,
                                      const char *method, const char *path)
{
	struct transfer *x = malloc(sizeof *x);
	if (!x)
		return NULL;
	x->http = http;
	x->connection = connection;
	set_phase(x, RECEIVING);
	x->early = false;
	x->received = x->sent = x->excess = 0;
	x->rest_at = x->rest_end = 0;
	x->label = NULL;
	x->head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	x->content_length = -1;
	const char *coding = HEADER(connection, "Transfer-Encoding");
	const char *length = coding ? NULL : HEADER(connection, "Content-Length");
	/* libmicrohttpd has seen to it that the length is a number that fits 64 bits. */
	if (length || !coding) {
		unsigned long long n = length ? strtoull(length, NULL, 10) : 0;
		x->content_length = n > INT64_MAX ? INT64_MAX : (int64_t)n;
	}
	const struct gd_head head = {
	        .method = method,
	        .path = path,
	        .content_type = HEADER(connection, "Content-Type"),
	        .accept = HEADER(connection, "Accept"),
	        .content_length = x->content_length,
	};
	x->request = gd_request_open(http->service, &head);
	if (!x->request) {
		free(x);
		return NULL;
	}
	/* Codings that nobody here undoes. */
	if (gd_request_settled(x->request))
		;
	else if (coding && strcasecmp(coding, "chunked") != 0)
		gd_request_refuse(x->request, GD_ERR_unsupported_media_type,
		                  "of the transfer codings only chunked is read here");
	else if (x->content_length != 0 && HEADER(connection, "Content-Encoding") &&
	         strcasecmp(HEADER(connection, "Content-Encoding"), "identity") != 0)
		gd_request_refuse(x->request, GD_ERR_unsupported_media_type,
		                  "a body with a Content-Encoding is not read here; send it plain");
	if (gd_logs(GD_LOG_DEBUG))
		log_begin(x, method, path);
	atomic_fetch_add_explicit(&http->active, 1, memory_order_relaxed);
	return x;
}

/* The answer is known and a body is still to come: read on, or answer now? */
static bool worth_reading(const struct transfer *x)
{
	if (x->content_length >= 0)
		return (uint64_t)x->content_length - x->received <= DISCARD_BYTES;
	return x->excess <= DISCARD_BYTES;
}

static enum MHD_Result begin(struct gd_http *http, struct MHD_Connection *connection,
                             const char *method, const char *path, void **context)
{
	struct transfer *x = open_transfer(http, connection, method, path);
	*context = x;
	if (!x)
		return MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
		                          http->out_of_memory);
	if (x->content_length == 0 || !gd_request_settled(x->request))
		return MHD_YES;
	/* Whoever waits for "100 Continue" need not send a body in vain. */
	const char *coding = HEADER(connection, "Transfer-Encoding");
	if (!worth_reading(x) || HEADER(connection, "Expect") ||
	    (coding && strcasecmp(coding, "chunked") != 0))
		return answer_early(x);
	return MHD_YES;
}

/* Has the client closed in the middle of a body of known length? libmicrohttpd can miss an end that
 * comes together with data, and would keep the connection until its timeout. */
static bool cut_short(const struct transfer *x)
{
	char byte;
	return x->content_length >= 0 && x->received < (uint64_t)x->content_length &&
	       recv(socket_of(x), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static enum MHD_Result receive(struct transfer *x, const char *bytes, size_t *n)
{
	x->received += *n;
	if (cut_short(x))
		return MHD_NO;
	if (!gd_request_feed(x->request, bytes, *n)) {
		x->excess += *n;
		if (!worth_reading(x))
			return answer_early(x);
	}
	*n = 0;
	return MHD_YES;
}

static enum MHD_Result complete(struct transfer *x)
{
	struct gd_http *http = x->http;
	double cost = gd_request_cost(x->request); /* may settle it */
	if (cost < http->offload || gd_request_settled(x->request)) {
		gd_request_run(x->request);
		return answer(x);
	}
	if (!gd_work_reserve(http->work)) {
		gd_request_refuse(x->request, GD_ERR_overloaded,
		                  "too many large requests are waiting; try again a little later");
		return answer(x);
	}
	set_phase(x, WORKING);
	gd_request_queued(x->request);
	x->job = (struct gd_job){.run = run_job, .drop = drop_job};
	MHD_suspend_connection(x->connection);
	gd_work_push(http->work, &x->job);
	return MHD_YES;
}

enum MHD_Result gd_transfer_on_request(void *cls, struct MHD_Connection *connection,
                                       const char *url, const char *method, const char *version,
                                       const char *upload, size_t *upload_size, void **context)
{
	struct transfer *x = *context;
	(void)version;
	if (!x)
		return begin(cls, connection, method, url, context);
	if (*upload_size > 0)
		return receive(x, upload, upload_size);
	switch (get_phase(x)) {
	case RECEIVING: return complete(x);
	case READY: return answer(x);
	case WORKING:
	case ANSWERED: break;
	}
	return MHD_YES;
}

/* The transfer is over, however it ended. Called once for each, on the connection's thread. */
void gd_transfer_on_completed(void *cls, struct MHD_Connection *connection, void **context,
                              enum MHD_RequestTerminationCode how)
{
	struct transfer *x = *context;
	(void)cls;
	(void)connection;
	if (!x)
		return;
	*context = NULL;
	if (how == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED && get_phase(x) == RECEIVING) {
		if (!gd_request_settled(x->request))
			gd_request_refuse(x->request, GD_ERR_request_timeout,
			                  "the rest of the request did not come in time");
		answer_early(x);
	}
	if (gd_logs(GD_LOG_DEBUG))
		log_end(x, how);
	struct gd_http *http = x->http;
	gd_request_close(x->request);
	free(x->label);
	free(x);
	atomic_fetch_sub_explicit(&http->active, 1, memory_order_release);
}
