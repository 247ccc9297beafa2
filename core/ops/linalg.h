/* Builders of factorisations and of what is made from them. Operands are batches of matrices, in
 * row-major order as everywhere; shapes have been checked, and leading axes broadcast only where it
 * says so.
 *
 * A factorisation is a node without a derivative, shared by all that is read out of it; those nodes
 * have the matrix beside it as an operand, and the derivative with respect to that. */
#ifndef GD_OPS_LINALG_H
#define GD_OPS_LINALG_H

#include "core/graph.h"

/* --- triangles (ops/triangle.c) ----------------------------------------------------------- */

/* Of x's last two axes: the lower triangle with its diagonal, the upper one, the diagonal alone,
 * and what is strictly below and above it. */
struct gd_node *gd_lower(struct gd_graph *g, struct gd_node *x);
struct gd_node *gd_upper(struct gd_graph *g, struct gd_node *x);
struct gd_node *gd_diagonal_of(struct gd_graph *g, struct gd_node *x);
struct gd_node *gd_strictly_lower(struct gd_graph *g, struct gd_node *x);
struct gd_node *gd_strictly_upper(struct gd_graph *g, struct gd_node *x);
/* The n×n identity. */
struct gd_node *gd_identity(struct gd_graph *g, int64_t n);

/* Which triangle is read and how. */
struct gd_triangle {
	bool upper, transposed, unit;
	bool regular; /* a zero on the diagonal is linalg_failure, and not a division by zero */
};

/* X of op(A)·X = B for A's triangle; leading axes broadcast. */
struct gd_node *gd_solve_triangular(struct gd_graph *g, struct gd_node *a, struct gd_node *b,
                                    struct gd_triangle how);

/* --- Cholesky (ops/cholesky.c) ------------------------------------------------------------ */

/* L of A = L·Lᵀ from A's lower triangle; the gradient is symmetric. */
struct gd_node *gd_cholesky(struct gd_graph *g, struct gd_node *a);

/* --- LU (ops/lu.c, ops/det.c) ------------------------------------------------------------- */

struct gd_node *gd_lu_of(struct gd_graph *g, struct gd_node *a);
/* X of A·X = B, f being gd_lu_of(A); leading axes broadcast. */
struct gd_node *gd_lu_solved(struct gd_graph *g, struct gd_node *a, struct gd_node *f,
                             struct gd_node *b);
struct gd_node *gd_det(struct gd_graph *g, struct gd_node *a, struct gd_node *f);
struct gd_node *gd_det_sign(struct gd_graph *g, struct gd_node *a, struct gd_node *f);
struct gd_node *gd_log_abs_det(struct gd_graph *g, struct gd_node *a, struct gd_node *f);

/* --- QR, eigenvectors, singular values (ops/qr.c, eigh.c, svd.c) -------------------------- */

/* Results may be asked for one by one: NULL for those that are not wanted. */

/* A = Q·R, Q with as many columns as A has rows (complete), or min(m, n). Without `derivative` none
 * goes through R. */
void gd_qr(struct gd_graph *g, struct gd_node *a, bool complete, bool derivative,
           struct gd_node **q, struct gd_node **r);

/* Eigenvalues, ascending, and eigenvectors, as columns, of the symmetric matrix of which A's lower
 * (or upper) triangle is read; the gradient is symmetric. */
void gd_eigh(struct gd_graph *g, struct gd_node *a, bool upper, struct gd_node **values,
             struct gd_node **vectors);

/* A = U·diag(S)·Vh; U and Vh square (full), or of min(m, n) columns and rows. */
void gd_svd(struct gd_graph *g, struct gd_node *a, bool full, struct gd_node **u,
            struct gd_node **s, struct gd_node **vh);

/* The node p, which holds the pseudo-inverse of A however it was computed, with its derivative. */
struct gd_node *gd_pinv_of(struct gd_graph *g, struct gd_node *a, struct gd_node *p);

/* --- exponential (ops/matrix_exp.c) ------------------------------------------------------- */

struct gd_node *gd_matrix_exp(struct gd_graph *g, struct gd_node *a);

#endif
