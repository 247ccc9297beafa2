/* Sorting: the order of elements along one axis, which has no derivative; a gather does the rest.
 */
#include "core/ops/sort.h"

#include <math.h>
#include <string.h>

#include "core/eval.h"

/* Does a come before b, when they are not in order already? NaN is the largest. */
static bool before(double a, double b, bool descending)
{
	if (descending)
		return a > b || (a != a && b == b);
	return a < b || (b != b && a == a);
}

enum { RUN = 8 }; /* elements that are put in order by insertion */

static void insertion(int64_t *index, const double *x, size_t n, bool descending)
{
	for (size_t i = 1; i < n; i++) {
		int64_t moved = index[i];
		size_t j = i;
		for (; j > 0 && before(x[moved], x[index[j - 1]], descending); j--)
			index[j] = index[j - 1];
		index[j] = moved;
	}
}

/* Merges in[0..middle) and in[middle..n) into out; of equal ones the left one comes first. */
static void merge(int64_t *out, const int64_t *in, size_t middle, size_t n, const double *x,
                  bool descending)
{
	size_t a = 0, b = middle;
	for (size_t i = 0; i < n; i++) {
		bool right = a == middle || (b < n && before(x[in[b]], x[in[a]], descending));
		out[i] = right ? in[b++] : in[a++];
	}
}

/* The order of x[0..n): merges of longer and longer runs between the two buffers. Returns the one
 * that holds it. */
static const int64_t *order(const double *x, size_t n, int64_t *index, int64_t *other,
                            bool descending)
{
	for (size_t i = 0; i < n; i++)
		index[i] = (int64_t)i;
	for (size_t i = 0; i < n; i += RUN)
		insertion(index + i, x, n - i < RUN ? n - i : RUN, descending);
	for (size_t width = RUN; width < n; width *= 2) {
		for (size_t i = 0; i < n; i += 2 * width) {
			size_t end = n - i < 2 * width ? n - i : 2 * width;
			merge(other + i, index + i, width < end ? width : end, end, x, descending);
		}
		int64_t *swap = index;
		index = other;
		other = swap;
	}
	return index;
}

static void sort_fibre(const struct gd_node *y, size_t at, size_t n, size_t step, double *keys,
                       int64_t *room, bool descending)
{
	const struct gd_node *x = y->in[0];
	for (size_t i = 0; i < n; i++)
		keys[i] = x->dtype == GD_FLOAT64 ? ((double *)x->data)[at + i * step]
		                                 : (double)((float *)x->data)[at + i * step];
	const int64_t *sorted = order(keys, n, room, room + n, descending);
	for (size_t i = 0; i < n; i++)
		((int64_t *)y->data)[at + i * step] = sorted[i];
}

static void forward_argsort(struct gd_sweep *run, struct gd_node *y)
{
	int axis = y->attr.order.axis;
	size_t n = (size_t)y->shape[axis], inner = 1;
	if (!y->count)
		return;
	for (int i = axis + 1; i < y->rank; i++)
		inner *= (size_t)y->shape[i];
	size_t bytes = n * (sizeof(double) + 2 * sizeof(int64_t));
	double *keys = gd_data_alloc(run->graph->arena, bytes);
	if (!keys) {
		gd_arena_fail(run->graph->arena, run->error);
		gd_error_pointer(run->error, "%s", y->origin);
		return;
	}
	for (size_t o = 0; o < y->count; o += n * inner)
		for (size_t i = 0; i < inner; i++)
			sort_fibre(y, o + i, n, inner, keys, (int64_t *)(keys + n),
			           y->attr.order.descending);
	gd_data_free(run->graph->arena, keys, bytes);
}

static double cost(const struct gd_node *y)
{
	double n = (double)y->shape[y->attr.order.axis];
	return (double)y->count * (2 + 4 * log2(n + 1));
}

static const struct gd_prim argsort = {.name = "argsort", .forward = forward_argsort, .cost = cost};

struct gd_node *gd_argsort(struct gd_graph *g, struct gd_node *x, int axis, bool descending)
{
	struct gd_node *y = x ? gd_node_new(g, &argsort, GD_INT64, x->rank, x->shape, 1, &x) : NULL;
	if (y) {
		y->attr.order.axis = axis;
		y->attr.order.descending = descending;
	}
	return y;
}
