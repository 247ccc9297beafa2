/* The derivations, each by its name: linear layers, mean squared error, the chain rule. */
#include <math.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

enum { MOST = 64 };

/* Matrices as loops would have them. */
struct matrix {
	int rows, columns;
	double at[MOST];
};

static struct matrix matrix_of(const struct gd_node *n)
{
	struct matrix m = {.rows = n->rank > 1 ? (int)n->shape[0] : 1};
	m.columns = n->rank ? (int)n->shape[n->rank - 1] : 1;
	ck_assert_uint_le(n->count, MOST);
	for (size_t i = 0; i < n->count; i++)
		m.at[i] = lab_at(n, i);
	return m;
}

static struct matrix product(const struct matrix *a, const struct matrix *b)
{
	struct matrix c = {.rows = a->rows, .columns = b->columns};
	for (int i = 0; i < a->rows; i++)
		for (int j = 0; j < b->columns; j++)
			for (int k = 0; k < a->columns; k++)
				c.at[i * c.columns + j] +=
				        a->at[i * a->columns + k] * b->at[k * b->columns + j];
	return c;
}

static struct matrix transposed(const struct matrix *a)
{
	struct matrix t = {.rows = a->columns, .columns = a->rows};
	for (int i = 0; i < a->rows; i++)
		for (int j = 0; j < a->columns; j++)
			t.at[j * t.columns + i] = a->at[i * a->columns + j];
	return t;
}

static struct matrix column_sums(const struct matrix *a)
{
	struct matrix s = {.rows = 1, .columns = a->columns};
	for (int i = 0; i < a->rows; i++)
		for (int j = 0; j < a->columns; j++)
			s.at[j] += a->at[i * a->columns + j];
	return s;
}

static void assert_is(const struct gd_node *got, const struct matrix *want)
{
	ck_assert_uint_eq(got->count, (size_t)(want->rows * want->columns));
	for (size_t i = 0; i < got->count; i++)
		ck_assert_double_le(fabs(lab_at(got, i) - want->at[i]),
		                    1e-14 * (1 + fabs(want->at[i])));
}

/* x (rows, in) · W (in, out) + b, and the gradients for a random dL/dy. */
struct linear_layer {
	struct lab lab;
	struct gd_node *x, *w, *b, *y, *dy, *grad[3];
};

static const int sizes[][3] = {{1, 4, 2}, {1, 1, 1}, {1, 5, 3}, {2, 3, 5},
                               {7, 4, 2}, {5, 1, 6}, {6, 5, 1}};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

static void linear_init(struct linear_layer *l, const int size[3], int bias_rank)
{
	struct lab *lab = &l->lab;
	lab_init(lab, GD_FLOAT64);
	int64_t bias[2] = {1, size[2]};
	l->x = lab_random(lab, 2, (int64_t[]){size[0], size[1]}, -5, 5);
	l->w = lab_random(lab, 2, (int64_t[]){size[1], size[2]}, -5, 5);
	l->b = lab_random(lab, bias_rank, bias + 2 - bias_rank, -5, 5);
	l->dy = lab_random(lab, 2, (int64_t[]){size[0], size[2]}, -5, 5);
	l->y = lab_call(lab, "linear", "", 3, l->x, l->w, l->b);
	ck_assert(lab_grad(lab, l->y, l->dy, 3, (struct gd_node *[]){l->x, l->w, l->b}, l->grad));
	ck_assert(lab_eval(lab, 4, (struct gd_node *[]){l->y, l->grad[0], l->grad[1], l->grad[2]}));
}

START_TEST(y_is_x_times_w_plus_b)
{
	struct linear_layer l;
	linear_init(&l, sizes[_i], 1);
	struct matrix x = matrix_of(l.x), w = matrix_of(l.w), b = matrix_of(l.b);
	struct matrix y = product(&x, &w);
	for (int i = 0; i < y.rows * y.columns; i++)
		y.at[i] += b.at[i % y.columns];
	assert_is(l.y, &y);
	lab_release(&l.lab);
}
END_TEST

START_TEST(dx_is_dy_times_w_transposed)
{
	struct linear_layer l;
	linear_init(&l, sizes[_i], 1);
	struct matrix dy = matrix_of(l.dy), w = matrix_of(l.w), wt = transposed(&w);
	struct matrix dx = product(&dy, &wt);
	assert_is(l.grad[0], &dx);
	lab_release(&l.lab);
}
END_TEST

START_TEST(dw_is_x_transposed_times_dy)
{
	struct linear_layer l;
	linear_init(&l, sizes[_i], 1);
	struct matrix dy = matrix_of(l.dy), x = matrix_of(l.x), xt = transposed(&x);
	struct matrix dw = product(&xt, &dy);
	assert_is(l.grad[1], &dw);
	lab_release(&l.lab);
}
END_TEST

START_TEST(db_is_the_column_sums_of_dy)
{
	for (int bias_rank = 1; bias_rank <= 2; bias_rank++) {
		struct linear_layer l;
		linear_init(&l, sizes[_i], bias_rank);
		struct matrix dy = matrix_of(l.dy), db = column_sums(&dy);
		assert_is(l.grad[2], &db);
		ck_assert(gd_same_shape(l.grad[2], l.b));
		lab_release(&l.lab);
	}
}
END_TEST

START_TEST(one_row_dw_is_an_outer_product)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (3), 1, 2, 3), *w = LAB(&l, 2, (3, 2), 1, 2, 3, 4, 5, 6),
	               *dy = LAB(&l, 1, (2), 10, -1), *grad[2];
	struct gd_node *y = lab_call(&l, "linear", "", 2, x, w);
	ck_assert_int_eq(y->rank, 1);
	ck_assert(lab_grad(&l, y, dy, 2, (struct gd_node *[]){x, w}, grad));
	LAB_IS(&l, grad[0], 0, 8, 26, 44);
	LAB_IS(&l, grad[1], 0, 10, -1, 20, -2, 30, -3);
	lab_release(&l);
}
END_TEST

/* --- mean squared error ----------------------------------------------------------------------- */

START_TEST(mse_gradient_is_2_y_minus_t_over_n_h)
{
	enum { N = 3, H = 4 };
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *y = lab_random(&l, 2, (int64_t[]){N, H}, -5, 5),
	               *t = lab_random(&l, 2, (int64_t[]){N, H}, -5, 5), *grad[2];
	struct gd_node *loss = lab_call(&l, "mse_loss", "", 2, y, t);
	double mean = 0, dy[N * H], dt[N * H];
	for (int i = 0; i < N * H; i++) {
		double d = lab_at(y, (size_t)i) - lab_at(t, (size_t)i);
		mean += d * d / (N * H);
		dy[i] = 2 * d / (N * H);
		dt[i] = -dy[i];
	}
	ck_assert(lab_grad(&l, loss, NULL, 2, (struct gd_node *[]){y, t}, grad));
	LAB_IS(&l, loss, 1e-14, mean);
	lab_is(&l, grad[0], 1e-15, N * H, dy, __FILE__, __LINE__);
	lab_is(&l, grad[1], 1e-15, N * H, dt, __FILE__, __LINE__);
	lab_release(&l);
}
END_TEST

/* W = (0.5, -1), x = (1, 2), target 1: y = -1.5, loss 6.25, dL/dy = -5. */
START_TEST(the_worked_example)
{
	for (int dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
		struct lab l;
		lab_init(&l, (enum gd_dtype)dtype);
		struct gd_node *x = LAB(&l, 2, (1, 2), 1, 2), *w = LAB(&l, 2, (2, 1), 0.5, -1),
		               *b = LAB(&l, 1, (1), 0), *t = LAB(&l, 2, (1, 1), 1), *grad[4];
		struct gd_node *y = lab_call(&l, "linear", "", 3, x, w, b);
		struct gd_node *loss = lab_call(&l, "mse_loss", "", 2, y, t);
		ck_assert(lab_grad(&l, loss, NULL, 4, (struct gd_node *[]){x, w, b, y}, grad));
		LAB_IS(&l, y, 0, -1.5);
		LAB_IS(&l, loss, 0, 6.25);
		LAB_IS(&l, grad[0], 0, -2.5, 5);
		LAB_IS(&l, grad[1], 0, -5, -10);
		LAB_IS(&l, grad[2], 0, -5);
		LAB_IS(&l, grad[3], 0, -5);
		lab_release(&l);
	}
}
END_TEST

/* --- the chain rule --------------------------------------------------------------------------- */

/* L = mse(relu(x·W1 + b1)·W2 + b2, t), every gradient by hand. */
START_TEST(chain_through_a_hidden_layer_and_relu)
{
	enum { N = 4, IN = 3, HIDDEN = 5, OUT = 2 };
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){N, IN}, -2, 2),
	               *w1 = lab_random(&l, 2, (int64_t[]){IN, HIDDEN}, -2, 2),
	               *b1 = lab_random(&l, 1, (int64_t[]){HIDDEN}, -2, 2),
	               *w2 = lab_random(&l, 2, (int64_t[]){HIDDEN, OUT}, -2, 2),
	               *b2 = lab_random(&l, 1, (int64_t[]){OUT}, -2, 2),
	               *t = lab_random(&l, 2, (int64_t[]){N, OUT}, -2, 2);
	struct gd_node *z = lab_call(&l, "linear", "", 3, x, w1, b1);
	struct gd_node *h = lab_call(&l, "relu", "", 1, z);
	struct gd_node *y = lab_call(&l, "linear", "", 3, h, w2, b2);
	struct gd_node *loss = lab_call(&l, "mse_loss", "", 2, y, t);
	struct gd_node *wrt[] = {x, w1, b1, w2, b2}, *grad[5];
	ck_assert(lab_grad(&l, loss, NULL, 5, wrt, grad));
	ck_assert(lab_eval(
	        &l, 8, (struct gd_node *[]){z, h, y, grad[0], grad[1], grad[2], grad[3], grad[4]}));

	struct matrix mx = matrix_of(x), mz = matrix_of(z), mh = matrix_of(h), my = matrix_of(y),
	              mt = matrix_of(t), mw1 = matrix_of(w1), mw2 = matrix_of(w2);
	struct matrix dy = {.rows = N, .columns = OUT};
	for (int i = 0; i < N * OUT; i++)
		dy.at[i] = 2 * (my.at[i] - mt.at[i]) / (N * OUT);
	struct matrix ht = transposed(&mh), dw2 = product(&ht, &dy), db2 = column_sums(&dy);
	struct matrix w2t = transposed(&mw2), dz = product(&dy, &w2t);
	int off = 0;
	for (int i = 0; i < N * HIDDEN; i++) {
		ck_assert_double_eq(mh.at[i], mz.at[i] > 0 ? mz.at[i] : 0);
		off += !(mz.at[i] > 0);
		dz.at[i] = mz.at[i] > 0 ? dz.at[i] : 0;
	}
	ck_assert_int_gt(off, 0);
	struct matrix xt = transposed(&mx), dw1 = product(&xt, &dz), db1 = column_sums(&dz);
	struct matrix w1t = transposed(&mw1), dx = product(&dz, &w1t);
	assert_is(grad[0], &dx);
	assert_is(grad[1], &dw1);
	assert_is(grad[2], &db1);
	assert_is(grad[3], &dw2);
	assert_is(grad[4], &db2);
	for (int i = 0; i < 5; i++)
		ck_assert(gd_same_shape(grad[i], wrt[i]));
	lab_release(&l);
}
END_TEST

/* --- elementwise ------------------------------------------------------------------------------ */

START_TEST(product_of_two_variables)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *a = LAB(&l, 2, (2, 2), 1, 2, 3, 4), *b = LAB(&l, 2, (2, 2), 5, 6, 7, 8),
	               *dy = LAB(&l, 2, (2, 2), 1, -1, 2, 0.5), *grad[2];
	struct gd_node *y = lab_call(&l, "mul", "", 2, a, b);
	ck_assert(lab_grad(&l, y, dy, 2, (struct gd_node *[]){a, b}, grad));
	LAB_IS(&l, y, 0, 5, 12, 21, 32);
	LAB_IS(&l, grad[0], 0, 5, -6, 14, 4);
	LAB_IS(&l, grad[1], 0, 1, -2, 6, 2);
	lab_release(&l);
}
END_TEST

START_TEST(sum_of_two_variables)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *a = LAB(&l, 2, (2, 2), 1, 2, 3, 4), *b = LAB(&l, 2, (2, 2), 5, 6, 7, 8),
	               *dy = LAB(&l, 2, (2, 2), 1, -1, 2, 0.5), *grad[2];
	struct gd_node *y = lab_call(&l, "add", "", 2, a, b);
	ck_assert(lab_grad(&l, y, dy, 2, (struct gd_node *[]){a, b}, grad));
	LAB_IS(&l, y, 0, 6, 8, 10, 12);
	LAB_IS(&l, grad[0], 0, 1, -1, 2, 0.5);
	LAB_IS(&l, grad[1], 0, 1, -1, 2, 0.5);
	lab_release(&l);
}
END_TEST

/* b of shape 1×5 against y of 2×5. */
START_TEST(a_bias_of_1x5_against_2x5)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 2, (2, 5), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
	               *b = LAB(&l, 2, (1, 5), 10, 20, 30, 40, 50),
	               *dy = LAB(&l, 2, (2, 5), 1, 2, 3, 4, 5, 0.5, 0.25, 0.125, -4, -6), *grad[2];
	struct gd_node *y = lab_call(&l, "add", "", 2, x, b);
	ck_assert(lab_grad(&l, y, dy, 2, (struct gd_node *[]){x, b}, grad));
	LAB_IS(&l, y, 0, 11, 22, 33, 44, 55, 16, 27, 38, 49, 60);
	ck_assert(gd_same_shape(grad[0], x));
	ck_assert(gd_same_shape(grad[1], b));
	LAB_IS(&l, grad[0], 0, 1, 2, 3, 4, 5, 0.5, 0.25, 0.125, -4, -6);
	LAB_IS(&l, grad[1], 0, 1.5, 2.25, 3.125, 0, -1);
	y = lab_call(&l, "mul", "", 2, x, b);
	ck_assert(lab_grad(&l, y, NULL, 2, (struct gd_node *[]){x, b}, grad));
	LAB_IS(&l, grad[1], 0, 7, 9, 11, 13, 15);
	lab_release(&l);
}
END_TEST

/* One variable in two places: its gradients add up. */
START_TEST(a_variable_used_twice)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = LAB(&l, 1, (2), 3, -4), *grad;
	struct gd_node *y = gd_add(&l.g, gd_mul(&l.g, x, x), x);
	ck_assert(lab_grad(&l, y, NULL, 1, &x, &grad));
	LAB_IS(&l, grad, 0, 7, -7);
	lab_release(&l);
}
END_TEST

/* --- an experiment: descent on a linear layer finds the weights that made the data -------------
 */

START_TEST(twenty_one_steps_of_descent)
{
	enum { N = 100, IN = 4, OUT = 2 };
	static const double w_true[IN * OUT] = {1, 1, 1.5, 1.5, 2, 3, 2.5, -0.5};
	static const double b_true[OUT] = {0, -1};
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){N, IN}, -5, 5),
	               *wt = lab_leaf(&l, 2, (int64_t[]){IN, OUT}, w_true),
	               *bt = lab_leaf(&l, 1, (int64_t[]){OUT}, b_true),
	               *w = lab_random(&l, 2, (int64_t[]){IN, OUT}, -1, 1),
	               *b = LAB(&l, 1, (2), 0, 0), *grad[2];
	struct gd_node *t = lab_call(&l, "linear", "", 3, x, wt, bt);
	struct gd_node *y = lab_call(&l, "linear", "", 3, x, w, b);
	struct gd_node *loss = lab_call(&l, "mse_loss", "", 2, y, t);
	double first = 0, last = 0;
	ck_assert(lab_grad(&l, loss, NULL, 2, (struct gd_node *[]){w, b}, grad));
	for (int step = 0; step <= 20; step++) {
		double rate = step == 0 ? 0.1 : 0.01;
		ck_assert(lab_eval(&l, 3, (struct gd_node *[]){loss, grad[0], grad[1]}));
		last = lab_at(loss, 0);
		first = step == 0 ? last : first;
		for (size_t i = 0; i < w->count; i++)
			lab_set(w, i, lab_at(w, i) - rate * lab_at(grad[0], i));
		for (size_t i = 0; i < b->count; i++)
			lab_set(b, i, lab_at(b, i) - rate * lab_at(grad[1], i));
	}
	ck_assert(lab_eval(&l, 1, &loss));
	ck_assert_double_lt(lab_at(loss, 0) * 100, first);
	ck_assert_double_le(lab_at(loss, 0), last);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/notes");
	TCase *t = tcase_create("notes");
	tcase_add_loop_test(t, y_is_x_times_w_plus_b, 0, N_SIZES);
	tcase_add_loop_test(t, dx_is_dy_times_w_transposed, 0, N_SIZES);
	tcase_add_loop_test(t, dw_is_x_transposed_times_dy, 0, N_SIZES);
	tcase_add_loop_test(t, db_is_the_column_sums_of_dy, 0, N_SIZES);
	tcase_add_test(t, one_row_dw_is_an_outer_product);
	tcase_add_test(t, mse_gradient_is_2_y_minus_t_over_n_h);
	tcase_add_test(t, the_worked_example);
	tcase_add_test(t, chain_through_a_hidden_layer_and_relu);
	tcase_add_test(t, product_of_two_variables);
	tcase_add_test(t, sum_of_two_variables);
	tcase_add_test(t, a_bias_of_1x5_against_2x5);
	tcase_add_test(t, a_variable_used_twice);
	tcase_add_test(t, twenty_one_steps_of_descent);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
