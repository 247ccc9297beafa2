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
		ck_assert_double_eq(number_at(a, at(i, "/float32/ulps")), op->precision.ulps);
		ck_assert_str_eq(string_at(a, at(i, "/float32/detail")), op->precision.why);
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

START_TEST(has_what_clients_count_on)
{
	static const char *const names[] = {
#define NAME(name) name,
#include "tests/api/names.def"
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ck_assert_msg(gd_op_find(names[i]) != NULL, "there is no %s", names[i]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("operations");
	TCase *t = tcase_create("operations");
	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_test(t, agrees_with_the_registry);
	tcase_add_test(t, has_what_clients_count_on);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
