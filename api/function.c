/* What is differentiated, and towards what: the scalar, the function, cotangents and vectors. */
#include "api/spec.h"
#include "api/tensor.h"
#include "core/batch.h"
#include "core/build.h"

/* --- tensors beside "tensors" --------------------------------------------------------------- */

/* A tensor in any form, or the name of one. */
static struct gd_node *read_vector(struct gd_spec *s, const struct gd_json *v, const char *what)
{
	const char *text = gd_json_text(v);
	struct gd_name *name = gd_json_kind(v) == GD_JSON_STRING ? gd_spec_find(s, text) : NULL;
	if (name && !name->is_output)
		return name->node;
	if (name) {
		gd_json_fail(v, s->x->error, GD_ERR_unknown_tensor,
		             "%s names one of the tensors, but \"%s\" is an output", what, text);
		return NULL;
	}
	if (gd_json_kind(v) == GD_JSON_STRING && !gd_is_nonfinite_text(text))
		return gd_spec_unknown(s, v, text);
	return gd_read_leaf(s->x, v, &s->graph, what);
}

static bool is_among(const struct gd_wanted *w, const struct gd_node *node)
{
	for (int i = 0; i < w->n; i++)
		if (w->nodes[i] == node)
			return true;
	return false;
}

/* What the vector v is for. */
static struct gd_node *vector_of(struct gd_spec *s, const struct gd_json *v, const char *field,
                                 bool among_wrt)
{
	const struct gd_name *name = gd_spec_find(s, v->key);
	struct gd_error *e = s->x->error;
	if (!name)
		return gd_spec_unknown(s, v, v->key);
	if (!gd_is_float(name->node->dtype)) {
		gd_json_fail(v, e, GD_ERR_not_differentiable,
		             "%s is %s: only floating tensors have %s", name->name,
		             gd_dtype_name(name->node->dtype), field);
		return NULL;
	}
	if (name->used_as_index && !name->used) {
		gd_json_fail(v, e, GD_ERR_not_differentiable,
		             "%s is read as integers or as a mask, so it has no %s", name->name,
		             field);
		return NULL;
	}
	if (among_wrt && !is_among(&s->wrt, name->node)) {
		gd_json_fail(v, e, GD_ERR_invalid_parameter,
		             "%s is not differentiated by: wrt lacks it", name->name);
		return NULL;
	}
	return name->node;
}

bool gd_spec_vectors(struct gd_spec *s, const char *field, bool among_wrt,
                     struct gd_vectors *vectors)
{
	struct gd_exchange *x = s->x;
	struct gd_json object, v, wrt;
	char want[GD_SHAPE_TEXT], got[GD_SHAPE_TEXT];
	if (!gd_json_require(&x->root, field, &object, x->error) ||
	    !gd_json_is(&object, GD_JSON_OBJECT, x->error))
		return false;
	among_wrt = among_wrt || gd_json_member(&x->root, "wrt", &wrt);
	size_t n = gd_json_size(&object);
	vectors->n = 0;
	vectors->of = gd_alloc_array(x->plan_arena, n, sizeof *vectors->of);
	vectors->values = gd_alloc_array(x->plan_arena, n, sizeof *vectors->values);
	if (!vectors->of || !vectors->values)
		return gd_arena_fail(x->plan_arena, x->error);
	for (bool more = gd_json_first(&object, &v); more; more = gd_json_next(&v)) {
		struct gd_node *of = vector_of(s, &v, field, among_wrt);
		struct gd_node *value = of ? read_vector(s, &v, v.key) : NULL;
		s->graph.origin = gd_json_pointer_new(&v, x->plan_arena);
		if (!s->graph.origin)
			return gd_arena_fail(x->plan_arena, x->error);
		value = gd_cast(&s->graph, value, s->graph.dtype);
		if (!value)
			return false;
		if (!gd_same_shape(of, value)) {
			gd_json_fail(&v, x->error, GD_ERR_shape_mismatch,
			             "%s has the shape %s, but what is given for it has %s", v.key,
			             gd_shape_text(of->rank, of->shape, want),
			             gd_shape_text(value->rank, value->shape, got));
			gd_error_shapes(x->error, of->rank, of->shape, value->rank, value->shape);
			return false;
		}
		vectors->of[vectors->n] = of;
		vectors->values[vectors->n++] = value;
	}
	return true;
}

/* --- the scalar, or the function ------------------------------------------------------------ */

static bool has_derivative(struct gd_spec *s, const struct gd_node *y)
{
	if (gd_is_float(y->dtype))
		return true;
	gd_fail(s->x->error, GD_ERR_not_differentiable,
	        "the last output is a %s tensor, which has no derivative", gd_dtype_name(y->dtype));
	gd_error_pointer(s->x->error, "%s", s->scalar_origin);
	return false;
}

struct gd_node *gd_spec_function(struct gd_spec *s)
{
	struct gd_json given;
	struct gd_node *y = s->output ? s->output : s->loss;
	if (gd_spec_seeded(s, &given)) {
		gd_json_fail(&given, s->x->error, GD_ERR_invalid_parameter,
		             "%s is of the output itself and takes no cotangent",
		             s->x->endpoint->path);
		gd_error_hint(s->x->error, "/grad gives its product with the Jacobian");
		return NULL;
	}
	return has_derivative(s, y) ? y : NULL;
}

/* The cotangent or, with a leading axis, several. */
static bool read_seed(struct gd_spec *s, const struct gd_json *given, const struct gd_node *y,
                      bool several, struct gd_node **seed)
{
	struct gd_exchange *x = s->x;
	char want[GD_SHAPE_TEXT], got[GD_SHAPE_TEXT];
	s->graph.origin = "/grad_output";
	*seed = gd_cast(&s->graph, read_vector(s, given, "grad_output"), s->graph.dtype);
	if (!*seed)
		return false;
	struct gd_node expected = *y;
	if (several)
		expected.rank = gd_batch_shape((*seed)->rank ? (*seed)->shape[0] : 1, y->rank,
		                               y->shape, expected.shape);
	if (gd_same_shape(*seed, &expected))
		return true;
	gd_json_fail(given, x->error, GD_ERR_shape_mismatch,
	             several ? "grad_output has the shape %s, but for each of its rows the output "
	                       "has %s"
	                     : "grad_output has the shape %s, but the output has %s",
	             gd_shape_text((*seed)->rank, (*seed)->shape, got),
	             gd_shape_text(y->rank, y->shape, want));
	gd_error_shapes(x->error, expected.rank, expected.shape, (*seed)->rank, (*seed)->shape);
	return false;
}

/* What is differentiated. */
static bool find_scalar(struct gd_spec *s, bool seeded, const struct gd_json *given,
                        struct gd_node **y)
{
	*y = s->loss ? s->loss : s->output;
	if (!has_derivative(s, *y))
		return false;
	if (seeded && s->loss && s->loss->rank == 0)
		return gd_json_fail(given, s->x->error, GD_ERR_invalid_parameter,
		                    "the loss is a scalar already: give loss or grad_output, not "
		                    "both");
	return true;
}

bool gd_spec_scalar(struct gd_spec *s, struct gd_node **y, struct gd_node **seed)
{
	struct gd_exchange *x = s->x;
	struct gd_json given;
	char want[GD_SHAPE_TEXT];
	bool seeded = gd_spec_seeded(s, &given);
	*seed = NULL;
	if (!find_scalar(s, seeded, &given, y))
		return false;
	if (seeded)
		return read_seed(s, &given, *y, false, seed);
	if ((*y)->count == 1)
		return true;
	gd_shape_text((*y)->rank, (*y)->shape, want);
	gd_fail(x->error, GD_ERR_not_scalar,
	        "%s has the shape %s: a gradient needs a scalar. Give a loss, or "
	        "grad_output of that shape",
	        s->loss ? "the loss" : "the last output", want);
	gd_error_shapes(x->error, 0, NULL, (*y)->rank, (*y)->shape);
	gd_error_pointer(x->error, "%s", s->scalar_origin);
	return false;
}

bool gd_spec_cotangents(struct gd_spec *s, struct gd_node **y, struct gd_node **seeds)
{
	struct gd_json given, batched;
	if (gd_spec_seeded(s, &given))
		return find_scalar(s, true, &given, y) && read_seed(s, &given, *y, true, seeds);
	if (gd_json_member(&s->x->root, "batched", &batched))
		gd_json_fail(&batched, s->x->error, GD_ERR_invalid_parameter,
		             "several cotangents at once need grad_output, with a leading axis");
	return false;
}
