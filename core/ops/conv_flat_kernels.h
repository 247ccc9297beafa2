/* Convolutions with stride 1, as conv_kernels.h, which includes this.
 *
 * On the padded image, laid out flat, a tap sees all positions of several lines as one run: as
 * columns those are long copies. Between two lines stand positions that are none; their results are
 * left out, and their cotangents are 0, which needs what they are multiplied with to be finite. */

static bool K(finite)(const T *x, size_t n)
{
	T lane[K(LANES)] = {0};
	size_t i = 0;
	for (; i + K(LANES) <= n; i += K(LANES))
		for (size_t j = 0; j < K(LANES); j++)
			lane[j] += 0 * x[i + j];
	for (; i < n; i++)
		lane[0] += 0 * x[i];
	for (size_t j = 1; j < K(LANES); j++)
		lane[0] += lane[j];
	return lane[0] == 0;
}

/* The image inside of its padding, to or (with back) from there. */
static void K(inset)(const struct conv *c, T *x, T *padded, bool back)
{
	const struct geometry *m = &c->m;
	const int64_t *size = c->padded;
	size_t plane = (size_t)(size[0] * size[1] * size[2]);
	if (!back)
		memset(padded, 0, c->in * plane * sizeof *padded);
	for (size_t ch = 0; ch < c->in; ch++, padded += plane)
		for (int64_t d = 0; d < m->in[0]; d++)
			for (int64_t h = 0; h < m->in[1]; h++, x += m->in[2]) {
				T *line = padded +
				          ((d + m->pad[0]) * size[1] + h + m->pad[1]) * size[2] +
				          m->pad[2];
				if (back)
					K(copy)(x, line, m->in[2]);
				else
					K(copy)(line, x, m->in[2]);
			}
}

/* Lines of y, (channels, lines, width), and the same with gaps between the lines. */
static void K(spread)(const struct conv *c, const T *y, int64_t lines, size_t length, T *flat)
{
	int64_t width = c->m.out[2], gap = c->padded[2] - width;
	for (size_t o = 0; o < c->out; o++, y += c->m.out_size, flat += length)
		for (int64_t h = 0; h < lines; h++) {
			T *line = flat + h * c->padded[2];
			K(copy)(line, y + h * width, width);
			for (int64_t i = 0; i < gap && h < lines - 1; i++)
				line[width + i] = 0;
		}
}

static void K(gather_lines)(const struct conv *c, T *y, int64_t lines, size_t length, const T *flat)
{
	int64_t width = c->m.out[2];
	for (size_t o = 0; o < c->out; o++, y += c->m.out_size, flat += length)
		for (int64_t h = 0; h < lines; h++)
			K(copy)(y + h * width, flat + h * c->padded[2], width);
}

/* The runs that the taps see from position `at` of the padded image on, or back. */
static void K(runs)(const struct conv *c, T *x, int64_t at, size_t length, T *col, bool back)
{
	const struct geometry *m = &c->m;
	const int64_t *size = c->padded;
	for (size_t ch = 0; ch < c->in; ch++, x += size[0] * size[1] * size[2])
		for (int64_t d = 0; d < m->kernel[0]; d++)
			for (int64_t h = 0; h < m->kernel[1]; h++)
				for (int64_t w = 0; w < m->kernel[2]; w++, col += length) {
					int64_t line =
					        d * m->dilation[0] * size[1] + h * m->dilation[1];
					T *tap = x + (at + line * size[2] + w * m->dilation[2]);
					K(run)(tap, 1, col, (int64_t)length, back);
				}
}

/* One group of one image: x with its padding, w (out, depth), y. */
static void K(flat_image)(const struct conv *c, T *x, T *w, T *y, T *col, T *flat)
{
	const struct geometry *m = &c->m;
	size_t depth = c->in * m->taps;
	int64_t most = (int64_t)c->block;
	for (int64_t d = 0; d < m->out[0]; d++)
		for (int64_t h = 0; h < m->out[1]; h += most) {
			int64_t lines = m->out[1] - h < most ? m->out[1] - h : most;
			int64_t at = (d * c->padded[1] + h) * c->padded[2];
			size_t length = (size_t)((lines - 1) * c->padded[2] + m->out[2]);
			T *here = y + (d * m->out[1] + h) * m->out[2];
			if (c->kind != CONV_INPUT)
				K(runs)(c, x, at, length, col, false);
			if (c->kind != CONV)
				K(spread)(c, here, lines, length, flat);
			if (c->kind == CONV) {
				GEMM(false, false, c->out, length, depth, w, depth, col, length,
				     false, flat, length);
				K(gather_lines)(c, here, lines, length, flat);
			} else if (c->kind == CONV_INPUT) {
				GEMM(true, false, depth, length, c->out, w, depth, flat, length,
				     false, col, length);
				K(runs)(c, x, at, length, col, true);
			} else {
				GEMM(false, true, c->out, depth, length, flat, length, col, length,
				     true, w, depth);
			}
		}
}

static void K(by_flat)(const struct conv *c, size_t n0, size_t n1, T *scratch)
{
	const struct geometry *m = &c->m;
	size_t depth = c->in * m->taps, x_size = c->in * m->in_size, y_size = c->out * m->out_size;
	size_t plane = (size_t)(c->padded[0] * c->padded[1] * c->padded[2]);
	bool inset = plane != m->in_size;
	T *padded = scratch, *col = padded + (inset ? c->in * plane : 0);
	T *flat = col + depth * flat_length(c);
	for (size_t n = n0; n < n1; n++)
		for (size_t g = 0; g < c->groups; g++) {
			T *x = (T *)c->x + (n * c->groups + g) * x_size, *at = inset ? padded : x;
			T *y = (T *)c->y + (n * c->groups + g) * y_size;
			T *w = (T *)c->w + g * c->out * depth;
			if ((c->kind == CONV_WEIGHT && !K(finite)(x, x_size)) ||
			    (c->kind == CONV_INPUT && !K(finite)(w, c->out * depth))) {
				K(column_image)(c, x, w, y, flat_length(c), col);
				continue;
			}
			if (inset && c->kind == CONV_INPUT)
				memset(padded, 0, c->in * plane * sizeof *padded);
			else if (inset)
				K(inset)(c, x, padded, false);
			K(flat_image)(c, at, w, y, col, flat);
			if (inset && c->kind == CONV_INPUT)
				K(inset)(c, x, padded, true);
		}
}
