/* Integers: read, compared, replaced, spread. None of them has a derivative. */
#include "core/ops/integers.h"

#include <string.h>

#include "core/batch.h"
#include "core/eval.h"

static void forward_index_is(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	const int64_t *x = y->in[0]->data;
	for (size_t i = 0; i < y->count; i++)
		((uint8_t *)y->data)[i] = x[i] == y->attr.replace.value;
}

static const struct gd_prim index_is = {
        .name = "index_is", .forward = forward_index_is, .batch = gd_batch_leading};

struct gd_node *gd_index_is(struct gd_graph *g, struct gd_node *index, int64_t value)
{
	struct gd_node *y =
	        index ? gd_node_new(g, &index_is, GD_BOOL, index->rank, index->shape, 1, &index)
	              : NULL;
	if (y)
		y->attr.replace.value = value;
	return y;
}

static void forward_index_replace(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	const int64_t *x = y->in[0]->data;
	int64_t value = y->attr.replace.value, by = y->attr.replace.by;
	for (size_t i = 0; i < y->count; i++)
		((int64_t *)y->data)[i] = x[i] == value ? by : x[i];
}

static const struct gd_prim index_replace = {
        .name = "index_replace", .forward = forward_index_replace, .batch = gd_batch_leading};

struct gd_node *gd_index_replace(struct gd_graph *g, struct gd_node *index, int64_t value,
                                 int64_t by)
{
	struct gd_node *y = index ? gd_node_new(g, &index_replace, GD_INT64, index->rank,
	                                        index->shape, 1, &index)
	                          : NULL;
	if (y) {
		y->attr.replace.value = value;
		y->attr.replace.by = by;
	}
	return y;
}

static void forward_one_hot(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	const int64_t *x = y->in[0]->data;
	size_t classes = (size_t)y->shape[y->rank - 1];
	memset(y->data, 0, y->count * sizeof(int64_t));
	for (size_t i = 0; i < y->in[0]->count; i++)
		((int64_t *)y->data)[i * classes + (size_t)x[i]] = 1;
}

static const struct gd_prim one_hot = {
        .name = "one_hot", .forward = forward_one_hot, .batch = gd_batch_leading};

struct gd_node *gd_one_hot(struct gd_graph *g, struct gd_node *index, int64_t classes)
{
	if (!index)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, index->shape, sizeof shape);
	shape[index->rank] = classes;
	return gd_node_new(g, &one_hot, GD_INT64, index->rank + 1, shape, 1, &index);
}

/* Element i as an integer; false when it is none. */
static bool integer_at(const struct gd_node *x, size_t i, int64_t *value, double *number)
{
	if (!gd_is_float(x->dtype)) {
		*value = x->dtype == GD_BOOL ? ((uint8_t *)x->data)[i] : ((int64_t *)x->data)[i];
		*number = (double)*value;
		return true;
	}
	double v = x->dtype == GD_FLOAT64 ? ((double *)x->data)[i] : (double)((float *)x->data)[i];
	*number = v;
	if (!(v >= -0x1p53 && v <= 0x1p53) || v != (double)(int64_t)v)
		return false;
	*value = (int64_t)v;
	return true;
}

static void refuse_index(struct gd_sweep *run, const struct gd_node *y, size_t i, double number,
                         const int64_t *value)
{
	const struct gd_index_rule *rule = y->attr.index;
	const char *label = gd_label(y->in[0], rule->role);
	if (value)
		gd_fail(run->error, GD_ERR_number_out_of_range,
		        "%s: %s takes %lld to %lld, but element %zu of %s is %lld", y->op,
		        rule->role, (long long)rule->low, (long long)rule->high, i, label,
		        (long long)*value);
	else
		gd_fail(run->error, GD_ERR_wrong_type,
		        "%s: %s needs integers, but element %zu of %s is %g", y->op, rule->role, i,
		        label, number);
	gd_error_pointer(run->error, "%s", y->origin);
	run->refused = y->in[0];
	run->refused_index = i;
}

static void forward_checked_index(struct gd_sweep *run, struct gd_node *y)
{
	const struct gd_index_rule *rule = y->attr.index;
	int64_t *out = y->data;
	for (size_t i = 0; i < y->count; i++) {
		int64_t v = 0;
		double number;
		bool whole = integer_at(y->in[0], i, &v, &number);
		bool exempt = rule->has_exempt && whole && v == rule->exempt;
		if (!exempt && (!whole || v < rule->low || v > rule->high)) {
			refuse_index(run, y, i, number, whole ? &v : NULL);
			return;
		}
		out[i] = rule->wrap && v < 0 ? v + rule->high + 1 : v;
	}
}

static const struct gd_prim checked_index = {
        .name = "checked_index", .forward = forward_checked_index, .batch = gd_batch_leading};

struct gd_node *gd_checked_index(struct gd_graph *g, struct gd_node *x,
                                 const struct gd_index_rule *rule)
{
	struct gd_node *y =
	        x ? gd_node_new(g, &checked_index, GD_INT64, x->rank, x->shape, 1, &x) : NULL;
	struct gd_index_rule *copy = y ? gd_alloc(g->arena, sizeof *copy) : NULL;
	if (y && !copy)
		gd_arena_fail(g->arena, g->error);
	if (!copy)
		return NULL;
	*copy = *rule;
	y->attr.index = copy;
	return y;
}
