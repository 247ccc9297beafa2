#ifndef GD_BAND_H
#define GD_BAND_H

#include "core/graph.h"

/* x[…, i, j] where low ≤ j - i ≤ high, else 0; rank ≥ 2. A triangle has one end open: INT64_MIN,
 * INT64_MAX. */
struct gd_node *gd_band(struct gd_graph *g, struct gd_node *x, int64_t low, int64_t high);

#endif
