/* POST /grad: the loss and its gradients, or with grad_output the vector-Jacobian product. */
#include "api/compute.h"
#include "core/diff.h"

struct grad {
	struct gd_compute compute; /* first: x->compute points here */
	struct gd_node *scalar, **grads;
	bool given_cotangent;
};

bool gd_grad_prepare(struct gd_exchange *x)
{
	struct gd_node *seed;
	struct grad *r = gd_alloc_zero(x->plan_arena, sizeof *r);
	if (!r)
		return gd_arena_fail(x->plan_arena, x->error);
	struct gd_spec *s = r->compute.spec = gd_spec_read(x);
	if (!s || !gd_spec_scalar(s, &r->scalar, &seed))
		return false;
	r->given_cotangent = seed != NULL;
	r->grads = gd_alloc_array(x->plan_arena, (size_t)s->wrt.n, sizeof *r->grads);
	if (!r->grads)
		return gd_arena_fail(x->plan_arena, x->error);
	if (!gd_grad(&s->graph, r->scalar, seed, s->wrt.n, s->wrt.nodes, r->grads, true))
		return false;
	return (r->given_cotangent || gd_ask(&r->compute, r->scalar)) &&
	       gd_ask_all(&r->compute, s->wrt.n, r->grads) && gd_compute_ready(&r->compute);
}

bool gd_grad_run(struct gd_exchange *x)
{
	struct grad *r = (struct grad *)x->compute;
	const struct gd_wanted *wrt = &r->compute.spec->wrt;
	if (!gd_compute_run(&r->compute))
		return false;
	gd_doc_object(x->doc);
	if (!r->given_cotangent)
		gd_write_scalar(&r->compute, "loss", r->scalar);
	gd_write_named(&r->compute, "gradients", wrt->n, wrt->names, r->grads);
	if (!gd_write_rest(&r->compute))
		return false;
	gd_doc_end(x->doc);
	return true;
}
