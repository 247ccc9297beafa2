#include "core/layers/window.h"

#include <string.h>

#include "core/build.h"

/* Sums and products of a few sizes stay far below 2⁶³. */
#define TOO_LARGE ((__int128)1 << 60)

bool gd_each_axis(struct gd_call *c, const char *name, int n, int64_t least, bool one_in_list,
                  int64_t *values)
{
	const struct gd_value *v = gd_param(c, name);
	if (v->n != n && (v->n != 1 || (v->list && !one_in_list)))
		return gd_param_fail(c, name, "has %d numbers: it takes one, or a list of %d", v->n,
		                     n);
	for (int i = 0; i < n; i++) {
		values[i] = v->ints[v->n == 1 ? 0 : i];
		if (values[i] < least)
			return gd_param_fail(c, name, "is %lld, but must be at least %lld",
			                     (long long)values[i], (long long)least);
	}
	return true;
}

struct gd_node *gd_with_batch(struct gd_call *c, int n, bool *single)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	char text[GD_SHAPE_TEXT];
	gd_shape_text(x->rank, x->shape, text);
	if (x->rank != n + 1 && x->rank != n + 2)
		return gd_graph_fail(
		        g, GD_ERR_shape_mismatch,
		        "%s needs %d axes (batch, channels and %d more) or, without a batch, %d; "
		        "its shape is %s",
		        gd_label(x, "input"), n + 2, n, n + 1, text);
	for (int i = x->rank - n; i < x->rank; i++)
		if (x->shape[i] == 0)
			return gd_graph_fail(g, GD_ERR_shape_mismatch,
			                     "axis %d of %s %s is empty: only the batch and the "
			                     "channels may be",
			                     i, gd_label(x, "input"), text);
	*single = x->rank == n + 1;
	if (!*single)
		return x;
	int64_t shape[GD_MAX_RANK] = {1};
	memcpy(shape + 1, x->shape, (size_t)x->rank * sizeof *shape);
	struct gd_node *y = gd_reshape(g, x, x->rank + 1, shape);
	if (y)
		y->name = x->name;
	return y;
}

struct gd_node *gd_without_batch(struct gd_graph *g, struct gd_node *y, bool single)
{
	return y && single ? gd_reshape(g, y, y->rank - 1, y->shape + 1) : y;
}

int64_t gd_positions(int64_t in, int64_t before, int64_t after, int64_t kernel, int64_t stride,
                     int64_t dilation, bool ceil)
{
	__int128 reach = (__int128)dilation * (kernel - 1), whole = (__int128)in + before + after;
	if (reach > TOO_LARGE || whole > TOO_LARGE)
		return whole > reach ? INT64_MAX : 0;
	__int128 room = whole - reach - 1 + (ceil ? (__int128)stride - 1 : 0);
	if (room < 0)
		return 0;
	__int128 n = room / stride + 1;
	if (ceil && (n - 1) * stride >= (__int128)in + before)
		n--;
	return (int64_t)n;
}

int64_t *gd_table(struct gd_graph *g, int64_t n)
{
	int64_t *t = gd_alloc_array(g->arena, (size_t)n + !n, sizeof *t);
	if (!t && !gd_failed(g)) {
		gd_arena_fail(g->arena, g->error);
		gd_error_pointer(g->error, "%s", g->origin);
	}
	return t;
}
