/* Sums over a window that slides along an axis. */
#ifndef GD_WINDOW_SUM_H
#define GD_WINDOW_SUM_H

#include "core/graph.h"

/* y[…, c, …] = Σ x[…, j, …] over c - before ≤ j ≤ c + after, as far as there are such j. x is
 * (outer, n, inner). */
struct gd_node *gd_window_sum(struct gd_graph *g, struct gd_node *x, int64_t before, int64_t after);

#endif
