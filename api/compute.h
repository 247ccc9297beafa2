/* What the calculations share: a list of outputs, evaluated once. */
#ifndef GD_COMPUTE_H
#define GD_COMPUTE_H

#include "api/spec.h"
#include "core/eval.h"

struct gd_compute {
	struct gd_spec *spec;
	struct gd_sweep sweep;
	struct gd_node **outputs;
	int n, room;
};

/* Asks for a node's value. */
bool gd_ask(struct gd_compute *c, struct gd_node *node);
bool gd_ask_all(struct gd_compute *c, int n, struct gd_node *const *nodes);

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

/* "values" where "return" asked for some, and "warnings". */
bool gd_write_rest(struct gd_compute *c);

#endif
