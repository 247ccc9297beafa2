/* Windows laid side by side, and added back, for one type; included once for each with T and
 * K(name) defined. x is `channels` channels of one image; positions p0 ≤ p < p1 of the result. */

/* Short runs are copied here: a call takes longer than they do. */
static inline __attribute__((always_inline)) void K(copy)(T *restrict to, const T *restrict from,
                                                          int64_t n)
{
	enum { STEP = 16 / sizeof(T), LONG = 512 / sizeof(T) };
	if (n < STEP) {
		for (int64_t i = 0; i < n; i++)
			to[i] = from[i];
		return;
	}
	if (n > LONG) {
		memcpy(to, from, (size_t)n * sizeof *to);
		return;
	}
	for (int64_t i = 0; i < n - STEP; i += STEP)
		memcpy(to + i, from + i, 16);
	memcpy(to + n - STEP, from + n - STEP, 16);
}

/* n elements of x, `step` apart, to or (with back) added from the dense `col`. */
static inline __attribute__((always_inline)) void K(run)(T *restrict x, int64_t step,
                                                         T *restrict col, int64_t n, bool back)
{
	if (!back && step == 1)
		K(copy)(col, x, n);
	else if (!back)
		for (int64_t i = 0; i < n; i++)
			col[i] = x[i * step];
	else if (step == 1)
		for (int64_t i = 0; i < n; i++)
			x[i] += col[i];
	else
		for (int64_t i = 0; i < n; i++)
			x[i * step] += col[i];
}

/* One tap of the `count` windows from `start` on; those at lo ≤ o < hi of a line see the input. */
static inline __attribute__((always_inline)) T *K(one_tap)(const struct geometry *m, T *x,
                                                           const int64_t *k, const int64_t *start,
                                                           int64_t lo, int64_t hi, size_t count,
                                                           T *col, bool back)
{
	int64_t width = m->out[2], stride = m->stride[2], begin = start[2], d = start[0],
	        h = start[1];
	int64_t left = (int64_t)count, from = k[2] * m->dilation[2] - m->pad[2];
	int64_t id = d * m->stride[0] - m->pad[0] + k[0] * m->dilation[0];
	int64_t ih = h * m->stride[1] - m->pad[1] + k[1] * m->dilation[1];
	/* Whole lines of which all is inside: nothing to look at for each. */
	if (left > 0 && stride == 1 && lo == 0 && hi == width && begin == 0 && id >= 0 &&
	    id < m->in[0] && left <= (m->out[1] - h) * width && left % width == 0 && ih >= 0 &&
	    ih + (left / width - 1) * m->stride[1] < m->in[1]) {
		T *line = x + ((id * m->in[1] + ih) * m->in[2] + from);
		for (; left > 0; left -= width, col += width, line += m->stride[1] * m->in[2])
			K(run)(line, 1, col, width, back);
		return col;
	}
	while (left > 0) {
		int64_t end = width - begin < left ? width : begin + left;
		int64_t a = lo > begin ? lo : begin, b = hi < end ? hi : end;
		bool outside = id < 0 || id >= m->in[0] || ih < 0 || ih >= m->in[1] || a >= b;
		if (outside)
			a = b = end;
		if (a > begin && !back)
			memset(col, 0, (size_t)(a - begin) * sizeof *col);
		if (!outside) {
			T *line = x + ((id * m->in[1] + ih) * m->in[2] + from + a * stride);
			K(run)(line, stride, col + (a - begin), b - a, back);
		}
		if (b < end && !back)
			memset(col + (b - begin), 0, (size_t)(end - b) * sizeof *col);
		col += end - begin;
		left -= end - begin;
		begin = 0;
		ih += m->stride[1];
		if (++h == m->out[1]) {
			h = 0;
			ih = k[1] * m->dilation[1] - m->pad[1];
			id += m->stride[0];
		}
	}
	return col;
}

/* Where position p of the result stands. */
static inline void K(place)(const struct geometry *m, size_t p, int64_t at[GD_SPATIAL])
{
	for (int i = GD_SPATIAL - 1; i >= 0; i--) {
		at[i] = (int64_t)(p % (size_t)m->out[i]);
		p /= (size_t)m->out[i];
	}
}

/* As columns: col is (channels·taps, p1 - p0), filled from x or, with back, added to it. */
static inline __attribute__((always_inline)) void
K(columns)(const struct geometry *m, T *x, size_t channels, size_t p0, size_t p1, T *col, bool back)
{
	int64_t width = m->out[2], stride = m->stride[2], start[GD_SPATIAL], k[GD_SPATIAL];
	K(place)(m, p0, start);
	for (size_t c = 0; c < channels; c++, x += m->in_size)
		for (k[0] = 0; k[0] < m->kernel[0]; k[0]++)
			for (k[1] = 0; k[1] < m->kernel[1]; k[1]++)
				for (k[2] = 0; k[2] < m->kernel[2]; k[2]++) {
					int64_t lo, hi, from = k[2] * m->dilation[2] - m->pad[2];
					inside(from, stride, m->in[2], width, &lo, &hi);
					col = K(one_tap)(m, x, k, start, lo, hi, p1 - p0, col,
					                 back);
				}
}

/* As rows: (p1 - p0, channels·taps). */
static inline __attribute__((always_inline)) void
K(rows)(const struct geometry *m, T *x, size_t channels, size_t p0, size_t p1, T *row, bool back)
{
	int64_t width = m->kernel[2], step = m->dilation[2];
	for (size_t p = p0; p < p1; p++) {
		int64_t o[GD_SPATIAL], lo, hi;
		K(place)(m, p, o);
		int64_t from = o[2] * m->stride[2] - m->pad[2];
		inside(from, step, m->in[2], width, &lo, &hi);
		for (size_t c = 0; c < channels; c++)
			for (int64_t k = 0; k < m->kernel[0] * m->kernel[1]; k++, row += width) {
				int64_t d = o[0] * m->stride[0] - m->pad[0] +
				            k / m->kernel[1] * m->dilation[0];
				int64_t h = o[1] * m->stride[1] - m->pad[1] +
				            k % m->kernel[1] * m->dilation[1];
				bool some = d >= 0 && d < m->in[0] && h >= 0 && h < m->in[1];
				if (!back && (!some || lo > 0 || hi < width))
					memset(row, 0, (size_t)width * sizeof *row);
				if (!some || lo == hi)
					continue;
				T *line =
				        x + (((int64_t)c * m->in[0] + d) * m->in[1] + h) * m->in[2];
				for (int64_t i = lo; i < hi; i++) {
					if (back)
						line[from + i * step] += row[i];
					else
						row[i] = line[from + i * step];
				}
			}
	}
}
