/* The recursion over time of connectionist temporal classification. */
#ifndef GD_CTC_H
#define GD_CTC_H

#include "core/graph.h"

/* log_p (T, N, S), T ≥ 1: the log-probability of state s at time t, the states of a sample being
 * its labels with blanks around each; skip (N, S) of bool: may state s follow s - 2? Result (T, N,
 * S): the logarithm of the summed probability of all paths that begin in state 0 or 1 and are in
 * state s at time t, each step staying, going on to the next state or skipping one. */
struct gd_node *gd_ctc_alpha(struct gd_graph *g, struct gd_node *log_p, struct gd_node *skip);

#endif
