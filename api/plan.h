/* Prepared specifications, kept for the next request that sends the same one with other numbers.
 *
 * A training loop sends the same layers and shapes again and again. What prepare builds depends on
 * the skeleton and on the tensors' dtypes and shapes only, so it is built in memory of its own, and
 * when the request is over it is kept, a few of them a thread. A plan that looked at the numbers
 * themselves (class labels), or whose tensors had to be converted, is not kept. */
#ifndef GD_PLAN_H
#define GD_PLAN_H

#include "api/endpoint.h"
#include "core/graph.h"

/* A leaf whose data is a lifted tensor's, as it came. */
struct gd_binding {
	struct gd_binding *next;
	struct gd_node *leaf;
	size_t lifted;
};

struct gd_plan_shape {
	enum gd_dtype dtype;
	bool is_base64;
	int rank;
	int64_t shape[GD_MAX_RANK];
};

struct gd_compute;

struct gd_plan {
	struct gd_arena arena; /* this struct lives in it */
	struct gd_plan *next;
	/* What it is the plan of. */
	const struct gd_endpoint *endpoint;
	struct gd_limits limits;
	const char *skeleton;
	size_t length, n_shapes;
	struct gd_plan_shape *shapes;
	/* What prepare made of it. */
	bool once; /* not to be kept */
	struct gd_json root;
	struct gd_compute *compute;
	double cost;
	struct gd_binding *bindings;
};

/* The plan of x's endpoint for this skeleton and x's lifted tensors: a kept one, bound to the new
 * numbers, or what prepare builds now. Sets x->plan, x->root, x->compute and x->cost. */
bool gd_plan_prepare(struct gd_exchange *x, const char *skeleton, size_t length);

/* The request is over: keeps the plan for this thread where `keep` says so, or frees it. NULL is
 * fine. */
void gd_plan_release(struct gd_plan *plan, bool keep);

/* Notes, while preparing, that leaf's data is that of x->lifted[lifted]. */
bool gd_plan_bind(struct gd_exchange *x, struct gd_node *leaf, size_t lifted);

/* Frees what this thread keeps (threads do so when they end). */
void gd_plan_trim(void);

#endif
