/* Values, gradients and second derivatives against PyTorch's, from tests/golden. */
#include <glob.h>
#include <math.h>
#include <string.h>

#include "tests/core/golden.h"
#include "tests/support/test.h"

static glob_t files; /* tests/golden/NAME.txt */

static FILE *open_file(const char *path)
{
	FILE *f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s does not open: tests run from the root", path);
	return f;
}

/* Rounding differs with the order of sums and with the elementary functions of libm and SLEEF.
 * strict: relative to each element; else relative to the tensor's largest too. */
static bool close_to(const struct golden *c, const struct gd_node *got, const struct gd_node *want,
                     bool second, const char *what)
{
	double rtol = c->lab.g.dtype == GD_FLOAT64 ? 1e-13 : 2e-6, scale = 0.1;
	if (second)
		rtol = c->lab.g.dtype == GD_FLOAT32 ? 2e-5 : c->rough ? 1e-9 : 1e-12;
	if (!gd_same_shape(got, want)) {
		fprintf(stderr, "line %d: %s%s: %s has another shape\n", c->line, c->op, c->params,
		        what);
		return false;
	}
	for (size_t i = 0; i < want->count; i++)
		if (isfinite(lab_at(want, i)))
			scale = fmax(scale, fabs(lab_at(want, i)));
	for (size_t i = 0; i < want->count; i++) {
		double a = lab_at(got, i), b = lab_at(want, i);
		double allowed = rtol * (fabs(b) + (c->strict ? 0 : scale));
		if (a == b || (isnan(a) && isnan(b)) ||
		    (isfinite(a) && isfinite(b) && fabs(a - b) <= allowed))
			continue;
		fprintf(stderr, "line %d: %s%s: element %zu of %s is %.17g, PyTorch's %.17g\n",
		        c->line, c->op, c->params, i, what, a, b);
		return false;
	}
	return true;
}

/* Gradients of y, and of Σ dir·gradient, for the operands that have some in the file. */
static bool compare_gradients(struct golden *c, struct gd_node *y, int *compared)
{
	struct gd_graph *g = &c->lab.g;
	struct gd_node *wrt[LAB_OPERANDS], *grad[LAB_OPERANDS], *second[LAB_OPERANDS];
	struct gd_node *s = gd_const(g, 0), *all[2 * LAB_OPERANDS];
	int n = 0, which[LAB_OPERANDS], n_all = 0;
	for (int i = 0; i < c->n_in; i++)
		if (c->grad[i]) {
			which[n] = i;
			wrt[n++] = c->in[i];
		}
	bool has_second = n && c->dir[which[0]];
	if (!gd_grad(g, y, c->seed, n, wrt, grad, false))
		return false;
	for (int k = 0; k < n; k++) {
		all[n_all++] = grad[k];
		if (has_second)
			s = gd_add(g, s, gd_sum_all(g, gd_mul(g, c->dir[which[k]], grad[k])));
	}
	if (has_second && !gd_grad(g, s, NULL, n, wrt, second, false))
		return false;
	for (int k = 0; has_second && k < n; k++)
		all[n_all++] = second[k];
	if (!lab_eval(&c->lab, n_all, all))
		return false;
	bool good = true;
	for (int k = 0; k < n; k++) {
		good = close_to(c, grad[k], c->grad[which[k]], false, "the gradient") && good;
		if (has_second)
			good = close_to(c, second[k], c->second[which[k]], true,
			                "the second derivative") &&
			       good;
	}
	*compared += n_all;
	return good;
}

static bool compare(struct golden *c, int *compared)
{
	struct gd_call call;
	const struct gd_op *op = gd_op_find(c->op);
	struct gd_node *in[LAB_OPERANDS];
	bool good = true;
	if (!op)
		return false;
	memcpy(in, c->in, sizeof in);
	gd_call_init(&call, &c->lab.g, op);
	call.in = in;
	call.n_in = c->n_in;
	if (!lab_params(&call, c->params) || !gd_call_build(&call) || call.n_out < c->n_out ||
	    !lab_eval(&c->lab, c->n_out, call.out))
		return false;
	for (int i = 0; i < c->n_out; i++)
		good = close_to(c, call.out[i], c->out[i], false,
		                i ? "a further result" : "the value") &&
		       good;
	*compared += c->n_out;
	return (!c->seed ||
	        compare_gradients(c, lab_join(&c->lab, call.n_out, call.out), compared)) &&
	       good;
}

START_TEST(agrees_with_pytorch)
{
	struct golden c;
	int line = 0, cases = 0, bad = 0, compared = 0;
	FILE *f = open_file(files.gl_pathv[_i]);
	while (golden_next(&c, f, &line)) {
		bool good = compare(&c, &compared);
		if (gd_failed(&c.lab.g))
			fprintf(stderr, "line %d: %s\n", c.line, c.lab.error.detail);
		bad += !good;
		cases++;
		golden_release(&c);
	}
	fclose(f);
	ck_assert_int_gt(cases, 50);
	ck_assert_int_gt(compared, 2 * cases);
	ck_assert_msg(bad == 0, "%s: %d of %d cases differ", files.gl_pathv[_i], bad, cases);
}
END_TEST

START_TEST(every_operation_has_golden_values)
{
	struct golden c;
	bool seen[512] = {false};
	size_t n;
	const struct gd_op *const *ops = gd_ops(&n);
	for (size_t k = 0; k < files.gl_pathc; k++) {
		int line = 0;
		FILE *f = open_file(files.gl_pathv[k]);
		while (golden_next(&c, f, &line)) {
			for (size_t i = 0; i < n && i < 512; i++)
				seen[i] = seen[i] || strcmp(ops[i]->name, c.op) == 0;
			golden_release(&c);
		}
		fclose(f);
	}
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(seen[i], "%s has no golden values", ops[i]->name);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/golden");
	if (glob("tests/golden/*.txt", 0, NULL, &files) != 0)
		fprintf(stderr, "tests/golden has no cases: tests run from the root\n");
	TCase *t = tcase_create("golden");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, agrees_with_pytorch, 0, (int)files.gl_pathc);
	tcase_add_test(t, every_operation_has_golden_values);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
