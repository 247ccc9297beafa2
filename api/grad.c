/* POST /grad: the loss and its gradients, or with grad_output the vector-Jacobian product. */
#include "api/compute.h"
#include "core/diff.h"

struct grad {
	struct gd_compute compute; /* first: x->compute points here */
	struct gd_scalar scalar;
};

bool gd_grad_prepare(struct gd_exchange *x)
{
	struct grad *r = gd_alloc_zero(x->plan_arena, sizeof *r);
	if (!r)
		return gd_arena_fail(x->plan_arena, x->error);
	r->compute.spec = gd_spec_read(x);
	return r->compute.spec && gd_ask_gradients(&r->compute, &r->scalar) &&
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
