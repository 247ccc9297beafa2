/* Fusion must never show in a result, and must save what it is for. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "core/parallel.h"
#include "core/schedule.h"
#include "tests/core/lab.h"
#include "tests/support/test.h"

/* --- the same bits, fused and node by node ---------------------------------------------------- */

enum { MOST = 12 };

/* Evaluates fused, then node by node (as a trace does), and compares. */
static void same_bits(struct lab *l, int n, struct gd_node **outputs, const char *what)
{
	void *fused[MOST];
	ck_assert_int_le(n, MOST);
	for (int i = 0; i < n; i++)
		outputs[i]->check = true;
	struct gd_sweep run = {.graph = &l->g}, traced = {.graph = &l->g, .trace = true};
	ck_assert_msg(gd_eval(&run, n, outputs), "%s: %s", what, l->error.detail);
	for (int i = 0; i < n; i++)
		fused[i] = outputs[i]->data;
	ck_assert_msg(gd_eval(&traced, n, outputs), "%s: %s", what, l->error.detail);
	for (int i = 0; i < n; i++)
		ck_assert_msg(memcmp(fused[i], outputs[i]->data,
		                     outputs[i]->count * gd_dtype_size(outputs[i]->dtype)) == 0,
		              "%s: output %d differs", what, i);
	ck_assert_int_eq(run.nonfinite, traced.nonfinite);
}

static const struct {
	const char *op, *operands, *params;
} cases[] = {
#define CASE(op, operands, params) {op, operands, params},
#include "tests/core/cases.def"
};

/* Values and gradients of every case of the catalogue. */
START_TEST(cases_give_the_same_bits)
{
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct lab l;
		struct gd_node *in[LAB_OPERANDS], *wrt[LAB_OPERANDS], *outputs[MOST];
		struct gd_call c;
		int n_wrt = 0;
		lab_init(&l, (enum gd_dtype)_i);
		int n = lab_operands(&l, cases[k].operands, in);
		const struct gd_op *op = gd_op_find(cases[k].op);
		if (!lab_call_all(&l, &c, op, cases[k].params, n, in)) {
			lab_release(&l);
			continue; /* test_cases says why */
		}
		struct gd_node *y = lab_join(&l, c.n_out, c.out);
		for (int i = 0; i < n; i++)
			if (in[i] && in[i]->dtype == l.g.dtype && gd_is_leaf(in[i]) && n_wrt < 8)
				wrt[n_wrt++] = in[i];
		if (y) {
			outputs[0] = y;
			ck_assert(lab_grad(&l, gd_mul(&l.g, y, gd_sin(&l.g, y)), NULL, n_wrt, wrt,
			                   outputs + 1));
			same_bits(&l, n_wrt + 1, outputs, cases[k].op);
		}
		lab_release(&l);
	}
}
END_TEST

enum { ROWS = 37, COLUMNS = 61, STEPS = 60, GRAPHS = 40 };

static struct gd_node *pick(struct lab *l, struct gd_node **pool, int n)
{
	int i = (int)lab_uniform(l, 0, n);
	return pool[i < n ? i : n - 1];
}

static struct gd_node *step(struct lab *l, struct gd_node **pool, int n)
{
	struct gd_graph *g = &l->g;
	struct gd_node *a = pick(l, pool, n), *b = pick(l, pool, n), *zero = gd_const(g, 0);
	int64_t shape[2] = {ROWS, COLUMNS};
	switch ((int)lab_uniform(l, 0, 19)) {
	case 0: return gd_tanh(g, a);
	case 1: return gd_sin(g, a);
	case 2: return gd_neg(g, a);
	case 3: return gd_mul(g, a, gd_const(g, 0.75));
	case 4: return gd_sub(g, a, b);
	case 5: return gd_mul(g, a, b);
	case 6: return gd_where(g, gd_lt(g, a, b), gd_sigmoid(g, a), b);
	case 7: return gd_relu(g, a);
	case 8: return gd_sum(g, a, 1, true);
	case 9: return gd_sum(g, a, 2, true);
	case 10: return gd_expand(g, a, 2, shape);
	case 11: return gd_cast(g, gd_logical_not(g, gd_gt(g, a, zero)), g->dtype);
	case 12: return gd_stop_gradient(g, a);
	case 13:
		return gd_reshape(g, gd_reshape(g, a, 1, (int64_t[]){(int64_t)a->count}), a->rank,
		                  a->shape);
	case 14: return gd_exp(g, gd_neg(g, gd_square(g, a)));
	case 15: return gd_add(g, gd_mul(g, a, a), gd_expand(g, gd_const(g, 2), 2, shape));
	case 16:
		return gd_where(g, gd_logical_and(g, gd_ge(g, a, zero), gd_le(g, b, zero)), a,
		                zero);
	case 17: return gd_softmax(g, a, 1);
	default: return gd_abs(g, gd_add(g, a, b));
	}
}

/* Rows, columns and scalars among matrices; some outputs are read again, some are not. */
START_TEST(random_graphs_give_the_same_bits)
{
	struct lab l;
	struct gd_node *pool[STEPS + 4], *outputs[MOST], *wrt[3];
	lab_init(&l, _i % 2 ? GD_FLOAT32 : GD_FLOAT64);
	l.random = (uint64_t)_i + 1;
	int n = 0, n_out = 0;
	pool[n++] = lab_random(&l, 2, (int64_t[]){ROWS, COLUMNS}, -1, 1);
	pool[n++] = lab_random(&l, 2, (int64_t[]){1, COLUMNS}, -1, 1);
	pool[n++] = lab_random(&l, 2, (int64_t[]){ROWS, 1}, -1, 1);
	memcpy(wrt, pool, sizeof wrt);
	pool[n++] = lab_random(&l, 2, (int64_t[]){1, 1}, -1, 1);
	for (; n < STEPS + 4; n++)
		pool[n] = step(&l, pool, n);
	for (; n_out < 5; n_out++)
		outputs[n_out] = pick(&l, pool, n);
	outputs[n_out++] = pool[n - 1];
	struct gd_node *y = gd_tanh(&l.g, gd_add(&l.g, pool[n - 1], pool[n - 2]));
	ck_assert(lab_grad(&l, y, NULL, 3, wrt, outputs + n_out));
	same_bits(&l, n_out + 3, outputs, "random graph");
	lab_release(&l);
}
END_TEST

/* --- what it saves ---------------------------------------------------------------------------- */

static int arrays(struct lab *l, int n, struct gd_node **outputs)
{
	struct gd_schedule *s = gd_schedule_new(&l->g, &l->arena, n, outputs);
	ck_assert_ptr_nonnull(s);
	return gd_schedule_arrays(s);
}

START_TEST(a_chain_is_one_array)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_graph *g = &l.g;
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){100, 100}, -1, 1), *y = x;
	struct gd_node *row = lab_random(&l, 1, (int64_t[]){100}, -1, 1);
	for (int i = 0; i < 5; i++)
		y = gd_where(g, gd_lt(g, y, row), gd_tanh(g, gd_add(g, y, row)), gd_neg(g, y));
	ck_assert_int_eq(arrays(&l, 1, &y), 1);
	/* A long one is a few. */
	for (int i = 0; i < 200; i++)
		y = gd_sin(g, y);
	ck_assert_int_le(arrays(&l, 1, &y), 8);
	lab_release(&l);
}
END_TEST

/* Two readers on different sides of a product: x + row is cheap and computed twice, its tanh is
 * kept. */
START_TEST(cheap_nodes_are_computed_again)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_graph *g = &l.g;
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){80, 80}, -1, 1);
	struct gd_node *row = lab_random(&l, 1, (int64_t[]){80}, -1, 1);
	struct gd_node *cheap = gd_add(g, x, row), *dear = gd_tanh(g, cheap);
	struct gd_node *p = gd_matmul(g, gd_sin(g, dear), x);
	struct gd_node *y = gd_mul(g, p, cheap), *z = gd_mul(g, p, dear);
	ck_assert_int_eq(arrays(&l, 1, &y), 3); /* sin, p, y */
	ck_assert_int_eq(arrays(&l, 1, &z), 4); /* and tanh */
	same_bits(&l, 2, (struct gd_node *[]){y, z}, "cheap and dear");
	lab_release(&l);
}
END_TEST

/* Written twice, computed once, through aliases and equal constants; but not where an attribute
 * differs. */
START_TEST(common_nodes_are_computed_once)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_graph *g = &l.g;
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){80, 80}, -1, 1), *out[4];
	for (int i = 0; i < 2; i++) {
		struct gd_node *h = gd_tanh(g, gd_mul(g, gd_stop_gradient(g, x), gd_const(g, 3)));
		out[i] = gd_matmul(g, h, gd_swap_axes(g, x, 0, 1));
	}
	ck_assert_ptr_ne(out[0], out[1]);
	ck_assert_int_eq(arrays(&l, 2, out), 2); /* tanh and product */
	ck_assert(lab_eval(&l, 2, out));
	ck_assert_ptr_eq(out[0]->data, out[1]->data);
	out[0] = gd_sum(g, x, 1, true);
	out[1] = gd_reshape(g, gd_sum(g, x, 2, true), 2, (int64_t[]){1, 80});
	out[2] = gd_mul(g, x, gd_const(g, 0));
	out[3] = gd_mul(g, x, gd_const(g, -0.0));
	ck_assert_int_eq(arrays(&l, 4, out), 4);
	same_bits(&l, 4, out, "not common");
	ck_assert_double_ne(lab_at(out[0], 5), lab_at(out[1], 5));
	lab_release(&l);
}
END_TEST

/* Named and asked for on its own, each keeps its gradient: sharing is the evaluation's alone. */
START_TEST(common_nodes_stay_two_variables)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 1, (int64_t[]){100}, 1, 2), *grads[2];
	struct gd_node *a = gd_exp(&l.g, x), *b = gd_exp(&l.g, x), *wrt[2] = {a, b};
	struct gd_node *y = gd_sub(&l.g, gd_mul(&l.g, a, a), b);
	ck_assert(lab_grad(&l, y, NULL, 2, wrt, grads));
	ck_assert(lab_eval(&l, 2, grads));
	for (size_t i = 0; i < 100; i++) {
		ck_assert_double_eq_tol(lab_at(grads[0], i), 2 * exp(lab_at(x, i)), 1e-13);
		ck_assert_double_eq(lab_at(grads[1], i), -1);
	}
	lab_release(&l);
}
END_TEST

/* The same bits with as many threads as one likes. */
START_TEST(threads_do_not_show)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_graph *g = &l.g;
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){301, 1001}, -1, 1);
	struct gd_node *row = lab_random(&l, 1, (int64_t[]){1001}, -1, 1);
	struct gd_node *y = gd_mul(g, gd_tanh(g, gd_add(g, x, row)), gd_exp(g, x));
	ck_assert(lab_eval(&l, 1, &y));
	const double *want = y->data;
	for (int threads = 2; threads < 6; threads++) {
		gd_threads(threads);
		ck_assert(lab_eval(&l, 1, &y));
		ck_assert_int_eq(memcmp(want, y->data, y->count * sizeof *want), 0);
	}
	struct gd_sweep run = {.graph = g};
	y->check = true;
	lab_set(x, 300 * 1001 + 7, 1e4);
	ck_assert(gd_eval(&run, 1, &y));
	ck_assert(run.nonfinite);
	gd_threads(1);
	lab_release(&l);
}
END_TEST

enum { MIB = 1 << 20 };

START_TEST(memory_of_a_chain_and_its_gradient)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	gd_arena_release(&l.arena);
	struct gd_node *x = lab_random(&l, 1, (int64_t[]){MIB / 8}, -1, 1), *grad;
	struct gd_node *y = lab_call(&l, "gelu", "", 1, x);
	y = gd_sum_all(&l.g, gd_square(&l.g, y));
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	size_t before = l.arena.held;
	ck_assert(lab_eval(&l, 2, (struct gd_node *[]){y, grad}));
	/* The square, what erf gave and the gradient. */
	ck_assert_uint_le(l.arena.peak, before + 4 * MIB);
	lab_release(&l);
}
END_TEST

/* --- what is not computed --------------------------------------------------------------------- */

static int count_prim(struct lab *l, const char *name, int n, struct gd_node **outputs)
{
	int found = 0;
	gd_mark_needed(&l->g, n, outputs);
	for (int i = 0; i < l->g.n_nodes; i++)
		found += l->g.nodes[i]->needed && strcmp(l->g.nodes[i]->prim->name, name) == 0;
	return found;
}

/* dL/dx = dL/dy·Wᵀ of the first layer is a product that only x's gradient needs. */
START_TEST(no_gradient_that_nobody_asked_for)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){4, 3}, -1, 1);
	struct gd_node *w = lab_random(&l, 2, (int64_t[]){3, 5}, -1, 1);
	struct gd_node *v = lab_random(&l, 2, (int64_t[]){5, 2}, -1, 1), *grads[3];
	struct gd_node *h = gd_tanh(&l.g, gd_matmul(&l.g, x, w));
	struct gd_node *y = gd_sum_all(&l.g, gd_square(&l.g, gd_matmul(&l.g, h, v)));
	struct gd_node *all[3] = {x, w, v};
	ck_assert(lab_grad(&l, y, NULL, 1, &w, grads));
	int nodes = l.g.n_nodes;
	ck_assert_int_eq(count_prim(&l, "matmul", 1, grads), 4);
	ck_assert(lab_grad(&l, y, NULL, 1, &v, grads));
	ck_assert_int_eq(count_prim(&l, "matmul", 1, grads), 3);
	ck_assert_int_lt(l.g.n_nodes - nodes, nodes);
	ck_assert(lab_grad(&l, y, NULL, 3, all, grads));
	ck_assert_int_eq(count_prim(&l, "matmul", 3, grads), 6);
	lab_release(&l);
}
END_TEST

/* Over the catalogue: what is built for one operand's gradient is built for it alone, and smaller
 * than what all of them need. */
START_TEST(gradients_asked_one_by_one_are_smaller)
{
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct lab l;
		struct gd_node *in[LAB_OPERANDS], *wrt[LAB_OPERANDS], *grads[LAB_OPERANDS];
		struct gd_call c;
		int n_wrt = 0;
		lab_init(&l, GD_FLOAT64);
		int n = lab_operands(&l, cases[k].operands, in);
		if (lab_call_all(&l, &c, gd_op_find(cases[k].op), cases[k].params, n, in)) {
			struct gd_node *y = lab_join(&l, c.n_out, c.out);
			for (int i = 0; i < n; i++)
				if (in[i] && in[i]->dtype == l.g.dtype && gd_is_leaf(in[i]))
					wrt[n_wrt++] = in[i];
			int before = l.g.n_nodes;
			ck_assert(!y || lab_grad(&l, y, NULL, n_wrt, wrt, grads));
			int together = l.g.n_nodes - before;
			for (int i = 0; y && i < n_wrt; i++) {
				before = l.g.n_nodes;
				ck_assert(lab_grad(&l, y, NULL, 1, &wrt[i], grads));
				ck_assert_msg(l.g.n_nodes - before <= together, "%s: operand %d",
				              cases[k].op, i);
			}
		}
		lab_release(&l);
	}
}
END_TEST

/* Chains that a hostile request may hold take time in proportion to their length. */
START_TEST(long_chains)
{
	enum { LENGTH = 30000 };
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 1, (int64_t[]){2}, -1, 1), *y = x, *total = x;
	for (int i = 0; i < LENGTH; i++) {
		y = gd_stop_gradient(&l.g, y);
		total = gd_add(&l.g, i % 2 ? total : gd_neg(&l.g, total), y);
	}
	ck_assert_msg(!gd_failed(&l.g), "%s", l.error.detail);
	clock_t begin = clock();
	ck_assert(lab_eval(&l, 1, &total));
	ck_assert_double_lt((double)(clock() - begin) / CLOCKS_PER_SEC, 5);
	lab_release(&l);
}
END_TEST

/* A schedule can be run again, with other numbers in the same leaves. */
START_TEST(a_schedule_is_run_again)
{
	struct lab l;
	lab_init(&l, GD_FLOAT32);
	struct gd_node *x = lab_random(&l, 1, (int64_t[]){300}, -1, 1);
	struct gd_node *y = gd_exp(&l.g, gd_mul(&l.g, x, gd_const(&l.g, 2)));
	y->check = true;
	struct gd_schedule *s = gd_schedule_new(&l.g, &l.arena, 1, &y);
	ck_assert_ptr_nonnull(s);
	for (int round = 0; round < 3; round++) {
		struct gd_sweep run = {.graph = &l.g};
		lab_set(x, 299, round == 1 ? 100 : round);
		ck_assert(gd_schedule_run(&run, s));
		ck_assert_int_eq(run.nonfinite, round == 1);
		ck_assert_double_eq_tol(lab_at(y, 298), exp(2 * lab_at(x, 298)), 1e-5);
	}
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/fuse");
	TCase *t = tcase_create("fuse");
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, cases_give_the_same_bits, GD_FLOAT64, GD_FLOAT32 + 1);
	tcase_add_loop_test(t, random_graphs_give_the_same_bits, 0, GRAPHS);
	tcase_add_test(t, a_chain_is_one_array);
	tcase_add_test(t, cheap_nodes_are_computed_again);
	tcase_add_test(t, common_nodes_are_computed_once);
	tcase_add_test(t, common_nodes_stay_two_variables);
	tcase_add_test(t, threads_do_not_show);
	tcase_add_test(t, memory_of_a_chain_and_its_gradient);
	tcase_add_test(t, no_gradient_that_nobody_asked_for);
	tcase_add_test(t, gradients_asked_one_by_one_are_smaller);
	tcase_add_test(t, long_chains);
	tcase_add_test(t, a_schedule_is_run_again);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
