/* Whatever is asked for, the answer is valid JSON: requests made at random, most of which could be
 * meant, out of every operation and parameter of the catalogue. And an answer does not depend on
 * what was asked before. */
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/op.h"
#include "tests/api/call.h"
#include "tests/support/test.h"

/* What is asked, and the numbers in its tensors, each at random. */
static uint64_t state, numbers;

static unsigned draw(uint64_t *from, unsigned n)
{
	*from = *from * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*from >> 33) % n;
}

static unsigned below(unsigned n)
{
	return draw(&state, n);
}

#define PICK_WITH(from, array) (array)[draw(from, sizeof(array) / sizeof *(array))]
#define PICK(array)            PICK_WITH(&state, array)

static char request[1 << 16];
static size_t length;

static void __attribute__((format(printf, 1, 2))) put(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	length += (size_t)vsnprintf(request + length, sizeof request - length, format, args);
	va_end(args);
	ck_assert_uint_lt(length, sizeof request);
}

/* Anything that JSON can say, mostly what could be meant. */
static void put_odd(void)
{
	static const char *const odd[] = {"null",
	                                  "true",
	                                  "false",
	                                  "0",
	                                  "-0.0",
	                                  "-1",
	                                  "1e39",
	                                  "1e400",
	                                  "0.5",
	                                  "9007199254740993",
	                                  "''",
	                                  "'x'",
	                                  "'y'",
	                                  "'none'",
	                                  "'NaN'",
	                                  "'-Infinity'",
	                                  "'\\u00e9'",
	                                  "[]",
	                                  "{}",
	                                  "[[1], [2, 3]]",
	                                  "[[[[[[[[[1]]]]]]]]]",
	                                  "{'shape': [2], 'data': [1, 2]}",
	                                  "{'shape': [3], 'data': [1, 2]}",
	                                  "{'op': 'relu'}",
	                                  "{'shape': [1], 'base64': 'AA=='}"};

	put("%s", PICK(odd));
}

static void put_number(void)
{
	static const char *const special[] = {"'NaN'", "'Infinity'", "1e39", "-0.0", "1e-50"};

	if (draw(&numbers, 60) == 0)
		put("%s", PICK_WITH(&numbers, special));
	else
		put("%d%s", (int)draw(&numbers, 6) - 2, draw(&numbers, 6) ? "" : ".5");
}

static void put_row(unsigned n)
{
	put("[");
	for (unsigned i = 0; i < n; i++) {
		put(i ? ", " : "");
		put_number();
	}
	put("]");
}

static void put_value(void)
{
	unsigned rank = below(4) ? 2 : below(2), rows = 1 + below(3);

	if (below(100) == 0) {
		put_odd();
	} else if (rank == 0) {
		put_number();
	} else if (rank == 1) {
		put_row(2);
	} else if (below(20) == 0) {
		put("{'shape': [%u, 2], 'data': ", rows);
		put_row(2 * rows);
		put("}");
	} else {
		put("[");
		put_row(2);
		put(", ");
		put_row(2);
		put("]");
	}
}

static void put_param(const struct gd_param_spec *p)
{
	put(", '%s': ", p->name);
	if (below(20) == 0) {
		put_odd();
		return;
	}
	switch (p->type) {
	case GD_PARAM_BOOL: put(below(2) ? "true" : "false"); break;
	case GD_PARAM_INT: put("%d", (int)below(5) - 2); break;
	case GD_PARAM_FLOAT: put("%d.5", (int)below(3) - 1); break;
	case GD_PARAM_INTS: put(below(2) ? "%d" : "[0, %d]", (int)below(4) - 1); break;
	case GD_PARAM_FLOATS: put(below(2) ? "%d.5" : "[0.5, %d]", (int)below(3)); break;
	case GD_PARAM_LISTS: put(below(2) ? "%d" : "[[0], [%d]]", (int)below(3)); break;
	case GD_PARAM_STR: put(below(2) ? "'ij,jk'" : "'i->'"); break;
	default: {
		int n = 0;

		while (p->choices[n])
			n++;
		put("'%s'", p->choices[below((unsigned)n)]);
	}
	}
}

static void put_random_layer(bool loss)
{
	static const char *const names[] = {"x", "y", "W", "b", "z", "target", "x", "y", "o1"};
	size_t n;
	const struct gd_op *const *ops = gd_ops(&n);
	const struct gd_op *op;

	do
		op = ops[below((unsigned)n)];
	while (loss && !op->loss);
	if (below(op->n_operands == 1 && op->n_params == 0 ? 2 : 20) == 0) {
		put("'%s'", op->name);
		return;
	}
	put("{'op': '%s'", op->name);
	for (int i = 1; i < op->n_operands; i++)
		if (!op->operands[i].list && below(op->operands[i].optional ? 4 : 20) != 0) {
			put(", '%s': ", op->operands[i].name);
			if (below(16) == 0)
				put_odd();
			else
				put("'%s'", PICK(names));
		}
	for (int i = 0; i < op->n_params; i++)
		if (!op->params[i].default_text ? below(32) != 0 : below(6) == 0)
			put_param(&op->params[i]);
	if (below(4) == 0)
		put(", 'output': '%s'", below(8) ? "o1" : PICK(names));
	if (below(80) == 0) {
		put(", 'extra': ");
		put_odd();
	}
	put("}");
}

static const char *const paths[] = {"/grad", "/forward", "/jvp", "/jacobian", "/hvp", "/hessian"};
static const char *asked; /* of the request that was put last */

static void put_request(void)
{
	static const char *const tensors[] = {"x", "y", "W", "b", "z", "target"};
	static const char *const dtypes[] = {"float64", "float32"},
	                         *encodings[] = {"nested", "flat", "base64"};
	unsigned layers = 1 + below(3), kind = below(10);

	length = 0;
	put("{'tensors': {");
	for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
		if (i == 0 || below(40) != 0) {
			put("%s'%s': ", i ? ", " : "", tensors[i]);
			put_value();
		}
	put("}, 'layers': [");
	for (unsigned i = 0; i < layers; i++) {
		put(i ? ", " : "");
		put_random_layer(false);
	}
	if (below(3) == 0)
		put("], 'loss': "), put_random_layer(true);
	else
		put(below(8) ? ", 'sum']" : "]");
	if (below(4) == 0)
		put(", 'wrt': ['x', '%s']", below(3) ? "W" : "o1");
	asked = kind < 6 ? paths[kind] : below(4) ? "/grad" : "/forward";
	if (below(16) == 0)
		put(", 'grad_output': "), put_value();
	if (strcmp(asked, "/jvp") == 0 || strcmp(asked, "/hvp") == 0) {
		put(", '%s': {'%s': ", asked[1] == 'j' ? "tangents" : "vectors",
		    below(6) ? "x" : "o1");
		if (below(2))
			put("'%s'}", below(8) ? "x" : "W");
		else
			put_value(), put("}");
	}
	if (strcmp(asked, "/jacobian") == 0 && below(2))
		put(", 'layout': '%s'", below(2) ? "numerator" : "denominator");
	if (strcmp(asked, "/grad") == 0 && below(8) == 0)
		put(", '%s': true", below(4) ? "per_sample" : "batched");
	if (below(4) == 0)
		put(", 'return': ['%s']", below(2) ? "x" : "o1");
	if (below(2) == 0)
		put(", 'dtype': '%s'", PICK(dtypes));
	if (below(3) == 0)
		put(", 'encoding': '%s'", PICK(encodings));
	put("}");
}

/* Every answer is valid JSON (call() sees to that), has the members of its kind, points into the
 * request where it points, and is the same when the request comes in pieces. */
START_TEST(random_requests)
{
	int good = 0, rounds = getenv("GD_QUICK") ? 300 : 3000;

	state = (uint64_t)_i + 1;
	for (int i = 0; i < rounds; i++) {
		put_request();

		const struct gd_head head = {.method = "POST", .path = asked, .content_length = -1};

		struct answer *a = post(asked, request);
		const char *body = json_of(request);

		ck_assert_str_eq(call(&head, NULL, body, length, 1 + below(20))->text, a->text);
		if (a->status == 200) {
			bool scalar = asked[1] == 'g' || asked[1] == 'h';

			ck_assert_msg(has(a, scalar ? "/gradients" : "/output"), "%s\nto %s",
			              a->text, body);
			ck_assert_msg(scalar || asked[1] == 'f' ||
			                      has(a, asked[2] == 'v' ? "/tangent" : "/jacobian"),
			              "%s\nto %s", a->text, body);
			ck_assert_str_eq(a->type, "application/json");
			good++;
		} else {
			ck_assert_msg(a->status < 500, "%s\nto %s", a->text, body);
			ck_assert_str_eq(a->type, "application/problem+json");
			ck_assert_msg(
			        has(a, "/position") ||
			                strcmp(string_at(a, "/code"), "duplicate_key") == 0 ||
			                leads_somewhere(body, length, string_at(a, "/pointer")),
			        "%s\nto %s", a->text, body);
		}
		calls_release();
	}
	ck_assert_msg(good > rounds / 8, "only %d of %d were good requests", good, rounds);
}
END_TEST

/* --- once more, with other numbers ----------------------------------------------------------- */

static void *in_a_thread(void *path)
{
	return post(path, request);
}

/* The answer of a thread that has seen no request before. */
static struct answer *fresh(const char *path)
{
	pthread_t thread;
	void *answer;

	ck_assert_int_eq(pthread_create(&thread, NULL, in_a_thread, (void *)path), 0);
	ck_assert_int_eq(pthread_join(thread, &answer), 0);
	return answer;
}

/* Nothing of a request shows in the next one, however alike they are. */
START_TEST(other_numbers)
{
	int rounds = getenv("GD_QUICK") ? 50 : 400;

	state = (uint64_t)_i + 100;
	for (int i = 0; i < rounds; i++) {
		uint64_t seed = state;

		for (int k = 0; k < 5; k++) {
			state = seed;
			numbers = (uint64_t)(k % 3);
			put_request();
			/* The request before is over. One that is not moves this one in memory. */
			calls_release();
			if (k % 2)
				post("/forward", "{'tensors': {'x': 1}, 'layers': ['neg']}");

			const char *text = post(asked, request)->text, *afresh = fresh(asked)->text;

			ck_assert_msg(strcmp(text, afresh) == 0,
			              "%s\nbut afresh\n%s\nto request %d of %s", text, afresh, k,
			              request);
		}
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("any request");
	TCase *t = tcase_create("any request");

	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, random_requests, 0, 4);
	tcase_add_loop_test(t, other_numbers, 0, 4);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
