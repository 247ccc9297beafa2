/* Matrix products from OpenBLAS, with the sizes checked and the right kernels chosen. */
#ifndef GD_BLAS_H
#define GD_BLAS_H

#include <stdbool.h>
#include <stddef.h>

/* Does BLAS take these extents (it counts in int)? */
bool gd_gemm_fits(size_t m, size_t n, size_t k);

/* C (m×n) = op(A) (m×k) · op(B) (k×n), row-major and dense; op transposes where ta, tb say: A is
 * then stored k×m, B n×k. C may not overlap A or B. Extents may be 0. */
void gd_gemm_f64(bool ta, bool tb, size_t m, size_t n, size_t k, const double *a, const double *b,
                 double *c);
void gd_gemm_f32(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, const float *b,
                 float *c);

/* The same of parts of matrices, whose rows lie lda, ldb and ldc elements apart; C += with `add`.
 */
void gd_gemm_part_f64(bool ta, bool tb, size_t m, size_t n, size_t k, const double *a, size_t lda,
                      const double *b, size_t ldb, bool add, double *c, size_t ldc);
void gd_gemm_part_f32(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                      const float *b, size_t ldb, bool add, float *c, size_t ldc);

/* Products of at most so many multiplications run on the thread that asks for them, whatever
 * gd_blas_threads() says. Larger ones wait for each other: there is one pool of threads. */
enum { GD_GEMM_ALONE = 1 << 18 };

/* Threads that one large product uses. */
void gd_blas_threads(int n);
int gd_blas_thread_count(void);

/* The value that OPENBLAS_CORETYPE should have had before the library was loaded, when it chose
 * kernels that leave the CPU's vector units idle; NULL when its choice is good, or the user's own.
 */
const char *gd_blas_better_kernel(void);

/* Name of the kernels in use, such as "SkylakeX". */
const char *gd_blas_kernel(void);

#endif
