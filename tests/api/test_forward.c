/* POST /forward: the output, and the loss where one is given. */
#include <string.h>

#include "tests/api/call.h"
#include "tests/support/test.h"

START_TEST(output)
{
	ck_answer(
	        "/forward",
	        "{'tensors': {'x': [[1, 2]], 'W': [[0.5], [-1]], 'b': [0]}, 'layers': ['linear']}",
	        "{'output': [[-1.5]]}");
	ck_answer("/forward", "{'tensors': {'x': 3}, 'layers': ['square']}", "{'output': 9}");
	ck_answer("/forward", "{'tensors': {'x': [1, 2]}, 'layers': [{'op': 'lt', 'other': 2}]}",
	          "{'output': [true, false]}");
	ck_answer("/forward", "{'tensors': {'x': [[]]}, 'layers': ['exp']}", "{'output': [[]]}");
	/* The tensor itself, where nothing is done to it. */
	ck_answer("/forward",
	          "{'tensors': {'x': [1, 2]}, 'layers': [{'op': 'reshape', 'shape': [2]}]}",
	          "{'output': [1, 2]}");
	ck_answer("/forward",
	          "{'tensors': {'x': [1, 2]}, 'layers': [{'op': 'reshape', 'shape': [2, 1]}], "
	          "'return': ['x']}",
	          "{'output': [[1], [2]], 'values': {'x': [1, 2]}}");
	ck_answer("/forward",
	          "{'tensors': {'x': [[1, 2]]}, 'layers': [{'op': 'max', 'dim': 1, 'output': ['v', "
	          "'i']}], "
	          "'return': ['i']}",
	          "{'output': [2], 'values': {'i': [1]}}");
}
END_TEST

START_TEST(loss)
{
	ck_answer("/forward",
	          "{'tensors': {'x': [[1, 2]], 'W': [[0.5], [-1]], 'b': [0], 'target': [[1]]}, "
	          "'layers': "
	          "['linear'], 'loss': 'mse'}",
	          "{'output': [[-1.5]], 'loss': 6.25}");
	/* A number, whatever the encoding of tensors; a tensor where it is one. */
	ck_answer("/forward",
	          "{'encoding': 'flat', 'tensors': {'x': [1], 'target': [3]}, 'layers': ['neg'], "
	          "'loss': 'mse'}",
	          "{'output': {'shape': [1], 'dtype': 'float64', 'data': [-1]}, 'loss': 16}");
	ck_answer("/forward",
	          "{'tensors': {'x': [1, 2], 'target': [3, 3]}, 'layers': ['neg'], 'loss': {'op': "
	          "'mse', "
	          "'reduction': 'none'}}",
	          "{'output': [-1, -2], 'loss': [16, 25]}");
	ck_answer("/forward",
	          "{'encoding': 'flat', 'tensors': {'x': [1, 2], 'target': [3, 3]}, 'layers': "
	          "['neg'], 'loss': "
	          "{'op': 'mse', 'reduction': 'none'}}",
	          "{'output': {'shape': [2], 'dtype': 'float64', 'data': [-1, -2]}, 'loss': "
	          "{'shape': [2], "
	          "'dtype': 'float64', 'data': [16, 25]}}");
}
END_TEST

/* No scalar is needed, and what speaks of gradients is read and checked but changes nothing. */
START_TEST(the_same_specification)
{
	ck_answer("/forward",
	          "{'tensors': {'x': [1, 2]}, 'layers': ['neg'], 'wrt': ['x'], 'grad_output': [1, "
	          "1]}",
	          "{'output': [-1, -2]}");
	ck_problem("/forward", "{'tensors': {'x': [1, 2]}, 'layers': ['neg'], 'wrt': ['y']}",
	           "unknown_tensor", "/wrt/0");
}
END_TEST

/* Answers too large to be held come in pieces and say the same. */
START_TEST(a_large_answer)
{
	enum { N = 200000 };
	struct answer *a =
	        post("/forward", "{'tensors': {'x': 1.25}, 'layers': [{'op': 'expand', 'size': "
	                         "[1000, 200]}, {'op': 'mul', 'other': -3}]}");
	size_t n = 0;

	ck_assert_int_eq(a->status, 200);
	for (const char *p = a->text; (p = strstr(p, "-3.75")); p += 5)
		n++;
	ck_assert_uint_eq(n, N);
	ck_assert_uint_eq(size_at(a, "/output"), 1000);
	ck_assert_uint_eq(size_at(a, "/output/999"), 200);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("POST /forward");
	TCase *t = tcase_create("POST /forward");

	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_test(t, output);
	tcase_add_test(t, loss);
	tcase_add_test(t, the_same_specification);
	tcase_add_test(t, a_large_answer);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
