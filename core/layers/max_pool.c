/* Max pooling: the index of each window's largest element, and what is gathered from there. */
#include <math.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/pool.h"

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
	struct gd_node *out[2] = {gd_without_batch(g, value, single),
	                          gd_without_batch(g, gd_reshape(g, index, 2 + n, shape), single)};
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
	struct gd_pool p;
	struct gd_node *x = gd_with_batch(c, n, &single);
	if (!x || !gd_read_pool(c, x, n, true, true, &p))
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

static bool adaptive_max_pool(struct gd_call *c, int n)
{
	bool single;
	int64_t out[GD_SPATIAL];
	struct gd_node *x = gd_with_batch(c, n, &single);
	if (!x || !gd_read_output_size(c, x, n, out))
		return false;
	struct gd_ranges *r = new_ranges(c->g, n, out);
	for (int i = 0; i < n && r; i++)
		gd_adaptive_ranges(x->shape[2 + i], out[i], (int64_t *)r->first[i],
		                   (int64_t *)r->end[i]);
	return r && give_largest(c, x, single, r);
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
