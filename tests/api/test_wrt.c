/* What /grad differentiates by: the default, and what is chosen. */
#include <stdio.h>
#include <string.h>

#include "tests/api/call.h"
#include "tests/support/test.h"

/* By default, every floating tensor that a layer uses; a loss's own operands are left out. */
START_TEST(default_wrt)
{
	/* In the order in which the tensors stand; what nobody uses is not there. */
	ck_answer("/grad",
	          "{'tensors': {'unused': 1, 'b': [0], 'target': [[0]], 'W': [[1]], 'x': [[1]]}, "
	          "'layers': ['linear'], 'loss': 'mse'}",
	          "{'loss': 1, 'gradients': {'b': [2], 'W': [[2]], 'x': [[2]]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [0, 0], 'target': 1, 'weight': [1, 1]}, 'layers': ['neg'], "
	          "'loss': {'op': 'cross_entropy', 'weight': 'weight', 'reduction': 'sum'}, 'wrt': "
	          "['x']}",
	          "{'loss': 0.6931471805599453, 'gradients': {'x': [-0.5, 0.5]}}");
	ck_assert(
	        !has(post("/grad",
	                  "{'tensors': {'x': [0, 0], 'target': 1, 'w': [1, 1]}, 'layers': ['neg'], "
	                  "'loss': {'op': 'cross_entropy', 'weight': 'w'}}"),
	             "/gradients/w"));
	/* Unless a layer uses them too. */
	ck_answer("/grad",
	          "{'tensors': {'x': [1], 'target': [3]}, 'layers': [{'op': 'add', 'other': "
	          "'target'}], "
	          "'loss': 'mse'}",
	          "{'loss': 1, 'gradients': {'x': [2], 'target': [0]}}");
	/* A loss among the layers is a layer. */
	ck_answer("/grad",
	          "{'tensors': {'x': [1], 't': [3]}, 'layers': [{'op': 'mse_loss', 'inputs': ['x', "
	          "'t']}]}",
	          "{'loss': 4, 'gradients': {'x': [-4], 't': [4]}}");
	/* What the loss is the loss of counts, too, where it is a tensor. */
	ck_answer("/grad", "{'tensors': {'x': [1], 'target': [3]}, 'layers': [], 'loss': 'mse'}",
	          "{'loss': 4, 'gradients': {'x': [-4]}}");
}
END_TEST

START_TEST(masks_and_classes_have_no_gradient)
{
	ck_answer("/grad",
	          "{'tensors': {'x': [1, 2], 'm': [true, false], 'n': {'shape': [2], 'dtype': "
	          "'int64', 'data': "
	          "[5, 6]}}, 'layers': [{'op': 'mul', 'other': 'm'}, {'op': 'mul', 'other': 'n'}, "
	          "'sum']}",
	          "{'loss': 5, 'gradients': {'x': [5, 0]}}");
	/* A mask may be written with numbers, classes with floating ones: they are read as such. */
	ck_answer("/grad",
	          "{'tensors': {'x': [1, 2], 'm': [0, 7]}, 'layers': [{'op': 'where', 'inputs': "
	          "['m', 'x', 0]}, "
	          "'sum']}",
	          "{'loss': 2, 'gradients': {'x': [0, 1]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [[0, 0]], 't': [1]}, 'layers': [{'op': 'cross_entropy', "
	          "'inputs': ['x', "
	          "'t']}]}",
	          "{'loss': 0.6931471805599453, 'gradients': {'x': [[0.5, -0.5]]}}");
	/* Probabilities are floating numbers. */
	ck_answer("/grad",
	          "{'tensors': {'x': [[0, 0]], 't': [[0, 1]]}, 'layers': [{'op': 'cross_entropy', "
	          "'inputs': ["
	          "'x', 't']}], 'wrt': ['t']}",
	          "{'loss': 0.6931471805599453, 'gradients': {'t': [[0.6931471805599453, "
	          "0.6931471805599453]]}}");
}
END_TEST

START_TEST(chosen_wrt)
{
	const char *format =
	        "{'tensors': {'x': [[1, 2]], 'W': [[0.5], [-1]], 'b': [0], 'target': [[1]], "
	        "'other': [1, 1]}, 'layers': [{'op': 'linear', 'output': 'y'}], "
	        "'loss': {'op': 'mse', 'output': 'L'}, 'wrt': %s}";
	static const struct {
		const char *wrt, *gradients;
	} rows[] = {
	        {"[]", "{}"},
	        {"['b']", "{'b': [-5]}"},
	        {"['b', 'x']", "{'b': [-5], 'x': [[-2.5, 5]]}"},
	        {"['target']", "{'target': [[5]]}"},
	        {"['y', 'target']", "{'y': [[-5]], 'target': [[5]]}"},
	        {"['L']", "{'L': 1}"},
	        {"['other']", "{'other': [0, 0]}"},
	};
	char body[512], answer[256];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(body, sizeof body, format, rows[i].wrt);
		snprintf(answer, sizeof answer, "{'loss': 6.25, 'gradients': %s}",
		         rows[i].gradients);
		ck_answer("/grad", body, answer);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("wrt");
	TCase *t = tcase_create("wrt");

	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_test(t, default_wrt);
	tcase_add_test(t, masks_and_classes_have_no_gradient);
	tcase_add_test(t, chosen_wrt);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
