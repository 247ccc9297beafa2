/* Factorisations of dense matrices from LAPACK, with the sizes checked.
 *
 * Matrices are column-major, without gaps, and all of one floating dtype t; extents are at least 1
 * and fit. What overwrites its operand says so; `work` is room for the routine to use, of as many
 * bytes as gd_…_room says. None of them prints, allocates or ends the process. Those that iterate
 * (eigh, svd) need finite elements.
 *
 * Source: Anderson et al., LAPACK Users' Guide, third edition. */
#ifndef GD_LAPACK_H
#define GD_LAPACK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/tensor.h"

/* Does LAPACK take matrices of this many rows and columns (it counts in int, its workspaces too)?
 */
bool gd_lapack_fits(int64_t rows, int64_t columns);

/* A (n×n) becomes L and U of P·A = L·U; pivot[i]: the row, from 1, that row i was swapped with.
 * Returns i where U(i, i) is exactly zero (counted from 1, the first such), else 0. */
int gd_lu(enum gd_dtype t, int n, void *a, int *pivot);

/* B (n×k) becomes the X of A·X = B, or of Aᵀ·X = B. U has no zero on its diagonal. */
void gd_lu_solve(enum gd_dtype t, bool transposed, int n, int k, const void *lu, const int *pivot,
                 void *b);

/* LU becomes A⁻¹. U has no zero on its diagonal. */
size_t gd_lu_inverse_room(enum gd_dtype t, int n);
void gd_lu_inverse(enum gd_dtype t, int n, void *lu, const int *pivot, void *work);

/* About 1/(‖A‖·‖A⁻¹‖) in the 1-norm, of which A has `norm`. */
size_t gd_lu_rcond_room(enum gd_dtype t, int n);
double gd_lu_rcond(enum gd_dtype t, int n, const void *lu, double norm, void *work);

/* The upper triangle of A (n×n) becomes the U of A = Uᵀ·U; the rest stays. Returns the order of the
 * first leading minor that is not positive, or 0. */
int gd_cholesky_factor(enum gd_dtype t, int n, void *a);

/* B (m×n) becomes the X of X·A = B, or of X·Aᵀ = B, for the triangle of A (n×n) that `upper` says,
 * with ones on its diagonal where `unit`. A zero there gives infinities. */
void gd_solve_right(enum gd_dtype t, bool upper, bool transposed, bool unit, int m, int n,
                    const void *a, void *b);

/* A (m×n) of A = Q·R becomes R in its upper triangle, and then Q's first q columns; min(m, n) ≤ q ≤
 * m, and A has room for m×max(n, q). gd_qr_reflectors must have run before gd_qr_q, on the same
 * work. */
size_t gd_qr_room(enum gd_dtype t, int m, int n, int q);
void gd_qr_reflectors(enum gd_dtype t, int m, int n, void *a, void *work, size_t room);
void gd_qr_q(enum gd_dtype t, int m, int n, int q, void *a, void *work, size_t room);

/* The triangle of A (n×n, symmetric) that `upper` says becomes A's eigenvectors, as columns; the
 * eigenvalues come in ascending order. Returns 0, or > 0: no convergence. */
size_t gd_eigh_room(enum gd_dtype t, int n);
int gd_eigh_factor(enum gd_dtype t, bool upper, int n, void *a, void *values, void *work,
                   size_t room);

/* A (m×n) = U·diag(s)·Vᵀ, s descending. U is m×m and Vᵀ n×n where `full`, else m×k and k×n, k =
 * min(m, n). A is destroyed. Returns 0, or > 0: no convergence. */
size_t gd_svd_room(enum gd_dtype t, bool full, int m, int n);
int gd_svd_factor(enum gd_dtype t, bool full, int m, int n, void *a, void *s, void *u, void *vt,
                  void *work, size_t room);

#endif
