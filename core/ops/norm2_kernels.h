/* Sums of squares of `terms` elements, `step` apart, for one type; included once for each with T
 * and K(name) defined. */

/* Pairwise, as sum_run of reduce_kernels.h. */
static double K(squares_run)(const T *x, size_t n)
{
	if (n > LEAF) {
		size_t half = n / 2 / LANES * LANES;
		return K(squares_run)(x, half) + K(squares_run)(x + half, n - half);
	}
	double lane[LANES] = {0}, rest = 0;
	size_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (int k = 0; k < LANES; k++)
			lane[k] += (double)x[i + (size_t)k] * x[i + (size_t)k];
	for (; i < n; i++)
		rest += (double)x[i] * x[i];
	for (int k = 0; k < LANES / 2; k++)
		lane[k] += lane[k + LANES / 2];
	return (lane[0] + lane[2]) + (lane[1] + lane[3]) + rest;
}

static void K(squares_columns)(double *acc, const T *x, size_t columns, size_t terms, size_t step)
{
	for (size_t i = 0; i < columns; i++)
		acc[i] = 0;
	for (size_t k = 0; k < terms; k++, x += step)
		for (size_t i = 0; i < columns; i++)
			acc[i] += (double)x[i] * x[i];
}

/* The norm of one line whose squares sum up to `sum`: once more, scaled, where that is out of the
 * range in which all of them count. */
static T K(root)(double sum, const T *x, size_t terms, size_t step)
{
	if (sum > 0x1p-900 && sum < INFINITY)
		return (T)sqrt(sum);
	double m = 0, scaled = 0;
	for (size_t k = 0; k < terms; k++) {
		double size = fabs((double)x[k * step]);
		m = size > m || size != size ? size : m;
		if (m != m)
			break;
	}
	if (m == 0 || !(m < INFINITY))
		return (T)m;
	for (size_t k = 0; k < terms; k++)
		scaled += x[k * step] / m * (x[k * step] / m);
	return (T)(m * sqrt(scaled));
}

static void K(norm2)(T *y, const T *x, size_t outer, size_t terms, size_t inner)
{
	double acc[COLUMNS];
	for (size_t o = 0; o < outer; o++, x += terms * inner)
		for (size_t c = 0; c < inner; c += COLUMNS) {
			size_t columns = inner - c < COLUMNS ? inner - c : COLUMNS;
			if (inner == 1)
				acc[0] = K(squares_run)(x, terms);
			else
				K(squares_columns)(acc, x + c, columns, terms, inner);
			for (size_t i = 0; i < columns; i++)
				*y++ = K(root)(acc[i], x + c + i, terms, inner);
		}
}

#undef T
#undef K
