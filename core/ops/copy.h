/* Elements from one regular place to another. */
#ifndef GD_COPY_H
#define GD_COPY_H

#include "core/tensor.h"

/* Two walks over one shape; strides in elements, from where `to` and `from` point. */
struct gd_copy {
	int rank;
	const int64_t *shape, *to_stride, *from_stride;
};

/* to[…] = from[…], whatever the elements of `size` bytes (8, 4 or 1) are. */
void gd_copy(const struct gd_copy *c, void *to, const void *from, size_t size);

/* to[…] += from[…]; of bools, or. */
void gd_copy_add(const struct gd_copy *c, void *to, const void *from, enum gd_dtype dtype);

/* Strides of a row-major array. */
void gd_dense_strides(int rank, const int64_t *shape, int64_t *stride);

#endif
