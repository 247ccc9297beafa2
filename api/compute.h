/* What the calculations share: a list of outputs, evaluated once. */
#ifndef GD_COMPUTE_H
#define GD_COMPUTE_H

#include "api/spec.h"
#include "core/rows.h"
#include "core/schedule.h"

/* A tensor that is filled row by row, by name. */
struct gd_result {
	struct gd_result *next;
	struct gd_node *node;
};

struct gd_compute {
	struct gd_spec *spec;
	struct gd_schedule *schedule; /* made by gd_compute_ready */
	struct gd_sweep sweep;
	struct gd_node **outputs;
	int n, room;
	struct gd_rows_plan rows; /* Jacobians and the like: block by block */
	int rows_base;
	struct gd_result *results;
	double result_bytes;
	struct gd_node **warned; /* the outputs that sweep is about */
	int n_warned;
};

/* Asks for a node's value. */
bool gd_ask(struct gd_compute *c, struct gd_node *node);
bool gd_ask_all(struct gd_compute *c, int n, struct gd_node *const *nodes);

/* What /grad, /hvp and /hessian differentiate. */
struct gd_scalar {
	struct gd_node *y, *seed; /* gd_spec_scalar's */
	struct gd_node **grads;   /* one for each wrt */
};

/* Finds the scalar, builds its gradients by wrt, and asks for them and (without a seed) for it. */
bool gd_ask_gradients(struct gd_compute *c, struct gd_scalar *scalar);

/* Is a tensor of shape (*a, *b) within the limits, among those asked about before? Else
 * limit_exceeded. */
bool gd_result_fits(struct gd_compute *c, const struct gd_node *a, const struct gd_node *b,
                    struct gd_tensor *t);

/* A tensor of shape (*a, *b) for rows to be stored in, if it fits. */
struct gd_node *gd_result_new(struct gd_compute *c, const struct gd_node *a,
                              const struct gd_node *b);

/* Asks for the rows of a dummy seed (core/rows.h). All other nodes have been built by then. */
bool gd_ask_rows(struct gd_compute *c, struct gd_node *u, int n,
                 const struct gd_rows_target *targets);

/* Makes everything asked for checked and costed: ends a prepare. */
bool gd_compute_ready(struct gd_compute *c);

/* Evaluates; the values then stand in the nodes. */
bool gd_compute_run(struct gd_compute *c);

/* "key": value, and "key": {name: value, …}, in the spec's encoding. */
void gd_write_node(struct gd_compute *c, const char *key, const struct gd_node *node);
void gd_write_named(struct gd_compute *c, const char *key, int n, const char *const *names,
                    struct gd_node *const *nodes);

/* A node of one element as a bare number. */
void gd_write_scalar(struct gd_compute *c, const char *key, const struct gd_node *node);

/* "loss" (but for a seed) and "gradients". */
void gd_write_gradients(struct gd_compute *c, const struct gd_scalar *scalar);

/* "loss" where one is given, a scalar or not. */
void gd_write_loss(struct gd_compute *c);

/* "values" where "return" asked for some, and "warnings". */
bool gd_write_rest(struct gd_compute *c);

#endif
