/* Windows that slide over the last one to three axes: convolutions, folding, max pooling.
 *
 * Position o of the result and tap k of the window meet the input at o·stride - pad + k·dilation;
 * outside of it the input is zero. Primitives work on tensors (N, C, axes…). */
#ifndef GD_WINDOW_H
#define GD_WINDOW_H

#include "core/graph.h"

enum { GD_SPATIAL = 3 };

struct gd_window {
	int n;                                                             /* axes */
	int64_t stride[GD_SPATIAL], pad[GD_SPATIAL], dilation[GD_SPATIAL]; /* pad: in front */
	int64_t groups; /* of channels; 1 but for convolutions */
};

/* --- ops/conv.c: x (N, C, in…), w (O, C/groups, kernel…), y (N, O, out…) -------------------- */

/* y = w slid over x, + bias (O) where that is not NULL. */
struct gd_node *gd_conv(struct gd_graph *g, struct gd_node *x, struct gd_node *w,
                        struct gd_node *bias, const struct gd_window *v, const int64_t *out);
/* Its adjoints: dx from dy and w, dw from x and dy. */
struct gd_node *gd_conv_input(struct gd_graph *g, struct gd_node *dy, struct gd_node *w,
                              const struct gd_window *v, const int64_t *in);
struct gd_node *gd_conv_weight(struct gd_graph *g, struct gd_node *x, struct gd_node *dy,
                               const struct gd_window *v, const int64_t *kernel);

/* --- ops/fold.c ----------------------------------------------------------------------------- */

/* (N, C, in…) to its windows as columns, (N, C·Π kernel, Π out), and the adjoint, which adds them
 * up again. */
struct gd_node *gd_im2col(struct gd_graph *g, struct gd_node *x, const struct gd_window *v,
                          const int64_t *kernel, const int64_t *out);
struct gd_node *gd_col2im(struct gd_graph *g, struct gd_node *x, const struct gd_window *v,
                          const int64_t *in, const int64_t *kernel, const int64_t *out);

/* --- ops/maxpool.c -------------------------------------------------------------------------- */

/* Position o along an axis sees the elements first[o], first[o] + step, … below end[o]; nothing
 * where that is first[o]. Where the windows of the last axis are alike, stride > 0: they are
 * o·stride - pad + k·step, k < kernel, as far as those are inside. */
struct gd_ranges {
	int n;
	int64_t out[GD_SPATIAL], step[GD_SPATIAL];
	const int64_t *first[GD_SPATIAL], *end[GD_SPATIAL];
	int64_t stride, pad, kernel;
};

/* x (rows, in…) with n axes behind the first one: index (int64, (rows, Π out)) of the first largest
 * element each position sees, within the row; a NaN is largest, of nothing it is any index. */
struct gd_node *gd_max_index(struct gd_graph *g, struct gd_node *x, const struct gd_ranges *r);
/* Whether a position sees another element as large as the one at its index. */
struct gd_node *gd_max_ties(struct gd_graph *g, struct gd_node *x, struct gd_node *index,
                            const struct gd_ranges *r);

/* --- ops/resample.c ------------------------------------------------------------------------- */

/* A linear map along one axis: element o of the result is the sum of count[o] neighbours from
 * first[o] on, each times its weight. */
struct gd_taps {
	int64_t in, out;
	const int64_t *first, *count, *at; /* its weights are weight[at[o]], …; */
	const double *weight;              /* NULL: all 1 */
	bool negative;                     /* some weight is */
	const struct gd_taps *adjoint;
};

/* Fills the tables from first, count and either no weights or count[o] ones for each o in turn.
 * Both ends of the ranges must never fall with o. NULL on a failure. */
const struct gd_taps *gd_taps_new(struct gd_graph *g, int64_t in, int64_t out, const int64_t *first,
                                  const int64_t *count, const double *weight);

/* x with the map along `axis`. */
struct gd_node *gd_resample(struct gd_graph *g, struct gd_node *x, int axis,
                            const struct gd_taps *t);

#endif
