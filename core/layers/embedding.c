/* Classes as unit vectors, and rows of a table. */
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/indexing.h"
#include "core/layers/layers.h"
#include "core/ops/integers.h"
#include "core/ops/rows.h"
#include "core/ops/surrogate.h"

/* Without num_classes, one more than the largest class: it must be known. */
static bool count_classes(struct gd_call *c, int64_t *classes)
{
	struct gd_node *x = c->in[0];
	*classes = gd_int(c, "num_classes");
	if (*classes < -1 || *classes == 0)
		return gd_param_fail(c, "num_classes", "is %lld, but must be at least 1, or -1",
		                     (long long)*classes);
	if (*classes != -1)
		return true;
	if (x->count == 0)
		return gd_param_fail(c, "num_classes",
		                     "is needed, as there are no classes to count");
	if (!gd_is_leaf(x))
		return gd_param_fail(c, "num_classes", "is needed, as the classes are computed");
	struct gd_node *known = gd_as_index(c, 0, 0, INT32_MAX, NULL);
	if (!known)
		return false;
	const int64_t *v = known->data;
	for (size_t i = 0; i < known->count; i++)
		*classes = v[i] >= *classes ? v[i] + 1 : *classes;
	return true;
}

bool build_one_hot(struct gd_call *c)
{
	int64_t classes;
	return count_classes(c, &classes) &&
	       gd_give(c, gd_one_hot(c->g, gd_read_index(c, 0, classes - 1, false), classes));
}

/* Rows longer than max_norm are scaled to it; PyTorch does that in the table, unseen by the
 * gradient, which is that of the rows as they then are. */
static struct gd_node *renormalised(struct gd_call *c, struct gd_node *rows)
{
	struct gd_graph *g = c->g;
	double p = gd_float(c, "norm_type"), max = gd_float(c, "max_norm");
	struct gd_node *size = gd_abs(g, rows), *norm;
	if (p == INFINITY || p == -INFINITY) {
		norm = p > 0 ? gd_amax(g, size, 2, true) : gd_amin(g, size, 2, true);
	} else if (p == 0) {
		norm = gd_sum(g, gd_cast(g, gd_ne(g, rows, gd_const(g, 0)), g->dtype), 2, true);
	} else if (p == 2) {
		norm = gd_sqrt(g, gd_sum(g, gd_square(g, rows), 2, true));
	} else {
		norm = gd_sum(g, gd_pow(g, size, gd_const(g, p)), 2, true);
		norm = gd_pow(g, norm, gd_const(g, 1 / p));
	}
	struct gd_node *limit = gd_const(g, max), *one = gd_const(g, 1);
	struct gd_node *scale = gd_div(g, limit, gd_add(g, norm, gd_const(g, 1e-7)));
	scale = gd_where(g, gd_gt(g, norm, limit), scale, one);
	return gd_surrogate(g, gd_stop_gradient(g, gd_mul(g, rows, scale)), rows);
}

/* dy of a row is divided by how often its index occurs. */
static struct gd_node *scaled_by_frequency(struct gd_graph *g, struct gd_node *rows,
                                           struct gd_node *index, int64_t table)
{
	int64_t n = (int64_t)index->count;
	struct gd_node *ones = gd_expand(g, gd_const(g, 1), 1, &n);
	struct gd_node *count = gd_index_sum(g, ones, 0, index, table);
	count = gd_reshape(g, gd_index_select(g, count, 0, index), 2, (int64_t[]){n, 1});
	return gd_surrogate(g, gd_stop_gradient(g, rows), gd_div(g, rows, count));
}

bool build_embedding(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0], *weight = c->in[1];
	const struct gd_value *padding = gd_param(c, "padding_idx");
	char text[GD_SHAPE_TEXT];
	if (weight->rank != 2) {
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "%s %s must be a matrix, a row for each index",
		              gd_label(weight, "weight"),
		              gd_shape_text(weight->rank, weight->shape, text));
		return false;
	}
	int64_t table = weight->shape[0], width = weight->shape[1];
	if (!padding->null && (padding->i < -table || padding->i >= table))
		return gd_param_fail(c, "padding_idx", "is %lld, but %s has %lld rows",
		                     (long long)padding->i, gd_label(weight, "weight"),
		                     (long long)table);
	int64_t n = (int64_t)x->count, shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	shape[x->rank] = width;
	struct gd_node *index = gd_reshape(g, gd_read_index(c, 0, table - 1, false), 1, &n);
	struct gd_node *rows = gd_index_select(g, weight, 0, index);
	if (!rows)
		return false;
	if (gd_flag(c, "scale_grad_by_freq"))
		rows = scaled_by_frequency(g, rows, index, table);
	if (!gd_param(c, "max_norm")->null && width > 0)
		rows = renormalised(c, rows);
	if (!padding->null) {
		int64_t row = padding->i < 0 ? padding->i + table : padding->i;
		struct gd_node *is =
		        gd_reshape(g, gd_index_is(g, index, row), 2, (int64_t[]){n, 1});
		rows = gd_where(g, is, gd_stop_gradient(g, rows), rows);
	}
	return gd_give(c, gd_reshape(g, rows, x->rank + 1, shape));
}
