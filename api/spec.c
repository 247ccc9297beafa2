#include "api/spec.h"

#include <string.h>

#include "api/tensor.h"
#include "core/batch.h"
#include "core/build.h"

/* --- names -------------------------------------------------------------------------------- */

/* FNV-1a. */
static size_t hash(const char *s)
{
	size_t h = 1469598103934665603u;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

struct gd_name *gd_spec_find(const struct gd_spec *s, const char *name)
{
	struct gd_name *n = s->buckets[hash(name) % s->n_buckets];
	while (n && strcmp(n->name, name) != 0)
		n = n->chain;
	return n;
}

static bool grow(struct gd_spec *s)
{
	size_t room = s->n_buckets ? 4 * s->n_buckets : 16;
	struct gd_name **buckets = gd_alloc_zero(s->x->plan_arena, room * sizeof *buckets);
	if (!buckets)
		return gd_arena_fail(s->x->plan_arena, s->x->error);
	for (struct gd_name *n = s->first; n; n = n->next) {
		struct gd_name **bucket = &buckets[hash(n->name) % room];
		n->chain = *bucket;
		*bucket = n;
	}
	s->buckets = buckets;
	s->n_buckets = room;
	return true;
}

struct gd_name *gd_spec_add(struct gd_spec *s, const char *name)
{
	if (s->n_names >= s->n_buckets && !grow(s))
		return NULL;
	struct gd_name *n = gd_alloc_zero(s->x->plan_arena, sizeof *n);
	if (!n) {
		gd_arena_fail(s->x->plan_arena, s->x->error);
		return NULL;
	}
	struct gd_name **bucket = &s->buckets[hash(name) % s->n_buckets];
	n->name = name;
	n->chain = *bucket;
	*bucket = n;
	*s->last = n;
	s->last = &n->next;
	s->n_names++;
	return n;
}

struct gd_node *gd_spec_unknown(struct gd_spec *s, const struct gd_json *v, const char *name)
{
	if (s->x->error->code)
		return NULL;
	gd_json_fail(v, s->x->error, GD_ERR_unknown_tensor,
	             "there is no tensor and no earlier output named \"%s\"", name);
	size_t n = 0;
	const char **names = gd_alloc_array(s->x->plan_arena, s->n_names + 1, sizeof *names);
	for (struct gd_name *k = names ? s->first : NULL; k; k = k->next)
		names[n++] = k->name;
	if (names) {
		names[n] = NULL;
		gd_did_you_mean(s->x->error, name, names);
	}
	return NULL;
}

/* --- tensors ------------------------------------------------------------------------------ */

static bool read_tensors(struct gd_spec *s)
{
	struct gd_exchange *x = s->x;
	struct gd_json tensors, member;
	if (!gd_json_require(&x->root, "tensors", &tensors, x->error) ||
	    !gd_json_is(&tensors, GD_JSON_OBJECT, x->error))
		return false;
	s->graph.origin = "/tensors";
	for (bool more = gd_json_first(&tensors, &member); more; more = gd_json_next(&member)) {
		struct gd_node *leaf = gd_read_leaf(x, &member, &s->graph, member.key);
		struct gd_name *name = leaf ? gd_spec_add(s, member.key) : NULL;
		if (!name)
			return false;
		name->node = leaf;
	}
	return true;
}

/* --- top-level fields --------------------------------------------------------------------- */

/* One of a few words. */
static bool read_dtype(struct gd_spec *s, enum gd_dtype *dtype)
{
	struct gd_json v;
	*dtype = GD_FLOAT64;
	if (!gd_json_member(&s->x->root, "dtype", &v))
		return true;
	const char *text = gd_json_string(&v, s->x->error);
	if (!text)
		return false;
	if (gd_dtype_from_name(text, dtype) && gd_is_float(*dtype))
		return true;
	return gd_json_fail(&v, s->x->error, GD_ERR_invalid_parameter,
	                    "a computation is float64 or float32, not \"%s\"", text);
}

static bool read_encoding(struct gd_spec *s)
{
	struct gd_json v;
	s->encoding = GD_NESTED;
	if (!gd_json_member(&s->x->root, "encoding", &v))
		return true;
	const char *text = gd_json_string(&v, s->x->error);
	if (!text)
		return false;
	if (gd_encoding_from_name(text, &s->encoding))
		return true;
	return gd_json_fail(&v, s->x->error, GD_ERR_invalid_parameter,
	                    "an encoding is nested, flat or base64, not \"%s\"", text);
}

static bool read_per_sample(struct gd_spec *s)
{
	struct gd_json v;
	return !gd_json_member(&s->x->root, "per_sample", &v) ||
	       gd_json_bool(&v, &s->per_sample, s->x->error);
}

static bool has_grad_output(const struct gd_spec *s, struct gd_json *v)
{
	return gd_json_member(&s->x->root, "grad_output", v) && gd_json_kind(v) != GD_JSON_NULL;
}

static bool read_layers(struct gd_spec *s)
{
	struct gd_exchange *x = s->x;
	struct gd_json layers, layer, op, loss, given;
	if (!gd_json_require(&x->root, "layers", &layers, x->error) ||
	    !gd_json_is(&layers, GD_JSON_ARRAY, x->error))
		return false;
	bool has_loss =
	        gd_json_member(&x->root, "loss", &loss) && gd_json_kind(&loss) != GD_JSON_NULL;
	if (gd_json_size(&layers) == 0 && !has_loss)
		return gd_json_fail(&layers, x->error, GD_ERR_invalid_parameter,
		                    "needs at least one layer");
	for (bool more = gd_json_first(&layers, &layer); more; more = gd_json_next(&layer)) {
		const char *name = gd_json_member(&layer, "op", &op) ? gd_json_text(&op)
		                                                     : gd_json_text(&layer);
		s->linear_layers += strcmp(name, "linear") == 0;
	}
	s->scalar_origin = "/layers";
	bool seeded = has_grad_output(s, &given);
	for (bool more = gd_json_first(&layers, &layer); more; more = gd_json_next(&layer)) {
		s->wants_rows = s->per_sample && !seeded && !has_loss &&
		                layer.index + 1 == gd_json_size(&layers);
		if (!gd_layer_read(s, &layer, false, &s->output))
			return false;
		s->scalar_origin = s->graph.origin;
	}
	if (has_loss) {
		s->wants_rows = s->per_sample && !seeded;
		if (!gd_layer_read(s, &loss, true, &s->loss))
			return false;
		s->scalar_origin = s->graph.origin;
	}
	return true;
}

static bool read_wanted(struct gd_spec *s, const char *field, struct gd_wanted *w)
{
	struct gd_exchange *x = s->x;
	struct gd_json list, v;
	if (!gd_json_member(&x->root, field, &list))
		return true;
	if (!gd_json_is(&list, GD_JSON_ARRAY, x->error))
		return false;
	size_t n = gd_json_size(&list);
	w->names = gd_alloc_array(x->plan_arena, n, sizeof *w->names);
	w->nodes = gd_alloc_array(x->plan_arena, n, sizeof *w->nodes);
	if (!w->names || !w->nodes)
		return gd_arena_fail(x->plan_arena, x->error);
	for (bool more = gd_json_first(&list, &v); more; more = gd_json_next(&v)) {
		const char *text = gd_json_string(&v, x->error);
		if (!text)
			return false;
		struct gd_name *name = gd_spec_find(s, text);
		if (!name) {
			gd_spec_unknown(s, &v, text);
			return false;
		}
		if (name->listed == w)
			return gd_json_fail(&v, x->error, GD_ERR_invalid_parameter,
			                    "\"%s\" is named twice", text);
		name->listed = w;
		w->names[w->n] = name->name;
		w->nodes[w->n++] = name->node;
	}
	return true;
}

/* Only floating tensors that enter as numbers have a gradient. */
static bool check_wrt(struct gd_spec *s)
{
	struct gd_json list, v;
	int i = 0;
	if (!gd_json_member(&s->x->root, "wrt", &list))
		return true;
	for (bool more = gd_json_first(&list, &v); more; more = gd_json_next(&v), i++) {
		const struct gd_name *name = gd_spec_find(s, s->wrt.names[i]);
		if (!gd_is_float(name->node->dtype))
			return gd_json_fail(&v, s->x->error, GD_ERR_not_differentiable,
			                    "%s is %s: only floating tensors have gradients",
			                    name->name, gd_dtype_name(name->node->dtype));
		if (name->used_as_index && !name->used)
			return gd_json_fail(&v, s->x->error, GD_ERR_not_differentiable,
			                    "%s is read as integers or as a mask, so it has no "
			                    "gradient",
			                    name->name);
	}
	return true;
}

/* Every floating tensor that a layer uses. */
static bool default_wrt(struct gd_spec *s)
{
	struct gd_json given;
	if (gd_json_member(&s->x->root, "wrt", &given))
		return true;
	s->wrt.names = gd_alloc_array(s->x->plan_arena, s->n_names, sizeof *s->wrt.names);
	s->wrt.nodes = gd_alloc_array(s->x->plan_arena, s->n_names, sizeof *s->wrt.nodes);
	if (!s->wrt.names || !s->wrt.nodes)
		return gd_arena_fail(s->x->plan_arena, s->x->error);
	for (struct gd_name *n = s->first; n; n = n->next)
		if (!n->is_output && n->used) {
			s->wrt.names[s->wrt.n] = n->name;
			s->wrt.nodes[s->wrt.n++] = n->node;
		}
	return true;
}

const struct gd_field gd_spec_fields[] = {
#define GD_FIELD(name, required, ...) {#name, required, #__VA_ARGS__},
#include "api/fields.def"
#undef GD_FIELD
        {NULL, false, NULL},
};

const struct gd_field gd_no_fields[] = {{NULL, false, NULL}};

/* The fields that all calculations share, and those of this one. */
static bool known_fields(struct gd_exchange *x)
{
	const char *names[24];
	size_t n = 0;
	for (const struct gd_field *f = gd_spec_fields; f->name; f++)
		names[n++] = f->name;
	for (const struct gd_field *f = x->endpoint->fields; f->name; f++)
		names[n++] = f->name;
	names[n] = NULL;
	return gd_json_known(&x->root, names, x->error);
}

static struct gd_spec *read_spec(struct gd_exchange *x, bool second)
{
	enum gd_dtype dtype;
	struct gd_spec *s = gd_alloc_zero(x->plan_arena, sizeof *s);
	if (!s) {
		gd_arena_fail(x->plan_arena, x->error);
		return NULL;
	}
	s->x = x;
	s->second = second;
	s->last = &s->first;
	if (!known_fields(x) || !read_dtype(s, &dtype) || !read_encoding(s) ||
	    !read_per_sample(s) || !grow(s))
		return NULL;
	gd_graph_init(&s->graph, x->plan_arena, x->error, dtype, x->service->limits.nodes);
	if (!read_tensors(s) || !read_layers(s) || !read_wanted(s, "wrt", &s->wrt) ||
	    !check_wrt(s) || !default_wrt(s) || !read_wanted(s, "return", &s->returns))
		return NULL;
	return s;
}

struct gd_spec *gd_spec_read(struct gd_exchange *x)
{
	return read_spec(x, false);
}

struct gd_spec *gd_spec_read_second(struct gd_exchange *x)
{
	return read_spec(x, true);
}

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
	if (has_grad_output(s, &given)) {
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
	bool seeded = has_grad_output(s, &given);
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
	if (has_grad_output(s, &given))
		return find_scalar(s, true, &given, y) && read_seed(s, &given, *y, true, seeds);
	if (gd_json_member(&s->x->root, "batched", &batched))
		gd_json_fail(&batched, s->x->error, GD_ERR_invalid_parameter,
		             "several cotangents at once need grad_output, with a leading axis");
	return false;
}
