/* interpolate: along each axis, output o is a weighted sum of a few neighbours around its source
 * position. Source: PyTorch's aten/src/ATen/native/UpSample.h, whose conventions these are. */
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/window.h"

enum { MAX_TAPS = 4 };

struct axis {
	int64_t in, out;
	double scale; /* the scale_factor that counts, or 0 */
	bool corners;
	bool narrow; /* the tensor is float32 */
};

/* Distance of two outputs' sources. */
static double step_of(const struct axis *a)
{
	if (a->corners)
		return a->out > 1 ? (double)(a->in - 1) / (double)(a->out - 1) : 0;
	return a->scale > 0 ? 1 / a->scale : (double)a->in / (double)a->out;
}

static double source_of(const struct axis *a, int64_t o)
{
	double step = step_of(a);
	return a->corners ? step * (double)o : step * ((double)o + 0.5) - 0.5;
}

/* PyTorch multiplies in the tensor's dtype and rounds down in float32, whatever that is. */
static int nearest(const struct axis *a, int64_t o, bool exact, int64_t *at, double *weight)
{
	float source;
	if (a->narrow) {
		float step = (float)step_of(a), middle = step * ((float)o + 0.5F) - 0.5F;
		source = exact ? (middle > 0 ? middle : 0) + 0.5F : step * (float)o;
	} else {
		double middle = source_of(a, o);
		source = exact ? (float)((middle > 0 ? middle : 0) + 0.5)
		               : (float)(step_of(a) * (double)o);
	}
	*at = source < (float)a->in ? (int64_t)source : a->in - 1;
	*at = *at < a->in ? *at : a->in - 1;
	*weight = 1;
	return 1;
}

static int linear(const struct axis *a, int64_t o, int64_t *at, double *weight)
{
	double source = source_of(a, o);
	source = source > 0 ? source : 0;
	*at = source < (double)(a->in - 1) ? (int64_t)source : a->in - 1;
	weight[1] = source - (double)*at;
	weight[1] = a->in == a->out ? 0 : weight[1] < 1 ? weight[1] : 1;
	weight[0] = 1 - weight[1];
	if (*at < a->in - 1 && a->in != a->out)
		return 2;
	weight[0] = 1; /* at the edge both are the same element */
	return 1;
}

/* Keys' kernel with a = -3/4, |t| ≤ 1 and 1 < |t| < 2. */
static double inner_cubic(double t)
{
	return ((-0.75 + 2) * t - (-0.75 + 3)) * t * t + 1;
}

static double outer_cubic(double t)
{
	return ((-0.75 * t + 5 * 0.75) * t - 8 * 0.75) * t + 4 * 0.75;
}

/* Neighbours beyond an edge are the edge. */
static int cubic(const struct axis *a, int64_t o, int64_t *at, double *weight)
{
	double source = source_of(a, o), base = floor(source), t = source - base;
	double all[MAX_TAPS] = {outer_cubic(t + 1), inner_cubic(t), inner_cubic(1 - t),
	                        outer_cubic(2 - t)};
	int n = 0;
	int64_t last = -1;
	for (int k = 0; k < MAX_TAPS; k++) {
		double place = base + k - 1;
		int64_t i = place <= 0 ? 0 : place < (double)a->in ? (int64_t)place : a->in - 1;
		if (i == last) {
			weight[n - 1] += all[k];
			continue;
		}
		*at = n == 0 ? i : *at;
		weight[n++] = all[k];
		last = i;
	}
	return n;
}

static int taps_of(struct gd_call *c, const struct axis *a, int64_t o, int64_t *at, double *weight)
{
	if (gd_chosen(c, "mode", "nearest"))
		return nearest(a, o, false, at, weight);
	if (gd_chosen(c, "mode", "nearest-exact"))
		return nearest(a, o, true, at, weight);
	if (gd_chosen(c, "mode", "bicubic"))
		return cubic(a, o, at, weight);
	return linear(a, o, at, weight);
}

static struct gd_node *along(struct gd_call *c, struct gd_node *x, int axis, const struct axis *a)
{
	struct gd_graph *g = c->g;
	int64_t *first = gd_table(g, a->out), *count = gd_table(g, a->out), n = 0;
	double *weight = gd_alloc_array(g->arena, (size_t)a->out, MAX_TAPS * sizeof *weight);
	if (!weight && !gd_failed(g))
		gd_arena_fail(g->arena, g->error);
	if (!first || !count || !weight)
		return NULL;
	bool plain = gd_chosen(c, "mode", "nearest") || gd_chosen(c, "mode", "nearest-exact");
	for (int64_t o = 0; o < a->out; o++) {
		count[o] = taps_of(c, a, o, &first[o], weight + n);
		n += count[o];
	}
	return gd_resample(g, x, axis,
	                   gd_taps_new(g, a->in, a->out, first, count, plain ? NULL : weight));
}

/* --- parameters ----------------------------------------------------------------------------- */

/* The mode fits the number of axes, align_corners the mode. */
static bool mode_fits(struct gd_call *c, int n)
{
	static const struct {
		const char *mode;
		int axes;
	} modes[] = {{"linear", 1}, {"bilinear", 2}, {"bicubic", 2}, {"trilinear", 3}};
	bool smooth = false;
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (gd_chosen(c, "mode", modes[i].mode)) {
			smooth = true;
			if (modes[i].axes != n)
				return gd_param_fail(c, "mode",
				                     "\"%s\" interpolates %d ax%s behind batch and "
				                     "channels, but %s has %d",
				                     modes[i].mode, modes[i].axes,
				                     modes[i].axes == 1 ? "is" : "es",
				                     gd_label(c->in[0], "input"), n);
		}
	return smooth || gd_param(c, "align_corners")->null ||
	       gd_param_fail(c, "align_corners",
	                     "goes with the modes linear, bilinear, bicubic and trilinear only");
}

static bool read_sizes(struct gd_call *c, const struct gd_node *x, int n, struct axis *axes)
{
	const struct gd_value *size = gd_param(c, "size"), *factor = gd_param(c, "scale_factor");
	/* Area is adaptive_avg_pool, which makes nothing too. */
	int64_t out[GD_SPATIAL], least = !gd_chosen(c, "mode", "area");
	if (size->null == factor->null)
		return gd_param_fail(c, "size",
		                     size->null ? "or scale_factor is needed"
		                                : "and scale_factor exclude each other");
	if (!size->null && gd_flag(c, "recompute_scale_factor"))
		return gd_param_fail(c, "recompute_scale_factor", "means nothing with a size");
	if (!size->null && !gd_each_axis(c, "size", n, least, n == 1, out))
		return false;
	if (!factor->null && factor->n != n && (factor->list || factor->n != 1))
		return gd_param_fail(c, "scale_factor",
		                     "has %d numbers: it takes one, or a list of %d", factor->n, n);
	for (int i = 0; i < n; i++) {
		struct axis *a = &axes[i];
		*a = (struct axis){.in = x->shape[2 + i],
		                   .corners = gd_flag(c, "align_corners"),
		                   .narrow = c->g->dtype == GD_FLOAT32};
		if (!size->null) {
			a->out = out[i];
			continue;
		}
		double f = factor->floats[factor->n == 1 ? 0 : i], to = floor((double)a->in * f);
		if (!(to >= (double)least))
			return gd_param_fail(
			        c, "scale_factor",
			        "is %g, which leaves nothing of axis %d of %s, %lld long", f, 2 + i,
			        gd_label(x, "input"), (long long)a->in);
		if (to > 0x1p53) {
			gd_graph_fail(c->g, GD_ERR_limit_exceeded,
			              "the result has too many elements");
			return false;
		}
		a->out = (int64_t)to;
		a->scale = gd_flag(c, "recompute_scale_factor") ? 0 : f;
	}
	return true;
}

bool build_interpolate(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	struct axis axes[GD_SPATIAL];
	int n = x->rank - 2;
	if (n < 1 || n > GD_SPATIAL) {
		gd_graph_fail(
		        c->g, GD_ERR_shape_mismatch,
		        "%s needs 3 to 5 axes (batch, channels and one to three more), but has %d",
		        gd_label(x, "input"), x->rank);
		return false;
	}
	for (int i = 1; i < x->rank; i++)
		if (x->shape[i] == 0) {
			gd_graph_fail(c->g, GD_ERR_shape_mismatch,
			              "axis %d of %s is empty: only the batch may be", i,
			              gd_label(x, "input"));
			return false;
		}
	if (!mode_fits(c, n) || !read_sizes(c, x, n, axes))
		return false;
	if (gd_chosen(c, "mode", "area")) {
		int64_t out[GD_SPATIAL];
		for (int i = 0; i < n; i++)
			out[i] = axes[i].out;
		return gd_give(c, gd_adaptive_mean(c->g, x, n, out));
	}
	for (int i = 0; i < n && x; i++)
		x = along(c, x, 2 + i, &axes[i]);
	return gd_give(c, x);
}
