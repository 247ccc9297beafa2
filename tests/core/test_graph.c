/* The graph and its builders: sticky errors, limits, folding. */
#include <math.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

START_TEST(the_first_error_sticks)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 1, 2), *y = LAB(&l, 1, (3), 1, 2, 3);
	int nodes = l.g.n_nodes;
	l.g.origin = "/layers/0";
	l.g.op = "add";
	ck_assert_ptr_null(gd_add(&l.g, x, y));
	ck_assert_int_eq(l.error.code, GD_ERR_shape_mismatch);
	ck_assert_str_eq(l.error.pointer, "/layers/0");
	ck_assert_ptr_nonnull(strstr(l.error.detail, "(2,)"));
	ck_assert_ptr_nonnull(strstr(l.error.detail, "(3,)"));
	ck_assert_int_eq(l.error.expected.rank, 1);
	ck_assert_int_eq(l.error.expected.dim[0], 2);
	ck_assert_int_eq(l.error.got.dim[0], 3);
	l.g.origin = "/layers/1";
	ck_assert_ptr_null(gd_matmul(&l.g, gd_const(&l.g, 1), gd_exp(&l.g, x)));
	ck_assert_ptr_null(gd_graph_fail(&l.g, GD_ERR_wrong_type, "later"));
	ck_assert_int_eq(l.error.code, GD_ERR_shape_mismatch);
	ck_assert_str_eq(l.error.pointer, "/layers/0");
	ck_assert_int_eq(l.g.n_nodes, nodes);
	lab_release(&l);
}
END_TEST

/* Every builder takes NULL for "failed before" and passes it on. */
START_TEST(null_operands_pass_through)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_graph *g = &l.g;
	struct gd_node *x = LAB(&l, 2, (2, 2), 1, 2, 3, 4), *none = NULL;
	struct gd_node *both[] = {x, none}, *mask = gd_gt(g, x, x);
	struct gd_slice s = {.step = {1, 1}};
	int8_t perm[GD_MAX_RANK] = {1, 0};
	int64_t shape[2] = {2, 2};
	int nodes = g->n_nodes;
#define UNARY(fn) ck_assert_ptr_null(fn(g, none))
#define BINARY(fn)                                                                                 \
	do {                                                                                       \
		ck_assert_ptr_null(fn(g, none, x));                                                \
		ck_assert_ptr_null(fn(g, x, none));                                                \
	} while (0)
#define GD_UNARY(name, ...)   UNARY(gd_##name);
#define GD_BINARY(name, ...)  BINARY(gd_##name);
#define GD_COMPARE(name, ...) BINARY(gd_##name);
#include "core/ops/elementwise.def"
	UNARY(gd_logical_not);
	BINARY(gd_logical_and);
	UNARY(gd_stop_gradient);
	UNARY(gd_zero_like);
	UNARY(gd_sum_all);
	BINARY(gd_matmul);
	ck_assert_ptr_null(gd_where(g, none, x, x));
	ck_assert_ptr_null(gd_where(g, mask, none, x));
	ck_assert_ptr_null(gd_where(g, mask, x, none));
	ck_assert_ptr_null(gd_cast(g, none, GD_FLOAT64));
	ck_assert_ptr_null(gd_reshape(g, none, 2, shape));
	ck_assert_ptr_null(gd_expand(g, none, 2, shape));
	ck_assert_ptr_null(gd_sum_to(g, none, 2, shape));
	ck_assert_ptr_null(gd_permute(g, none, perm));
	ck_assert_ptr_null(gd_swap_axes(g, none, 0, 1));
	ck_assert_ptr_null(gd_slice(g, none, &s, shape));
	ck_assert_ptr_null(gd_unslice(g, none, &s, shape));
	ck_assert_ptr_null(gd_cat(g, 2, both, 0));
	ck_assert_ptr_null(gd_sum(g, none, 1, true));
	ck_assert_ptr_null(gd_mean(g, none, 1, false));
	ck_assert_ptr_null(gd_amax(g, none, 1, true));
	ck_assert_ptr_null(gd_amin(g, none, 1, false));
	ck_assert_ptr_null(gd_argmax(g, none, 0));
	ck_assert_ptr_null(gd_softmax(g, none, 0));
	ck_assert_ptr_null(gd_log_softmax(g, none, 0));
	ck_assert_ptr_null(gd_logsumexp(g, none, 1, true));
	ck_assert_ptr_null(gd_gather(g, none, 0, x));
	ck_assert_ptr_null(gd_gather(g, x, 0, none));
	ck_assert_ptr_null(gd_scatter_sum(g, none, 0, x, 2));
	ck_assert_int_eq(l.error.code, GD_OK);
	/* Constants that a composite made on the way are all that was added. */
	for (int i = nodes; i < g->n_nodes; i++)
		ck_assert(gd_is_leaf(g->nodes[i]));
	lab_release(&l);
}
END_TEST

START_TEST(too_many_nodes)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	l.g.max_nodes = 50;
	struct gd_node *y = LAB(&l, 1, (1), 1);
	l.g.origin = "/layers/9";
	for (int i = 0; i < 100; i++)
		y = gd_sin(&l.g, y);
	ck_assert_ptr_null(y);
	ck_assert_int_eq(l.g.n_nodes, 50);
	ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
	ck_assert_str_eq(l.error.pointer, "/layers/9");
	ck_assert_ptr_nonnull(strstr(l.error.detail, "50"));
	lab_release(&l);
}
END_TEST

START_TEST(too_little_memory_for_nodes)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	gd_arena_release(&l.arena);
	gd_arena_init(&l.arena, 1 << 18);
	gd_graph_init(&l.g, &l.arena, &l.error, GD_FLOAT64, 100000);
	struct gd_node *y = gd_const(&l.g, 1);
	l.g.origin = "/layers/2";
	for (int i = 0; i < 50000 && y; i++)
		y = gd_softmax(&l.g, gd_reshape(&l.g, y, 1, (int64_t[]){1}), 0);
	ck_assert_ptr_null(y);
	ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
	ck_assert_str_eq(l.error.pointer, "/layers/2");
	lab_release(&l);
}
END_TEST

/* Shapes whose elements cannot be counted are refused before anything is allocated. */
START_TEST(shapes_beyond_counting)
{
	const int64_t big = (int64_t)1 << 40;
	for (int i = 0; i < 4; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_graph *g = &l.g;
		struct gd_node *x = gd_const(g, 1), *y = NULL;
		if (i == 0)
			y = gd_expand(g, x, 2, (int64_t[]){big, big});
		struct gd_node *row = gd_expand(g, x, 2, (int64_t[]){1, big});
		if (i == 1)
			y = gd_add(g, row, gd_reshape(g, row, 2, (int64_t[]){big, 1}));
		if (i == 2)
			y = gd_matmul(g, gd_reshape(g, row, 2, (int64_t[]){big, 1}), row);
		if (i == 3) {
			struct gd_node *many[16];
			struct gd_node *n = gd_expand(g, x, 1, (int64_t[]){(int64_t)1 << 59});
			for (int k = 0; k < 16; k++)
				many[k] = n;
			y = gd_cat(g, 16, many, 0);
		}
		ck_assert_ptr_null(y);
		ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
		lab_release(&l);
	}
}
END_TEST

START_TEST(leaves_and_constants)
{
	struct lab l;
	double value = 0;
	lab_init(&l, GD_FLOAT32);
	double data[3] = {1, 2, 3};
	struct gd_tensor t = {
	        .dtype = GD_FLOAT64, .rank = 1, .shape = {3}, .count = 3, .data = data};
	struct gd_node *x = gd_leaf(&l.g, &t, "x"), *c = gd_const(&l.g, 0.1);
	ck_assert_ptr_eq(x->data, data);
	ck_assert_str_eq(gd_label(x, "input"), "x");
	ck_assert_str_eq(gd_label(c, "input"), "input");
	ck_assert(gd_is_leaf(x) && gd_is_leaf(c));
	ck_assert(!gd_is_const(x, &value));
	ck_assert(gd_is_const(c, &value));
	ck_assert_double_eq(value, (double)0.1f);
	ck_assert(!gd_is_const(NULL, &value));
	struct gd_tensor back = gd_node_tensor(x);
	ck_assert_ptr_eq(back.data, data);
	ck_assert_int_eq(back.rank, 1);
	ck_assert_uint_eq(back.count, 3);
	lab_release(&l);
}
END_TEST

START_TEST(what_is_folded)
{
	struct lab l;
	double value = 0;
	lab_init(&l, GD_FLOAT64);
	struct gd_graph *g = &l.g;
	struct gd_node *x = LAB(&l, 2, (2, 3), 1, 2, 3, 4, 5, 6), *one = gd_const(g, 1);
	struct gd_node *c = gd_add(g, gd_const(g, 2), gd_exp(g, gd_const(g, 0)));
	ck_assert(gd_is_const(c, &value));
	ck_assert_double_eq(value, 3);
	ck_assert_ptr_eq(gd_mul(g, x, one), x);
	ck_assert_ptr_eq(gd_mul(g, one, x), x);
	ck_assert_ptr_eq(gd_div(g, x, one), x);
	ck_assert_ptr_eq(gd_reshape(g, x, 2, (int64_t[]){2, 3}), x);
	ck_assert_ptr_eq(gd_expand(g, x, 2, (int64_t[]){2, 3}), x);
	ck_assert_ptr_eq(gd_cast(g, x, GD_FLOAT64), x);
	ck_assert_ptr_eq(gd_swap_axes(g, gd_swap_axes(g, x, 0, 1), 0, 1), x);
	ck_assert_ptr_eq(gd_sum(g, x, 0, true), x);
	struct gd_node *mask = gd_gt(g, x, one), *inverse = gd_logical_not(g, mask);
	ck_assert_ptr_eq(gd_logical_not(g, inverse), mask);
	lab_release(&l);
}
END_TEST

/* Broadcasting as NumPy does it, all pairs of small shapes against a naive rule. */
START_TEST(broadcast_shapes)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	enum { N = 3 };
	static const int64_t sizes[N] = {1, 2, 0};
	for (int code = 0; code < 3 * 3 * 3 * 3 * 9; code++) {
		struct gd_node a = {.rank = code / 81 % 3}, b = {.rank = code / 243 % 3};
		a.shape[0] = sizes[code % 3];
		a.shape[1] = sizes[code / 3 % 3];
		b.shape[0] = sizes[code / 9 % 3];
		b.shape[1] = sizes[code / 27 % 3];
		int rank = -1, want_rank = a.rank > b.rank ? a.rank : b.rank;
		int64_t shape[GD_MAX_RANK];
		bool fits = true, got = gd_broadcast_shape(&a, &b, &rank, shape);
		for (int i = 1; i <= want_rank; i++) {
			int64_t da = i > a.rank ? 1 : a.shape[a.rank - i];
			int64_t db = i > b.rank ? 1 : b.shape[b.rank - i];
			fits = fits && (da == db || da == 1 || db == 1);
			if (got)
				ck_assert_int_eq(shape[want_rank - i], da == 1 ? db : da);
		}
		ck_assert_int_eq(got, fits);
		if (got)
			ck_assert_int_eq(rank, want_rank);
	}
	lab_release(&l);
}
END_TEST

/* Random broadcasts of up to three operands against index arithmetic. */
START_TEST(broadcast_values)
{
	for (int trial = 0; trial < 300; trial++) {
		struct lab l;
		lab_init(&l, trial % 2 ? GD_FLOAT32 : GD_FLOAT64);
		l.random = (uint64_t)trial * 77;
		int rank = (int)lab_uniform(&l, 0, 5.999);
		int64_t full[GD_MAX_RANK];
		struct gd_node *x[3];
		for (int i = 0; i < rank; i++)
			full[i] = (int64_t)lab_uniform(&l, 1, 4.999);
		for (int k = 0; k < 3; k++) {
			int64_t shape[GD_MAX_RANK];
			int skip = k ? (int)lab_uniform(&l, 0, rank + 0.999) : 0;
			for (int i = skip; i < rank; i++)
				shape[i - skip] = k && lab_uniform(&l, 0, 1) < 0.4 ? 1 : full[i];
			x[k] = lab_random(&l, rank - skip, shape, -1, 1);
		}
		struct gd_node *y = gd_where(&l.g, gd_gt(&l.g, x[1], x[2]),
		                             gd_sub(&l.g, x[0], x[1]), gd_mul(&l.g, x[2], x[0]));
		ck_assert_msg(y && lab_eval(&l, 1, &y), "%s", l.error.detail);
		for (size_t e = 0; e < y->count; e++) {
			double v[3];
			for (int k = 0; k < 3; k++) {
				size_t rest = e, at = 0, stride = 1;
				for (int i = rank - 1; i >= 0; i--) {
					size_t index = rest % (size_t)full[i];
					int ik = i - (rank - x[k]->rank);
					rest /= (size_t)full[i];
					if (ik < 0)
						continue;
					at += (x[k]->shape[ik] == 1 ? 0 : index) * stride;
					stride *= (size_t)x[k]->shape[ik];
				}
				v[k] = lab_at(x[k], at);
			}
			double want = v[1] > v[2] ? v[0] - v[1] : v[2] * v[0];
			ck_assert_double_le(fabs(lab_at(y, e) - want), trial % 2 ? 1e-6 : 0);
		}
		lab_release(&l);
	}
}
END_TEST

/* permute, slice and their adjoints, gather and scatter: against index arithmetic. */
START_TEST(moving_elements)
{
	for (int trial = 0; trial < 200; trial++) {
		struct lab l;
		lab_init(&l, trial % 2 ? GD_FLOAT32 : GD_FLOAT64);
		l.random = (uint64_t)trial * 991;
		int64_t shape[3], sliced[3], at[3];
		for (int i = 0; i < 3; i++)
			shape[i] = (int64_t)lab_uniform(&l, 1, 5.999);
		struct gd_node *x = lab_random(&l, 3, shape, -1, 1);
		int8_t perm[GD_MAX_RANK] = {0, 1, 2};
		for (int i = 2; i > 0; i--) {
			int k = (int)lab_uniform(&l, 0, i + 0.999);
			int8_t kept = perm[i];
			perm[i] = perm[k];
			perm[k] = kept;
		}
		struct gd_slice s = {.step = {1, 1, 1}};
		for (int i = 0; i < 3; i++) {
			s.start[i] = (int64_t)lab_uniform(&l, 0, (double)shape[i] - 0.001);
			s.step[i] = (int64_t)lab_uniform(&l, 1, 3.999);
			sliced[i] = (shape[i] - s.start[i] - 1) / s.step[i] + 1;
		}
		struct gd_node *p = gd_permute(&l.g, x, perm), *y = gd_slice(&l.g, x, &s, sliced);
		struct gd_node *back = gd_unslice(&l.g, y, &s, shape), *dx;
		ck_assert(lab_grad(&l, y, y, 1, &x, &dx));
		ck_assert(lab_eval(&l, 4, (struct gd_node *[]){p, y, back, dx}));
		for (size_t e = 0; e < x->count; e++) {
			at[2] = (int64_t)e % shape[2];
			at[1] = (int64_t)e / shape[2] % shape[1];
			at[0] = (int64_t)e / shape[2] / shape[1];
			int64_t to = 0, from = 0;
			bool inside = true;
			for (int i = 0; i < 3; i++) {
				to = to * shape[perm[i]] + at[perm[i]];
				int64_t k = at[i] - s.start[i];
				inside = inside && k >= 0 && k % s.step[i] == 0;
				from = from * sliced[i] + (inside ? k / s.step[i] : 0);
			}
			ck_assert_double_eq(lab_at(p, (size_t)to), lab_at(x, e));
			ck_assert_double_eq(lab_at(back, e), inside ? lab_at(x, e) : 0);
			ck_assert_double_eq(lab_at(dx, e), lab_at(back, e));
			if (inside)
				ck_assert_double_eq(lab_at(y, (size_t)from), lab_at(x, e));
		}
		lab_release(&l);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/graph");
	TCase *t = tcase_create("graph");
	tcase_add_test(t, the_first_error_sticks);
	tcase_add_test(t, null_operands_pass_through);
	tcase_add_test(t, too_many_nodes);
	tcase_add_test(t, too_little_memory_for_nodes);
	tcase_add_test(t, shapes_beyond_counting);
	tcase_add_test(t, leaves_and_constants);
	tcase_add_test(t, what_is_folded);
	tcase_add_test(t, broadcast_shapes);
	tcase_add_test(t, broadcast_values);
	tcase_add_test(t, moving_elements);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
