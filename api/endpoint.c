#include "api/endpoint.h"

#include <string.h>

static const struct gd_endpoint endpoints[] = {
#define JSON                               "application/json"
#define GD_GET(path, run, answer, summary) {"GET", path, summary, #answer, JSON, NULL, NULL, run},
#define GD_TEXT(path, run, type, answer, summary)                                                  \
	{"GET", path, summary, #answer, type, NULL, NULL, run},
#define GD_POST(path, prepare, run, fields, answer, summary)                                       \
	{"POST", path, summary, #answer, JSON, fields, prepare, run},
#include "api/endpoints.def"
#undef GD_TEXT
#undef GD_GET
#undef GD_POST
};

enum { COUNT = sizeof endpoints / sizeof *endpoints };

const struct gd_endpoint *gd_endpoints(size_t *count)
{
	*count = COUNT;
	return endpoints;
}

enum { HAS_GET = 1, HAS_POST = 2 };

static int methods_of(const char *path)
{
	bool all = strcmp(path, "*") == 0; /* OPTIONS * */
	int methods = 0;

	for (int i = 0; i < COUNT; i++)
		if (all || strcmp(endpoints[i].path, path) == 0)
			methods |= endpoints[i].prepare ? HAS_POST : HAS_GET;
	return methods;
}

const char *gd_endpoint_allow(const char *path)
{
	static const char *const allow[] = {
	        [0] = NULL,
	        [HAS_GET] = "GET, HEAD, OPTIONS",
	        [HAS_POST] = "OPTIONS, POST",
	        [HAS_GET | HAS_POST] = "GET, HEAD, OPTIONS, POST",
	};

	return allow[methods_of(path)];
}

const char *gd_endpoint_method(const char *path)
{
	for (int i = 0; i < COUNT; i++)
		if (strcmp(endpoints[i].path, path) == 0)
			return endpoints[i].method;
	return NULL;
}

static const struct gd_endpoint *not_found(const char *path, struct gd_error *e)
{
	const char *paths[COUNT + 1];

	for (int i = 0; i < COUNT; i++)
		paths[i] = endpoints[i].path;
	paths[COUNT] = NULL;
	gd_fail(e, GD_ERR_not_found, "there is nothing at \"%.256s\"", path);
	gd_did_you_mean(e, path, paths);
	if (!e->hint[0])
		gd_list_names(e, paths);
	return NULL;
}

const struct gd_endpoint *gd_endpoint_find(const char *method, const char *path, struct gd_error *e)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	const char *allow;

	for (int i = 0; i < COUNT; i++)
		if (strcmp(endpoints[i].path, path) == 0 &&
		    strcmp(endpoints[i].method, wanted) == 0)
			return &endpoints[i];
	allow = gd_endpoint_allow(path);
	if (!allow)
		return not_found(path, e);
	gd_fail(e, GD_ERR_method_not_allowed, "%s does not take the method %.32s", path, method);
	gd_error_hint(e, "it takes %s", allow);
	return NULL;
}
