/* Padding: pairs of numbers for the last axis, the one before …; negative ones crop. */
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/indexing.h"
#include "core/layers/layers.h"
#include "core/ops/rows.h"

/* What is added to axis i before and behind. */
struct padding {
	int64_t before[GD_MAX_RANK], behind[GD_MAX_RANK], size[GD_MAX_RANK];
};

/* No sum of two of them overflows. */
static bool too_far(int64_t n)
{
	return n > INT64_MAX / 4 || n < -(INT64_MAX / 4);
}

static bool read_padding(struct gd_call *c, struct padding *p)
{
	const struct gd_value *v = gd_param(c, "pad");
	const struct gd_node *x = c->in[0];
	memset(p, 0, sizeof *p);
	if (v->n % 2)
		return gd_param_fail(c, "pad", "needs two numbers for each axis, but has %d", v->n);
	if (v->n / 2 > x->rank)
		return gd_param_fail(c, "pad", "has numbers for %d axes, but %s has %d", v->n / 2,
		                     gd_label(x, "the input"), x->rank);
	for (int i = 0; i < x->rank; i++) {
		int k = 2 * (x->rank - 1 - i);
		p->before[i] = k < v->n ? v->ints[k] : 0;
		p->behind[i] = k < v->n ? v->ints[k + 1] : 0;
		if (too_far(p->before[i]) || too_far(p->behind[i]) ||
		    __builtin_add_overflow(x->shape[i], p->before[i] + p->behind[i], &p->size[i]))
			return gd_param_fail(c, "pad", "makes axis %d too long", i);
		if (p->size[i] < 0)
			return gd_param_fail(c, "pad",
			                     "crops more than the %lld elements of axis %d",
			                     (long long)x->shape[i], i);
	}
	return true;
}

/* --- constant ------------------------------------------------------------------------------- */

static int64_t positive(int64_t x)
{
	return x > 0 ? x : 0;
}

/* What the negative numbers leave. */
static struct gd_node *cropped(struct gd_call *c, const struct padding *p)
{
	struct gd_node *x = c->in[0];
	struct gd_slice s;
	int64_t shape[GD_MAX_RANK];
	bool all = true;
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	for (int i = 0; i < x->rank; i++) {
		s.start[i] = p->before[i] < 0 ? -p->before[i] : 0;
		int64_t end = p->behind[i] < 0 ? x->shape[i] + p->behind[i] : x->shape[i];
		shape[i] = end - s.start[i];
		all = all && shape[i] == x->shape[i];
		if (shape[i] < 0)
			return gd_param_fail(c, "pad",
			                     "crops more than the %lld elements of axis %d",
			                     (long long)x->shape[i], i),
			       NULL;
	}
	return all ? x : gd_slice(c->g, x, &s, shape);
}

/* n times the value along an axis of x. */
static struct gd_node *filling(struct gd_graph *g, const struct gd_node *x, int axis, int64_t n,
                               double value)
{
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	shape[axis] = n;
	return gd_expand(g, gd_const(g, value), x->rank, shape);
}

static bool pad_constant(struct gd_call *c, const struct padding *p)
{
	struct gd_graph *g = c->g;
	const struct gd_value *value = gd_param(c, "value");
	double fill = value->null ? 0 : value->f;
	struct gd_node *y = cropped(c, p);
	if (!y)
		return false;
	if (fill == 0 && !signbit(fill)) {
		struct gd_slice s;
		bool all = true;
		for (int i = 0; i < GD_MAX_RANK; i++) {
			s.start[i] = i < y->rank ? positive(p->before[i]) : 0;
			s.step[i] = 1;
			all = all && (i >= y->rank || y->shape[i] == p->size[i]);
		}
		return gd_give(c, all ? y : gd_unslice(g, y, &s, p->size));
	}
	for (int i = c->in[0]->rank - 1; y && i >= 0; i--) {
		struct gd_node *part[3];
		int n = 0;
		if (p->before[i] > 0)
			part[n++] = filling(g, y, i, p->before[i], fill);
		part[n++] = y;
		if (p->behind[i] > 0)
			part[n++] = filling(g, y, i, p->behind[i], fill);
		y = n > 1 ? gd_cat(g, n, part, i) : y;
	}
	return gd_give(c, y);
}

/* --- reflect, replicate, circular: rows of the input once more ------------------------------- */

/* Where element i, beside the n there are, is read. */
static int64_t source_of(int64_t i, int64_t n, char mode)
{
	if (mode == 'l') /* replicate */
		return i < 0 ? 0 : i >= n ? n - 1 : i;
	if (mode == 'f') /* reflect: the edge itself is not repeated */
		return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
	return i < 0 ? i + n : i >= n ? i - n : i;
}

static bool check_axis(struct gd_call *c, const struct padding *p, int i, char mode)
{
	const struct gd_node *x = c->in[0];
	int64_t n = x->shape[i], most = mode == 'f' ? n - 1 : mode == 'c' ? n : INT64_MAX;
	if (n == 0)
		return gd_param_fail(c, "pad", "has nothing to repeat: axis %d of %s is empty", i,
		                     gd_label(x, "the input"));
	if (p->before[i] > most || p->behind[i] > most)
		return gd_param_fail(c, "pad",
		                     "adds %lld and %lld to axis %d, of whose %lld elements it can "
		                     "use at most %lld each time",
		                     (long long)p->before[i], (long long)p->behind[i], i,
		                     (long long)n, (long long)most);
	if (p->size[i] < 1)
		return gd_param_fail(c, "pad", "leaves nothing of axis %d", i);
	return true;
}

static bool pad_with_rows(struct gd_call *c, const struct padding *p, char mode)
{
	struct gd_graph *g = c->g;
	struct gd_node *y = c->in[0];
	const struct gd_value *value = gd_param(c, "value");
	int axes = gd_param(c, "pad")->n / 2, rank = y->rank;
	size_t count;
	if (!value->null && value->f != 0)
		return gd_param_fail(c, "value", "goes with the mode constant only");
	if (axes < 1 || axes > 3 || rank < axes + 1 || rank > axes + 2)
		return gd_param_fail(
		        c, "pad",
		        "has numbers for %d of %d axes, but this mode pads the last 1, "
		        "2 or 3 axes behind one or two others",
		        axes, rank);
	if (!gd_shape_count(rank, p->size, &count))
		return gd_param_fail(c, "pad", "makes too many elements");
	for (int i = rank - axes; i < rank; i++)
		if (!check_axis(c, p, i, mode))
			return false;
	for (int i = rank - axes; i < rank; i++) {
		if (p->before[i] == 0 && p->behind[i] == 0)
			continue;
		int64_t *row;
		struct gd_node *index = gd_index_leaf(g, p->size[i], &row);
		for (int64_t k = 0; index && k < p->size[i]; k++)
			row[k] = source_of(k - p->before[i], c->in[0]->shape[i], mode);
		y = gd_index_select(g, y, i, index);
	}
	return gd_give(c, y);
}

bool build_pad(struct gd_call *c)
{
	struct padding p;
	if (!read_padding(c, &p))
		return false;
	if (gd_chosen(c, "mode", "constant"))
		return pad_constant(c, &p);
	return pad_with_rows(c, &p,
	                     gd_chosen(c, "mode", "reflect")     ? 'f'
	                     : gd_chosen(c, "mode", "replicate") ? 'l'
	                                                         : 'c');
}
