/* The Jacobian of a two-layer network with 1,000 outputs, against the same products by hand:
 *
 *   y = tanh(x·W1 + b1)·W2 + b2      ∂y/∂x = W2ᵀ·diag(1 - h²)·W1ᵀ
 *
 * Prints the milliseconds of both, the best of so many runs (argument 1), and their ratio. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/blas.h"
#include "core/build.h"
#include "core/diff.h"
#include "core/rows.h"

enum { IN = 784, HIDDEN = 512, OUT = 1000 };

static double x[IN], w1[IN * HIDDEN], b1[HIDDEN], w2[HIDDEN * OUT], b2[OUT];
static double h[HIDDEN], a[OUT * HIDDEN], y[OUT], by_hand[OUT * IN], ours[OUT * IN];

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void fill(double *v, size_t n, double scale)
{
	for (size_t i = 0; i < n; i++)
		v[i] = scale * ((double)rand() / RAND_MAX - 0.5);
}

static void hand(void)
{
	gd_gemm_f64(false, false, 1, HIDDEN, IN, x, w1, h);
	for (size_t i = 0; i < HIDDEN; i++)
		h[i] = tanh(h[i] + b1[i]);
	gd_gemm_f64(false, false, 1, OUT, HIDDEN, h, w2, y);
	for (size_t i = 0; i < OUT; i++)
		y[i] += b2[i];
	for (size_t i0 = 0; i0 < OUT; i0 += 16)
		for (size_t k = 0; k < HIDDEN; k++)
			for (size_t i = i0; i < i0 + 16 && i < OUT; i++)
				a[i * HIDDEN + k] = w2[k * OUT + i] * (1 - h[k] * h[k]);
	gd_gemm_f64(false, true, OUT, IN, HIDDEN, a, w1, by_hand);
}

static struct gd_node *leaf(struct gd_graph *g, double *data, int64_t rows, int64_t columns)
{
	struct gd_tensor t = {.dtype = GD_FLOAT64,
	                      .rank = 2,
	                      .shape = {rows, columns},
	                      .count = (size_t)(rows * columns),
	                      .data = data};
	return gd_leaf(g, &t, NULL);
}

/* As /jacobian does it, with the graph built anew. */
static bool gradd(size_t bytes)
{
	struct gd_arena arena;
	struct gd_error error;
	struct gd_graph g;
	gd_error_clear(&error);
	gd_arena_init(&arena, (size_t)1 << 30);
	gd_graph_init(&g, &arena, &error, GD_FLOAT64, 1000);
	struct gd_node *nx = leaf(&g, x, 1, IN), *v1 = leaf(&g, w1, IN, HIDDEN), *grad;
	struct gd_node *n = gd_matmul(&g, nx, v1);
	n = gd_tanh(&g, gd_add(&g, n, leaf(&g, b1, 1, HIDDEN)));
	n = gd_matmul(&g, n, leaf(&g, w2, HIDDEN, OUT));
	n = gd_add(&g, n, leaf(&g, b2, 1, OUT));
	struct gd_node *u = gd_dummy_seed(&g, n), *to = leaf(&g, ours, OUT, IN);
	struct gd_rows_plan plan = {0};
	struct gd_sweep run = {.graph = &g}, bad;
	const struct gd_rows *bad_rows;
	bool ok = gd_grad(&g, n, u, 1, &nx, &grad, true);
	int base = g.n_nodes;
	plan.first = gd_rows_new(&g, u, 1, &(struct gd_rows_target){.x = grad, .to = to}, bytes);
	ok = ok && plan.first && gd_rows_share(&plan, &g, base) && gd_eval(&run, 1, &n) &&
	     gd_eval(&run, plan.n_shared, plan.shared) && gd_rows_run(&plan, &g, &bad, &bad_rows);
	gd_arena_release(&arena);
	return ok;
}

int main(int argc, char **argv)
{
	int runs = argc > 1 ? atoi(argv[1]) : 20;
	size_t bytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 8 << 20;
	double best[2] = {HUGE_VAL, HUGE_VAL}, worst = 0;
	fill(x, IN, 2);
	fill(w1, (size_t)IN * HIDDEN, 0.1);
	fill(b1, HIDDEN, 1);
	fill(w2, (size_t)HIDDEN * OUT, 0.1);
	fill(b2, OUT, 1);
	for (int i = 0; i < runs; i++) {
		double start = now();
		if (!gradd(bytes))
			return EXIT_FAILURE;
		double middle = now();
		hand();
		best[0] = fmin(best[0], middle - start);
		best[1] = fmin(best[1], now() - middle);
	}
	for (size_t i = 0; i < (size_t)OUT * IN; i++)
		worst = fmax(worst, fabs(ours[i] - by_hand[i]));
	if (!(worst < 1e-12)) {
		fprintf(stderr, "the Jacobians differ by %g\n", worst);
		return EXIT_FAILURE;
	}
	printf("%.3f %.3f %.3f\n", best[0], best[1], best[0] / best[1]);
	return EXIT_SUCCESS;
}
