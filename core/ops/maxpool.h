/* The kernels of max pooling, compiled once for any CPU and once for those with AVX2. */
#ifndef GD_MAXPOOL_H
#define GD_MAXPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "core/ops/window.h"

/* The ranges with the axes that are missing in front. */
struct windows {
	int64_t in[GD_SPATIAL], out[GD_SPATIAL], step[GD_SPATIAL];
	const int64_t *first[GD_SPATIAL], *end[GD_SPATIAL];
	int64_t stride, pad, kernel;
	size_t in_size, out_size;
};

/* Of one row x of in_size elements: where the largest of each window is, or, with these indices,
 * whether others are as large. */
struct gd_maxpool_kernels {
	void (*index_f64)(const struct windows *m, const void *x, int64_t *index);
	void (*index_f32)(const struct windows *m, const void *x, int64_t *index);
	void (*ties_f64)(const struct windows *m, const void *x, const int64_t *index,
	                 uint8_t *ties);
	void (*ties_f32)(const struct windows *m, const void *x, const int64_t *index,
	                 uint8_t *ties);
};

extern const struct gd_maxpool_kernels gd_maxpool_baseline;
#ifdef __x86_64__
extern const struct gd_maxpool_kernels gd_maxpool_avx2;
#endif

#endif
