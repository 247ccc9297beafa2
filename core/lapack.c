#include "core/lapack.h"

#include <limits.h>

/* The Fortran routines, for float64 and float32: elements are void, so that both have one type.
 * Behind the arguments stand the lengths of those that are characters. */
#define ROUTINE(type, name, ...)                                                                   \
	type d##name##_(__VA_ARGS__);                                                              \
	type s##name##_(__VA_ARGS__);

ROUTINE(void, getrf, const int *m, const int *n, void *a, const int *lda, int *pivot, int *info)
ROUTINE(void, getrs, const char *trans, const int *n, const int *nrhs, const void *a,
        const int *lda, const int *pivot, void *b, const int *ldb, int *info, size_t)
ROUTINE(void, getri, const int *n, void *a, const int *lda, const int *pivot, void *work,
        const int *lwork, int *info)
ROUTINE(void, gecon, const char *norm, const int *n, const void *a, const int *lda,
        const void *anorm, void *rcond, void *work, int *iwork, int *info, size_t)
ROUTINE(void, potrf, const char *uplo, const int *n, void *a, const int *lda, int *info, size_t)
ROUTINE(void, trsm, const char *side, const char *uplo, const char *trans, const char *diag,
        const int *m, const int *n, const void *alpha, const void *a, const int *lda, void *b,
        const int *ldb, size_t, size_t, size_t, size_t)
ROUTINE(void, geqrf, const int *m, const int *n, void *a, const int *lda, void *tau, void *work,
        const int *lwork, int *info)
ROUTINE(void, orgqr, const int *m, const int *n, const int *k, void *a, const int *lda,
        const void *tau, void *work, const int *lwork, int *info)
ROUTINE(void, syevd, const char *jobz, const char *uplo, const int *n, void *a, const int *lda,
        void *w, void *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t,
        size_t)
ROUTINE(void, gesdd, const char *jobz, const int *m, const int *n, void *a, const int *lda, void *s,
        void *u, const int *ldu, void *vt, const int *ldvt, void *work, const int *lwork,
        int *iwork, int *info, size_t)

#define CALL(t, name) (*((t) == GD_FLOAT64 ? d##name##_ : s##name##_))

/* The largest workspace, of gesdd, has less than 5·k² + 100·max(m, n) elements, k = min(m, n). */
bool gd_lapack_fits(int64_t rows, int64_t columns)
{
	enum { MOST_SQUARE = 20000, MOST = INT_MAX / 200 };
	int64_t small = rows < columns ? rows : columns, large = rows < columns ? columns : rows;
	return small <= MOST_SQUARE && large <= MOST;
}

/* What a query for the best workspace answered, in elements; float32 may have rounded it down. */
static size_t best_of(enum gd_dtype t, const void *answer, size_t least)
{
	double best = t == GD_FLOAT64 ? *(const double *)answer : (double)*(const float *)answer;
	best = best * (1 + 0x1p-22) + 1;
	return best > (double)least && best <= INT_MAX ? (size_t)best : least;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Integers stand in front of the floating part of a workspace, which begins 64-byte aligned. */
static size_t integers(size_t n)
{
	return (n * sizeof(int) + 63) / 64 * 64;
}

/* How many elements of a workspace lie behind the first `used` bytes. */
static int elements_left(enum gd_dtype t, size_t room, size_t used)
{
	size_t n = (room - used) / gd_dtype_size(t);
	return n > INT_MAX ? INT_MAX : (int)n;
}

static const double one_f64 = 1;
static const float one_f32 = 1;

/* --- LU ----------------------------------------------------------------------------------- */

int gd_lu(enum gd_dtype t, int n, void *a, int *pivot)
{
	int info;
	CALL(t, getrf)(&n, &n, a, &n, pivot, &info);
	return info;
}

void gd_lu_solve(enum gd_dtype t, bool transposed, int n, int k, const void *lu, const int *pivot,
                 void *b)
{
	int info;
	CALL(t, getrs)(transposed ? "T" : "N", &n, &k, lu, &n, pivot, b, &n, &info, 1);
}

size_t gd_lu_inverse_room(enum gd_dtype t, int n)
{
	double answer = 0;
	int info, query = -1;
	CALL(t, getri)(&n, NULL, &n, NULL, &answer, &query, &info);
	return best_of(t, &answer, (size_t)n) * gd_dtype_size(t);
}

void gd_lu_inverse(enum gd_dtype t, int n, void *lu, const int *pivot, void *work)
{
	int info, count = elements_left(t, gd_lu_inverse_room(t, n), 0);
	CALL(t, getri)(&n, lu, &n, pivot, work, &count, &info);
}

size_t gd_lu_rcond_room(enum gd_dtype t, int n)
{
	return integers((size_t)n) + 4 * (size_t)n * gd_dtype_size(t);
}

double gd_lu_rcond(enum gd_dtype t, int n, const void *lu, double norm, void *work)
{
	int info;
	double wide = 0;
	float narrow = 0, norm_f32 = (float)norm;
	CALL(t, gecon)
	("1", &n, lu, &n, t == GD_FLOAT64 ? (void *)&norm : (void *)&norm_f32,
	 t == GD_FLOAT64 ? (void *)&wide : (void *)&narrow, (char *)work + integers((size_t)n),
	 work, &info, 1);
	return t == GD_FLOAT64 ? wide : (double)narrow;
}

/* --- Cholesky, triangles ------------------------------------------------------------------ */

int gd_cholesky_factor(enum gd_dtype t, int n, void *a)
{
	int info;
	CALL(t, potrf)("U", &n, a, &n, &info, 1);
	return info;
}

void gd_solve_right(enum gd_dtype t, bool upper, bool transposed, bool unit, int m, int n,
                    const void *a, void *b)
{
	const void *one = t == GD_FLOAT64 ? (const void *)&one_f64 : (const void *)&one_f32;
	CALL(t, trsm)
	("R", upper ? "U" : "L", transposed ? "T" : "N", unit ? "U" : "N", &m, &n, one, a, &n, b,
	 &m, 1, 1, 1, 1);
}

/* --- QR ----------------------------------------------------------------------------------- */

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

/* First the factors of min(m, n) reflectors, then what the routines ask for. */
size_t gd_qr_room(enum gd_dtype t, int m, int n, int q)
{
	double answer[2] = {0};
	int info, query = -1, k = smaller(m, n);
	CALL(t, geqrf)(&m, &n, NULL, &m, NULL, &answer[0], &query, &info);
	CALL(t, orgqr)(&m, &q, &k, NULL, &m, NULL, &answer[1], &query, &info);
	size_t work = larger(best_of(t, &answer[0], (size_t)n), best_of(t, &answer[1], (size_t)q));
	return ((size_t)k + work) * gd_dtype_size(t);
}

void gd_qr_reflectors(enum gd_dtype t, int m, int n, void *a, void *work, size_t room)
{
	size_t used = (size_t)smaller(m, n) * gd_dtype_size(t);
	int info, count = elements_left(t, room, used);
	CALL(t, geqrf)(&m, &n, a, &m, work, (char *)work + used, &count, &info);
}

void gd_qr_q(enum gd_dtype t, int m, int n, int q, void *a, void *work, size_t room)
{
	int info, k = smaller(m, n);
	size_t used = (size_t)k * gd_dtype_size(t);
	int count = elements_left(t, room, used);
	CALL(t, orgqr)(&m, &q, &k, a, &m, work, (char *)work + used, &count, &info);
}

/* --- eigenvalues, singular values --------------------------------------------------------- */

static size_t eigh_integers(int n)
{
	return integers(3 + 5 * (size_t)n);
}

size_t gd_eigh_room(enum gd_dtype t, int n)
{
	double answer = 0;
	int info, query = -1, answer_int;
	CALL(t, syevd)
	("V", "L", &n, NULL, &n, NULL, &answer, &query, &answer_int, &query, &info, 1, 1);
	size_t least = 1 + 6 * (size_t)n + 2 * (size_t)n * (size_t)n;
	return eigh_integers(n) + best_of(t, &answer, least) * gd_dtype_size(t);
}

int gd_eigh_factor(enum gd_dtype t, bool upper, int n, void *a, void *values, void *work,
                   size_t room)
{
	int info, count_int = 3 + 5 * n;
	int count = elements_left(t, room, eigh_integers(n));
	CALL(t, syevd)
	("V", upper ? "U" : "L", &n, a, &n, values, (char *)work + eigh_integers(n), &count, work,
	 &count_int, &info, 1, 1);
	return info;
}

static size_t svd_integers(int m, int n)
{
	return integers(8 * (size_t)smaller(m, n));
}

size_t gd_svd_room(enum gd_dtype t, bool full, int m, int n)
{
	double answer = 0;
	int info, query = -1, none, k = smaller(m, n), ldvt = full ? n : k;
	size_t least = 4 * (size_t)k * (size_t)k + 7 * (size_t)k + larger((size_t)m, (size_t)n);
	CALL(t, gesdd)
	(full ? "A" : "S", &m, &n, NULL, &m, NULL, NULL, &m, NULL, &ldvt, &answer, &query, &none,
	 &info, 1);
	return svd_integers(m, n) + best_of(t, &answer, least) * gd_dtype_size(t);
}

int gd_svd_factor(enum gd_dtype t, bool full, int m, int n, void *a, void *s, void *u, void *vt,
                  void *work, size_t room)
{
	int info, ldvt = full ? n : smaller(m, n);
	int count = elements_left(t, room, svd_integers(m, n));
	CALL(t, gesdd)
	(full ? "A" : "S", &m, &n, a, &m, s, u, &m, vt, &ldvt, (char *)work + svd_integers(m, n),
	 &count, work, &info, 1);
	return info;
}
