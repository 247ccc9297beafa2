/* softmax and log_softmax of one vector of n elements, `step` apart; for one type. */

/* Some sums and maxima at once, whose places in the vector are fixed, so that the result is. */
enum { K(LANES) = 8 };

static T K(largest)(const T *x, size_t n)
{
	T m[K(LANES)];
	size_t i = 0;
	for (int k = 0; k < K(LANES); k++)
		m[k] = x[0];
	for (; i + K(LANES) <= n; i += K(LANES))
		for (int k = 0; k < K(LANES); k++)
			m[k] = x[i + (size_t)k] > m[k] ? x[i + (size_t)k] : m[k];
	for (; i < n; i++)
		m[0] = x[i] > m[0] ? x[i] : m[0];
	for (int k = 1; k < K(LANES); k++)
		m[0] = m[k] > m[0] ? m[k] : m[0];
	return m[0];
}

static double K(total)(const T *x, size_t n)
{
	double lane[K(LANES)] = {0};
	size_t i = 0;
	for (; i + K(LANES) <= n; i += K(LANES))
		for (int k = 0; k < K(LANES); k++)
			lane[k] += x[i + (size_t)k];
	for (; i < n; i++)
		lane[0] += x[i];
	for (int k = 0; k < K(LANES) / 2; k++)
		lane[k] += lane[k + K(LANES) / 2];
	return (lane[0] + lane[2]) + (lane[1] + lane[3]);
}

/* e^(x-m) never overflows; an m of +∞ gives NaN as in PyTorch. */
static void K(exponentials)(T *y, const T *x, size_t n, T m)
{
	for (size_t i = 0; i < n; i++)
		y[i] = exp(x[i] - m);
}

static void K(dense)(T *y, const T *x, size_t n, bool log_of)
{
	T m = K(largest)(x, n), part[256];
	if (log_of) {
		double total = 0;
		for (size_t i = 0; i < n; i += 256) {
			size_t some = n - i < 256 ? n - i : 256;
			K(exponentials)(part, x + i, some, m);
			total += K(total)(part, some);
		}
		T log_sum = (T)log(total);
		for (size_t i = 0; i < n; i++)
			y[i] = x[i] - m - log_sum;
		return;
	}
	K(exponentials)(y, x, n, m);
	T sum = (T)K(total)(y, n);
	for (size_t i = 0; i < n; i++)
		y[i] = y[i] / sum;
}

static void K(softmax)(void *out, const void *in, size_t n, size_t step, bool log_of)
{
	T *y = out;
	const T *x = in;
	if (step == 1) {
		K(dense)(y, x, n, log_of);
		return;
	}
	T m = x[0];
	for (size_t i = 1; i < n; i++)
		m = x[i * step] > m ? x[i * step] : m;
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
