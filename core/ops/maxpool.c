/* Where the largest element of each window is. The values are gathered from there (index.c), which
 * is how they get their derivative: the cotangent goes to the element at the index. */
#include <math.h>

#include "core/build.h"
#include "core/ops/geometry.h"

/* The ranges with the axes that are missing in front. */
struct windows {
	int64_t in[GD_SPATIAL], out[GD_SPATIAL], step[GD_SPATIAL];
	const int64_t *first[GD_SPATIAL], *end[GD_SPATIAL];
	int64_t stride, pad, kernel;
	size_t in_size, out_size;
};

enum { LINE = 64 }; /* positions at a time */

#define T       double
#define BITS    uint64_t
#define K(name) name##_f64
#include "core/ops/maxpool_kernels.h"
#undef T
#undef BITS
#undef K

#define T       float
#define BITS    uint32_t
#define K(name) name##_f32
#include "core/ops/maxpool_kernels.h"
#undef T
#undef BITS
#undef K

static void windows_init(struct windows *m, const struct gd_node *x, const struct gd_ranges *r)
{
	static const int64_t zero = 0, one = 1;
	m->in_size = m->out_size = 1;
	m->stride = r->stride;
	m->pad = r->pad;
	m->kernel = r->kernel;
	for (int i = 0; i < GD_SPATIAL; i++) {
		int k = i - (GD_SPATIAL - r->n);
		m->in[i] = k < 0 ? 1 : x->shape[1 + k];
		m->out[i] = k < 0 ? 1 : r->out[k];
		m->step[i] = k < 0 ? 1 : r->step[k];
		m->first[i] = k < 0 ? &zero : r->first[k];
		m->end[i] = k < 0 ? &one : r->end[k];
		m->in_size *= (size_t)m->in[i];
		m->out_size *= (size_t)m->out[i];
	}
}

static void forward_index(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	const struct gd_node *x = n->in[0];
	struct windows m;
	windows_init(&m, x, n->attr.ranges);
	for (size_t r = 0; r < (size_t)n->shape[0]; r++) {
		int64_t *index = (int64_t *)n->data + r * m.out_size;
		if (x->dtype == GD_FLOAT64)
			max_index_f64(&m, (const double *)x->data + r * m.in_size, index);
		else
			max_index_f32(&m, (const float *)x->data + r * m.in_size, index);
	}
}

static void forward_ties(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	const struct gd_node *x = n->in[0];
	struct windows m;
	windows_init(&m, x, n->attr.ranges);
	for (size_t r = 0; r < (size_t)n->shape[0]; r++) {
		const int64_t *index = (const int64_t *)n->in[1]->data + r * m.out_size;
		uint8_t *ties = (uint8_t *)n->data + r * m.out_size;
		if (x->dtype == GD_FLOAT64)
			max_ties_f64(&m, (const double *)x->data + r * m.in_size, index, ties);
		else
			max_ties_f32(&m, (const float *)x->data + r * m.in_size, index, ties);
	}
}

/* An element for each place in each window. */
static double cost(const struct gd_node *n)
{
	const struct gd_ranges *r = n->attr.ranges;
	double total = (double)n->shape[0];
	for (int i = 0; i < r->n; i++) {
		double places = 0;
		for (int64_t o = 0; o < r->out[i]; o++)
			places +=
			        ceil((double)(r->end[i][o] - r->first[i][o]) / (double)r->step[i]);
		total *= places;
	}
	return total;
}

static const struct gd_prim max_index = {
        .name = "max_index", .forward = forward_index, .cost = cost};
static const struct gd_prim max_ties = {.name = "max_ties", .forward = forward_ties, .cost = cost};

static struct gd_node *node(struct gd_graph *g, const struct gd_prim *prim, enum gd_dtype dtype,
                            int n_in, struct gd_node *const *in, const struct gd_ranges *r)
{
	int64_t shape[2] = {in[0]->shape[0], 1};
	for (int i = 0; i < r->n; i++)
		if (__builtin_mul_overflow(shape[1], r->out[i], &shape[1]))
			return gd_graph_fail(g, GD_ERR_limit_exceeded,
			                     "the result has too many elements");
	struct gd_node *y = gd_node_new(g, prim, dtype, 2, shape, n_in, in);
	if (y)
		y->attr.ranges = r;
	return y;
}

struct gd_node *gd_max_index(struct gd_graph *g, struct gd_node *x, const struct gd_ranges *r)
{
	return x ? node(g, &max_index, GD_INT64, 1, &x, r) : NULL;
}

struct gd_node *gd_max_ties(struct gd_graph *g, struct gd_node *x, struct gd_node *index,
                            const struct gd_ranges *r)
{
	struct gd_node *in[2] = {x, index};
	return x && index ? node(g, &max_ties, GD_BOOL, 2, in, r) : NULL;
}
