/* Every limit in one place: field, option (and GRADD_ twin), default, what it bounds.
 * Options, documents and messages are made from this list. */
#ifndef GD_LIMITS_H
#define GD_LIMITS_H

#include <stddef.h>

#define GD_MIB ((size_t)1 << 20)

/*       field         option           default            unit      what */
#define GD_LIMITS(X)                                                                               \
	X(body_bytes, "max-body", 1024 * GD_MIB, "bytes", "body of one request")                   \
	X(memory_bytes, "max-memory", 4096 * GD_MIB, "bytes", "memory of one request")             \
	X(skeleton_bytes, "max-spec", 4 * GD_MIB, "bytes", "specification, without its tensors")   \
	X(nesting, "max-nesting", 64, "levels", "nesting of the JSON")                             \
	X(elements, "max-elements", (size_t)1 << 28, "elements", "elements of one tensor")         \
	X(tensors, "max-tensors", 4096, "tensors", "tensors of one request")                       \
	X(nodes, "max-nodes", 100000, "nodes", "operations in the graph of one request")

struct gd_limits {
#define GD_LIMIT_FIELD(field, option, value, unit, what) size_t field;
	GD_LIMITS(GD_LIMIT_FIELD)
#undef GD_LIMIT_FIELD
};

/* The defaults. */
#define GD_LIMIT_DEFAULT(field, option, value, unit, what) .field = (value),
#define GD_LIMITS_INIT                                                                             \
	{                                                                                          \
		GD_LIMITS(GD_LIMIT_DEFAULT)                                                        \
	}

#endif
