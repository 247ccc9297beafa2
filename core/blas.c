#include "core/blas.h"

#include <cblas.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

bool gd_gemm_fits(size_t m, size_t n, size_t k)
{
	return m <= INT_MAX && n <= INT_MAX && k <= INT_MAX;
}

/* Below this many multiplications a loop is done before BLAS has looked at its arguments. */
enum { SMALL = 512 };

#define GEMM(T, name, blas)                                                                        \
	static void small_##name(bool ta, bool tb, size_t m, size_t n, size_t k, const T *a,       \
	                         const T *b, T *c)                                                 \
	{                                                                                          \
		size_t a_row = ta ? 1 : k, a_col = ta ? m : 1;                                     \
		size_t b_row = tb ? 1 : n, b_col = tb ? k : 1;                                     \
		for (size_t i = 0; i < m; i++)                                                     \
			for (size_t j = 0; j < n; j++) {                                           \
				T s = 0;                                                           \
				for (size_t p = 0; p < k; p++)                                     \
					s += a[i * a_row + p * a_col] * b[p * b_row + j * b_col];  \
				c[i * n + j] = s;                                                  \
			}                                                                          \
	}                                                                                          \
	void gd_gemm_##name(bool ta, bool tb, size_t m, size_t n, size_t k, const T *a,            \
	                    const T *b, T *c)                                                      \
	{                                                                                          \
		if (m == 0 || n == 0)                                                              \
			return;                                                                    \
		if (k == 0) {                                                                      \
			memset(c, 0, m *n * sizeof *c);                                            \
			return;                                                                    \
		}                                                                                  \
		if (m * n <= SMALL && m * n * k <= SMALL) {                                        \
			small_##name(ta, tb, m, n, k, a, b, c);                                    \
			return;                                                                    \
		}                                                                                  \
		blas(CblasRowMajor, ta ? CblasTrans : CblasNoTrans,                                \
		     tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1, a,                 \
		     (int)(ta ? m : k), b, (int)(tb ? k : n), 0, c, (int)n);                       \
	}

GEMM(double, f64, cblas_dgemm)
GEMM(float, f32, cblas_sgemm)

#define GEMM_PART(T, name, blas)                                                                   \
	void gd_gemm_part_##name(bool ta, bool tb, size_t m, size_t n, size_t k, const T *a,       \
	                         size_t lda, const T *b, size_t ldb, bool add, T *c, size_t ldc)   \
	{                                                                                          \
		if (m == 0 || n == 0)                                                              \
			return;                                                                    \
		/* As BLAS would, but more slowly. */                                              \
		for (size_t i = 0; i < m && !add; i++)                                             \
			memset(c + i * ldc, 0, n * sizeof *c);                                     \
		if (k == 0)                                                                        \
			return;                                                                    \
		blas(CblasRowMajor, ta ? CblasTrans : CblasNoTrans,                                \
		     tb ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1, a, (int)lda, b,    \
		     (int)ldb, 1, c, (int)ldc);                                                    \
	}

GEMM_PART(double, f64, cblas_dgemm)
GEMM_PART(float, f32, cblas_sgemm)

void gd_blas_threads(int n)
{
	openblas_set_num_threads(n);
}

int gd_blas_thread_count(void)
{
	return openblas_get_num_threads();
}

const char *gd_blas_kernel(void)
{
	return openblas_get_corename();
}

/* OpenBLAS 0.3.21 knows CPUs by family and model and falls back to AVX2 kernels on newer ones, at
 * two thirds of the speed that AVX-512 kernels reach there. */
const char *gd_blas_better_kernel(void)
{
	static const char *const avx2_kernels[] = {"Haswell", "Sandybridge", "Nehalem", "Prescott"};
	if (getenv("OPENBLAS_CORETYPE"))
		return NULL;
	__builtin_cpu_init();
	if (!__builtin_cpu_is("intel") || !__builtin_cpu_supports("avx512f") ||
	    !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512bw") ||
	    !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
		return NULL;
	for (size_t i = 0; i < sizeof avx2_kernels / sizeof *avx2_kernels; i++)
		if (strcmp(openblas_get_corename(), avx2_kernels[i]) == 0)
			return "SkylakeX";
	return NULL;
}
