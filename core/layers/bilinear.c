/* y_o = Σ_ij x1_i·W_oij·x2_j + b_o */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/operands.h"

bool build_bilinear(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x1 = c->in[0], *x2 = c->in[1], *w = c->in[2], *bias = gd_operand(c, 3);
	if (!gd_operand_rank(c, 0, 1, GD_USER_RANK, "(…, in1_features)") ||
	    !gd_operand_rank(c, 2, 3, 3, "(out, in1_features, in2_features)"))
		return false;
	int last = x1->rank - 1;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x1->shape, sizeof shape);
	shape[last] = w->shape[2];
	int64_t needed[3] = {w->shape[0], x1->shape[last], w->shape[2]};
	if (!gd_operand_shape(c, 2, 3, needed) || !gd_operand_shape(c, 1, x1->rank, shape) ||
	    !gd_operand_shape(c, 3, 1, needed))
		return false;
	/* (rows, 1, in1) · (in1, out·in2) as (rows, out, in2), then · (rows, in2, 1) */
	int64_t rows = 1, in1 = needed[1], out = needed[0], in2 = needed[2];
	for (int i = 0; i < last; i++)
		rows *= x1->shape[i];
	static const int8_t in1_first[3] = {1, 0, 2};
	struct gd_node *flat =
	        gd_reshape(g, gd_permute(g, w, in1_first), 2, (int64_t[]){in1, out * in2});
	struct gd_node *y = gd_matmul(g, gd_reshape(g, x1, 2, (int64_t[]){rows, in1}), flat);
	y = gd_matmul(g, gd_reshape(g, y, 3, (int64_t[]){rows, out, in2}),
	              gd_reshape(g, x2, 3, (int64_t[]){rows, in2, 1}));
	shape[last] = out;
	y = gd_reshape(g, y, x1->rank, shape);
	return gd_give(c, bias ? gd_add(g, y, bias) : y);
}
