/* The kernels of softmax, compiled once for any CPU and once for those with AVX2. */
#ifndef GD_SOFTMAX_H
#define GD_SOFTMAX_H

#include <stdbool.h>
#include <stddef.h>

/* One vector of n ≥ 1 elements, `step` apart, or its logarithm. y is not x. */
struct gd_softmax_kernels {
	void (*f64)(void *y, const void *x, size_t n, size_t step, bool log_of);
	void (*f32)(void *y, const void *x, size_t n, size_t step, bool log_of);
};

extern const struct gd_softmax_kernels gd_softmax_baseline;
#ifdef __x86_64__
extern const struct gd_softmax_kernels gd_softmax_avx2;
#endif

#endif
