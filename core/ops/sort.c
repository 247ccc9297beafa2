/* Sorting: the order of elements along one axis, which has no derivative; a gather does the rest.
 */
#include "core/ops/sort.h"

#include <math.h>
#include <string.h>

#include "core/eval.h"

/* An element as an unsigned integer of the same order, and where it was. */
struct entry {
	uint64_t key;
	int64_t from;
};

/* The bits of a positive double are in its order, those of a negative one in reverse. The zeros are
 * equal, NaN is the largest. */
static uint64_t key_of(double x, bool descending)
{
	uint64_t bits;
	x = x == 0 ? 0 : x;
	memcpy(&bits, &x, sizeof bits);
	bits = x != x ? UINT64_MAX : bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
	return descending ? ~bits : bits;
}

enum { RUN = 8 }; /* elements that are put in order by insertion */

static void insertion(struct entry *e, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct entry moved = e[i];
		size_t j = i;
		for (; j > 0 && moved.key < e[j - 1].key; j--)
			e[j] = e[j - 1];
		e[j] = moved;
	}
}

/* Merges in[0..middle) and in[middle..n) into out, without a branch an element; of equal ones the
 * left one comes first. */
static void merge(struct entry *out, const struct entry *in, size_t middle, size_t n)
{
	const struct entry *a = in, *b = in + middle, *end_a = b, *end_b = in + n;
	while (a < end_a && b < end_b) {
		bool right = b->key < a->key;
		const struct entry *next = right ? b : a;
		*out++ = *next;
		a += !right;
		b += right;
	}
	memcpy(out, a < end_a ? a : b, (size_t)(a < end_a ? end_a - a : end_b - b) * sizeof *out);
}

/* In order: merges of longer and longer runs between the two buffers. Returns the one that holds
 * the result. */
static const struct entry *in_order(struct entry *e, struct entry *other, size_t n)
{
	for (size_t i = 0; i < n; i += RUN)
		insertion(e + i, n - i < RUN ? n - i : RUN);
	for (size_t width = RUN; width < n; width *= 2) {
		for (size_t i = 0; i < n; i += 2 * width) {
			size_t end = n - i < 2 * width ? n - i : 2 * width;
			merge(other + i, e + i, width < end ? width : end, end);
		}
		struct entry *swap = e;
		e = other;
		other = swap;
	}
	return e;
}

static void sort_fibre(const struct gd_node *y, size_t at, size_t n, size_t step,
                       struct entry *room)
{
	const struct gd_node *x = y->in[0];
	for (size_t i = 0; i < n; i++) {
		size_t k = at + i * step;
		double v = x->dtype == GD_FLOAT64 ? ((double *)x->data)[k]
		                                  : (double)((float *)x->data)[k];
		room[i] = (struct entry){key_of(v, y->attr.order.descending), (int64_t)i};
	}
	const struct entry *sorted = in_order(room, room + n, n);
	for (size_t i = 0; i < n; i++)
		((int64_t *)y->data)[at + i * step] = sorted[i].from;
}

static void forward_argsort(struct gd_sweep *run, struct gd_node *y)
{
	int axis = y->attr.order.axis;
	size_t n = (size_t)y->shape[axis], inner = 1;
	if (!y->count)
		return;
	for (int i = axis + 1; i < y->rank; i++)
		inner *= (size_t)y->shape[i];
	size_t bytes = 2 * n * sizeof(struct entry);
	struct entry *room = gd_data_alloc(run->graph->arena, bytes);
	if (!room) {
		gd_arena_fail(run->graph->arena, run->error);
		gd_error_pointer(run->error, "%s", y->origin);
		return;
	}
	for (size_t o = 0; o < y->count; o += n * inner)
		for (size_t i = 0; i < inner; i++)
			sort_fibre(y, o + i, n, inner, room);
	gd_data_free(run->graph->arena, room, bytes);
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
