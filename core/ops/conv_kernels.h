/* Convolutions of images n0 ≤ n < n1 for one type; included once for each with T, K(name) and
 * GEMM(name) defined. Images are independent of each other but for the sum in dw.
 *
 * One group of one image: with its windows as columns, Col (channels·taps, positions),
 *   Y = W·Col      dX = col2im(Wᵀ·dY)      dW += dY·Colᵀ
 * and where an image has few positions, the same with the windows of many images as rows. */
#include "core/ops/im2col_kernels.h"

/* --- one channel to one or a few: no product to speak of -------------------------------------- */

enum { K(LANES) = 8 };

static T K(dot)(const T *a, const T *b, int64_t step, int64_t n)
{
	T lane[K(LANES)] = {0}, rest = 0;
	int64_t i = 0;
	for (; step == 1 && i + K(LANES) <= n; i += K(LANES))
		for (int j = 0; j < K(LANES); j++)
			lane[j] += a[i + j] * b[i + j];
	for (; i < n; i++)
		rest += a[i] * b[i * step];
	for (int j = 0; j < K(LANES) / 2; j++)
		lane[j] += lane[j + K(LANES) / 2];
	return (lane[0] + lane[2]) + (lane[1] + lane[3]) + rest;
}

/* One plane of x, one of y, one kernel. */
static void K(plane)(const struct conv *c, T *x, T *y, T *w)
{
	const struct geometry *m = &c->m;
	for (int64_t k = 0; k < (int64_t)m->taps; k++) {
		int64_t at[GD_SPATIAL] = {k / m->kernel[2] / m->kernel[1],
		                          k / m->kernel[2] % m->kernel[1], k % m->kernel[2]};
		int64_t from[GD_SPATIAL], lo[GD_SPATIAL], hi[GD_SPATIAL];
		for (int i = 0; i < GD_SPATIAL; i++) {
			from[i] = at[i] * m->dilation[i] - m->pad[i];
			inside(from[i], m->stride[i], m->in[i], m->out[i], &lo[i], &hi[i]);
		}
		int64_t n = hi[2] - lo[2], s = m->stride[2];
		T wk = c->kind == CONV_WEIGHT ? 0 : w[k], sum = 0;
		for (int64_t d = lo[0]; d < hi[0] && n; d++)
			for (int64_t h = lo[1]; h < hi[1]; h++) {
				T *py = y + ((d * m->out[1] + h) * m->out[2] + lo[2]);
				T *px = x + (((d * m->stride[0] + from[0]) * m->in[1] +
				              h * m->stride[1] + from[1]) *
				                     m->in[2] +
				             lo[2] * s + from[2]);
				if (c->kind == CONV_WEIGHT)
					sum += K(dot)(py, px, s, n);
				else if (c->kind == CONV && s == 1)
					for (int64_t i = 0; i < n; i++)
						py[i] += wk * px[i];
				else if (c->kind == CONV)
					for (int64_t i = 0; i < n; i++)
						py[i] += wk * px[i * s];
				else if (s == 1)
					for (int64_t i = 0; i < n; i++)
						px[i] += wk * py[i];
				else
					for (int64_t i = 0; i < n; i++)
						px[i * s] += wk * py[i];
			}
		if (c->kind == CONV_WEIGHT)
			w[k] += sum;
	}
}

static void K(direct)(const struct conv *c, size_t n0, size_t n1)
{
	const struct geometry *m = &c->m;
	size_t out = c->groups * c->out, in = c->groups * c->in;
	for (size_t n = n0; n < n1; n++)
		for (size_t o = 0; o < out; o++) {
			T *x = (T *)c->x + (n * in + o / c->out) * m->in_size;
			T *y = (T *)c->y + (n * out + o) * m->out_size;
			K(plane)(c, x, y, (T *)c->w + o * m->taps);
		}
}

/* --- many positions an image: its windows as columns ------------------------------------------ */

/* One group of one image, `block` positions at a time. */
static void K(column_image)(const struct conv *c, T *x, T *w, T *y, size_t block, T *col)
{
	const struct geometry *m = &c->m;
	size_t depth = c->in * m->taps;
	bool as_is = c->way == POINTWISE;
	for (size_t p = 0, p1; p < m->out_size; p = p1) {
		p1 = m->out_size - p < block ? m->out_size : p + block;
		size_t width = p1 - p, ldb = as_is ? m->in_size : width;
		T *b = as_is ? x + p : col;
		if (c->kind != CONV_INPUT && !as_is)
			K(columns)(m, x, c->in, p, p1, col, false);
		if (c->kind == CONV)
			GEMM(false, false, c->out, width, depth, w, depth, b, ldb, false, y + p,
			     m->out_size);
		else if (c->kind == CONV_INPUT)
			GEMM(true, false, depth, width, c->out, w, depth, y + p, m->out_size, false,
			     b, ldb);
		else
			GEMM(false, true, c->out, depth, width, y + p, m->out_size, b, ldb, true, w,
			     depth);
		if (c->kind == CONV_INPUT && !as_is)
			K(columns)(m, x, c->in, p, p1, col, true);
	}
}

static void K(by_columns)(const struct conv *c, size_t n0, size_t n1, T *col)
{
	size_t x_size = c->in * c->m.in_size, y_size = c->out * c->m.out_size;
	for (size_t n = n0; n < n1; n++)
		for (size_t g = 0; g < c->groups; g++) {
			T *x = (T *)c->x + (n * c->groups + g) * x_size;
			T *y = (T *)c->y + (n * c->groups + g) * y_size;
			T *w = (T *)c->w + g * c->out * c->in * c->m.taps;
			K(column_image)(c, x, w, y, c->block, col);
		}
}

#include "core/ops/conv_flat_kernels.h"

/* --- few positions an image: windows of many images as rows ----------------------------------- */

/* Channels [0, out) of `images` images, as (images·positions, out), or back. */
static void K(turn)(const struct conv *c, T *y, size_t images, T *flat, bool back)
{
	size_t positions = c->m.out_size, apart = c->groups * c->out * positions;
	for (size_t n = 0; n < images; n++)
		for (size_t p = 0; p < positions; p++)
			for (size_t o = 0; o < c->out; o++) {
				T *there = y + n * apart + o * positions + p;
				T *here = flat + (n * positions + p) * c->out + o;
				if (back)
					*there = *here;
				else
					*here = *there;
			}
}

/* A group's windows of `images` images, or back. */
static void K(rows_of)(const struct conv *c, T *x, size_t images, T *row, bool back)
{
	const struct geometry *m = &c->m;
	size_t x_apart = c->groups * c->in * m->in_size, many = m->out_size * c->in * m->taps;
	for (size_t k = 0; k < images; k++, x += x_apart, row += many)
		K(rows)(m, x, c->in, 0, m->out_size, row, back);
}

static void K(by_rows)(const struct conv *c, size_t n0, size_t n1, T *scratch)
{
	const struct geometry *m = &c->m;
	size_t depth = c->in * m->taps, positions = m->out_size, images = c->block;
	T *row = scratch, *flat = scratch + images * positions * depth;
	for (size_t n = n0; n < n1; n += images) {
		images = n1 - n < images ? n1 - n : images;
		size_t rows = images * positions;
		for (size_t g = 0; g < c->groups; g++) {
			size_t x_apart = c->groups * c->in * m->in_size;
			T *x = (T *)c->x + n * x_apart + g * c->in * m->in_size;
			T *y = (T *)c->y + (n * c->groups + g) * c->out * positions;
			T *w = (T *)c->w + g * c->out * depth;
			/* A window that is all of its image is a row already. */
			T *a = c->way == WHOLE ? x : row;
			size_t lda = c->way == WHOLE ? x_apart : depth;
			T *b = positions == 1 ? y : flat;
			size_t ldb = positions == 1 ? c->groups * c->out : c->out;
			if (c->way != WHOLE && c->kind != CONV_INPUT)
				K(rows_of)(c, x, images, row, false);
			if (positions > 1 && c->kind != CONV)
				K(turn)(c, y, images, flat, false);
			if (c->kind == CONV)
				GEMM(false, true, rows, c->out, depth, a, lda, w, depth, false, b,
				     ldb);
			else if (c->kind == CONV_INPUT)
				GEMM(false, false, rows, depth, c->out, b, ldb, w, depth, false, a,
				     lda);
			else
				GEMM(true, false, c->out, depth, rows, b, ldb, a, lda, true, w,
				     depth);
			if (positions > 1 && c->kind == CONV)
				K(turn)(c, y, images, flat, true);
			if (c->way != WHOLE && c->kind == CONV_INPUT)
				K(rows_of)(c, x, images, row, true);
		}
	}
}

/* --- all of it -------------------------------------------------------------------------------- */

static void K(add_bias)(const struct conv *c, size_t n0, size_t n1, const T *bias)
{
	size_t channels = c->groups * c->out;
	for (size_t n = n0; n < n1; n++)
		for (size_t o = 0; o < channels; o++) {
			T *y = (T *)c->y + (n * channels + o) * c->m.out_size;
			for (size_t p = 0; p < c->m.out_size; p++)
				y[p] += bias[o];
		}
}

static void K(images)(const struct conv *c, size_t n0, size_t n1, void *scratch)
{
	size_t x_image = c->groups * c->in * c->m.in_size,
	       y_image = c->groups * c->out * c->m.out_size;
	if (c->kind == CONV_INPUT && c->way != POINTWISE && c->way != WHOLE)
		memset((T *)c->x + n0 * x_image, 0, (n1 - n0) * x_image * sizeof(T));
	if (c->kind == CONV && c->way == DIRECT)
		memset((T *)c->y + n0 * y_image, 0, (n1 - n0) * y_image * sizeof(T));
	if (c->way == DIRECT)
		K(direct)(c, n0, n1);
	else if (c->way == FLAT)
		K(by_flat)(c, n0, n1, scratch);
	else if (c->way == COLUMNS || c->way == POINTWISE)
		K(by_columns)(c, n0, n1, scratch);
	else
		K(by_rows)(c, n0, n1, scratch);
	if (c->bias)
		K(add_bias)(c, n0, n1, c->bias);
}
