/* Pooling over windows: the mean and a norm. max_pool.c has the largest element. */
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/pool.h"

/* --- windows -------------------------------------------------------------------------------- */

static bool not_empty(struct gd_call *c, const struct gd_node *x)
{
	if (x->shape[1] != 0)
		return true;
	gd_graph_fail(c->g, GD_ERR_shape_mismatch,
	              "%s has no channels: only the batch may be empty",
	              gd_label(c->in[0], "input"));
	return false;
}

bool gd_read_pool(struct gd_call *c, const struct gd_node *x, int n, bool padding, bool dilation,
                  struct gd_pool *p)
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
static struct gd_node *means(struct gd_graph *g, struct gd_node *x, int n, const struct gd_pool *p,
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
	struct gd_pool p;
	double divisor = 0;
	struct gd_node *x = gd_with_batch(c, n, &single);
	if (!x || !gd_read_pool(c, x, n, true, false, &p))
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
	return gd_give(c, gd_without_batch(c->g, y, single));
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

void gd_adaptive_ranges(int64_t in, int64_t out, int64_t *first, int64_t *end)
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
		gd_adaptive_ranges(x->shape[2 + i], out[i], first[i], count[i]);
		for (int64_t o = 0; o < out[i]; o++)
			count[i][o] -= first[i][o];
	}
	return gd_div(g, sums(g, x, n, out, first, count), divisors(g, n, out, count));
}

bool gd_read_output_size(struct gd_call *c, const struct gd_node *x, int n, int64_t *out)
{
	const struct gd_value *v = gd_param(c, "output_size");
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
	struct gd_node *x = gd_with_batch(c, n, &single);
	return x && gd_read_output_size(c, x, n, out) &&
	       gd_give(c, gd_without_batch(c->g, gd_adaptive_mean(c->g, x, n, out), single));
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
	struct gd_pool q;
	struct gd_graph *g = c->g;
	double p = gd_float(c, "norm_type"), whole = 1;
	struct gd_node *x = gd_with_batch(c, n, &single);
	if (!x || !gd_read_pool(c, x, n, false, false, &q))
		return false;
	if (p == 0)
		return gd_param_fail(c, "norm_type", "is 0");
	for (int i = 0; i < n; i++)
		whole *= (double)q.kernel[i];
	struct gd_node *powers = p == 2 ? gd_square(g, x) : gd_pow(g, x, gd_const(g, p));
	struct gd_node *z = gd_mul(g, means(g, powers, n, &q, true, 0), gd_const(g, whole));
	return gd_give(c, gd_without_batch(g, root(g, z, p), single));
}

bool build_lp_pool1d(struct gd_call *c)
{
	return lp_pool(c, 1);
}

bool build_lp_pool2d(struct gd_call *c)
{
	return lp_pool(c, 2);
}
