/* A specification → a graph: tensors, layers, the scalar, and what is asked for. */
#ifndef GD_SPEC_H
#define GD_SPEC_H

#include "api/endpoint.h"
#include "core/graph.h"

/* A tensor of the request, or the named output of a layer. */
struct gd_name {
	const char *name;
	struct gd_node *node;
	bool is_output;
	bool used;             /* a layer reads it as floating numbers */
	bool used_as_index;    /* … or as integers or a mask */
	const void *listed;    /* the last list of names that held it */
	struct gd_name *next;  /* in order of appearance */
	struct gd_name *chain; /* in its bucket */
};

/* Names asked for, with their nodes. */
struct gd_wanted {
	int n;
	const char **names;
	struct gd_node **nodes;
};

/* Tensors, and what they are given for. */
struct gd_vectors {
	int n;
	struct gd_node **of, **values;
};

struct gd_spec {
	struct gd_exchange *x;
	bool second;                /* for second derivatives */
	bool per_sample;            /* "per_sample" is true */
	bool wants_rows;            /* the layer being read is the loss whose rows that means */
	struct gd_node *row_losses; /* then: of each row alone */
	struct gd_graph graph;
	struct gd_name *first, **last;
	struct gd_name **buckets;
	size_t n_buckets, n_names;
	int linear_layers, linear_seen;
	struct gd_node *output;    /* the last layer's first output */
	struct gd_node *loss;      /* the loss's value, or NULL */
	const char *scalar_origin; /* pointer of what should be a scalar */
	struct gd_wanted wrt, returns;
	enum gd_encoding encoding;
};

/* Reads everything that all calculations share: dtype, tensors, layers, loss, wrt, return,
 * encoding. Fields beyond these and the endpoint's own are unknown. The spec lives in the
 * exchange's arena. */
struct gd_spec *gd_spec_read(struct gd_exchange *x);

/* The same for second derivatives: a named output is then a variable that no rule before it reads,
 * so that a derivative by it is that of what comes behind it. */
struct gd_spec *gd_spec_read_second(struct gd_exchange *x);

/* What /jacobian and /jvp are of: the last layer's first output (the loss where there are no
 * layers). NULL: it has no derivative, or grad_output is given too. */
struct gd_node *gd_spec_function(struct gd_spec *s);

/* Tensors given by name in the object `field`, for floating tensors and outputs, of their shapes;
 * with `among_wrt` for those of wrt. */
bool gd_spec_vectors(struct gd_spec *s, const char *field, bool among_wrt,
                     struct gd_vectors *vectors);

/* The same with several cotangents at once, on a leading axis: *seeds is (k, *y). */
bool gd_spec_cotangents(struct gd_spec *s, struct gd_node **y, struct gd_node **seeds);

/* The scalar to differentiate, and the cotangent to start from (NULL: 1): the loss, or the last
 * output with "grad_output", or a last output of one element. False: not_scalar, or what is wrong
 * with grad_output. */
bool gd_spec_scalar(struct gd_spec *s, struct gd_node **y, struct gd_node **seed);

/* A tensor or output by name, or NULL. */
struct gd_name *gd_spec_find(const struct gd_spec *s, const char *name);

/* unknown_tensor at v, with a did-you-mean. Returns NULL. */
struct gd_node *gd_spec_unknown(struct gd_spec *s, const struct gd_json *v, const char *name);

/* Is grad_output given? */
bool gd_spec_seeded(const struct gd_spec *s, struct gd_json *v);

/* --- between spec.c and layer.c ----------------------------------------------------------- */

/* A new name; NULL when the arena is out. */
struct gd_name *gd_spec_add(struct gd_spec *s, const char *name);

struct gd_call;

/* Builds s->row_losses for a loss, called with these operands and parameters (api/per_sample.c). */
bool gd_loss_rows(struct gd_spec *s, const struct gd_call *call);

/* Builds one layer (or the loss) from its JSON; *y is its first output. */
bool gd_layer_read(struct gd_spec *s, const struct gd_json *v, bool is_loss, struct gd_node **y);

#endif
