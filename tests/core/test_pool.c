/* Pooling, interpolation and folding beyond what agrees with PyTorch at smooth points: ties, what
 * is refused, numbers beyond any tensor. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/cpu.h"
#include "core/ops/maxpool.h"
#include "tests/core/lab.h"
#include "tests/support/test.h"

/* How many inputs touched a kink that a gradient went through. */
static int touched(struct lab *l)
{
	double total = 0;
	for (struct gd_kink *k = l->g.kinks; k; k = k->next) {
		ck_assert(lab_eval(l, 1, &k->count));
		total += k->passed ? lab_at(k->count, 0) : 0;
	}
	return (int)total;
}

/* --- kinks ------------------------------------------------------------------------------------ */

enum { MOST = 12 };

/* Rows of one channel; the gradient for dy = 1. */
static const struct {
	const char *op, *params;
	int n;
	double in[MOST], grad[MOST];
	int touched; /* windows */
} kinks[] = {
        {"max_pool1d", "kernel_size=2", 6, {1, 1, 0, 2, 3, 3}, {1, 0, 0, 1, 1, 0}, 2},
        {"max_pool1d", "kernel_size=3 stride=1", 5, {1, 2, 2, 2, 0}, {0, 2, 1, 0, 0}, 3},
        {"max_pool1d", "kernel_size=2 dilation=2 stride=1", 4, {5, 1, 5, 0}, {1, 1, 0, 0}, 1},
        {"max_pool1d", "kernel_size=3 padding=1", 4, {2, 2, 0, 0}, {1, 0, 1, 0}, 2},
        {"max_pool1d",
         "kernel_size=3 stride=3 ceil_mode=true",
         4,
         {0, -0.0, -1, 7},
         {1, 0, 0, 1},
         1},
        {"max_pool1d", "kernel_size=2", 4, {1, 2, 4, 3}, {0, 1, 1, 0}, 0},
        {"adaptive_max_pool1d", "output_size=2", 5, {1, 1, 1, 1, 2}, {1, 0, 0, 0, 1}, 1},
        {"adaptive_max_pool1d", "output_size=1", 3, {-2, -2, -2}, {1, 0, 0}, 1},
        {"lp_pool1d", "norm_type=2 kernel_size=2", 4, {0, 0, 3, 4}, {0, 0, 0.6, 0.8}, 1},
        {"lp_pool1d", "norm_type=1 kernel_size=2", 4, {1, -1, 3, 4}, {0, 0, 1, 1}, 1},
        {"lp_pool1d", "norm_type=0.5 kernel_size=2", 2, {0, 0}, {0, 0}, 1},
};
enum { N_KINKS = sizeof kinks / sizeof *kinks };

START_TEST(gradients_at_kinks)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		struct gd_node *grad, *second;
		lab_init(&l, (enum gd_dtype)dtype);
		struct gd_node *x = lab_leaf(&l, 2, (int64_t[]){1, kinks[_i].n}, kinks[_i].in);
		struct gd_node *y = lab_call(&l, kinks[_i].op, kinks[_i].params, 1, x);
		ck_assert_msg(y != NULL, "%s", l.error.detail);
		ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
		lab_is(&l, grad, 1e-6, (size_t)kinks[_i].n, kinks[_i].grad, kinks[_i].op, _i);
		ck_assert_msg(touched(&l) == kinks[_i].touched, "row %d: %d touched", _i,
		              touched(&l));
		ck_assert(lab_grad(&l, gd_sum_all(&l.g, grad), NULL, 1, &x, &second));
		ck_assert(lab_eval(&l, 1, &second));
		ck_assert(gd_all_finite(second, NULL));
		lab_release(&l);
	}
}
END_TEST

/* Wide lines are looked at in parts; every place of the largest element and of a NaN. */
START_TEST(largest_anywhere)
{
	enum { WIDE = 150 };
	for (int at = 0; at < WIDE; at++)
		for (int stride = 1; stride < 4; stride++) {
			struct lab l;
			char params[64];
			lab_init(&l, at % 2 ? GD_FLOAT64 : GD_FLOAT32);
			struct gd_node *x = lab_random(&l, 3, (int64_t[]){1, 2, WIDE}, -1, 1);
			lab_set(x, (size_t)(WIDE + at), at % 3 ? 2 : NAN);
			snprintf(params, sizeof params, "kernel_size=2,4 stride=1,%d padding=1,2",
			         stride);
			struct gd_node *y = lab_call(&l, "max_pool2d", params, 1, x);
			ck_assert(lab_eval(&l, 1, &y));
			int64_t width = y->shape[2];
			for (int64_t p = 0; p < width; p++) {
				int64_t from = p * stride - 2;
				bool seen = from <= at && at < from + 4;
				double found = lab_at(y, (size_t)(width + p));
				ck_assert_int_eq(!(found < 2), seen);
				ck_assert(lab_at(y, (size_t)p) < 1);
			}
			lab_release(&l);
		}
}
END_TEST

START_TEST(indices_come_second)
{
	struct lab l;
	struct gd_call c;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 3, (1, 2, 4), 1, 5, 2, 7, 3, 7, 8, 0);
	const struct gd_op *op = gd_op_find("max_pool2d");
	ck_assert(lab_call_all(&l, &c, op, "kernel_size=2", 1, &x));
	ck_assert_int_eq(c.n_out, 1);
	ck_assert(lab_call_all(&l, &c, op, "kernel_size=2 return_indices=true", 1, &x));
	ck_assert_int_eq(c.n_out, 2);
	ck_assert_int_eq(c.out[1]->dtype, GD_INT64);
	LAB_IS(&l, c.out[0], 0, 7, 8);
	LAB_IS(&l, c.out[1], 0, 5, 6);
	lab_release(&l);
}
END_TEST

/* A dilation may step over all of a short axis. */
START_TEST(largest_of_nothing)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 3, (1, 2, 1), 5, 7), *grad;
	struct gd_node *y =
	        lab_call(&l, "max_pool2d", "kernel_size=2 stride=1 padding=0,1 dilation=1,2", 1, x);
	LAB_IS(&l, y, 0, -INFINITY);
	y = lab_call(&l, "max_pool2d", "kernel_size=2 stride=1 padding=1 dilation=1,2", 1,
	             LAB(&l, 3, (1, 2, 2), 5, 7, 6, 8));
	LAB_IS(&l, y, 0, 7, 5, 8, 6, 8, 6);
	y = lab_call(&l, "max_pool1d", "kernel_size=2 stride=1 padding=1 dilation=3", 1,
	             LAB(&l, 2, (1, 3), 1, 2, 3));
	LAB_IS(&l, y, 0, 3, 1);
	x = LAB(&l, 2, (1, 1), 4);
	y = lab_call(&l, "max_pool1d", "kernel_size=2 stride=1 padding=1 dilation=2", 1, x);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, y, 0, -INFINITY);
	LAB_IS(&l, grad, 0, 0);
	ck_assert_int_eq(touched(&l), 0);
	lab_release(&l);
}
END_TEST

/* Sums are of the elements as they are, so means of whole numbers are exact. */
START_TEST(means_are_exact_where_they_can_be)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		lab_init(&l, (enum gd_dtype)dtype);
		struct gd_node *x = LAB(&l, 3, (1, 3, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9);
		LAB_IS(&l, lab_call(&l, "avg_pool2d", "kernel_size=3", 1, x), 0, 5);
		LAB_IS(&l, lab_call(&l, "adaptive_avg_pool2d", "output_size=1", 1, x), 0, 5);
		LAB_IS(&l, lab_call(&l, "avg_pool2d", "kernel_size=3 padding=1 stride=3", 1, x),
		       dtype == GD_FLOAT64 ? 1e-16 : 6e-8, 12 / 9.);
		lab_release(&l);
	}
}
END_TEST

/* Large means in float32: sums along the last axis are double. */
START_TEST(large_means_keep_their_digits)
{
	struct lab l;
	lab_init(&l, GD_FLOAT32);
	struct gd_node *x = lab_random(&l, 3, (int64_t[]){1, 1, 100000}, 1000, 1001);
	struct gd_node *y = lab_call(&l, "adaptive_avg_pool1d", "output_size=1", 1, x);
	double sum = 0;
	for (size_t i = 0; i < x->count; i++)
		sum += lab_at(x, i);
	LAB_IS(&l, y, 1e-7, sum / 100000);
	lab_release(&l);
}
END_TEST

/* What a `where` did not choose stays zero on its way through sums. */
START_TEST(masks_go_through)
{
	static const char *const ops[][2] = {{"avg_pool1d", "kernel_size=2"},
	                                     {"max_pool1d", "kernel_size=2"},
	                                     {"interpolate", "size=2 mode=linear"},
	                                     {"interpolate", "size=2 mode=area"},
	                                     {"adaptive_avg_pool1d", "output_size=2"}};
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_graph *g = &l.g;
		struct gd_node *x = LAB(&l, 3, (1, 1, 4), 0, 0, 4, 4), *grad;
		struct gd_node *roots = gd_sqrt(g, x);
		struct gd_node *y = lab_call(&l, ops[i][0], ops[i][1], 1, roots);
		struct gd_node *z = gd_where(g, gd_gt(g, y, gd_const(g, 1)), y, gd_const(g, 0));
		ck_assert(lab_grad(&l, z, NULL, 1, &x, &grad));
		ck_assert(lab_eval(&l, 1, &grad));
		ck_assert_msg(lab_at(grad, 0) == 0 && lab_at(grad, 1) == 0, "%s", ops[i][0]);
		ck_assert_double_eq_tol(lab_at(grad, 2) + lab_at(grad, 3), 0.25, 1e-15);
		lab_release(&l);
	}
}
END_TEST

/* --- what is refused -------------------------------------------------------------------------- */

#define HUGE_NUMBER "1000000000000000000"

static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *pointer, *word;
} refused[] = {
        {"max_pool1d", "(5)", "kernel_size=2", GD_ERR_shape_mismatch, "", "3 axes"},
        {"max_pool2d", "(1,1,1,5,5)", "kernel_size=2", GD_ERR_shape_mismatch, "",
         "(1, 1, 1, 5, 5)"},
        {"max_pool2d", "(1,0,5,5)", "kernel_size=2", GD_ERR_shape_mismatch, "", "channels"},
        {"max_pool2d", "(1,1,0,5)", "kernel_size=2", GD_ERR_shape_mismatch, "", "axis 2"},
        {"max_pool2d", "(1,1,5,5)", "kernel_size=0", GD_ERR_invalid_parameter, "/kernel_size", "0"},
        {"max_pool2d", "(1,1,5,5)", "kernel_size=2,2,2", GD_ERR_invalid_parameter, "/kernel_size",
         "3 numbers"},
        {"max_pool2d", "(1,1,5,5)", "kernel_size=6", GD_ERR_invalid_parameter, "/kernel_size", "5"},
        {"max_pool2d", "(1,1,5,5)", "kernel_size=2 stride=0", GD_ERR_invalid_parameter, "/stride",
         "0"},
        {"max_pool2d", "(1,1,5,5)", "kernel_size=2 padding=2", GD_ERR_invalid_parameter, "/padding",
         "half"},
        {"max_pool2d", "(1,1,5,5)", "kernel_size=2 padding=-1", GD_ERR_invalid_parameter,
         "/padding", "-1"},
        {"max_pool2d", "(1,1,5,5)", "kernel_size=2 dilation=0", GD_ERR_invalid_parameter,
         "/dilation", "0"},
        {"avg_pool3d", "(1,2,3,3)", "kernel_size=3 padding=1", GD_ERR_invalid_parameter,
         "/kernel_size", "axis 1"},
        {"max_pool1d", "(1,1,5)", "kernel_size=" HUGE_NUMBER, GD_ERR_invalid_parameter,
         "/kernel_size", "longer"},
        {"max_pool1d", "(1,1,5)", "kernel_size=2 dilation=" HUGE_NUMBER, GD_ERR_invalid_parameter,
         "/kernel_size", ""},
        {"max_pool3d", "(1,1,2,2,3)", "kernel_size=3", GD_ERR_invalid_parameter, "/kernel_size",
         "axis 2"},
        {"avg_pool1d", "(1,1,5)", "kernel_size=2 padding=2", GD_ERR_invalid_parameter, "/padding",
         "half"},
        {"avg_pool2d", "(1,5,5)", "kernel_size=2 divisor_override=0", GD_ERR_invalid_parameter,
         "/divisor_override", "0"},
        {"avg_pool3d", "(1,5,5)", "kernel_size=2", GD_ERR_shape_mismatch, "", "(1, 5, 5)"},
        {"adaptive_avg_pool2d", "(1,5,5)", "output_size=-1", GD_ERR_invalid_parameter,
         "/output_size", "-1"},
        {"adaptive_avg_pool2d", "(1,5,5)", "output_size=[2]", GD_ERR_invalid_parameter,
         "/output_size", "list of 2"},
        {"adaptive_avg_pool2d", "(1,5,5)", "output_size=[null,-2]", GD_ERR_invalid_parameter,
         "/output_size", "-2"},
        {"adaptive_avg_pool2d", "(1,5,5)", "output_size=[null]", GD_ERR_invalid_parameter,
         "/output_size", "list of 2"},
        {"adaptive_avg_pool1d", "(1,0)", "output_size=1", GD_ERR_shape_mismatch, "", "empty"},
        {"adaptive_avg_pool1d", "(1,5)", "output_size=" HUGE_NUMBER, GD_ERR_limit_exceeded, "", ""},
        {"adaptive_max_pool2d", "(1,5,5)", "output_size=" HUGE_NUMBER, GD_ERR_limit_exceeded, "",
         ""},
        {"adaptive_max_pool3d", "(1,5,5)", "output_size=1", GD_ERR_shape_mismatch, "", "5 axes"},
        {"lp_pool1d", "(1,5)", "norm_type=0 kernel_size=2", GD_ERR_invalid_parameter, "/norm_type",
         "0"},
        {"lp_pool2d", "(1,5,5)", "norm_type=2 kernel_size=6", GD_ERR_invalid_parameter,
         "/kernel_size", "longer"},
        {"interpolate", "(1,1,4)", "", GD_ERR_invalid_parameter, "/size", "scale_factor"},
        {"interpolate", "(1,1,4)", "size=2 scale_factor=2", GD_ERR_invalid_parameter, "/size",
         "exclude"},
        {"interpolate", "(1,4)", "size=2", GD_ERR_shape_mismatch, "", "3 to 5"},
        {"interpolate", "(1,0,4)", "size=2", GD_ERR_shape_mismatch, "", "axis 1"},
        {"interpolate", "(1,1,4)", "size=0", GD_ERR_invalid_parameter, "/size", "0"},
        {"interpolate", "(1,1,4,4)", "size=[2]", GD_ERR_invalid_parameter, "/size", "list of 2"},
        {"interpolate", "(1,1,4,4)", "scale_factor=[2]", GD_ERR_invalid_parameter, "/scale_factor",
         "list of 2"},
        {"interpolate", "(1,1,4)", "scale_factor=0.1", GD_ERR_invalid_parameter, "/scale_factor",
         "nothing"},
        {"interpolate", "(1,1,4)", "scale_factor=-1", GD_ERR_invalid_parameter, "/scale_factor",
         "-1"},
        {"interpolate", "(1,1,4)", "scale_factor=nan", GD_ERR_invalid_parameter, "/scale_factor",
         "nan"},
        {"interpolate", "(1,1,4)", "scale_factor=inf", GD_ERR_limit_exceeded, "", "elements"},
        {"interpolate", "(1,1,4)", "scale_factor=1e15", GD_ERR_limit_exceeded, "", ""},
        {"interpolate", "(1,1,4)", "size=" HUGE_NUMBER, GD_ERR_limit_exceeded, "", ""},
        {"interpolate", "(1,1,4)", "size=2 mode=bilinear", GD_ERR_invalid_parameter, "/mode",
         "2 axes"},
        {"interpolate", "(1,1,4)", "size=2 align_corners=false", GD_ERR_invalid_parameter,
         "/align_corners", "linear"},
        {"interpolate", "(1,1,4)", "size=2 recompute_scale_factor=true", GD_ERR_invalid_parameter,
         "/recompute_scale_factor", "size"},
        {"pixel_shuffle", "(4,4)", "upscale_factor=2", GD_ERR_shape_mismatch, "", "3 axes"},
        {"pixel_shuffle", "(3,4,4)", "upscale_factor=2", GD_ERR_invalid_parameter,
         "/upscale_factor", "3 channels"},
        {"pixel_shuffle", "(4,4,4)", "upscale_factor=0", GD_ERR_invalid_parameter,
         "/upscale_factor", "0"},
        {"pixel_shuffle", "(4,4,4)", "upscale_factor=" HUGE_NUMBER, GD_ERR_invalid_parameter,
         "/upscale_factor", "divide"},
        {"pixel_shuffle", "(0,4,4)", "upscale_factor=3000000000", GD_ERR_limit_exceeded, "", ""},
        {"pixel_unshuffle", "(1,3,4)", "downscale_factor=2", GD_ERR_invalid_parameter,
         "/downscale_factor", "height 3"},
        {"pixel_unshuffle", "(1,0,0)", "downscale_factor=" HUGE_NUMBER, GD_ERR_limit_exceeded, "",
         "elements"},
        {"channel_shuffle", "(1,4)", "groups=2", GD_ERR_shape_mismatch, "", "3 axes"},
        {"channel_shuffle", "(1,4,1)", "groups=3", GD_ERR_invalid_parameter, "/groups",
         "4 channels"},
        {"channel_shuffle", "(1,4,1)", "groups=0", GD_ERR_invalid_parameter, "/groups", "0"},
        {"unfold", "(1,1,1,4,4)", "kernel_size=2", GD_ERR_shape_mismatch, "", "4 axes"},
        {"unfold", "(1,0,4,4)", "kernel_size=2", GD_ERR_shape_mismatch, "", "channels"},
        {"unfold", "(1,4,4)", "kernel_size=5", GD_ERR_invalid_parameter, "/kernel_size", "longer"},
        {"unfold", "(1,4,4)", "kernel_size=[2]", GD_ERR_invalid_parameter, "/kernel_size",
         "list of 2"},
        {"unfold", "(1,4,4)", "kernel_size=0", GD_ERR_invalid_parameter, "/kernel_size", "0"},
        {"unfold", "(1,4,4)", "kernel_size=1 stride=0", GD_ERR_invalid_parameter, "/stride", "0"},
        {"unfold", "(1,4,4)", "kernel_size=1 padding=-1", GD_ERR_invalid_parameter, "/padding",
         "-1"},
        {"unfold", "(1,4,4)", "kernel_size=1 padding=" HUGE_NUMBER, GD_ERR_limit_exceeded, "", ""},
        {"unfold", "(1,4,4)", "kernel_size=" HUGE_NUMBER " padding=500000000000000000",
         GD_ERR_limit_exceeded, "", "elements"},
        {"fold", "(1,8,8)", "output_size=4 kernel_size=2", GD_ERR_invalid_parameter, "/output_size",
         "3 × 3"},
        {"fold", "(1,7,9)", "output_size=4 kernel_size=2", GD_ERR_invalid_parameter, "/kernel_size",
         "divide"},
        {"fold", "(8,9,1,1)", "output_size=4 kernel_size=2", GD_ERR_shape_mismatch, "", "3 axes"},
        {"fold", "(1,8,9)", "output_size=[4] kernel_size=2", GD_ERR_invalid_parameter,
         "/output_size", "list of 2"},
        {"fold", "(1,8,9)", "output_size=4 kernel_size=" HUGE_NUMBER, GD_ERR_limit_exceeded, "",
         ""},
        {"fold", "(1,8,9)", "output_size=" HUGE_NUMBER " kernel_size=2", GD_ERR_limit_exceeded, "",
         ""},
};
enum { N_REFUSED = sizeof refused / sizeof *refused };

START_TEST(what_does_not_fit_is_refused)
{
	struct lab l;
	struct gd_node *in[LAB_OPERANDS];
	lab_init(&l, GD_FLOAT64);
	l.g.origin = "/layers/4";
	int n = lab_operands(&l, refused[_i].operands, in);
	clock_t start = clock();
	struct gd_node *y =
	        lab_call_with(&l, gd_op_find(refused[_i].op), refused[_i].params, n, in);
	ck_assert_msg(!y, "row %d was taken", _i);
	ck_assert_msg(l.error.code == refused[_i].code, "row %d: %s", _i, l.error.detail);
	ck_assert_msg(strstr(l.error.detail, refused[_i].word), "row %d: %s", _i, l.error.detail);
	ck_assert_msg(strncmp(l.error.pointer, "/layers/4", 9) == 0 &&
	                      strcmp(l.error.pointer + 9, refused[_i].pointer) == 0,
	              "row %d: %s", _i, l.error.pointer);
	ck_assert(clock() - start < CLOCKS_PER_SEC);
	lab_release(&l);
}
END_TEST

/* Numbers beyond any tensor that mean something nevertheless, and soon. */
START_TEST(extreme_parameters_that_fit)
{
	static const struct {
		const char *op, *params;
		double value;
	} rows[] = {
	        {"max_pool1d", "kernel_size=" HUGE_NUMBER " padding=500000000000000000", 3},
	        {"max_pool1d", "kernel_size=2 stride=" HUGE_NUMBER, 2},
	        {"max_pool1d", "kernel_size=1 dilation=" HUGE_NUMBER, 1},
	        {"avg_pool1d",
	         "kernel_size=" HUGE_NUMBER " padding=500000000000000000 count_include_pad=false",
	         2},
	        {"avg_pool1d", "kernel_size=2 stride=" HUGE_NUMBER, 1.5},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = LAB(&l, 2, (1, 3), 1, 2, 3), *grad;
		struct gd_node *y = lab_call(&l, rows[i].op, rows[i].params, 1, x);
		ck_assert_msg(y != NULL, "%s", l.error.detail);
		ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
		ck_assert(lab_eval(&l, 2, (struct gd_node *[]){y, grad}));
		ck_assert_msg(lab_at(y, 0) == rows[i].value, "row %zu: %g", i, lab_at(y, 0));
		ck_assert_int_ge(touched(&l), 0);
		lab_release(&l);
	}
}
END_TEST

/* --- the two copies of the kernels ---------------------------------------------------------------
 */

#ifdef __x86_64__
enum { SIDE = 23, OUT = SIDE + 2, MOST_OUT = OUT * OUT };

/* Windows of k × k elements over an image of SIDE × SIDE; few values, so that there are ties. */
static void both_kernels_agree(struct lab *l, int64_t kernel, int64_t stride, int64_t pad,
                               bool wide)
{
	static const double values[] = {0, -0.0, 1, -1, 2, NAN, INFINITY, -INFINITY};
	static const int64_t zero = 0, one = 1;
	int64_t first[OUT], end[OUT], out = (SIDE + 2 * pad - kernel) / stride + 1;
	int64_t index[2][MOST_OUT];
	uint8_t ties[2][MOST_OUT];
	double x64[SIDE * SIDE];
	float x32[SIDE * SIDE];
	for (int i = 0; i < SIDE * SIDE; i++) {
		x64[i] = values[(int)lab_uniform(l, 0, lab_uniform(l, 0, 1) < 0.9 ? 5 : 8)];
		x32[i] = (float)x64[i];
	}
	for (int64_t o = 0; o < out; o++) {
		int64_t from = o * stride - pad, to = from + kernel;
		first[o] = from < 0 ? 0 : from;
		end[o] = to > SIDE ? SIDE : to;
	}
	const struct windows m = {.in = {1, SIDE, SIDE},
	                          .out = {1, out, out},
	                          .step = {1, 1, 1},
	                          .first = {&zero, first, first},
	                          .end = {&one, end, end},
	                          .stride = stride,
	                          .pad = pad,
	                          .kernel = kernel,
	                          .in_size = SIDE * SIDE,
	                          .out_size = (size_t)(out * out)};
	const struct gd_maxpool_kernels *tables[] = {&gd_maxpool_baseline, &gd_maxpool_avx2};
	for (int k = 0; k < 2; k++) {
		(wide ? tables[k]->index_f64
		      : tables[k]->index_f32)(&m, wide ? (void *)x64 : (void *)x32, index[k]);
		(wide ? tables[k]->ties_f64 : tables[k]->ties_f32)(
		        &m, wide ? (void *)x64 : (void *)x32, index[k], ties[k]);
	}
	ck_assert(memcmp(index[0], index[1], m.out_size * sizeof *index[0]) == 0);
	ck_assert(memcmp(ties[0], ties[1], m.out_size) == 0);
}

START_TEST(kernels_for_avx2_give_the_same)
{
	struct lab l;
	if (!gd_has_avx2())
		return;
	lab_init(&l, GD_FLOAT64);
	for (int64_t kernel = 1; kernel <= 5; kernel++)
		for (int64_t stride = 1; stride <= 3; stride++)
			for (int64_t pad = 0; 2 * pad <= kernel; pad++)
				for (int wide = 0; wide < 2; wide++)
					both_kernels_agree(&l, kernel, stride, pad, wide);
	lab_release(&l);
}
END_TEST
#endif

static Suite *suite(void)
{
	Suite *s = suite_create("core/pool");
	TCase *t = tcase_create("pool");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, gradients_at_kinks, 0, N_KINKS);
	tcase_add_test(t, largest_anywhere);
	tcase_add_test(t, indices_come_second);
	tcase_add_test(t, largest_of_nothing);
	tcase_add_test(t, means_are_exact_where_they_can_be);
	tcase_add_test(t, large_means_keep_their_digits);
	tcase_add_test(t, masks_go_through);
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 0, N_REFUSED);
	tcase_add_test(t, extreme_parameters_that_fit);
#ifdef __x86_64__
	tcase_add_test(t, kernels_for_avx2_give_the_same);
#endif
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
