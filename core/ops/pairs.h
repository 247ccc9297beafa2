/* Sums over all pairs of rows, for distances: without a tensor of every pair's differences. */
#ifndef GD_PAIRS_H
#define GD_PAIRS_H

#include "core/graph.h"

/* What is done with a difference δ. */
enum gd_phi {
	GD_PHI_EVEN, /* |δ|^q */
	GD_PHI_ODD,  /* sign(δ)·|δ|^q */
	GD_PHI_ZERO  /* 1 where δ = 0, else 0; no derivative */
};

/* y[b, i, j] = Σ_k φ(a[b, i, k] - c[b, j, k]) for a (B, n, d) and c (B, m, d): (B, n, m). A
 * negative power of 0 is taken as 0. */
struct gd_node *gd_pair_sums(struct gd_graph *g, enum gd_phi phi, double q, struct gd_node *a,
                             struct gd_node *c);

#endif
