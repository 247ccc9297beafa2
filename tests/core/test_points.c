/* Values and gradients at the points of points.def, and whether they are noted as kinks; in both
 * dtypes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

enum { MOST = 8, OPERANDS = 3 };

static const struct {
	const char *op, *params, *operands, *values, *grads;
	int touched;
} points[] = {
#define POINT(op, params, operands, values, grads, touched)                                        \
	{op, params, operands, values, grads, touched},
#include "tests/core/points.def"
};
enum { N_POINTS = sizeof points / sizeof *points };

/* "1 2; 3": the numbers up to a ";" or the end, which *text moves behind. Returns how many; NaN is
 * for "*" too, marked in `any`. */
static int numbers(const char **text, double x[MOST], bool any[MOST])
{
	int n = 0;
	const char *p = *text + strspn(*text, " ");
	while (*p && *p != ';') {
		char *end = (char *)p + 1;
		ck_assert_int_lt(n, MOST);
		any[n] = *p == '*';
		x[n++] = *p == '*' ? NAN : strtod(p, &end);
		ck_assert_ptr_ne(end, p);
		p = end + strspn(end, " ");
	}
	*text = p + (*p == ';');
	return n;
}

static int operands_of(struct lab *l, const char *text, struct gd_node *in[OPERANDS])
{
	int n_in = 0;
	while (*text) {
		double x[MOST];
		bool any[MOST];
		text += strspn(text, " ");
		if (*text == '=') {
			in[n_in++] = gd_const(&l->g, strtod(text + 1, NULL));
			text += strcspn(text, ";");
			text += *text == ';';
			continue;
		}
		int n = numbers(&text, x, any);
		in[n_in++] = lab_leaf(l, 1, (int64_t[]){n}, x);
	}
	return n_in;
}

static void compare(struct lab *l, const char *op, struct gd_node *got, const char **text,
                    const char *what)
{
	double want[MOST];
	bool any[MOST];
	int n = numbers(text, want, any);
	ck_assert_msg(lab_eval(l, 1, &got), "%s", l->error.detail);
	if (n == 1 && any[0])
		return;
	ck_assert_msg(got->count == (size_t)n, "%s %s: %zu elements", op, what, got->count);
	for (int i = 0; i < n; i++) {
		double a = lab_at(got, (size_t)i), b = want[i];
		double rtol = l->g.dtype == GD_FLOAT64 ? 1e-14 : 1e-6;
		bool same = any[i] || a == b || (isnan(a) && isnan(b)) ||
		            (isfinite(a) && fabs(a - b) <= rtol * fabs(b));
		ck_assert_msg(same, "%s: element %d of %s is %g, not %g", op, i, what, a, b);
		if (a == 0 && !any[i] && strcmp(what, "the value") == 0)
			ck_assert_msg(!signbit(b) || signbit(a), "%s: element %d is 0, not -0", op,
			              i);
	}
}

/* How many inputs touched a kink that a gradient went through. */
static int touched(struct lab *l)
{
	double total = 0;
	for (struct gd_kink *k = l->g.kinks; k; k = k->next) {
		ck_assert(lab_eval(l, 1, &k->count));
		ck_assert_double_le(lab_at(k->count, 0), (double)k->total);
		ck_assert_ptr_nonnull(k->text);
		total += k->passed ? lab_at(k->count, 0) : 0;
	}
	return (int)total;
}

START_TEST(values_and_gradients)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		struct gd_node *in[OPERANDS], *wrt[OPERANDS], *grad[OPERANDS];
		int n = 0;
		lab_init(&l, (enum gd_dtype)dtype);
		int n_in = operands_of(&l, points[_i].operands, in);
		for (int k = 0; k < n_in; k++)
			if (!gd_is_const(in[k], &(double){0}))
				wrt[n++] = in[k];
		struct gd_node *y =
		        lab_call_with(&l, gd_op_find(points[_i].op), points[_i].params, n_in, in);
		ck_assert_msg(y != NULL, "%s: %s", points[_i].op, l.error.detail);
		ck_assert(lab_grad(&l, y, NULL, n, wrt, grad));
		const char *values = points[_i].values, *grads = points[_i].grads;
		compare(&l, points[_i].op, y, &values, "the value");
		for (int k = 0; k < n; k++)
			compare(&l, points[_i].op, grad[k], &grads, "a gradient");
		ck_assert_msg(!*values && !*grads, "%s: something is left over", points[_i].op);
		ck_assert_msg(touched(&l) == points[_i].touched, "%s %s: %d touched", points[_i].op,
		              points[_i].operands, touched(&l));
		lab_release(&l);
	}
}
END_TEST

/* Where value and gradient are finite, so is what another derivative makes of them. */
START_TEST(second_derivatives_are_finite)
{
	struct lab l;
	struct gd_node *in[OPERANDS], *wrt[OPERANDS], *grad[OPERANDS], *second[OPERANDS];
	int n = 0;
	lab_init(&l, GD_FLOAT64);
	int n_in = operands_of(&l, points[_i].operands, in);
	for (int k = 0; k < n_in; k++)
		if (!gd_is_const(in[k], &(double){0}))
			wrt[n++] = in[k];
	struct gd_node *y = lab_call_with(&l, gd_op_find(points[_i].op), points[_i].params, n_in,
	                                  in),
	               *s = gd_const(&l.g, 0);
	ck_assert(lab_grad(&l, y, NULL, n, wrt, grad));
	for (int k = 0; k < n; k++)
		s = gd_add(&l.g, s, gd_sum_all(&l.g, grad[k]));
	ck_assert(lab_grad(&l, s, NULL, n, wrt, second));
	struct gd_node *all[2 * OPERANDS + 1] = {y};
	for (int k = 0; k < n; k++) {
		all[1 + k] = grad[k];
		all[1 + n + k] = second[k];
	}
	ck_assert(lab_eval(&l, 2 * n + 1, all));
	bool finite = true;
	for (int k = 0; k < 2 * n + 1; k++) {
		bool here = gd_all_finite(all[k], NULL);
		ck_assert_msg(here || !finite || k <= n, "%s %s: operand %d", points[_i].op,
		              points[_i].operands, k - n - 1);
		finite = finite && (here || k > n);
	}
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/points");
	TCase *t = tcase_create("points");
	tcase_add_loop_test(t, values_and_gradients, 0, N_POINTS);
	tcase_add_loop_test(t, second_derivatives_are_finite, 0, N_POINTS);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
