#include "core/tensor.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	size_t size;
} dtypes[GD_DTYPE_COUNT] = {
        [GD_FLOAT64] = {"float64", 8},
        [GD_FLOAT32] = {"float32", 4},
        [GD_INT64] = {"int64", 8},
        [GD_BOOL] = {"bool", 1},
};

size_t gd_dtype_size(enum gd_dtype dtype)
{
	return dtypes[dtype].size;
}

const char *gd_dtype_name(enum gd_dtype dtype)
{
	return dtypes[dtype].name;
}

bool gd_dtype_from_name(const char *name, enum gd_dtype *dtype)
{
	for (int i = 0; i < GD_DTYPE_COUNT; i++) {
		if (strcmp(name, dtypes[i].name) == 0) {
			*dtype = (enum gd_dtype)i;
			return true;
		}
	}
	return false;
}

bool gd_shape_count(int rank, const int64_t *shape, size_t *count)
{
	size_t product = 1; /* of the dimensions that are not 0: strides must not overflow either */
	bool empty = false;

	if (rank < 0 || rank > GD_MAX_RANK)
		return false;
	for (int i = 0; i < rank; i++) {
		if (shape[i] < 0)
			return false;
		if (shape[i] == 0)
			empty = true;
		else if (__builtin_mul_overflow(product, (size_t)shape[i], &product))
			return false;
	}
	if (product > (size_t)PTRDIFF_MAX / 8)
		return false;
	*count = empty ? 0 : product;
	return true;
}

char *gd_shape_text(int rank, const int64_t *shape, char buf[GD_SHAPE_TEXT])
{
	size_t at = 0;

	buf[at++] = '(';
	for (int i = 0; i < rank && i < GD_MAX_RANK; i++) {
		int n = snprintf(buf + at, GD_SHAPE_TEXT - at, i ? ", %lld" : "%lld",
		                 (long long)shape[i]);

		if (n > 0)
			at += (size_t)n;
	}
	if (rank == 1)
		buf[at++] = ',';
	if (rank > GD_MAX_RANK)
		at += (size_t)snprintf(buf + at, GD_SHAPE_TEXT - at, ", …");
	buf[at++] = ')';
	buf[at] = '\0';
	return buf;
}
