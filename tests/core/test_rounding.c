/* float32 against float64: on operands that both hold, each element of a value and of a gradient is
 * off by no more than a few units in the last place times its condition,
 *
 *   |y32 - y64| ≤ 2⁻²⁴ · (ulps · (|y| + Σ_j |x_j · ∂y/∂x_j|) + absolute · |dy|),
 *
 * the rounding that operands read in float32 would bring with them anyway. How many an operation
 * takes, core/precision.def says. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

static const struct {
	const char *op, *operands, *params;
} cases[] = {
#define CASE(op, operands, params) {op, operands, params},
#include "tests/core/cases.def"
};

enum { N_CASES = sizeof cases / sizeof *cases, MOST = 64, ROOM = 1024, MANY_NODES = 50000 };

/* One case in one dtype: the values and the gradients of ⟨u, y⟩. */
struct trial {
	struct lab lab;
	int n_wrt;
	struct gd_node *wrt[LAB_OPERANDS + 1]; /* the floating operands, then u */
	struct gd_node *y, *grad[LAB_OPERANDS];
};

static bool build(struct trial *t, int k, enum gd_dtype dtype)
{
	struct gd_node *in[LAB_OPERANDS];
	struct gd_call call;
	struct lab *l = &t->lab;
	memset(t, 0, sizeof *t);
	lab_init(l, dtype);
	int n_in = lab_operands(l, cases[k].operands, in);
	for (int i = 0; i < n_in; i++)
		if (in[i] && in[i]->dtype == dtype && !gd_is_const(in[i], &(double){0}))
			t->wrt[t->n_wrt++] = in[i];
	if (!lab_call_all(l, &call, gd_op_find(cases[k].op), cases[k].params, n_in, in))
		ck_abort_msg("%s %s: %s", cases[k].op, cases[k].params, l->error.detail);
	t->y = lab_join(l, call.n_out, call.out);
	if (!t->y)
		return false;
	struct gd_node *u = lab_random(l, t->y->rank, t->y->shape, 0.5, 2);
	t->wrt[t->n_wrt] = u;
	return gd_grad(&l->g, t->y, u, t->n_wrt, t->wrt, t->grad, false);
}

/* What rounding every operand brings into element i of f: Σ_j |x_j · ∂f_i/∂x_j|. */
static double condition(struct trial *wide, struct gd_node *f, size_t i)
{
	struct lab *l = &wide->lab;
	struct gd_graph *g = &l->g;
	struct gd_node *grads[LAB_OPERANDS + 1];
	double *one = calloc(f->count, sizeof *one), sum = 0;
	one[i] = 1;
	struct gd_node *seed = lab_leaf(l, f->rank, f->shape, one);
	free(one);
	if (!gd_grad(g, f, seed, wide->n_wrt + 1, wide->wrt, grads, false) ||
	    !lab_eval(l, wide->n_wrt + 1, grads))
		ck_abort_msg("%s", l->error.detail);
	for (int k = 0; k <= wide->n_wrt; k++)
		for (size_t j = 0; j < grads[k]->count; j++)
			sum += fabs(lab_at(wide->wrt[k], j) * lab_at(grads[k], j));
	return sum;
}

enum { LARGEST_DY = 2 };

/* How many ulps times the condition f is off at worst, over at most MOST of its elements, beyond
 * `absolute`. */
static double worst(struct trial *wide, struct gd_node *f, struct trial *narrow,
                    struct gd_node *f32, double absolute)
{
	double most = 0, f64[ROOM];
	size_t step = f->count > MOST ? f->count / MOST + 1 : 1;
	struct gd_node *both[2] = {f, f32};
	if (!lab_eval(&wide->lab, 1, &both[0]) || !lab_eval(&narrow->lab, 1, &both[1]))
		ck_abort_msg("%s%s", wide->lab.error.detail, narrow->lab.error.detail);
	ck_assert_uint_le(f->count, ROOM);
	for (size_t i = 0; i < f->count; i++)
		f64[i] = lab_at(f, i);
	/* Each element looked at adds the gradient's nodes to the graph. */
	for (size_t i = 0; i < f->count && wide->lab.g.n_nodes < MANY_NODES; i += step) {
		double off = fabs(lab_at(f32, i) - f64[i]) - 0x1p-24 * absolute * LARGEST_DY;
		if (off <= 0)
			continue;
		double room = 0x1p-24 * (fabs(f64[i]) + condition(wide, f, i)) + FLT_MIN;
		most = fmax(most, off / room);
	}
	return most;
}

static double worst_of_case(int k, double absolute)
{
	struct trial wide, narrow;
	double most = 0;
	bool floating = build(&wide, k, GD_FLOAT64);
	build(&narrow, k, GD_FLOAT32);
	if (floating) {
		most = worst(&wide, wide.y, &narrow, narrow.y, absolute);
		for (int i = 0; i < wide.n_wrt; i++)
			most = fmax(most,
			            worst(&wide, wide.grad[i], &narrow, narrow.grad[i], absolute));
	}
	lab_release(&wide.lab);
	lab_release(&narrow.lab);
	return most;
}

START_TEST(float32_is_off_by_a_few_ulps_times_the_condition)
{
	size_t n;
	const struct gd_op *op = gd_ops(&n)[_i];
	for (int k = 0; k < N_CASES; k++) {
		if (strcmp(cases[k].op, op->name) != 0)
			continue;
		double most = worst_of_case(k, op->precision.absolute);
		if (getenv("GD_SHOW"))
			printf("%6.2f %s %s %s\n", most, op->name, cases[k].operands,
			       cases[k].params);
		ck_assert_msg(most <= op->precision.ulps,
		              "%s %s %s: %.1f ulps times the condition; %g allowed", op->name,
		              cases[k].operands, cases[k].params, most, op->precision.ulps);
	}
}
END_TEST

static Suite *suite(void)
{
	size_t n;
	Suite *s = suite_create("core/rounding");
	TCase *t = tcase_create("rounding");
	gd_ops(&n);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, float32_is_off_by_a_few_ulps_times_the_condition, 0, (int)n);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
