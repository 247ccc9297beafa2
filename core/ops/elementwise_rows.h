/* The kernels of elementwise.def, compiled once for any CPU and once for those with AVX2. */
#ifndef GD_ELEMENTWISE_ROWS_H
#define GD_ELEMENTWISE_ROWS_H

#include <stddef.h>

/* Rows in the order of the table. */
enum gd_row {
#define GD_UNARY(name, ...)   GD_ROW_##name,
#define GD_BINARY(name, ...)  GD_ROW_##name,
#define GD_COMPARE(name, ...) GD_ROW_##name,
#include "core/ops/elementwise.def"
	GD_ROWS
};

/* y[0..n) from operands that step by 1 element, or by 0: one element for all. An element's value
 * does not depend on its place. y may be an operand. */
struct gd_row_kernel {
	void (*f64)(size_t n, void *y, const void *const *in, const size_t *step);
	void (*f32)(size_t n, void *y, const void *const *in, const size_t *step);
};

extern const struct gd_row_kernel gd_rows_baseline[GD_ROWS];
#ifdef __x86_64__
extern const struct gd_row_kernel gd_rows_avx2[GD_ROWS];
#endif

#endif
