/* POST /grad: the loss and its gradients, or with grad_output the vector-Jacobian product; for
 * several cotangents at once ("batched"), or for each row of the batch ("per_sample"). */
#include "api/compute.h"
#include "core/batch.h"
#include "core/build.h"
#include "core/diff.h"
#include "core/sample.h"

enum { FEW_ELEMENTS = 1 << 16 };

struct grad {
	struct gd_compute compute; /* first: x->compute points here */
	struct gd_scalar scalar;
};

const struct gd_field gd_grad_fields[] = {
        {"per_sample", false,
         "{\"description\": \"one gradient for each row of the loss's input, or of the output with "
         "grad_output, stacked on a new first axis\", \"type\": \"boolean\", "
         "\"default\": false}"},
        {"batched", false,
         "{\"description\": \"grad_output holds several, on a leading axis, and so does each "
         "gradient\", \"type\": \"boolean\", \"default\": false}"},
        {NULL, false, NULL},
};

static bool make_room(struct grad *r)
{
	struct gd_exchange *x = r->compute.spec->x;
	size_t n = (size_t)r->compute.spec->wrt.n;
	r->scalar.grads = gd_alloc_array(x->plan_arena, n, sizeof *r->scalar.grads);
	return r->scalar.grads || gd_arena_fail(x->plan_arena, x->error);
}

/* One vjp, batched along its cotangent. */
static bool ask_batched(struct grad *r)
{
	struct gd_spec *s = r->compute.spec;
	struct gd_graph *g = &s->graph;
	struct gd_scalar *scalar = &r->scalar;
	if (!gd_spec_cotangents(s, &scalar->y, &scalar->seed) || !make_room(r))
		return false;
	struct gd_node *u = gd_dummy_seed(g, scalar->y);
	return gd_grad(g, scalar->y, u, s->wrt.n, s->wrt.nodes, scalar->grads, true) &&
	       gd_batch(g, scalar->seed->shape[0], 1, &u, &scalar->seed, s->wrt.n, scalar->grads,
	                scalar->grads) &&
	       gd_ask_all(&r->compute, s->wrt.n, scalar->grads);
}

static bool no_rows(struct gd_spec *s, const char *why)
{
	struct gd_json v;
	if (gd_json_member(&s->x->root, "per_sample", &v))
		gd_json_fail(&v, s->x->error, GD_ERR_invalid_parameter, "%s", why);
	return false;
}

/* What row i contributes, for each i: its own loss, or Σ dy·y over the row. *seed is its cotangent
 * as a function of u, one number for each row. */
static bool find_rows(struct grad *r, struct gd_node **y, struct gd_node **u, struct gd_node **seed)
{
	struct gd_spec *s = r->compute.spec;
	struct gd_graph *g = &s->graph;
	struct gd_scalar *scalar = &r->scalar;
	int64_t shape[GD_MAX_RANK];
	if (!gd_spec_scalar(s, &scalar->y, &scalar->seed))
		return false;
	if (!scalar->seed) {
		*y = s->row_losses;
		if (!*y)
			return no_rows(s, "a gradient for each row needs a loss, or grad_output");
		*seed = *u = gd_dummy_seed(g, *y);
		return *u && gd_ask(&r->compute, scalar->y);
	}
	*y = scalar->y;
	if ((*y)->rank == 0)
		return no_rows(s, "the output is a scalar: it has no axis of rows");
	*u = gd_dummy_seed(g, &(struct gd_node){.rank = 1, .shape = {(*y)->shape[0]}});
	for (int i = 0; i < (*y)->rank; i++)
		shape[i] = i == 0 ? (*y)->shape[0] : 1;
	*seed = gd_mul(g, scalar->seed, gd_reshape(g, *u, (*y)->rank, shape));
	return *seed != NULL;
}

/* A pass for all rows together where they hardly meet; `elements` are kept apart on the way. */
static bool ask_together(struct grad *r, struct gd_node *u, struct gd_node *const *grads,
                         bool *done)
{
	struct gd_spec *s = r->compute.spec;
	struct gd_tensor t;
	double elements, results = 0;
	for (int i = 0; i < s->wrt.n; i++) {
		if (!gd_result_fits(&r->compute, u, s->wrt.nodes[i], &t))
			return false;
		results += (double)t.count;
	}
	*done = u->count > 0;
	if (!*done)
		return true;
	if (!gd_sample_rows(&s->graph, u, s->wrt.n, grads, r->scalar.grads, &elements))
		return false;
	*done = elements <= 3 * results + FEW_ELEMENTS;
	return !*done || gd_ask_all(&r->compute, s->wrt.n, r->scalar.grads);
}

/* A pass for each row, some at a time. */
static bool ask_apart(struct grad *r, struct gd_node *u, struct gd_node *const *grads)
{
	struct gd_spec *s = r->compute.spec;
	struct gd_rows_target *targets =
	        gd_alloc_array(s->x->plan_arena, (size_t)s->wrt.n, sizeof *targets);
	if (!targets)
		return gd_arena_fail(s->x->plan_arena, s->x->error);
	r->compute.result_bytes = 0;
	for (int i = 0; i < s->wrt.n; i++) {
		r->scalar.grads[i] = gd_result_new(&r->compute, u, s->wrt.nodes[i]);
		targets[i] = (struct gd_rows_target){.x = grads[i], .to = r->scalar.grads[i]};
		if (!r->scalar.grads[i])
			return false;
	}
	return gd_ask_rows(&r->compute, u, s->wrt.n, targets);
}

static bool ask_per_sample(struct grad *r)
{
	struct gd_spec *s = r->compute.spec;
	struct gd_node *y, *u, *seed;
	bool done;
	struct gd_node **grads =
	        gd_alloc_array(s->x->plan_arena, (size_t)s->wrt.n, sizeof(struct gd_node *));
	if (!grads)
		return gd_arena_fail(s->x->plan_arena, s->x->error);
	return find_rows(r, &y, &u, &seed) && make_room(r) &&
	       gd_grad(&s->graph, y, seed, s->wrt.n, s->wrt.nodes, grads, true) &&
	       ask_together(r, u, grads, &done) && (done || ask_apart(r, u, grads));
}

bool gd_grad_prepare(struct gd_exchange *x)
{
	struct gd_json v;
	bool batched = false;
	struct grad *r = gd_alloc_zero(x->plan_arena, sizeof *r);
	if (!r)
		return gd_arena_fail(x->plan_arena, x->error);
	struct gd_spec *s = r->compute.spec = gd_spec_read(x);
	if (!s ||
	    (gd_json_member(&x->root, "batched", &v) && !gd_json_bool(&v, &batched, x->error)))
		return false;
	if (batched && s->per_sample)
		return no_rows(s, "is of one cotangent, but batched says that there are several");
	return (batched         ? ask_batched(r)
	        : s->per_sample ? ask_per_sample(r)
	                        : gd_ask_gradients(&r->compute, &r->scalar)) &&
	       gd_compute_ready(&r->compute);
}

bool gd_grad_run(struct gd_exchange *x)
{
	struct grad *r = (struct grad *)x->compute;
	if (!gd_compute_run(&r->compute))
		return false;
	gd_doc_object(x->doc);
	gd_write_gradients(&r->compute, &r->scalar);
	if (!gd_write_rest(&r->compute))
		return false;
	gd_doc_end(x->doc);
	return true;
}
