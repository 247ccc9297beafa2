/* What convolutions, pooling and resampling read alike out of a call. */
#ifndef GD_LAYERS_WINDOW_H
#define GD_LAYERS_WINDOW_H

#include "core/op.h"
#include "core/ops/window.h"

/* A parameter with one number for each of n axes, or a single one for all of them (in a list only
 * with `one_in_list`), each at least `least`. False on an error. */
bool gd_each_axis(struct gd_call *c, const char *name, int n, int64_t least, bool one_in_list,
                  int64_t *values);

/* Operand 0 as (N, C, n axes), of which the axes are not empty; *single where it had no batch axis.
 * NULL on an error. */
struct gd_node *gd_with_batch(struct gd_call *c, int n, bool *single);
/* The result without the batch axis that gd_with_batch added. */
struct gd_node *gd_without_batch(struct gd_graph *g, struct gd_node *y, bool single);

/* How many positions a window has on an axis of `in` elements with `before` and `after` zeros
 * around it; with `ceil` the last one may hang over, if it does not begin behind the input. 0 where
 * it does not fit; INT64_MAX where numbers run over. */
int64_t gd_positions(int64_t in, int64_t before, int64_t after, int64_t kernel, int64_t stride,
                     int64_t dilation, bool ceil);

/* Numbers that live as long as the graph. NULL with the graph's error set. */
int64_t *gd_table(struct gd_graph *g, int64_t n);

/* The mean over `out` positions on each of n axes of x, (N, C, axes…): adaptive_avg_pool. */
struct gd_node *gd_adaptive_mean(struct gd_graph *g, struct gd_node *x, int n, const int64_t *out);

#endif
