/* Reverse mode: the gradient is a graph like any other. */
#ifndef GD_DIFF_H
#define GD_DIFF_H

#include "core/graph.h"

/* Appends the nodes of dL/dwrt[i] = (∂y/∂wrt[i])ᵀ·seed to the graph and puts them into grads[i], of
 * wrt[i]'s shape; zeros where y does not depend on it. `seed` has y's shape; NULL: ones, for a y of
 * one element. A wrt that is not a leaf has a name before anything is built on it: builders look
 * through unnamed transposes and expansions, so nothing would depend on those. `note_kinks`: also
 * append the counts of touched kinks (g->kinks) on the way. Source: Griewank & Walther, Evaluating
 * Derivatives, chapter 3. */
bool gd_grad(struct gd_graph *g, struct gd_node *y, struct gd_node *seed, int n_wrt,
             struct gd_node *const *wrt, struct gd_node **grads, bool note_kinks);

/* The same for several y at once, each with its seed, which is not NULL: Σ
 * (∂y[k]/∂wrt[i])ᵀ·seed[k]. */
bool gd_grad_all(struct gd_graph *g, int n_y, struct gd_node *const *y, struct gd_node *const *seed,
                 int n_wrt, struct gd_node *const *wrt, struct gd_node **grads, bool note_kinks);

/* A cotangent to be filled in later: zeros of y's shape that builders do not look through, so that
 * a gradient made of it can be differentiated by it, or batched along it. */
struct gd_node *gd_dummy_seed(struct gd_graph *g, const struct gd_node *y);

/* Appends the nodes of Σ ∂y/∂x[i]·v[i], of y's shape, each v[i] of x[i]'s: the derivative of the
 * vjp uᵀ·∂y/∂x by u, towards v. */
struct gd_node *gd_jvp(struct gd_graph *g, struct gd_node *y, int n, struct gd_node *const *x,
                       struct gd_node *const *v, bool note_kinks);

#endif
