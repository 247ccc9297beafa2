/* api/warnings: points without a derivative, and what is not finite. */
#include <stdio.h>
#include <string.h>

#include "tests/api/call.h"
#include "tests/support/test.h"

START_TEST(kinks)
{
	/* The text of the contract. */
	ck_answer("/grad",
	          "{'tensors': {'x': [[0, 1, -1, 2, 0, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, -0.0, 8, "
	          "9, 1]], 'W': 1}, "
	          "'layers': [{'op': 'mul', 'other': 'W'}, 'relu', 'sum'], 'wrt': ['W']}",
	          "{'loss': 67, 'gradients': {'W': 67}, 'warnings': [{'code': 'kink', 'layer': "
	          "'/layers/1', "
	          "'detail': 'relu: 3 of 20 inputs are exactly 0; gradient 0 used there'}]}");
	/* In the order of the layers; the loss comes last. */
	ck_answer("/grad",
	          "{'tensors': {'x': [0, 3], 'target': [0, 3]}, 'layers': ['abs', 'relu'], 'loss': "
	          "'l1'}",
	          "{'loss': 0, 'gradients': {'x': [0, 0]}, 'warnings': ["
	          "{'code': 'kink', 'layer': '/layers/0', 'detail': 'abs: 1 of 2 inputs are "
	          "exactly 0; "
	          "gradient 0 used there'},"
	          "{'code': 'kink', 'layer': '/layers/1', 'detail': 'relu: 1 of 2 inputs are "
	          "exactly 0; "
	          "gradient 0 used there'},"
	          "{'code': 'kink', 'layer': '/loss', 'detail': 'l1_loss: 2 of 2 inputs are "
	          "exactly 0; "
	          "gradient 0 used there'}]}");
	/* Not where no gradient passes: another branch, no wrt above it, /forward. */
	ck_answer("/grad",
	          "{'tensors': {'x': 0, 'y': 2}, 'layers': [{'op': 'relu', 'output': 'r'}, {'op': "
	          "'neg', "
	          "'input': 'y'}]}",
	          "{'loss': -2, 'gradients': {'x': 0, 'y': -1}}");
	ck_answer("/grad",
	          "{'tensors': {'x': 0, 'y': 2}, 'layers': ['relu', {'op': 'add', 'other': 'y'}], "
	          "'wrt': ['y']}",
	          "{'loss': 2, 'gradients': {'y': 1}}");
	ck_answer("/forward", "{'tensors': {'x': 0}, 'layers': ['relu']}", "{'output': 0}");
	/* Nor where there is none. */
	ck_answer("/grad", "{'tensors': {'x': [1, -1]}, 'layers': ['relu', 'sum']}",
	          "{'loss': 1, 'gradients': {'x': [1, 0]}}");
}
END_TEST

/* PyTorch's choice at each kind of kink, and that a warning tells of it. */
static const struct {
	const char *x, *layer, *loss, *dx;
} edges[] = {
        {"0", "'relu'", "0", "0"},
        {"0", "'abs'", "0", "0"},
        {"0", "{'op': 'leaky_relu', 'negative_slope': 0.25}", "0", "0.25"},
        {"2", "{'op': 'maximum', 'other': 2}", "2", "0.5"},
        {"2", "{'op': 'minimum', 'other': 2}", "2", "0.5"},
        {"2", "{'op': 'max', 'other': 2}", "2", "0.5"},
        {"2", "{'op': 'clamp', 'min': 2}", "2", "1"},
        {"2", "{'op': 'clamp', 'min': 1, 'max': 2}", "2", "1"},
        {"[1, 3, 3, 3]", "'amax'", "3",
         "[0, 0.3333333333333333, 0.3333333333333333, 0.3333333333333333]"},
        {"[1, 3, 1, 3]", "'amin'", "1", "[0.5, 0, 0.5, 0]"},
        {"[1, 3, 1, 3]", "'max'", "3", "[0, 0.5, 0, 0.5]"},
        {"[1, 3, 1, 3]", "{'op': 'min', 'dim': 0}", "1", "[1, 0, 0, 0]"},
        {"[1, 3, 1, 3]", "{'op': 'max', 'dim': -1}", "3", "[0, 1, 0, 0]"},
};

START_TEST(at_an_edge)
{
	char body[256], answer[256];

	snprintf(body, sizeof body, "{'tensors': {'x': %s}, 'layers': [%s]}", edges[_i].x,
	         edges[_i].layer);
	snprintf(answer, sizeof answer,
	         "{'loss': %s, 'gradients': {'x': %s}, 'warnings': [{'code': 'kink'",
	         edges[_i].loss, edges[_i].dx);

	struct answer *a = post("/grad", body);

	ck_assert_int_eq(a->status, 200);
	ck_assert_msg(strncmp(squeezed(a->text), squeezed(json_of(answer)),
	                      strlen(squeezed(json_of(answer)))) == 0,
	              "%s\nis not %s", a->text, answer);
	ck_assert_uint_eq(size_at(a, "/warnings"), 1);
}
END_TEST

/* Where PyTorch is smooth, nothing is said. */
START_TEST(smooth)
{
	ck_answer("/grad",
	          "{'tensors': {'x': [1, -1, 0], 'target': [0, 0, 0]}, 'layers': [{'op': 'mul', "
	          "'other': 1}], "
	          "'loss': {'op': 'huber', 'delta': 1, 'reduction': 'sum'}}",
	          "{'loss': 1, 'gradients': {'x': [1, -1, 0]}}");
}
END_TEST

START_TEST(not_finite)
{
	/* The first op that made one, forward. */
	ck_answer(
	        "/grad", "{'tensors': {'x': [1, 0]}, 'layers': ['neg', 'neg', 'log', 'sum']}",
	        "{'loss': '-Infinity', 'gradients': {'x': [1, 'Infinity']}, 'warnings': [{'code': "
	        "'nonfinite', 'layer': '/layers/2', 'detail': 'log: log made -Infinity at element "
	        "1, in its "
	        "forward pass'}]}");
	/* Or backward, where the values are finite. */
	ck_answer(
	        "/grad",
	        "{'tensors': {'x': [1, 0]}, 'layers': [{'op': 'mul', 'other': 1}, 'sqrt', 'sum']}",
	        "{'loss': 1, 'gradients': {'x': [0.5, 'Infinity']}, 'warnings': [{'code': "
	        "'nonfinite', "
	        "'layer': '/layers/1', 'detail': 'sqrt: div made Infinity at element 1, in its "
	        "backward "
	        "pass'}]}");
	/* Or it came in. */
	ck_answer("/grad", "{'tensors': {'x': [1, 'NaN']}, 'layers': ['square', 'sum']}",
	          "{'loss': 'NaN', 'gradients': {'x': [2, 'NaN']}, 'warnings': [{'code': "
	          "'nonfinite', 'layer': "
	          "'/tensors/x', 'detail': 'x holds NaN at element 1'}]}");
	/* Overflow, in the dtype of the request. */
	ck_answer("/grad", "{'dtype': 'float32', 'tensors': {'x': 1e30}, 'layers': ['square']}",
	          "{'loss': 'Infinity', 'gradients': {'x': 2e30}, 'warnings': [{'code': "
	          "'nonfinite', 'layer': "
	          "'/layers/0', 'detail': 'square: square made Infinity at element 0, in its "
	          "forward pass'}]}");
	/* Behind the kinks. */
	struct answer *a =
	        post("/grad", "{'tensors': {'x': [0, 1]}, 'layers': ['relu', 'log', 'sum']}");

	ck_assert_str_eq(string_at(a, "/warnings/0/code"), "kink");
	ck_assert_str_eq(string_at(a, "/warnings/1/code"), "nonfinite");
	ck_assert_str_eq(string_at(a, "/warnings/1/layer"), "/layers/1");
	/* In a loss. */
	a = post("/grad", "{'tensors': {'x': [1e200], 'target': [-1e200]}, 'layers': ['neg', "
	                  "'neg'], 'loss': 'mse'}");
	ck_assert_str_eq(string_at(a, "/warnings/0/layer"), "/loss");
	/* /forward says so too. */
	a = post("/forward", "{'tensors': {'x': [1, 0]}, 'layers': ['log']}");
	ck_assert_str_eq(string_at(a, "/warnings/0/layer"), "/layers/0");
}
END_TEST

/* The branch not taken never leaks into a gradient; that a layer made a NaN is said all the same.
 */
START_TEST(masked_out)
{
	ck_answer("/grad",
	          "{'tensors': {'x': [4, -1]}, 'layers': [{'op': 'sqrt', 'output': 's'}, {'op': "
	          "'gt', 'input': "
	          "'x', 'other': 0, 'output': 'm'}, {'op': 'where', 'inputs': ['m', 's', 0]}, "
	          "'sum'], 'wrt': "
	          "['x']}",
	          "{'loss': 2, 'gradients': {'x': [0.25, 0]}, 'warnings': [{'code': 'nonfinite', "
	          "'layer': "
	          "'/layers/0', 'detail': 'sqrt: sqrt made NaN at element 1, in its forward "
	          "pass'}]}");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("warnings");
	TCase *t = tcase_create("warnings");

	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_test(t, kinks);
	tcase_add_loop_test(t, at_an_edge, 0, sizeof edges / sizeof *edges);
	tcase_add_test(t, smooth);
	tcase_add_test(t, not_finite);
	tcase_add_test(t, masked_out);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
