/* The graph: nodes in topological order, and builders with a sticky error.
 *
 * A request becomes a graph; differentiating appends to the same graph. Builders (core/build.h)
 * return NULL once the graph has failed and accept NULL operands, so that a rule reads as
 * mathematics, `return gd_mul(g, dy, gd_cos(g, x));`, and the error is looked at once. All nodes
 * live in the graph's arena. One floating dtype serves the whole graph. */
#ifndef GD_GRAPH_H
#define GD_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "core/error.h"
#include "core/tensor.h"

struct gd_graph;
struct gd_node;
struct gd_sweep;
struct gd_window;
struct gd_ranges;
struct gd_taps;

/* A primitive operation: shape is the builder's business, the rest is here. */
struct gd_prim {
	const char *name;
	/* Fills n->data from n->in[i]->data. NULL: a leaf, or an alias of in[0]'s data. */
	void (*forward)(struct gd_sweep *run, struct gd_node *n);
	/* Given y = prim(in…) and dy = dL/dy of y's shape, sets dx[i] = dL/d in[i], of in[i]'s
	 * shape, for each i with gd_wants(y, i); dx[i] stays NULL for zero. NULL: derivative zero.
	 */
	void (*vjp)(struct gd_graph *g, struct gd_node *y, struct gd_node *dy, struct gd_node **dx);
	/* Mask of the inputs at points without a derivative, or NULL. */
	struct gd_node *(*kink)(struct gd_graph *g, struct gd_node *y);
	const char *kink_text; /* "gradient 0 used there" */
	/* Elementwise: y[0..count) of up to 3 operands that step by step[i] elements, 1 or 0; y may
	 * be one of its own dtype. An element's value depends on its operands' elements alone, and
	 * nothing fails. NULL: only `forward` knows. */
	void (*block)(const struct gd_node *n, size_t count, void *y, const void *const *in,
	              const size_t *step);
	int row;          /* of elementwise.def: which kernel is its block */
	bool cheap;       /* elementwise, and takes no longer than reading its operands */
	bool elementwise; /* may write over an input of its own shape and dtype */
	bool alias;       /* shares in[0]'s data */
	bool linear;      /* elementwise, derivative without products: zeros stay zeros */
	bool moves;       /* derivative only moves and adds elements, whatever they are */
	/* Floating-point operations, roughly; NULL: one for each element of the output. */
	double (*cost)(const struct gd_node *n);
	/* y for k operands at once (core/batch.h); NULL: its forward, k times. */
	struct gd_node *(*batch)(struct gd_graph *g, struct gd_node *y, struct gd_node *const *in,
	                         int64_t k);
	/* y for all rows of a batch, each by itself (core/sample.h); NULL: they are batched. */
	struct gd_node *(*rows)(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
	                        int64_t n, bool *apart);
};

/* What a primitive needs beyond its operands; each primitive uses one member. */
union gd_attr {
	double value;             /* scalar constant */
	unsigned axes;            /* reductions: bit i is axis i */
	int axis;                 /* softmax, cat, gather … */
	int8_t perm[GD_MAX_RANK]; /* permute: output axis i is input axis perm[i] */
	struct {
		bool a, b; /* matmul: operand's last two axes swapped */
	} transposed;
	const struct gd_slice *slice;      /* slice and its adjoint */
	const struct gd_view *view;        /* strided and its adjoint */
	const struct gd_index_rule *index; /* checked_index */
	const char *role;                  /* check: what its operand is called */
	struct {
		int64_t low, high;
	} band;                         /* diagonals that stay */
	const struct gd_window *window; /* convolutions, fold and unfold */
	const struct gd_ranges *ranges; /* max pooling */
	struct {
		const struct gd_taps *taps;
		int axis;
	} resample;
	struct {
		double p, scale; /* noise: `scale` with probability 1 - p, else 0 */
		uint64_t seed;
	} noise;
	struct {
		int64_t before, after; /* window_sum: to each side */
	} reach;
	struct {
		int axis;
		bool descending;
	} order;                      /* argsort */
	int64_t first;                /* unit_rows: the element that is 1 in row 0 */
	struct gd_mapped *mapped;     /* one primitive many times (core/batch.c) */
	const struct gd_store *store; /* where rows go (core/rows.c) */
	struct {
		int64_t value, by;
	} replace; /* index_is, index_replace */
};

struct gd_slice {
	int64_t start[GD_MAX_RANK], step[GD_MAX_RANK]; /* step ≥ 1 */
};

struct gd_view {
	int64_t offset, stride[GD_MAX_RANK]; /* elements; strides may be 0 or negative */
};

struct gd_node {
	const struct gd_prim *prim;
	struct gd_node **in;
	struct gd_node *in_place[3]; /* room for in[] of most nodes */
	int n_in;
	int id; /* index into graph->nodes; operands have smaller ones */
	enum gd_dtype dtype;
	int rank;
	int64_t shape[GD_MAX_RANK];
	size_t count;
	union gd_attr attr;
	const char *origin;   /* whose node it is, as errors and warnings name it */
	const char *op;       /* the operation that built it */
	const char *name;     /* the client's name for it, or NULL */
	bool backward;        /* appended by differentiation */
	bool check;           /* evaluation reports whether it is finite */
	bool wanted;          /* differentiation: depends on a wrt */
	bool needed, keep;    /* evaluation: some output needs it; is an output */
	int uses;             /* evaluation: reads still to come */
	struct gd_node *twin; /* evaluation: the earlier node whose data it shares, or NULL */
	bool bad;             /* evaluation with a trace: not finite, */
	size_t bad_index;     /* first at this element, */
	double bad_value;     /* of this value */
	void *data;           /* elements: a leaf's from the start, others' while they live */
	struct gd_node *mask; /* differentiation: where this cotangent may be non-zero, or NULL */
};

/* Points where the derivative does not exist and that were touched. */
struct gd_kink {
	struct gd_kink *next;
	const struct gd_node *at; /* the operation's output */
	struct gd_node *count;    /* scalar: how many inputs, after evaluation */
	size_t total;             /* of how many */
	const char *text;
	bool passed; /* a gradient went through it */
};

struct gd_graph {
	struct gd_arena *arena;
	struct gd_error *error; /* sticky */
	enum gd_dtype dtype;    /* GD_FLOAT64 or GD_FLOAT32: of every floating node */
	size_t max_nodes;
	struct gd_node **nodes;
	int n_nodes, room;
	bool looked_at_data;     /* it was built for these very elements */
	const char *origin, *op; /* given to new nodes */
	bool backward;           /* likewise */
	struct gd_kink *kinks;
};

/* `max_nodes`: more nodes than that are limit_exceeded. */
void gd_graph_init(struct gd_graph *g, struct gd_arena *arena, struct gd_error *error,
                   enum gd_dtype dtype, size_t max_nodes);

static inline bool gd_failed(const struct gd_graph *g)
{
	return g->error->code != GD_OK;
}

/* Sets the graph's error, its pointer from g->origin; returns NULL. */
struct gd_node *gd_graph_fail(struct gd_graph *g, enum gd_code code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The same for two shapes that do not fit, which the error then carries. */
struct gd_node *gd_shape_fail(struct gd_graph *g, const struct gd_node *expected_like,
                              const struct gd_node *got, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* A node of a primitive: dtype and shape as said, operands copied. Any NULL operand gives NULL. */
struct gd_node *gd_node_new(struct gd_graph *g, const struct gd_prim *prim, enum gd_dtype dtype,
                            int rank, const int64_t *shape, int n_in, struct gd_node *const *in);

/* A leaf over data that outlives the graph; `name` too (or NULL). */
struct gd_node *gd_leaf(struct gd_graph *g, const struct gd_tensor *t, const char *name);

/* A scalar of the graph's floating dtype. Folded by the builders, unless it got a name. */
struct gd_node *gd_const(struct gd_graph *g, double value);
bool gd_is_const(const struct gd_node *n, double *value);
bool gd_is_leaf(const struct gd_node *n);

/* Makes a leaf of an evaluated node; to undo it, put prim and n_in back. */
void gd_node_hold(struct gd_node *n);

/* The node as a tensor (after evaluation). */
struct gd_tensor gd_node_tensor(const struct gd_node *n);

bool gd_same_shape(const struct gd_node *a, const struct gd_node *b);

/* Notes that `mask` marks inputs of the operation with output `at` where it has no derivative. */
void gd_note_kink(struct gd_graph *g, const struct gd_node *at, struct gd_node *mask,
                  const char *text);

/* Inside a vjp: does anything need dL/d in[i]? */
static inline bool gd_wants(const struct gd_node *y, int i)
{
	return y->in[i]->wanted;
}

/* How messages call an operand: the client's name for it, else `role`. */
static inline const char *gd_label(const struct gd_node *n, const char *role)
{
	return n->name ? n->name : role;
}

#endif
