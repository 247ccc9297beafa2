/* The largest element of each window, for one type; included once for each with T, its BITS
 * and K(name) defined. x is one row, `line` one of its lines; a block of positions along the last
 * axis, from w0 on, is looked at together. */

/* Positions a ≤ w < b of a block: is x[w·stride] larger than what was found before? The first of
 * the largest stays; as in PyTorch, the last of the NaNs. */
static inline __attribute__((always_inline)) void K(larger)(const T *x, int64_t index,
                                                            int64_t stride, int64_t a, int64_t b,
                                                            T *restrict most, int64_t *restrict at)
{
	for (int64_t w = a; w < b; w++) {
		/* Branches on random numbers cost more than all the rest: choose by bits. */
		union {
			T value;
			BITS bits;
		} v = {x[index + w * stride]}, best = {most[w]};
		int64_t more = -(int64_t)((v.value > best.value) | (v.value != v.value));
		best.bits ^= (best.bits ^ v.bits) & (BITS)more;
		most[w] = best.value;
		at[w] ^= (at[w] ^ (index + w * stride)) & more;
	}
}

/* How many elements are as large as the largest. */
static inline __attribute__((always_inline)) void K(as_large)(const T *x, int64_t index,
                                                              int64_t stride, int64_t a, int64_t b,
                                                              const T *restrict most,
                                                              T *restrict equal)
{
	for (int64_t w = a; w < b; w++)
		equal[w] += x[index + w * stride] == most[w] ? 1 : 0;
}

/* One of the two above, for the n positions from w0 on and what they see of a line. */
static inline __attribute__((always_inline)) void K(look)(const struct windows *m, const T *x,
                                                          int64_t line, int64_t w0, int64_t n,
                                                          T *most, int64_t *at, T *equal)
{
#define LOOK(index, stride, a, b)                                                                  \
	do {                                                                                       \
		if (equal)                                                                         \
			K(as_large)(x, index, stride, a, b, most, equal);                          \
		else                                                                               \
			K(larger)(x, index, stride, a, b, most, at);                               \
	} while (0)
	for (int64_t k = 0; m->stride && k < m->kernel; k++) {
		int64_t a, b, from = k * m->step[2] - m->pad;
		inside(from, m->stride, m->in[2], m->out[2], &a, &b);
		a = a > w0 ? a - w0 : 0;
		b = b - w0 < n ? b - w0 : n;
		if (a >= b)
			continue;
		if (m->stride == 1)
			LOOK(line + from + w0, 1, a, b);
		else if (m->stride == 2)
			LOOK(line + from + w0 * 2, 2, a, b);
		else
			LOOK(line + from + w0 * m->stride, m->stride, a, b);
	}
	for (int64_t w = 0; !m->stride && w < n; w++)
		for (int64_t i = m->first[2][w0 + w]; i < m->end[2][w0 + w]; i += m->step[2])
			LOOK(line + i, 0, w, w + 1);
#undef LOOK
}

/* Small square windows in a plane, the commonest: `small` × `small` for all positions of a line, in
 * registers. Looks for the largest, or with `ties` for those as large. */
static inline __attribute__((always_inline)) void
K(square)(const T *x, int64_t width, int64_t stride, int64_t small, int64_t top, int64_t n,
          int64_t *restrict index, uint8_t *restrict ties)
{
	for (int64_t w = 0; w < n; w++) {
		int64_t at = top + w * stride, equal = 0;
		T most = ties ? x[index[w]] : (T)-INFINITY;
		for (int64_t j = 0; j < small; j++)
			for (int64_t k = 0; k < small; k++) {
				int64_t here = top + w * stride + j * width + k;
				if (ties)
					equal += x[here] == most;
				else
					K(larger)(x, here, 0, 0, 1, &most, &at);
			}
		if (ties)
			ties[w] = equal > 1;
		else
			index[w] = at;
	}
}

/* Is line h of a result done in this way? */
static bool K(squares)(const struct windows *m, const T *x, int64_t d, int64_t h, int64_t *index,
                       uint8_t *ties)
{
	int64_t small = m->kernel, top = (m->first[0][d] * m->in[1] + m->first[1][h]) * m->in[2];
	if (!m->stride || m->pad || (small != 2 && small != 3) || m->step[1] != 1 ||
	    m->step[2] != 1 || m->end[0][d] - m->first[0][d] != 1 ||
	    m->end[1][h] - m->first[1][h] != small || m->first[2][m->out[2] - 1] + small > m->in[2])
		return false;
#define SQUARE(small, ties) K(square)(x, m->in[2], m->stride, small, top, m->out[2], index, ties)
	if (small == 2 && ties)
		SQUARE(2, ties);
	else if (small == 2)
		SQUARE(2, NULL);
	else if (ties)
		SQUARE(3, ties);
	else
		SQUARE(3, NULL);
#undef SQUARE
	return true;
}

static void K(max_index)(const struct windows *m, const void *row, int64_t *index)
{
	const T *x = row;
	T most[LINE];
	for (int64_t d = 0; d < m->out[0]; d++)
		for (int64_t h = 0; h < m->out[1]; h++) {
			if (m->out[2] && K(squares)(m, x, d, h, index, NULL)) {
				index += m->out[2];
				continue;
			}
			for (int64_t w0 = 0, n; w0 < m->out[2]; w0 += n, index += n) {
				n = m->out[2] - w0 < LINE ? m->out[2] - w0 : LINE;
				int64_t top =
				        (m->first[0][d] * m->in[1] + m->first[1][h]) * m->in[2];
				for (int64_t w = 0; w < n; w++) {
					most[w] = (T)-INFINITY;
					index[w] = top + m->first[2][w0 + w];
				}
				for (int64_t i = m->first[0][d]; i < m->end[0][d]; i += m->step[0])
					for (int64_t j = m->first[1][h]; j < m->end[1][h];
					     j += m->step[1]) {
						int64_t line = (i * m->in[1] + j) * m->in[2];
						K(look)(m, x, line, w0, n, most, index, NULL);
					}
			}
		}
}

static void K(max_ties)(const struct windows *m, const void *row, const int64_t *index,
                        uint8_t *ties)
{
	const T *x = row;
	T most[LINE], equal[LINE];
	for (int64_t d = 0; d < m->out[0]; d++)
		for (int64_t h = 0; h < m->out[1]; h++) {
			if (m->out[2] && K(squares)(m, x, d, h, (int64_t *)index, ties)) {
				index += m->out[2];
				ties += m->out[2];
				continue;
			}
			for (int64_t w0 = 0, n; w0 < m->out[2]; w0 += n, index += n, ties += n) {
				n = m->out[2] - w0 < LINE ? m->out[2] - w0 : LINE;
				for (int64_t w = 0; w < n; w++) {
					most[w] = x[index[w]];
					equal[w] = 0;
				}
				for (int64_t i = m->first[0][d]; i < m->end[0][d]; i += m->step[0])
					for (int64_t j = m->first[1][h]; j < m->end[1][h];
					     j += m->step[1]) {
						int64_t line = (i * m->in[1] + j) * m->in[2];
						K(look)(m, x, line, w0, n, most, NULL, equal);
					}
				for (int64_t w = 0; w < n; w++)
					ties[w] = equal[w] > 1;
			}
		}
}
