/* Windows of images as columns, and back.
 *
 *   y = im2col(x)    dx = col2im(dy)       y[n, (c, k), p] = x[n, c, p·stride - pad + k·dilation]
 *   y = col2im(x)    dx = im2col(dy)       the adjoint: what stood at one place is added up  */
#include <string.h>

#include "core/build.h"
#include "core/ops/geometry.h"

#define T       double
#define K(name) name##_f64
#include "core/ops/im2col_kernels.h"
#undef T
#undef K

#define T       float
#define K(name) name##_f32
#include "core/ops/im2col_kernels.h"
#undef T
#undef K

/* What the columns alone do not say. */
struct folding {
	struct gd_window window; /* first: it is the attribute */
	int64_t in[GD_SPATIAL], kernel[GD_SPATIAL], out[GD_SPATIAL];
};

static const struct folding *folding_of(const struct gd_node *n)
{
	return (const struct folding *)n->attr.window;
}

static void forward_im2col(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	const struct folding *f = folding_of(n);
	const struct gd_node *x = n->in[0];
	struct geometry m;
	geometry_init(&m, &f->window, f->in, f->out, f->kernel);
	size_t channels = (size_t)x->shape[1], from = channels * m.in_size,
	       to = channels * m.taps * m.out_size;
	for (size_t i = 0; i < (size_t)x->shape[0] && n->count; i++)
		if (n->dtype == GD_FLOAT64)
			columns_f64(&m, (double *)x->data + i * from, channels, 0, m.out_size,
			            (double *)n->data + i * to, false);
		else
			columns_f32(&m, (float *)x->data + i * from, channels, 0, m.out_size,
			            (float *)n->data + i * to, false);
}

static void forward_col2im(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	const struct folding *f = folding_of(n);
	const struct gd_node *x = n->in[0];
	struct geometry m;
	geometry_init(&m, &f->window, f->in, f->out, f->kernel);
	size_t channels = (size_t)n->shape[1], to = channels * m.in_size,
	       from = channels * m.taps * m.out_size;
	memset(n->data, 0, n->count * gd_dtype_size(n->dtype));
	for (size_t i = 0; i < (size_t)n->shape[0] && x->count; i++)
		if (n->dtype == GD_FLOAT64)
			columns_f64(&m, (double *)n->data + i * to, channels, 0, m.out_size,
			            (double *)x->data + i * from, true);
		else
			columns_f32(&m, (float *)n->data + i * to, channels, 0, m.out_size,
			            (float *)x->data + i * from, true);
}

static void vjp_im2col(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	const struct folding *f = folding_of(y);
	dx[0] = gd_col2im(g, dy, &f->window, f->in, f->kernel, f->out);
}

static void vjp_col2im(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	const struct folding *f = folding_of(y);
	dx[0] = gd_im2col(g, dy, &f->window, f->kernel, f->out);
}

static double cost_of_input(const struct gd_node *n)
{
	return (double)n->in[0]->count;
}

static const struct gd_prim im2col = {
        .name = "im2col", .forward = forward_im2col, .vjp = vjp_im2col, .moves = true};
static const struct gd_prim col2im = {.name = "col2im",
                                      .forward = forward_col2im,
                                      .vjp = vjp_col2im,
                                      .moves = true,
                                      .cost = cost_of_input};

static struct gd_node *node(struct gd_graph *g, const struct gd_prim *prim, struct gd_node *x,
                            int rank, const int64_t *shape, const struct gd_window *v,
                            const int64_t *in, const int64_t *kernel, const int64_t *out)
{
	struct gd_node *y = gd_node_new(g, prim, x->dtype, rank, shape, 1, &x);
	struct folding *f = y ? gd_alloc(g->arena, sizeof *f) : NULL;
	if (y && !f)
		gd_arena_fail(g->arena, g->error);
	if (!f)
		return NULL;
	f->window = *v;
	memcpy(f->in, in, (size_t)v->n * sizeof *in);
	memcpy(f->kernel, kernel, (size_t)v->n * sizeof *in);
	memcpy(f->out, out, (size_t)v->n * sizeof *in);
	y->attr.window = &f->window;
	return y;
}

struct gd_node *gd_im2col(struct gd_graph *g, struct gd_node *x, const struct gd_window *v,
                          const int64_t *kernel, const int64_t *out)
{
	if (!x)
		return NULL;
	int64_t shape[3] = {x->shape[0], x->shape[1], 1};
	bool over = false;
	for (int i = 0; i < v->n; i++)
		over = __builtin_mul_overflow(shape[1], kernel[i], &shape[1]) ||
		       __builtin_mul_overflow(shape[2], out[i], &shape[2]) || over;
	if (over)
		return gd_graph_fail(g, GD_ERR_limit_exceeded, "the result has too many elements");
	return node(g, &im2col, x, 3, shape, v, x->shape + 2, kernel, out);
}

struct gd_node *gd_col2im(struct gd_graph *g, struct gd_node *x, const struct gd_window *v,
                          const int64_t *in, const int64_t *kernel, const int64_t *out)
{
	if (!x)
		return NULL;
	int64_t shape[2 + GD_SPATIAL] = {x->shape[0], x->shape[1]};
	for (int i = 0; i < v->n; i++) {
		shape[1] /= kernel[i];
		shape[2 + i] = in[i];
	}
	return node(g, &col2im, x, v->n + 2, shape, v, in, kernel, out);
}
