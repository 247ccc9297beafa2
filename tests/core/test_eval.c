/* The evaluator: liveness and writing in place must never show in a result. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

/* --- random graphs ---------------------------------------------------------------------------- */

enum { ROWS = 3, COLUMNS = 4, STEPS = 40, GRAPHS = 60 };

static const int64_t matrix[2] = {ROWS, COLUMNS};

static int pick(struct lab *l, int n)
{
	int i = (int)lab_uniform(l, 0, n);
	return i < n ? i : n - 1;
}

static struct gd_node *through_shapes(struct gd_graph *g, struct gd_node *x)
{
	x = gd_reshape(g, x, 1, (int64_t[]){12});
	x = gd_reshape(g, x, 3, (int64_t[]){2, 1, 6});
	return gd_reshape(g, x, 2, matrix);
}

static struct gd_node *through_slices(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	struct gd_slice s = {.start = {2, 0}, .step = {1, 1}};
	return gd_slice(g, gd_cat(g, 2, (struct gd_node *[]){a, b}, 0), &s, matrix);
}

static struct gd_node *through_products(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	struct gd_node *square = gd_matmul(g, a, gd_swap_axes(g, b, 0, 1));
	return gd_tanh(g, gd_matmul(g, square, a));
}

/* A matrix from one, two or three matrices. */
static struct gd_node *step(struct lab *l, struct gd_node *a, struct gd_node *b, struct gd_node *c)
{
	struct gd_graph *g = &l->g;
	switch (pick(l, 18)) {
	case 0: return gd_neg(g, a);
	case 1: return gd_tanh(g, a);
	case 2: return gd_sin(g, a);
	case 3: return gd_relu(g, a);
	case 4: return gd_add(g, a, b);
	case 5: return gd_sub(g, a, a);
	case 6: return gd_mul(g, a, gd_sigmoid(g, b));
	case 7: return gd_maximum(g, a, b);
	case 8: return gd_where(g, gd_gt(g, a, b), b, c);
	case 9: return gd_where(g, gd_lt(g, a, gd_const(g, 0)), gd_const(g, 0.5), a);
	case 10: return gd_sub(g, a, gd_sum(g, b, 1, true));
	case 11: return gd_mul(g, gd_amax(g, a, 2, true), gd_tanh(g, b));
	case 12: return through_shapes(g, a);
	case 13: return through_slices(g, a, b);
	case 14: return through_products(g, a, b);
	case 15: return gd_softmax(g, a, pick(l, 2));
	case 16: return gd_expand(g, gd_mean(g, a, 2, true), 2, matrix);
	default: return gd_stop_gradient(g, gd_mul(g, a, a));
	}
}

static int random_graph(struct lab *l, struct gd_node **outputs)
{
	struct gd_node *pool[STEPS + 4], *grads[3];
	int n = 0, n_out = 0;
	for (; n < 3; n++)
		pool[n] = lab_random(l, 2, matrix, -1, 1);
	pool[n++] = gd_expand(&l->g, gd_const(&l->g, 0.25), 2, matrix);
	for (; n < STEPS + 4; n++)
		pool[n] = step(l, pool[pick(l, n)], pool[pick(l, n)], pool[pick(l, n)]);
	for (int i = 0; i < 5; i++)
		outputs[n_out++] = pool[pick(l, n)];
	outputs[n_out++] = pool[n - 1];
	ck_assert(lab_grad(l, gd_tanh(&l->g, pool[n - 1]), NULL, 3, pool, grads));
	for (int i = 0; i < 3; i++)
		outputs[n_out++] = grads[i];
	return n_out;
}

static void copy_out(const struct gd_node *n, double *to)
{
	for (size_t i = 0; i < n->count; i++)
		to[i] = lab_at(n, i);
}

START_TEST(reuse_of_memory_does_not_show)
{
	struct lab l;
	struct gd_node *outputs[16], *all[4000];
	double want[16][ROWS * COLUMNS], got[ROWS * COLUMNS];
	lab_init(&l, _i % 2 ? GD_FLOAT32 : GD_FLOAT64);
	l.random = (uint64_t)_i + 100;
	int n = random_graph(&l, outputs);
	ck_assert_msg(!gd_failed(&l.g), "%s", l.error.detail);

	/* Every node an output: none is written over. */
	ck_assert_int_lt(l.g.n_nodes, 4000);
	memcpy(all, l.g.nodes, (size_t)l.g.n_nodes * sizeof *all);
	ck_assert(lab_eval(&l, l.g.n_nodes, all));
	for (int i = 0; i < n; i++)
		copy_out(outputs[i], want[i]);

	for (int mode = 0; mode < 4; mode++) {
		struct gd_sweep run = {.graph = &l.g, .trace = mode == 1};
		ck_assert(gd_eval(&run, mode == 3 ? 1 : n, outputs));
		for (int i = 0; i < (mode == 3 ? 1 : n); i++) {
			copy_out(outputs[i], got);
			ck_assert_msg(memcmp(got, want[i], outputs[i]->count * sizeof *got) == 0,
			              "graph %d, mode %d: output %d differs", _i, mode, i);
		}
	}
	lab_release(&l);
}
END_TEST

/* --- single patterns -------------------------------------------------------------------------- */

START_TEST(one_operand_twice)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (3), 1, 2, 3);
	struct gd_node *h = gd_neg(&l.g, x);
	LAB_IS(&l, gd_mul(&l.g, h, h), 0, 1, 4, 9);
	LAB_IS(&l,
	       gd_sub(&l.g, h,
	              gd_reshape(&l.g, gd_reshape(&l.g, h, 2, (int64_t[]){3, 1}), 1,
	                         (int64_t[]){3})),
	       0, 0, 0, 0);
	LAB_IS(&l, x, 0, 1, 2, 3);
	lab_release(&l);
}
END_TEST

/* Leaves, aliases of leaves, aliases of what others still read. */
START_TEST(outputs_that_share_data)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (4), 1, 2, 3, 4);
	struct gd_node *leaf_alias = gd_reshape(&l.g, x, 2, (int64_t[]){2, 2});
	struct gd_node *h = gd_exp(&l.g, x);
	struct gd_node *h_alias = gd_reshape(&l.g, h, 2, (int64_t[]){2, 2});
	struct gd_node *next = gd_neg(&l.g, gd_neg(&l.g, h));
	struct gd_node *c = gd_const(&l.g, 7);
	struct gd_node *out[] = {x, leaf_alias, h_alias, next, c, next};
	ck_assert(lab_eval(&l, 6, out));
	for (size_t i = 0; i < 4; i++) {
		double v = (double)(i + 1);
		ck_assert_double_eq(lab_at(x, i), v);
		ck_assert_double_eq(lab_at(leaf_alias, i), v);
		ck_assert_double_eq_tol(lab_at(h_alias, i), exp(v), 1e-15 * exp(v));
		ck_assert_double_eq(lab_at(next, i), lab_at(h_alias, i));
	}
	ck_assert_double_eq(lab_at(c, 0), 7);
	lab_release(&l);
}
END_TEST

/* An operand that is read for the last time may be overwritten, but not by a broadcast of it. */
START_TEST(broadcast_operands_are_not_overwritten)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 2), 1, 2, 3, 4), *row = LAB(&l, 1, (2), 10, 20);
	struct gd_node *h = gd_neg(&l.g, row);
	LAB_IS(&l, gd_add(&l.g, h, x), 0, -9, -18, -7, -16);
	struct gd_node *column = gd_neg(&l.g, LAB(&l, 2, (2, 1), 1, 2));
	LAB_IS(&l, gd_sub(&l.g, column, gd_neg(&l.g, row)), 0, 9, 19, 8, 18);
	lab_release(&l);
}
END_TEST

START_TEST(empty_tensors)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_leaf(&l, 2, (int64_t[]){0, 3}, NULL);
	struct gd_node *y = gd_exp(&l.g, gd_neg(&l.g, x)), *s = gd_sum(&l.g, y, 1, false);
	ck_assert(lab_eval(&l, 2, (struct gd_node *[]){y, s}));
	ck_assert_uint_eq(y->count, 0);
	LAB_IS(&l, s, 0, 0, 0, 0);
	LAB_IS(&l, gd_mean(&l.g, y, 3, false), 0, NAN);
	lab_release(&l);
}
END_TEST

/* --- what is computed ------------------------------------------------------------------------- */

static int calls;

static void forward_counted(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	calls++;
	for (size_t i = 0; i < n->count; i++)
		lab_set(n, i, lab_at(n->in[0], i) + 1);
}

static double cost_of_ten(const struct gd_node *n)
{
	return 10.0 * (double)n->count;
}

static const struct gd_prim counted = {
        .name = "counted", .forward = forward_counted, .cost = cost_of_ten};

static struct gd_node *counted_node(struct lab *l, struct gd_node *x)
{
	return gd_node_new(&l->g, &counted, x->dtype, x->rank, x->shape, 1, &x);
}

START_TEST(only_what_is_needed_runs)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, 2);
	struct gd_node *a = counted_node(&l, x), *b = counted_node(&l, a);
	struct gd_node *unused = counted_node(&l, counted_node(&l, a));
	struct gd_node *c = counted_node(&l, b);
	calls = 0;
	LAB_IS(&l, b, 0, 3, 4);
	ck_assert_int_eq(calls, 2);
	ck_assert_ptr_null(unused->data);
	ck_assert_ptr_null(c->data);
	calls = 0;
	ck_assert(lab_eval(&l, 2, (struct gd_node *[]){c, b}));
	ck_assert_int_eq(calls, 3);
	calls = 0;
	ck_assert(lab_eval(&l, 1, &x));
	ck_assert(lab_eval(&l, 0, NULL));
	ck_assert_int_eq(calls, 0);
	lab_release(&l);
}
END_TEST

START_TEST(cost)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *a = lab_random(&l, 2, (int64_t[]){3, 4}, 0, 1),
	               *b = lab_random(&l, 2, (int64_t[]){4, 5}, 0, 1);
	struct gd_node *y = gd_matmul(&l.g, a, b), *s = gd_sum_all(&l.g, y);
	struct gd_node *z = counted_node(&l, a);
	calls = 0;
	ck_assert_double_eq(gd_cost(&l.g, 1, &a), 0);
	ck_assert_double_eq(gd_cost(&l.g, 1, &y), 2 * 3 * 4 * 5);
	ck_assert_double_ge(gd_cost(&l.g, 1, &s), 120 + 15);
	ck_assert_double_eq(gd_cost(&l.g, 1, &z), 120);
	ck_assert_double_eq(gd_cost(&l.g, 2, (struct gd_node *[]){y, z}), 240);
	ck_assert_int_eq(calls, 0);
	lab_release(&l);
}
END_TEST

/* --- memory ----------------------------------------------------------------------------------- */

enum { MIB = 1 << 20 };

static void lab_capped(struct lab *l, size_t cap)
{
	gd_arena_release(&l->arena);
	gd_arena_init(&l->arena, cap);
	gd_graph_init(&l->g, &l->arena, &l->error, GD_FLOAT64, 100000);
}

/* A chain of elementwise operations is one buffer, with products two or three. */
START_TEST(memory_is_planned_by_liveness)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	lab_capped(&l, 64 * MIB);
	struct gd_node *x = lab_random(&l, 1, (int64_t[]){MIB / 8}, -1, 1), *y = x;
	for (int i = 0; i < 50; i++)
		y = gd_sin(&l.g, gd_add(&l.g, y, gd_const(&l.g, 1)));
	size_t before = l.arena.held;
	ck_assert(lab_eval(&l, 1, &y));
	ck_assert_uint_le(l.arena.peak, before + 2 * MIB);
	/* Not elementwise: the operand lives until the result stands. */
	y = x;
	for (int i = 0; i < 50; i++)
		y = gd_softmax(&l.g, y, 0);
	ck_assert(lab_eval(&l, 1, &y));
	ck_assert_uint_le(l.arena.peak, before + 5 * MIB);
	lab_release(&l);
}
END_TEST

START_TEST(over_the_cap_in_the_middle)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	lab_capped(&l, 8 * MIB);
	struct gd_node *x = lab_random(&l, 1, (int64_t[]){MIB / 8}, -1, 1);
	l.g.origin = "/layers/3";
	l.g.op = "outer";
	struct gd_node *column = gd_reshape(&l.g, x, 2, (int64_t[]){MIB / 8, 1});
	struct gd_node *y = gd_sum_all(&l.g, gd_mul(&l.g, gd_sin(&l.g, column), x));
	ck_assert_ptr_nonnull(y);
	ck_assert(!lab_eval(&l, 1, &y));
	ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
	ck_assert_str_eq(l.error.pointer, "/layers/3");
	ck_assert(*l.error.detail);
	ck_assert(!lab_eval(&l, 1, &x));
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/eval");
	TCase *t = tcase_create("eval");
	tcase_add_loop_test(t, reuse_of_memory_does_not_show, 0, GRAPHS);
	tcase_add_test(t, one_operand_twice);
	tcase_add_test(t, outputs_that_share_data);
	tcase_add_test(t, broadcast_operands_are_not_overwritten);
	tcase_add_test(t, empty_tensors);
	tcase_add_test(t, only_what_is_needed_runs);
	tcase_add_test(t, cost);
	tcase_add_test(t, memory_is_planned_by_liveness);
	tcase_add_test(t, over_the_cap_in_the_middle);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
