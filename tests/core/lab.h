/* A graph to try things in; operands and parameters written as text. */
#ifndef GD_TEST_LAB_H
#define GD_TEST_LAB_H

#include "core/build.h"
#include "core/diff.h"
#include "core/eval.h"
#include "core/op.h"

struct lab {
	struct gd_arena arena;
	struct gd_error error;
	struct gd_graph g;
	uint64_t random; /* state of lab_uniform */
	/* Leaves whose elements only change in symmetric pairs. */
	const struct gd_node *symmetric[8];
	int n_symmetric;
};

/* An empty graph with a generous cap; randomness starts anew, the same each time. */
void lab_init(struct lab *l, enum gd_dtype dtype);
void lab_release(struct lab *l);

/* In [lo, hi), a value that float32 holds too. */
double lab_uniform(struct lab *l, double lo, double hi);

/* Leaves of the graph's floating dtype; `values` are copied. */
struct gd_node *lab_leaf(struct lab *l, int rank, const int64_t *shape, const double *values);
struct gd_node *lab_random(struct lab *l, int rank, const int64_t *shape, double lo, double hi);
/* LAB(&lab, 2, (2, 3), 1, 2, 3, 4, 5, 6) */
#define LAB_UNWRAP(...) __VA_ARGS__
#define LAB(l, rank, shape, ...)                                                                   \
	lab_leaf(l, rank, (int64_t[]){LAB_UNWRAP shape}, (double[]){__VA_ARGS__})
#define LAB_SCALAR(l, value) lab_leaf(l, 0, NULL, (double[]){value})

/* Element i as a double, whatever the dtype; and, of a leaf, set it. */
double lab_at(const struct gd_node *n, size_t i);
void lab_set(struct gd_node *n, size_t i, double value);

/* gd_eval without a trace. */
bool lab_eval(struct lab *l, int n, struct gd_node *const *outputs);

/* Evaluates `n` and fails the test unless its elements are `values` within `rtol`; NaN is NaN, and
 * a zero must be a zero. LAB_IS(&lab, node, 1e-15, 1, 2, 3) */
void lab_is(struct lab *l, struct gd_node *n, double rtol, size_t count, const double *values,
            const char *file, int line);
#define LAB_IS(l, n, rtol, ...)                                                                    \
	lab_is(l, n, rtol, sizeof((double[]){__VA_ARGS__}) / sizeof(double),                       \
	       (double[]){__VA_ARGS__}, __FILE__, __LINE__)

/* Operands from text, separated by spaces:
 *   (2,3)  ()  (2,3)[0.1,5]   floating leaves with random elements, of [-2, 2) or as said
 *   r(2,3,3)                  matrices of such elements, those with equal indices 3 larger: regular
 *   s(2,3,3)                  symmetric, positive definite matrices, of which an operation may read
 *                             one triangle: derivatives are tried in symmetric directions
 *   i(4)[0,2]                 int64, both ends included
 *   b(4)                      bool
 *   =2.5                      a constant      -  absent
 * Returns how many. */
enum { LAB_OPERANDS = 32 };
int lab_operands(struct lab *l, const char *text, struct gd_node *in[LAB_OPERANDS]);
bool lab_is_symmetric(const struct lab *l, const struct gd_node *n);
/* v, one element for each of n's, becomes the mean of itself and its transpose. */
void lab_make_symmetric(const struct gd_node *n, double *v);

/* Parameters from text into an initialised call: "dim=-1,0 keepdim=true reduction=sum dim=null
 * dim=[]"; false for one that the operation lacks. */
bool lab_params(struct gd_call *c, const char *text);

/* Calls an operation of the catalogue: lab_call(&lab, "add", "alpha=2", 2, x, y) gives its first
 * result, or NULL with the error in lab.error. */
struct gd_node *lab_call(struct lab *l, const char *op, const char *params, int n_in, ...);
struct gd_node *lab_call_with(struct lab *l, const struct gd_op *op, const char *params, int n_in,
                              struct gd_node *const *in);
/* The same with all results: in *c, whose operands the caller keeps. False on an error. */
bool lab_call_all(struct lab *l, struct gd_call *c, const struct gd_op *op, const char *params,
                  int n_in, struct gd_node **in);

/* The floating results of a call as one: itself, or all of them flat, one behind the other. NULL
 * when there is none. */
struct gd_node *lab_join(struct lab *l, int n, struct gd_node *const *out);

/* Gradients of y for n variables, with `seed` or ones. */
bool lab_grad(struct lab *l, struct gd_node *y, struct gd_node *seed, int n,
              struct gd_node *const *wrt, struct gd_node **grads);

#endif
