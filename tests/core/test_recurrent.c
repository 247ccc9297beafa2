/* Recurrent networks: sequences are their cells, long ones cost what their steps cost; what is
 * refused. */
#include <stdio.h>
#include <string.h>

#include "tests/core/lab.h"
#include "tests/support/test.h"

/* --- a sequence is its cells --------------------------------------------------------------------
 */

enum { STEPS = 5, BATCH = 2, IN = 3, HIDDEN = 2 };

static const struct {
	const char *network, *cell;
	int gates;
} kinds[] = {{"rnn", "rnn_cell", 1}, {"gru", "gru_cell", 3}, {"lstm", "lstm_cell", 4}};

/* The same values, and the same gradients up to the order of sums. */
START_TEST(a_sequence_is_its_cells)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	bool lstm = kinds[_i].gates == 4;
	int64_t rows = (int64_t)kinds[_i].gates * HIDDEN;
	struct gd_node *w[4] = {lab_random(&l, 2, (int64_t[]){rows, IN}, -1, 1),
	                        lab_random(&l, 2, (int64_t[]){rows, HIDDEN}, -1, 1),
	                        lab_random(&l, 1, &rows, -1, 1), lab_random(&l, 1, &rows, -1, 1)};
	struct gd_node *x = lab_random(&l, 3, (int64_t[]){STEPS, BATCH, IN}, -1, 1);
	struct gd_node *h = lab_random(&l, 3, (int64_t[]){1, BATCH, HIDDEN}, -1, 1);
	struct gd_node *in[7] = {x, h}, *wrt[] = {x, h, w[0], w[1], w[2], w[3]};
	struct gd_node *one[6], *other[6], *y[STEPS];
	struct gd_call c;
	memcpy(in + (lstm ? 3 : 2), w, sizeof w);
	if (lstm)
		in[2] = h;
	ck_assert(lab_call_all(&l, &c, gd_op_find(kinds[_i].network), "", lstm ? 7 : 6, in));
	struct gd_node *whole = lab_join(&l, c.n_out, c.out);

	struct gd_node *state = lab_call(&l, "reshape", "shape=2,2", 1, h), *memory = state;
	for (int t = 0; t < STEPS; t++) {
		char params[32];
		snprintf(params, sizeof params, "start=%d end=%d", t, t + 1);
		struct gd_node *row = lab_call(&l, "slice", params, 1, x);
		struct gd_node *now[7] = {lab_call(&l, "squeeze", "dim=0", 1, row), state};
		memcpy(now + (lstm ? 3 : 2), w, sizeof w);
		if (lstm)
			now[2] = memory;
		ck_assert(lab_call_all(&l, &c, gd_op_find(kinds[_i].cell), "", lstm ? 7 : 6, now));
		state = c.out[0];
		memory = lstm ? c.out[1] : NULL;
		y[t] = lab_call(&l, "unsqueeze", "dim=0", 1, state);
	}
	struct gd_node *parts[] = {gd_cat(&l.g, STEPS, y, 0), state, memory};
	struct gd_node *chain = lab_join(&l, lstm ? 3 : 2, parts);

	struct gd_node *u = lab_random(&l, 1, whole->shape, 0.5, 2);
	ck_assert(lab_grad(&l, whole, u, 6, wrt, one));
	ck_assert(lab_grad(&l, chain, u, 6, wrt, other));
	struct gd_node *all[14] = {whole, chain};
	memcpy(all + 2, one, sizeof one);
	memcpy(all + 8, other, sizeof other);
	ck_assert(lab_eval(&l, 14, all));
	for (size_t i = 0; i < whole->count; i++)
		ck_assert_double_eq_tol(lab_at(whole, i), lab_at(chain, i), 1e-14);
	for (int k = 0; k < 6; k++)
		for (size_t i = 0; i < wrt[k]->count; i++)
			ck_assert_double_eq_tol(lab_at(one[k], i), lab_at(other[k], i), 1e-13);
	lab_release(&l);
}
END_TEST

/* The reverse direction is the forward one on the sequence turned round. */
START_TEST(the_reverse_direction)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	struct gd_node *x = lab_random(&l, 2, (int64_t[]){3, 1}, -1, 1), *row[3];
	for (int t = 0; t < 3; t++)
		row[2 - t] = LAB(&l, 2, (1, 1), lab_at(x, (size_t)t));
	struct gd_node *w = LAB(&l, 2, (1, 1), 0.7), *v = LAB(&l, 2, (1, 1), -0.4);
	struct gd_node *both =
	        lab_call(&l, "rnn", "bidirectional=true has_biases=false", 6, x, NULL, w, w, v, v);
	struct gd_node *turned = gd_cat(&l.g, 3, row, 0);
	struct gd_node *alone = lab_call(&l, "rnn", "has_biases=false", 4, turned, NULL, v, v);
	ck_assert(lab_eval(&l, 2, (struct gd_node *[]){both, alone}));
	for (size_t t = 0; t < 3; t++)
		ck_assert_double_eq(lab_at(both, 2 * t + 1), lab_at(alone, 2 - t));
	lab_release(&l);
}
END_TEST

/* --- long sequences ----------------------------------------------------------------------------
 */

/* Operations for all gradients of a sequence, and nodes of the graph for them. */
static double cost_of(const char *op, int gates, int64_t steps, int *nodes)
{
	struct lab l;
	lab_init(&l, GD_FLOAT64);
	int64_t rows = 16L * gates;
	struct gd_node *x = lab_random(&l, 3, (int64_t[]){steps, 2, 16}, -1, 1);
	struct gd_node *w = lab_random(&l, 2, (int64_t[]){rows, 16}, -1, 1);
	struct gd_node *v = lab_random(&l, 2, (int64_t[]){rows, 16}, -1, 1);
	struct gd_node *in[] = {x, NULL, w, v, NULL}, *wrt[] = {x, w, v}, *grads[3];
	struct gd_call c;
	if (gates == 4) {
		in[2] = NULL;
		in[3] = w;
		in[4] = v;
	}
	ck_assert(lab_call_all(&l, &c, gd_op_find(op), "has_biases=false", gates == 4 ? 5 : 4, in));
	ck_assert(lab_grad(&l, gd_sum_all(&l.g, c.out[0]), NULL, 3, wrt, grads));
	double cost = gd_cost(&l.g, 3, grads);
	*nodes = l.g.n_nodes;
	lab_release(&l);
	return cost;
}

START_TEST(cost_grows_with_the_steps)
{
	int few, many;
	double a = cost_of(kinds[_i].network, kinds[_i].gates, 50, &few);
	double b = cost_of(kinds[_i].network, kinds[_i].gates, 400, &many);
	ck_assert_msg(b < 8.5 * a, "%s: %g for 50 steps, %g for 400", kinds[_i].network, a, b);
	ck_assert_msg(many < 8.5 * few, "%s: %d and %d nodes", kinds[_i].network, few, many);
}
END_TEST

/* More steps than the graph has room for is said at once, and more than memory too. */
START_TEST(too_many_steps)
{
	static const int64_t steps[] = {1000000, (int64_t)1 << 40};
	for (int i = 0; i < 2; i++) {
		struct lab l;
		lab_init(&l, GD_FLOAT64);
		struct gd_tensor t = {.dtype = GD_FLOAT64, .rank = 3, .shape = {steps[i], 0, 1}};
		struct gd_node *x = gd_leaf(&l.g, &t, NULL), *w = LAB(&l, 2, (1, 1), 1);
		ck_assert_ptr_null(lab_call(&l, "rnn", "has_biases=false", 4, x, NULL, w, w));
		ck_assert_int_eq(l.error.code, GD_ERR_limit_exceeded);
		lab_release(&l);
	}
}
END_TEST

/* --- what is refused -------------------------------------------------------------------------- */

static const struct {
	const char *op, *operands, *params;
	enum gd_code code;
	const char *pointer, *detail;
} refused[] = {
        {"rnn_cell", "(2,3) (2,4) (4,3) (4,3)", "", GD_ERR_shape_mismatch, "/layers/0", "w_hh"},
        {"rnn_cell", "(2,3) (2,4) (4,2) (4,4)", "", GD_ERR_shape_mismatch, "/layers/0",
         "w_ih needs the shape (4, 3)"},
        {"rnn_cell", "(2,3) (4) (4,3) (4,4)", "", GD_ERR_shape_mismatch, "/layers/0", "hx"},
        {"rnn_cell", "(2,3) - (4,3) (4,4) (3)", "", GD_ERR_shape_mismatch, "/layers/0", "b_ih"},
        {"rnn_cell", "(1,2,3) - (4,3) (4,4)", "", GD_ERR_shape_mismatch, "/layers/0",
         "(N, features)"},
        {"rnn_cell", "() - (4,3) (4,4)", "", GD_ERR_shape_mismatch, "/layers/0", "(features)"},
        {"lstm_cell", "(2,3) (2,4) (2,3) (16,3) (16,4)", "", GD_ERR_shape_mismatch, "/layers/0",
         "cx"},
        {"lstm_cell", "(2,3) - - (12,3) (16,4)", "", GD_ERR_shape_mismatch, "/layers/0", "(16, 3)"},
        {"gru_cell", "(2,3) - (12,3) (16,4)", "", GD_ERR_shape_mismatch, "/layers/0", "(12, 4)"},
        {"gru_cell", "(2,3) - (12,3) (12)", "", GD_ERR_shape_mismatch, "/layers/0", "w_hh"},
        {"rnn", "(2,2,3) - (4,3) (4,4)", "", GD_ERR_invalid_parameter, "/layers/0",
         "4 weights a layer"},
        {"rnn", "(2,2,3) - (4,3) (4,4) (4) (4)", "num_layers=2", GD_ERR_invalid_parameter,
         "/layers/0", "num_layers = 2"},
        {"rnn", "(2,2,3) - (4,3) (4,4) (4) (4)", "bidirectional=true", GD_ERR_invalid_parameter,
         "/layers/0", "8 weights a layer"},
        {"rnn", "(2,2,3) - (4,3) (4,4) (4) (4) (4)", "", GD_ERR_invalid_parameter, "/layers/0",
         "5 are given"},
        {"rnn", "(2,2,3) - (4,3) (4,4)", "has_biases=false num_layers=0", GD_ERR_invalid_parameter,
         "/layers/0/num_layers", "at least 1"},
        {"rnn", "(2,2,3) - (4,3) (4,4)", "has_biases=false num_layers=1000000000000000000",
         GD_ERR_invalid_parameter, "/layers/0", "2 are given"},
        {"rnn", "(2,2,3) - (4,3) -", "has_biases=false", GD_ERR_missing_field, "/layers/0",
         "weights"},
        {"rnn", "(2,2,3) (2,2,4) (4,3) (4,4)", "has_biases=false", GD_ERR_shape_mismatch,
         "/layers/0", "h0 needs the shape (1, 2, 4)"},
        {"rnn", "(2,3) (1,1,4) (4,3) (4,4)", "has_biases=false", GD_ERR_shape_mismatch, "/layers/0",
         "h0 needs the shape (1, 4)"},
        {"rnn", "(0,2,3) - (4,3) (4,4)", "has_biases=false", GD_ERR_shape_mismatch, "/layers/0",
         "at least one step"},
        {"rnn", "(3) - (4,3) (4,4)", "has_biases=false", GD_ERR_shape_mismatch, "/layers/0",
         "(steps"},
        {"rnn", "(2,2,3) - (4,3) (4,4) (4,3) (4,4)", "has_biases=false num_layers=2",
         GD_ERR_shape_mismatch, "/layers/0", "(4, 4)"},
        {"rnn", "(2,2,3) - (4,3) (4,4) (5,3) (5,5)", "has_biases=false bidirectional=true",
         GD_ERR_shape_mismatch, "/layers/0", "(4, 4)"},
        {"lstm", "(2,2,3) - (1,2,3) (16,3) (16,4)", "has_biases=false", GD_ERR_shape_mismatch,
         "/layers/0", "c0"},
        {"gru", "(2,2,3) - (12,3) (12,4,1)", "has_biases=false", GD_ERR_shape_mismatch, "/layers/0",
         "weights"},
};

START_TEST(what_is_refused)
{
	struct lab l;
	struct gd_node *in[LAB_OPERANDS];
	lab_init(&l, GD_FLOAT64);
	l.g.origin = "/layers/0";
	int n = lab_operands(&l, refused[_i].operands, in);
	struct gd_node *y =
	        lab_call_with(&l, gd_op_find(refused[_i].op), refused[_i].params, n, in);
	ck_assert_ptr_null(y);
	ck_assert_msg(l.error.code == refused[_i].code, "%s", l.error.detail);
	ck_assert_str_eq(l.error.pointer, refused[_i].pointer);
	ck_assert_msg(strstr(l.error.detail, refused[_i].detail), "%s", l.error.detail);
	lab_release(&l);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/recurrent");
	TCase *t = tcase_create("recurrent");
	tcase_add_loop_test(t, a_sequence_is_its_cells, 0, 3);
	tcase_add_test(t, the_reverse_direction);
	tcase_add_loop_test(t, cost_grows_with_the_steps, 0, 3);
	tcase_add_test(t, too_many_steps);
	tcase_add_loop_test(t, what_is_refused, 0, (int)(sizeof refused / sizeof *refused));
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
