/* /jvp, /jacobian, /hvp, /hessian; per_sample and batched gradients. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/api/call.h"
#include "tests/support/test.h"

#define MLP                                                                                        \
	"'tensors': {'x': [[0.5, -1], [2, 0.25]], 'W1': [[0.5, 1, -1], [-1, 2, 0.5]], "            \
	"'b1': [0, 0.25, -0.5], 'W2': [[1, 0.5], [-0.5, 2], [0.25, 1]], 'b2': [0, 1], "            \
	"'target': [[1, 0], [0, 1]], 'v': [[1, 2], [-1, 0.5]]}, "                                  \
	"'layers': ['linear', {'op': 'tanh', 'output': 'h'}, 'linear']"

static bool near(double a, double b)
{
	return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-12 * fmax(1, fabs(b));
}

static double at(const struct answer *a, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
static double at(const struct answer *a, const char *format, ...)
{
	char pointer[256];
	va_list args;
	va_start(args, format);
	vsnprintf(pointer, sizeof pointer, format, args);
	va_end(args);
	return number_at(a, pointer);
}

static struct answer *good(const char *path, const char *body)
{
	struct answer *a = post(path, body);
	ck_assert_msg(a->status == 200, "%s\nto %s", a->text, body);
	return a;
}

/* --- jacobian -------------------------------------------------------------------------------- */

START_TEST(jacobian_layouts)
{
	ck_answer("/jacobian",
	          "{'tensors': {'x': [1, 2, 3], 'w': 2}, 'layers': [{'op': 'mul', 'other': 'w'}]}",
	          "{'output': [2, 4, 6], 'jacobian': {'x': [[2, 0, 0], [0, 2, 0], [0, 0, 2]], "
	          "'w': [1, 2, 3]}}");
	ck_answer("/jacobian",
	          "{'tensors': {'A': [[1, 2], [3, 4], [5, 6]], 'x': [1, -1]}, 'layout': "
	          "'denominator', 'layers': [{'op': 'matmul', 'inputs': ['A', 'x']}]}",
	          "{'output': [-1, -1, -1], 'jacobian': {'A': [[[1, 0, 0], [-1, 0, 0]], "
	          "[[0, 1, 0], [0, -1, 0]], [[0, 0, 1], [0, 0, -1]]], 'x': [[1, 3, 5], [2, 4, "
	          "6]]}}");
	/* Of a scalar it is the gradient, in both. */
	ck_answer("/jacobian",
	          "{'tensors': {'x': [1, 2]}, 'layers': ['square', 'sum'], 'layout': 'numerator'}",
	          "{'output': 5, 'jacobian': {'x': [2, 4]}}");
	ck_answer("/jacobian",
	          "{'tensors': {'x': [1, 2]}, 'layers': ['square', 'sum'], 'layout': "
	          "'denominator'}",
	          "{'output': 5, 'jacobian': {'x': [2, 4]}}");
}
END_TEST

/* Row by row it is /grad with the unit vectors as grad_output; and the transpose of the other
 * layout. */
START_TEST(jacobian_rows)
{
	struct answer *j = good("/jacobian", "{" MLP "}");
	struct answer *t = good("/jacobian", "{" MLP ", 'layout': 'denominator'}");
	for (int r = 0; r < 4; r++) {
		char body[1024];
		snprintf(body, sizeof body, "{" MLP ", 'grad_output': [[%d, %d], [%d, %d]]}",
		         r == 0, r == 1, r == 2, r == 3);
		struct answer *g = good("/grad", body);
		for (int i = 0; i < 6; i++) {
			double w = at(g, "/gradients/W1/%d/%d", i / 3, i % 3);
			ck_assert(near(
			        at(j, "/jacobian/W1/%d/%d/%d/%d", r / 2, r % 2, i / 3, i % 3), w));
			ck_assert(near(
			        at(t, "/jacobian/W1/%d/%d/%d/%d", i / 3, i % 3, r / 2, r % 2), w));
		}
		for (int i = 0; i < 2; i++)
			ck_assert(near(at(j, "/jacobian/b2/%d/%d/%d", r / 2, r % 2, i),
			               at(g, "/gradients/b2/%d", i)));
	}
}
END_TEST

/* More rows than go through at once, for a memory that holds hardly more than the answer. */
START_TEST(jacobian_in_blocks)
{
	static char body[1 << 16];
	enum { N = 150 };
	static const struct gd_head head = {.method = "POST", .path = "/jacobian"};
	struct gd_limits limits = GD_LIMITS_INIT;
	size_t n = (size_t)snprintf(body, sizeof body, "{\"tensors\":{\"x\":[0.5");
	for (int i = 1; i < N; i++)
		n += (size_t)snprintf(body + n, sizeof body - n, ",%d", i);
	n += (size_t)snprintf(body + n, sizeof body - n,
	                      "]},\"layers\":[\"sin\",{\"op\":\"softmax\",\"dim\":0},\"square\"],"
	                      "\"encoding\":\"flat\"}");
	struct answer *all = call(&head, NULL, body, n, 0);
	ck_assert_int_eq(all->status, 200);
	limits.memory_bytes = 600000;
	struct answer *few = call(&head, &limits, body, n, 0);
	ck_assert_str_eq(few->text, all->text);
	limits.memory_bytes = 150000;
	few = call(&head, &limits, body, n, 0);
	ck_assert_int_eq(few->status, 413);
	ck_assert_msg(strstr(few->text, "memory"), "%s", few->text);
	limits = (struct gd_limits)GD_LIMITS_INIT;
	limits.elements = 20000;
	few = call(&head, &limits, body, n, 0);
	ck_assert_str_eq(string_at(few, "/code"), "limit_exceeded");
	ck_assert_str_eq(
	        string_at(few, "/detail"),
	        "the derivatives of (150,) by (150,) are 22500 elements, but a tensor has at "
	        "most 20000");
}
END_TEST

/* Far more outputs than inputs: column by column, which nobody can tell. */
START_TEST(tall_jacobian)
{
	static const char layers[] =
	        "'tensors': {'x': [[0.5], [2]], 's': 0.25, 't': [1, 2, 3, 4, 5, 6, 7], 'z': [1]}, "
	        "'layers': [{'op': 'mul', 'inputs': ['x', 't']}, {'op': 'mul', 'other': 's'}, "
	        "'sin', "
	        "{'op': 'maximum', 'other': 0.5}]";
	char body[1024];
	snprintf(body, sizeof body, "{%s, 'wrt': ['x', 's', 'z']}", layers);
	struct answer *j = good("/jacobian", body);
	snprintf(body, sizeof body, "{%s, 'wrt': ['x', 's', 'z'], 'layout': 'denominator'}",
	         layers);
	struct answer *d = good("/jacobian", body);
	snprintf(body, sizeof body, "{%s, 'wrt': ['x', 's', 'z', 't']}", layers);
	struct answer *rows = good("/jacobian", body);
	for (int r = 0; r < 14; r++) {
		double s = at(rows, "/jacobian/s/%d/%d", r / 7, r % 7);
		ck_assert(near(at(j, "/jacobian/s/%d/%d", r / 7, r % 7), s));
		ck_assert(near(at(d, "/jacobian/s/%d/%d", r / 7, r % 7), s));
		ck_assert(at(j, "/jacobian/z/%d/%d/0", r / 7, r % 7) == 0);
		ck_assert(at(d, "/jacobian/z/0/%d/%d", r / 7, r % 7) == 0);
		for (int i = 0; i < 2; i++) {
			double x = at(rows, "/jacobian/x/%d/%d/%d/0", r / 7, r % 7, i);
			ck_assert(i == r / 7 || x == 0);
			ck_assert(near(at(j, "/jacobian/x/%d/%d/%d/0", r / 7, r % 7, i), x));
			ck_assert(near(at(d, "/jacobian/x/%d/0/%d/%d", i, r / 7, r % 7), x));
		}
	}
}
END_TEST

static double cost(const char *path, const char *body)
{
	static const struct gd_service service = {.limits = GD_LIMITS_INIT};
	const struct gd_head head = {.method = "POST", .path = path, .content_length = -1};
	struct gd_request *r = gd_request_open(&service, &head);
	const char *text = json_of(body);
	ck_assert_ptr_nonnull(r);
	ck_assert(gd_request_feed(r, text, strlen(text)));
	double c = gd_request_cost(r);
	gd_request_close(r);
	return c;
}

/* What it costs is known before: as many passes as there are rows, or columns. */
START_TEST(costs)
{
	char data[16000], request[20000];
	size_t n = (size_t)snprintf(data, sizeof data, "[[0");
	for (int i = 1; i < 2000; i++)
		n += (size_t)snprintf(data + n, sizeof data - n, i % 50 ? ", 1" : "], [1");
	snprintf(data + n, sizeof data - n, "]]");
	snprintf(request, sizeof request,
	         "{'tensors': {'x': %s, 's': 2}, 'layers': [{'op': 'mul', "
	         "'other': 's'}, 'tanh'], 'wrt': ['x']}",
	         data);
	double all = cost("/jacobian", request), forward;
	strcpy(strstr(request, ", 'wrt'"), "}");
	forward = cost("/forward", request);
	ck_assert_msg(all > 2000 * forward, "%g, %g", all, forward);
	strcpy(strrchr(request, '}'), ", 'wrt': ['s']}");
	ck_assert_msg(cost("/jacobian", request) < 30 * forward, "%g, %g", all, forward);
}
END_TEST

START_TEST(jacobian_of_what)
{
	/* The last layer's first output, whatever the loss. */
	ck_answer("/jacobian",
	          "{'tensors': {'x': [1, 2], 'target': [0, 0]}, 'layers': ['square'], 'loss': "
	          "'mse'}",
	          "{'output': [1, 4], 'jacobian': {'x': [[2, 0], [0, 4]]}, 'loss': 8.5}");
	ck_answer("/jacobian",
	          "{'tensors': {'x': [[1, 5, 2]]}, 'layers': [{'op': 'max', 'dim': 1}]}",
	          "{'output': [5], 'jacobian': {'x': [[[0, 1, 0]]]}}");
	/* Without layers, the loss. */
	ck_answer("/jacobian",
	          "{'tensors': {'x': [1, 2], 'target': [0, 0]}, 'layers': [], 'loss': 'mse'}",
	          "{'output': 2.5, 'jacobian': {'x': [1, 2]}, 'loss': 2.5}");
	/* By an output, and by what it does not depend on. */
	ck_answer(
	        "/jacobian",
	        "{'tensors': {'x': [1, 2], 'z': [1]}, 'layers': [{'op': 'square', 'output': 'y'}, "
	        "'square'], 'wrt': ['y', 'z'], 'return': ['y']}",
	        "{'output': [1, 16], 'jacobian': {'y': [[2, 0], [0, 8]], 'z': [[0], [0]]}, "
	        "'values': {'y': [1, 4]}}");
	ck_answer("/jacobian", "{'tensors': {'x': []}, 'layers': ['exp'], 'encoding': 'flat'}",
	          "{'output': {'shape': [0], 'dtype': 'float64', 'data': []}, 'jacobian': {'x': "
	          "{'shape': [0, 0], 'dtype': 'float64', 'data': []}}}");
	ck_answer("/jacobian",
	          "{'dtype': 'float32', 'tensors': {'x': [0.1, 3]}, 'layers': ['neg']}",
	          "{'output': [-0.1, -3], 'jacobian': {'x': [[-1, -0.0], [-0.0, -1]]}}");
}
END_TEST

/* Sixteen axes. */
START_TEST(jacobian_of_many_axes)
{
	struct answer *a =
	        good("/jacobian", "{'tensors': {'x': [[[[[[[[3, 4]]]]]]]]}, 'layers': ['square']}");
	ck_assert_double_eq(at(a, "/jacobian/x/0/0/0/0/0/0/0/1/0/0/0/0/0/0/0/1"), 8);
	ck_assert_double_eq(at(a, "/jacobian/x/0/0/0/0/0/0/0/1/0/0/0/0/0/0/0/0"), 0);
}
END_TEST

START_TEST(warnings)
{
	struct answer *a = good("/jacobian", "{'tensors': {'x': [0, 1]}, 'layers': ['relu']}");
	ck_assert_str_eq(string_at(a, "/warnings/0/code"), "kink");
	ck_assert_str_eq(string_at(a, "/warnings/0/detail"),
	                 "relu: 1 of 2 inputs are exactly 0; gradient 0 used there");
	a = good("/jvp", "{'tensors': {'x': [0, 1]}, 'layers': ['abs'], 'tangents': {'x': 'x'}}");
	ck_assert_str_eq(string_at(a, "/warnings/0/code"), "kink");
	a = good("/hessian", "{'tensors': {'x': [0, 1]}, 'layers': ['relu', 'sum']}");
	ck_assert_str_eq(string_at(a, "/warnings/0/code"), "kink");
	/* Only the derivatives are not finite. */
	a = good("/jacobian", "{'tensors': {'x': [1, 0]}, 'layers': ['sqrt']}");
	ck_assert_str_eq(string_at(a, "/warnings/0/code"), "nonfinite");
	ck_assert_str_eq(string_at(a, "/warnings/0/layer"), "/layers/0");
	ck_assert_msg(strstr(string_at(a, "/warnings/0/detail"), "backward pass"), "%s", a->text);
	a = good("/hessian",
	         "{'tensors': {'x': [1, 0]}, 'layers': [{'op': 'pow', 'exponent': 1.5}, "
	         "'sum']}");
	ck_assert_str_eq(string_at(a, "/warnings/0/code"), "nonfinite");
	a = good("/jacobian", "{'tensors': {'x': [1, 'NaN']}, 'layers': ['neg', 'sin']}");
	ck_assert_str_eq(string_at(a, "/warnings/0/layer"), "/tensors/x");
	ck_assert(!has(good("/jacobian", "{'tensors': {'x': [1, 2]}, 'layers': ['sqrt']}"),
	               "/warnings"));
	/* A branch not taken stays out of it. */
	a = good("/jacobian",
	         "{'tensors': {'x': [4, 0], 'c': [true, false]}, 'layers': [{'op': 'sqrt', "
	         "'output': 's'}, {'op': 'where', 'inputs': ['c', 's', 'x']}]}");
	ck_assert(!has(a, "/warnings"));
	ck_assert_double_eq(at(a, "/jacobian/x/0/0"), 0.25);
	ck_assert_double_eq(at(a, "/jacobian/x/1/1"), 1);
}
END_TEST

/* --- jvp, hvp, hessian ----------------------------------------------------------------------- */

START_TEST(jvp_is_the_jacobian_times_tangents)
{
	struct answer *j = good("/jacobian", "{" MLP "}");
	struct answer *t = good("/jvp", "{" MLP ", 'tangents': {'x': [[1, 2], [-1, 0.5]], "
	                                "'b1': {'shape': [3], 'data': [1, 0, -2]}}}");
	struct answer *named = good("/jvp", "{" MLP ", 'tangents': {'x': 'v', "
	                                    "'b1': [1, 0, -2]}}");
	static const double x[] = {1, 2, -1, 0.5}, b[] = {1, 0, -2};
	ck_assert_str_eq(t->text, named->text);
	for (int r = 0; r < 4; r++) {
		double sum = 0;
		for (int i = 0; i < 4; i++)
			sum += x[i] * at(j, "/jacobian/x/%d/%d/%d/%d", r / 2, r % 2, i / 2, i % 2);
		for (int i = 0; i < 3; i++)
			sum += b[i] * at(j, "/jacobian/b1/%d/%d/%d", r / 2, r % 2, i);
		ck_assert(near(at(t, "/tangent/%d/%d", r / 2, r % 2), sum));
		ck_assert(near(at(t, "/output/%d/%d", r / 2, r % 2),
		               at(j, "/output/%d/%d", r / 2, r % 2)));
	}
	/* Towards an output; towards nothing; towards what is not read. */
	ck_answer("/jvp",
	          "{'tensors': {'x': [1, 2], 'z': 1}, 'layers': [{'op': 'square', 'output': 'y'}, "
	          "'square'], 'tangents': {'y': [1, 1], 'z': 5}}",
	          "{'output': [1, 16], 'tangent': [2, 8]}");
	ck_answer("/jvp", "{'tensors': {'x': [1, 2]}, 'layers': ['square'], 'tangents': {}}",
	          "{'output': [1, 4], 'tangent': [0, 0]}");
	ck_answer("/jvp",
	          "{'tensors': {'x': 3, 'target': 1}, 'layers': ['square'], 'loss': 'mse', "
	          "'tangents': {'x': 'x'}}",
	          "{'output': 9, 'tangent': 18, 'loss': 64}");
}
END_TEST

START_TEST(hvp_is_the_hessian_times_vectors)
{
	struct answer *h = good("/hessian", "{" MLP ", 'loss': 'mse'}");
	struct answer *p = good("/hvp", "{" MLP ", 'loss': 'mse', 'vectors': {'x': 'v', "
	                                "'b1': [1, 0, -2]}}");
	static const double x[] = {1, 2, -1, 0.5}, b[] = {1, 0, -2};
	ck_assert(near(number_at(h, "/loss"), number_at(p, "/loss")));
	for (int r = 0; r < 6; r++) {
		double sum = 0;
		for (int i = 0; i < 4; i++)
			sum += x[i] *
			       at(h, "/hessian/W2/x/%d/%d/%d/%d", r / 2, r % 2, i / 2, i % 2);
		for (int i = 0; i < 3; i++)
			sum += b[i] * at(h, "/hessian/W2/b1/%d/%d/%d", r / 2, r % 2, i);
		ck_assert(near(at(p, "/hvp/W2/%d/%d", r / 2, r % 2), sum));
		ck_assert(near(at(p, "/gradients/W2/%d/%d", r / 2, r % 2),
		               at(h, "/gradients/W2/%d/%d", r / 2, r % 2)));
		for (int i = 0; i < 6; i++) {
			ck_assert(near(
			        at(h, "/hessian/W2/W1/%d/%d/%d/%d", r / 2, r % 2, i / 3, i % 3),
			        at(h, "/hessian/W1/W2/%d/%d/%d/%d", i / 3, i % 3, r / 2, r % 2)));
			ck_assert(near(
			        at(h, "/hessian/W1/W1/%d/%d/%d/%d", r / 3, r % 3, i / 3, i % 3),
			        at(h, "/hessian/W1/W1/%d/%d/%d/%d", i / 3, i % 3, r / 3, r % 3)));
		}
	}
}
END_TEST

/* L = h², h = e^x. By an output, a derivative is that of what comes behind it: that the rule of exp
 * happens to read h does not show, in whatever order wrt names them. */
START_TEST(second_derivatives_by_an_output)
{
	static const char *const orders[] = {"['x', 'h']", "['h', 'x']"};
	for (int i = 0; i < 2; i++) {
		char body[256];
		snprintf(body, sizeof body,
		         "{'tensors': {'x': 0.5}, 'layers': [{'op': 'exp', 'output': 'h'}, "
		         "'square'], 'wrt': %s, 'vectors': {'x': 1, 'h': 2}}",
		         orders[i]);
		struct answer *p = good("/hvp", body);
		strcpy(strstr(body, ", 'vectors'"), "}");
		struct answer *h = good("/hessian", body);
		ck_assert(near(number_at(h, "/hessian/x/x"), 4 * exp(1)));
		ck_assert(near(number_at(h, "/hessian/x/h"), 2 * exp(0.5)));
		ck_assert(near(number_at(h, "/hessian/h/x"), 2 * exp(0.5)));
		ck_assert(near(number_at(h, "/hessian/h/h"), 2));
		ck_assert(near(number_at(p, "/hvp/x"), 4 * exp(1) + 4 * exp(0.5)));
		ck_assert(near(number_at(p, "/hvp/h"), 2 * exp(0.5) + 4));
	}
}
END_TEST

START_TEST(second_derivatives_of_what)
{
	/* xᵀAx has the Hessian A + Aᵀ. */
	ck_answer("/hessian",
	          "{'tensors': {'x': [1, 2], 'A': [[1, 2], [3, 4]]}, 'layers': [{'op': 'matmul', "
	          "'other': 'A'}, {'op': 'matmul', 'other': 'x'}], 'wrt': ['x']}",
	          "{'loss': 27, 'gradients': {'x': [12, 21]}, 'hessian': {'x': {'x': [[2, 5], [5, "
	          "8]]}}}");
	/* With grad_output the scalar is its product with the output; there is no loss then. */
	ck_answer("/hessian",
	          "{'tensors': {'x': [1, 2]}, 'layers': ['square'], 'grad_output': [3, 5]}",
	          "{'gradients': {'x': [6, 20]}, 'hessian': {'x': {'x': [[6, 0], [0, 10]]}}}");
	ck_answer("/hvp",
	          "{'tensors': {'x': [1, 2]}, 'layers': ['square'], 'grad_output': 'x', 'vectors': "
	          "{'x': [1, 1]}}",
	          "{'gradients': {'x': [2, 8]}, 'hvp': {'x': [2, 4]}}");
	/* Linear, and not there at all: zeros. A vector left out is zero. */
	ck_answer("/hessian",
	          "{'tensors': {'x': [1, 2], 'z': 1}, 'layers': ['sum'], 'wrt': ['x', 'z']}",
	          "{'loss': 3, 'gradients': {'x': [1, 1], 'z': 0}, 'hessian': {'x': {'x': [[0, 0], "
	          "[0, 0]], 'z': [0, 0]}, 'z': {'x': [0, 0], 'z': 0}}}");
	ck_answer("/hvp", "{'tensors': {'x': [1, 2]}, 'layers': ['square', 'sum'], 'vectors': {}}",
	          "{'loss': 5, 'gradients': {'x': [2, 4]}, 'hvp': {'x': [0, 0]}}");
	ck_answer("/hessian", "{'tensors': {'x': [1, 2]}, 'layers': ['sum'], 'wrt': []}",
	          "{'loss': 3, 'gradients': {}, 'hessian': {}}");
}
END_TEST

/* --- several cotangents, and rows ------------------------------------------------------------- */

START_TEST(batched_cotangents)
{
	struct answer *all =
	        good("/grad", "{" MLP ", 'batched': true, 'grad_output': "
	                      "[[[1, 2], [3, 4]], [[0, 1], [0, 0]], [[0, 0], [0, 0]]]}");
	static const char *const seeds[] = {"[[1, 2], [3, 4]]", "[[0, 1], [0, 0]]",
	                                    "[[0, 0], [0, 0]]"};
	ck_assert(!has(all, "/loss"));
	for (int r = 0; r < 3; r++) {
		char body[1024];
		snprintf(body, sizeof body, "{" MLP ", 'grad_output': %s, 'batched': false}",
		         seeds[r]);
		struct answer *one = good("/grad", body);
		for (int i = 0; i < 6; i++)
			ck_assert(near(at(all, "/gradients/W1/%d/%d/%d", r, i / 3, i % 3),
			               at(one, "/gradients/W1/%d/%d", i / 3, i % 3)));
	}
	ck_answer("/grad",
	          "{'tensors': {'x': 3, 'g': [1, 2]}, 'layers': ['square'], 'batched': true, "
	          "'grad_output': 'g'}",
	          "{'gradients': {'x': [6, 12]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [3, 1]}, 'layers': ['square'], 'batched': true, "
	          "'grad_output': {'shape': [0, 2], 'data': []}}",
	          "{'gradients': {'x': {'shape': [0, 2], 'dtype': 'float64', 'data': []}}}");
}
END_TEST

/* Layers and loss; targets row by row; further tensors. The network gives (3, 3). */
static const struct {
	const char *layers, *loss, *target[3], *more;
} losses[] = {
#define NUMBERS                                                                                    \
	{                                                                                          \
		"0.5, -1, 2", "1, 0, 0.25", "0, 0, -3"                                             \
	}
#define CLASSES                                                                                    \
	{                                                                                          \
		"2", "0", "1"                                                                      \
	}
        {"'linear'", "'mse'", NUMBERS, ""},
        {"'linear'", "{'op': 'mse', 'reduction': 'sum'}", NUMBERS, ""},
        {"'linear', 'tanh'", "'l1'", NUMBERS, ""},
        {"'linear'", "{'op': 'huber', 'delta': 0.5}", NUMBERS, ""},
        {"'linear'", "{'op': 'smooth_l1', 'beta': 2}", NUMBERS, ""},
        {"'linear', 'sigmoid'", "'binary_cross_entropy'", {"1, 0, 1", "0, 0, 1", "1, 1, 1"}, ""},
        {"'linear'",
         "{'op': 'binary_cross_entropy_with_logits', 'weight': 'w', 'pos_weight': 'p'}",
         {"1, 0, 1", "0, 0, 1", "1, 1, 1"},
         ", 'w': [1, 2, 0.5], 'p': [2, 1, 3]"},
        {"'linear'", "'cross_entropy'", CLASSES, ""},
        {"'linear'", "{'op': 'cross_entropy', 'reduction': 'sum'}", CLASSES, ""},
        {"'linear'", "{'op': 'cross_entropy', 'weight': 'w'}", CLASSES, ", 'w': [1, 2, 0.5]"},
        {"'linear'", "{'op': 'cross_entropy', 'weight': 'w', 'label_smoothing': 0.1}", CLASSES,
         ", 'w': [1, 2, 0.5]"},
        {"'linear'", "{'op': 'cross_entropy', 'ignore_index': 0}", CLASSES, ""},
        {"'linear'",
         "{'op': 'cross_entropy', 'weight': 'w'}",
         {"0.5, 0.25, 0.25", "0, 0, 1", "1, 0, 0"},
         ", 'w': [1, 2, 0.5]"},
        {"'linear', {'op': 'log_softmax', 'dim': 1}", "{'op': 'nll', 'weight': 'w'}", CLASSES,
         ", 'w': [1, 2, 0.5]"},
        /* Among the layers; and where rows meet each other. */
        {"'linear', {'op': 'mse_loss', 'target': 'target'}", "null", NUMBERS, ""},
        {"'linear', {'op': 'relu', 'output': 'h'}, {'op': 'mul', 'inputs': ['h', 'h']}", "'mse'",
         NUMBERS, ""},
};

static const char *const rows[] = {"[1, 2]", "[-0.5, 1.5]", "[3, -1]"};

static char *with_rows(int k, int first, int n, const char *more)
{
	static char body[1024];
	size_t used = (size_t)snprintf(body, sizeof body,
	                               "{'tensors': {'W': [[0.5, 1, -1], [-1, 2, 0.5]], "
	                               "'b': [0.1, 0, -0.2]%s, 'x': [",
	                               losses[k].more);
	for (int i = first; i < first + n; i++)
		used += (size_t)snprintf(body + used, sizeof body - used, "%s%s",
		                         i > first ? ", " : "", rows[i]);
	used += (size_t)snprintf(body + used, sizeof body - used, "], 'target': [");
	for (int i = first; i < first + n; i++) {
		bool list = strchr(losses[k].target[i], ',');
		used += (size_t)snprintf(body + used, sizeof body - used, "%s%s%s%s",
		                         i > first ? ", " : "", list ? "[" : "",
		                         losses[k].target[i], list ? "]" : "");
	}
	snprintf(body + used, sizeof body - used,
	         "]}, 'layers': [%s], 'loss': %s, 'wrt': ['x', 'W', 'b']%s}", losses[k].layers,
	         losses[k].loss, more);
	return body;
}

/* Row by row what the same request gives with that row alone. */
START_TEST(per_sample)
{
	struct answer *all = good("/grad", with_rows(_i, 0, 3, ", 'per_sample': true"));
	struct answer *whole = good("/grad", with_rows(_i, 0, 3, ""));
	ck_assert_str_eq(text_at(all, "/loss"), text_at(whole, "/loss"));
	for (int r = 0; r < 3; r++) {
		struct answer *one = good("/grad", with_rows(_i, r, 1, ", 'per_sample': false"));
		for (int i = 0; i < 6; i++) {
			double a = at(all, "/gradients/W/%d/%d/%d", r, i / 3, i % 3);
			double b = at(one, "/gradients/W/%d/%d", i / 3, i % 3);
			ck_assert_msg(near(a, b), "W: %.17g, %.17g\n%s\n%s", a, b, all->text,
			              one->text);
			double x = at(all, "/gradients/x/%d/%d/%d", r, i / 2, i % 2);
			ck_assert(near(x, i / 2 == r ? at(one, "/gradients/x/0/%d", i % 2) : 0));
		}
		for (int i = 0; i < 3; i++)
			ck_assert(near(at(all, "/gradients/b/%d/%d", r, i),
			               at(one, "/gradients/b/%d", i)));
	}
}
END_TEST

START_TEST(per_sample_of_what)
{
	/* With grad_output: what each row contributes. */
	ck_answer("/grad",
	          "{'tensors': {'x': [[1, 2], [3, 4]], 'w': 2}, 'layers': [{'op': 'mul', 'other': "
	          "'w'}], 'grad_output': [[1, 0], [2, 1]], 'per_sample': true}",
	          "{'gradients': {'x': [[[2, 0], [0, 0]], [[0, 0], [4, 2]]], 'w': [1, 10]}}");
	ck_answer("/grad",
	          "{'tensors': {'x': [1, 2, 3], 'w': 2, 'target': [0, 0, 0]}, 'layers': [{'op': "
	          "'mul', 'other': 'w'}], 'loss': 'mse', 'wrt': ['w'], 'per_sample': true}",
	          "{'loss': 18.666666666666668, 'gradients': {'w': [4, 16, 36]}}");
	/* Rows that meet are differentiated as they stand. */
	ck_answer("/grad",
	          "{'tensors': {'x': [1, 3], 'target': [0, 0]}, 'layers': [{'op': 'mean', "
	          "'keepdim': true, 'output': 'm'}, {'op': 'sub', 'inputs': ['x', 'm']}], 'loss': "
	          "'mse', 'wrt': ['x'], 'per_sample': true}",
	          "{'loss': 1, 'gradients': {'x': [[-1, 1], [-1, 1]]}}");
}
END_TEST

/* Rows that all meet, and too many for one pass: each has its own, some at a time. */
START_TEST(per_sample_in_blocks)
{
	enum { N = 150 };
	static char x[1 << 12], body[1 << 13];
	size_t n = 0;
	for (int i = 0; i < N; i++)
		n += (size_t)snprintf(x + n, sizeof x - n, "%s%.2f", i ? ", " : "", sin(i));
	snprintf(body, sizeof body,
	         "{'tensors': {'x': [%s]}, 'layers': [{'op': 'softmax', 'dim': 0}]}", x);
	struct answer *j = good("/jacobian", body);
	snprintf(body, sizeof body,
	         "{'tensors': {'x': [%s], 'one': 1}, 'layers': [{'op': 'expand', 'input': 'one', "
	         "'size': [%d], 'output': 'ones'}, {'op': 'softmax', 'dim': 0, 'input': 'x', "
	         "'output': 'y'}, {'op': 'sub', 'inputs': ['y', 'ones'], 'output': 'd'}, {'op': "
	         "'add', 'inputs': ['d', 'ones'], 'output': 't'}], 'loss': {'op': 'mse', 'input': "
	         "'t', 'target': 'ones', 'reduction': 'sum'}, 'wrt': ['x'], 'per_sample': true}",
	         x, N);
	struct answer *all = good("/grad", body);
	for (int r = 0; r < N; r += 7) {
		double slope = 2 * (at(j, "/output/%d", r) - 1);
		for (int i = 0; i < N; i++)
			ck_assert(near(at(all, "/gradients/x/%d/%d", r, i),
			               slope * at(j, "/jacobian/x/%d/%d", r, i)));
	}
}
END_TEST

/* Rows with axes of their own, through products, sums, slices and masks. */
START_TEST(per_sample_of_a_sequence)
{
	static const char layers[] =
	        "'W': [[0.5, -1], [2, 1]], 'b': [0.25, -0.5], 'K': [[1, 0.5, 0], [-1, 2, 1], [0, "
	        "1, 1]]}, "
	        "'layers': ['linear', 'relu', {'op': 'transpose', 'dim0': 1, 'dim1': 2}, "
	        "{'op': 'matmul', 'other': 'K'}, {'op': 'slice', 'dim': 2, 'start': 1, 'output': "
	        "'s'}, "
	        "{'op': 'softmax', 'dim': 2, 'output': 'p'}, {'op': 'cat', 'inputs': ['p', 's'], "
	        "'dim': 1}, {'op': 'max', 'dim': 1}], 'wrt': ['W', 'b', 'K']";
	static const char *const samples[] = {"[[1, 2], [0.5, -1], [3, 1]]",
	                                      "[[-1, 0.25], [2, 2], [0, 1]]"};
	static const char *const seeds[] = {"[1, 2]", "[-0.5, 3]"};
	char body[2048];
	snprintf(body, sizeof body,
	         "{'tensors': {'x': [%s, %s], %s, 'grad_output': [%s, %s], 'per_sample': true}",
	         samples[0], samples[1], layers, seeds[0], seeds[1]);
	struct answer *all = good("/grad", body);
	for (int r = 0; r < 2; r++) {
		snprintf(body, sizeof body, "{'tensors': {'x': [%s], %s, 'grad_output': [%s]}",
		         samples[r], layers, seeds[r]);
		struct answer *one = good("/grad", body);
		for (int i = 0; i < 9; i++)
			ck_assert(near(at(all, "/gradients/K/%d/%d/%d", r, i / 3, i % 3),
			               at(one, "/gradients/K/%d/%d", i / 3, i % 3)));
		for (int i = 0; i < 4; i++)
			ck_assert(near(at(all, "/gradients/W/%d/%d/%d", r, i / 2, i % 2),
			               at(one, "/gradients/W/%d/%d", i / 2, i % 2)));
		for (int i = 0; i < 2; i++)
			ck_assert(near(at(all, "/gradients/b/%d/%d", r, i),
			               at(one, "/gradients/b/%d", i)));
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("api/derivatives");
	TCase *t = tcase_create("derivatives");
	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_test(t, jacobian_layouts);
	tcase_add_test(t, jacobian_rows);
	tcase_add_test(t, jacobian_in_blocks);
	tcase_add_test(t, tall_jacobian);
	tcase_add_test(t, costs);
	tcase_add_test(t, jacobian_of_what);
	tcase_add_test(t, jacobian_of_many_axes);
	tcase_add_test(t, warnings);
	tcase_add_test(t, jvp_is_the_jacobian_times_tangents);
	tcase_add_test(t, hvp_is_the_hessian_times_vectors);
	tcase_add_test(t, second_derivatives_by_an_output);
	tcase_add_test(t, second_derivatives_of_what);
	tcase_add_test(t, batched_cotangents);
	tcase_add_loop_test(t, per_sample, 0, (int)(sizeof losses / sizeof *losses));
	tcase_add_test(t, per_sample_of_what);
	tcase_add_test(t, per_sample_in_blocks);
	tcase_add_test(t, per_sample_of_a_sequence);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
