/* Convolutions against the sums that define them, in sizes that take each way through the kernels
 * and more than one block of it. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/ops/window.h"
#include "tests/core/lab.h"
#include "tests/support/test.h"

/* Spatial sizes with the missing ones of 1 in front, as x and w have them. */
struct sizes {
	int64_t n, groups, cin, cout; /* channels of a group */
	int64_t in[3], out[3], kernel[3], stride[3], pad[3], dilation[3];
};

static int64_t volume(const int64_t *s)
{
	return s[0] * s[1] * s[2];
}

/* Index into x for position p and tap k of an image's channel; -1 outside. */
static int64_t meets(const struct sizes *s, int64_t p, int64_t k)
{
	int64_t at[3];
	for (int i = 2; i >= 0; i--) {
		at[i] = p % s->out[i] * s->stride[i] - s->pad[i] +
		        k % s->kernel[i] * s->dilation[i];
		p /= s->out[i];
		k /= s->kernel[i];
		if (at[i] < 0 || at[i] >= s->in[i])
			return -1;
	}
	return (at[0] * s->in[1] + at[1]) * s->in[2] + at[2];
}

/* Adds the sums over everything to y = w∗x, dx and dw. */
static void by_definition(const struct sizes *s, struct gd_node *x, struct gd_node *w,
                          struct gd_node *dy, double *y, double *dx, double *dw)
{
	int64_t in = volume(s->in), out = volume(s->out), taps = volume(s->kernel);
	for (int64_t n = 0; n < s->n; n++)
		for (int64_t o = 0; o < s->groups * s->cout; o++)
			for (int64_t c = 0; c < s->cin; c++)
				for (int64_t p = 0; p < out; p++)
					for (int64_t k = 0; k < taps; k++) {
						int64_t at = meets(s, p, k),
						        ch = o / s->cout * s->cin + c;
						size_t iy = (size_t)((n * s->groups * s->cout + o) *
						                             out +
						                     p);
						size_t iw = (size_t)((o * s->cin + c) * taps + k);
						size_t ix = (size_t)((n * s->groups * s->cin + ch) *
						                             in +
						                     at);
						if (at < 0)
							continue;
						y[iy] += lab_at(x, ix) * lab_at(w, iw);
						dx[ix] += lab_at(dy, iy) * lab_at(w, iw);
						dw[iw] += lab_at(dy, iy) * lab_at(x, ix);
					}
}

static void compare(const struct gd_node *n, const double *want, const char *what, int row)
{
	double rtol = n->dtype == GD_FLOAT64 ? 1e-12 : 2e-5, size = 1;
	for (size_t i = 0; i < n->count; i++)
		size = fmax(size, isfinite(want[i]) ? fabs(want[i]) : 0);
	for (size_t i = 0; i < n->count; i++) {
		double a = lab_at(n, i), b = want[i];
		bool same = (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= rtol * size;
		ck_assert_msg(same, "row %d: element %zu of %s is %.17g instead of %.17g", row, i,
		              what, a, b);
	}
}

static double *zeros(struct lab *l, size_t n)
{
	double *p = gd_alloc_zero(&l->arena, n * sizeof *p);
	ck_assert_ptr_nonnull(p);
	return p;
}

static void sizes_of(struct sizes *s, const struct gd_window *v, const struct gd_node *x,
                     const struct gd_node *w, const struct gd_node *y)
{
	*s = (struct sizes){x->shape[0], v->groups, w->shape[1], w->shape[0] / v->groups,
	                    {1, 1, 1},   {1, 1, 1}, {1, 1, 1},   {1, 1, 1},
	                    {0, 0, 0},   {1, 1, 1}};
	for (int i = 0; i < v->n; i++) {
		int k = 3 - v->n + i;
		s->in[k] = x->shape[2 + i];
		s->out[k] = y->shape[2 + i];
		s->kernel[k] = w->shape[2 + i];
		s->stride[k] = v->stride[i];
		s->pad[k] = v->pad[i];
		s->dilation[k] = v->dilation[i];
	}
}

static void check(struct lab *l, const char *op, const char *params, struct gd_node *x,
                  struct gd_node *w, int row)
{
	struct sizes s;
	struct gd_node *y = lab_call(l, op, params, 2, x, w), *wrt[2] = {x, w}, *grad[2];
	ck_assert_msg(y != NULL, "%s", l->error.detail);
	struct gd_node *dy = lab_random(l, y->rank, y->shape, -1, 1);
	ck_assert(lab_grad(l, y, dy, 2, wrt, grad));
	ck_assert(lab_eval(l, 3, (struct gd_node *[]){y, grad[0], grad[1]}));
	sizes_of(&s, y->attr.window, x, w, y);
	double *value = zeros(l, y->count), *dx = zeros(l, x->count), *dw = zeros(l, w->count);
	by_definition(&s, x, w, dy, value, dx, dw);
	compare(y, value, "the value", row);
	compare(grad[0], dx, "dx", row);
	compare(grad[1], dw, "dw", row);
}

static const struct {
	const char *op, *operands, *params;
} rows[] = {
        /* windows as columns: one block, several, parts of lines */
        {"conv2d", "(2,3,9,9) (4,3,3,3)", "stride=1,2 padding=1"},
        {"conv2d", "(1,3,85,83) (4,3,3,3)", "stride=2"},
        {"conv1d", "(2,3,3000) (4,3,9)", "padding=4"},
        {"conv1d", "(1,40,700) (3,40,9)", "padding=3 dilation=2"},
        {"conv2d", "(1,2,20,40) (3,2,3,25)", "padding=1,2"},
        /* flat runs: without and with padding, several blocks of lines, groups, three axes */
        {"conv2d", "(2,3,9,8) (4,3,3,2)", ""},
        {"conv2d", "(2,6,14,14) (16,6,5,5)", ""},
        {"conv2d", "(3,1,28,28) (6,1,5,5)", "padding=2"},
        {"conv2d", "(1,3,70,40) (4,3,3,3)", "padding=1"},
        {"conv2d", "(1,8,60,70) (3,8,3,3)", ""},
        {"conv2d", "(2,4,9,9) (6,2,3,3)", "groups=2 padding=2,1 dilation=2,1"},
        {"conv2d", "(2,2,9,9) (3,2,2,2)", "padding=same"},
        {"conv3d", "(2,2,4,6,7) (3,2,2,3,3)", "padding=1"},
        {"conv3d", "(1,3,5,6,6) (4,3,3,2,2)", "dilation=1,2,1"},
        /* few positions: windows of many images as rows, several blocks */
        {"conv2d", "(150,4,6,6) (5,4,3,3)", ""},
        {"conv2d", "(9,4,5,5) (6,2,3,3)", "groups=2 stride=2 padding=1"},
        {"conv1d", "(70,3,9) (4,3,4)", "dilation=2 padding=1"},
        /* a window that is all of the image, one tap, a channel each */
        {"conv2d", "(7,5,4,3) (6,5,4,3)", ""},
        {"conv2d", "(7,6,4,3) (4,3,4,3)", "groups=2"},
        {"conv2d", "(2,5,7,6) (4,5,1,1)", ""},
        {"conv2d", "(2,6,7,6) (4,3,1,1)", "groups=2"},
        {"conv2d", "(2,5,7,6) (4,5,1,1)", "stride=2 padding=1"},
        {"conv2d", "(2,5,11,9) (5,1,3,3)", "groups=5 padding=1"},
        {"conv2d", "(2,5,11,9) (10,1,3,2)", "groups=5 stride=2,1 padding=2 dilation=2"},
        {"conv3d", "(1,3,4,5,6) (3,1,2,3,3)", "groups=3 padding=1"},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

START_TEST(convolutions_are_their_sums)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		struct gd_node *in[LAB_OPERANDS];
		lab_init(&l, (enum gd_dtype)dtype);
		ck_assert_int_eq(lab_operands(&l, rows[_i].operands, in), 2);
		check(&l, rows[_i].op, rows[_i].params, in[0], in[1], _i);
		lab_release(&l);
	}
}
END_TEST

/* An infinity meets what its windows hold and nothing else. */
START_TEST(infinities_stay_in_their_windows)
{
	static const char *const operands[] = {"(2,2,9,8) (4,2,3,3)", "(2,3,28) (4,3,5)",
	                                       "(40,2,5,5) (3,2,3,3)", "(1,1,12,9) (2,1,3,3)"};
	for (int i = 0; i < 4; i++)
		for (int in_w = 0; in_w < 2; in_w++) {
			struct lab l;
			struct gd_node *in[LAB_OPERANDS];
			lab_init(&l, GD_FLOAT64);
			lab_operands(&l, operands[i], in);
			lab_set(in[in_w], 7, in_w ? -INFINITY : INFINITY);
			lab_set(in[in_w], 15, NAN);
			/* The zeros around an image are numbers: times infinity they are NaN. */
			check(&l, i == 1 ? "conv1d" : "conv2d", in_w ? "" : "padding=1", in[0],
			      in[1], i);
			lab_release(&l);
		}
}
END_TEST

/* What a `where` did not choose stays out of the gradients, though it is infinite. */
START_TEST(masked_cotangents_stay_zero)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_graph *g = &l.g;
	/* Position 0 is the only one that sees x[0], and it is not chosen. */
	struct gd_node *x = LAB(&l, 3, (1, 1, 4), INFINITY, 1, 2, 3),
	               *w = LAB(&l, 3, (1, 1, 2), 2, 3);
	struct gd_node *b = LAB(&l, 1, (1), 0.5), *wrt[3] = {x, w, b}, *grad[3], *second[3];
	struct gd_node *y = lab_call(&l, "conv1d", "", 3, x, w, b);
	struct gd_node *chosen = gd_lt(g, y, gd_const(g, 1e30));
	struct gd_node *z = gd_where(g, chosen, gd_square(g, y), gd_const(g, 0));
	ck_assert(lab_grad(&l, z, NULL, 3, wrt, grad));
	LAB_IS(&l, grad[0], 1e-15, 0, 34, 105, 81);
	LAB_IS(&l, grad[1], 1e-15, 71, 115);
	LAB_IS(&l, grad[2], 1e-15, 44);
	struct gd_node *s = gd_add(g, gd_sum_all(g, grad[0]), gd_sum_all(g, grad[1]));
	ck_assert(lab_grad(&l, s, NULL, 3, wrt, second));
	ck_assert(lab_eval(&l, 3, second));
	for (int i = 0; i < 3; i++)
		ck_assert(gd_all_finite(second[i], NULL));
	lab_release(&l);
}
END_TEST

/* Windows are never laid out for all of a large image. */
START_TEST(memory_is_that_of_the_tensors)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 4, (int64_t[]){1, 8, 200, 200}, -1, 1), *grad[2];
	struct gd_node *w = lab_random(&l, 4, (int64_t[]){8, 8, 5, 5}, -1, 1);
	struct gd_node *y = lab_call(&l, "conv2d", "padding=2", 2, x, w);
	size_t before = l.arena.held, image = x->count * sizeof(double);
	ck_assert(lab_grad(&l, y, NULL, 2, (struct gd_node *[]){x, w}, grad));
	ck_assert(lab_eval(&l, 2, grad));
	/* dy, dx, the image with its padding; the windows would be 25 images. */
	ck_assert_uint_lt(l.arena.peak - before, 4 * image);
	lab_release(&l);
}
END_TEST

static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *pointer, *word;
} refused[] = {
        {"conv1d", "(5) (1,1,2)", "", GD_ERR_shape_mismatch, "", "3 axes"},
        {"conv2d", "(2,3,5) (4,3,2,2)", "", GD_ERR_shape_mismatch, "", "2 channels"},
        {"conv2d", "(1,3,5,5) (4,3,2)", "", GD_ERR_shape_mismatch, "", "4 axes"},
        {"conv2d", "(1,3,5,5) (4,2,2,2)", "", GD_ERR_shape_mismatch, "", "(4, 2, 2, 2)"},
        {"conv2d", "(1,3,5,5) (4,3,2,2)", "groups=2", GD_ERR_shape_mismatch, "", "takes 6"},
        {"conv2d", "(1,4,5,5) (3,2,2,2)", "groups=2", GD_ERR_invalid_parameter, "/groups",
         "divide"},
        {"conv2d", "(1,4,5,5) (3,2,2,2)", "groups=0", GD_ERR_invalid_parameter, "/groups", "0"},
        {"conv2d", "(1,3,5,5) (4,3,2,2)", "groups=4611686018427387904", GD_ERR_invalid_parameter,
         "/groups", "divide"},
        {"conv2d", "(1,3,5,5) (4,3,2,2) (3)", "", GD_ERR_shape_mismatch, "", "4 channels"},
        {"conv2d", "(1,3,5,5) (4,3,2,2) (4,1)", "", GD_ERR_shape_mismatch, "", "(4, 1)"},
        {"conv1d", "(1,1,3) (1,1,4)", "", GD_ERR_shape_mismatch, "", "longer"},
        {"conv1d", "(1,1,3) (1,1,2)", "dilation=3", GD_ERR_shape_mismatch, "", "dilation 3"},
        {"conv1d", "(1,1,0) (1,1,1)", "padding=1", GD_ERR_shape_mismatch, "", "empty"},
        {"conv1d", "(1,1,3) (0,1,1)", "", GD_ERR_shape_mismatch, "", "empty"},
        {"conv1d", "(1,1,3) (1,1,0)", "", GD_ERR_shape_mismatch, "", "empty"},
        {"conv1d", "(1,1,3) (1,1,2)", "stride=0", GD_ERR_invalid_parameter, "/stride",
         "at least 1"},
        {"conv1d", "(1,1,3) (1,1,2)", "stride=1,1", GD_ERR_invalid_parameter, "/stride",
         "2 numbers"},
        {"conv1d", "(1,1,3) (1,1,2)", "dilation=0", GD_ERR_invalid_parameter, "/dilation", "0"},
        {"conv1d", "(1,1,3) (1,1,2)", "padding=-1", GD_ERR_invalid_parameter, "/padding", "-1"},
        {"conv2d", "(1,1,3,3) (1,1,2,2)", "padding=[]", GD_ERR_invalid_parameter, "/padding",
         "0 numb"},
        {"conv2d", "(1,1,3,3) (1,1,2,2)", "padding=same stride=1,2", GD_ERR_invalid_parameter,
         "/padding", "stride"},
        {"conv1d", "(1,1,3) (1,1,2)", "padding=1000000000000000000", GD_ERR_limit_exceeded, "",
         "elements"},
        {"conv1d", "(1,1,3) (1,1,2)", "padding=4611686018427387904", GD_ERR_limit_exceeded, "", ""},
        {"conv1d", "(1,1,3) (1,1,3)", "padding=same dilation=4611686018427387904",
         GD_ERR_limit_exceeded, "", "elements"},
        {"conv1d", "(1,1,3) (1,1,3)", "dilation=4611686018427387904", GD_ERR_shape_mismatch, "",
         "longer"},
        {"conv_transpose1d", "(1,1,3) (2,1,2)", "", GD_ERR_shape_mismatch, "", "takes 2"},
        {"conv_transpose1d", "(1,4,3) (4,2,2) (2)", "groups=2", GD_ERR_shape_mismatch, "",
         "4 channels"},
        {"conv_transpose1d", "(1,3,3) (3,2,2)", "groups=2", GD_ERR_invalid_parameter, "/groups",
         "divide"},
        {"conv_transpose1d", "(1,1,1) (1,1,2)", "padding=1", GD_ERR_invalid_parameter, "/padding",
         "nothing"},
        {"conv_transpose1d", "(1,1,1) (1,1,2)", "padding=4611686018427387904",
         GD_ERR_invalid_parameter, "/padding", "nothing"},
        {"conv_transpose1d", "(1,1,2) (1,1,2)", "output_padding=1", GD_ERR_invalid_parameter,
         "/output_padding", "smaller"},
        {"conv_transpose1d", "(1,1,2) (1,1,2)", "output_padding=-1", GD_ERR_invalid_parameter,
         "/output_padding", "-1"},
        {"conv_transpose1d", "(1,1,2) (1,1,2)", "stride=4611686018427387904", GD_ERR_limit_exceeded,
         "", "elements"},
        {"conv_transpose3d", "(1,1,9,9,9) (1,1,1,1,1)", "stride=3000000", GD_ERR_limit_exceeded, "",
         "elements"},
        {"conv_transpose1d", "(1,0,2) (0,1,2)", "", GD_ERR_shape_mismatch, "", "empty"},
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
	if (l.error.code == GD_ERR_shape_mismatch && strstr(l.error.detail, "takes"))
		ck_assert_int_ge(l.error.expected.rank, 1);
	ck_assert(clock() - start < CLOCKS_PER_SEC);
	lab_release(&l);
}
END_TEST

/* Numbers beyond any tensor that mean something nevertheless. */
START_TEST(extreme_parameters_that_fit)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 3, (1, 1, 3), 1, 2, 3), *w = LAB(&l, 3, (1, 1, 2), 1, 10);
	struct gd_node *one = LAB(&l, 3, (1, 1, 1), 7);
	LAB_IS(&l, lab_call(&l, "conv1d", "stride=4611686018427387904", 2, x, w), 0, 21);
	LAB_IS(&l, lab_call(&l, "conv1d", "dilation=4611686018427387904", 2, x, one), 0, 7, 14, 21);
	LAB_IS(&l, lab_call(&l, "conv_transpose1d", "stride=4611686018427387904", 2, one, w), 0, 7,
	       70);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/conv");
	TCase *t = tcase_create("conv");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, convolutions_are_their_sums, 0, N_ROWS);
	tcase_add_test(t, infinities_stay_in_their_windows);
	tcase_add_test(t, masked_cotangents_stay_zero);
	tcase_add_test(t, memory_is_that_of_the_tensors);
	tcase_add_loop_test(t, what_does_not_fit_is_refused, 0, N_REFUSED);
	tcase_add_test(t, extreme_parameters_that_fit);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
