/* y = A·x along one axis for one type, x being (outer, in, inner); included once for each with T
 * and K(name) defined. Row o of A has its count[o] weights at columns first[o], … */

/* Sums of one or two neighbours each, as windows that do not overlap have them. */
static void K(short_sums)(const struct gd_taps *t, size_t outer, const T *x, T *y)
{
	const int64_t *first = t->first;
	bool pairs = t->count[0] == 2;
	for (size_t k = 0; k < outer; k++, x += t->in, y += t->out)
		for (int64_t o = 0; o < t->out; o++)
			y[o] = pairs ? x[first[o]] + x[first[o] + 1] : x[first[o]];
}

static void K(resample)(const struct gd_taps *t, size_t outer, size_t inner, const T *x, T *y)
{
	bool alike = !t->weight && inner == 1 && t->count[0] > 0 && t->count[0] <= 2;
	for (int64_t o = 0; o < t->out; o++)
		alike = alike && t->count[o] == t->count[0];
	if (alike) {
		K(short_sums)(t, outer, x, y);
		return;
	}
	for (size_t k = 0; k < outer; k++, x += (size_t)t->in * inner)
		for (int64_t o = 0; o < t->out; o++, y += inner) {
			const T *from = x + (size_t)t->first[o] * inner;
			const double *weight = t->weight ? t->weight + t->at[o] : NULL;
			int64_t n = t->count[o];
			if (inner == 1) {
				double sum = 0;
				for (int64_t i = 0; i < n; i++)
					sum += weight ? weight[i] * (double)from[i]
					              : (double)from[i];
				*y = (T)sum;
				continue;
			}
			if (n == 0)
				memset(y, 0, inner * sizeof *y);
			for (int64_t i = 0; i < n; i++, from += inner) {
				T w = weight ? (T)weight[i] : 1;
				if (i == 0)
					for (size_t j = 0; j < inner; j++)
						y[j] = w * from[j];
				else
					for (size_t j = 0; j < inner; j++)
						y[j] += w * from[j];
			}
		}
}
