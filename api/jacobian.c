/* POST /jacobian: the derivative of each element of the last output by each element of wrt. */
#include <string.h>

#include "api/compute.h"
#include "core/diff.h"

struct jacobian {
	struct gd_compute compute; /* first: x->compute points here */
	struct gd_node *output, **jacobians;
};

enum { FEW = 16 }; /* tensors whose columns are worth a graph of their own each */

const struct gd_field gd_jacobian_fields[] = {
        {"layout", false,
         "{\"description\": \"numerator: (*output, *input); denominator: (*input, *output)\", "
         "\"type\": \"string\", \"enum\": [\"numerator\", \"denominator\"], "
         "\"default\": \"numerator\"}"},
        {NULL, false, NULL},
};

static bool read_layout(struct gd_exchange *x, bool *denominator)
{
	struct gd_json v;
	*denominator = false;
	if (!gd_json_member(&x->root, "layout", &v))
		return true;
	const char *text = gd_json_string(&v, x->error);
	if (!text)
		return false;
	*denominator = strcmp(text, "denominator") == 0;
	if (*denominator || strcmp(text, "numerator") == 0)
		return true;
	static const char *const layouts[] = {"numerator", "denominator", NULL};
	gd_json_fail(&v, x->error, GD_ERR_invalid_parameter,
	             "a layout is numerator or denominator, not \"%s\"", text);
	gd_did_you_mean(x->error, text, layouts);
	return false;
}

/* What both ways have: room for the Jacobians, and the vjp of a dummy cotangent u. */
static bool begin(struct jacobian *r, bool denominator, struct gd_node **u, struct gd_node ***vjp)
{
	struct gd_spec *s = r->compute.spec;
	struct gd_arena *arena = s->x->plan_arena;
	struct gd_node *y = r->output;
	size_t n = (size_t)s->wrt.n;
	*vjp = gd_alloc_array(arena, n, sizeof **vjp);
	r->jacobians = gd_alloc_array(arena, n, sizeof *r->jacobians);
	if (!*vjp || !r->jacobians)
		return gd_arena_fail(arena, s->x->error);
	for (int i = 0; i < s->wrt.n; i++) {
		struct gd_node *x = s->wrt.nodes[i];
		r->jacobians[i] =
		        gd_result_new(&r->compute, denominator ? x : y, denominator ? y : x);
		if (!r->jacobians[i])
			return false;
	}
	*u = gd_dummy_seed(&s->graph, y);
	return gd_grad(&s->graph, y, *u, s->wrt.n, s->wrt.nodes, *vjp, true);
}

/* Row r of the Jacobians is the vjp of the r-th unit vector. */
static bool ask_rows(struct jacobian *r, bool denominator)
{
	struct gd_spec *s = r->compute.spec;
	struct gd_node *u, **vjp;
	struct gd_rows_target *targets =
	        gd_alloc_array(s->x->plan_arena, (size_t)s->wrt.n, sizeof *targets);
	if (!targets)
		return gd_arena_fail(s->x->plan_arena, s->x->error);
	if (!begin(r, denominator, &u, &vjp))
		return false;
	for (int i = 0; i < s->wrt.n; i++)
		targets[i] = (struct gd_rows_target){
		        .x = vjp[i], .to = r->jacobians[i], .columns = denominator};
	return gd_ask_rows(&r->compute, u, s->wrt.n, targets);
}

/* Column c is the jvp of the c-th unit vector: the derivative of the vjp by its cotangent. */
static bool ask_columns(struct jacobian *r, bool denominator)
{
	struct gd_spec *s = r->compute.spec;
	struct gd_node *u, **vjp, *v[FEW], *jvp[FEW];
	if (!begin(r, denominator, &u, &vjp))
		return false;
	for (int i = 0; i < s->wrt.n; i++) {
		v[i] = gd_dummy_seed(&s->graph, s->wrt.nodes[i]);
		if (!v[i] || !gd_grad(&s->graph, vjp[i], v[i], 1, &u, &jvp[i], false))
			return false;
	}
	for (int i = 0; i < s->wrt.n; i++) {
		struct gd_rows_target target = {
		        .x = jvp[i], .to = r->jacobians[i], .columns = !denominator};
		if (!gd_ask_rows(&r->compute, v[i], 1, &target))
			return false;
	}
	return true;
}

/* Are there far fewer columns than rows? A jvp costs about two vjps. */
static bool is_tall(const struct jacobian *r)
{
	const struct gd_wanted *wrt = &r->compute.spec->wrt;
	double columns = 0;
	for (int i = 0; i < wrt->n; i++)
		columns += (double)wrt->nodes[i]->count;
	return wrt->n <= FEW && 3 * columns < (double)r->output->count;
}

bool gd_jacobian_prepare(struct gd_exchange *x)
{
	bool denominator;
	struct jacobian *r = gd_alloc_zero(x->plan_arena, sizeof *r);
	if (!r)
		return gd_arena_fail(x->plan_arena, x->error);
	struct gd_spec *s = r->compute.spec = gd_spec_read(x);
	if (!s || !read_layout(x, &denominator))
		return false;
	r->output = gd_spec_function(s);
	return r->output && (is_tall(r) ? ask_columns(r, denominator) : ask_rows(r, denominator)) &&
	       gd_ask(&r->compute, r->output) && (!s->loss || gd_ask(&r->compute, s->loss)) &&
	       gd_compute_ready(&r->compute);
}

bool gd_jacobian_run(struct gd_exchange *x)
{
	struct jacobian *r = (struct jacobian *)x->compute;
	const struct gd_wanted *wrt = &r->compute.spec->wrt;
	if (!gd_compute_run(&r->compute))
		return false;
	gd_doc_object(x->doc);
	gd_write_node(&r->compute, "output", r->output);
	gd_write_named(&r->compute, "jacobian", wrt->n, wrt->names, r->jacobians);
	gd_write_loss(&r->compute);
	if (!gd_write_rest(&r->compute))
		return false;
	gd_doc_end(x->doc);
	return true;
}
