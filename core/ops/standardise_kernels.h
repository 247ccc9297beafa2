/* The loops of standardise.c for one type; included once for each with T and K(name) defined.
 * Sums are kept in double for both types. */

#ifndef GD_STANDARDISE_LAYOUT
#define GD_STANDARDISE_LAYOUT
struct layout {
	size_t outer, groups, inner;
	bool columns; /* inner is 1: many groups side by side are one loop */
};
#endif

/* --- one group: `outer` runs of `inner` elements ------------------------------------------ */

static double K(total)(const double *lane)
{
	return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
	       ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

static struct moments K(moments)(struct layout l, double eps, const T *x)
{
	double n = (double)l.outer * (double)l.inner, sum[LANES] = {0}, rest[LANES] = {0},
	       squares[LANES] = {0};
	size_t stride = l.groups * l.inner;
	for (size_t o = 0; o < l.outer; o++) {
		const T *p = x + o * stride;
		size_t i = 0;
		for (; i + LANES <= l.inner; i += LANES)
			for (size_t k = 0; k < LANES; k++)
				sum[k] += p[i + k];
		for (; i < l.inner; i++)
			sum[i % LANES] += p[i];
	}
	double mean = n ? K(total)(sum) / n : 0;
	for (size_t o = 0; o < l.outer; o++) {
		const T *p = x + o * stride;
		size_t i = 0;
		for (; i + LANES <= l.inner; i += LANES)
			for (size_t k = 0; k < LANES; k++) {
				double d = p[i + k] - mean;
				rest[k] += d;
				squares[k] += d * d;
			}
		for (; i < l.inner; i++) {
			double d = p[i] - mean;
			rest[i % LANES] += d;
			squares[i % LANES] += d * d;
		}
	}
	double more = n ? K(total)(rest) / n : 0, v = n ? K(total)(squares) / n - more * more : 0;
	return (struct moments){mean, more, 1 / sqrt((v < 0 ? 0 : v) + eps)};
}

/* --- groups that are columns: up to COLUMNS of them, row by row ----------------------------- */

static void K(column_moments)(struct layout l, double eps, const T *x, size_t n, struct moments *m)
{
	double sum[COLUMNS] = {0}, rest[COLUMNS] = {0}, squares[COLUMNS] = {0};
	double rows = (double)l.outer;
	for (size_t o = 0; o < l.outer; o++)
		for (size_t i = 0; i < n; i++)
			sum[i] += x[o * l.groups + i];
	for (size_t i = 0; i < n; i++)
		sum[i] /= rows;
	for (size_t o = 0; o < l.outer; o++)
		for (size_t i = 0; i < n; i++) {
			double d = x[o * l.groups + i] - sum[i];
			rest[i] += d;
			squares[i] += d * d;
		}
	for (size_t i = 0; i < n; i++) {
		double more = rest[i] / rows, v = squares[i] / rows - more * more;
		m[i] = (struct moments){sum[i], more, 1 / sqrt((v < 0 ? 0 : v) + eps)};
	}
}

static size_t K(columns_at)(struct layout l, size_t begin)
{
	return l.groups - begin < COLUMNS ? l.groups - begin : COLUMNS;
}

/* --- kernels ------------------------------------------------------------------------------ */

static void K(rstd)(struct layout l, double eps, const T *x, T *r)
{
	struct moments m[COLUMNS];
	for (size_t c = 0; !l.columns && c < l.groups; c++)
		r[c] = (T)K(moments)(l, eps, x + c * l.inner).rstd;
	for (size_t c = 0; l.columns && c < l.groups; c += COLUMNS) {
		size_t n = K(columns_at)(l, c);
		K(column_moments)(l, eps, x + c, n, m);
		for (size_t i = 0; i < n; i++)
			r[c + i] = (T)m[i].rstd;
	}
}

static void K(standardise)(struct layout l, double eps, const T *x, T *y)
{
	struct moments m[COLUMNS];
	size_t stride = l.groups * l.inner;
	for (size_t c = 0; !l.columns && c < l.groups; c++) {
		m[0] = K(moments)(l, eps, x + c * l.inner);
		for (size_t o = 0; o < l.outer; o++)
			for (size_t i = o * stride + c * l.inner;
			     i < o * stride + (c + 1) * l.inner; i++)
				y[i] = (T)((x[i] - m[0].mean - m[0].rest) * m[0].rstd);
	}
	for (size_t c = 0; l.columns && c < l.groups; c += COLUMNS) {
		size_t n = K(columns_at)(l, c);
		K(column_moments)(l, eps, x + c, n, m);
		for (size_t o = 0; o < l.outer; o++)
			for (size_t i = 0, at = o * stride + c; i < n; i++, at++)
				y[at] = (T)((x[at] - m[i].mean - m[i].rest) * m[i].rstd);
	}
}

/* z = r·(u - mean(u) - y·mean(u·y)) */
static void K(restore)(struct layout l, const T *y, const T *r, const T *u, T *z)
{
	size_t stride = l.groups * l.inner;
	double n = (double)l.outer * (double)l.inner;
	for (size_t c = 0; !l.columns && c < l.groups; c++) {
		double a[LANES] = {0}, b[LANES] = {0}, scale = r[c];
		for (size_t o = 0; o < l.outer; o++) {
			const T *pu = u + o * stride + c * l.inner,
			        *py = y + o * stride + c * l.inner;
			size_t i = 0;
			for (; i + LANES <= l.inner; i += LANES)
				for (size_t k = 0; k < LANES; k++) {
					a[k] += pu[i + k];
					b[k] += (double)pu[i + k] * py[i + k];
				}
			for (; i < l.inner; i++) {
				a[i % LANES] += pu[i];
				b[i % LANES] += (double)pu[i] * py[i];
			}
		}
		double mean_u = K(total)(a) / n, mean_uy = K(total)(b) / n;
		for (size_t o = 0; o < l.outer; o++)
			for (size_t i = o * stride + c * l.inner;
			     i < o * stride + (c + 1) * l.inner; i++)
				z[i] = (T)(scale * (u[i] - mean_u - y[i] * mean_uy));
	}
	for (size_t c = 0; l.columns && c < l.groups; c += COLUMNS) {
		double a[COLUMNS] = {0}, b[COLUMNS] = {0};
		size_t width = K(columns_at)(l, c);
		for (size_t o = 0; o < l.outer; o++)
			for (size_t i = 0, at = o * stride + c; i < width; i++, at++) {
				a[i] += u[at];
				b[i] += (double)u[at] * y[at];
			}
		for (size_t o = 0; o < l.outer; o++)
			for (size_t i = 0, at = o * stride + c; i < width; i++, at++)
				z[at] = (T)(r[c + i] * (u[at] - a[i] / n - y[at] * (b[i] / n)));
	}
}

#undef T
#undef K
