#include "core/layers/operands.h"

#include <string.h>

static const char *role_of(const struct gd_call *c, int i)
{
	int last = c->op->n_operands - 1;
	return c->op->operands[i < last ? i : last].name;
}

struct gd_node *gd_operand(const struct gd_call *c, int i)
{
	return i < c->n_in ? c->in[i] : NULL;
}

bool gd_operand_shape(struct gd_call *c, int i, int rank, const int64_t *shape)
{
	const struct gd_node *x = gd_operand(c, i);
	char have[GD_SHAPE_TEXT], need[GD_SHAPE_TEXT];
	if (!x || (x->rank == rank && memcmp(x->shape, shape, (size_t)rank * sizeof *shape) == 0))
		return true;
	gd_graph_fail(c->g, GD_ERR_shape_mismatch, "%s needs the shape %s here, but has %s",
	              gd_label(x, role_of(c, i)), gd_shape_text(rank, shape, need),
	              gd_shape_text(x->rank, x->shape, have));
	gd_error_shapes(c->g->error, rank, shape, x->rank, x->shape);
	return false;
}

bool gd_operand_rank(struct gd_call *c, int i, int low, int high, const char *wanted)
{
	const struct gd_node *x = gd_operand(c, i);
	char have[GD_SHAPE_TEXT];
	if (!x || (x->rank >= low && x->rank <= high))
		return true;
	gd_graph_fail(c->g, GD_ERR_shape_mismatch, "%s is %s here, but has the shape %s",
	              gd_label(x, role_of(c, i)), wanted, gd_shape_text(x->rank, x->shape, have));
	return false;
}
