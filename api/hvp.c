/* POST /hvp: the loss, its gradients, and the product of its Hessian with the vectors. */
#include "api/compute.h"
#include "core/build.h"
#include "core/diff.h"

struct hvp {
	struct gd_compute compute; /* first: x->compute points here */
	struct gd_scalar scalar;
	struct gd_node **products;
};

const struct gd_field gd_hvp_fields[] = {
        {"vectors", true,
         "{\"description\": \"by name, a tensor of that one's shape or the name of one; what is "
         "left "
         "out is zero\", \"$ref\": \"#/components/schemas/NamedVectors\"}"},
        {NULL, false, NULL},
};

/* The vjp of the gradients g: row a is Σ_b (∂g_b/∂a)ᵀ·v_b, and the Hessian is symmetric. */
static bool ask_products(struct hvp *r, const struct gd_vectors *v)
{
	struct gd_spec *s = r->compute.spec;
	struct gd_node **of = gd_alloc_array(s->x->plan_arena, (size_t)v->n, sizeof *of);
	r->products = gd_alloc_array(s->x->plan_arena, (size_t)s->wrt.n, sizeof *r->products);
	if (!of || !r->products)
		return gd_arena_fail(s->x->plan_arena, s->x->error);
	for (int i = 0; i < v->n; i++)
		for (int k = 0; k < s->wrt.n; k++)
			if (v->of[i] == s->wrt.nodes[k])
				of[i] = r->scalar.grads[k];
	return gd_grad_all(&s->graph, v->n, of, v->values, s->wrt.n, s->wrt.nodes, r->products,
	                   false) &&
	       gd_ask_all(&r->compute, s->wrt.n, r->products);
}

bool gd_hvp_prepare(struct gd_exchange *x)
{
	struct gd_vectors v;
	struct hvp *r = gd_alloc_zero(x->plan_arena, sizeof *r);
	if (!r)
		return gd_arena_fail(x->plan_arena, x->error);
	struct gd_spec *s = r->compute.spec = gd_spec_read_second(x);
	return s && gd_ask_gradients(&r->compute, &r->scalar) &&
	       gd_spec_vectors(s, "vectors", true, &v) && ask_products(r, &v) &&
	       gd_compute_ready(&r->compute);
}

bool gd_hvp_run(struct gd_exchange *x)
{
	struct hvp *r = (struct hvp *)x->compute;
	const struct gd_wanted *wrt = &r->compute.spec->wrt;
	if (!gd_compute_run(&r->compute))
		return false;
	gd_doc_object(x->doc);
	gd_write_gradients(&r->compute, &r->scalar);
	gd_write_named(&r->compute, "hvp", wrt->n, wrt->names, r->products);
	if (!gd_write_rest(&r->compute))
		return false;
	gd_doc_end(x->doc);
	return true;
}
