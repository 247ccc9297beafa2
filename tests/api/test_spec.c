/* api/spec, api/layer: what a specification means. */
#include <stdio.h>
#include <string.h>

#include "tests/api/call.h"
#include "tests/support/test.h"

/* --- layers and names ------------------------------------------------------------------------ */

/* A layer is a name or an object; its input is what came before. */
START_TEST(a_sequence)
{
	const char *expected = "{'output': [1, 9]}";

	ck_answer("/forward", "{'tensors': {'x': [-1, 3]}, 'layers': ['neg', 'square']}", expected);
	ck_answer("/forward",
	          "{'tensors': {'x': [-1, 3]}, 'layers': [{'op': 'neg'}, {'op': 'square'}]}",
	          expected);
	ck_answer("/forward",
	          "{'tensors': {'x': [-1, 3]}, 'layers': [{'op': 'neg', 'input': 'x'}, "
	          "{'op': 'square', 'inputs': []}]}",
	          expected);
	ck_answer("/forward",
	          "{'tensors': {'x': [-1, 3]}, 'layers': [{'op': 'neg', 'inputs': ['x'], 'output': "
	          "'y'}, "
	          "{'op': 'square', 'inputs': ['y']}]}",
	          expected);
}
END_TEST

/* Names make any directed acyclic graph: here z = (x + y)·(x − y), w read twice. */
START_TEST(a_graph)
{
	ck_answer("/grad",
	          "{'tensors': {'x': [3, 5], 'y': [1, 2]}, 'layers': ["
	          "{'op': 'add', 'inputs': ['x', 'y'], 'output': 'p'},"
	          "{'op': 'sub', 'inputs': ['x', 'y'], 'output': 'm'},"
	          "{'op': 'mul', 'inputs': ['p', 'm']}, 'sum'], 'wrt': ['x', 'y', 'p', 'm']}",
	          "{'loss': 29, 'gradients': {'x': [6, 10], 'y': [-2, -4], 'p': [2, 3], 'm': [4, "
	          "7]}}");
	/* One operand twice. */
	ck_answer("/grad", "{'tensors': {'x': 3}, 'layers': [{'op': 'mul', 'other': 'x'}]}",
	          "{'loss': 9, 'gradients': {'x': 6}}");
	/* A layer that nothing reads is checked but has no part in the answer. */
	ck_answer("/grad",
	          "{'tensors': {'x': 3, 'y': 4}, 'layers': ['square', {'op': 'exp', 'input': 'y'}, "
	          "{'op': 'neg', 'input': 'x'}]}",
	          "{'loss': -3, 'gradients': {'x': -1, 'y': 0}}");
}
END_TEST

/* Names are case-sensitive and can be anything. */
START_TEST(names)
{
	ck_answer("/grad",
	          "{'tensors': {'w': 2, 'W': 3, '': 5, 'a/b~c': 7, 'gr\\u00f6\\u00dfe': 11}, "
	          "'layers': ["
	          "{'op': 'mul', 'inputs': ['w', 'W']}, {'op': 'mul', 'other': ''}, "
	          "{'op': 'mul', 'other': 'a/b~c'}, {'op': 'mul', 'other': 'gr\xC3\xB6\xC3\x9F"
	          "e'}]}",
	          "{'loss': 2310, 'gradients': {'w': 1155, 'W': 770, '': 462, 'a/b~c': 330, "
	          "'gr\xC3\xB6\xC3\x9F"
	          "e': 210}}");
	/* Tensors may have the names of fields. */
	ck_answer("/grad",
	          "{'tensors': {'x': 2, 'data': 3, 'base64': 4, 'shape': 5}, 'layers': ["
	          "{'op': 'mul', 'other': 'data'}, {'op': 'mul', 'other': 'base64'}, "
	          "{'op': 'mul', 'other': 'shape'}]}",
	          "{'loss': 120, 'gradients': {'x': 60, 'data': 40, 'base64': 30, 'shape': 24}}");
}
END_TEST

START_TEST(constants_and_nulls)
{
	/* A number may stand wherever a tensor may. */
	ck_answer("/grad",
	          "{'tensors': {'x': [1, 2]}, 'layers': [{'op': 'mul', 'inputs': ['x', 2.5]}, "
	          "'sum']}",
	          "{'loss': 7.5, 'gradients': {'x': [2.5, 2.5]}}");
	ck_answer(
	        "/grad",
	        "{'tensors': {'x': [1, 2]}, 'layers': [{'op': 'sub', 'inputs': [1, 'x']}, 'sum']}",
	        "{'loss': -1, 'gradients': {'x': [-1, -1]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [1, 2]}, 'layers': [{'op': 'pow', 'exponent': 2}, 'sum']}",
	          "{'loss': 5, 'gradients': {'x': [2, 4]}}");
	/* null leaves an optional operand out. */
	ck_answer("/grad",
	          "{'tensors': {'x': [-2, 2]}, 'layers': [{'op': 'clamp', 'inputs': ['x', null, "
	          "1]}, 'sum']}",
	          "{'loss': -1, 'gradients': {'x': [1, 0]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [-2, 2]}, 'layers': [{'op': 'clamp', 'min': -1, 'max': null}, "
	          "'sum']}",
	          "{'loss': 1, 'gradients': {'x': [0, 1]}}");
	/* Infinite ones are strings, unless a tensor has that name. */
	ck_answer(
	        "/grad",
	        "{'tensors': {'x': [-2, 2]}, 'layers': [{'op': 'clamp', 'min': '-Infinity', 'max': "
	        "'Infinity'}, 'sum']}",
	        "{'loss': 0, 'gradients': {'x': [1, 1]}}");
	ck_answer("/forward",
	          "{'tensors': {'x': [-2, 2], 'Infinity': 0}, 'layers': [{'op': 'clamp', 'max': "
	          "'Infinity'}]}",
	          "{'output': [-2, 0]}");
	/* An operand by name and the rest in order. */
	ck_answer("/forward",
	          "{'tensors': {'x': [true, false], 'a': 1}, 'layers': [{'op': 'where', 'inputs': "
	          "['x', 'a'], "
	          "'other': 2}]}",
	          "{'output': [1, 2]}");
	/* null and the empty list count as given; the first operand has its default all the same.
	 */
	ck_answer("/forward", "{'tensors': {'x': 5}, 'layers': [{'op': 'neg', 'input': null}]}",
	          "{'output': -5}");
	ck_answer("/forward",
	          "{'tensors': {'x': 5}, 'layers': [{'op': 'sub', 'inputs': [null, 2]}]}",
	          "{'output': 3}");
	/* Optional fields may be null. */
	ck_answer("/grad",
	          "{'tensors': {'x': 5}, 'layers': ['neg'], 'loss': null, 'grad_output': null}",
	          "{'loss': -5, 'gradients': {'x': -1}}");
}
END_TEST

START_TEST(several_outputs)
{
	const char *format =
	        "{'tensors': {'x': [[1, 5, 2], [7, 3, 4]]}, 'layers': ["
	        "{'op': 'max', 'dim': 1, 'output': %s}, {'op': 'mul', 'other': 10}]%s}";
	char body[512];

	/* A single name and the next layer's default take the first. */
	snprintf(body, sizeof body, format, "'v'", ", 'return': ['v']");
	ck_answer("/forward", body, "{'output': [50, 70], 'values': {'v': [5, 7]}}");
	snprintf(body, sizeof body, format, "['v', 'i']", ", 'return': ['i', 'v']");
	ck_answer("/forward", body, "{'output': [50, 70], 'values': {'i': [1, 0], 'v': [5, 7]}}");
	snprintf(body, sizeof body, format, "[null, 'i']", ", 'return': ['i']");
	ck_answer("/forward", body, "{'output': [50, 70], 'values': {'i': [1, 0]}}");
	snprintf(body, sizeof body, format, "[null, null]", "");
	ck_answer("/forward", body, "{'output': [50, 70]}");
	snprintf(body, sizeof body, format, "null", "");
	ck_answer("/forward", body, "{'output': [50, 70]}");
}
END_TEST

START_TEST(a_list_of_tensors)
{
	ck_answer("/grad",
	          "{'tensors': {'a': [1], 'b': [2, 3], 'x': [4]}, 'layers': ["
	          "{'op': 'cat', 'inputs': ['a', 'b', 'x', 'a'], 'output': 'c'}, 'square', 'sum'], "
	          "'return': ['c']}",
	          "{'loss': 31, 'gradients': {'a': [4], 'b': [4, 6], 'x': [8]}, 'values': {'c': "
	          "[1, 2, 3, 4, 1]}}");
}
END_TEST

/* Longer than the bits of any mask. */
START_TEST(a_long_list)
{
	char body[8192];
	size_t n = (size_t)sprintf(body,
	                           "{'tensors': {'x': [1], 'i': {'shape': [1], 'dtype': 'int64', "
	                           "'data': [9]}, 'z': [3]}, 'layers': [{'op': 'cat', 'inputs': [");

	for (int i = 0; i < 100; i++)
		n += (size_t)sprintf(body + n, "%s%s", i ? "," : "",
		                     i == 31   ? "'i'"
		                     : i == 60 ? "'z'"
		                               : "'x'");
	sprintf(body + n, "]}, 'sum']}");
	ck_answer("/grad", body, "{'loss': 110, 'gradients': {'x': [98], 'z': [1]}}");
}
END_TEST

/* --- linear ---------------------------------------------------------------------------------- */

START_TEST(linear_finds_its_parameters)
{
	/* One layer: W and b. */
	ck_answer("/grad", "{'tensors': {'x': [[2]], 'W': [[3]], 'b': [4]}, 'layers': ['linear']}",
	          "{'loss': 10, 'gradients': {'x': [[3]], 'W': [[2]], 'b': [1]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [[2]], 'W': [[3]], 'b': [4], 'W1': [[7]], 'b1': [9]}, "
	          "'layers': ['linear']}",
	          "{'loss': 10, 'gradients': {'x': [[3]], 'W': [[2]], 'b': [1]}}");
	/* Several: numbered in their order, whatever stands between. */
	ck_answer("/grad",
	          "{'tensors': {'x': [[2]], 'W1': [[3]], 'b1': [-4], 'W2': [[5]], 'b2': [6]}, "
	          "'layers': ['linear', 'relu', {'op': 'linear'}]}",
	          "{'loss': 16, 'gradients': {'x': [[15]], 'W1': [[10]], 'b1': [5], 'W2': [[2]], "
	          "'b2': [1]}}");
	/* Those that name their own are counted too. */
	ck_answer("/grad",
	          "{'tensors': {'x': [[2]], 'A': [[3]], 'W2': [[5]], 'b2': [6]}, "
	          "'layers': [{'op': 'linear', 'weight': 'A', 'bias': null}, 'linear']}",
	          "{'loss': 36, 'gradients': {'x': [[15]], 'A': [[10]], 'W2': [[6]], 'b2': [1]}}");
	/* In order; a list that ends behind the weight wants no bias. */
	ck_answer("/grad",
	          "{'tensors': {'x': [[2]], 'A': [[3]], 'c': [1], 'b': [4]}, "
	          "'layers': [{'op': 'linear', 'inputs': ['x', 'A', 'c']}]}",
	          "{'loss': 7, 'gradients': {'x': [[3]], 'A': [[2]], 'c': [1]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [[2]], 'W': [[3]], 'b': [4]}, 'layers': [{'op': 'linear', "
	          "'inputs': "
	          "['x', 'W']}]}",
	          "{'loss': 6, 'gradients': {'x': [[3]], 'W': [[2]]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [[2]], 'W': [[3]], 'b': [4]}, 'layers': [{'op': 'linear', "
	          "'inputs': "
	          "['x', 'W', null]}]}",
	          "{'loss': 6, 'gradients': {'x': [[3]], 'W': [[2]]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [[2]], 'W': [[3]], 'b': [4]}, 'layers': [{'op': 'linear', "
	          "'bias': null}]}",
	          "{'loss': 6, 'gradients': {'x': [[3]], 'W': [[2]]}}");
}
END_TEST

START_TEST(linear_layouts)
{
	const char *expected =
	        "{'loss': 14, 'gradients': {'x': [[9, 12]], 'W': %s, 'b': [1, 1, 1]}}";
	char answer[256];

	snprintf(answer, sizeof answer, expected, "[[1, 1, 1], [2, 2, 2]]");
	ck_answer("/grad",
	          "{'tensors': {'x': [[1, 2]], 'W': [[1, 3, 5], [2, 4, 6]], 'b': [0, 0, -19]}, "
	          "'layers': ['linear', 'sum']}",
	          answer);
	snprintf(answer, sizeof answer, expected, "[[1, 2], [1, 2], [1, 2]]");
	ck_answer("/grad",
	          "{'tensors': {'x': [[1, 2]], 'W': [[1, 2], [3, 4], [5, 6]], 'b': [0, 0, -19]}, "
	          "'layers': [{'op': 'linear', 'weight_layout': 'out_in'}, 'sum']}",
	          answer);
	/* One row without a batch axis, and more than one batch axis. */
	ck_answer("/grad",
	          "{'tensors': {'x': [1, 2], 'W': [[1], [2]], 'b': [3]}, 'layers': ['linear']}",
	          "{'loss': 8, 'gradients': {'x': [1, 2], 'W': [[1], [2]], 'b': [1]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [[[1, 2]], [[3, 4]]], 'W': [[1], [2]], 'b': [3]}, 'layers': "
	          "['linear', "
	          "'sum']}",
	          "{'loss': 22, 'gradients': {'x': [[[1, 2]], [[1, 2]]], 'W': [[4], [6]], 'b': "
	          "[2]}}");
}
END_TEST

/* --- the rest -------------------------------------------------------------------------------- */

START_TEST(returned_values)
{
	ck_answer("/grad",
	          "{'tensors': {'x': [[1, 2]], 'W': [[0.5], [-1]], 'b': [0], 'target': [[1]]}, "
	          "'layers': [{'op': 'linear', 'output': 'y'}], 'loss': {'op': 'mse', 'output': "
	          "'L'}, "
	          "'wrt': ['b'], 'return': ['L', 'y', 'W']}",
	          "{'loss': 6.25, 'gradients': {'b': [-5]}, 'values': {'L': 6.25, 'y': [[-1.5]], "
	          "'W': [[0.5], "
	          "[-1]]}}");
	ck_answer("/grad", "{'tensors': {'x': 2}, 'layers': ['neg'], 'return': []}",
	          "{'loss': -2, 'gradients': {'x': -1}}");
}
END_TEST

/* A loss has its name with and without _loss, and its target is the tensor "target". */
START_TEST(names_of_losses)
{
	static const char *const losses[] = {
	        "'mse'",
	        "'mse_loss'",
	        "{'op': 'mse'}",
	        "{'op': 'mse_loss', 'target': 'target'}",
	        "{'op': 'mse', 'input': 'y'}",
	        "{'op': 'mse', 'inputs': ['y', 'target']}",
	        "{'op': 'mse_loss', 'inputs': ['y'], 'reduction': 'mean'}"};
	char body[512];

	for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
		snprintf(body, sizeof body,
		         "{'tensors': {'x': [1, 2], 'target': [0, 4]}, 'layers': [{'op': 'neg', "
		         "'output': "
		         "'y'}], 'loss': %s}",
		         losses[i]);
		ck_answer("/grad", body, "{'loss': 18.5, 'gradients': {'x': [1, 6]}}");
	}
	ck_answer("/grad",
	          "{'tensors': {'x': [0, 0], 'target': 1}, 'layers': ['neg'], 'loss': "
	          "'cross_entropy_loss'}",
	          "{'loss': 0.6931471805599453, 'gradients': {'x': [-0.5, 0.5]}}");
}
END_TEST

/* The order of fields says nothing. */
START_TEST(any_order)
{
	ck_answer("/grad",
	          "{'return': ['y'], 'wrt': ['b'], 'loss': {'target': 'target', 'op': 'mse'}, "
	          "'encoding': "
	          "'nested', 'layers': [{'output': 'y', 'op': 'linear'}], 'tensors': {'target': "
	          "[[1]], 'b': [0], "
	          "'W': [[0.5], [-1]], 'x': [[1, 2]]}, 'dtype': 'float64'}",
	          "{'loss': 6.25, 'gradients': {'b': [-5]}, 'values': {'y': [[-1.5]]}}");
}
END_TEST

/* A deep sequence and many tensors: in time, and without recursion. */
START_TEST(large_specifications)
{
	enum { LAYERS = 4000 };
	char *body = malloc(LAYERS * 64 + 256);
	size_t n = (size_t)sprintf(body, "{'tensors': {'x': 1");

	for (int i = 0; i < 3000; i++)
		n += (size_t)sprintf(body + n, ", 't%d': %d", i, i);
	n += (size_t)sprintf(body + n, "}, 'layers': ['neg'");
	for (int i = 1; i < LAYERS; i++)
		n += (size_t)sprintf(body + n, ", {'op': 'neg', 'output': 'o%d'}", i);
	sprintf(body + n, ", {'op': 'add', 'other': 't2999'}], 'wrt': ['x', 'o1', 't2999']}");
	ck_answer("/grad", body, "{'loss': 3000, 'gradients': {'x': 1, 'o1': 1, 't2999': 1}}");
	free(body);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("specifications");
	TCase *t = tcase_create("specifications");

	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_test(t, a_sequence);
	tcase_add_test(t, a_graph);
	tcase_add_test(t, names);
	tcase_add_test(t, constants_and_nulls);
	tcase_add_test(t, several_outputs);
	tcase_add_test(t, a_list_of_tensors);
	tcase_add_test(t, a_long_list);
	tcase_add_test(t, linear_finds_its_parameters);
	tcase_add_test(t, linear_layouts);
	tcase_add_test(t, returned_values);
	tcase_add_test(t, names_of_losses);
	tcase_add_test(t, any_order);
	tcase_add_test(t, large_specifications);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
