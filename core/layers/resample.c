/* Images unfolded into windows and back, pixels shuffled into channels and back. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/window.h"

/* --- unfold and fold ------------------------------------------------------------------------ */

static bool read_window(struct gd_call *c, struct gd_window *v, int64_t *kernel)
{
	*v = (struct gd_window){.n = 2, .groups = 1};
	return gd_each_axis(c, "kernel_size", 2, 1, false, kernel) &&
	       gd_each_axis(c, "dilation", 2, 1, false, v->dilation) &&
	       gd_each_axis(c, "padding", 2, 0, false, v->pad) &&
	       gd_each_axis(c, "stride", 2, 1, false, v->stride);
}

static bool too_many(struct gd_call *c)
{
	gd_graph_fail(c->g, GD_ERR_limit_exceeded, "the result has too many elements");
	return false;
}

bool gd_build_im2col(struct gd_call *c)
{
	bool single;
	struct gd_window v;
	int64_t kernel[2], out[2];
	struct gd_node *x = gd_with_batch(c, 2, &single);
	if (!x || !read_window(c, &v, kernel))
		return false;
	if (x->shape[1] == 0) {
		gd_graph_fail(c->g, GD_ERR_shape_mismatch,
		              "%s has no channels: only the batch may be empty",
		              gd_label(c->in[0], "input"));
		return false;
	}
	for (int i = 0; i < 2; i++) {
		int64_t in = x->shape[2 + i];
		out[i] = gd_positions(in, v.pad[i], v.pad[i], kernel[i], v.stride[i], v.dilation[i],
		                      false);
		if (out[i] == INT64_MAX)
			return too_many(c);
		if (out[i] == 0)
			return gd_param_fail(
			        c, "kernel_size",
			        "is %lld, longer than axis %d of %s, which has %lld elements "
			        "and %lld of padding on either side",
			        (long long)kernel[i], c->in[0]->rank - 2 + i,
			        gd_label(c->in[0], "input"), (long long)in, (long long)v.pad[i]);
	}
	return gd_give(c, gd_without_batch(c->g, gd_im2col(c->g, x, &v, kernel, out), single));
}

bool build_fold(struct gd_call *c)
{
	bool single;
	struct gd_window v;
	int64_t kernel[2], out[2], size[2], taps, positions;
	struct gd_node *x = gd_with_batch(c, 1, &single);
	if (!x || !gd_each_axis(c, "output_size", 2, 0, false, size) || !read_window(c, &v, kernel))
		return false;
	for (int i = 0; i < 2; i++) {
		out[i] = gd_positions(size[i], v.pad[i], v.pad[i], kernel[i], v.stride[i],
		                      v.dilation[i], false);
		if (out[i] == INT64_MAX)
			return too_many(c);
	}
	if (__builtin_mul_overflow(kernel[0], kernel[1], &taps) ||
	    __builtin_mul_overflow(out[0], out[1], &positions))
		return too_many(c);
	int axis = c->in[0]->rank - 2;
	if (x->shape[1] == 0 || x->shape[1] % taps != 0)
		return gd_param_fail(
		        c, "kernel_size",
		        "has %lld elements, which do not divide axis %d of %s, %lld long",
		        (long long)taps, axis, gd_label(c->in[0], "input"), (long long)x->shape[1]);
	if (x->shape[2] != positions)
		return gd_param_fail(
		        c, "output_size",
		        "(%lld, %lld) has %lld × %lld positions for the window, but the "
		        "last axis of %s is %lld long",
		        (long long)size[0], (long long)size[1], (long long)out[0],
		        (long long)out[1], gd_label(c->in[0], "input"), (long long)x->shape[2]);
	return gd_give(c,
	               gd_without_batch(c->g, gd_col2im(c->g, x, &v, size, kernel, out), single));
}

/* --- shuffles: a reshape, a permutation, a reshape ------------------------------------------ */

static struct gd_node *shuffle(struct gd_graph *g, struct gd_node *x, int rank,
                               const int64_t *split, const int8_t *perm, int out_rank,
                               const int64_t *shape)
{
	return gd_reshape(g, gd_permute(g, gd_reshape(g, x, rank, split), perm), out_rank, shape);
}

/* The axes in front of the last three are one here. */
static bool is_image(struct gd_call *c, const char *name, int64_t factor, int64_t *front)
{
	const struct gd_node *x = c->in[0];
	*front = 1;
	if (x->rank < 3) {
		gd_graph_fail(c->g, GD_ERR_shape_mismatch,
		              "%s needs at least 3 axes (channels, height, width), but has %d",
		              gd_label(x, "input"), x->rank);
		return false;
	}
	if (factor < 1)
		return gd_param_fail(c, name, "is %lld, but must be at least 1", (long long)factor);
	for (int i = 0; i < x->rank - 3; i++)
		if (__builtin_mul_overflow(*front, x->shape[i], front))
			return too_many(c);
	return true;
}

bool build_pixel_shuffle(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	int64_t r = gd_int(c, "upscale_factor"), front, r2, shape[GD_MAX_RANK];
	if (!is_image(c, "upscale_factor", r, &front))
		return false;
	const int64_t *image = x->shape + x->rank - 3;
	if (__builtin_mul_overflow(r, r, &r2) || image[0] % r2 != 0)
		return gd_param_fail(
		        c, "upscale_factor",
		        "is %lld, whose square does not divide the %lld channels of %s",
		        (long long)r, (long long)image[0], gd_label(x, "input"));
	memcpy(shape, x->shape, sizeof shape);
	shape[x->rank - 3] = image[0] / r2;
	if (__builtin_mul_overflow(image[1], r, &shape[x->rank - 2]) ||
	    __builtin_mul_overflow(image[2], r, &shape[x->rank - 1]))
		return too_many(c);
	int64_t split[6] = {front, image[0] / r2, r, r, image[1], image[2]};
	return gd_give(c, shuffle(c->g, x, 6, split, (int8_t[]){0, 1, 4, 2, 5, 3}, x->rank, shape));
}

bool build_pixel_unshuffle(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	int64_t r = gd_int(c, "downscale_factor"), front, r2, shape[GD_MAX_RANK];
	if (!is_image(c, "downscale_factor", r, &front))
		return false;
	const int64_t *image = x->shape + x->rank - 3;
	if (image[1] % r != 0 || image[2] % r != 0)
		return gd_param_fail(
		        c, "downscale_factor",
		        "is %lld, which does not divide the height %lld and width %lld of %s",
		        (long long)r, (long long)image[1], (long long)image[2],
		        gd_label(x, "input"));
	memcpy(shape, x->shape, sizeof shape);
	if (__builtin_mul_overflow(r, r, &r2) ||
	    __builtin_mul_overflow(image[0], r2, &shape[x->rank - 3]))
		return too_many(c);
	shape[x->rank - 2] = image[1] / r;
	shape[x->rank - 1] = image[2] / r;
	int64_t split[6] = {front, image[0], image[1] / r, r, image[2] / r, r};
	return gd_give(c, shuffle(c->g, x, 6, split, (int8_t[]){0, 1, 3, 5, 2, 4}, x->rank, shape));
}

bool build_channel_shuffle(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	int64_t groups = gd_int(c, "groups"), inner = 1;
	if (x->rank < 3) {
		gd_graph_fail(c->g, GD_ERR_shape_mismatch,
		              "%s needs at least 3 axes (batch, channels and more), but has %d",
		              gd_label(x, "input"), x->rank);
		return false;
	}
	if (groups < 1 || x->shape[1] % groups != 0)
		return gd_param_fail(
		        c, "groups",
		        "is %lld, but must be positive and divide the %lld channels of %s",
		        (long long)groups, (long long)x->shape[1], gd_label(x, "input"));
	for (int i = 2; i < x->rank; i++)
		if (__builtin_mul_overflow(inner, x->shape[i], &inner))
			return too_many(c);
	int64_t split[4] = {x->shape[0], groups, x->shape[1] / groups, inner};
	return gd_give(c, shuffle(c->g, x, 4, split, (int8_t[]){0, 2, 1, 3}, x->rank, x->shape));
}
