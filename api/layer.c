/* One layer, or the loss: an op's name, or an object with its operands, parameters and output. */
#include <stdio.h>
#include <string.h>

#include "api/op_name.h"
#include "api/param.h"
#include "api/spec.h"
#include "api/tensor.h"
#include "core/build.h"
#include "core/op.h"

struct layer {
	struct gd_spec *s;
	const struct gd_json *v;
	const struct gd_op *op;
	struct gd_call call;
	bool is_loss;
	int room;              /* of call.in */
	struct gd_name **from; /* whose node operand i is, or NULL */
	bool listed;           /* "inputs" is given */
	int n_listed;
};

/* --- operands ----------------------------------------------------------------------------- */

static bool read_constant(struct layer *l, const struct gd_json *v, int i)
{
	double value;
	if (!gd_number_read(l->s, v, &value))
		return false;
	l->call.in[i] = gd_const(&l->s->graph, value);
	return l->call.in[i] != NULL;
}

/* A name, a number (a constant), or null (left out). */
static bool read_operand(struct layer *l, const struct gd_json *v, int i)
{
	struct gd_spec *s = l->s;
	switch (gd_json_kind(v)) {
	case GD_JSON_NULL: return true;
	case GD_JSON_NUMBER: return read_constant(l, v, i);
	case GD_JSON_STRING: {
		const char *text = gd_json_text(v);
		l->from[i] = gd_spec_find(s, text);
		if (!l->from[i] && gd_is_nonfinite_text(text))
			return read_constant(l, v, i);
		if (!l->from[i])
			return gd_spec_unknown(s, v, text) != NULL;
		l->call.in[i] = l->from[i]->node;
		return true;
	}
	default: return gd_json_wrong_type(v, "a tensor's name or a number", s->x->error);
	}
}

static bool read_inputs(struct layer *l, const struct gd_json *list)
{
	struct gd_exchange *x = l->s->x;
	struct gd_json v;
	if (!gd_json_is(list, GD_JSON_ARRAY, x->error))
		return false;
	int n = (int)gd_json_size(list), last = l->op->n_operands - 1;
	struct gd_json named;
	/* The list's own place is taken where it stands under its name. */
	bool taken = last > 0 && n > last && l->op->operands[last].list &&
	             gd_json_member(l->v, l->op->operands[last].name, &named);
	if (taken)
		return gd_json_fail(&named, x->error, GD_ERR_invalid_parameter,
		                    "\"%s\" stands in \"inputs\" already",
		                    l->op->operands[last].name);
	if (n > l->room)
		return gd_json_fail(list, x->error, GD_ERR_invalid_parameter,
		                    "%s takes %d operand%s, but %d are given", l->op->name,
		                    l->op->n_operands, l->op->n_operands == 1 ? "" : "s", n);
	l->listed = true;
	for (bool more = gd_json_first(list, &v); more; more = gd_json_next(&v)) {
		if (!read_operand(l, &v, (int)v.index))
			return false;
		l->n_listed = (int)v.index + 1;
	}
	return true;
}

/* The operands of a list that stands under its own name, behind those that stand alone. */
static bool read_operand_list(struct layer *l, const struct gd_json *list)
{
	struct gd_json v;
	int last = l->op->n_operands - 1;
	if (!gd_json_is(list, GD_JSON_ARRAY, l->s->x->error))
		return false;
	for (bool more = gd_json_first(list, &v); more; more = gd_json_next(&v))
		if (!read_operand(l, &v, last + (int)v.index))
			return false;
	return true;
}

/* Operands that nobody named: the previous layer's output, a linear layer's own parameters, a
 * loss's target. */
static bool use_tensor(struct layer *l, int i, const char *name)
{
	l->from[i] = gd_spec_find(l->s, name);
	if (!l->from[i]) {
		gd_json_fail(
		        l->v, l->s->x->error, GD_ERR_unknown_tensor,
		        "%s takes its %s from the tensor \"%s\" where none is named, and there is "
		        "none of that name",
		        l->op->name, l->op->operands[i].name, name);
		if (l->op->operands[i].optional)
			gd_error_hint(l->s->x->error, "\"%s\": null means none",
			              l->op->operands[i].name);
		return false;
	}
	l->call.in[i] = l->from[i]->node;
	return true;
}

static bool left_out(const struct layer *l, int i)
{
	struct gd_json member;
	if (l->call.in[i])
		return false;
	return !(l->listed && i < l->n_listed) &&
	       !gd_json_member(l->v, l->op->operands[i].name, &member);
}

static bool linear_defaults(struct layer *l)
{
	struct gd_spec *s = l->s;
	char weight[24] = "W", bias[24] = "b";
	s->linear_seen++;
	if (s->linear_layers > 1) {
		snprintf(weight, sizeof weight, "W%d", s->linear_seen);
		snprintf(bias, sizeof bias, "b%d", s->linear_seen);
	}
	if (!l->call.in[1] && !use_tensor(l, 1, weight))
		return false;
	/* A list that went past the weight has said all it wants. */
	return !left_out(l, 2) || (l->listed && l->n_listed >= 2) || use_tensor(l, 2, bias);
}

static bool default_operands(struct layer *l)
{
	struct gd_spec *s = l->s;
	if (!l->call.in[0]) {
		if (s->output)
			l->call.in[0] = s->output;
		else if (!use_tensor(l, 0, "x"))
			return false;
	}
	if (strcmp(l->op->name, "linear") == 0)
		return linear_defaults(l);
	for (int i = 1; l->is_loss && i < l->op->n_operands; i++)
		if (strcmp(l->op->operands[i].name, "target") == 0 && left_out(l, i))
			return use_tensor(l, i, "target");
	return true;
}

/* --- parameters --------------------------------------------------------------------------- */

static bool check_required(struct layer *l)
{
	struct gd_json member;
	char needs[GD_PARAM_NEEDS];
	for (int i = 0; i < l->op->n_params; i++)
		if (!l->op->params[i].default_text &&
		    !gd_json_member(l->v, l->op->params[i].name, &member)) {
			gd_json_fail(l->v, l->s->x->error, GD_ERR_missing_field,
			             "%s needs \"%s\", %s", l->op->name, l->op->params[i].name,
			             gd_param_needs(&l->op->params[i], needs));
			return false;
		}
	return true;
}

/* --- members ------------------------------------------------------------------------------ */

static bool unknown_member(struct layer *l, const struct gd_json *member)
{
	const char *names[GD_MAX_OPERANDS + GD_MAX_PARAMS + 4];
	int n = 0;
	names[n++] = "op";
	names[n++] = "inputs";
	names[n++] = "output";
	for (int i = 0; i < l->op->n_operands; i++)
		names[n++] = l->op->operands[i].name;
	for (int i = 0; i < l->op->n_params; i++)
		names[n++] = l->op->params[i].name;
	names[n] = NULL;
	gd_json_fail(member, l->s->x->error, GD_ERR_unknown_field, "%s has no \"%s\"; it is %s",
	             l->op->name, member->key, l->op->signature);
	gd_did_you_mean(l->s->x->error, member->key, names);
	return false;
}

static bool read_member(struct layer *l, const struct gd_json *member)
{
	const struct gd_op *op = l->op;
	if (strcmp(member->key, "op") == 0 || strcmp(member->key, "output") == 0 ||
	    strcmp(member->key, "inputs") == 0)
		return true;
	for (int i = 0; i < op->n_operands; i++)
		if (strcmp(member->key, op->operands[i].name) == 0) {
			if (op->operands[i].list)
				return read_operand_list(l, member);
			if (l->listed && i < l->n_listed && l->call.in[i])
				return gd_json_fail(
				        member, l->s->x->error, GD_ERR_invalid_parameter,
				        "\"%s\" stands in \"inputs\" already", member->key);
			return read_operand(l, member, i);
		}
	for (int i = 0; i < op->n_params; i++)
		if (strcmp(member->key, op->params[i].name) == 0)
			return gd_param_read(l->s, member, &op->params[i], &l->call.params[i]);
	return unknown_member(l, member);
}

static bool read_members(struct layer *l)
{
	struct gd_json member, inputs;
	if (gd_json_kind(l->v) != GD_JSON_OBJECT)
		return true;
	if (gd_json_member(l->v, "inputs", &inputs) && !read_inputs(l, &inputs))
		return false;
	for (bool more = gd_json_first(l->v, &member); more; more = gd_json_next(&member))
		if (!read_member(l, &member))
			return false;
	return true;
}

/* --- results ------------------------------------------------------------------------------ */

static bool name_output(struct layer *l, const struct gd_json *v, int i)
{
	struct gd_spec *s = l->s;
	const char *text = gd_json_string(v, s->x->error);
	if (!text)
		return false;
	if (gd_spec_find(s, text))
		return gd_json_fail(v, s->x->error, GD_ERR_invalid_parameter,
		                    "the name \"%s\" is taken: an output needs a new one", text);
	struct gd_name *name = gd_spec_add(s, text);
	if (!name)
		return false;
	struct gd_node *node = l->call.out[i];
	if (s->second) {
		node = l->call.out[i] = gd_alias(&s->graph, node);
		if (!node)
			return false;
	}
	name->is_output = true;
	name->node = node;
	if (!node->name)
		node->name = text;
	return true;
}

static bool name_outputs(struct layer *l)
{
	struct gd_json output, v;
	if (!gd_json_member(l->v, "output", &output) || gd_json_kind(&output) == GD_JSON_NULL)
		return true;
	if (gd_json_kind(&output) != GD_JSON_ARRAY)
		return name_output(l, &output, 0);
	if (gd_json_size(&output) != (size_t)l->call.n_out)
		return gd_json_fail(&output, l->s->x->error, GD_ERR_invalid_parameter,
		                    "%s has %d output%s here, but %zu are named", l->op->name,
		                    l->call.n_out, l->call.n_out == 1 ? "" : "s",
		                    gd_json_size(&output));
	for (bool more = gd_json_first(&output, &v); more; more = gd_json_next(&v))
		if (gd_json_kind(&v) != GD_JSON_NULL && !name_output(l, &v, (int)v.index))
			return false;
	return true;
}

/* Room for the operands: as many as the signature has, and as the list at its end is long. */
static bool make_room(struct layer *l)
{
	struct gd_arena *arena = l->s->x->plan_arena;
	struct gd_json list;
	int n = l->op->n_operands;
	size_t room = 0;
	if (l->op->operands[n - 1].list) {
		if (gd_json_member(l->v, "inputs", &list))
			room = gd_json_size(&list);
		if (n > 1 && gd_json_member(l->v, l->op->operands[n - 1].name, &list) &&
		    gd_json_size(&list) + (size_t)n - 1 > room)
			room = gd_json_size(&list) + (size_t)n - 1;
	}
	l->room = (int)room > n ? (int)room : n;
	l->call.in = gd_alloc_zero(arena, (size_t)l->room * sizeof *l->call.in);
	l->from = gd_alloc_zero(arena, (size_t)l->room * sizeof *l->from);
	if (!l->call.in || !l->from)
		return gd_arena_fail(arena, l->s->x->error);
	l->call.n_in = l->room;
	return true;
}

/* Whose numbers the layer read: by default, they get gradients. A loss's own do not, but what it is
 * the loss of does. */
static void note_use(struct layer *l)
{
	for (int i = 0; i < l->room; i++) {
		if (!l->from[i])
			continue;
		if (i < 32 && (l->call.indices >> i & 1))
			l->from[i]->used_as_index = true;
		else if ((!l->is_loss || i == 0) && gd_is_float(l->from[i]->node->dtype))
			l->from[i]->used = true;
	}
}

/* Operand i as an element of a list under its own name. */
static bool point_into_list(struct layer *l, int i)
{
	struct gd_json list, place;
	int last = l->op->n_operands - 1;
	if (last == 0 || i < last || !l->op->operands[last].list ||
	    !gd_json_member(l->v, l->op->operands[last].name, &list))
		return false;
	bool more = gd_json_first(&list, &place);
	while (more && (int)place.index < i - last)
		more = gd_json_next(&place);
	if (more)
		gd_json_point(&place, l->s->x->error);
	return more;
}

/* The build failed, and the error points at the layer, or at a parameter that may stand at its
 * default. Points at what was written instead: a null, an element of a tensor. */
static bool point_exactly(struct layer *l)
{
	const struct gd_exchange *x = l->s->x;
	struct gd_json place, inputs;
	const char *pointer = x->error->pointer, *param = strrchr(pointer, '/');
	int i = l->call.bad_operand;
	if (param && strncmp(pointer, l->s->graph.origin, (size_t)(param - pointer)) == 0 &&
	    !l->s->graph.origin[param - pointer] && !gd_json_member(l->v, param + 1, &place))
		gd_json_point(l->v, x->error);
	if (i < 0)
		return false;
	if (l->call.bad_element) {
		struct gd_json tensors, tensor;
		struct gd_tensor t = gd_node_tensor(l->call.in[i]);
		if (l->from[i] && gd_json_member(&x->root, "tensors", &tensors) &&
		    gd_json_member(&tensors, l->from[i]->name, &tensor))
			gd_point_at_element(&tensor, &t, l->call.bad_index, x->error);
		return false;
	}
	if (l->listed && i < l->n_listed && gd_json_member(l->v, "inputs", &inputs)) {
		bool more = gd_json_first(&inputs, &place);
		while (more && (int)place.index < i)
			more = gd_json_next(&place);
		gd_json_point(&place, x->error);
	} else if (point_into_list(l, i)) {
		return false;
	} else if (i < l->op->n_operands && !l->op->operands[i].list &&
	           gd_json_member(l->v, l->op->operands[i].name, &place)) {
		gd_json_point(&place, x->error);
	}
	return false;
}

/* The operands as they were given: building converts them. */
static bool keep_operands(struct layer *l, struct gd_call *again)
{
	struct gd_arena *arena = l->s->x->plan_arena;
	size_t n = (size_t)l->call.n_in;
	again->in = gd_alloc_array(arena, n, sizeof *again->in);
	if (!again->in)
		return gd_arena_fail(arena, l->s->x->error);
	for (size_t i = 0; i < n; i++)
		again->in[i] = l->call.in[i];
	return true;
}

bool gd_layer_read(struct gd_spec *s, const struct gd_json *v, bool is_loss, struct gd_node **y)
{
	struct layer l = {.s = s, .v = v, .is_loss = is_loss};
	l.op = gd_op_named(s->x, v, is_loss);
	if (!l.op)
		return false;
	s->graph.origin = gd_json_pointer_new(v, s->x->plan_arena);
	s->graph.op = l.op->name;
	if (!s->graph.origin)
		return gd_arena_fail(s->x->plan_arena, s->x->error);
	gd_call_init(&l.call, &s->graph, l.op);
	if (!make_room(&l) || !read_members(&l) || !check_required(&l) || !default_operands(&l))
		return false;
	struct gd_call again = l.call;
	if (s->wants_rows && !keep_operands(&l, &again))
		return false;
	if (!gd_call_build(&l.call))
		return point_exactly(&l);
	if ((s->wants_rows && l.op->loss && !gd_loss_rows(s, &again)) || !name_outputs(&l))
		return false;
	note_use(&l);
	*y = l.call.out[0];
	(*y)->check = true;
	return true;
}
