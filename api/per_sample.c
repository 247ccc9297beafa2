/* The loss of each row alone, for "per_sample" gradients. */
#include "api/spec.h"

#include <string.h>

#include "core/build.h"
#include "core/op.h"

static struct gd_value *param_of(struct gd_call *c, const char *name)
{
	for (int i = 0; i < c->op->n_params; i++)
		if (strcmp(c->op->params[i].name, name) == 0)
			return &c->params[i];
	return NULL;
}

static bool fails(struct gd_spec *s, const char *why)
{
	struct gd_json v;
	if (s->x->error->code == GD_OK && gd_json_member(&s->x->root, "per_sample", &v))
		gd_json_fail(&v, s->x->error, GD_ERR_invalid_parameter, "%s", why);
	return false;
}

/* The same loss with its reduction set to none. */
static struct gd_node *unreduced(struct gd_spec *s, const struct gd_call *call,
                                 const struct gd_op *op, struct gd_node *input)
{
	struct gd_call c;
	gd_call_init(&c, &s->graph, op);
	c.n_in = op->n_operands < call->n_in ? op->n_operands : call->n_in;
	c.in = gd_alloc_array(s->x->plan_arena, (size_t)c.n_in, sizeof *c.in);
	if (!c.in) {
		gd_arena_fail(s->x->plan_arena, s->x->error);
		return NULL;
	}
	for (int i = 0; i < c.n_in; i++)
		c.in[i] = i == 0 ? input : call->in[i];
	for (int i = 0; i < op->n_params; i++) {
		const struct gd_value *v = param_of((struct gd_call *)call, op->params[i].name);
		if (v)
			c.params[i] = *v;
	}
	*param_of(&c, "reduction") = (struct gd_value){.word = "none"};
	return gd_call_build(&c) ? c.out[0] : NULL;
}

/* What the mean over classes divides by: the weights of those chosen, which are the nll of -1. */
static struct gd_node *weights(struct gd_spec *s, const struct gd_call *call)
{
	const struct gd_node *x = call->in[0];
	struct gd_node *ones = gd_expand(&s->graph, gd_const(&s->graph, -1), x->rank, x->shape);
	return ones ? unreduced(s, call, gd_op_find("nll_loss"), ones) : NULL;
}

static bool of_classes(const struct gd_call *call)
{
	const struct gd_node *x = call->in[0], *target = call->in[1];
	return strcmp(call->op->name, "nll_loss") == 0 ||
	       (strcmp(call->op->name, "cross_entropy") == 0 &&
	        !(gd_is_float(target->dtype) && gd_same_shape(x, target)));
}

static bool has_operand(const struct gd_op *op, const char *name)
{
	for (int i = 0; i < op->n_operands; i++)
		if (strcmp(op->operands[i].name, name) == 0)
			return true;
	return false;
}

bool gd_loss_rows(struct gd_spec *s, const struct gd_call *call)
{
	struct gd_graph *g = &s->graph;
	const struct gd_value *reduction = param_of((struct gd_call *)call, "reduction");
	const unsigned others = ~1u; /* all axes but the first */
	if (!reduction || !reduction->word)
		return fails(s, "a gradient for each row needs a loss with a reduction");
	bool mean = strcmp(reduction->word, "mean") == 0;
	struct gd_node *loss = unreduced(s, call, call->op, call->in[0]);
	if (!loss)
		return false;
	if (mean && has_operand(call->op, "target_lengths"))
		return fails(s, "the mean over targets of different lengths has no rows: give "
		                "\"reduction\": \"sum\"");
	if (loss->rank == 0)
		return fails(s, "the loss compares single elements or vectors: it has no axis of "
		                "rows");
	if (mean && of_classes(call))
		s->row_losses = gd_div(g, gd_sum(g, loss, others, false),
		                       gd_sum(g, weights(s, call), others, false));
	else
		s->row_losses =
		        mean ? gd_mean(g, loss, others, false) : gd_sum(g, loss, others, false);
	return s->row_losses != NULL;
}
