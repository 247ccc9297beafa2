/* Products against three loops: every transposition, tiny and empty extents, broadcast batches. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/blas.h"
#include "tests/core/lab.h"
#include "tests/support/test.h"

enum { MOST = 80 * 80 };

static double a[MOST], b[MOST], c[MOST];
static float fa[MOST], fb[MOST], fc[MOST];

static void one_product(struct lab *l, bool ta, bool tb, size_t m, size_t n, size_t k)
{
	for (size_t i = 0; i < m * k; i++)
		fa[i] = (float)(a[i] = lab_uniform(l, -1, 1));
	for (size_t i = 0; i < k * n; i++)
		fb[i] = (float)(b[i] = lab_uniform(l, -1, 1));
	for (size_t i = 0; i < m * n; i++)
		fc[i] = (float)(c[i] = NAN);
	c[m * n] = fc[m * n] = 42;
	gd_gemm_f64(ta, tb, m, n, k, a, b, c);
	gd_gemm_f32(ta, tb, m, n, k, fa, fb, fc);
	for (size_t i = 0; i < m; i++)
		for (size_t j = 0; j < n; j++) {
			double want = 0;
			for (size_t p = 0; p < k; p++)
				want += (ta ? a[p * m + i] : a[i * k + p]) *
				        (tb ? b[j * k + p] : b[p * n + j]);
			ck_assert_msg(fabs(c[i * n + j] - want) <= 1e-14 * (double)(k + 1) &&
			                      fabs((double)fc[i * n + j] - want) <=
			                              1e-6 * (double)(k + 1),
			              "%zu×%zu×%zu, %d %d: (%zu, %zu)", m, n, k, ta, tb, i, j);
		}
	ck_assert_double_eq(c[m * n], 42);
	ck_assert_float_eq(fc[m * n], 42);
}

START_TEST(gemm_small)
{
	static const size_t extents[] = {0, 1, 2, 3, 5, 8, 9};
	enum { N = sizeof extents / sizeof *extents };
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	for (int i = 0; i < N * N * N * 4; i++)
		one_product(&l, i & 1, i & 2, extents[i / 4 % N], extents[i / 4 / N % N],
		            extents[i / 4 / N / N]);
	lab_release(&l);
}
END_TEST

START_TEST(gemm_larger)
{
	static const size_t extents[][3] = {{17, 33, 65}, {64, 64, 64}, {1, 79, 79}, {79, 1, 79},
	                                    {79, 79, 1},  {70, 3, 20},  {3, 70, 75}};
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	for (size_t i = 0; i < 4 * sizeof extents / sizeof *extents; i++)
		one_product(&l, i & 1, i & 2, extents[i / 4][0], extents[i / 4][1],
		            extents[i / 4][2]);
	lab_release(&l);
}
END_TEST

START_TEST(extents)
{
	ck_assert(gd_gemm_fits(0, 0, 0));
	ck_assert(gd_gemm_fits(2147483647, 1, 1));
	ck_assert(!gd_gemm_fits(2147483648, 1, 1));
	ck_assert(!gd_gemm_fits(1, 2147483648, 1));
	ck_assert(!gd_gemm_fits(1, 1, 2147483648));
}
END_TEST

START_TEST(kernels)
{
	ck_assert_ptr_nonnull(gd_blas_kernel());
	ck_assert(*gd_blas_kernel());
	const char *better = gd_blas_better_kernel();
	ck_assert(!better || strcmp(better, gd_blas_kernel()) != 0);
	setenv("OPENBLAS_CORETYPE", "Haswell", 1); /* a user's own choice */
	ck_assert_ptr_null(gd_blas_better_kernel());
	unsetenv("OPENBLAS_CORETYPE");
	gd_blas_threads(1);
}
END_TEST

/* --- matmul, batched -------------------------------------------------------------------------- */

/* Element of x at a batch index of the result. */
static double element(const struct gd_node *x, const struct gd_node *y, size_t batch, size_t row,
                      size_t column)
{
	size_t at = 0, stride = (size_t)(x->shape[x->rank - 2] * x->shape[x->rank - 1]);
	for (int i = y->rank - 3; i >= 0; i--) {
		int k = i - (y->rank - x->rank);
		size_t index = batch % (size_t)y->shape[i];
		batch /= (size_t)y->shape[i];
		if (k < 0)
			continue;
		at += (x->shape[k] == 1 ? 0 : index) * stride;
		stride *= (size_t)x->shape[k];
	}
	return lab_at(x, at + row * (size_t)x->shape[x->rank - 1] + column);
}

static int64_t small(struct lab *l, double lo, double hi)
{
	return (int64_t)lab_uniform(l, lo, hi + 0.999);
}

/* Operands with random batch axes, as they are or as transposes of others. */
START_TEST(batched_products)
{
	for (int trial = 0; trial < 300; trial++) {
		struct lab l;
		lab_init(&l, trial % 3 ? GD_FLOAT64 : GD_FLOAT32);
		l.random = (uint64_t)trial * 313;
		int64_t m = small(&l, 0, 4), n = small(&l, 1, 4), k = small(&l, 0, 4);
		int batch = (int)small(&l, 0, 3);
		int64_t full[3];
		struct gd_node *x[2];
		for (int i = 0; i < batch; i++)
			full[i] = small(&l, 1, 3);
		for (int o = 0; o < 2; o++) {
			int64_t shape[5];
			int skip = (int)small(&l, 0, batch), rank = 0;
			bool swapped = lab_uniform(&l, 0, 1) < 0.4;
			for (int i = skip; i < batch; i++)
				shape[rank++] = lab_uniform(&l, 0, 1) < 0.3 ? 1 : full[i];
			int64_t rows = o ? k : m, columns = o ? n : k;
			shape[rank++] = swapped ? columns : rows;
			shape[rank++] = swapped ? rows : columns;
			x[o] = lab_random(&l, rank, shape, -1, 1);
			if (swapped)
				x[o] = gd_swap_axes(&l.g, x[o], rank - 2, rank - 1);
		}
		struct gd_node *y = gd_matmul(&l.g, x[0], x[1]);
		ck_assert_msg(y && lab_eval(&l, 3, (struct gd_node *[]){x[0], x[1], y}), "%s",
		              l.error.detail);
		ck_assert_int_eq(y->shape[y->rank - 2], m);
		ck_assert_int_eq(y->shape[y->rank - 1], n);
		for (size_t e = 0; e < y->count; e++) {
			size_t column = e % (size_t)n, row = e / (size_t)n % (size_t)m;
			double want = 0;
			for (size_t p = 0; p < (size_t)k; p++)
				want += element(x[0], y, e / (size_t)(m * n), row, p) *
				        element(x[1], y, e / (size_t)(m * n), p, column);
			ck_assert_double_le(fabs(lab_at(y, e) - want), trial % 3 ? 1e-14 : 2e-6);
		}
		lab_release(&l);
	}
}
END_TEST

/* (8, 4, 5)·(5, 6) is one product of 32 rows, as it must be for speed. */
START_TEST(a_batch_against_one_matrix_is_one_product)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 3, (int64_t[]){8, 4, 5}, -1, 1),
	               *w = lab_random(&l, 2, (int64_t[]){5, 6}, -1, 1), *grad[2];
	struct gd_node *y = lab_call(&l, "linear", "", 2, x, w);
	ck_assert(lab_grad(&l, y, NULL, 2, (struct gd_node *[]){x, w}, grad));
	for (int i = 0; i < l.g.n_nodes; i++) {
		const struct gd_node *n = l.g.nodes[i];
		if (strcmp(n->prim->name, "matmul") == 0)
			ck_assert_int_eq(n->rank, 2);
	}
	lab_release(&l);
}
END_TEST

/* A linear layer and its gradients transpose nothing in memory. */
START_TEST(transposes_are_free)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){4, 5}, -1, 1),
	               *w = lab_random(&l, 2, (int64_t[]){6, 5}, -1, 1), *grad[2];
	struct gd_node *y = lab_call(&l, "linear", "weight_layout=out_in", 2, x, w);
	ck_assert(lab_grad(&l, y, NULL, 2, (struct gd_node *[]){x, w}, grad));
	ck_assert(lab_eval(&l, 3, (struct gd_node *[]){y, grad[0], grad[1]}));
	for (int i = 0; i < l.g.n_nodes; i++)
		if (strcmp(l.g.nodes[i]->prim->name, "permute") == 0)
			ck_assert(!l.g.nodes[i]->needed);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/blas");
	TCase *t = tcase_create("blas");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, gemm_small);
	tcase_add_test(t, gemm_larger);
	tcase_add_test(t, extents);
	tcase_add_test(t, kernels);
	tcase_add_test(t, batched_products);
	tcase_add_test(t, a_batch_against_one_matrix_is_one_product);
	tcase_add_test(t, transposes_are_free);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
