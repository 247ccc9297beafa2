/* GET /ops is the catalogue that runs; each of its operations can be reached by JSON, and means the
 * same with its defaults written out. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/op.h"
#include "tests/api/call.h"
#include "tests/support/test.h"

static struct answer *catalogue(void)
{
	const struct gd_head head = {.method = "GET", .path = "/ops"};
	struct answer *a = call(&head, NULL, "", 0, 0);

	ck_assert_int_eq(a->status, 200);
	return a;
}

static char where[128];

static const char *at(int op, const char *format, ...)
{
	va_list args;
	int n = snprintf(where, sizeof where, "/operations/%d", op);

	va_start(args, format);
	vsnprintf(where + n, sizeof where - (size_t)n, format, args);
	va_end(args);
	return where;
}

/* --- the document ---------------------------------------------------------------------------- */

START_TEST(agrees_with_the_registry)
{
	static const char *const types[] = {[GD_OPERAND_FLOAT] = "float",
	                                    [GD_OPERAND_INDEX] = "integer",
	                                    [GD_OPERAND_BOOL] = "mask",
	                                    [GD_OPERAND_ANY] = "any"};
	static const char *const texts[] = {"shapes", "formula", "derivative", "kinks"};
	struct answer *a = catalogue();
	size_t n;
	const struct gd_op *const *ops = gd_ops(&n);

	ck_assert_uint_eq(size_at(a, "/operations"), n);
	for (int i = 0; i < (int)n; i++) {
		const struct gd_op *op = ops[i];

		ck_assert_str_eq(string_at(a, at(i, "/name")), op->name);
		ck_assert_str_eq(string_at(a, at(i, "/kind")), op->loss ? "loss" : "layer");
		ck_assert_str_eq(string_at(a, at(i, "/signature")), op->signature);
		ck_assert_int_eq(size_at(a, at(i, "/operands")), op->n_operands);
		for (int k = 0; k < op->n_operands; k++) {
			ck_assert_str_eq(string_at(a, at(i, "/operands/%d/name", k)),
			                 op->operands[k].name);
			ck_assert_str_eq(string_at(a, at(i, "/operands/%d/type", k)),
			                 types[op->operands[k].kind]);
		}
		ck_assert_int_eq(size_at(a, at(i, "/parameters")), op->n_params);
		for (int k = 0; k < op->n_params; k++) {
			ck_assert_str_eq(string_at(a, at(i, "/parameters/%d/name", k)),
			                 op->params[k].name);
			ck_assert_str_eq(string_at(a, at(i, "/parameters/%d/type", k)),
			                 op->params[k].type_text);
			ck_assert(has(a, at(i, "/parameters/%d/default", k)) ==
			          (op->params[k].default_text != NULL));
		}
		for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
			ck_assert_msg(*string_at(a, at(i, "/%s", texts[k])) || k == 3,
			              "%s has no %s", op->name, texts[k]);
	}
}
END_TEST

/* The operations of the first round, by the names that clients use. */
START_TEST(has_what_was_promised)
{
	static const char *const names[] = {"add",
	                                    "sub",
	                                    "mul",
	                                    "div",
	                                    "neg",
	                                    "pow",
	                                    "exp",
	                                    "log",
	                                    "sqrt",
	                                    "square",
	                                    "abs",
	                                    "maximum",
	                                    "minimum",
	                                    "where",
	                                    "eq",
	                                    "ne",
	                                    "lt",
	                                    "le",
	                                    "gt",
	                                    "ge",
	                                    "clamp",
	                                    "sigmoid",
	                                    "tanh",
	                                    "relu",
	                                    "leaky_relu",
	                                    "softplus",
	                                    "gelu",
	                                    "silu",
	                                    "softmax",
	                                    "log_softmax",
	                                    "logsumexp",
	                                    "sum",
	                                    "mean",
	                                    "max",
	                                    "amax",
	                                    "min",
	                                    "amin",
	                                    "matmul",
	                                    "transpose",
	                                    "permute",
	                                    "reshape",
	                                    "squeeze",
	                                    "unsqueeze",
	                                    "expand",
	                                    "cat",
	                                    "slice",
	                                    "linear",
	                                    "mse_loss",
	                                    "l1_loss",
	                                    "huber_loss",
	                                    "smooth_l1_loss",
	                                    "cross_entropy",
	                                    "nll_loss",
	                                    "binary_cross_entropy",
	                                    "binary_cross_entropy_with_logits"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ck_assert_msg(gd_op_find(names[i]) != NULL, "there is no %s", names[i]);
}
END_TEST

/* --- every operation by JSON ----------------------------------------------------------------- */

/* What an operation needs where a (2, 3) tensor for each operand and nothing else does not do. */
static const struct sample {
	const char *op, *tensors, *params;
} samples[] = {
        {"matmul", "'other': [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]", ""},
        {"linear", "'weight': [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], 'bias': [0.7, 0.8]", ""},
        {"cross_entropy", "'target': [2, 0], 'weight': [1, 2, 3]", ""},
        {"nll_loss", "'target': [2, 0], 'weight': [1, 2, 3]", ""},
        {"softmax", "", "'dim': 1"},
        {"log_softmax", "", "'dim': -1"},
        {"logsumexp", "", "'dim': [0, 1]"},
        {"transpose", "", "'dim0': 0, 'dim1': 1"},
        {"permute", "", "'dims': [1, 0]"},
        {"reshape", "", "'shape': [3, -1]"},
        {"unsqueeze", "", "'dim': 0"},
        {"expand", "", "'size': [4, -1, 3]"},
};

/* Numbers in (0, 1) that differ, so that nothing ties. */
static size_t put_tensor(char *out, const char *name, int seed)
{
	size_t n = (size_t)sprintf(out, ", '%s': [", name);

	for (int i = 0; i < 6; i++)
		n += (size_t)sprintf(out + n, "%s0.%d%d",
		                     i == 0   ? "["
		                     : i == 3 ? "], ["
		                              : ", ",
		                     1 + (3 * i + seed) % 8, 1 + (i + 2 * seed) % 9);
	return n + (size_t)sprintf(out + n, "]]");
}

/* The tensors that the operation is tried on, its operands named as they are. */
static size_t put_tensors(char *out, const struct gd_op *op, const struct sample *sample)
{
	size_t n = (size_t)sprintf(out, "'tensors': {'extra': 0%s%s", *sample->tensors ? ", " : "",
	                           sample->tensors);

	for (int i = 0; i < op->n_operands; i++) {
		char quoted[64];

		snprintf(quoted, sizeof quoted, "'%s':", op->operands[i].name);
		if (!strstr(sample->tensors, quoted))
			n += put_tensor(out + n, op->operands[i].name, i);
	}
	return n + (size_t)sprintf(out + n, "}");
}

/* The operation as a layer (or "loss") with `n_operands` operands; with `a`, its defaults too. */
static size_t put_layer(char *out, int index, const struct gd_op *op, const struct sample *sample,
                        int n_operands, const struct answer *a)
{
	size_t n = (size_t)sprintf(out, "{'op': '%s', 'inputs': [", op->name);

	for (int i = 0; i < n_operands; i++)
		n += (size_t)sprintf(out + n, "%s'%s'", i ? ", " : "", op->operands[i].name);
	n += (size_t)sprintf(out + n, "]%s%s", *sample->params ? ", " : "", sample->params);
	for (int i = 0; a && i < op->n_params; i++)
		if (has(a, at(index, "/parameters/%d/default", i)))
			n += (size_t)sprintf(out + n, ", '%s': %s", op->params[i].name,
			                     text_at(a, where));
	return n + (size_t)sprintf(out + n, "}");
}

static struct answer *ask(const char *path, const struct gd_op *op, int index, int n_operands,
                          const struct answer *a, bool as_loss)
{
	static const struct sample none = {"", "", ""};
	const struct sample *sample = &none;
	char body[4096];
	size_t n = (size_t)sprintf(body, "{");

	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
		if (strcmp(samples[i].op, op->name) == 0)
			sample = &samples[i];
	n += put_tensors(body + n, op, sample);
	n += (size_t)sprintf(body + n, as_loss ? ", 'layers': [], 'loss': " : ", 'layers': [");
	n += put_layer(body + n, index, op, sample, n_operands, a);
	sprintf(body + n, "%s}",
	        as_loss                      ? ""
	        : strcmp(path, "/grad") == 0 ? ", {'op': 'mul', 'other': 1}, 'sum']"
	                                     : "]");

	struct answer *answer = post(path, body);

	ck_assert_msg(answer->status == 200, "%s\nto %s", answer->text, body);
	ck_assert_msg(!has(answer, "/warnings"), "%s\nto %s", answer->text, body);
	return answer;
}

/* With as few operands as it takes and with all of them; as a layer, and a loss as such. Written
 * out, the defaults of /ops change nothing. */
START_TEST(every_operation)
{
	struct answer *a = catalogue();
	size_t n;
	const struct gd_op *op = gd_ops(&n)[_i];
	int needed = 0;

	while (needed < op->n_operands && !op->operands[needed].optional)
		needed++;
	if (strcmp(op->name, "clamp") == 0)
		needed = 2;
	for (int k = needed; k <= op->n_operands; k++) {
		struct answer *y = ask("/forward", op, _i, k, NULL, false);
		struct answer *dx = ask("/grad", op, _i, k, NULL, false);

		ck_assert(has(y, "/output"));
		ck_assert(has(dx, "/loss"));
		for (int i = 0; i < k; i++) {
			char gradient[64];

			snprintf(gradient, sizeof gradient, "/gradients/%s", op->operands[i].name);
			if (op->operands[i].kind == GD_OPERAND_FLOAT)
				ck_assert_msg(has(dx, gradient), "%s: %s", op->name, dx->text);
			if (op->operands[i].kind == GD_OPERAND_BOOL ||
			    op->operands[i].kind == GD_OPERAND_INDEX)
				ck_assert_msg(!has(dx, gradient), "%s: %s", op->name, dx->text);
		}
		ck_assert_str_eq(ask("/forward", op, _i, k, a, false)->text, y->text);
		ck_assert_str_eq(ask("/grad", op, _i, k, a, false)->text, dx->text);
		if (op->loss) {
			struct answer *loss = ask("/grad", op, _i, k, NULL, true);

			ck_assert_double_eq(number_at(loss, "/loss"), number_at(dx, "/loss"));
			ck_assert(has(loss, "/gradients/input"));
		}
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("operations");
	TCase *t = tcase_create("operations");
	size_t n;

	gd_ops(&n);
	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_test(t, agrees_with_the_registry);
	tcase_add_test(t, has_what_was_promised);
	tcase_add_loop_test(t, every_operation, 0, (int)n);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
