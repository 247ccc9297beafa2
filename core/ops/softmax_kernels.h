/* softmax and log_softmax of one vector of n elements, `step` apart; for one type. */

static void K(softmax)(T *y, const T *x, size_t n, size_t step, bool log_of)
{
	T m = x[0];
	for (size_t i = 1; i < n; i++)
		m = x[i * step] > m ? x[i * step] : m;
	/* e^(x-m) never overflows; an m of +∞ gives NaN as in PyTorch. */
	double total = 0;
	for (size_t i = 0; i < n; i++) {
		T e = exp(x[i * step] - m);
		if (!log_of)
			y[i * step] = e;
		total += e;
	}
	T sum = (T)total, log_sum = (T)log(total);
	for (size_t i = 0; i < n; i++)
		y[i * step] = log_of ? x[i * step] - m - log_sum : y[i * step] / sum;
}

#undef T
#undef K
