/* Scans of `columns` neighbouring lines, `step` elements from one term to the next, for one type;
 * included once for each with T and K(name) defined. What is carried on is kept in double. */

static INLINE void K(cumsum)(T *y, const T *x, size_t columns, size_t terms, ptrdiff_t step)
{
	double carry[COLUMNS];
	for (size_t i = 0; i < columns; i++)
		carry[i] = 0;
	for (size_t k = 0; k < terms; k++, x += step, y += step)
		for (size_t i = 0; i < columns; i++) {
			carry[i] += x[i];
			y[i] = (T)carry[i];
		}
}

static INLINE void K(cumprod)(T *y, const T *x, size_t columns, size_t terms, ptrdiff_t step)
{
	double carry[COLUMNS];
	for (size_t i = 0; i < columns; i++)
		carry[i] = 1;
	for (size_t k = 0; k < terms; k++, x += step, y += step)
		for (size_t i = 0; i < columns; i++) {
			carry[i] *= x[i];
			y[i] = (T)carry[i];
		}
}

static INLINE void K(recurrence)(T *y, const T *a, const T *b, size_t columns, size_t terms,
                                 ptrdiff_t step)
{
	double carry[COLUMNS];
	for (size_t i = 0; i < columns && terms; i++) {
		carry[i] = b[i];
		y[i] = b[i];
	}
	for (size_t k = 1; k < terms; k++) {
		y += step, a += step, b += step;
		for (size_t i = 0; i < columns; i++) {
			carry[i] = a[i] * carry[i] + b[i];
			y[i] = (T)carry[i];
		}
	}
}

/* ln(e^m·s) with m the largest so far: s grows by e^(x-m), or shrinks where x is the new m. */
static INLINE void K(logcumsumexp)(T *y, const T *x, size_t columns, size_t terms, ptrdiff_t step)
{
	double most[COLUMNS], sum[COLUMNS];
	for (size_t i = 0; i < columns; i++) {
		most[i] = -INFINITY;
		sum[i] = 0;
	}
	for (size_t k = 0; k < terms; k++, x += step, y += step)
		for (size_t i = 0; i < columns; i++) {
			double here = x[i], m = most[i];
			if (here > m) {
				sum[i] = sum[i] * exp(m - here) + 1;
				most[i] = here;
			} else if (here > -INFINITY || here != here) {
				sum[i] += here == m ? 1 : exp(here - m);
			}
			y[i] = (T)(most[i] + log(sum[i]));
		}
}

static INLINE void K(cumargmax)(int64_t *y, const T *x, size_t columns, size_t terms,
                                ptrdiff_t step)
{
	T most[COLUMNS];
	int64_t where[COLUMNS];
	for (size_t k = 0; k < terms; k++, x += step, y += step)
		for (size_t i = 0; i < columns; i++) {
			if (k == 0 || x[i] != x[i] || x[i] >= most[i]) {
				most[i] = x[i];
				where[i] = (int64_t)k;
			}
			y[i] = where[i];
		}
}

#undef T
#undef K
