/*   y = band(x)    dx = band(dy)   */
#include "core/ops/band.h"

#include <string.h>

#include "core/batch.h"
#include "core/sample.h"

/* How many columns j of row i have j - i < d. */
static size_t columns_below(int64_t i, int64_t d, int64_t columns)
{
	int64_t j;
	if (__builtin_add_overflow(i, d, &j))
		return d < 0 ? 0 : (size_t)columns;
	return j < 0 ? 0 : j > columns ? (size_t)columns : (size_t)j;
}

static void forward_band(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	int64_t rows = n->shape[n->rank - 2], columns = n->shape[n->rank - 1];
	int64_t low = n->attr.band.low, high = n->attr.band.high;
	size_t size = gd_dtype_size(n->dtype), width = (size_t)columns;
	size_t matrices = n->count ? n->count / ((size_t)rows * width) : 0;
	const char *x = n->in[0]->data;
	char *y = n->data;
	for (size_t m = 0; m < matrices; m++)
		for (int64_t i = 0; i < rows; i++, x += width * size, y += width * size) {
			size_t from = columns_below(i, low, columns);
			size_t to = high == INT64_MAX ? width : columns_below(i, high + 1, columns);
			to = to < from ? from : to;
			memset(y, 0, from * size);
			memcpy(y + from * size, x + from * size, (to - from) * size);
			memset(y + to * size, 0, (width - to) * size);
		}
}

static void vjp_band(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx)
{
	dx[0] = gd_band(g, dy, y->attr.band.low, y->attr.band.high);
}

/* Matrices stay matrices; rows of one have columns of their own. */
static struct gd_node *rows_band(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                 int64_t n, bool *apart)
{
	return y->rank > 2 ? gd_rows_leading(g, y, d, n, apart) : NULL;
}

static const struct gd_prim band = {.name = "band",
                                    .forward = forward_band,
                                    .vjp = vjp_band,
                                    .moves = true,
                                    .batch = gd_batch_leading,
                                    .rows = rows_band};

struct gd_node *gd_band(struct gd_graph *g, struct gd_node *x, int64_t low, int64_t high)
{
	struct gd_node *n = x ? gd_node_new(g, &band, x->dtype, x->rank, x->shape, 1, &x) : NULL;
	if (n) {
		n->attr.band.low = low;
		n->attr.band.high = high;
	}
	return n;
}
