#include "api/plan.h"

#include <pthread.h>
#include <string.h>

#include "api/compute.h"

enum { KEPT = 8, KEPT_BYTES = 256 << 10 /* a larger plan pays for itself each time */ };

/* --- what a thread keeps, newest first ---------------------------------------------------------
 */

static _Thread_local struct gd_plan *kept;
static pthread_key_t at_exit;
static bool has_key;

static void destroy(struct gd_plan *plan)
{
	struct gd_arena arena = plan->arena;
	gd_arena_release(&arena);
}

void gd_plan_trim(void)
{
	while (kept) {
		struct gd_plan *plan = kept;
		kept = plan->next;
		destroy(plan);
	}
}

static void trim_at_exit(void *unused)
{
	(void)unused;
	gd_plan_trim();
}

static void make_key(void)
{
	has_key = pthread_key_create(&at_exit, trim_at_exit) == 0;
}

void gd_plan_release(struct gd_plan *plan, bool keep)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	if (!plan)
		return;
	pthread_once(&once, make_key);
	if (!keep || plan->once || plan->arena.held > KEPT_BYTES || !has_key ||
	    pthread_setspecific(at_exit, &kept) != 0) {
		destroy(plan);
		return;
	}
	plan->next = kept;
	kept = plan;
	struct gd_plan **last = &kept;
	for (int i = 0; i < KEPT && *last; i++)
		last = &(*last)->next;
	if (*last) {
		destroy(*last);
		*last = NULL;
	}
}

static bool same_tensors(const struct gd_plan *plan, const struct gd_exchange *x)
{
	if (plan->n_shapes != x->lifted_count)
		return false;
	for (size_t i = 0; i < plan->n_shapes; i++) {
		const struct gd_plan_shape *s = &plan->shapes[i];
		const struct gd_lifted *l = &x->lifted[i];
		if (s->dtype != l->tensor.dtype || s->is_base64 != l->is_base64 ||
		    s->rank != l->tensor.rank ||
		    memcmp(s->shape, l->tensor.shape, (size_t)s->rank * sizeof *s->shape) != 0)
			return false;
	}
	return true;
}

/* Takes a kept plan out of the list: while it is used, nobody else has it. */
static struct gd_plan *take(const struct gd_exchange *x, const char *skeleton, size_t length)
{
	for (struct gd_plan **p = &kept; *p; p = &(*p)->next) {
		struct gd_plan *plan = *p;
		if (plan->endpoint == x->endpoint && plan->length == length &&
		    memcmp(plan->skeleton, skeleton, length) == 0 &&
		    memcmp(&plan->limits, &x->service->limits, sizeof plan->limits) == 0 &&
		    same_tensors(plan, x)) {
			*p = plan->next;
			return plan;
		}
	}
	return NULL;
}

/* --- a new plan ----------------------------------------------------------------------------------
 */

static bool describe(struct gd_plan *plan, const struct gd_exchange *x, const char *skeleton,
                     size_t length)
{
	plan->endpoint = x->endpoint;
	plan->limits = x->service->limits;
	plan->skeleton = gd_strndup(&plan->arena, skeleton, length);
	plan->length = length;
	plan->n_shapes = x->lifted_count;
	plan->shapes = gd_alloc_array(&plan->arena, x->lifted_count, sizeof *plan->shapes);
	if (!plan->skeleton || !plan->shapes)
		return gd_arena_fail(&plan->arena, x->error);
	for (size_t i = 0; i < plan->n_shapes; i++) {
		const struct gd_lifted *l = &x->lifted[i];
		plan->shapes[i].dtype = l->tensor.dtype;
		plan->shapes[i].is_base64 = l->is_base64;
		plan->shapes[i].rank = l->tensor.rank;
		memcpy(plan->shapes[i].shape, l->tensor.shape, sizeof l->tensor.shape);
	}
	return true;
}

static struct gd_plan *new_plan(struct gd_exchange *x)
{
	struct gd_arena arena;
	gd_arena_init(&arena, x->arena->cap - x->arena->held);
	struct gd_plan *plan = gd_alloc_zero(&arena, sizeof *plan);
	if (!plan) {
		gd_arena_fail(&arena, x->error);
		gd_arena_release(&arena);
		return NULL;
	}
	plan->arena = arena;
	return plan;
}

static bool build(struct gd_exchange *x, const char *skeleton, size_t length)
{
	struct gd_plan *plan = x->plan = new_plan(x);
	if (!plan)
		return false;
	x->plan_arena = &plan->arena;
	if (!describe(plan, x, skeleton, length) ||
	    !gd_json_parse(&x->root, &plan->arena, plan->skeleton, length, x->error) ||
	    !x->endpoint->prepare(x))
		return x->error->code != GD_OK ? false : gd_arena_fail(&plan->arena, x->error);
	plan->root = x->root;
	plan->compute = x->compute;
	plan->cost = x->cost;
	plan->once = plan->once || plan->compute->spec->graph.looked_at_data;
	return true;
}

bool gd_plan_bind(struct gd_exchange *x, struct gd_node *leaf, size_t lifted)
{
	struct gd_binding *b = gd_alloc(x->plan_arena, sizeof *b);
	if (!b)
		return gd_arena_fail(x->plan_arena, x->error);
	*b = (struct gd_binding){.next = x->plan->bindings, .leaf = leaf, .lifted = lifted};
	x->plan->bindings = b;
	return true;
}

bool gd_plan_prepare(struct gd_exchange *x, const char *skeleton, size_t length)
{
	struct gd_plan *plan = take(x, skeleton, length);
	if (plan) {
		x->plan = plan;
		x->root = plan->root;
		x->compute = plan->compute;
		x->cost = plan->cost;
		for (struct gd_binding *b = plan->bindings; b; b = b->next)
			b->leaf->data = x->lifted[b->lifted].tensor.data;
	} else if (!build(x, skeleton, length)) {
		return false;
	}
	/* From here on the request's own memory and error. What the plan holds counts against it.
	 */
	struct gd_spec *s = x->compute->spec;
	s->x = x;
	s->graph.arena = x->arena;
	s->graph.error = x->error;
	x->plan_arena = x->arena;
	x->arena->cap -= x->plan->arena.held < x->arena->cap ? x->plan->arena.held : 0;
	return true;
}
