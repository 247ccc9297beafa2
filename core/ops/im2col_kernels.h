/* Windows laid side by side, and added back, for one type; included once for each with T and
 * K(name) defined. x is `channels` channels of one image; positions p0 ≤ p < p1 of the result. */

/* n elements of x, `step` apart, to or (with back) added from the dense `col`. */
static inline __attribute__((always_inline)) void K(run)(T *x, int64_t step, T *col, int64_t n,
                                                         bool back)
{
	if (!back && step == 1)
		memcpy(col, x, (size_t)n * sizeof *x);
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

/* As columns: col is (channels·taps, p1 - p0), filled from x or, with back, added to it. */
static inline __attribute__((always_inline)) void
K(columns)(const struct geometry *m, T *x, size_t channels, size_t p0, size_t p1, T *col, bool back)
{
	int64_t width = m->out[2], stride = m->stride[2];
	for (size_t c = 0; c < channels; c++, x += m->in_size)
		for (int64_t k = 0; k < (int64_t)m->taps; k++) {
			int64_t kw = k % m->kernel[2], kh = k / m->kernel[2] % m->kernel[1],
			        kd = k / m->kernel[2] / m->kernel[1], lo, hi;
			int64_t from = kw * m->dilation[2] - m->pad[2];
			inside(from, stride, m->in[2], width, &lo, &hi);
			int64_t row = (int64_t)p0 / width, begin = (int64_t)p0 % width;
			for (size_t p = p0; p < p1; row++, begin = 0) {
				int64_t left = begin + (int64_t)(p1 - p);
				int64_t end = left < width ? left : width;
				int64_t d = row / m->out[1] * m->stride[0] - m->pad[0] +
				            kd * m->dilation[0];
				int64_t h = row % m->out[1] * m->stride[1] - m->pad[1] +
				            kh * m->dilation[1];
				int64_t a = lo > begin ? lo : begin, b = hi < end ? hi : end;
				if (d < 0 || d >= m->in[0] || h < 0 || h >= m->in[1] || a >= b)
					a = b = end;
				for (int64_t i = 0; i < a - begin && !back; i++)
					col[i] = 0;
				if (a < b)
					K(run)
				(x + ((d * m->in[1] + h) * m->in[2] + from + a * stride), stride,
				 col + (a - begin), b - a, back);
				for (int64_t i = b - begin; i < end - begin && !back; i++)
					col[i] = 0;
				col += end - begin;
				p += (size_t)(end - begin);
			}
		}
}

/* As rows: (p1 - p0, channels·taps). */
static inline __attribute__((always_inline)) void
K(rows)(const struct geometry *m, T *x, size_t channels, size_t p0, size_t p1, T *row, bool back)
{
	int64_t width = m->kernel[2], step = m->dilation[2];
	for (size_t p = p0; p < p1; p++) {
		int64_t ow = (int64_t)p % m->out[2], oh = (int64_t)p / m->out[2] % m->out[1],
		        od = (int64_t)p / m->out[2] / m->out[1], lo, hi;
		int64_t from = ow * m->stride[2] - m->pad[2];
		inside(from, step, m->in[2], width, &lo, &hi);
		for (size_t c = 0; c < channels; c++)
			for (int64_t k = 0; k < m->kernel[0] * m->kernel[1]; k++, row += width) {
				int64_t d = od * m->stride[0] - m->pad[0] +
				            k / m->kernel[1] * m->dilation[0];
				int64_t h = oh * m->stride[1] - m->pad[1] +
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
