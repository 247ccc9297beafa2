#include "api/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/plan.h"

void gd_point_at_element(const struct gd_json *v, const struct gd_tensor *t, size_t index,
                         struct gd_error *e)
{
	struct gd_json form;
	size_t rest = t->count;
	char *at = e->pointer, *end = at + sizeof e->pointer;
	gd_json_point(v, e);
	if (gd_json_member(v, "base64", &form)) {
		gd_json_point(&form, e);
		return;
	}
	if (gd_json_member(v, "data", &form)) {
		gd_json_point(&form, e);
		at += strlen(at);
		snprintf(at, (size_t)(end - at), "/%zu", index);
		return;
	}
	for (int i = 0; i < t->rank; i++, index %= rest) {
		rest /= (size_t)t->shape[i];
		at += strlen(at);
		if (end - at > 24)
			snprintf(at, (size_t)(end - at), "/%zu", index / rest);
	}
}

static bool element_fail(struct gd_exchange *x, const struct gd_json *v, const struct gd_tensor *t,
                         size_t index, enum gd_code code, const char *needs)
{
	gd_json_fail(v, x->error, code, "element %zu of %s %s", index,
	             v->key ? v->key : "the tensor", needs);
	gd_point_at_element(v, t, index, x->error);
	return false;
}

static double number_at(const struct gd_tensor *t, size_t i)
{
	return t->dtype == GD_FLOAT64 ? ((double *)t->data)[i] : (double)((float *)t->data)[i];
}

/* The data block after its elements have been rewritten in another size. */
static bool resize(struct gd_exchange *x, struct gd_tensor *t, enum gd_dtype to)
{
	void *p = gd_data_resize(x->arena, t->data, t->count * gd_dtype_size(t->dtype),
	                         t->count * gd_dtype_size(to));
	if (!p)
		return gd_arena_fail(x->arena, x->error);
	t->data = p;
	t->dtype = to;
	return true;
}

/* Conversions write over their own input: the narrower element never overtakes the wider one. */
static bool narrow(struct gd_exchange *x, const struct gd_json *v, struct gd_tensor *t,
                   const struct gd_lifted *lifted)
{
	x->plan->once = true;
	float *to = t->data;
	const double *from = t->data;
	size_t k = 0;
	for (size_t i = 0; i < t->count; i++) {
		double d = from[i];
		float f = (float)d;
		for (; lifted && k < lifted->exact_count && lifted->exact[k].index <= i; k++)
			if (lifted->exact[k].index == i)
				f = lifted->exact[k].is_int ? (float)lifted->exact[k].as.i
				                            : lifted->exact[k].as.f;
		if (isinf(f) && !isinf(d))
			return element_fail(x, v, t, i, GD_ERR_number_out_of_range,
			                    "is beyond float32's range");
		to[i] = f;
	}
	return resize(x, t, GD_FLOAT32);
}

static bool widen(struct gd_exchange *x, struct gd_tensor *t)
{
	x->plan->once = true;
	if (!resize(x, t, GD_FLOAT64))
		return false;
	for (size_t i = t->count; i-- > 0;)
		((double *)t->data)[i] = ((float *)t->data)[i];
	return true;
}

static bool to_floating(struct gd_exchange *x, const struct gd_json *v, struct gd_tensor *t,
                        const struct gd_lifted *lifted, enum gd_dtype floating)
{
	if (t->dtype == floating)
		return true;
	return floating == GD_FLOAT32 ? narrow(x, v, t, lifted) : widen(x, t);
}

static bool to_int64(struct gd_exchange *x, const struct gd_json *v, struct gd_tensor *t,
                     const struct gd_lifted *lifted)
{
	x->plan->once = true;
	size_t k = 0;
	if (t->dtype == GD_FLOAT32 && !widen(x, t))
		return false;
	for (size_t i = 0; i < t->count; i++) {
		double d = ((double *)t->data)[i];
		int64_t exact;
		while (k < lifted->exact_count && lifted->exact[k].index < i)
			k++;
		if (k < lifted->exact_count && lifted->exact[k].index == i &&
		    lifted->exact[k].is_int)
			exact = lifted->exact[k].as.i;
		else if (d >= -0x1p53 && d <= 0x1p53 && d == (double)(int64_t)d)
			exact = (int64_t)d;
		else
			return element_fail(x, v, t, i,
			                    isfinite(d) && d == trunc(d)
			                            ? GD_ERR_number_out_of_range
			                            : GD_ERR_wrong_type,
			                    "is no integer that fits int64");
		memcpy((char *)t->data + i * sizeof exact, &exact, sizeof exact);
	}
	t->dtype = GD_INT64;
	return true;
}

static bool to_bool(struct gd_exchange *x, const struct gd_json *v, struct gd_tensor *t)
{
	x->plan->once = true;
	uint8_t *to = t->data;
	for (size_t i = 0; i < t->count; i++) {
		double d = number_at(t, i);
		if (d != 0 && d != 1)
			return element_fail(x, v, t, i, GD_ERR_wrong_type,
			                    "is neither true, false, 1 nor 0");
		to[i] = d != 0;
	}
	return resize(x, t, GD_BOOL);
}

/* --- the flat and the base64 form --------------------------------------------------------- */

static bool read_shape(struct gd_exchange *x, const struct gd_json *v, struct gd_tensor *t)
{
	struct gd_json shape, axis;
	if (!gd_json_require(v, "shape", &shape, x->error) ||
	    !gd_json_is(&shape, GD_JSON_ARRAY, x->error))
		return false;
	if (gd_json_size(&shape) > GD_USER_RANK)
		return gd_json_fail(&shape, x->error, GD_ERR_limit_exceeded,
		                    "a tensor has at most %d axes, but %zu are given", GD_USER_RANK,
		                    gd_json_size(&shape));
	t->rank = 0;
	for (bool more = gd_json_first(&shape, &axis); more; more = gd_json_next(&axis))
		if (!gd_json_int(&axis, 0, INT64_MAX, &t->shape[t->rank++], x->error))
			return false;
	if (!gd_shape_count(t->rank, t->shape, &t->count) || t->count > x->service->limits.elements)
		return gd_json_fail(&shape, x->error, GD_ERR_limit_exceeded,
		                    "a tensor has at most %zu elements",
		                    x->service->limits.elements);
	return true;
}

static bool read_dtype(struct gd_exchange *x, const struct gd_json *v, enum gd_dtype floating,
                       enum gd_dtype *dtype, bool *given)
{
	struct gd_json member;
	*dtype = floating;
	*given = gd_json_member(v, "dtype", &member);
	if (!*given)
		return true;
	const char *name = gd_json_string(&member, x->error);
	if (!name)
		return false;
	if (gd_dtype_from_name(name, dtype))
		return true;
	gd_json_fail(&member, x->error, GD_ERR_invalid_parameter,
	             "there is no dtype \"%s\": it is float64, float32, int64 or bool", name);
	return false;
}

static bool from_base64(struct gd_exchange *x, const struct gd_json *v,
                        const struct gd_lifted *lifted, enum gd_dtype dtype, struct gd_tensor *t)
{
	size_t bytes = lifted->tensor.count, needed = t->count * gd_dtype_size(dtype);
	if (bytes != needed) {
		char text[GD_SHAPE_TEXT];
		int64_t elements = (int64_t)(bytes / gd_dtype_size(dtype));
		gd_json_fail(v, x->error, GD_ERR_shape_mismatch,
		             "a %s tensor of shape %s has %zu bytes, but base64 holds %zu",
		             gd_dtype_name(dtype), gd_shape_text(t->rank, t->shape, text), needed,
		             bytes);
		gd_error_shapes(x->error, t->rank, t->shape, 1, &elements);
		return false;
	}
	t->dtype = dtype;
	t->data = lifted->tensor.data;
	x->plan->once = x->plan->once || dtype == GD_BOOL; /* its bytes are looked at */
	for (size_t i = 0; dtype == GD_BOOL && i < bytes; i++)
		if (((uint8_t *)t->data)[i] > 1)
			return gd_json_fail(v, x->error, GD_ERR_wrong_type,
			                    "byte %zu of a bool tensor is %d, but must be 0 or 1",
			                    i, ((uint8_t *)t->data)[i]);
	return true;
}

static bool from_data(struct gd_exchange *x, const struct gd_json *v,
                      const struct gd_lifted *lifted, struct gd_tensor *t)
{
	if (lifted->tensor.rank != 1)
		return gd_json_fail(v, x->error, GD_ERR_wrong_type,
		                    "\"data\" needs one flat array of numbers");
	if (lifted->tensor.count != t->count) {
		char text[GD_SHAPE_TEXT];
		gd_json_fail(v, x->error, GD_ERR_shape_mismatch,
		             "the shape %s needs %zu elements, but data has %zu",
		             gd_shape_text(t->rank, t->shape, text), t->count,
		             lifted->tensor.count);
		gd_error_shapes(x->error, t->rank, t->shape, 1, lifted->tensor.shape);
		return false;
	}
	t->dtype = lifted->tensor.dtype;
	t->data = lifted->tensor.data;
	return true;
}

/* v is the tensor, in whatever form. */
static bool convert(struct gd_exchange *x, const struct gd_json *v, struct gd_tensor *t,
                    const struct gd_lifted *lifted, enum gd_dtype dtype, bool dtype_given,
                    enum gd_dtype floating)
{
	if (t->dtype == GD_BOOL) {
		if (dtype_given && dtype != GD_BOOL && t->count)
			return element_fail(x, v, t, 0, GD_ERR_wrong_type,
			                    "is true or false, but the dtype says numbers");
		return true;
	}
	if (dtype == GD_INT64)
		return to_int64(x, v, t, lifted);
	if (dtype == GD_BOOL)
		return to_bool(x, v, t);
	/* A float32 tensor of a float64 computation holds float32 values. */
	return to_floating(x, v, t, lifted, dtype) && to_floating(x, v, t, NULL, floating);
}

static const struct gd_lifted *lifted_at(struct gd_exchange *x, const struct gd_json *v)
{
	size_t index;
	return gd_json_lifted(v, x->lifted_count, &index) ? &x->lifted[index] : NULL;
}

static bool from_object(struct gd_exchange *x, const struct gd_json *v, enum gd_dtype floating,
                        struct gd_tensor *t)
{
	static const char *const fields[] = {"shape", "data", "dtype", "base64", NULL};
	struct gd_json data, base64;
	enum gd_dtype dtype;
	bool given;
	if (!gd_json_known(v, fields, x->error) || !read_shape(x, v, t) ||
	    !read_dtype(x, v, floating, &dtype, &given))
		return false;
	bool has_data = gd_json_member(v, "data", &data);
	bool has_base64 = gd_json_member(v, "base64", &base64);
	if (has_data == has_base64)
		return gd_json_fail(v, x->error,
		                    has_data ? GD_ERR_invalid_parameter : GD_ERR_missing_field,
		                    "needs either \"data\" or \"base64\"");
	const struct gd_json *place = has_data ? &data : &base64;
	const struct gd_lifted *lifted = lifted_at(x, place);
	if (!lifted)
		return gd_json_wrong_type(
		        place, has_data ? "an array of numbers" : "a base64 string", x->error);
	if (has_data && !lifted->is_base64)
		return from_data(x, place, lifted, t) &&
		       convert(x, v, t, lifted, dtype, given, floating);
	if (!from_base64(x, place, lifted, dtype, t))
		return false;
	return !gd_is_float(dtype) || to_floating(x, v, t, NULL, floating);
}

/* --- any form ----------------------------------------------------------------------------- */

bool gd_is_nonfinite_text(const char *text)
{
	return strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 ||
	       strcmp(text, "-Infinity") == 0;
}

static bool from_string(struct gd_exchange *x, const struct gd_json *v, enum gd_dtype floating,
                        struct gd_tensor *t)
{
	x->plan->once = true;
	if (!gd_is_nonfinite_text(gd_json_text(v)))
		return gd_json_wrong_type(v, "numbers", x->error);
	double value;
	*t = (struct gd_tensor){.dtype = GD_FLOAT64, .count = 1};
	t->data = gd_data_alloc(x->arena, sizeof value);
	if (!t->data)
		return gd_arena_fail(x->arena, x->error);
	if (!gd_json_extended(v, &value, x->error))
		return false;
	memcpy(t->data, &value, sizeof value);
	return to_floating(x, v, t, NULL, floating);
}

/* Reads v's value alone. */
static bool read_value(struct gd_exchange *x, const struct gd_json *v, enum gd_dtype floating,
                       struct gd_tensor *t)
{
	const struct gd_lifted *lifted = lifted_at(x, v);
	if (lifted) {
		*t = lifted->tensor;
		return convert(x, v, t, lifted, floating, false, floating);
	}
	switch (gd_json_kind(v)) {
	case GD_JSON_OBJECT: return from_object(x, v, floating, t);
	case GD_JSON_STRING: return from_string(x, v, floating, t);
	default: return gd_json_wrong_type(v, "numbers", x->error);
	}
}

struct gd_node *gd_read_leaf(struct gd_exchange *x, const struct gd_json *v, struct gd_graph *g,
                             const char *name)
{
	struct gd_tensor t;
	struct gd_json data = *v;
	size_t index;
	if (!read_value(x, v, g->dtype, &t))
		return NULL;
	struct gd_node *leaf = gd_leaf(g, &t, name);
	if (!leaf || gd_json_kind(v) == GD_JSON_STRING)
		return leaf;
	if (gd_json_kind(v) == GD_JSON_OBJECT && !gd_json_member(v, "data", &data))
		gd_json_member(v, "base64", &data);
	return gd_json_lifted(&data, x->lifted_count, &index) && gd_plan_bind(x, leaf, index)
	               ? leaf
	               : NULL;
}
