/*   argmedian: no derivative
 *   y = out_of(x, value)   dx = dy where x = y, shared evenly among ties   */
#include "core/ops/median.h"

#include <math.h>
#include <string.h>

#include "core/build.h"

/* --- argmedian --------------------------------------------------------------------------- */

/* One line of elements `step` apart. */
struct line {
	const void *data;
	bool wide;
	size_t n, step;
};

static double element(const struct line *l, size_t i)
{
	return l->wide ? ((const double *)l->data)[i * l->step]
	               : (double)((const float *)l->data)[i * l->step];
}

/* Unsigned integers in the order of the numbers; both zeros are one. */
static uint64_t rank_of(double x)
{
	uint64_t bits;
	x += 0.0;
	memcpy(&bits, &x, sizeof bits);
	return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

/* The k-th smallest of the numbers, byte by byte from the highest: whatever their order, a pass
 * for each byte and no memory. */
static uint64_t kth_rank(const struct line *l, size_t k)
{
	uint64_t found = 0, known = 0; /* the bytes found, and a mask of them */
	for (int shift = 56; shift >= 0; shift -= 8) {
		size_t count[256] = {0};
		for (size_t i = 0; i < l->n; i++) {
			double x = element(l, i);
			uint64_t rank = rank_of(x);
			if (x == x && (rank & known) == found)
				count[rank >> shift & 255]++;
		}
		unsigned byte = 0;
		while (k >= count[byte])
			k -= count[byte++];
		found |= (uint64_t)byte << shift;
		known |= (uint64_t)255 << shift;
	}
	return found;
}

static size_t median_of(const struct line *l, bool skip_nan)
{
	size_t numbers = 0, first_nan = l->n;
	for (size_t i = 0; i < l->n; i++) {
		double x = element(l, i);
		if (x == x)
			numbers++;
		else if (first_nan == l->n)
			first_nan = i;
	}
	if (numbers == 0 || (numbers < l->n && !skip_nan))
		return first_nan;
	uint64_t median = kth_rank(l, (numbers - 1) / 2);
	size_t i = 0;
	while (isnan(element(l, i)) || rank_of(element(l, i)) != median)
		i++;
	return i;
}

static void each_line(struct gd_node *y, bool skip_nan)
{
	const struct gd_node *x = y->in[0];
	int axis = y->attr.axis;
	struct line l = {.wide = x->dtype == GD_FLOAT64, .n = (size_t)x->shape[axis], .step = 1};
	for (int i = axis + 1; i < x->rank; i++)
		l.step *= (size_t)x->shape[i];
	size_t size = gd_dtype_size(x->dtype);
	for (size_t k = 0; k < y->count; k++) {
		size_t at = k / l.step * l.n * l.step + k % l.step;
		l.data = (const char *)x->data + at * size;
		((int64_t *)y->data)[k] = (int64_t)median_of(&l, skip_nan);
	}
}

static void forward_argmedian(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	each_line(y, false);
}

static void forward_argnanmedian(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	each_line(y, true);
}

static double cost_of_passes(const struct gd_node *y)
{
	return 20.0 * (double)y->in[0]->count;
}

static const struct gd_prim argmedian = {
        .name = "argmedian", .forward = forward_argmedian, .cost = cost_of_passes};
static const struct gd_prim argnanmedian = {
        .name = "argnanmedian", .forward = forward_argnanmedian, .cost = cost_of_passes};

struct gd_node *gd_argmedian(struct gd_graph *g, struct gd_node *x, int axis, bool skip_nan)
{
	if (!x)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	shape[axis] = 1;
	struct gd_node *y = gd_node_new(g, skip_nan ? &argnanmedian : &argmedian, GD_INT64, x->rank,
	                                shape, 1, &x);
	if (y)
		y->attr.axis = axis;
	return y;
}

/* --- out_of ------------------------------------------------------------------------------ */

static void forward_out_of(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	memcpy(y->data, y->in[1]->data, gd_dtype_size(y->dtype));
}

/* Elements equal to y, as NaN is to NaN here. */
static struct gd_node *ties_with(struct gd_graph *g, struct gd_node *x, struct gd_node *y)
{
	struct gd_node *both_nan = gd_logical_and(g, gd_ne(g, x, x), gd_ne(g, y, y));
	return gd_logical_not(g, gd_logical_and(g, gd_ne(g, x, y), gd_logical_not(g, both_nan)));
}

static void vjp_out_of(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	struct gd_node *ties = gd_cast(g, ties_with(g, y->in[0], y), g->dtype);
	struct gd_node *share = gd_div(g, dy, gd_sum_all(g, ties));
	dx[0] = gd_only(g, gd_mul(g, ties, share), dy->mask);
	gd_set_mask(dx[0], dy->mask);
}

static struct gd_node *kink_out_of(struct gd_graph *g, struct gd_node *y)
{
	struct gd_node *ties = ties_with(g, y->in[0], y);
	struct gd_node *many = gd_sum_all(g, gd_cast(g, ties, g->dtype));
	return gd_logical_and(g, ties, gd_gt(g, many, gd_const(g, 1)));
}

static const struct gd_prim out_of = {
        .name = "out_of",
        .forward = forward_out_of,
        .vjp = vjp_out_of,
        .kink = kink_out_of,
        .kink_text = "elements tie for the median; they share the gradient evenly"};

struct gd_node *gd_out_of(struct gd_graph *g, struct gd_node *x, struct gd_node *value)
{
	struct gd_node *in[2] = {x, gd_stop_gradient(g, value)};
	return x && value ? gd_node_new(g, &out_of, g->dtype, 0, NULL, 2, in) : NULL;
}
