/* The kernels of `where`, compiled once for any CPU and once for those with AVX2. */
#ifndef GD_WHERE_H
#define GD_WHERE_H

#include <stddef.h>
#include <stdint.h>

struct gd_where_kernels {
	void (*of_8_bytes)(size_t n, void *y, const void *const *in, const size_t *step);
	void (*of_4_bytes)(size_t n, void *y, const void *const *in, const size_t *step);
	void (*of_1_byte)(size_t n, void *y, const void *const *in, const size_t *step);
};

extern const struct gd_where_kernels gd_where_baseline;
#ifdef __x86_64__
extern const struct gd_where_kernels gd_where_avx2;
#endif

#endif
