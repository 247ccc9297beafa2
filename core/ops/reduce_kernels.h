/* Sums and maxima over one run of elements, for one type; included once for each with T and K(name)
 * defined. A column walk keeps one accumulator a column, in double for both types. */

enum { K(LANES) = 8, K(LEAF) = 128 };

/* Pairwise: the error grows with log n. Source: Higham, Accuracy and Stability, section 4.2. */
static double K(sum_run)(const T *x, size_t n)
{
	if (n > K(LEAF)) {
		size_t half = n / 2 / K(LANES) * K(LANES);
		return K(sum_run)(x, half) + K(sum_run)(x + half, n - half);
	}
	double lane[K(LANES)] = {0};
	size_t i = 0;
	for (; i + K(LANES) <= n; i += K(LANES))
		for (int k = 0; k < K(LANES); k++)
			lane[k] += x[i + (size_t)k];
	double rest = 0;
	for (; i < n; i++)
		rest += x[i];
	for (int k = 0; k < K(LANES) / 2; k++)
		lane[k] += lane[k + K(LANES) / 2];
	return (lane[0] + lane[2]) + (lane[1] + lane[3]) + rest;
}

static double K(max_run)(const T *x, size_t n)
{
	T m = x[0];
	for (size_t i = 1; i < n; i++)
		m = x[i] > m || x[i] != x[i] ? x[i] : m;
	return m;
}

static void K(sum_columns)(double *acc, const T *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		acc[i] += x[i];
}

static void K(max_columns)(double *acc, const T *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		acc[i] = x[i] > acc[i] || x[i] != x[i] ? x[i] : acc[i];
}

static void K(reduce)(struct gd_node *y, const struct plan *p, bool max)
{
	const T *base = y->in[0]->data;
	T *out = y->data;
	struct walk kept, cut;
	walk_init(&kept, p->n_kept, p->kept_extent, p->kept_stride);
	for (size_t o = 0; o < p->outer; o++, walk_next(&kept)) {
		walk_init(&cut, p->n_cut, p->cut_extent, p->cut_stride);
		if (p->inner_is_cut) {
			double total = max ? (double)base[kept.offset] : 0;
			for (size_t r = 0; r < p->rows; r++, walk_next(&cut)) {
				const T *x = base + kept.offset + cut.offset;
				if (!max)
					total += K(sum_run)(x, p->inner);
				else if (total == total) {
					double m = K(max_run)(x, p->inner);
					total = m > total || m != m ? m : total;
				}
			}
			out[o] = (T)total;
			continue;
		}
		for (size_t begin = 0; begin < p->inner; begin += COLUMNS) {
			size_t n = p->inner - begin < COLUMNS ? p->inner - begin : COLUMNS;
			double acc[COLUMNS];
			walk_init(&cut, p->n_cut, p->cut_extent, p->cut_stride);
			for (size_t i = 0; i < n; i++)
				acc[i] = max ? (double)-INFINITY : 0;
			for (size_t r = 0; r < p->rows; r++, walk_next(&cut)) {
				const T *x = base + kept.offset + cut.offset + begin;
				(max ? K(max_columns) : K(sum_columns))(acc, x, n);
			}
			for (size_t i = 0; i < n; i++)
				out[o * p->inner + begin + i] = (T)acc[i];
		}
	}
}

#undef T
#undef K
