/* Any bytes as the body of a POST get a valid JSON answer with a status below 500 (or the problem
 * out_of_memory), the same however the body was cut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "api/request.h"
#include "api/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gd_service service = {.limits = GD_LIMITS_INIT};

struct answer {
	int status;
	char *text;
	size_t length;
};

static void fail(const char *what, const struct answer *a)
{
	fprintf(stderr, "%s: status %d, %.2000s\n", what, a->status, a->text);
	abort();
}

/* Feeds `cut` bytes at a time. */
static struct answer post(const char *path, const char *body, size_t size, size_t cut)
{
	struct gd_head head = {.method = "POST", .path = path, .content_length = -1};
	struct gd_request *request = gd_request_open(&service, &head);
	struct answer a = {0, NULL, 0};
	size_t room = 0, n;

	for (size_t at = 0; at < size; at += n) {
		n = size - at < cut ? size - at : cut;
		if (!gd_request_feed(request, body + at, n))
			break;
	}
	gd_request_cost(request);
	gd_request_run(request);
	a.status = gd_request_answer(request)->status;
	do {
		if (room - a.length < 4096) {
			room = 2 * room + 8192;
			a.text = realloc(a.text, room);
		}
		n = gd_request_read(request, a.text + a.length, GD_READ_LEAST + cut % 4000);
		a.length += n;
	} while (n > 0);
	a.text[a.length] = '\0';
	gd_request_close(request);
	return a;
}

/* The answer has to be JSON in the eyes of the parser that reads the requests. */
static void check(const struct answer *a)
{
	struct gd_limits limits = GD_LIMITS_INIT;
	struct gd_arena arena;
	struct gd_error error;
	struct gd_json root;
	const char *skeleton;
	size_t length;

	if (a->status != 200 && (a->status < 400 || a->status >= 500) && a->status != 503)
		fail("status", a);
	gd_arena_init(&arena, (size_t)1 << 30);
	gd_error_clear(&error);
	limits.skeleton_bytes = (size_t)1 << 29;

	struct gd_scan *scan = gd_scan_new(&arena, &limits, &error);

	if (!gd_scan_feed(scan, a->text, a->length) || !gd_scan_end(scan))
		fail(error.detail, a);
	skeleton = gd_scan_skeleton(scan, &length);
	if (!gd_json_parse(&root, &arena, skeleton, length, &error))
		fail(error.detail, a);
	gd_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {"/grad",     "/forward", "/jvp",
	                                    "/jacobian", "/hvp",     "/hessian"};
	const char *path = paths[size % 8 % 6];
	struct answer whole, cut;

	service.limits.memory_bytes = (size_t)64 << 20;
	service.limits.elements = (size_t)1 << 20;
	service.limits.nodes = 5000;
	whole = post(path, (const char *)data, size, size + 1);
	check(&whole);
	cut = post(path, (const char *)data, size, 1 + size % 7);
	if (whole.status != cut.status || whole.length != cut.length ||
	    memcmp(whole.text, cut.text, cut.length) != 0) {
		fprintf(stderr, "whole: %.2000s\n", whole.text);
		fail("the cut matters", &cut);
	}
	free(whole.text);
	free(cut.text);
	return 0;
}
