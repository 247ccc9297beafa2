/* Pooling over windows: the largest element, the mean, a norm. */
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/window.h"

/* --- windows -------------------------------------------------------------------------------- */

struct pool {
	int64_t kernel[GD_SPATIAL], stride[GD_SPATIAL], pad[GD_SPATIAL], dilation[GD_SPATIAL];
	int64_t out[GD_SPATIAL];
};

static bool not_empty(struct gd_call *c, const struct gd_node *x)
{
	if (x->shape[1] != 0)
		return true;
	gd_graph_fail(c->g, GD_ERR_shape_mismatch,
	              "%s has no channels: only the batch may be empty",
	              gd_label(c->in[0], "input"));
	return false;
}

/* kernel_size and stride, padding and dilation where there are such, and the sizes that follow. */
static bool read_pool(struct gd_call *c, const struct gd_node *x, int n, bool padding,
                      bool dilation, struct pool *p)
{
	const struct gd_value *stride = gd_param(c, "stride");
	bool ceil = gd_flag(c, "ceil_mode");
	for (int i = 0; i < n; i++) {
		p->pad[i] = 0;
		p->dilation[i] = 1;
	}
	if (!not_empty(c, x) || !gd_each_axis(c, "kernel_size", n, 1, true, p->kernel) ||
	    (padding && !gd_each_axis(c, "padding", n, 0, true, p->pad)) ||
	    (dilation && !gd_each_axis(c, "dilation", n, 1, true, p->dilation)))
		return false;
	memcpy(p->stride, p->kernel, sizeof p->stride);
	if (!stride->null && stride->n && !gd_each_axis(c, "stride", n, 1, true, p->stride))
		return false;
	for (int i = 0; i < n; i++) {
		int64_t in = x->shape[2 + i];
		if (p->pad[i] > p->kernel[i] / 2)
			return gd_param_fail(
			        c, "padding",
			        "is %lld, but may be half the kernel_size %lld at most",
			        (long long)p->pad[i], (long long)p->kernel[i]);
		p->out[i] = gd_positions(in, p->pad[i], p->pad[i], p->kernel[i], p->stride[i],
		                         p->dilation[i], ceil);
		if (p->out[i] == 0 || p->out[i] == INT64_MAX)
			return gd_param_fail(
			        c, "kernel_size",
			        "is %lld, longer than axis %d of %s, which has %lld elements "
			        "and %lld of padding on either side",
			        (long long)p->kernel[i], c->in[0]->rank - n + i,
			        gd_label(c->in[0], "input"), (long long)in, (long long)p->pad[i]);
	}
	return true;
}

/* --- the largest element -------------------------------------------------------------------- */

/* With a dilation, windows may step over all of a short axis: of nothing the largest is -∞. */
static struct gd_node *lowest_of_nothing(struct gd_graph *g, struct gd_node *value,
                                         const struct gd_ranges *r)
{
	for (int i = 0; i < r->n && value; i++) {
		struct gd_tensor t = {.dtype = GD_BOOL, .rank = r->n - i};
		bool some = false;
		for (int k = 0; k < t.rank; k++)
			t.shape[k] = k ? 1 : r->out[i];
		for (int64_t o = 0; o < r->out[i]; o++)
			some = some || r->first[i][o] == r->end[i][o];
		if (!some)
			continue;
		t.count = (size_t)r->out[i];
		uint8_t *none = t.data = gd_data_alloc(g->arena, t.count);
		if (!none) {
			gd_arena_fail(g->arena, g->error);
			return NULL;
		}
		for (int64_t o = 0; o < r->out[i]; o++)
			none[o] = r->first[i][o] == r->end[i][o];
		value = gd_where(g, gd_leaf(g, &t, NULL), gd_const(g, -INFINITY), value);
	}
	return value;
}

static bool give_largest(struct gd_call *c, struct gd_node *x, bool single,
                         const struct gd_ranges *r)
{
	struct gd_graph *g = c->g;
	int64_t rows[1 + GD_SPATIAL], shape[2 + GD_SPATIAL] = {x->shape[0], x->shape[1]}, size = 1;
	int n = r->n;
	rows[0] = x->shape[0] * x->shape[1];
	for (int i = 0; i < n; i++) {
		rows[1 + i] = x->shape[2 + i];
		size *= x->shape[2 + i];
		shape[2 + i] = r->out[i];
	}
	struct gd_node *in = gd_reshape(g, x, 1 + n, rows);
	struct gd_node *index = gd_max_index(g, in, r);
	struct gd_node *flat = gd_reshape(g, x, 2, (int64_t[]){rows[0], size});
	struct gd_node *value = gd_gather(g, flat, 1, index);
	gd_note_kink(
	        g, value, gd_max_ties(g, in, index, r),
	        "windows have several largest elements; the first one gets the whole gradient");
	value = lowest_of_nothing(g, gd_reshape(g, value, 2 + n, shape), r);
	struct gd_node *out[2] = {gd_unbatched(g, value, single),
	                          gd_unbatched(g, gd_reshape(g, index, 2 + n, shape), single)};
	return gd_give_all(c, gd_flag(c, "return_indices") ? 2 : 1, out);
}

/* Copies of tables live with the graph. */
static struct gd_ranges *new_ranges(struct gd_graph *g, int n, const int64_t *out)
{
	struct gd_ranges *r = gd_alloc_zero(g->arena, sizeof *r);
	if (!r) {
		gd_arena_fail(g->arena, g->error);
		return NULL;
	}
	r->n = n;
	for (int i = 0; i < n; i++) {
		r->out[i] = out[i];
		r->step[i] = 1;
		r->first[i] = gd_table(g, out[i]);
		r->end[i] = gd_table(g, out[i]);
		if (!r->first[i] || !r->end[i])
			return NULL;
	}
	return r;
}

/* Of a huge kernel, the taps that some window finds inside. */
static void last_axis(struct gd_ranges *r, int64_t in, int64_t kernel, int64_t stride, int64_t pad,
                      int64_t step)
{
	int64_t last = (in - 1 + pad) / step, before = pad - (r->out[r->n - 1] - 1) * stride;
	int64_t first = before > 0 ? (before + step - 1) / step : 0;
	r->stride = stride;
	r->kernel = (kernel - 1 < last ? kernel - 1 : last) - first + 1;
	r->pad = pad - first * step;
}

static bool max_pool(struct gd_call *c, int n)
{
	bool single;
	struct pool p;
	struct gd_node *x = gd_batched(c, n, &single);
	if (!x || !read_pool(c, x, n, true, true, &p))
		return false;
	struct gd_ranges *r = new_ranges(c->g, n, p.out);
	if (!r)
		return false;
	last_axis(r, x->shape[1 + n], p.kernel[n - 1], p.stride[n - 1], p.pad[n - 1],
	          p.dilation[n - 1]);
	for (int i = 0; i < n; i++) {
		int64_t *first = (int64_t *)r->first[i], *end = (int64_t *)r->end[i];
		int64_t in = x->shape[2 + i], step = p.dilation[i];
		r->step[i] = step;
		for (int64_t o = 0; o < p.out[i]; o++) {
			int64_t from = o * p.stride[i] - p.pad[i];
			int64_t behind = from + (p.kernel[i] - 1) * step + 1;
			first[o] = from >= 0 ? from : from + (-from + step - 1) / step * step;
			end[o] = behind < in ? behind : in;
			if (first[o] >= end[o])
				first[o] = end[o] = 0;
		}
	}
	return give_largest(c, x, single, r);
}

bool build_max_pool1d(struct gd_call *c)
{
	return max_pool(c, 1);
}

bool build_max_pool2d(struct gd_call *c)
{
	return max_pool(c, 2);
}

bool build_max_pool3d(struct gd_call *c)
{
	return max_pool(c, 3);
}

/* --- the mean ------------------------------------------------------------------------------- */

/* Sums over windows along each axis, [first, first + count). */
static struct gd_node *sums(struct gd_graph *g, struct gd_node *x, int n, const int64_t *out,
                            int64_t *const *first, int64_t *const *count)
{
	for (int i = 0; i < n && x; i++)
		x = gd_resample(g, x, 2 + i,
		                gd_taps_new(g, x->shape[2 + i], out[i], first[i], count[i], NULL));
	return x;
}

/* Π divisor[axis][position], as a constant where it is one. */
static struct gd_node *divisors(struct gd_graph *g, int n, const int64_t *out,
                                int64_t *const *divisor)
{
	bool uniform = true;
	double all = 1;
	struct gd_tensor t = {.dtype = g->dtype, .rank = n};
	for (int i = 0; i < n; i++) {
		t.shape[i] = out[i];
		for (int64_t o = 1; o < out[i]; o++)
			uniform = uniform && divisor[i][o] == divisor[i][0];
		all *= out[i] ? (double)divisor[i][0] : 1;
	}
	if (uniform)
		return gd_const(g, all);
	size_t size = gd_dtype_size(g->dtype);
	if (!gd_shape_count(n, t.shape, &t.count)) {
		gd_graph_fail(g, GD_ERR_limit_exceeded, "the result has too many elements");
		return NULL;
	}
	t.data = gd_data_alloc(g->arena, t.count * size);
	if (!t.data) {
		gd_arena_fail(g->arena, g->error);
		gd_error_pointer(g->error, "%s", g->origin);
		return NULL;
	}
	for (size_t k = 0; k < t.count; k++) {
		size_t rest = k;
		double product = 1;
		for (int i = n - 1; i >= 0; rest /= (size_t)out[i], i--)
			product *= (double)divisor[i][rest % (size_t)out[i]];
		if (g->dtype == GD_FLOAT64)
			((double *)t.data)[k] = product;
		else
			((float *)t.data)[k] = (float)product;
	}
	return gd_leaf(g, &t, NULL);
}

/* Mean over each window; windows that hang over the padding count what is not behind it, and with
 * `count_padding` the padding too. */
static struct gd_node *means(struct gd_graph *g, struct gd_node *x, int n, const struct pool *p,
                             bool count_padding, double divisor)
{
	int64_t *first[GD_SPATIAL] = {NULL}, *count[GD_SPATIAL] = {NULL},
	        *counted[GD_SPATIAL] = {NULL};
	for (int i = 0; i < n; i++) {
		int64_t in = x->shape[2 + i];
		first[i] = gd_table(g, p->out[i]);
		count[i] = gd_table(g, p->out[i]);
		counted[i] = gd_table(g, p->out[i]);
		if (!first[i] || !count[i] || !counted[i])
			return NULL;
		for (int64_t o = 0; o < p->out[i]; o++) {
			int64_t from = o * p->stride[i] - p->pad[i], to = from + p->kernel[i];
			int64_t edge = in + p->pad[i];
			counted[i][o] = (to < edge ? to : edge) - from;
			first[i][o] = from > 0 ? from : 0;
			count[i][o] = (to < in ? to : in) - first[i][o];
			if (!count_padding)
				counted[i][o] = count[i][o];
		}
	}
	struct gd_node *by = divisor != 0 ? gd_const(g, divisor) : divisors(g, n, p->out, counted);
	return gd_div(g, sums(g, x, n, p->out, first, count), by);
}

static bool avg_pool(struct gd_call *c, int n)
{
	bool single;
	struct pool p;
	double divisor = 0;
	struct gd_node *x = gd_batched(c, n, &single);
	if (!x || !read_pool(c, x, n, true, false, &p))
		return false;
	for (int i = 0; i < n && n == 3; i++)
		if (p.kernel[i] > x->shape[2 + i])
			return gd_param_fail(
			        c, "kernel_size", "is %lld, but axis %d of %s has %lld elements",
			        (long long)p.kernel[i], c->in[0]->rank - n + i,
			        gd_label(c->in[0], "input"), (long long)x->shape[2 + i]);
	if (n > 1 && !gd_param(c, "divisor_override")->null) {
		divisor = (double)gd_int(c, "divisor_override");
		if (divisor == 0)
			return gd_param_fail(c, "divisor_override", "is 0");
	}
	struct gd_node *y = means(c->g, x, n, &p, gd_flag(c, "count_include_pad"), divisor);
	return gd_give(c, gd_unbatched(c->g, y, single));
}

bool build_avg_pool1d(struct gd_call *c)
{
	return avg_pool(c, 1);
}

bool build_avg_pool2d(struct gd_call *c)
{
	return avg_pool(c, 2);
}

bool build_avg_pool3d(struct gd_call *c)
{
	return avg_pool(c, 3);
}

/* --- to a size ------------------------------------------------------------------------------ */

/* Position o of `out` takes the elements ⌊o·in/out⌋ ≤ i < ⌈(o + 1)·in/out⌉. */
static void adaptive(int64_t in, int64_t out, int64_t *first, int64_t *end)
{
	for (int64_t o = 0; o < out; o++) {
		first[o] = (int64_t)((__int128)o * in / out);
		end[o] = (int64_t)(((__int128)(o + 1) * in + out - 1) / out);
	}
}

struct gd_node *gd_adaptive_mean(struct gd_graph *g, struct gd_node *x, int n, const int64_t *out)
{
	int64_t *first[GD_SPATIAL] = {NULL}, *count[GD_SPATIAL] = {NULL};
	for (int i = 0; i < n; i++) {
		first[i] = gd_table(g, out[i]);
		count[i] = gd_table(g, out[i]);
		if (!x || !first[i] || !count[i])
			return NULL;
		adaptive(x->shape[2 + i], out[i], first[i], count[i]);
		for (int64_t o = 0; o < out[i]; o++)
			count[i][o] -= first[i][o];
	}
	return gd_div(g, sums(g, x, n, out, first, count), divisors(g, n, out, count));
}

/* output_size: one number, or one for each axis, null keeping the input's. */
static bool read_output_size(struct gd_call *c, const struct gd_node *x, int n, int64_t *out)
{
	const struct gd_value *v = gd_param(c, "output_size");
	if (v->null) {
		memcpy(out, x->shape + 2, (size_t)n * sizeof *out);
		return true;
	}
	bool nulls = false;
	for (int i = 0; i < n && v->n == n; i++)
		nulls = nulls || v->ints[i] == GD_NULL_INT;
	if (!nulls)
		return gd_each_axis(c, "output_size", n, 0, n == 1, out);
	for (int i = 0; i < n; i++) {
		out[i] = v->ints[i] == GD_NULL_INT ? x->shape[2 + i] : v->ints[i];
		if (out[i] < 0)
			return gd_param_fail(c, "output_size", "is %lld, but must be at least 0",
			                     (long long)out[i]);
	}
	return true;
}

static bool adaptive_avg_pool(struct gd_call *c, int n)
{
	bool single;
	int64_t out[GD_SPATIAL];
	struct gd_node *x = gd_batched(c, n, &single);
	return x && read_output_size(c, x, n, out) &&
	       gd_give(c, gd_unbatched(c->g, gd_adaptive_mean(c->g, x, n, out), single));
}

static bool adaptive_max_pool(struct gd_call *c, int n)
{
	bool single;
	int64_t out[GD_SPATIAL];
	struct gd_node *x = gd_batched(c, n, &single);
	if (!x || !read_output_size(c, x, n, out))
		return false;
	struct gd_ranges *r = new_ranges(c->g, n, out);
	for (int i = 0; i < n && r; i++)
		adaptive(x->shape[2 + i], out[i], (int64_t *)r->first[i], (int64_t *)r->end[i]);
	return r && give_largest(c, x, single, r);
}

bool build_adaptive_avg_pool1d(struct gd_call *c)
{
	return adaptive_avg_pool(c, 1);
}

bool build_adaptive_avg_pool2d(struct gd_call *c)
{
	return adaptive_avg_pool(c, 2);
}

bool build_adaptive_avg_pool3d(struct gd_call *c)
{
	return adaptive_avg_pool(c, 3);
}

bool build_adaptive_max_pool1d(struct gd_call *c)
{
	return adaptive_max_pool(c, 1);
}

bool build_adaptive_max_pool2d(struct gd_call *c)
{
	return adaptive_max_pool(c, 2);
}

bool build_adaptive_max_pool3d(struct gd_call *c)
{
	return adaptive_max_pool(c, 3);
}

/* --- a norm --------------------------------------------------------------------------------- */

/* z^(1/p), whose gradient at z = 0 is 0. */
static struct gd_node *root(struct gd_graph *g, struct gd_node *z, double p)
{
	struct gd_node *zero = gd_eq(g, z, gd_const(g, 0));
	struct gd_node *power = gd_pow(g, gd_where(g, zero, gd_const(g, 1), z), gd_const(g, 1 / p));
	struct gd_node *y = gd_where(g, zero, gd_const(g, pow(0, 1 / p)), power);
	gd_note_kink(g, y, zero, "windows have the norm 0; gradient 0 used there");
	return y;
}

/* As PyTorch: the mean of the powers, times the elements of a whole window. */
static bool lp_pool(struct gd_call *c, int n)
{
	bool single;
	struct pool q;
	struct gd_graph *g = c->g;
	double p = gd_float(c, "norm_type"), whole = 1;
	struct gd_node *x = gd_batched(c, n, &single);
	if (!x || !read_pool(c, x, n, false, false, &q))
		return false;
	if (p == 0)
		return gd_param_fail(c, "norm_type", "is 0");
	for (int i = 0; i < n; i++)
		whole *= (double)q.kernel[i];
	struct gd_node *powers = p == 2 ? gd_square(g, x) : gd_pow(g, x, gd_const(g, p));
	struct gd_node *z = gd_mul(g, means(g, powers, n, &q, true, 0), gd_const(g, whole));
	return gd_give(c, gd_unbatched(g, root(g, z, p), single));
}

bool build_lp_pool1d(struct gd_call *c)
{
	return lp_pool(c, 1);
}

bool build_lp_pool2d(struct gd_call *c)
{
	return lp_pool(c, 2);
}
