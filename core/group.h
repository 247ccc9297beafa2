/* Inside of a group (core/fuse.h): its instructions. */
#ifndef GD_GROUP_H
#define GD_GROUP_H

#include "core/fuse.h"

enum {
	GD_IN_CACHE = 24 << 10, /* bytes of all slots, if that leaves enough for each */
	GD_BLOCK = 1024,        /* elements of a slot, at most, and what it is a multiple of */
	GD_BLOCK_STEP = 16,
	GD_MAX_SLOTS = 512,   /* of what a group of 32 nodes can need at once */
	GD_KEPT_SPREADS = 64, /* slots that may hold what is spread for later readers too */
};

/* Where an operand or a result is: in an array, or in a slot. */
struct gd_place {
	struct gd_node *array;
	bool one; /* one element for all */
	int slot;
};

/* An array as it is spread to a shape: axes that walk alike are one, the last is innermost. */
struct gd_spread {
	struct gd_read read;
	int rank;
	size_t extent[GD_MAX_RANK], stride[GD_MAX_RANK]; /* elements */
};

/* Computes a block of a node or, where there is none, fills a slot from what is spread. */
struct gd_instruction {
	const struct gd_node *node;
	const struct gd_spread *spread;
	struct gd_place in[3], out;
};

struct gd_group {
	size_t count; /* elements of each node */
	size_t block; /* elements of a slot, */
	size_t width; /* of that many bytes */
	int n;
	struct gd_instruction *instructions;
	int n_reads, n_stored;
	struct gd_node **reads;  /* arrays that others made, each once */
	struct gd_node **stored; /* arrays it makes */
};

#endif
