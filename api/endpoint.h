/* Endpoints: one row each in api/endpoints.def, one file each with its handlers.
 *
 * A POST is handled in two steps, so that the server can see what a request will cost before any of
 * the work is done: prepare reads the specification, builds what is to be computed, sets x->cost
 * and leaves its state in x->compute; run computes and writes the answer into x->doc. A GET has
 * only run. Both return false with *x->error set, and the error becomes the answer. */
#ifndef GD_ENDPOINT_H
#define GD_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "api/json.h"
#include "api/request.h"
#include "api/scan.h"
#include "api/write.h"
#include "core/arena.h"
#include "core/error.h"

/* A field of a request's JSON. */
struct gd_field {
	const char *name; /* NULL ends a table */
	bool required;
	const char *schema; /* JSON Schema */
};

/* The fields that every specification has (api/fields.def); none. */
extern const struct gd_field gd_spec_fields[], gd_no_fields[];

struct gd_compute;
struct gd_plan;

struct gd_exchange {
	const struct gd_service *service; /* its limits, whether it drains */
	const struct gd_endpoint *endpoint;
	struct gd_arena *arena;      /* the request's memory: nothing is freed singly */
	struct gd_arena *plan_arena; /* what prepare builds: it may outlive the request */
	struct gd_plan *plan;        /* what it builds belongs to */
	struct gd_error *error;      /* holds no error yet */
	struct gd_json root;         /* POST: the skeleton, any kind of value */
	struct gd_lifted *lifted;    /* POST: the tensors lifted out of it */
	size_t lifted_count;
	double cost;                /* set by prepare: floating-point operations, roughly */
	struct gd_compute *compute; /* set by prepare: what run computes */
	struct gd_doc *doc;         /* initialised; run writes one value, the façade finishes it */
};

struct gd_endpoint {
	const char *method, *path, *summary;
	const char *answer;            /* schema of the 200 answer: a row of schemas.def */
	const char *type;              /* its media type */
	const struct gd_field *fields; /* of the request beyond the specification; NULL for GET */
	bool (*prepare)(struct gd_exchange *x); /* NULL for GET */
	bool (*run)(struct gd_exchange *x);
};

/* The handlers of the table. */
#define GD_GET(path, run, answer, summary)        bool run(struct gd_exchange *x);
#define GD_TEXT(path, run, type, answer, summary) bool run(struct gd_exchange *x);
#define GD_POST(path, prepare, run, fields, answer, summary)                                       \
	bool prepare(struct gd_exchange *x), run(struct gd_exchange *x);                           \
	extern const struct gd_field fields[];
#include "api/endpoints.def"
#undef GD_TEXT
#undef GD_GET
#undef GD_POST

/* The rows, in the order of the table. */
const struct gd_endpoint *gd_endpoints(size_t *count);

/* The row of that path and method (HEAD finds GET), or NULL with the reason in *e: not_found with a
 * did-you-mean, method_not_allowed. */
const struct gd_endpoint *gd_endpoint_find(const char *method, const char *path,
                                           struct gd_error *e);

/* "GET, HEAD, OPTIONS" for a known path, else NULL. Static. */
const char *gd_endpoint_allow(const char *path);

/* The method that does something at this path ("POST", "GET"), or NULL: for `gradd call`. */
const char *gd_endpoint_method(const char *path);

#endif
