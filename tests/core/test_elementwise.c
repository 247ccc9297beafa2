/* Elementwise functions, reductions and scans: what they refuse, and what is worth more than a row
 * of a table. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

static const struct {
	const char *op, *params, *operands;
	enum gd_code code;
	const char *pointer, *text;
} refused[] = {
        {"polygamma", "n=-1", "(3)", GD_ERR_invalid_parameter, "/n", "0 and more"},
        {"var", "correction=3 unbiased=true", "(3)", GD_ERR_invalid_parameter, "/unbiased",
         "correction is 3"},
        {"std", "correction=0 unbiased=true", "(3)", GD_ERR_invalid_parameter, "/unbiased", "one"},
        {"std", "dim=1", "(3)", GD_ERR_invalid_parameter, "/dim", "1 axis"},
        {"var", "dim=0,0", "(3)", GD_ERR_invalid_parameter, "/dim", "twice"},
        {"prod", "dim=2", "(2,3)", GD_ERR_invalid_parameter, "/dim", "-2 to 1"},
        {"median", "dim=0", "(0,3)", GD_ERR_invalid_parameter, "/dim", "empty"},
        {"nanmedian", "dim=5", "(3)", GD_ERR_invalid_parameter, "/dim", "-1 to 0"},
        {"cumsum", "dim=1", "(3)", GD_ERR_invalid_parameter, "/dim", "-1 to 0"},
        {"cumprod", "dim=-2", "()", GD_ERR_invalid_parameter, "/dim", "-1 to 0"},
        {"cummax", "dim=1000000000000000000", "(3)", GD_ERR_invalid_parameter, "/dim", "-1 to 0"},
        {"norm", "dim=3", "(2,3)", GD_ERR_invalid_parameter, "/dim", "-2 to 1"},
        {"linalg.vector_norm", "ord=inf", "(0)", GD_ERR_invalid_parameter, "/ord", "no elements"},
        {"linalg.vector_norm", "ord=-1 dim=1", "(2,0)", GD_ERR_invalid_parameter, "/ord",
         "no elements"},
        {"all", "dim=1", "b(3)", GD_ERR_invalid_parameter, "/dim", "-1 to 0"},
        {"logical_or", "", "b(2) b(3)", GD_ERR_shape_mismatch, "", "broadcast"},
        {"logical_xor", "", "b(2,3) b(2)", GD_ERR_shape_mismatch, "", "(2, 3)"},
        {"masked_fill", "", "(3) b(3) (1)", GD_ERR_shape_mismatch, "", "scalar"},
        {"masked_fill", "", "(3) b(2) ()", GD_ERR_shape_mismatch, "", "broadcast"},
        {"fmax", "", "(2) (3)", GD_ERR_shape_mismatch, "", "broadcast"},
        {"lerp", "", "(2) (2) (3)", GD_ERR_shape_mismatch, "", "broadcast"},
        {"addcmul", "", "(2) (3) (3)", GD_ERR_shape_mismatch, "", "broadcast"},
        {"dist", "", "(2) (3)", GD_ERR_shape_mismatch, "", "broadcast"},
        {"clamp_min", "", "(2)", GD_ERR_missing_field, "", "min"},
};

START_TEST(refuses)
{
	struct lab l;
	struct gd_call c;
	struct gd_node *in[LAB_OPERANDS] = {NULL};
	lab_init(&l, GD_FLOAT64);
	const struct gd_op *op = gd_op_find(refused[_i].op);
	lab_operands(&l, refused[_i].operands, in);
	ck_assert(!lab_call_all(&l, &c, op, refused[_i].params, op->n_operands, in));
	ck_assert_msg(l.error.code == refused[_i].code, "%s: %s", op->name, l.error.detail);
	ck_assert_str_eq(l.error.pointer, refused[_i].pointer);
	ck_assert_msg(strstr(l.error.detail, refused[_i].text) != NULL, "%s", l.error.detail);
	lab_release(&l);
}
END_TEST

/* Sums of squares out of range do not make norms so. */
START_TEST(norms_in_range)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		struct gd_node *d;
		lab_init(&l, (enum gd_dtype)dtype);
		double most = dtype == GD_FLOAT64 ? 1e300 : 1e37;
		for (int sign = -1; sign <= 1; sign += 2) {
			double s = sign > 0 ? most : 1 / most;
			struct gd_node *x = LAB(&l, 1, (2), 3 * s, -4 * s);
			struct gd_node *y = lab_call(&l, "norm", "", 1, x);
			LAB_IS(&l, y, 1e-6, 5 * s);
			ck_assert(lab_grad(&l, y, NULL, 1, &x, &d));
			LAB_IS(&l, d, 1e-6, 0.6, -0.8);
			LAB_IS(&l,
			       lab_call(&l, "hypot", "", 2, LAB_SCALAR(&l, 3 * s),
			                LAB_SCALAR(&l, -4 * s)),
			       1e-6, 5 * s);
			y = lab_call(&l, "linalg.vector_norm", "ord=4", 1, LAB(&l, 1, (2), s, s));
			LAB_IS(&l, y, 1e-6, 1.189207115002721 * s);
		}
		lab_release(&l);
	}
}
END_TEST

/* Along rows, along columns and over several runs of axes, with numbers of every size. */
START_TEST(norms_along_axes)
{
	enum { A = 3, B = 5, C = 600 };
	static const char *const dims[] = {"dim=0", "dim=1", "dim=2", "dim=0,2", "dim=null"};
	for (int d = 0; d < 5; d++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = lab_random(&l, 3, (int64_t[]){A, B, C}, -1, 1);
		static double squares[B * C], scale[C];
		memset(squares, 0, sizeof squares);
		for (size_t c = 0; c < C; c++)
			scale[c] = d > 1 ? 1 : ldexp(1, (int)c * 3 - 900);
		for (size_t i = 0; i < x->count; i++) {
			size_t a = i / (B * C), b = i / C % B, c = i % C;
			size_t to[] = {b * C + c, a * C + c, a * B + b, b, 0};
			squares[to[d]] += lab_at(x, i) * lab_at(x, i);
			lab_set(x, i, lab_at(x, i) * scale[c]);
		}
		struct gd_node *y = lab_call(&l, "norm", dims[d], 1, x);
		ck_assert(lab_eval(&l, 1, &y));
		for (size_t i = 0; i < y->count; i++) {
			double want = sqrt(squares[i]) * (d > 1 ? 1 : scale[i % C]);
			ck_assert_double_eq_tol(lab_at(y, i), want, 1e-14 * want);
		}
		lab_release(&l);
	}
}
END_TEST

/* The spread of large numbers, in both dtypes as exact as the numbers themselves. */
START_TEST(variance_of_large_means)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		struct gd_node *d;
		lab_init(&l, (enum gd_dtype)dtype);
		double m = dtype == GD_FLOAT64 ? 0x1p50 : 0x1p21;
		struct gd_node *x = LAB(&l, 1, (3), m, m + 1, m + 5);
		struct gd_node *v = lab_call(&l, "var", "", 1, x);
		LAB_IS(&l, v, 1e-6, 7);
		ck_assert(lab_grad(&l, v, NULL, 1, &x, &d));
		LAB_IS(&l, d, 1e-6, -2, -1, 3);
		LAB_IS(&l, lab_call(&l, "std", "correction=0", 1, x), 1e-6, sqrt(14. / 3));
		/* Equal elements whose mean is not one of them. */
		x = LAB(&l, 1, (3), 0.1, 0.1, 0.1);
		LAB_IS(&l, lab_call(&l, "var", "", 1, x), 0, 0);
		lab_release(&l);
	}
}
END_TEST

/* Hessian of x ↦ sinc at 0, where PyTorch's is 0 or NaN: -π²/3. */
START_TEST(sinc_at_0)
{
	struct lab l;
	struct gd_node *d, *second;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (4), 0, 1e-9, -1e-5, 1e-300);
	ck_assert(lab_grad(&l, lab_call(&l, "sinc", "", 1, x), NULL, 1, &x, &d));
	LAB_IS(&l, d, 1e-9, 0, -M_PI * M_PI / 3 * 1e-9, M_PI * M_PI / 3 * 1e-5,
	       -M_PI * M_PI / 3 * 1e-300);
	ck_assert(lab_grad(&l, d, NULL, 1, &x, &second));
	for (size_t i = 0; i < 4; i++) {
		ck_assert(lab_eval(&l, 1, &second));
		ck_assert_double_eq_tol(lab_at(second, i), -M_PI * M_PI / 3, 1e-8);
	}
	lab_release(&l);
}
END_TEST

/* Near 1 the square root of 1 - x² keeps its digits, and far out no square overflows. */
START_TEST(derivatives_keep_their_digits)
{
	struct lab l;
	struct gd_node *d;
	lab_init(&l, GD_FLOAT32);
	float near = 1 - FLT_EPSILON / 2;
	double want = 1 / sqrt(1 - (double)near * (double)near);
	struct gd_node *x = lab_leaf(&l, 0, NULL, (double[]){(double)near});
	ck_assert(lab_grad(&l, lab_call(&l, "asin", "", 1, x), NULL, 1, &x, &d));
	LAB_IS(&l, d, 1e-6, want);
	x = LAB_SCALAR(&l, 1e30);
	ck_assert(lab_grad(&l, lab_call(&l, "asinh", "", 1, x), NULL, 1, &x, &d));
	LAB_IS(&l, d, 1e-6, 1e-30);
	struct gd_node *y = LAB_SCALAR(&l, 1e30);
	ck_assert(lab_grad(&l, lab_call(&l, "atan2", "", 2, x, y), NULL, 1, &x, &d));
	LAB_IS(&l, d, 1e-6, 0.5e-30);
	lab_release(&l);
}
END_TEST

/* However the numbers lie, a median takes the same few passes. */
START_TEST(medians)
{
	enum { N = 20000 };
	static double values[N];
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	for (int kind = 0; kind < 4; kind++) {
		for (int i = 0; i < N; i++)
			values[i] = kind == 0   ? i
			            : kind == 1 ? N - 1 - i
			            : kind == 2 ? (i * 7919LL) % N
			                        : 1e300 * (i % 2 ? 1 : -1) * i;
		struct gd_node *x = lab_leaf(&l, 1, (int64_t[]){N}, values);
		double want = kind == 3 ? 0 : N / 2 - 1;
		LAB_IS(&l, lab_call(&l, "median", "", 1, x), 0, want);
	}
	struct gd_call c;
	struct gd_node *x = LAB(&l, 2, (2, 4), 4, 2, 3, 1, NAN, 5, NAN, 6);
	ck_assert(lab_call_all(&l, &c, gd_op_find("median"), "dim=1 keepdim=true", 1, &x));
	LAB_IS(&l, c.out[0], 0, 2, NAN);
	LAB_IS(&l, c.out[1], 0, 1, 0);
	x = LAB(&l, 2, (2, 4), 4, 2, 3, 1, NAN, 5, NAN, 6);
	ck_assert(lab_call_all(&l, &c, gd_op_find("nanmedian"), "dim=1", 1, &x));
	LAB_IS(&l, c.out[0], 0, 2, 5);
	LAB_IS(&l, c.out[1], 0, 1, 1);
	ck_assert_int_eq(c.out[1]->rank, 1);
	lab_release(&l);
}
END_TEST

/* The gradient that flows back into a rounded value ends there. */
START_TEST(steps_cut_gradients)
{
	struct lab l;
	struct gd_node *d;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 0, 3), *zero = LAB_SCALAR(&l, 0);
	struct gd_node *y = lab_call(&l, "div", "rounding_mode=trunc", 2, x, zero);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &d));
	LAB_IS(&l, d, 0, 0, 0);
	y = lab_call(&l, "floor", "", 1, lab_call(&l, "log", "", 1, x));
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &d));
	LAB_IS(&l, d, 0, 0, 0);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/elementwise");
	TCase *t = tcase_create("elementwise");
	tcase_add_loop_test(t, refuses, 0, (int)(sizeof refused / sizeof *refused));
	tcase_add_test(t, norms_in_range);
	tcase_add_test(t, norms_along_axes);
	tcase_add_test(t, variance_of_large_means);
	tcase_add_test(t, sinc_at_0);
	tcase_add_test(t, derivatives_keep_their_digits);
	tcase_add_test(t, medians);
	tcase_add_test(t, steps_cut_gradients);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
