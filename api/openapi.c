/* GET /openapi.json: this service as an OpenAPI 3.1 document, from the tables it runs on. */
#include "api/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api/problem.h"

/* --- examples ----------------------------------------------------------------------------- */

struct example {
	const char *path, *json;
};

static const struct example asked[] = {
#define GD_ASK(path, ...) {path, #__VA_ARGS__},
#define GD_SAY(path, ...)
#include "api/examples.def"
#undef GD_ASK
#undef GD_SAY
        {NULL, NULL},
};

static const struct example said[] = {
#define GD_ASK(path, ...)
#define GD_SAY(path, ...) {path, #__VA_ARGS__},
#include "api/examples.def"
#undef GD_ASK
#undef GD_SAY
        {NULL, NULL},
};

static void write_example(struct gd_doc *d, const struct example *all, const char *path)
{
	while (all->path && strcmp(all->path, path) != 0)
		all++;
	if (!all->path)
		return;
	gd_doc_key(d, "example");
	gd_doc_raw(d, all->json, strlen(all->json));
}

/* --- small pieces ------------------------------------------------------------------------- */

/* "content": {type: {"schema": … and what the caller adds to the schema. */
static void open_content(struct gd_doc *d, const char *type)
{
	gd_open_member(d, "content");
	gd_open_member(d, type);
	gd_doc_key(d, "schema");
}

static void close_content(struct gd_doc *d)
{
	gd_doc_end(d);
	gd_doc_end(d);
}

/* --- failures ----------------------------------------------------------------------------- */

/* The first code with that status, from `code` on; GD_ERROR_COUNT when there is none. */
static int next_code(int code, int status)
{
	while (code < GD_ERROR_COUNT && gd_code_status((enum gd_code)code) != status)
		code++;
	return code;
}

static bool first_of_status(int code)
{
	return next_code(GD_OK + 1, gd_code_status((enum gd_code)code)) == code;
}

/* A problem of that code, as short as it can be. */
static void write_problem_example(struct gd_doc *d, enum gd_code code)
{
	struct gd_error e;
	gd_error_clear(&e);
	gd_fail(&e, code, "%s", "");
	gd_open_member(d, gd_code_name(code));
	gd_member(d, "summary", gd_code_title(code));
	gd_doc_key(d, "value");
	gd_problem_write(d, &e);
	gd_doc_end(d);
}

/* {"allOf": [Problem, {this status, one of its codes}]} */
static void write_problem_schema(struct gd_doc *d, int status)
{
	gd_doc_object(d);
	gd_doc_key(d, "allOf");
	gd_doc_array(d);
	gd_write_schema_ref(d, "Problem");
	gd_doc_object(d);
	gd_open_member(d, "properties");
	gd_open_member(d, "status");
	gd_doc_key(d, "const");
	gd_doc_int(d, status);
	gd_doc_end(d);
	gd_open_member(d, "code");
	gd_doc_key(d, "enum");
	gd_doc_array(d);
	for (int c = 1; (c = next_code(c, status)) < GD_ERROR_COUNT; c++)
		gd_doc_string(d, gd_code_name((enum gd_code)c));
	gd_doc_end(d);
	gd_doc_end(d);
	gd_doc_end(d);
	gd_doc_end(d);
	gd_doc_end(d);
	gd_doc_end(d);
}

/* Markdown: the codes and what they mean. */
static void write_problem_text(struct gd_doc *d, int status)
{
	char text[2048];
	size_t used = 0;
	for (int c = 1; (c = next_code(c, status)) < GD_ERROR_COUNT; c++) {
		int n = snprintf(text + used, sizeof text - used, "%s%s (`%s`)", used ? "; " : "",
		                 gd_code_title((enum gd_code)c), gd_code_name((enum gd_code)c));
		if (n < 0 || (size_t)n >= sizeof text - used)
			break;
		used += (size_t)n;
	}
	text[used] = '\0';
	gd_member(d, "description", text);
}

static void write_retry_after(struct gd_doc *d)
{
	gd_open_member(d, "headers");
	gd_open_member(d, "Retry-After");
	gd_member(d, "description", "seconds after which to try again");
	gd_open_member(d, "schema");
	gd_member(d, "type", "integer");
	gd_doc_end(d);
	gd_doc_end(d);
	gd_doc_end(d);
}

/* components.responses: one for each status, and one for all. */
static void write_problems(struct gd_doc *d)
{
	gd_open_member(d, "responses");
	gd_open_member(d, "Problem");
	gd_member(d, "description",
	          "Any other failure: 404 at a path and 405 with a method that are not in this "
	          "document");
	open_content(d, GD_PROBLEM_TYPE);
	gd_write_schema_ref(d, "Problem");
	close_content(d);
	gd_doc_end(d);
	for (int code = GD_OK + 1; code < GD_ERROR_COUNT; code++) {
		if (!first_of_status(code))
			continue;
		int status = gd_code_status((enum gd_code)code);
		char name[32];
		snprintf(name, sizeof name, "Problem%d", status);
		gd_open_member(d, name);
		write_problem_text(d, status);
		if (gd_problem_retry_after((enum gd_code)code) > 0)
			write_retry_after(d);
		open_content(d, GD_PROBLEM_TYPE);
		write_problem_schema(d, status);
		gd_open_member(d, "examples");
		for (int c = 1; (c = next_code(c, status)) < GD_ERROR_COUNT; c++)
			write_problem_example(d, (enum gd_code)c);
		gd_doc_end(d);
		close_content(d);
		gd_doc_end(d);
	}
	gd_doc_end(d);
}

/* --- paths -------------------------------------------------------------------------------- */

/* Whether a request to a path and method of this document can earn the status: a GET has no body
 * to be wrong. */
static bool can_answer(const struct gd_endpoint *endpoint, int status)
{
	switch (status) {
	case 404:
	case 405: return false;
	case 401:
	case 406:
	case 503: return true;
	default: return endpoint->prepare != NULL;
	}
}

static void write_responses(struct gd_doc *d, const struct gd_endpoint *endpoint)
{
	gd_open_member(d, "responses");
	gd_open_member(d, "200");
	gd_member(d, "description", endpoint->summary);
	open_content(d, endpoint->type);
	gd_write_schema_ref(d, endpoint->answer);
	write_example(d, said, endpoint->path);
	close_content(d);
	gd_doc_end(d);
	for (int code = GD_OK + 1; code < GD_ERROR_COUNT; code++) {
		int status = gd_code_status((enum gd_code)code);
		if (!first_of_status(code) || !can_answer(endpoint, status))
			continue;
		char name[16];
		snprintf(name, sizeof name, "%d", status);
		gd_open_member(d, name);
		gd_doc_key(d, "$ref");
		gd_doc_stringf(d, "#/components/responses/Problem%d", status);
		gd_doc_end(d);
	}
	gd_open_member(d, "default");
	gd_member(d, "$ref", "#/components/responses/Problem");
	gd_doc_end(d);
	gd_doc_end(d);
}

static void write_request(struct gd_doc *d, const struct gd_endpoint *endpoint)
{
	gd_open_member(d, "requestBody");
	gd_doc_key(d, "required");
	gd_doc_bool(d, true);
	open_content(d, "application/json");
	if (endpoint->fields->name)
		gd_write_request_schema(d, endpoint->fields);
	else
		gd_write_schema_ref(d, "Specification");
	write_example(d, asked, endpoint->path);
	close_content(d);
	gd_doc_end(d);
}

/* A name for generated clients: "/openapi.json" is openapi_json. */
static void write_operation_id(struct gd_doc *d, const char *path)
{
	char id[128];
	size_t n = 0;
	for (const char *p = path + 1; *p && n < sizeof id - 1; p++)
		id[n++] = isalnum((unsigned char)*p) ? *p : '_';
	id[n] = '\0';
	gd_member(d, "operationId", id);
}

static void write_operation(struct gd_doc *d, const struct gd_endpoint *endpoint)
{
	char method[16];
	size_t n = 0;
	for (const char *p = endpoint->method; *p && n < sizeof method - 1; p++)
		method[n++] = (char)tolower((unsigned char)*p);
	method[n] = '\0';
	gd_open_member(d, method);
	write_operation_id(d, endpoint->path);
	gd_member(d, "summary", endpoint->summary);
	if (endpoint->prepare)
		write_request(d, endpoint);
	write_responses(d, endpoint);
	gd_doc_end(d);
}

static void write_paths(struct gd_doc *d)
{
	size_t n;
	const struct gd_endpoint *all = gd_endpoints(&n);
	gd_open_member(d, "paths");
	for (size_t i = 0; i < n; i++) {
		size_t first = 0;
		while (strcmp(all[first].path, all[i].path) != 0)
			first++;
		if (first < i)
			continue;
		gd_open_member(d, all[i].path);
		for (size_t k = i; k < n; k++)
			if (strcmp(all[k].path, all[i].path) == 0)
				write_operation(d, &all[k]);
		gd_doc_end(d);
	}
	gd_doc_end(d);
}

/* --- the document ------------------------------------------------------------------------- */

static void write_info(struct gd_doc *d)
{
	gd_open_member(d, "info");
	gd_member(d, "title", "gradd");
	gd_member(d, "version", GD_VERSION);
	gd_member(d, "summary", "Tensors and layers in, the loss and its gradients out");
	gd_member(
	        d, "description",
	        "A gradient server. A request carries tensors and a list of layers; the answer has "
	        "the loss and the gradients of every tensor that is asked for. Names, defaults and "
	        "conventions of the operations are PyTorch's, but for `linear`, whose weight is "
	        "(in, out). Every failure is a problem document (RFC 9457). `HEAD` works wherever "
	        "`GET` does, and `OPTIONS` lists a path's methods.");
	gd_open_member(d, "license");
	gd_member(d, "name", "MIT License");
	gd_member(d, "identifier", "MIT");
	gd_doc_end(d);
	gd_doc_end(d);
}

/* What this server takes at most: more is limit_exceeded or body_too_large. */
static void write_limits(struct gd_doc *d, const struct gd_limits *limits)
{
	gd_open_member(d, "x-limits");
#define LIMIT(field, option, value, unit, what)                                                    \
	gd_open_member(d, #field);                                                                 \
	gd_doc_key(d, "limit");                                                                    \
	gd_doc_int(d, (int64_t)limits->field);                                                     \
	gd_member(d, "unit", unit);                                                                \
	gd_member(d, "description", what);                                                         \
	gd_doc_end(d);
	GD_LIMITS(LIMIT)
#undef LIMIT
	gd_doc_end(d);
}

bool gd_openapi_run(struct gd_exchange *x)
{
	struct gd_doc *d = x->doc;
	gd_doc_object(d);
	gd_member(d, "openapi", "3.1.0");
	write_info(d);
	gd_doc_key(d, "servers");
	gd_doc_array(d);
	gd_doc_object(d);
	gd_member(d, "url", "/");
	gd_doc_end(d);
	gd_doc_end(d);
	write_paths(d);
	gd_open_member(d, "components");
	write_problems(d);
	gd_doc_key(d, "schemas");
	gd_write_schemas(d);
	gd_doc_end(d);
	write_limits(d, &x->service->limits);
	gd_doc_end(d);
	return true;
}
