#include "core/ops/copy.h"

#include <string.h>

void gd_dense_strides(int rank, const int64_t *shape, int64_t *stride)
{
	int64_t s = 1;
	for (int i = rank - 1; i >= 0; i--) {
		stride[i] = s;
		s *= shape[i];
	}
}

/* Axes of size 1 left out, neighbours that walk as one merged, a long one as the inner loop. */
struct walk {
	int rank; /* of the outer axes */
	int64_t extent[GD_MAX_RANK], to[GD_MAX_RANK], from[GD_MAX_RANK], at[GD_MAX_RANK];
	size_t inner, outer;
	ptrdiff_t to_step, from_step, to_offset, from_offset;
};

enum { LONG_ENOUGH = 16 };

static int longest(const struct walk *w)
{
	int best = w->rank - 1;
	for (int i = w->rank - 1; i >= 0 && w->extent[best] < LONG_ENOUGH; i--)
		best = w->extent[i] > w->extent[best] ? i : best;
	return best;
}

static void walk_init(struct walk *w, const struct gd_copy *c)
{
	int n = 0;
	memset(w, 0, sizeof *w);
	w->inner = w->outer = 1;
	for (int i = 0; i < c->rank; i++) {
		int64_t size = c->shape[i];
		w->outer *= (size_t)size;
		if (size == 1)
			continue;
		bool merges = n && w->to[n - 1] == c->to_stride[i] * size &&
		              w->from[n - 1] == c->from_stride[i] * size;
		n += !merges;
		w->extent[n - 1] = merges ? w->extent[n - 1] * size : size;
		w->to[n - 1] = c->to_stride[i];
		w->from[n - 1] = c->from_stride[i];
	}
	w->rank = n;
	if (n == 0 || w->outer == 0)
		return;
	int inner = longest(w);
	w->inner = (size_t)w->extent[inner];
	w->to_step = (ptrdiff_t)w->to[inner];
	w->from_step = (ptrdiff_t)w->from[inner];
	w->outer /= w->inner;
	w->rank--;
	for (int i = inner; i < w->rank; i++) {
		w->extent[i] = w->extent[i + 1];
		w->to[i] = w->to[i + 1];
		w->from[i] = w->from[i + 1];
	}
}

static void walk_on(struct walk *w)
{
	for (int i = w->rank - 1; i >= 0; i--) {
		w->to_offset += (ptrdiff_t)w->to[i];
		w->from_offset += (ptrdiff_t)w->from[i];
		if (++w->at[i] < w->extent[i])
			return;
		w->to_offset -= (ptrdiff_t)(w->to[i] * w->extent[i]);
		w->from_offset -= (ptrdiff_t)(w->from[i] * w->extent[i]);
		w->at[i] = 0;
	}
}

/* y[i·to_step] (assign) x[i·from_step], with loops of their own where one side is dense. */
#define LOOPS(T, assign)                                                                           \
	for (size_t r = 0; r < w.outer; r++, walk_on(&w)) {                                        \
		T *y = (T *)to + w.to_offset;                                                      \
		const T *x = (const T *)from + w.from_offset;                                      \
		ptrdiff_t n = (ptrdiff_t)w.inner, s = w.to_step, t = w.from_step;                  \
		if (s == 1 && t == 1)                                                              \
			for (ptrdiff_t i = 0; i < n; i++)                                          \
				y[i] assign x[i];                                                  \
		else if (s == 1)                                                                   \
			for (ptrdiff_t i = 0; i < n; i++)                                          \
				y[i] assign x[i * t];                                              \
		else                                                                               \
			for (ptrdiff_t i = 0; i < n; i++)                                          \
				y[i * s] assign x[i * t];                                          \
	}

void gd_copy(const struct gd_copy *c, void *to, const void *from, size_t size)
{
	struct walk w;
	walk_init(&w, c);
	if (w.inner > 1 && w.to_step == 1 && w.from_step == 1) {
		for (size_t r = 0; r < w.outer; r++, walk_on(&w))
			memcpy((char *)to + w.to_offset * (ptrdiff_t)size,
			       (const char *)from + w.from_offset * (ptrdiff_t)size,
			       w.inner * size);
	} else if (size == 8) {
		LOOPS(uint64_t, =)
	} else if (size == 4) {
		LOOPS(uint32_t, =)
	} else {
		LOOPS(uint8_t, =)
	}
}

void gd_copy_add(const struct gd_copy *c, void *to, const void *from, enum gd_dtype dtype)
{
	struct walk w;
	walk_init(&w, c);
	if (dtype == GD_FLOAT64)
		LOOPS(double, +=)
	else if (dtype == GD_FLOAT32)
		LOOPS(float, +=)
	else if (dtype == GD_INT64)
		LOOPS(int64_t, +=)
	else
		LOOPS(uint8_t, |=)
}
