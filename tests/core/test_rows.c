/* Each row of elementwise.def over the domain that the row itself names: the derivative it states
 * is that of the function it states, element by element. A row is tested because it is a row. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

struct row {
	const char *name;
	struct gd_node *(*unary)(struct gd_graph *g, struct gd_node *x);
	struct gd_node *(*binary)(struct gd_graph *g, struct gd_node *a, struct gd_node *b);
	double lo, hi;
};

#define GD_UNARY(fn, formula, f, d, words, low, high, ...)                                         \
	{.name = #fn, .unary = gd_##fn, .lo = low, .hi = high},
#define GD_BINARY(fn, formula, f, da, db, words, low, high, ...)                                   \
	{.name = #fn, .binary = gd_##fn, .lo = low, .hi = high},
#define GD_COMPARE(...)
static const struct row rows[] = {
#include "core/ops/elementwise.def"
};
enum { ROWS = sizeof rows / sizeof *rows, N = 61 };

/* Points spread over the domain; the two operands never meet, and none is 0. */
static struct gd_node *points(struct lab *l, const struct row *r, double phase)
{
	double x[N];
	for (int i = 0; i < N; i++)
		x[i] = r->lo + (r->hi - r->lo) * (fmod(i * phase, N) + 0.37 * phase) / (N + 3);
	return lab_leaf(l, 1, (int64_t[]){N}, x);
}

static struct gd_node *apply(struct lab *l, const struct row *r, struct gd_node *const *in)
{
	return r->unary ? r->unary(&l->g, in[0]) : r->binary(&l->g, in[0], in[1]);
}

/* f at the operands, operand k moved by h. */
static void moved(struct lab *l, const struct row *r, struct gd_node *const *in, int k, double h,
                  double *y)
{
	struct gd_node *at[2] = {in[0], in[1]};
	double x[N];
	for (int i = 0; i < N; i++)
		x[i] = lab_at(in[k], (size_t)i) + h;
	at[k] = lab_leaf(l, 1, (int64_t[]){N}, x);
	struct gd_node *f = apply(l, r, at);
	ck_assert(lab_eval(l, 1, &f));
	for (int i = 0; i < N; i++)
		y[i] = lab_at(f, (size_t)i);
}

/* The largest disagreement, relative to 1 + |derivative|, of 4th-order differences. */
static double worst(struct lab *l, const struct row *r, struct gd_node *const *in, int k,
                    struct gd_node *grad)
{
	enum { STEPS = 4 };
	static const double weight[STEPS] = {1, -8, 8, -1};
	static const double step[STEPS] = {-2, -1, 1, 2};
	const double h = 1e-3;
	double y[STEPS][N], most = 0;
	for (int s = 0; s < STEPS; s++)
		moved(l, r, in, k, step[s] * h, y[s]);
	for (int i = 0; i < N; i++) {
		double d = 0, g = lab_at(grad, (size_t)i);
		for (int s = 0; s < STEPS; s++)
			d += weight[s] * y[s][i] / (12 * h);
		double off = fabs(d - g) / (1 + fabs(g));
		most = off > most || isnan(off) ? off : most;
	}
	return most;
}

START_TEST(derivative_over_its_domain)
{
	const struct row *r = &rows[_i];
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	int n = r->unary ? 1 : 2;
	struct gd_node *in[2] = {points(&l, r, 1), points(&l, r, 1.7)}, *grads[2];
	ck_assert(lab_grad(&l, gd_sum_all(&l.g, apply(&l, r, in)), NULL, n, in, grads));
	ck_assert(lab_eval(&l, n, grads));
	for (int k = 0; k < n; k++) {
		double off = worst(&l, r, in, k, grads[k]);
		ck_assert_msg(off < 1e-8, "%s: operand %d is off by %g", r->name, k, off);
	}
	lab_release(&l);
}
END_TEST

/* What a row gives in one dtype at the same points: its values, its gradients, and for each the sum
 * over the operands x of |x·∂/∂x|, by which rounding of them shows. */
struct given {
	double value[N], value_condition[N], gradient[2][N], gradient_condition[2][N];
};

static void add_condition(struct lab *l, struct gd_node *f, int n, struct gd_node *const *in,
                          double *condition)
{
	struct gd_node *grads[2];
	ck_assert(lab_grad(l, gd_sum_all(&l->g, f), NULL, n, in, grads));
	ck_assert(lab_eval(l, n, grads));
	for (int k = 0; k < n; k++)
		for (size_t i = 0; i < N; i++)
			condition[i] += fabs(lab_at(in[k], i) * lab_at(grads[k], i));
}

static void give(const struct row *r, enum gd_dtype dtype, struct given *out)
{
	struct lab l, rounded;
	lab_init(&l, dtype);
	lab_init(&rounded, GD_FLOAT32);
	memset(out, 0, sizeof *out);
	int n = r->unary ? 1 : 2;
	struct gd_node *in[2], *grads[2];
	for (int k = 0; k < n; k++) {
		struct gd_node *narrow = points(&rounded, r, k ? 1.7 : 1);
		double x[N];
		for (size_t i = 0; i < N; i++)
			x[i] = lab_at(narrow, i);
		in[k] = lab_leaf(&l, 1, (int64_t[]){N}, x);
	}
	struct gd_node *y = apply(&l, r, in);
	ck_assert(lab_grad(&l, gd_sum_all(&l.g, y), NULL, n, in, grads));
	struct gd_node *all[3] = {y, grads[0], grads[1]};
	ck_assert(lab_eval(&l, n + 1, all));
	for (size_t i = 0; i < N; i++) {
		out->value[i] = lab_at(y, i);
		for (int k = 0; k < n; k++)
			out->gradient[k][i] = lab_at(grads[k], i);
	}
	add_condition(&l, y, n, in, out->value_condition);
	for (int k = 0; k < n; k++)
		add_condition(&l, grads[k], n, in, out->gradient_condition[k]);
	lab_release(&l);
	lab_release(&rounded);
}

static void compare(const struct row *r, const char *what, const double *narrow, const double *wide,
                    const double *condition)
{
	for (int i = 0; i < N; i++) {
		double ulps =
		        fabs(narrow[i] - wide[i]) / (0x1p-23 * (fabs(wide[i]) + condition[i]));
		ck_assert_msg(narrow[i] == wide[i] || ulps < 5,
		              "%s: %s %d is %g instead of %g: %g ulp", r->name, what, i, narrow[i],
		              wide[i], ulps);
	}
}

/* In float32 values and gradients are within a few ulp times their condition. */
START_TEST(float32_within_its_condition)
{
	static struct given narrow, wide;
	const struct row *r = &rows[_i];
	give(r, GD_FLOAT32, &narrow);
	give(r, GD_FLOAT64, &wide);
	compare(r, "value", narrow.value, wide.value, wide.value_condition);
	for (int k = 0; k < (r->unary ? 1 : 2); k++)
		compare(r, "gradient", narrow.gradient[k], wide.gradient[k],
		        wide.gradient_condition[k]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("rows");
	TCase *t = tcase_create("elementwise");
	tcase_add_loop_test(t, derivative_over_its_domain, 0, ROWS);
	tcase_add_loop_test(t, float32_within_its_condition, 0, ROWS);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
