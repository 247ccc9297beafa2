/*   y = √(Σ x²)   dx = dy·x/y, 0 where y = 0   */
#include "core/ops/norm2.h"

#include <math.h>
#include <string.h>

#include "core/build.h"

enum { LANES = 8, LEAF = 128, COLUMNS = 256 };

#define T       double
#define K(name) name##_f64
#include "core/ops/norm2_kernels.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/norm2_kernels.h"

static void forward_norm2(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	const struct gd_node *x = y->in[0];
	int axis = y->attr.axis;
	size_t outer = 1, inner = 1, terms = (size_t)x->shape[axis];
	for (int i = 0; i < axis; i++)
		outer *= (size_t)x->shape[i];
	for (int i = axis + 1; i < x->rank; i++)
		inner *= (size_t)x->shape[i];
	if (y->dtype == GD_FLOAT64)
		norm2_f64(y->data, x->data, outer, terms, inner);
	else
		norm2_f32(y->data, x->data, outer, terms, inner);
}

static void vjp_norm2(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx)
{
	struct gd_node *zero = gd_const(g, 0), *none = gd_eq(g, y, zero);
	struct gd_node *direction = gd_div(g, y->in[0], gd_where(g, none, gd_const(g, 1), y));
	dx[0] = gd_only(g, gd_mul(g, gd_where(g, none, zero, dy), direction), dy->mask);
	gd_set_mask(dx[0], dy->mask);
}

static double cost_of_input(const struct gd_node *y)
{
	return 2.0 * (double)y->in[0]->count;
}

static const struct gd_prim norm2 = {
        .name = "norm2", .forward = forward_norm2, .vjp = vjp_norm2, .cost = cost_of_input};

struct gd_node *gd_norm2(struct gd_graph *g, struct gd_node *x, int axis)
{
	if (!x)
		return NULL;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	shape[axis] = 1;
	struct gd_node *y = gd_node_new(g, &norm2, g->dtype, x->rank, shape, 1, &x);
	if (y)
		y->attr.axis = axis;
	return y;
}
