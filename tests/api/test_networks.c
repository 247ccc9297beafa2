/* Layers with many operands, lists of them, several results: by JSON. */
#include <stdio.h>

#include "tests/api/call.h"
#include "tests/support/test.h"

/* Two steps of h' = relu(x·1 + h·2): h = 1, 4. */
#define RNN                                                                                        \
	"{'tensors': {'x': [[1], [2]], 'w': [[1]], 'v': [[2]]}, 'layers': [{'op': 'rnn', "         \
	"'has_biases': false, 'nonlinearity': 'relu', "

/* --- lists behind other operands ---------------------------------------------------------------
 */

START_TEST(a_list_by_its_place)
{
	ck_answer("/forward", RNN "'inputs': ['x', null, 'w', 'v']}]}", "{'output': [[1], [4]]}");
	/* The first operand is what came before. */
	ck_answer("/forward", RNN "'inputs': [null, null, 'w', 'v']}]}", "{'output': [[1], [4]]}");
	/* Numbers are scalars, which these weights are not. */
	ck_problem("/forward", RNN "'inputs': ['x', null, 1, 'v']}]}", "shape_mismatch",
	           "/layers/0");
}
END_TEST

START_TEST(a_list_by_its_name)
{
	ck_answer("/forward", RNN "'weights': ['w', 'v']}]}", "{'output': [[1], [4]]}");
	ck_answer("/forward", RNN "'inputs': ['x'], 'weights': ['w', 'v']}]}",
	          "{'output': [[1], [4]]}");
	ck_answer("/forward", RNN "'inputs': ['x', null], 'weights': ['w', 'v'], 'h0': null}]}",
	          "{'output': [[1], [4]]}");
	ck_answer("/forward", RNN "'h0': 'w', 'input': 'x', 'weights': ['w', 'v']}]}",
	          "{'output': [[3], [8]]}");
}
END_TEST

START_TEST(lists_that_are_wrong)
{
	ck_problem("/forward", RNN "'inputs': ['x', null]}]}", "missing_field", "/layers/0");
	ck_problem("/forward", RNN "'inputs': ['x', null, 'w', null]}]}", "missing_field",
	           "/layers/0/inputs/3");
	ck_problem("/forward", RNN "'weights': ['w', null]}]}", "missing_field",
	           "/layers/0/weights/1");
	ck_problem("/forward", RNN "'weights': ['w', 'nobody']}]}", "unknown_tensor",
	           "/layers/0/weights/1");
	ck_problem("/forward", RNN "'weights': []}]}", "missing_field", "/layers/0");
	ck_problem("/forward", RNN "'weights': 'w'}]}", "wrong_type", "/layers/0/weights");
	ck_problem("/forward", RNN "'weights': {'a': 'w', 'b': 'v'}}]}", "wrong_type",
	           "/layers/0/weights");
	ck_problem("/forward", RNN "'weights': null}]}", "wrong_type", "/layers/0/weights");
	ck_problem("/forward", RNN "'weights': [['w'], 'v']}]}", "wrong_type",
	           "/layers/0/weights/0");
	ck_problem("/forward", RNN "'inputs': ['x', null, 'w', 'v'], 'weights': ['w', 'v']}]}",
	           "invalid_parameter", "/layers/0/weights");
	ck_problem("/forward", RNN "'weights': ['w', 'v', 'w']}]}", "invalid_parameter",
	           "/layers/0");
	ck_problem("/forward", RNN "'inputs': ['x', null, 'w', 'v', 'w']}]}", "invalid_parameter",
	           "/layers/0");
}
END_TEST

/* Each weight has its gradient, by default too. */
START_TEST(gradients_of_a_list)
{
	const char *expected =
	        "{'loss': 5, 'gradients': {'x': [[3], [1]], 'w': [[5]], 'v': [[1]]}}";

	ck_answer("/grad", RNN "'weights': ['w', 'v']}, 'sum']}", expected);
	ck_answer("/grad", RNN "'inputs': ['x', null, 'w', 'v']}, 'sum'], 'wrt': ['x', 'w', 'v']}",
	          expected);
	/* One tensor in two places. */
	ck_answer("/grad",
	          "{'tensors': {'x': [[1], [2]], 'w': [[2]]}, 'layers': [{'op': 'rnn', "
	          "'has_biases': false, 'nonlinearity': 'relu', 'weights': ['w', 'w']}, 'sum']}",
	          "{'loss': 10, 'gradients': {'x': [[6], [2]], 'w': [[7]]}}");
}
END_TEST

/* --- several results ----------------------------------------------------------------------------
 */

START_TEST(results_of_a_sequence)
{
	ck_answer("/forward",
	          RNN "'weights': ['w', 'v'], 'output': ['y', 'h']}], 'return': ['y', 'h']}",
	          "{'output': [[1], [4]], 'values': {'y': [[1], [4]], 'h': [[4]]}}");
	ck_answer("/grad",
	          RNN
	          "'weights': ['w', 'v'], 'output': [null, 'h']}, {'op': 'sum', 'input': 'h'}]}",
	          "{'loss': 4, 'gradients': {'x': [[2], [1]], 'w': [[4]], 'v': [[1]]}}");
	ck_problem("/forward", RNN "'weights': ['w', 'v'], 'output': ['y', 'h', 'c']}]}",
	           "invalid_parameter", "/layers/0/output");
}
END_TEST

START_TEST(running_statistics)
{
	const char *request =
	        "{'tensors': {'x': [[1], [3]], 'm': [10], 'v': [20]}, 'layers': [{'op': "
	        "'batch_norm', 'inputs': ['x', 'm', 'v'], 'training': true, 'momentum': 0.5, "
	        "'eps': "
	        "0, 'output': ['y', 'mean', 'var']}], 'return': ['mean', 'var']}";

	ck_answer("/forward", request,
	          "{'output': [[-1], [1]], 'values': {'mean': [6], 'var': [11]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [[4], [6]], 'm': [2], 'v': [3]}, 'layers': [{'op': "
	          "'batch_norm', 'running_mean': 'm', 'running_var': 'v', 'eps': 1}, 'sum']}",
	          "{'loss': 3, 'gradients': {'x': [[0.5], [0.5]], 'm': [-1], 'v': [-0.375]}}");
}
END_TEST

/* --- masks and seeds ----------------------------------------------------------------------------
 */

START_TEST(masks)
{
	const char *attention =
	        "{'tensors': {'q': [[0]], 'k': [[1], [2]], 'v': [[4], [8]], 'm': %s}, "
	        "'layers': [{'op': 'scaled_dot_product_attention', 'inputs': ['q', "
	        "'k', 'v', 'm']}, 'sum'], 'wrt': ['v']}";
	char body[512];

	snprintf(body, sizeof body, attention, "[[true, false]]");
	ck_answer("/grad", body, "{'loss': 4, 'gradients': {'v': [[1], [0]]}}");
	snprintf(body, sizeof body, attention, "[[0, '-Infinity']]");
	ck_answer("/grad", body, "{'loss': 4, 'gradients': {'v': [[1], [0]]}}");
	snprintf(body, sizeof body, attention, "[[1, 1]]");
	ck_answer("/grad", body, "{'loss': 6, 'gradients': {'v': [[0.5], [0.5]]}}");
	snprintf(body, sizeof body, attention, "[[false, false]]");
	ck_answer("/grad", body, "{'loss': 0, 'gradients': {'v': [[0], [0]]}}");
	snprintf(body, sizeof body, attention,
	         "{'shape': [1, 2], 'dtype': 'int64', 'data': [0, 1]}");
	ck_problem("/grad", body, "wrong_type", "/layers/0/inputs/3");
	/* A mask has no gradient, numbers that are added have. */
	ck_answer("/grad",
	          "{'tensors': {'q': [[0]], 'k': [[1], [2]], 'v': [[4], [8]], 'm': [[0, 0]]}, "
	          "'layers': [{'op': 'scaled_dot_product_attention', 'inputs': ['q', 'k', 'v', "
	          "'m']}, 'sum'], 'wrt': ['m']}",
	          "{'loss': 6, 'gradients': {'m': [[-1, 1]]}}");
}
END_TEST

START_TEST(dropout_is_reproducible)
{
	const char *with_seed =
	        "{'tensors': {'x': [1, 2, 3, 4, 5, 6]}, 'layers': [{'op': 'dropout', "
	        "'seed': 42}, 'sum']}";
	struct answer *a = post("/grad", with_seed), *b = post("/grad", with_seed);

	ck_assert_int_eq(a->status, 200);
	ck_assert_str_eq(a->text, b->text);
	ck_answer("/grad",
	          "{'tensors': {'x': [1, 2, 3], 'm': [true, false, true]}, 'layers': [{'op': "
	          "'dropout', 'mask': 'm'}, 'sum']}",
	          "{'loss': 8, 'gradients': {'x': [2, 0, 2]}}");
	ck_problem("/grad", "{'tensors': {'x': [1, 2]}, 'layers': ['dropout', 'sum']}",
	           "missing_field", "/layers/0");
	ck_problem("/grad",
	           "{'tensors': {'x': [1, 2]}, 'layers': [{'op': 'dropout', 'p': 2, 'seed': 1}, "
	           "'sum']}",
	           "invalid_parameter", "/layers/0/p");
}
END_TEST

/* Operands named as in a state_dict. */
START_TEST(names_with_points)
{
	const char *request =
	        "{'tensors': {'x': [[1, 3]], 'in': [[0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, "
	        "0]], "
	        "'out': [[0, 0], [0, 0]], 'l1': [[0, 0]], 'l2': [[0], [0]], 'one': [1, 1]}, "
	        "'layers': [{'op': 'transformer_encoder_layer', 'src': 'x', 'nhead': 1, "
	        "'layer_norm_eps': 0, 'self_attn.in_proj_weight': 'in', "
	        "'self_attn.out_proj.weight': 'out', 'linear1.weight': 'l1', 'linear2.weight': "
	        "'l2', "
	        "'norm1.weight': 'one', 'norm2.weight': '%s'}]}";
	char body[1024];

	snprintf(body, sizeof body, request, "one");
	ck_answer("/forward", body, "{'output': [[-1, 1]]}");
	snprintf(body, sizeof body, request, "two");
	ck_problem("/forward", body, "unknown_tensor", "/layers/0/norm2.weight");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("api/networks");
	TCase *t = tcase_create("networks");

	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_test(t, a_list_by_its_place);
	tcase_add_test(t, a_list_by_its_name);
	tcase_add_test(t, lists_that_are_wrong);
	tcase_add_test(t, gradients_of_a_list);
	tcase_add_test(t, results_of_a_sequence);
	tcase_add_test(t, running_statistics);
	tcase_add_test(t, masks);
	tcase_add_test(t, dropout_is_reproducible);
	tcase_add_test(t, names_with_points);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
