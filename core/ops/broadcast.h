/* Walking up to three row-major operands that broadcast to one shape. */
#ifndef GD_BROADCAST_H
#define GD_BROADCAST_H

#include "core/graph.h"

enum { GD_MAX_BROADCAST = 3 };

/* Neighbouring axes that walk alike are one axis here; the last one is the inner loop, along which
 * each operand steps by 0 or 1 elements. */
struct gd_broadcast {
	int n;                                         /* operands */
	int rank;                                      /* outer axes */
	int64_t extent[GD_MAX_RANK];                   /* of the outer axes */
	int64_t stride[GD_MAX_BROADCAST][GD_MAX_RANK]; /* elements */
	size_t inner;                                  /* length of the inner loop */
	size_t step[GD_MAX_BROADCAST];                 /* 0 or 1 */
	size_t outer;                                  /* how often the inner loop runs */
	int64_t at[GD_MAX_RANK];
	size_t offset[GD_MAX_BROADCAST]; /* where each operand stands now */
};

/* Plans the walk over `out`'s shape with its operands in[0..n). */
void gd_broadcast_init(struct gd_broadcast *w, const struct gd_node *out, int n,
                       struct gd_node *const *in);

/* On to the next inner loop. */
void gd_broadcast_next(struct gd_broadcast *w);

/* The forward of a primitive with a `block`: calls it for each inner loop. */
void gd_forward_elementwise(struct gd_sweep *run, struct gd_node *n);

#endif
