/* The wrappers of LAPACK: results by what defines them, in every shape, and nothing written beyond
 * the rooms that they say they need. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/lapack.h"
#include "core/ops/matrix.h"
#include "tests/core/lab.h"
#include "tests/support/test.h"

enum { GUARD = 128 };

/* `bytes` with marks behind them; check_free looks whether they are still there. */
static void *guarded(size_t bytes)
{
	unsigned char *p = malloc(bytes + GUARD);
	ck_assert_ptr_nonnull(p);
	memset(p, 0x5a, bytes + GUARD);
	return p;
}

static void check_free(void *p, size_t bytes)
{
	const unsigned char *end = (unsigned char *)p + bytes;
	for (int i = 0; i < GUARD; i++)
		ck_assert_msg(end[i] == 0x5a, "byte %d behind %zu was written", i, bytes);
	free(p);
}

static void set(enum gd_dtype t, void *x, size_t i, double value)
{
	gd_fill(t, 1, (char *)x + i * gd_dtype_size(t), value);
}

static void *random_matrix(struct lab *l, enum gd_dtype t, int m, int n, size_t bytes)
{
	void *a = guarded(bytes);
	for (size_t i = 0; i < (size_t)m * (size_t)n; i++)
		set(t, a, i, lab_uniform(l, -1, 1));
	return a;
}

/* Largest |Σ_k x_ik·s_k·y_kj - a_ij|, all column-major; s may be NULL for ones. */
static double distance(enum gd_dtype t, int m, int n, int k, const void *x, const void *s,
                       const void *y, int rows_of_y, const void *a)
{
	double worst = 0;
	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++) {
			double sum = 0;
			for (int p = 0; p < k; p++)
				sum += gd_element(t, x, (size_t)(p * m + i)) *
				       (s ? gd_element(t, s, (size_t)p) : 1) *
				       gd_element(t, y, (size_t)(j * rows_of_y + p));
			worst = fmax(worst, fabs(sum - gd_element(t, a, (size_t)(j * m + i))));
		}
	return worst;
}

static const int sizes[] = {1, 2, 3, 7, 16, 33, 64, 65, 130};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

static int widths(void)
{
	return getenv("GD_QUICK") ? N_SIZES - 3 : N_SIZES;
}

static enum gd_dtype dtype_of(int i)
{
	return i % 2 ? GD_FLOAT32 : GD_FLOAT64;
}

static double room_for_error(enum gd_dtype t)
{
	return t == GD_FLOAT64 ? 1e-11 : 5e-3;
}

START_TEST(svd_of_every_shape)
{
	struct lab l;
	enum gd_dtype t = dtype_of(_i);
	size_t size = gd_dtype_size(t);
	int m = sizes[_i / 2];
	lab_init(&l, t);
	for (int which = 0; which < 2 * widths(); which++) {
		int n = sizes[which / 2], k = m < n ? m : n;
		bool full = which % 2;
		int q = full ? m : k, p = full ? n : k;
		size_t bytes[5] = {(size_t)m * (size_t)n * size, (size_t)k * size,
		                   (size_t)m * (size_t)q * size, (size_t)p * (size_t)n * size,
		                   gd_svd_room(t, full, m, n)};
		void *a = random_matrix(&l, t, m, n, bytes[0]), *copy = guarded(bytes[0]);
		memcpy(copy, a, bytes[0]);
		void *s = guarded(bytes[1]), *u = guarded(bytes[2]), *vt = guarded(bytes[3]);
		void *work = guarded(bytes[4]);
		ck_assert_int_eq(gd_svd_factor(t, full, m, n, a, s, u, vt, work, bytes[4]), 0);
		ck_assert_double_le(distance(t, m, n, k, u, s, vt, p, copy), room_for_error(t));
		check_free(a, bytes[0]);
		check_free(copy, bytes[0]);
		check_free(s, bytes[1]);
		check_free(u, bytes[2]);
		check_free(vt, bytes[3]);
		check_free(work, bytes[4]);
	}
	lab_release(&l);
}
END_TEST

START_TEST(qr_of_every_shape)
{
	struct lab l;
	enum gd_dtype t = dtype_of(_i);
	size_t size = gd_dtype_size(t);
	int m = sizes[_i / 2];
	lab_init(&l, t);
	for (int which = 0; which < 2 * widths(); which++) {
		int n = sizes[which / 2], q = which % 2 || m < n ? m : n;
		size_t count = (size_t)m * (size_t)n, wide = (size_t)m * (size_t)(n > q ? n : q);
		size_t room = gd_qr_room(t, m, n, q);
		void *a = random_matrix(&l, t, m, n, wide * size), *work = guarded(room);
		void *copy = guarded(count * size), *r = guarded((size_t)(q * n) * size);
		memcpy(copy, a, count * size);
		gd_qr_reflectors(t, m, n, a, work, room);
		for (int j = 0; j < n; j++)
			for (int i = 0; i < q; i++)
				set(t, r, (size_t)(j * q + i),
				    i <= j ? gd_element(t, a, (size_t)(j * m + i)) : 0);
		gd_qr_q(t, m, n, q, a, work, room);
		ck_assert_double_le(distance(t, m, n, q, a, NULL, r, q, copy), room_for_error(t));
		check_free(a, wide * size);
		check_free(work, room);
		check_free(copy, count * size);
		check_free(r, (size_t)(q * n) * size);
	}
	lab_release(&l);
}
END_TEST

START_TEST(eigenvectors_of_every_size)
{
	struct lab l;
	enum gd_dtype t = dtype_of(_i);
	int n = sizes[_i / 2];
	lab_init(&l, t);
	for (int upper = 0; upper < 2; upper++) {
		size_t bytes = (size_t)n * (size_t)n * gd_dtype_size(t), room = gd_eigh_room(t, n);
		size_t row = (size_t)n * gd_dtype_size(t);
		void *a = random_matrix(&l, t, n, n, bytes), *copy = guarded(bytes);
		void *values = guarded(row), *work = guarded(room), *vt = guarded(bytes);
		for (int j = 0; j < n; j++)
			for (int i = 0; i < n; i++) {
				int at = (upper ? i <= j : i >= j) ? j * n + i : i * n + j;
				set(t, copy, (size_t)(j * n + i), gd_element(t, a, (size_t)at));
			}
		ck_assert_int_eq(gd_eigh_factor(t, upper, n, a, values, work, room), 0);
		gd_transposed(t, (size_t)n, (size_t)n, a, vt);
		ck_assert_double_le(distance(t, n, n, n, a, values, vt, n, copy),
		                    room_for_error(t));
		check_free(a, bytes);
		check_free(copy, bytes);
		check_free(values, row);
		check_free(work, room);
		check_free(vt, bytes);
	}
	lab_release(&l);
}
END_TEST

START_TEST(lu_of_every_size)
{
	struct lab l;
	enum gd_dtype t = dtype_of(_i);
	int n = sizes[_i / 2];
	size_t bytes = (size_t)n * (size_t)n * gd_dtype_size(t);
	lab_init(&l, t);
	void *a = random_matrix(&l, t, n, n, bytes), *lu = guarded(bytes), *x = guarded(bytes);
	void *inverse = guarded(bytes), *one = guarded(bytes);
	size_t pivots = (size_t)n * sizeof(int),
	       rooms[2] = {gd_lu_inverse_room(t, n), gd_lu_rcond_room(t, n)};
	int *pivot = guarded(pivots);
	void *work[2] = {guarded(rooms[0]), guarded(rooms[1])};
	gd_fill(t, (size_t)n * (size_t)n, one, 0);
	for (int i = 0; i < n; i++) {
		set(t, one, (size_t)(i * (n + 1)), 1);
		set(t, a, (size_t)(i * (n + 1)), n + gd_element(t, a, (size_t)(i * (n + 1))));
	}
	memcpy(lu, a, bytes);
	memcpy(x, one, bytes);
	ck_assert_int_eq(gd_lu(t, n, lu, pivot), 0);
	gd_lu_solve(t, false, n, n, lu, pivot, x);
	ck_assert_double_le(distance(t, n, n, n, a, NULL, x, n, one), room_for_error(t));
	double rcond = gd_lu_rcond(t, n, lu, 2.0 * n, work[1]);
	ck_assert(rcond > 0.05 && rcond <= 1);
	memcpy(inverse, lu, bytes);
	gd_lu_inverse(t, n, inverse, pivot, work[0]);
	ck_assert_double_le(distance(t, n, n, n, a, NULL, inverse, n, one), room_for_error(t));
	check_free(a, bytes);
	check_free(lu, bytes);
	check_free(x, bytes);
	check_free(inverse, bytes);
	check_free(one, bytes);
	check_free(pivot, pivots);
	check_free(work[0], rooms[0]);
	check_free(work[1], rooms[1]);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/lapack");
	TCase *c = tcase_create("lapack");
	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, svd_of_every_shape, 0, 2 * N_SIZES);
	tcase_add_loop_test(c, qr_of_every_shape, 0, 2 * N_SIZES);
	tcase_add_loop_test(c, eigenvectors_of_every_size, 0, 2 * N_SIZES);
	tcase_add_loop_test(c, lu_of_every_size, 0, 2 * N_SIZES);
	suite_add_tcase(s, c);
	return s;
}

TEST_MAIN(suite)
