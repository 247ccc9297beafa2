/* POST /grad: the contract's examples to the letter, the scalar, dtypes, warnings. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/api/call.h"
#include "tests/support/test.h"

#define TENSORS "'tensors': {'x': [[1, 2]], 'W': [[0.5], [-1]], 'b': [0], 'target': [[1]]}"
#define ANSWER  "{'loss': 6.25, 'gradients': {'x': [[-2.5, 5]], 'W': [[-5], [-10]], 'b': [-5]}}"

/* --- the examples ---------------------------------------------------------------------------- */

START_TEST(the_short_form)
{
	struct answer *a = post("/grad", "{" TENSORS ", 'layers': ['linear'], 'loss': 'mse'}");

	ck_assert_int_eq(a->status, 200);
	ck_assert_str_eq(a->type, "application/json");
	ck_assert_str_eq(a->text, squeezed(json_of(ANSWER)));
}
END_TEST

START_TEST(the_long_form)
{
	ck_answer("/grad",
	          "{'dtype': 'float64', " TENSORS
	          ", 'layers': [{'op': 'linear', 'input': 'x', 'weight': 'W', "
	          "'bias': 'b', 'output': 'y'}], 'loss': {'op': 'mse_loss', 'input': 'y', "
	          "'target': 'target', "
	          "'reduction': 'mean'}, 'wrt': ['x', 'W', 'b']}",
	          ANSWER);
}
END_TEST

START_TEST(no_body_is_too_odd)
{
	/* White space, escapes, and the content types that are read as JSON. */
	static const char *const types[] = {NULL,
	                                    "",
	                                    "application/json",
	                                    "APPLICATION/JSON",
	                                    "application/json; charset=utf-8",
	                                    "application/x-www-form-urlencoded"};
	char *body =
	        json_of(" \r\n{" TENSORS ",\t'l\\u0061yers': ['line\\u0061r'], 'loss': 'mse'} \n");

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		const struct gd_head head = {
		        .method = "POST", .path = "/grad", .content_type = types[i]};
		struct answer *a = call(&head, NULL, body, strlen(body), 0);

		ck_assert_str_eq(a->text, squeezed(json_of(ANSWER)));
	}
}
END_TEST

/* One byte at a time, and every other cut. */
START_TEST(in_pieces)
{
	const struct gd_head head = {.method = "POST", .path = "/grad", .content_length = -1};
	char *body = json_of("{" TENSORS ", 'layers': ['linear'], 'loss': 'mse'}");

	for (size_t piece = 1; piece < strlen(body); piece++)
		ck_assert_str_eq(call(&head, NULL, body, strlen(body), piece)->text,
		                 squeezed(json_of(ANSWER)));
}
END_TEST

/* --- the scalar ------------------------------------------------------------------------------ */

START_TEST(a_scalar_output)
{
	ck_answer("/grad", "{'tensors': {'x': 3}, 'layers': ['square']}",
	          "{'loss': 9, 'gradients': {'x': 6}}");
	ck_answer("/grad", "{'tensors': {'x': [[3]]}, 'layers': ['square']}",
	          "{'loss': 9, 'gradients': {'x': [[6]]}}");
	ck_answer("/grad", "{'tensors': {'x': [1, 2, 3]}, 'layers': ['mean']}",
	          "{'loss': 2, 'gradients': {'x': [0.3333333333333333, 0.3333333333333333, "
	          "0.3333333333333333]}}");
	/* A number whatever the encoding of tensors is. */
	ck_answer(
	        "/grad", "{'tensors': {'x': 3}, 'layers': ['square'], 'encoding': 'flat'}",
	        "{'loss': 9, 'gradients': {'x': {'shape': [], 'dtype': 'float64', 'data': [6]}}}");
}
END_TEST

/* The cotangent in every form; then there is no loss. */
START_TEST(grad_output)
{
	static const char *const forms[] = {
	        "[[3]]",
	        "{'shape': [1, 1], 'data': [3]}",
	        "{'data': [3], 'dtype': 'float32', 'shape': [1, 1]}",
	        "{'shape': [1, 1], 'dtype': 'int64', 'data': [3]}",
	        "{'shape': [1, 1], 'base64': 'AAAAAAAACEA='}",
	        "{'shape': [1, 1], 'dtype': 'float32', 'base64': 'AABAQA=='}",
	        "'dy'",
	};
	char body[512];

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		snprintf(body, sizeof body,
		         "{'tensors': {'x': [[1, 2]], 'W': [[0.5], [-1]], 'b': [0], 'dy': [[3]]}, "
		         "'layers': ['linear'], 'grad_output': %s}",
		         forms[i]);
		ck_answer("/grad", body,
		          "{'gradients': {'x': [[1.5, -3]], 'W': [[3], [6]], 'b': [3]}}");
		/* Before the tensors too. */
		snprintf(
		        body, sizeof body,
		        "{'grad_output': %s, 'layers': ['linear'], 'tensors': {'x': [[1, 2]], 'W': "
		        "[[0.5], [-1]], 'b': [0], 'dy': [[3]]}}",
		        forms[i]);
		ck_answer("/grad", body,
		          "{'gradients': {'x': [[1.5, -3]], 'W': [[3], [6]], 'b': [3]}}");
	}
	ck_answer("/grad", "{'tensors': {'x': 3}, 'layers': ['square'], 'grad_output': -1}",
	          "{'gradients': {'x': -6}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [1, 2]}, 'layers': ['neg'], 'grad_output': [true, false]}",
	          "{'gradients': {'x': [-1, -0.0]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': 3}, 'layers': ['neg'], 'grad_output': '-Infinity', 'wrt': []}",
	          "{'gradients': {}}");
	/* One of the tensors that the layers use. */
	ck_answer("/grad", "{'tensors': {'x': [3, 4]}, 'layers': ['square'], 'grad_output': 'x'}",
	          "{'gradients': {'x': [18, 32]}}");
	/* Of several outputs, of the first. */
	ck_answer("/grad",
	          "{'tensors': {'x': [[1, 5], [7, 3]]}, 'layers': [{'op': 'max', 'dim': 1}], "
	          "'grad_output': "
	          "[10, 20]}",
	          "{'gradients': {'x': [[0, 10], [20, 0]]}}");
}
END_TEST

START_TEST(reduction_none)
{
	ck_answer("/grad",
	          "{'tensors': {'x': [1, 2], 'target': [0, 4]}, 'layers': ['neg'], 'loss': {'op': "
	          "'mse', "
	          "'reduction': 'none'}, 'grad_output': [1, 10]}",
	          "{'gradients': {'x': [2, 120]}}");
	/* One sample: the loss is a scalar without any reduction, or as good as one. */
	ck_answer("/grad",
	          "{'tensors': {'x': 1, 'target': 0}, 'layers': ['neg'], 'loss': {'op': 'mse', "
	          "'reduction': "
	          "'none'}}",
	          "{'loss': 1, 'gradients': {'x': 2}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [[0, 0]], 'target': [1]}, 'layers': ['neg'], 'loss': {'op': "
	          "'cross_entropy', 'reduction': 'none'}}",
	          "{'loss': 0.6931471805599453, 'gradients': {'x': [[-0.5, 0.5]]}}");
}
END_TEST

/* --- what comes in and goes out -------------------------------------------------------------- */

START_TEST(class_targets)
{
	static const char *const targets[] = {
	        "[2, 0]",
	        "[2.0, 0]",
	        "{'shape': [2], 'data': [2, 0]}",
	        "{'shape': [2], 'dtype': 'int64', 'data': [2, 0]}",
	        "{'shape': [2], 'dtype': 'float32', 'data': [2, 0]}",
	        "{'shape': [2], 'dtype': 'int64', 'base64': 'AgAAAAAAAAAAAAAAAAAAAA=='}",
	};
	char body[512];

	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		for (int dtype = 0; dtype < 2; dtype++) {
			snprintf(body, sizeof body,
			         "{'dtype': '%s', 'tensors': {'x': [[0, 1, 2], [4, 8, 16]], "
			         "'target': "
			         "%s}, 'layers': ['neg'], 'loss': {'op': 'nll', 'reduction': "
			         "'sum'}}",
			         dtype ? "float32" : "float64", targets[i]);
			ck_answer("/grad", body,
			          "{'loss': 6, 'gradients': {'x': [[-0.0, -0.0, 1], [1, -0.0, "
			          "-0.0]]}}");
		}
}
END_TEST

START_TEST(bool_masks)
{
	static const char *const masks[] = {"[true, false]",
	                                    "[1, 0]",
	                                    "[-3, 0.0]",
	                                    "{'shape': [2], 'data': [true, false]}",
	                                    "{'shape': [2], 'dtype': 'bool', 'data': [1, 0]}",
	                                    "{'shape': [2], 'dtype': 'int64', 'data': [5, 0]}",
	                                    "{'shape': [2], 'dtype': 'bool', 'base64': 'AQA='}"};
	char body[512];

	for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
		snprintf(body, sizeof body,
		         "{'tensors': {'x': [1, 2], 'y': [3, 4], 'm': %s}, 'layers': [{'op': "
		         "'where', "
		         "'inputs': ['m', 'x', 'y']}, 'sum']}",
		         masks[i]);
		ck_answer("/grad", body, "{'loss': 5, 'gradients': {'x': [1, 0], 'y': [0, 1]}}");
	}
}
END_TEST

START_TEST(single_precision)
{
	struct answer *a = post(
	        "/grad",
	        "{'dtype': 'float32', 'tensors': {'x': [0.1, 0.2]}, 'layers': ['exp', 'sum']}");

	ck_assert_str_eq(a->text,
	                 "{\"loss\":2.3265738,\"gradients\":{\"x\":[1.105171,1.2214028]}}");
	ck_answer("/grad",
	          "{'dtype': 'float32', 'encoding': 'base64', 'tensors': {'x': [1, -2]}, 'layers': "
	          "['square', "
	          "'sum']}",
	          "{'loss': 5, 'gradients': {'x': {'shape': [2], 'dtype': 'float32', 'base64': "
	          "'AAAAQAAAgMA='}}}");
}
END_TEST

START_TEST(encodings)
{
	const char *format =
	        "{'encoding': '%s', 'tensors': {'x': [[1, 2]]}, 'layers': [{'op': 'square', "
	        "'output': 'y'}, 'sum'], 'return': ['y']}";
	char body[256];

	snprintf(body, sizeof body, format, "nested");
	ck_answer("/grad", body,
	          "{'loss': 5, 'gradients': {'x': [[2, 4]]}, 'values': {'y': [[1, 4]]}}");
	snprintf(body, sizeof body, format, "flat");
	ck_answer("/grad", body,
	          "{'loss': 5, 'gradients': {'x': {'shape': [1, 2], 'dtype': 'float64', 'data': "
	          "[2, 4]}}, "
	          "'values': {'y': {'shape': [1, 2], 'dtype': 'float64', 'data': [1, 4]}}}");
	snprintf(body, sizeof body, format, "base64");
	ck_answer("/grad", body,
	          "{'loss': 5, 'gradients': {'x': {'shape': [1, 2], 'dtype': 'float64', 'base64': "
	          "'AAAAAAAAAEAAAAAAAAAQQA=='}}, 'values': {'y': {'shape': [1, 2], 'dtype': "
	          "'float64', "
	          "'base64': 'AAAAAAAA8D8AAAAAAAAQQA=='}}}");
}
END_TEST

/* Every gradient has its variable's shape, also where there is nothing in it. */
START_TEST(empty_tensors)
{
	ck_answer("/grad", "{'tensors': {'x': []}, 'layers': ['sum']}",
	          "{'loss': 0, 'gradients': {'x': []}}");
	ck_answer("/grad", "{'tensors': {'x': [[], []]}, 'layers': ['sum']}",
	          "{'loss': 0, 'gradients': {'x': [[], []]}}");
	ck_answer("/grad", "{'tensors': {'x': {'shape': [0, 3], 'data': []}}, 'layers': ['sum']}",
	          "{'loss': 0, 'gradients': {'x': {'shape': [0, 3], 'dtype': 'float64', 'data': "
	          "[]}}}");
	/* A batch without samples. */
	ck_answer("/grad",
	          "{'tensors': {'x': {'shape': [0, 2], 'data': []}, 'W': [[1], [2]], 'b': [3], "
	          "'target': "
	          "{'shape': [0, 1], 'data': []}}, 'layers': ['linear'], 'loss': {'op': 'mse', "
	          "'reduction': "
	          "'sum'}}",
	          "{'loss': 0, 'gradients': {'x': {'shape': [0, 2], 'dtype': 'float64', 'data': "
	          "[]}, 'W': "
	          "[[0], [0]], 'b': [0]}}");
	/* The mean of nothing is not a number. */
	ck_assert(isnan(
	        number_at(post("/grad", "{'tensors': {'x': []}, 'layers': ['mean']}"), "/loss")));
	/* A layer without features. */
	ck_answer("/grad",
	          "{'tensors': {'x': [[], []], 'W': {'shape': [0, 1], 'data': []}, 'b': [3]}, "
	          "'layers': "
	          "['linear', 'sum']}",
	          "{'loss': 6, 'gradients': {'x': [[], []], 'W': {'shape': [0, 1], 'dtype': "
	          "'float64', "
	          "'data': []}, 'b': [2]}}");
}
END_TEST

START_TEST(signed_zeros)
{
	ck_answer("/grad",
	          "{'tensors': {'x': [-0.0, 0]}, 'layers': [{'op': 'mul', 'other': -1}, 'sum'], "
	          "'grad_output': -0.0}",
	          "{'gradients': {'x': [0, 0]}}");
	ck_answer("/forward", "{'tensors': {'x': [-0.0, 0]}, 'layers': ['neg']}",
	          "{'output': [0, -0.0]}");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("POST /grad");
	TCase *t = tcase_create("POST /grad");

	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_test(t, the_short_form);
	tcase_add_test(t, the_long_form);
	tcase_add_test(t, no_body_is_too_odd);
	tcase_add_test(t, in_pieces);
	tcase_add_test(t, a_scalar_output);
	tcase_add_test(t, grad_output);
	tcase_add_test(t, reduction_none);
	tcase_add_test(t, class_targets);
	tcase_add_test(t, bool_masks);
	tcase_add_test(t, single_precision);
	tcase_add_test(t, encodings);
	tcase_add_test(t, empty_tensors);
	tcase_add_test(t, signed_zeros);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
