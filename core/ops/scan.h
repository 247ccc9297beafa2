/* Scans along one axis. With `back` they run from its end. */
#ifndef GD_SCAN_H
#define GD_SCAN_H

#include "core/graph.h"

/* y_k = Σ x_i, i ≤ k (back: i ≥ k) */
struct gd_node *gd_cumsum(struct gd_graph *g, struct gd_node *x, int axis, bool back);

/* y_k = a_k·y_(k-1) + b_k (back: y_(k+1)), the y before the first being 0; a and b of one shape. */
struct gd_node *gd_recurrence(struct gd_graph *g, struct gd_node *a, struct gd_node *b, int axis,
                              bool back);

/* y_k = Π x_i, i ≤ k */
struct gd_node *gd_cumprod(struct gd_graph *g, struct gd_node *x, int axis);

/* y_k = ln Σ e^(x_i), i ≤ k, without overflow */
struct gd_node *gd_logcumsumexp(struct gd_graph *g, struct gd_node *x, int axis);

/* Index (int64) of the last largest element so far; the last NaN where there was one. */
struct gd_node *gd_cumargmax(struct gd_graph *g, struct gd_node *x, int axis);

/* x moved by one along the axis (back: towards its start), `fill` coming in. */
struct gd_node *gd_shift(struct gd_graph *g, struct gd_node *x, int axis, bool back, double fill);

#endif
