#include "core/ops/unit.h"

#include <string.h>

#include "core/batch.h"

/* --- rows of the identity -------------------------------------------------------------------- */

static void forward_rows(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	size_t k = (size_t)n->shape[0], part = k ? n->count / k : 0;
	memset(n->data, 0, n->count * gd_dtype_size(n->dtype));
	for (size_t r = 0; r < k; r++) {
		size_t at = (size_t)n->attr.first + r;
		if (at >= part)
			break;
		if (n->dtype == GD_FLOAT64)
			((double *)n->data)[r * part + at] = 1;
		else
			((float *)n->data)[r * part + at] = 1;
	}
}

static const struct gd_prim unit_rows = {.name = "unit_rows", .forward = forward_rows};

struct gd_node *gd_unit_rows(struct gd_graph *g, int64_t k, int rank, const int64_t *shape)
{
	int64_t all[GD_MAX_RANK];
	int r = gd_batch_shape(k, rank, shape, all);
	return gd_node_new(g, &unit_rows, g->dtype, r, all, 0, NULL);
}

void gd_unit_rows_at(struct gd_node *rows, int64_t first)
{
	rows->attr.first = first;
}

struct gd_node *gd_unit_rows_of(struct gd_node *x)
{
	int64_t k = x->rank ? x->shape[0] : 0;
	while (x->prim->alias && !x->name)
		x = x->in[0];
	return x->prim == &unit_rows && x->shape[0] == k ? x : NULL;
}

/* --- products with them ---------------------------------------------------------------------- */

/* Rows j, j + 1, … of b, or columns, go into rows `stride` elements apart in y. A few at once, so
 * that a column's lines are read once. */
#define CHOOSE(T)                                                                                  \
	do {                                                                                       \
		T *to = (T *)y->data + at;                                                         \
		const T *from = b->data;                                                           \
		if (!columns) {                                                                    \
			for (size_t q = 0; q < rows; q++)                                          \
				memcpy(to + q * stride, from + (j + q) * n, n * sizeof(T));        \
			break;                                                                     \
		}                                                                                  \
		for (size_t c = 0; c < n; c++)                                                     \
			for (size_t q = 0; q < rows; q++)                                          \
				to[q * stride + c] = from[c * extent + j + q];                     \
	} while (0)

enum { TOGETHER = 16 };

/* The 1 of row r stands at element first + r of a's (…, m, extent), or (…, extent, m) where it is
 * stored transposed. */
static void forward_product(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	const struct gd_node *unit = y->in[0], *b = y->in[1];
	bool flip = y->attr.transposed.a, columns = y->attr.transposed.b;
	size_t k = (size_t)y->shape[0], m = (size_t)y->shape[y->rank - 2];
	size_t n = (size_t)y->shape[y->rank - 1], extent = (size_t)b->shape[columns ? 1 : 0];
	size_t part = k ? unit->count / k : 0, stride = k ? y->count / k : 0;
	memset(y->data, 0, y->count * gd_dtype_size(y->dtype));
	for (size_t r = 0, rows; r < k && y->count; r += rows) {
		size_t p = (size_t)unit->attr.first + r, matrix = p / (m * extent);
		size_t rest = p % (m * extent), i = flip ? rest % m : rest / extent;
		size_t j = flip ? rest / m : rest % extent;
		/* The next rows choose the next ones of b as long as i stays. */
		rows = flip && m > 1 ? 1 : extent - j;
		rows = rows > k - r ? k - r : rows;
		rows = rows > TOGETHER ? TOGETHER : rows;
		if (p >= part)
			return;
		size_t at = r * stride + (matrix * m + i) * n;
		if (y->dtype == GD_FLOAT64)
			CHOOSE(double);
		else
			CHOOSE(float);
	}
}

static const struct gd_prim unit_product = {.name = "unit_product", .forward = forward_product};

struct gd_node *gd_unit_product(struct gd_graph *g, const struct gd_node *y, struct gd_node *rows,
                                struct gd_node *b)
{
	struct gd_node *n = gd_batch_like(g, y, (struct gd_node *[]){rows, b}, rows->shape[0]);
	if (n)
		n->prim = &unit_product;
	return n;
}
