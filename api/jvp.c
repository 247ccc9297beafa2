/* POST /jvp: the last output and its derivative towards the tangents, Σ ∂y/∂x·v. */
#include "api/compute.h"
#include "core/build.h"
#include "core/diff.h"

struct jvp {
	struct gd_compute compute; /* first: x->compute points here */
	struct gd_node *output, *tangent;
};

const struct gd_field gd_jvp_fields[] = {
        {"tangents", true,
         "{\"description\": \"by name, a tensor of that one's shape or the name of one; what is "
         "left "
         "out is zero\", \"$ref\": \"#/components/schemas/NamedVectors\"}"},
        {NULL, false, NULL},
};

bool gd_jvp_prepare(struct gd_exchange *x)
{
	struct gd_vectors v;
	struct jvp *r = gd_alloc_zero(x->plan_arena, sizeof *r);
	if (!r)
		return gd_arena_fail(x->plan_arena, x->error);
	struct gd_spec *s = r->compute.spec = gd_spec_read(x);
	r->output = s ? gd_spec_function(s) : NULL;
	if (!r->output || !gd_spec_vectors(s, "tangents", false, &v))
		return false;
	r->tangent = gd_jvp(&s->graph, r->output, v.n, v.of, v.values, true);
	return r->tangent && gd_ask(&r->compute, r->output) && gd_ask(&r->compute, r->tangent) &&
	       (!s->loss || gd_ask(&r->compute, s->loss)) && gd_compute_ready(&r->compute);
}

bool gd_jvp_run(struct gd_exchange *x)
{
	struct jvp *r = (struct jvp *)x->compute;
	if (!gd_compute_run(&r->compute))
		return false;
	gd_doc_object(x->doc);
	gd_write_node(&r->compute, "output", r->output);
	gd_write_node(&r->compute, "tangent", r->tangent);
	gd_write_loss(&r->compute);
	if (!gd_write_rest(&r->compute))
		return false;
	gd_doc_end(x->doc);
	return true;
}
