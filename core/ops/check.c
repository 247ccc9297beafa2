/* y = x, once its elements are what they must be      dx = dy */
#include "core/ops/check.h"

#include <string.h>

#include "core/eval.h"

static void forward_not_negative(struct gd_sweep *run, struct gd_node *y)
{
	const struct gd_node *x = y->in[0];
	bool wide = x->dtype == GD_FLOAT64;
	for (size_t i = 0; i < x->count; i++) {
		double value = wide ? ((double *)x->data)[i] : (double)((float *)x->data)[i];
		if (value < 0) {
			gd_fail(run->error, GD_ERR_number_out_of_range,
			        "%s: %s must not be negative, but element %zu is %g", y->op,
			        y->attr.role, i, value);
			gd_error_pointer(run->error, "%s", y->origin);
			return;
		}
	}
	if (y->data != x->data)
		memcpy(y->data, x->data, x->count * gd_dtype_size(x->dtype));
}

static void vjp_not_negative(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                             struct gd_node **dx)
{
	(void)g, (void)y;
	dx[0] = dy;
}

static const struct gd_prim not_negative = {.name = "not_negative",
                                            .forward = forward_not_negative,
                                            .vjp = vjp_not_negative,
                                            .elementwise = true,
                                            .linear = true};

struct gd_node *gd_not_negative(struct gd_graph *g, struct gd_node *x, const char *role)
{
	struct gd_node *y =
	        x ? gd_node_new(g, &not_negative, x->dtype, x->rank, x->shape, 1, &x) : NULL;
	if (y)
		y->attr.role = gd_label(x, role);
	return y;
}
