/* Cotangents of one node from many uses: laid side by side, or one product. */
#include <math.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

static struct gd_node *rows_of(struct lab *l, struct gd_node *x, int axis, int64_t start, int64_t n,
                               int64_t step)
{
	struct gd_slice s;
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
		shape[i] = x->shape[i];
	}
	s.start[axis] = start;
	s.step[axis] = step;
	shape[axis] = n;
	return gd_slice(&l->g, x, &s, shape);
}

/* Slices (axis, start, n, step) of a (4, 6) tensor, each squared and weighted by its place. */
static const struct {
	int n;
	struct {
		int axis;
		int64_t start, n, step;
	} part[4];
} cuts[] = {
        {2, {{0, 0, 2, 1}, {0, 2, 2, 1}}},               /* neighbours, all of it */
        {2, {{0, 2, 2, 1}, {0, 0, 2, 1}}},               /* the other way round */
        {3, {{1, 0, 2, 1}, {1, 2, 1, 1}, {1, 3, 2, 1}}}, /* neighbours, not all of it */
        {2, {{0, 0, 1, 1}, {0, 2, 1, 1}}},               /* a gap */
        {2, {{0, 0, 3, 1}, {0, 1, 3, 1}}},               /* an overlap */
        {2, {{0, 1, 2, 1}, {0, 1, 2, 1}}},               /* twice the same */
        {2, {{0, 0, 2, 1}, {1, 0, 3, 1}}},               /* along two axes */
        {2, {{1, 0, 3, 2}, {1, 1, 3, 2}}},               /* every other one */
        {4, {{0, 0, 2, 1}, {1, 0, 6, 1}, {0, 2, 2, 1}, {0, 3, 1, 1}}},
        {2, {{0, 0, 0, 1}, {0, 0, 4, 1}}}, /* nothing, and all */
};

START_TEST(parts_of_a_tensor)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){4, 6}, 1, 2), *grad, *again;
	struct gd_node *y = gd_const(&l.g, 0);
	double want[24] = {0}, second[24] = {0};
	for (int k = 0; k < cuts[_i].n; k++) {
		int axis = cuts[_i].part[k].axis;
		int64_t start = cuts[_i].part[k].start, n = cuts[_i].part[k].n,
		        step = cuts[_i].part[k].step;
		struct gd_node *part = rows_of(&l, x, axis, start, n, step);
		struct gd_node *cube = gd_mul(&l.g, part, gd_square(&l.g, part));
		y = gd_add(&l.g, y, gd_sum_all(&l.g, gd_mul(&l.g, cube, gd_const(&l.g, k + 1))));
		for (int64_t i = 0; i < 24; i++) {
			int64_t at = (axis == 0 ? i / 6 : i % 6) - start;
			double v = lab_at(x, (size_t)i);
			if (at < 0 || at % step != 0 || at / step >= n)
				continue;
			want[i] += 3 * (k + 1) * v * v;
			second[i] += 6 * (k + 1) * v;
		}
	}
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	ck_assert(lab_grad(&l, gd_sum_all(&l.g, grad), NULL, 1, &x, &again));
	ck_assert(lab_eval(&l, 2, (struct gd_node *[]){grad, again}));
	for (size_t i = 0; i < 24; i++) {
		ck_assert_double_eq_tol(lab_at(grad, i), want[i], 1e-13);
		ck_assert_double_eq_tol(lab_at(again, i), second[i], 1e-13);
	}
	lab_release(&l);
}
END_TEST

/* More parts than one node lists; each costs its own elements. */
START_TEST(a_thousand_rows)
{
	enum { N = 1000, M = 3 };
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){N, M}, 1, 2), *grad;
	struct gd_node *y = gd_const(&l.g, 0);
	for (int i = 0; i < N; i++)
		y = gd_add(&l.g, y, gd_sum_all(&l.g, gd_square(&l.g, rows_of(&l, x, 0, i, 1, 1))));
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	ck_assert_double_lt(gd_cost(&l.g, 1, &grad), 20.0 * N * M);
	ck_assert(lab_eval(&l, 1, &grad));
	for (size_t i = 0; i < (size_t)N * M; i++)
		ck_assert_double_eq(lab_at(grad, i), 2 * lab_at(x, i));
	lab_release(&l);
}
END_TEST

/* One weight in many products: Σ aᵀ·dy, small ones and large ones. */
START_TEST(a_weight_of_many_products)
{
	enum { IN = 3, OUT = 2 };
	int uses = _i == 0 ? 600 : 3;
	int64_t rows = _i == 0 ? 1 : 300;
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *w = lab_random(&l, 2, (int64_t[]){IN, OUT}, -1, 1), *grad;
	struct gd_node *y = gd_const(&l.g, 0);
	double want[IN * OUT] = {0};
	for (int k = 0; k < uses; k++) {
		struct gd_node *x = lab_random(&l, 2, (int64_t[]){rows, IN}, -1, 1);
		struct gd_node *u = lab_random(&l, 2, (int64_t[]){rows, OUT}, -1, 1);
		y = gd_add(&l.g, y, gd_sum_all(&l.g, gd_mul(&l.g, gd_matmul(&l.g, x, w), u)));
		for (size_t r = 0; r < (size_t)rows; r++)
			for (size_t i = 0; i < IN; i++)
				for (size_t j = 0; j < OUT; j++)
					want[i * OUT + j] +=
					        lab_at(x, r * IN + i) * lab_at(u, r * OUT + j);
	}
	ck_assert(lab_grad(&l, y, NULL, 1, &w, &grad));
	ck_assert(lab_eval(&l, 1, &grad));
	for (size_t i = 0; i < IN * OUT; i++)
		ck_assert_double_eq_tol(lab_at(grad, i), want[i], 1e-12);
	lab_release(&l);
}
END_TEST

/* A row that was not chosen stays out of the one product, whatever it holds. */
START_TEST(masks_go_on)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *w = LAB(&l, 2, (1, 1), 2), *x = LAB(&l, 2, (2, 1), 3, NAN), *grad;
	struct gd_node *rows = gd_gt(&l.g, LAB(&l, 2, (2, 1), 1, 0), gd_const(&l.g, 0));
	struct gd_node *y = gd_where(&l.g, rows, gd_matmul(&l.g, x, w), gd_const(&l.g, 0));
	struct gd_node *z = gd_matmul(&l.g, LAB(&l, 2, (1, 1), 5), w);
	y = gd_add(&l.g, gd_sum_all(&l.g, y), gd_sum_all(&l.g, z));
	ck_assert(lab_grad(&l, y, NULL, 1, &w, &grad));
	LAB_IS(&l, grad, 0, 8);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/accumulate");
	TCase *t = tcase_create("accumulate");
	tcase_add_loop_test(t, parts_of_a_tensor, 0, (int)(sizeof cuts / sizeof *cuts));
	tcase_add_test(t, a_thousand_rows);
	tcase_add_loop_test(t, a_weight_of_many_products, 0, 2);
	tcase_add_test(t, masks_go_on);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
