/* The loops of ctc.c for one type, T. Rows are a sample's states at one time. */

static double K(add_logs)(double a, double b, double c)
{
	double m = a > b ? a : b;
	m = c > m ? c : m;
	if (m == -INFINITY)
		return a + b + c; /* -∞, or NaN */
	return m + log(exp(a - m) + exp(b - m) + exp(c - m));
}

/* α_t(s) = log_p_t(s) + log Σ_d e^α_t-1(s - d) */
static void K(alpha)(const struct extents *e, T *y, const T *p, const uint8_t *skip)
{
	size_t step = e->samples * e->states;
	for (size_t i = 0; i < e->times * step; i++) {
		size_t s = i % e->states;
		if (i < step) {
			y[i] = s < 2 ? p[i] : (T)-INFINITY;
			continue;
		}
		const T *before = y + i - step;
		double b = s > 0 ? (double)before[-1] : -INFINITY;
		double c = s > 1 && skip[i % step] ? (double)before[-2] : -INFINITY;
		y[i] = (T)((double)p[i] + K(add_logs)((double)before[0], b, c));
	}
}

/* h_t(s) = u_t(s) + Σ_d q_dt(s)·h_t-1(s - d); a q of 0 keeps out whatever h is. */
static void K(along)(const struct extents *e, T *h, const T *q, const T *u)
{
	size_t step = e->samples * e->states, all = (e->times - 1) * step;
	for (size_t i = 0; i < e->times * step; i++) {
		double sum = (double)u[i];
		for (size_t d = 0; i >= step && d < 3 && d <= i % e->states; d++) {
			double weight = (double)q[d * all + i - step];
			sum += weight != 0 ? weight * (double)h[i - step - d] : 0;
		}
		h[i] = (T)sum;
	}
}

/* h_t-1(s) = v_t-1(s) + Σ_d q_dt(s + d)·h_t(s + d) */
static void K(back)(const struct extents *e, T *h, const T *q, const T *v)
{
	size_t step = e->samples * e->states, all = (e->times - 1) * step;
	for (size_t i = e->times * step; i-- > 0;) {
		double sum = (double)v[i];
		for (size_t d = 0; i < all && d < 3 && i % e->states + d < e->states; d++) {
			double weight = (double)q[d * all + i + d];
			sum += weight != 0 ? weight * (double)h[i + step + d] : 0;
		}
		h[i] = (T)sum;
	}
}

#undef T
#undef K
