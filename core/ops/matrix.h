/* What the primitives on batches of matrices share: the last axes of a node are a matrix, a vector
 * or a packed factorisation, those before them count the batch. */
#ifndef GD_OPS_MATRIX_H
#define GD_OPS_MATRIX_H

#include "core/eval.h"
#include "core/graph.h"

/* How many matrices, when each has the last `trailing` axes. */
size_t gd_matrix_count(const struct gd_node *x, int trailing);

/* The leading axes of x as a node of their own, for walking with core/ops/broadcast.h. */
struct gd_node gd_leading(const struct gd_node *x, int trailing);

/* The matrix at element `at` of x's data. */
static inline void *gd_elements(const struct gd_node *x, size_t at)
{
	return (char *)x->data + at * gd_dtype_size(x->dtype);
}

static inline int64_t gd_rows(const struct gd_node *x)
{
	return x->shape[x->rank - 2];
}

static inline int64_t gd_columns(const struct gd_node *x)
{
	return x->shape[x->rank - 1];
}

/* dst (columns × rows) = srcᵀ (rows × columns), both row-major: from row-major to column-major, or
 * back with rows and columns exchanged. */
void gd_transposed(enum gd_dtype t, size_t rows, size_t columns, const void *src, void *dst);

/* Are n elements all finite? */
bool gd_finite(enum gd_dtype t, size_t n, const void *x);

/* n elements, all of them this value. */
void gd_fill(enum gd_dtype t, size_t n, void *x, double value);

/* Element i. */
static inline double gd_element(enum gd_dtype t, const void *x, size_t i)
{
	return t == GD_FLOAT64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

/* Memory for a kernel, to be given back with gd_data_free; NULL, and the error set, without it. */
void *gd_scratch(struct gd_sweep *run, const struct gd_node *y, size_t bytes);

/* linalg_failure at y's layer: "<op>: <which matrix of the batch> <text>". Matrices have the last
 * `trailing` axes of y. */
void gd_matrix_failure(struct gd_sweep *run, const struct gd_node *y, size_t matrix, int trailing,
                       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Refuses, at building time, matrices that LAPACK does not take. */
bool gd_matrix_fits(struct gd_graph *g, const struct gd_node *x);

/* A node of x's leading axes and these `trailing` ones. */
struct gd_node *gd_matrix_node(struct gd_graph *g, const struct gd_prim *prim,
                               const struct gd_node *batch, int batch_trailing, int trailing,
                               const int64_t *shape, int n_in, struct gd_node *const *in);

/* --- in derivatives ----------------------------------------------------------------------- */

/* Which matrices of y have a cotangent that may be anything but zero: a mask with two trailing axes
 * of size 1, or NULL for all. */
struct gd_node *gd_live_matrices(struct gd_graph *g, const struct gd_node *y,
                                 const struct gd_node *dy, int trailing);

/* The gradient d for operand x: where `live`, summed over broadcast leading axes. */
struct gd_node *gd_for_matrices(struct gd_graph *g, struct gd_node *d, struct gd_node *live,
                                const struct gd_node *x);

/* xᵀ of the last two axes. */
struct gd_node *gd_transpose(struct gd_graph *g, struct gd_node *x);

/* s (…, n) as a row (…, 1, n), which scales columns, or a column (…, n, 1), which scales rows. */
struct gd_node *gd_as_row(struct gd_graph *g, struct gd_node *s);
struct gd_node *gd_as_column(struct gd_graph *g, struct gd_node *s);

/* Rows or columns [start, start + n) of the matrices x: axis -2 or -1. */
struct gd_node *gd_part(struct gd_graph *g, struct gd_node *x, int axis, int64_t start, int64_t n);

#endif
