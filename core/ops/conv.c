/* Convolution, which is bilinear, and its two adjoints: each one's derivative is the other two.
 *
 *   y  = conv(x, w) + b        dx = conv_input(dy, w)     dw = conv_weight(x, dy)   db = Σ dy
 *   x  = conv_input(y, w)      dy = conv(dx, w)           dw = conv_weight(dx, y)
 *   w  = conv_weight(x, y)     dx = conv_input(y, dw)     dy = conv(x, dw)
 *
 * y[n, o, p] = Σ_{c, k} w[o, c, k]·x[n, c, p·stride - pad + k·dilation], c in the group of o.
 * Source: Dumoulin & Visin, A guide to convolution arithmetic for deep learning; Chellapilla, Puri,
 * Simard, High Performance Convolutional Neural Networks (im2col). */
#include <string.h>

#include "core/blas.h"
#include "core/build.h"
#include "core/eval.h"
#include "core/ops/geometry.h"
#include "core/parallel.h"

enum kind { CONV, CONV_INPUT, CONV_WEIGHT };
enum way { COLUMNS, FLAT, ROWS, POINTWISE, WHOLE, DIRECT };

/* Images with fewer positions are multiplied together; as many bytes of windows lie side by side as
 * stay in the cache; and products with fewer outputs a channel are sums. */
enum { FEW_POSITIONS = 32, CACHED = 256 << 10, MIN_BLOCK = 128, FEW_OUTPUTS = 2 };
/* Parts of the images, and bytes of a sum of which each part may have one. */
enum { MOST_PARTS = 8, LARGE_SUM = 1 << 20 };
/* Blocks of fewer positions are not worth a product each; nor fewer multiplications a thread. */
enum { SHORT_BLOCK = 64, WORTH_A_THREAD = 1 << 15 };

struct conv {
	enum kind kind;
	enum way way;
	struct geometry m;
	size_t images, groups, in, out; /* channels of a group */
	size_t block;                   /* positions, lines or images at a time */
	bool alone;                     /* no product that BLAS gives to several threads */
	int64_t padded[GD_SPATIAL];     /* sizes of an image with the padding it needs */
	void *x, *w, *y;
	const void *bias;
};

/* From the first to the last position of a block of lines. */
static size_t flat_length(const struct conv *c)
{
	return (c->block - 1) * (size_t)c->padded[2] + (size_t)c->m.out[2];
}

#define T       double
#define K(name) name##_f64
#define GEMM    gd_gemm_part_f64
#include "core/ops/conv_kernels.h"
#undef T
#undef K
#undef GEMM

#define T       float
#define K(name) name##_f32
#define GEMM    gd_gemm_part_f32
#include "core/ops/conv_kernels.h"
#undef T
#undef K
#undef GEMM

/* --- forward -------------------------------------------------------------------------------- */

/* Does every window's tap 0 stand on its own position, or is the window its whole image? */
static bool unmoved(const struct geometry *m, bool whole)
{
	for (int i = 0; i < GD_SPATIAL; i++)
		if (m->pad[i] || (whole ? m->kernel[i] != m->in[i] || m->out[i] != 1 ||
		                                  (m->dilation[i] != 1 && m->kernel[i] != 1)
		                        : m->kernel[i] != 1 || m->in[i] != m->out[i] ||
		                                  (m->stride[i] != 1 && m->out[i] != 1)))
			return false;
	return true;
}

/* Several lines, one behind the other with little between them. */
static bool is_flat(struct conv *c, size_t element)
{
	const struct geometry *m = &c->m;
	double plane = 1, line;
	for (int i = 0; i < GD_SPATIAL; i++) {
		int64_t seen = m->out[i] + (m->kernel[i] - 1) * m->dilation[i];
		int64_t given = m->in[i] + m->pad[i];
		if (m->stride[i] != 1)
			return false;
		c->padded[i] = seen > given ? seen : given;
		plane *= (double)c->padded[i];
	}
	line = (double)c->padded[2] * (double)(c->in * m->taps * element);
	return m->out[1] > 1 && plane <= 2 * (double)m->in_size && line <= CACHED &&
	       5 * c->padded[2] <= 6 * m->out[2];
}

/* Blocks as long, nearly equally, as make up n. */
static size_t balanced(size_t n, size_t block)
{
	size_t blocks = (n + block - 1) / block;
	return (n + blocks - 1) / blocks;
}

/* Products that BLAS leaves to the thread which asks may be asked for by several at a time. Where
 * they are larger, by a little, blocks are made shorter; where by more, BLAS has them. */
static void plan_products(struct conv *c)
{
	size_t matrix = c->in * c->m.taps * c->out, width = (size_t)c->padded[2];
	size_t most = GD_GEMM_ALONE / (matrix + !matrix);
	bool lines = c->way == FLAT, images = c->way == ROWS;
	size_t now = lines ? flat_length(c) : images ? c->block * c->m.out_size : c->block;
	c->alone = c->way == DIRECT || (c->way != WHOLE && (now <= most || most >= SHORT_BLOCK));
	if (!c->alone || c->way == DIRECT || now <= most)
		return;
	if (lines && most >= (size_t)c->m.out[2])
		c->block = balanced((size_t)c->m.out[1], (most - (size_t)c->m.out[2]) / width + 1);
	else if (images)
		c->block = most / c->m.out_size;
	else if (!lines)
		c->block = balanced(c->m.out_size, most);
	else
		c->alone = false;
}

static void plan(struct conv *c, size_t element)
{
	size_t depth = c->in * c->m.taps * element;
	if (c->in == 1 && c->out <= FEW_OUTPUTS)
		c->way = DIRECT;
	else if (unmoved(&c->m, true))
		c->way = WHOLE;
	else if (unmoved(&c->m, false))
		c->way = POINTWISE;
	else if (c->m.out_size < FEW_POSITIONS)
		c->way = ROWS;
	else
		c->way = is_flat(c, element) ? FLAT : COLUMNS;
	if (c->way == COLUMNS) {
		c->block = CACHED / (depth + 1) > MIN_BLOCK ? CACHED / (depth + 1) : MIN_BLOCK;
		c->block = c->block < c->m.out_size ? c->block : c->m.out_size;
	} else if (c->way == FLAT) {
		c->block = CACHED / (depth * (size_t)c->padded[2] + 1) + 1;
		c->block = c->block < (size_t)c->m.out[1] ? c->block : (size_t)c->m.out[1];
	} else if (c->way == ROWS) {
		c->block = CACHED / (depth * c->m.out_size + 1) + 1;
		c->block = c->block < c->images ? c->block : c->images;
	} else {
		c->block = c->way == WHOLE ? c->images : c->m.out_size;
	}
	plan_products(c);
}

static size_t scratch_bytes(const struct conv *c, size_t element)
{
	size_t depth = c->in * c->m.taps;
	if (c->way == COLUMNS)
		return c->block * depth * element;
	if (c->way == FLAT)
		return (c->in * (size_t)(c->padded[0] * c->padded[1] * c->padded[2]) +
		        (depth + c->out) * flat_length(c)) *
		       element;
	return c->way == ROWS ? c->block * c->m.out_size * (depth + c->out) * element : 0;
}

/* Parts of the images, which are worked on at the same time: each thread has the scratch of its
 * first part, and each part its own sum where the result is one. Which images are in a part and
 * which positions in a product depends on the sizes alone, so that results do too. */
struct job {
	struct conv conv;
	enum gd_dtype dtype;
	size_t part, n_parts;        /* images of a part */
	size_t scratch_bytes, bytes; /* scratch; and with the sum, if there is one */
	char *memory;
};

static void some_images(void *context, size_t begin, size_t end)
{
	const struct job *j = context;
	char *scratch = j->memory + begin / j->part * j->bytes;
	for (size_t n = begin, next; n < end; n = next) {
		struct conv c = j->conv;
		next = end - n < j->part ? end : n + j->part;
		if (j->bytes > j->scratch_bytes) {
			c.w = j->memory + n / j->part * j->bytes + j->scratch_bytes;
			memset(c.w, 0, j->bytes - j->scratch_bytes);
		}
		(j->dtype == GD_FLOAT64 ? images_f64 : images_f32)(&c, n, next, scratch);
	}
}

static void all_images(struct job *j)
{
	const struct conv *c = &j->conv;
	double image = (double)(c->groups * c->out * c->m.out_size) * (double)(c->in * c->m.taps);
	double few = 1 + WORTH_A_THREAD / (1 + image * (double)j->part);
	if (c->alone)
		gd_parallel_for(c->images, j->part * (size_t)few, some_images, j);
	else
		some_images(j, 0, c->images);
}

static void add_parts(const struct job *j, struct gd_node *n)
{
	for (size_t k = 0; k < j->n_parts; k++) {
		const char *part = j->memory + k * j->bytes + j->scratch_bytes;
		if (n->dtype == GD_FLOAT64)
			for (size_t i = 0; i < n->count; i++)
				((double *)n->data)[i] += ((const double *)part)[i];
		else
			for (size_t i = 0; i < n->count; i++)
				((float *)n->data)[i] += ((const float *)part)[i];
	}
}

static void plan_parts(struct job *j, struct gd_node *n, size_t element)
{
	struct conv *c = &j->conv;
	size_t sum = c->kind == CONV_WEIGHT ? (n->count * element + 63) / 64 * 64 : 0;
	j->part = c->images;
	if (c->way != WHOLE && sum <= LARGE_SUM)
		j->part = (c->images + MOST_PARTS - 1) / MOST_PARTS;
	j->n_parts = c->images ? (c->images + j->part - 1) / j->part : 0;
	if (c->way == ROWS && c->block > j->part)
		c->block = j->part;
	j->scratch_bytes = (scratch_bytes(c, element) + 63) / 64 * 64;
	j->bytes = j->scratch_bytes + (j->n_parts > 1 ? sum : 0);
}

static void forward(struct gd_sweep *run, struct gd_node *n, enum kind kind, struct gd_node *x,
                    struct gd_node *w, struct gd_node *y)
{
	const struct gd_window *v = n->attr.window;
	struct gd_arena *arena = run->graph->arena;
	size_t element = gd_dtype_size(n->dtype);
	struct job j = {.dtype = n->dtype,
	                .conv = {.kind = kind,
	                         .images = (size_t)x->shape[0],
	                         .groups = (size_t)v->groups,
	                         .in = (size_t)w->shape[1],
	                         .out = (size_t)(w->shape[0] / v->groups),
	                         .x = x->data,
	                         .w = w->data,
	                         .y = y->data,
	                         .bias = n->n_in > 2 ? n->in[2]->data : NULL}};
	geometry_init(&j.conv.m, v, x->shape + 2, y->shape + 2, w->shape + 2);
	if (kind == CONV_WEIGHT || (kind == CONV_INPUT && (y->count == 0 || w->count == 0)))
		memset(n->data, 0, n->count * element);
	if (n->count == 0 || j.conv.images == 0 || (kind != CONV && y->count == 0) ||
	    (kind == CONV_INPUT && w->count == 0))
		return;
	plan(&j.conv, element);
	plan_parts(&j, n, element);
	j.memory = gd_data_alloc(arena, j.n_parts * j.bytes);
	if (!j.memory) {
		gd_arena_fail(arena, run->error);
		gd_error_pointer(run->error, "%s", n->origin);
		return;
	}
	all_images(&j);
	if (j.bytes > j.scratch_bytes)
		add_parts(&j, n);
	gd_data_free(arena, j.memory, j.n_parts * j.bytes);
}

static void forward_conv(struct gd_sweep *run, struct gd_node *n)
{
	forward(run, n, CONV, n->in[0], n->in[1], n);
}

static void forward_input(struct gd_sweep *run, struct gd_node *n)
{
	forward(run, n, CONV_INPUT, n, n->in[1], n->in[0]);
}

static void forward_weight(struct gd_sweep *run, struct gd_node *n)
{
	forward(run, n, CONV_WEIGHT, n->in[0], n, n->in[1]);
}

/* Two for each tap of each position. */
static double cost_of(const struct gd_node *w, const struct gd_node *y)
{
	return 2.0 * (double)y->count * (double)w->count / (double)(w->shape[0] + !w->shape[0]);
}

static double cost_conv(const struct gd_node *n)
{
	return cost_of(n->in[1], n);
}

static double cost_input(const struct gd_node *n)
{
	return cost_of(n->in[1], n->in[0]);
}

static double cost_weight(const struct gd_node *n)
{
	return cost_of(n, n->in[1]);
}

/* --- derivatives ---------------------------------------------------------------------------- */

static void vjp_conv(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                     struct gd_node **dx);
static void vjp_input(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx);
static void vjp_weight(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx);

static const struct gd_prim conv = {
        .name = "conv", .forward = forward_conv, .vjp = vjp_conv, .cost = cost_conv};
static const struct gd_prim conv_input = {
        .name = "conv_input", .forward = forward_input, .vjp = vjp_input, .cost = cost_input};
static const struct gd_prim conv_weight = {
        .name = "conv_weight", .forward = forward_weight, .vjp = vjp_weight, .cost = cost_weight};

/* The derivative for operand i of a cotangent u, `other` in the place of the other operand. */
static struct gd_node *adjoint(struct gd_graph *g, const struct gd_node *y, int i,
                               struct gd_node *other, struct gd_node *u)
{
	const struct gd_window *v = y->attr.window;
	const int64_t *spatial = y->in[i]->shape + 2;
	if (y->prim->vjp == vjp_conv)
		return i == 0 ? gd_conv_input(g, u, other, v, spatial)
		              : gd_conv_weight(g, other, u, v, spatial);
	if (y->prim->vjp == vjp_input)
		return i == 0 ? gd_conv(g, u, other, NULL, v, spatial)
		              : gd_conv_weight(g, u, other, v, spatial);
	return i == 0 ? gd_conv_input(g, other, u, v, spatial)
	              : gd_conv(g, other, u, NULL, v, spatial);
}

/* Which elements of operand i meet a cotangent that the mask lets through. */
static struct gd_node *live(struct gd_graph *g, const struct gd_node *y, int i,
                            struct gd_node *mask)
{
	const struct gd_node *other = y->in[1 - i];
	if (!mask)
		return NULL;
	struct gd_node *u = gd_expand(g, gd_cast(g, mask, g->dtype), y->rank, y->shape);
	struct gd_node *ones = gd_expand(g, gd_const(g, 1), other->rank, other->shape);
	return gd_gt(g, adjoint(g, y, i, ones, u), gd_const(g, 0));
}

static void vjp_bilinear(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                         struct gd_node **dx)
{
	struct gd_node *alive[2] = {live(g, y, 0, dy->mask), live(g, y, 1, dy->mask)};
	for (int i = 0; i < 2; i++)
		if (gd_wants(y, i)) {
			dx[i] = adjoint(g, y, i, gd_only(g, y->in[1 - i], alive[1 - i]), dy);
			gd_set_mask(dx[i], alive[i]);
		}
}

static void vjp_input(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx)
{
	vjp_bilinear(g, y, dy, dx);
}

static void vjp_weight(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	vjp_bilinear(g, y, dy, dx);
}

static void vjp_conv(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	vjp_bilinear(g, y, dy, dx);
	if (y->n_in < 3 || !gd_wants(y, 2))
		return;
	unsigned axes = ((1u << y->rank) - 1) & ~2u; /* all but the channels */
	struct gd_node *mask = gd_mask_any(g, dy->mask, y->rank, axes);
	dx[2] = gd_reshape(g, gd_sum(g, dy, axes, true), 1, &y->shape[1]);
	if (mask) {
		int64_t channels =
		        mask->rank < y->rank - 1 ? 1 : mask->shape[mask->rank - y->rank + 1];
		gd_set_mask(dx[2], gd_reshape(g, mask, 1, &channels));
	}
}

/* --- builders ------------------------------------------------------------------------------- */

/* BLAS counts in int. */
static bool fits(const struct gd_window *v, int64_t first, int64_t channels, const int64_t *axes)
{
	double n = (double)channels;
	for (int i = 0; i < v->n; i++)
		n *= (double)axes[i];
	return n <= 0x7fffffff && first <= 0x7fffffff;
}

static struct gd_node *node(struct gd_graph *g, const struct gd_prim *prim, int64_t n, int64_t c,
                            const int64_t *axes, int n_in, struct gd_node *const *in,
                            const struct gd_window *v)
{
	int64_t shape[2 + GD_SPATIAL] = {n, c};
	memcpy(shape + 2, axes, (size_t)v->n * sizeof *axes);
	for (int i = 0; i < 2; i++)
		if (!fits(v, in[i]->shape[0], in[i]->shape[1], in[i]->shape + 2))
			return gd_graph_fail(
			        g, GD_ERR_limit_exceeded,
			        "an image or a kernel has more than 2147483647 elements");
	struct gd_node *y = gd_node_new(g, prim, in[0]->dtype, v->n + 2, shape, n_in, in);
	if (y && !fits(v, n, c, axes))
		return gd_graph_fail(g, GD_ERR_limit_exceeded,
		                     "an image of the result has more than 2147483647 elements");
	struct gd_window *copy = y ? gd_alloc(g->arena, sizeof *copy) : NULL;
	if (y && !copy)
		gd_arena_fail(g->arena, g->error);
	if (!copy)
		return NULL;
	*copy = *v;
	y->attr.window = copy;
	return y;
}

struct gd_node *gd_conv(struct gd_graph *g, struct gd_node *x, struct gd_node *w,
                        struct gd_node *bias, const struct gd_window *v, const int64_t *out)
{
	struct gd_node *in[3] = {x, w, bias};
	if (!x || !w)
		return NULL;
	return node(g, &conv, x->shape[0], w->shape[0], out, bias ? 3 : 2, in, v);
}

struct gd_node *gd_conv_input(struct gd_graph *g, struct gd_node *dy, struct gd_node *w,
                              const struct gd_window *v, const int64_t *in)
{
	struct gd_node *from[2] = {dy, w};
	if (!dy || !w)
		return NULL;
	return node(g, &conv_input, dy->shape[0], w->shape[1] * v->groups, in, 2, from, v);
}

struct gd_node *gd_conv_weight(struct gd_graph *g, struct gd_node *x, struct gd_node *dy,
                               const struct gd_window *v, const int64_t *kernel)
{
	struct gd_node *from[2] = {x, dy};
	if (!x || !dy)
		return NULL;
	return node(g, &conv_weight, dy->shape[1], x->shape[1] / v->groups, kernel, 2, from, v);
}
