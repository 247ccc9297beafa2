/* What an evaluation does, step by step: decided once, run as often as wanted.
 *
 * Nodes that no output needs have no step; elementwise ones are fused (core/fuse.h); an array is
 * given back after the step that reads it last, or overwritten by that step's result. */
#ifndef GD_SCHEDULE_H
#define GD_SCHEDULE_H

#include "core/eval.h"

struct gd_schedule;

/* The schedule for these outputs, in `arena`. It holds as long as the graph's nodes up to them
 * stay as they are. NULL on an error (in g->error). */
struct gd_schedule *gd_schedule_new(struct gd_graph *g, struct gd_arena *arena, int n,
                                    struct gd_node *const *outputs);

/* Computes the outputs' data, in run->graph's arena. */
bool gd_schedule_run(struct gd_sweep *run, const struct gd_schedule *s);

/* How many arrays a run makes: what fusion and common nodes save shows here. */
int gd_schedule_arrays(const struct gd_schedule *s);

#endif
