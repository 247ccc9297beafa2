/* POST /forward: the last output, and the loss where one is given. */
#include "api/compute.h"

bool gd_forward_prepare(struct gd_exchange *x)
{
	struct gd_compute *c = gd_alloc_zero(x->plan_arena, sizeof *c);
	if (!c)
		return gd_arena_fail(x->plan_arena, x->error);
	struct gd_spec *s = c->spec = gd_spec_read(x);
	if (!s)
		return false;
	return (!s->output || gd_ask(c, s->output)) && (!s->loss || gd_ask(c, s->loss)) &&
	       gd_compute_ready(c);
}

bool gd_forward_run(struct gd_exchange *x)
{
	struct gd_compute *c = x->compute;
	const struct gd_spec *s = c->spec;
	if (!gd_compute_run(c))
		return false;
	gd_doc_object(x->doc);
	if (s->output)
		gd_write_node(c, "output", s->output);
	gd_write_loss(c);
	if (!gd_write_rest(c))
		return false;
	gd_doc_end(x->doc);
	return true;
}
