#include "api/spec.h"

#include <string.h>

#include "api/tensor.h"

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

bool gd_spec_seeded(const struct gd_spec *s, struct gd_json *v)
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
	bool seeded = gd_spec_seeded(s, &given);
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
