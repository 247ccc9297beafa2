/* The catalogue: what a client can name as a layer or a loss.
 *
 * An operation is a signature, a function that builds it from primitives, and its documentation:
 * one row of ops.def. Signatures read as PyTorch's do:
 *
 *   "leaky_relu(input, *, negative_slope: float = 0.01)"
 *   "cross_entropy(input, target: any, weight?, *, reduction: mean|sum|none = mean)"
 *   "cat(inputs..., *, dim: int = 0)"
 *
 * Before the star, operands: "name" is a floating tensor (masks and integers are converted),
 * "name: index" integers, "name: bool" a mask, "name: any" whatever came; "?" marks optional ones,
 * "..." a list. Behind it, parameters: bool, int, float, str; ints or floats (one or a list); sizes
 * (ints that may be null); lists
 * (an integer, or two lists of integers); words to choose from, "a|b", also besides a type,
 * "ints|same|valid"; a "?" behind the type allows null; without a default they must be given. */
#ifndef GD_OP_H
#define GD_OP_H

#include "core/graph.h"

enum { GD_MAX_OPERANDS = 16, GD_MAX_PARAMS = 16 };

enum gd_operand_kind { GD_OPERAND_FLOAT, GD_OPERAND_INDEX, GD_OPERAND_BOOL, GD_OPERAND_ANY };

struct gd_operand_spec {
	const char *name;
	enum gd_operand_kind kind;
	bool optional, list;
};

enum gd_param_type {
	GD_PARAM_BOOL,
	GD_PARAM_INT,
	GD_PARAM_FLOAT,
	GD_PARAM_INTS,
	GD_PARAM_FLOATS,
	GD_PARAM_LISTS,
	GD_PARAM_STR,
	GD_PARAM_CHOICE, /* nothing but words */
	GD_PARAM_TYPES
};

/* Stands for null in sizes. */
#define GD_NULL_INT INT64_MIN

/* What a parameter was given: null, a word out of its choices, or else what its type says. */
struct gd_value {
	bool null;
	const char *word; /* one of the choices, or NULL */
	bool flag;
	int64_t i;
	double f;
	const char *text;
	bool list; /* ints, floats: given as a list; lists: given as lists */
	int n;     /* of ints or floats */
	int first; /* lists: how many of ints are the first list's */
	const int64_t *ints;
	const double *floats;
};

struct gd_param_spec {
	const char *name, *type_text, *default_text; /* default_text NULL: required */
	enum gd_param_type type;
	bool nullable;
	bool open;              /* integers may be null (sizes) */
	const char *choices[8]; /* NULL-terminated */
	struct gd_value fallback;
	int64_t default_int; /* what the fallback's lists hold */
	double default_float;
};

/* How far float32 may be from float64: by this many units in the last place times the condition,
 * and by this many of 1 (of the cotangent, where it is a gradient); why, where it is more. */
struct gd_precision {
	const char *op;
	double ulps, absolute;
	const char *why;
};

struct gd_call;

struct gd_op {
	const char *signature;
	bool (*build)(struct gd_call *c);
	const char *shapes, *formula, *derivative, *kinks; /* documentation; kinks may be "" */
	bool loss;
	struct gd_precision precision; /* from precision.def */
	/* From the signature. */
	const char *name;
	int n_operands, n_params;
	struct gd_operand_spec operands[GD_MAX_OPERANDS];
	struct gd_param_spec params[GD_MAX_PARAMS];
};

/* One use of an operation. The caller fills in[] by operand (a list's nodes from its place on, then
 * n_in counts them all) and the parameters it was given; gd_call_build does the rest. */
struct gd_call {
	struct gd_graph *g;
	const struct gd_op *op;
	struct gd_node **in; /* NULL where an optional operand is absent */
	int n_in;
	struct gd_value params[GD_MAX_PARAMS];
	unsigned indices;     /* bit i: operand i was read as integers or as a mask */
	struct gd_node **out; /* results, first one first */
	int n_out;
	struct gd_node *out_in_place[2];
	/* After a failure: the operand at fault, or -1; and whether it is one element of it. */
	int bad_operand;
	bool bad_element;
	size_t bad_index;
};

/* Reads op->signature into the fields made from it (core/signature.c). */
void gd_signature_read(struct gd_op *op);

/* The operations in alphabetical order. */
const struct gd_op *const *gd_ops(size_t *count);
const struct gd_op *gd_op_find(const char *name);

/* Prepares a call with every parameter at its default. */
void gd_call_init(struct gd_call *c, struct gd_graph *g, const struct gd_op *op);

/* Checks the operands, converts them as the signature says and builds. */
bool gd_call_build(struct gd_call *c);

/* --- for the functions that build --------------------------------------------------------- */

/* Results. Return false when a node is NULL. */
bool gd_give(struct gd_call *c, struct gd_node *y);
bool gd_give_all(struct gd_call *c, int n, struct gd_node *const *y);

const struct gd_value *gd_param(const struct gd_call *c, const char *name);
int64_t gd_int(const struct gd_call *c, const char *name);
double gd_float(const struct gd_call *c, const char *name);
bool gd_flag(const struct gd_call *c, const char *name);
/* Does the parameter hold this word? */
bool gd_chosen(const struct gd_call *c, const char *name, const char *word);

/* An error at one parameter. Returns false. */
bool gd_param_fail(struct gd_call *c, const char *name, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* No more numbers in the list than a tensor may have axes. */
bool gd_few_enough(struct gd_call *c, const char *name);

/* Parameter as an axis of x (negative ones count from the end; a scalar takes 0 and -1). */
bool gd_axis(struct gd_call *c, const char *name, const struct gd_node *x, int *axis);
/* The same for a value out of it. */
bool gd_axis_of(struct gd_call *c, const char *name, const struct gd_node *x, int64_t value,
                int *axis);
/* The same for one, several or (null, or an empty list) all axes, as a mask. */
bool gd_axes(struct gd_call *c, const char *name, const struct gd_node *x, unsigned *axes);

/* Operand i read as integers in [low, high], `ignored` allowed too; the elements must be known, so
 * it is a tensor of the request. NULL on a failure. */
struct gd_node *gd_as_index(struct gd_call *c, int i, int64_t low, int64_t high,
                            const int64_t *ignored);
/* A mask from numbers: true where not 0. */
struct gd_node *gd_as_bool(struct gd_call *c, int i);

#endif
