/* Where the largest element of each window is. The values are gathered from there (index.c), which
 * is how they get their derivative: the cotangent goes to the element at the index. */
#include <math.h>

#include "core/build.h"
#include "core/cpu.h"
#include "core/ops/maxpool.h"
#include "core/parallel.h"

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

struct job {
	struct windows m;
	const struct gd_node *x, *y, *index; /* index for ties only */
};

static void some_rows(void *context, size_t begin, size_t end)
{
	const struct job *j = context;
	const struct gd_maxpool_kernels *k = GD_BEST(gd_maxpool);
	const struct windows *m = &j->m;
	bool wide = j->x->dtype == GD_FLOAT64;
	for (size_t r = begin; r < end; r++) {
		const char *x = (const char *)j->x->data + r * m->in_size * (wide ? 8 : 4);
		const void *index = j->index ? (int64_t *)j->index->data + r * m->out_size : NULL;
		if (index)
			(wide ? k->ties_f64 : k->ties_f32)(m, x, index,
			                                   (uint8_t *)j->y->data + r * m->out_size);
		else
			(wide ? k->index_f64
			      : k->index_f32)(m, x, (int64_t *)j->y->data + r * m->out_size);
	}
}

/* As few elements are looked at before another thread has woken. */
enum { WORTH_A_THREAD = 1 << 14 };

static void all_rows(struct gd_node *n, const struct gd_node *index)
{
	struct job j = {.x = n->in[0], .y = n, .index = index};
	windows_init(&j.m, j.x, n->attr.ranges);
	gd_parallel_for((size_t)n->shape[0], 1 + WORTH_A_THREAD / (1 + j.m.in_size), some_rows, &j);
}

static void forward_index(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	all_rows(n, NULL);
}

static void forward_ties(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	all_rows(n, n->in[1]);
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
