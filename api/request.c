#include "api/request.h"

#include <stdlib.h>
#include <string.h>

#include "api/endpoint.h"
#include "api/json.h"
#include "api/media.h"
#include "api/metrics.h"
#include "api/plan.h"
#include "api/problem.h"
#include "api/scan.h"
#include "api/write.h"

struct gd_request {
	struct gd_arena arena; /* this struct lives in it */
	const struct gd_service *service;
	const struct gd_endpoint *endpoint; /* NULL: settled when it was opened */
	struct gd_scan *scan;               /* POST */
	size_t body;                        /* bytes so far */
	bool prepared, settled, queued;
	int64_t mark; /* when the phase began that it is in; kept where somebody counts */
	struct gd_measure measure;
	struct gd_answer answer;
	struct gd_doc doc;
	struct gd_exchange exchange;
	struct gd_error error;
};

/* Memory that the text of a problem may take beyond the request's cap. */
enum { PROBLEM_ROOM = 64 << 10 };

/* Ends a phase. */
static void lap(struct gd_request *r, enum gd_phase phase)
{
	if (!r->service->metrics)
		return;
	int64_t now = gd_metrics_clock();
	r->measure.ns[phase] = now - r->mark;
	r->mark = now;
}

/* --- answers --- */

static void settle(struct gd_request *r, int status, const char *content_type)
{
	size_t length;

	r->settled = true;
	r->answer.status = status;
	r->answer.content_type = content_type;
	r->answer.body = gd_doc_body(&r->doc, &length);
	r->answer.length = r->answer.body ? (int64_t)length : GD_LENGTH_UNKNOWN;
}

/* Makes r->error the answer; false always. */
static bool settle_problem(struct gd_request *r)
{
	if (r->error.code == GD_OK)
		gd_arena_fail(&r->arena, &r->error);

	enum gd_code code = r->error.code;

	r->arena.cap = r->arena.held + PROBLEM_ROOM;
	gd_doc_init(&r->doc, &r->arena);
	gd_problem_write(&r->doc, &r->error);
	if (!gd_doc_finish(&r->doc)) {
		gd_doc_init(&r->doc, &r->arena);
		r->doc.text = (char *)gd_problem_last_resort(&r->doc.used);
		code = GD_ERR_out_of_memory;
	}
	r->answer.retry_after = gd_problem_retry_after(code);
	settle(r, gd_code_status(code), GD_PROBLEM_TYPE);
	return false;
}

const struct gd_answer *gd_request_answer(const struct gd_request *r)
{
	return &r->answer;
}

_Static_assert(GD_READ_LEAST >= (int)GD_DOC_BLOCK, "a number is never cut");

size_t gd_request_read(struct gd_request *r, char *buf, size_t n)
{
	size_t got = gd_doc_read(&r->doc, buf, n);
	r->measure.bytes_out += got;
	return got;
}

/* --- from the head to the answer --- */

static bool body_too_large(struct gd_request *r)
{
	gd_fail(&r->error, GD_ERR_body_too_large, "the body is larger than %zu bytes",
	        r->service->limits.body_bytes);
	gd_error_hint(&r->error, "the server's limit is its option --max-body");
	return false;
}

/* Everything that the head alone can settle. */
static bool check_head(struct gd_request *r, const struct gd_head *head)
{
	r->endpoint = gd_endpoint_find(head->method, head->path, &r->error);
	if (!r->endpoint) {
		if (r->error.code == GD_ERR_method_not_allowed)
			r->answer.allow = gd_endpoint_allow(head->path);
		return false;
	}
	if (!gd_media_takes(head->accept, r->endpoint->type)) {
		gd_fail(&r->error, GD_ERR_not_acceptable,
		        "the answer is %s, which \"Accept: %.128s\" does not take",
		        r->endpoint->type, head->accept);
		return false;
	}
	if (!r->endpoint->prepare)
		return true;
	if (!gd_media_reads_json(head->content_type)) {
		gd_fail(&r->error, GD_ERR_unsupported_media_type,
		        "a body of type \"%.128s\" is not read here", head->content_type);
		gd_error_hint(&r->error, "send JSON with \"Content-Type: application/json\"");
		return false;
	}
	if (head->content_length >= 0 &&
	    (uint64_t)head->content_length > r->service->limits.body_bytes)
		return body_too_large(r);
	r->scan = gd_scan_new(&r->arena, &r->service->limits, &r->error);
	return r->scan || gd_arena_fail(&r->arena, &r->error);
}

struct gd_request *gd_request_open(const struct gd_service *service, const struct gd_head *head)
{
	struct gd_arena arena;

	gd_arena_init(&arena, service->limits.memory_bytes);

	struct gd_request *r = gd_alloc(&arena, sizeof *r);

	if (!r) {
		gd_arena_release(&arena);
		return NULL;
	}
	r->arena = arena;
	r->service = service;
	r->endpoint = NULL;
	r->scan = NULL;
	r->body = 0;
	r->prepared = r->settled = r->queued = false;
	r->measure = (struct gd_measure){.endpoint = -1, .ns = {-1, -1, -1, -1, -1}};
	r->mark = service->metrics ? gd_metrics_clock() : 0;
	r->answer = (struct gd_answer){0};
	r->exchange = (struct gd_exchange){
	        .service = service, .arena = &r->arena, .error = &r->error, .doc = &r->doc};
	gd_error_clear(&r->error);
	gd_doc_init(&r->doc, &r->arena);

	if (strcmp(head->method, "OPTIONS") == 0) {
		r->answer.allow = gd_endpoint_allow(head->path);
		if (r->answer.allow) {
			r->doc.text = (char *)"";
			settle(r, 204, "application/json");
			return r;
		}
	}
	if (!check_head(r, head))
		settle_problem(r);
	return r;
}

bool gd_request_settled(const struct gd_request *r)
{
	return r->settled;
}

bool gd_request_feed(struct gd_request *r, const char *bytes, size_t n)
{
	if (r->settled)
		return false;
	if (n > r->service->limits.body_bytes - r->body) {
		body_too_large(r);
		return settle_problem(r);
	}
	r->body += n;
	/* The body of a GET is of no interest. */
	return !r->scan || gd_scan_feed(r->scan, bytes, n) || settle_problem(r);
}

/* The steps before the work. */
static bool prepare(struct gd_request *r)
{
	struct gd_exchange *x = &r->exchange;
	const char *skeleton;
	size_t length;

	r->prepared = true;
	x->endpoint = r->endpoint;
	lap(r, GD_RECEIVE);
	if (!r->scan)
		return true;
	if (!gd_scan_end(r->scan))
		return false;
	skeleton = gd_scan_skeleton(r->scan, &length);
	x->lifted = gd_scan_lifted(r->scan, &x->lifted_count);

	bool good = gd_plan_prepare(x, skeleton, length);

	lap(r, GD_PARSE);
	return good;
}

void gd_request_queued(struct gd_request *r)
{
	r->queued = true;
}

double gd_request_cost(struct gd_request *r)
{
	if (!r->settled && !r->prepared && !prepare(r))
		settle_problem(r);
	return r->settled ? 0 : r->exchange.cost;
}

void gd_request_run(struct gd_request *r)
{
	if (r->settled)
		return;
	if (r->queued)
		lap(r, GD_QUEUE);
	if ((r->prepared || prepare(r)) && r->endpoint->run(&r->exchange) && gd_doc_finish(&r->doc))
		settle(r, 200, r->endpoint->type);
	else
		settle_problem(r);
	lap(r, GD_COMPUTE);
}

void gd_request_refuse(struct gd_request *r, int code, const char *detail)
{
	gd_error_clear(&r->error);
	gd_fail(&r->error, (enum gd_code)code, "%s", detail);
	settle_problem(r);
}

/* What it was, for the metrics. */
static void count(struct gd_request *r)
{
	struct gd_measure *m = &r->measure;
	size_t n;

	lap(r, GD_WRITE);
	if (r->endpoint)
		m->endpoint = (int)(r->endpoint - gd_endpoints(&n));
	m->status = r->settled ? r->answer.status : 0;
	m->memory = r->arena.peak;
	m->bytes_in = r->body;
	if (r->answer.body)
		m->bytes_out = (uint64_t)r->answer.length;
	for (size_t i = 0; i < r->exchange.lifted_count; i++)
		m->numbers_in += r->exchange.lifted[i].tensor.count;
	m->numbers_out = m->status == 200 ? r->doc.numbers : 0;
	gd_metrics_count(r->service->metrics, m);
}

void gd_request_close(struct gd_request *r)
{
	if (!r)
		return;

	struct gd_arena arena = r->arena;

	if (r->service->metrics)
		count(r);
	gd_plan_release(r->exchange.plan, r->answer.status == 200);
	gd_arena_release(&arena);
}
