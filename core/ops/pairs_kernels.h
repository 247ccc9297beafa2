/* The loops of pairs.c for one type, T; K(name) names them. Differences and sums are in double. */

/* f[k] = φ(a[k] - c[k]), n ≤ BLOCK of them. */
static void K(phi)(double *f, const T *a, const T *c, size_t n, enum gd_phi phi, double q)
{
#define EACH(expression)                                                                           \
	for (size_t k = 0; k < n; k++) {                                                           \
		double x = (double)a[k] - (double)c[k];                                            \
		f[k] = (expression);                                                               \
	}
	if (phi == GD_PHI_ZERO)
		EACH(x == 0)
	else if (q == 0 && phi == GD_PHI_EVEN)
		EACH(x == x ? 1 : x)
	else if (q == 0)
		EACH((double)((x > 0) - (x < 0)))
	else if (q == 1 && phi == GD_PHI_EVEN)
		EACH(fabs(x))
	else if (q == 1)
		EACH(x)
	else if (q == 2 && phi == GD_PHI_EVEN)
		EACH(x * x)
	else if (phi == GD_PHI_EVEN)
		EACH(x == 0 ? 0 : pow(fabs(x), q))
	else
		EACH(x == 0 ? 0 : copysign(pow(fabs(x), q), x))
#undef EACH
}

/* A weight of 0 keeps what it weighs out, be it a NaN. */
static void K(weigh)(double *f, const T *weight, size_t n)
{
	for (size_t k = 0; weight && k < n; k++)
		f[k] = weight[k] != 0 ? f[k] * (double)weight[k] : 0;
}

static double K(total)(const double *f, size_t n)
{
	double lane[4] = {0};
	size_t k = 0;
	for (; k + 4 <= n; k += 4)
		for (size_t l = 0; l < 4; l++)
			lane[l] += f[k + l];
	for (; k < n; k++)
		lane[0] += f[k];
	return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

/* Σ (a - c)², and sum += weight·(a - c): what Euclidean distances and their gradients are made of.
 */
static double K(square_distance)(const T *a, const T *c, size_t n)
{
	double lane[8] = {0};
	size_t k = 0;
	for (; k + 8 <= n; k += 8)
		for (size_t l = 0; l < 8; l++) {
			double x = (double)a[k + l] - (double)c[k + l];
			lane[l] += x * x;
		}
	for (; k < n; k++)
		lane[0] += ((double)a[k] - (double)c[k]) * ((double)a[k] - (double)c[k]);
	return K(total)(lane, 8);
}

static void K(add_difference)(double *sum, double weight, const T *a, const T *c, size_t n)
{
	for (size_t l = 0; l < n; l++)
		sum[l] += weight * ((double)a[l] - (double)c[l]);
}

/* y_ij = Σ_k u_ik·v_jk·φ(a_ik - c_jk) */
static void K(pair_sums)(const struct extents *e, T *y, const T *a, const T *c, const T *u,
                         const T *v, enum gd_phi phi, double q)
{
	double f[BLOCK];
	bool squares = phi == GD_PHI_EVEN && q == 2 && !u && !v;
	for (size_t i = 0; i < e->n; i++)
		for (size_t j = 0; j < e->m; j++) {
			double sum = 0;
			if (squares) {
				sum = K(square_distance)(a + i * e->d, c + j * e->d, e->d);
				y[i * e->m + j] = (T)sum;
				continue;
			}
			for (size_t k = 0; k < e->d; k += BLOCK) {
				size_t n = e->d - k < BLOCK ? e->d - k : BLOCK;
				K(phi)(f, a + i * e->d + k, c + j * e->d + k, n, phi, q);
				K(weigh)(f, u ? u + i * e->d + k : NULL, n);
				K(weigh)(f, v ? v + j * e->d + k : NULL, n);
				sum += K(total)(f, n);
			}
			y[i * e->m + j] = (T)sum;
		}
}

/* y_ik = Σ_j w_ij·v_jk·φ(a_ik - c_jk) */
static void K(row_sums)(const struct extents *e, T *y, const T *a, const T *c, const T *w,
                        const T *v, enum gd_phi phi, double q)
{
	double f[BLOCK], sum[BLOCK];
	bool differences = phi == GD_PHI_ODD && q == 1 && !v;
	for (size_t i = 0; i < e->n; i++)
		for (size_t k = 0; k < e->d; k += BLOCK) {
			size_t n = e->d - k < BLOCK ? e->d - k : BLOCK;
			for (size_t l = 0; l < n; l++)
				sum[l] = 0;
			for (size_t j = 0; j < e->m; j++) {
				double weight = (double)w[i * e->m + j];
				if (weight == 0)
					continue;
				if (differences) {
					K(add_difference)
					(sum, weight, a + i * e->d + k, c + j * e->d + k, n);
					continue;
				}
				K(phi)(f, a + i * e->d + k, c + j * e->d + k, n, phi, q);
				K(weigh)(f, v ? v + j * e->d + k : NULL, n);
				for (size_t l = 0; l < n; l++)
					sum[l] += weight * f[l];
			}
			for (size_t l = 0; l < n; l++)
				y[i * e->d + k + l] = (T)sum[l];
		}
}

#undef T
#undef K
