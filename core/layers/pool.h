/* What the functions of pool.c and max_pool.c share. */
#ifndef GD_LAYERS_POOL_H
#define GD_LAYERS_POOL_H

#include "core/layers/window.h"

struct gd_pool {
	int64_t kernel[GD_SPATIAL], stride[GD_SPATIAL], pad[GD_SPATIAL], dilation[GD_SPATIAL];
	int64_t out[GD_SPATIAL];
};

/* kernel_size and stride, padding and dilation where there are such, and the sizes that follow for
 * x, (N, C, n axes). False on an error. */
bool gd_read_pool(struct gd_call *c, const struct gd_node *x, int n, bool padding, bool dilation,
                  struct gd_pool *p);

/* output_size: one number, or one for each axis, null keeping the input's. */
bool gd_read_output_size(struct gd_call *c, const struct gd_node *x, int n, int64_t *out);

/* Position o of `out` takes the elements ⌊o·in/out⌋ ≤ i < ⌈(o + 1)·in/out⌉: [first, end). */
void gd_adaptive_ranges(int64_t in, int64_t out, int64_t *first, int64_t *end);

#endif
