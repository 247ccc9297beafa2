/* Reductions and what works along an axis: every subset of axes against plain loops. */
#include <math.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

static const struct {
	int rank;
	int64_t shape[5];
} shapes[] = {
        {0, {0}},
        {1, {1}},
        {1, {7}},
        {1, {1000}},
        {2, {3, 700}},
        {2, {700, 3}},
        {2, {1, 5}},
        {3, {2, 300, 5}},
        {3, {130, 2, 3}},
        {3, {2, 1, 600}},
        {4, {2, 3, 4, 5}},
        {5, {2, 3, 1, 2, 3}},
        {5, {2, 2, 2, 2, 2}},
        {2, {0, 3}},
        {3, {2, 0, 3}},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

/* Where element e of x goes when `axes` are cut. */
static size_t target(const struct gd_node *x, unsigned axes, size_t e)
{
	size_t at = 0, stride = 1;
	for (int i = x->rank - 1; i >= 0; i--) {
		size_t index = e % (size_t)x->shape[i];
		e /= (size_t)x->shape[i];
		if (axes >> i & 1)
			continue;
		at += index * stride;
		stride *= (size_t)x->shape[i];
	}
	return at;
}

static bool empties(const struct gd_node *x, unsigned axes)
{
	for (int i = 0; i < x->rank; i++)
		if ((axes >> i & 1) && x->shape[i] == 0)
			return true;
	return false;
}

enum { MOST = 4096 };

START_TEST(every_subset_of_axes)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++)
		for (unsigned axes = 0; axes < 1u << shapes[_i].rank; axes++) {
			struct lab l;
			static double sum[MOST], top[MOST], low[MOST];
			double eps = dtype == GD_FLOAT64 ? 1e-14 : 1e-6;
			lab_init(&l, (enum gd_dtype)dtype);
			struct gd_node *x =
			        lab_random(&l, shapes[_i].rank, shapes[_i].shape, -1, 1);
			bool none = empties(x, axes);
			bool keep = axes & 1;
			struct gd_node *y[4] = {gd_sum(&l.g, x, axes, keep),
			                        gd_mean(&l.g, x, axes, keep)};
			if (!none) {
				y[2] = gd_amax(&l.g, x, axes, keep);
				y[3] = gd_amin(&l.g, x, axes, keep);
			}
			ck_assert_msg(lab_eval(&l, none ? 2 : 4, y), "%s", l.error.detail);
			ck_assert_uint_le(y[0]->count, MOST);
			for (size_t i = 0; i < y[0]->count; i++) {
				sum[i] = 0;
				top[i] = -INFINITY;
				low[i] = INFINITY;
			}
			for (size_t e = 0; e < x->count; e++) {
				size_t t = target(x, axes, e);
				sum[t] += lab_at(x, e);
				top[t] = fmax(top[t], lab_at(x, e));
				low[t] = fmin(low[t], lab_at(x, e));
			}
			double n = y[0]->count ? (double)x->count / (double)y[0]->count : 1;
			for (size_t i = 0; i < y[0]->count; i++) {
				ck_assert_double_le(fabs(lab_at(y[0], i) - sum[i]), eps * n);
				if (none) {
					ck_assert(isnan(lab_at(y[1], i)));
					continue;
				}
				ck_assert_double_le(fabs(lab_at(y[1], i) - sum[i] / n), eps);
				ck_assert_double_eq(lab_at(y[2], i), top[i]);
				ck_assert_double_eq(lab_at(y[3], i), low[i]);
			}
			int cut = __builtin_popcount(axes);
			ck_assert_int_eq(y[0]->rank, keep ? x->rank : x->rank - cut);
			lab_release(&l);
		}
}
END_TEST

/* softmax, log_softmax, argmax, gather and scatter_sum along each axis. */
START_TEST(along_every_axis)
{
	for (int axis = 0; axis < shapes[_i].rank; axis++) {
		struct lab l;
		static double total[MOST], sums[MOST];
		lab_init(&l, GD_FLOAT64);
		struct gd_node *x = lab_random(&l, shapes[_i].rank, shapes[_i].shape, -3, 3);
		struct gd_node *p = gd_softmax(&l.g, x, axis), *q = gd_log_softmax(&l.g, x, axis);
		if (empties(x, 1u << axis)) {
			ck_assert(lab_eval(&l, 2, (struct gd_node *[]){p, q}));
			lab_release(&l);
			continue;
		}
		struct gd_node *lse = gd_logsumexp(&l.g, x, 1u << axis, true);
		struct gd_node *index = gd_argmax(&l.g, x, axis);
		struct gd_node *best = gd_gather(&l.g, x, axis, index);
		struct gd_node *top = gd_amax(&l.g, x, 1u << axis, true);
		struct gd_node *spread = gd_scatter_sum(&l.g, best, axis, index, x->shape[axis]);
		ck_assert(
		        lab_eval(&l, 7, (struct gd_node *[]){p, q, lse, index, best, top, spread}));
		for (size_t i = 0; i < top->count; i++)
			total[i] = sums[i] = 0;
		for (size_t e = 0; e < x->count; e++) {
			size_t t = target(x, 1u << axis, e);
			total[t] += exp(lab_at(x, e));
			sums[t] += lab_at(spread, e);
		}
		for (size_t e = 0; e < x->count; e++) {
			double want = exp(lab_at(x, e)) / total[target(x, 1u << axis, e)];
			ck_assert_double_le(fabs(lab_at(p, e) - want), 1e-14);
			ck_assert_double_le(fabs(lab_at(q, e) - log(want)), 1e-13);
		}
		for (size_t i = 0; i < top->count; i++) {
			ck_assert_double_le(fabs(lab_at(lse, i) - log(total[i])), 1e-13);
			ck_assert_double_eq(lab_at(best, i), lab_at(top, i));
			ck_assert_double_eq(sums[i], lab_at(top, i));
		}
		lab_release(&l);
	}
}
END_TEST

/* The first of equals. */
START_TEST(argmax_of_ties)
{
	struct lab l;
	lab_init(&l, GD_FLOAT32);
	struct gd_node *x = LAB(&l, 2, (3, 4), 1, 3, 3, 2, 5, 5, 5, 5, 0, -0.0, -1, 0);
	LAB_IS(&l, gd_argmax(&l.g, x, 1), 0, 1, 0, 0);
	LAB_IS(&l, gd_argmax(&l.g, x, 0), 0, 1, 1, 1, 1);
	lab_release(&l);
}
END_TEST

/* Pairwise sums: the error does not grow with n. */
START_TEST(sums_of_many)
{
	const int64_t n = getenv("GD_QUICK") ? 40000 : 400000;
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++)
		for (int layout = 0; layout < 3; layout++) {
			struct lab l;
			lab_init(&l, (enum gd_dtype)dtype);
			const int64_t wide[3][2] = {{1, n}, {n, 1}, {n / 4, 4}};
			struct gd_node *x = lab_random(&l, 2, wide[layout], 0, 1);
			struct gd_node *y = gd_sum(&l.g, x, 1, false), *z = gd_sum_all(&l.g, x);
			long double want = 0;
			for (size_t i = 0; i < x->count; i++)
				want += (long double)lab_at(x, i);
			ck_assert(lab_eval(&l, 2, (struct gd_node *[]){y, z}));
			double got = lab_at(z, 0), rtol = dtype == GD_FLOAT64 ? 1e-15 : 6e-8;
			ck_assert_double_le(fabs(got / (double)want - 1), rtol);
			long double columns = 0;
			for (size_t i = 0; i < y->count && layout == 2; i++)
				columns += (long double)lab_at(y, i);
			if (layout == 2)
				ck_assert_double_le(fabs((double)(columns / want - 1)),
				                    dtype == GD_FLOAT64 ? 1e-13 : 6e-8);
			lab_release(&l);
		}
}
END_TEST

/* The mean of many float32 is not at the mercy of float32's 2^24. */
START_TEST(mean_of_many_float32)
{
	struct lab l;
	const int64_t n = getenv("GD_QUICK") ? 200000 : 20000000;
	lab_init(&l, GD_FLOAT32);
	struct gd_node *x = gd_expand(&l.g, LAB(&l, 1, (1), 0.1), 1, (int64_t[]){n});
	LAB_IS(&l, gd_mean(&l.g, x, 1, false), 1e-7, (double)0.1f);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/reduce");
	TCase *t = tcase_create("reduce");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_subset_of_axes, 0, N_SHAPES);
	tcase_add_loop_test(t, along_every_axis, 0, N_SHAPES);
	tcase_add_test(t, argmax_of_ties);
	tcase_add_test(t, sums_of_many);
	tcase_add_test(t, mean_of_many_float32);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
