/* Attention, as the layers that contain it build it. */
#ifndef GD_ATTENTION_H
#define GD_ATTENTION_H

#include "core/op.h"

/* Masks of the scores, NULL where there are none; each broadcasts to them. */
struct gd_attention_mask {
	struct gd_node *allowed; /* bool: what takes part */
	struct gd_node *added;
};

/* softmax(scale·q·kᵀ + mask)·v over (…, L, E), (…, S, E), (…, S, V); *weights, if wanted, is the
 * softmax. A row of which nothing takes part has weights 0. `noise` multiplies the weights. */
struct gd_node *gd_attend(struct gd_graph *g, struct gd_node *q, struct gd_node *k,
                          struct gd_node *v, struct gd_attention_mask mask, double scale,
                          struct gd_node *noise, struct gd_node **weights);

/* Several heads with projections, on three axes: (N, L, E), or (L, N, E) unless batch_first. */
struct gd_heads {
	struct gd_node *in_weight, *in_bias;   /* (3E, E), (3E) or NULL */
	struct gd_node *out_weight, *out_bias; /* (E, E), (E) or NULL */
	struct gd_attention_mask mask;         /* of (N, heads, L, S) */
	int64_t heads;
	bool batch_first;
	double dropout; /* of the weights, with noise from `seed` */
	uint64_t seed;
};

/* *weights: (N, heads, L, S), some of them dropped where there is dropout. */
struct gd_node *gd_multi_head(struct gd_graph *g, const struct gd_heads *a, struct gd_node *q,
                              struct gd_node *k, struct gd_node *v, struct gd_node **weights);

/* Reads attn_mask (operand i: (L, S) or (N·heads, L, S)) and key_padding_mask (operand i + 1:
 * (N, S), or (S) unless batched), in which a bool true shuts out. */
bool gd_shut_masks(struct gd_call *c, int i, bool batched, int64_t n, int64_t heads, int64_t length,
                   int64_t source, struct gd_attention_mask *mask);

/* num_heads, under the parameter's name, must divide the width. */
bool gd_heads_fit(struct gd_call *c, const char *name, int64_t width, int64_t *heads);

/* x·wᵀ + b, w (out, in), b may be NULL. */
struct gd_node *gd_project(struct gd_graph *g, struct gd_node *x, struct gd_node *w,
                           struct gd_node *b);

#endif
