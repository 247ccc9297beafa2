/* y[c] = Σ x[j], c - before ≤ j ≤ c + after      dx = the same of dy, before and after exchanged
 *
 * With the axis cut into blocks as long as the window, a window is the end of one block and the
 * beginning of the next: two running sums give all windows, and nothing is ever subtracted.
 * Source: van Herk, A fast algorithm for local minimum and maximum filters. */
#include "core/ops/window_sum.h"

#include "core/build.h"
#include "core/eval.h"

static double at(const struct gd_node *x, size_t i)
{
	return x->dtype == GD_FLOAT64 ? ((double *)x->data)[i] : (double)((float *)x->data)[i];
}

/* One line of n elements, `step` apart; sums has room for 2n. */
static void line(struct gd_node *y, size_t first, size_t n, size_t step, double *sums)
{
	size_t before = (size_t)y->attr.reach.before, after = (size_t)y->attr.reach.after;
	size_t width = before + after + 1;
	double *begin = sums, *end = sums + n; /* of i's block up to i; from i to its end */
	const struct gd_node *x = y->in[0];
	for (size_t i = 0; i < n; i++)
		begin[i] = at(x, first + i * step) + (i % width ? begin[i - 1] : 0);
	for (size_t i = n; i-- > 0;)
		end[i] = at(x, first + i * step) + ((i + 1) % width && i + 1 < n ? end[i + 1] : 0);
	for (size_t i = 0, block = 0; i < n; i++) {
		size_t from = i > before ? i - before : 0, to = i + after < n ? i + after : n - 1;
		if (from == block + width)
			block = from; /* where the block of `from` begins */
		double sum = to >= block + width ? end[from] + begin[to]
		             : from > block      ? end[from]
		                                 : begin[to];
		if (y->dtype == GD_FLOAT64)
			((double *)y->data)[first + i * step] = sum;
		else
			((float *)y->data)[first + i * step] = (float)sum;
	}
}

static void forward_window(struct gd_sweep *run, struct gd_node *y)
{
	size_t outer = (size_t)y->shape[0], n = (size_t)y->shape[1], inner = (size_t)y->shape[2];
	struct gd_arena *arena = run->graph->arena;
	double *sums = gd_data_alloc(arena, 2 * n * sizeof *sums);
	if (!sums) {
		gd_arena_fail(arena, run->error);
		gd_error_pointer(run->error, "%s", y->origin);
		return;
	}
	for (size_t o = 0; o < outer; o++)
		for (size_t i = 0; i < inner; i++)
			line(y, o * n * inner + i, n, inner, sums);
	gd_data_free(arena, sums, 2 * n * sizeof *sums);
}

static void vjp_window(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	dx[0] = gd_window_sum(g, dy, y->attr.reach.after, y->attr.reach.before);
}

static double cost(const struct gd_node *y)
{
	return 3.0 * (double)y->count;
}

static const struct gd_prim window = {.name = "window_sum",
                                      .forward = forward_window,
                                      .vjp = vjp_window,
                                      .moves = true,
                                      .cost = cost};

struct gd_node *gd_window_sum(struct gd_graph *g, struct gd_node *x, int64_t before, int64_t after)
{
	if (!x)
		return NULL;
	struct gd_node *y = gd_node_new(g, &window, x->dtype, 3, x->shape, 1, &x);
	int64_t far = x->shape[1] ? x->shape[1] - 1 : 0;
	if (y) {
		y->attr.reach.before = before < far ? before : far;
		y->attr.reach.after = after < far ? after : far;
	}
	return y;
}
