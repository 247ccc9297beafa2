/* A window's sizes for its kernels: always three axes, the missing ones of size 1 in front. */
#ifndef GD_GEOMETRY_H
#define GD_GEOMETRY_H

#include "core/ops/window.h"

struct geometry {
	int64_t in[GD_SPATIAL], out[GD_SPATIAL], kernel[GD_SPATIAL];
	int64_t stride[GD_SPATIAL], pad[GD_SPATIAL], dilation[GD_SPATIAL];
	size_t in_size, out_size, taps; /* products of in, out, kernel */
};

static inline void geometry_init(struct geometry *m, const struct gd_window *v, const int64_t *in,
                                 const int64_t *out, const int64_t *kernel)
{
	m->in_size = m->out_size = m->taps = 1;
	for (int i = 0; i < GD_SPATIAL; i++) {
		int k = i - (GD_SPATIAL - v->n);
		m->in[i] = k < 0 ? 1 : in[k];
		m->out[i] = k < 0 ? 1 : out[k];
		m->kernel[i] = k < 0 ? 1 : kernel[k];
		m->stride[i] = k < 0 ? 1 : v->stride[k];
		m->pad[i] = k < 0 ? 0 : v->pad[k];
		m->dilation[i] = k < 0 ? 1 : v->dilation[k];
		m->in_size *= (size_t)m->in[i];
		m->out_size *= (size_t)m->out[i];
		m->taps *= (size_t)m->kernel[i];
	}
}

/* The i in [0, n) with 0 ≤ base + i·step < size, as [*lo, *hi); empty as lo = hi. */
static inline void inside(int64_t base, int64_t step, int64_t size, int64_t n, int64_t *lo,
                          int64_t *hi)
{
	int64_t last; /* mostly all are: no division */
	if (base >= 0 && n > 0 && !__builtin_mul_overflow(n - 1, step, &last) && last < size &&
	    base < size - last) {
		*lo = 0;
		*hi = n;
		return;
	}
	*lo = base >= 0 ? 0 : (-base - 1) / step + 1;
	*hi = base >= size ? 0 : (size - base - 1) / step + 1;
	*hi = *hi < n ? *hi : n;
	*lo = *lo < *hi ? *lo : *hi;
}

#endif
