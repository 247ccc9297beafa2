/* POST /hessian: the loss, its gradients, and their derivatives by each other. */
#include <stdlib.h>

#include "api/compute.h"
#include "core/diff.h"

struct hessian {
	struct gd_compute compute; /* first: x->compute points here */
	struct gd_scalar scalar;
	struct gd_node **blocks; /* n·n, row by row */
	int *order;              /* of wrt, as they stand in the graph */
	/* For one row of blocks: the gradient's derivatives, and where they go. */
	struct gd_node **seeds, **derivatives, **wrt;
};

static struct gd_node **block(const struct hessian *r, int a, int b)
{
	return &r->blocks[(size_t)r->order[a] * (size_t)r->compute.spec->wrt.n +
	                  (size_t)r->order[b]];
}

static bool make_room(struct hessian *r)
{
	struct gd_spec *s = r->compute.spec;
	struct gd_arena *arena = s->x->plan_arena;
	size_t n = (size_t)s->wrt.n, all = n * n;
	r->blocks = gd_alloc_array(arena, all, sizeof *r->blocks);
	r->derivatives = gd_alloc_array(arena, all, sizeof *r->derivatives);
	r->order = gd_alloc_array(arena, n, sizeof *r->order);
	r->seeds = gd_alloc_array(arena, n, sizeof *r->seeds);
	r->wrt = gd_alloc_array(arena, n, sizeof *r->wrt);
	return (r->blocks && r->derivatives && r->order && r->seeds && r->wrt) ||
	       gd_arena_fail(arena, s->x->error);
}

static void sort_wrt(struct hessian *r)
{
	const struct gd_wanted *wrt = &r->compute.spec->wrt;
	for (int i = 0; i < wrt->n; i++) {
		int k = i;
		for (; k > 0 && wrt->nodes[r->order[k - 1]]->id > wrt->nodes[i]->id; k--)
			r->order[k] = r->order[k - 1];
		r->order[k] = i;
	}
	for (int i = 0; i < wrt->n; i++)
		r->wrt[i] = wrt->nodes[r->order[i]];
}

/* Rows of block (a, b) are the derivatives of gradient a by b, for each b up to a in the graph: an
 * output's gradient depends on what comes before it as a whole. Block (b, a) is its transpose. */
static bool ask_blocks(struct hessian *r)
{
	struct gd_spec *s = r->compute.spec;
	int n = s->wrt.n;
	struct gd_rows_target *targets =
	        gd_alloc_array(s->x->plan_arena, (size_t)n, sizeof *targets);
	if (!targets)
		return gd_arena_fail(s->x->plan_arena, s->x->error);
	for (int a = 0; a < n; a++)
		for (int b = 0; b < n; b++)
			if (!(*block(r, a, b) = gd_result_new(&r->compute, r->wrt[a], r->wrt[b])))
				return false;
	for (int a = 0; a < n; a++) {
		struct gd_node *gradient = r->scalar.grads[r->order[a]];
		r->seeds[a] = gd_dummy_seed(&s->graph, gradient);
		if (!gd_grad(&s->graph, gradient, r->seeds[a], a + 1, r->wrt,
		             r->derivatives + (size_t)a * (size_t)n, false))
			return false;
	}
	for (int a = 0; a < n; a++) {
		for (int b = 0; b <= a; b++)
			targets[b] = (struct gd_rows_target){
			        .x = r->derivatives[(size_t)a * (size_t)n + (size_t)b],
			        .to = *block(r, a, b),
			        .mirror = a == b ? NULL : *block(r, b, a)};
		if (!gd_ask_rows(&r->compute, r->seeds[a], a + 1, targets))
			return false;
	}
	return true;
}

bool gd_hessian_prepare(struct gd_exchange *x)
{
	struct hessian *r = gd_alloc_zero(x->plan_arena, sizeof *r);
	if (!r)
		return gd_arena_fail(x->plan_arena, x->error);
	r->compute.spec = gd_spec_read_second(x);
	if (!r->compute.spec || !gd_ask_gradients(&r->compute, &r->scalar) || !make_room(r))
		return false;
	sort_wrt(r);
	return ask_blocks(r) && gd_compute_ready(&r->compute);
}

bool gd_hessian_run(struct gd_exchange *x)
{
	struct hessian *r = (struct hessian *)x->compute;
	const struct gd_wanted *wrt = &r->compute.spec->wrt;
	if (!gd_compute_run(&r->compute))
		return false;
	gd_doc_object(x->doc);
	gd_write_gradients(&r->compute, &r->scalar);
	gd_doc_key(x->doc, "hessian");
	gd_doc_object(x->doc);
	for (int a = 0; a < wrt->n; a++)
		gd_write_named(&r->compute, wrt->names[a], wrt->n, wrt->names,
		               r->blocks + (size_t)a * (size_t)wrt->n);
	gd_doc_end(x->doc);
	if (!gd_write_rest(&r->compute))
		return false;
	gd_doc_end(x->doc);
	return true;
}
