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

#endif
