/* Groups of elementwise nodes that are computed together, block by block in the cache.
 *
 * A group's nodes have one number of elements. What only the group reads never becomes an array:
 * a block of it stands in a scratch slot until its last reader has run. What is cheap to compute
 * from an array that stands anyway is computed again where a later group needs it. */
#ifndef GD_FUSE_H
#define GD_FUSE_H

#include "core/graph.h"

/* How a node reads an operand. */
struct gd_read {
	struct gd_node *root; /* whose data it is; read element for element, or */
	/* as an array of the shape of `as` that is spread to that of `over`. */
	struct gd_node *as;
	const struct gd_node *over;
};

/* Operand k of an elementwise node, seen through aliases and expansions. */
struct gd_read gd_read_operand(const struct gd_node *n, int k);

/* The decisions, by node id or by group. */
struct gd_fusion {
	const struct gd_graph *g;
	int n_groups;
	int *group;   /* the node's, or -1: it is computed by itself or not at all */
	int *next;    /* its next lower node, or -1 */
	bool *stored; /* the node becomes an array */
	int *highest; /* of a group, at whose place all of it is computed; -1: no group any more */
	int *size;
	/* For compiling groups: -1, a node's reads to come, its slot; nodes. */
	int *uses, *slot, *ids;
};

/* Decides for the nodes up to `last` that gd_mark_needed marked. False when out of memory. */
bool gd_fuse(struct gd_fusion *f, struct gd_arena *arena, const struct gd_graph *g, int last);

struct gd_group; /* ready to run: core/group.h */
struct gd_sweep;

/* Compiles one in `arena`. NULL when that is out of memory. */
struct gd_group *gd_group_new(struct gd_fusion *f, struct gd_arena *arena, int index);

/* May the array `y` overwrite the array `x`, which nobody reads later? */
bool gd_group_may_overwrite(const struct gd_group *group, const struct gd_node *y,
                            const struct gd_node *x);

/* Fills the arrays of group->stored. */
void gd_group_run(struct gd_sweep *run, const struct gd_group *group);

#endif
