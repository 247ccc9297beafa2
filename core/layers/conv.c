/* Convolutions. */
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/window.h"

/* The weight's shape, and that its channels fit the input's and the bias: `input_axis` is the one
 * of the weight's first two that the input's channels meet. */
static bool weight_fits(struct gd_call *c, int n, const struct gd_node *x, int input_axis)
{
	struct gd_graph *g = c->g;
	const struct gd_node *w = c->in[1], *b = c->n_in > 2 ? c->in[2] : NULL;
	int64_t groups = gd_int(c, "groups");
	char tx[GD_SHAPE_TEXT], tw[GD_SHAPE_TEXT];
	gd_shape_text(x->rank, x->shape, tx);
	gd_shape_text(w->rank, w->shape, tw);
	const char *name_x = gd_label(c->in[0], "input"), *name_w = gd_label(w, "weight");
	if (groups < 1)
		return gd_param_fail(c, "groups", "is %lld, but must be at least 1",
		                     (long long)groups);
	if (w->rank != n + 2) {
		gd_shape_fail(g, x, w,
		              "%s needs %d axes (two of channels and %d more), its shape is %s",
		              name_w, n + 2, n, tw);
		return false;
	}
	for (int i = 0; i < w->rank; i++)
		if (w->shape[i] == 0 && !(i == 1 && input_axis == 1)) {
			gd_graph_fail(g, GD_ERR_shape_mismatch, "axis %d of %s %s is empty", i,
			              name_w, tw);
			return false;
		}
	if (w->shape[0] % groups != 0)
		return gd_param_fail(c, "groups",
		                     "is %lld, which does not divide the %lld channels "
		                     "that %s %s has on its first axis",
		                     (long long)groups, (long long)w->shape[0], name_w, tw);
	int64_t needed, out;
	if (__builtin_mul_overflow(w->shape[1], groups, &needed))
		return gd_param_fail(c, "groups", "is too large");
	out = input_axis ? w->shape[0] : needed;
	needed = input_axis ? needed : w->shape[0];
	if (x->shape[1] != needed) {
		int64_t expected[GD_MAX_RANK];
		int channels = c->in[0]->rank - n - 1;
		memcpy(expected, c->in[0]->shape, sizeof expected);
		expected[channels] = needed;
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "%s %s has %lld channel%s, but %s %s with groups %lld takes %lld",
		              name_x, tx, (long long)x->shape[1], x->shape[1] == 1 ? "" : "s",
		              name_w, tw, (long long)groups, (long long)needed);
		gd_error_shapes(g->error, c->in[0]->rank, expected, c->in[0]->rank,
		                c->in[0]->shape);
		return false;
	}
	if (b && (b->rank != 1 || b->shape[0] != out)) {
		char tb[GD_SHAPE_TEXT];
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "the output has %lld channel%s, but %s has the shape %s",
		              (long long)out, out == 1 ? "" : "s", gd_label(b, "bias"),
		              gd_shape_text(b->rank, b->shape, tb));
		gd_error_shapes(g->error, 1, &out, b->rank, b->shape);
		return false;
	}
	return true;
}

static bool too_many(struct gd_call *c)
{
	gd_graph_fail(c->g, GD_ERR_limit_exceeded, "the result has too many elements");
	return false;
}

/* Numbers out of "padding": given, none for "valid", or as many as keep the size, the odd one
 * behind. */
static bool read_padding(struct gd_call *c, int n, const int64_t *kernel, struct gd_window *v,
                         int64_t *after)
{
	bool same = gd_chosen(c, "padding", "same");
	for (int i = 0; i < n; i++)
		v->pad[i] = after[i] = 0;
	if (gd_chosen(c, "padding", "valid"))
		return true;
	if (!same) {
		if (!gd_each_axis(c, "padding", n, 0, true, v->pad))
			return false;
		memcpy(after, v->pad, (size_t)n * sizeof *after);
		return true;
	}
	for (int i = 0; i < n; i++) {
		int64_t total;
		if (v->stride[i] != 1)
			return gd_param_fail(c, "padding",
			                     "\"same\" needs a stride of 1, but the stride is %lld",
			                     (long long)v->stride[i]);
		if (__builtin_mul_overflow(v->dilation[i], kernel[i] - 1, &total))
			return too_many(c);
		v->pad[i] = total / 2;
		after[i] = total - v->pad[i];
	}
	return true;
}

static bool convolution(struct gd_call *c, int n)
{
	bool single;
	struct gd_graph *g = c->g;
	struct gd_node *x = gd_with_batch(c, n, &single), *w = c->in[1];
	struct gd_window v = {.n = n, .groups = gd_int(c, "groups")};
	int64_t after[GD_SPATIAL], out[GD_SPATIAL];
	if (!x || !weight_fits(c, n, x, 1) || !gd_each_axis(c, "stride", n, 1, true, v.stride) ||
	    !gd_each_axis(c, "dilation", n, 1, true, v.dilation) ||
	    !read_padding(c, n, w->shape + 2, &v, after))
		return false;
	for (int i = 0; i < n; i++) {
		int64_t kernel = w->shape[2 + i], in = x->shape[2 + i];
		out[i] = gd_positions(in, v.pad[i], after[i], kernel, v.stride[i], v.dilation[i],
		                      false);
		if (out[i] == INT64_MAX)
			return too_many(c);
		if (out[i] == 0) {
			char tx[GD_SHAPE_TEXT], tw[GD_SHAPE_TEXT];
			gd_shape_fail(
			        g, x, w,
			        "the kernel of %s %s, with its dilation %lld, is longer than the "
			        "padded axis %d of %s %s",
			        gd_label(w, "weight"), gd_shape_text(w->rank, w->shape, tw),
			        (long long)v.dilation[i], c->in[0]->rank - n + i,
			        gd_label(c->in[0], "input"),
			        gd_shape_text(c->in[0]->rank, c->in[0]->shape, tx));
			return false;
		}
	}
	struct gd_node *y = gd_conv(g, x, w, c->n_in > 2 ? c->in[2] : NULL, &v, out);
	return gd_give(c, gd_without_batch(g, y, single));
}

/* Size of the input of a convolution whose result is in[i] long; INT64_MAX where numbers run over,
 * 0 where there is none. */
static int64_t transposed_size(int64_t in, const struct gd_window *v, int i, int64_t kernel,
                               int64_t extra)
{
	const __int128 limit = (__int128)1 << 60;
	__int128 from = (__int128)(in - 1) * v->stride[i],
	         reach = (__int128)v->dilation[i] * (kernel - 1);
	__int128 out = from + reach + extra + 1 - 2 * (__int128)v->pad[i];
	if (from > limit || reach > limit || v->pad[i] > limit || out > limit)
		return out > 0 ? INT64_MAX : 0;
	return out > 0 ? (int64_t)out : 0;
}

static bool transposed(struct gd_call *c, int n)
{
	bool single;
	struct gd_graph *g = c->g;
	struct gd_node *x = gd_with_batch(c, n, &single), *w = c->in[1];
	struct gd_node *b = c->n_in > 2 ? c->in[2] : NULL;
	struct gd_window v = {.n = n, .groups = gd_int(c, "groups")};
	int64_t extra[GD_SPATIAL], out[GD_SPATIAL];
	if (!x || !weight_fits(c, n, x, 0) || !gd_each_axis(c, "stride", n, 1, true, v.stride) ||
	    !gd_each_axis(c, "padding", n, 0, true, v.pad) ||
	    !gd_each_axis(c, "dilation", n, 1, true, v.dilation) ||
	    !gd_each_axis(c, "output_padding", n, 0, true, extra))
		return false;
	for (int i = 0; i < n; i++) {
		if (extra[i] >= v.stride[i] && extra[i] >= v.dilation[i])
			return gd_param_fail(
			        c, "output_padding",
			        "is %lld, but must be smaller than the stride %lld or the "
			        "dilation %lld",
			        (long long)extra[i], (long long)v.stride[i],
			        (long long)v.dilation[i]);
		out[i] = transposed_size(x->shape[2 + i], &v, i, w->shape[2 + i], extra[i]);
		if (out[i] == INT64_MAX)
			return too_many(c);
		if (out[i] == 0)
			return gd_param_fail(c, "padding",
			                     "is %lld, which leaves nothing of axis %d",
			                     (long long)v.pad[i], i);
	}
	struct gd_node *y = gd_conv_input(g, x, w, &v, out);
	if (y && b) {
		int64_t shape[1 + GD_SPATIAL] = {b->shape[0], 1, 1, 1};
		y = gd_add(g, y, gd_reshape(g, b, 1 + n, shape));
	}
	return gd_give(c, gd_without_batch(g, y, single));
}

bool build_conv1d(struct gd_call *c)
{
	return convolution(c, 1);
}

bool build_conv2d(struct gd_call *c)
{
	return convolution(c, 2);
}

bool build_conv3d(struct gd_call *c)
{
	return convolution(c, 3);
}

bool build_conv_transpose1d(struct gd_call *c)
{
	return transposed(c, 1);
}

bool build_conv_transpose2d(struct gd_call *c)
{
	return transposed(c, 2);
}

bool build_conv_transpose3d(struct gd_call *c)
{
	return transposed(c, 3);
}
