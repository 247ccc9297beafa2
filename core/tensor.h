/* Dense row-major arrays: dtype, shape, data. */
#ifndef GD_TENSOR_H
#define GD_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"

enum gd_dtype { GD_FLOAT64, GD_FLOAT32, GD_INT64, GD_BOOL, GD_DTYPE_COUNT };

struct gd_tensor {
	enum gd_dtype dtype;
	int rank;                   /* 0 to GD_MAX_RANK; 0 is a scalar */
	int64_t shape[GD_MAX_RANK]; /* each ≥ 0 */
	size_t count;               /* product of shape: elements, 1 for a scalar */
	void *data;                 /* count elements, bool as one byte 0 or 1 */
};

/* 8, 4, 8, 1. */
size_t gd_dtype_size(enum gd_dtype dtype);

/* "float64", …; and back: false when there is no such name. */
const char *gd_dtype_name(enum gd_dtype dtype);
bool gd_dtype_from_name(const char *name, enum gd_dtype *dtype);

static inline bool gd_is_float(enum gd_dtype dtype)
{
	return dtype == GD_FLOAT64 || dtype == GD_FLOAT32;
}

/* Number of elements of a shape into *count; false when it or its bytes overflow size_t. */
bool gd_shape_count(int rank, const int64_t *shape, size_t *count);

/* "(2, 3)", "(4,)", "()" into buf, as in messages; returns buf. */
enum { GD_SHAPE_TEXT = 384 };
char *gd_shape_text(int rank, const int64_t *shape, char buf[GD_SHAPE_TEXT]);

#endif
