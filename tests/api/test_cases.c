/* Every row of tests/core/cases.def as a request: what the core can do, a client can ask for. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/op.h"
#include "tests/api/call.h"
#include "tests/support/test.h"

static const struct {
	const char *op, *operands, *params;
} cases[] = {
#define CASE(op, operands, params) {op, operands, params},
#include "tests/core/cases.def"
};

enum { N_CASES = sizeof cases / sizeof *cases, LONGEST = 1 << 18, OPERANDS = 32 };

/* --- writing requests ---------------------------------------------------------------------------
 */

struct text {
	char *at;
	size_t n;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	t->n += (size_t)vsnprintf(t->at + t->n, LONGEST - t->n, format, args);
	va_end(args);
	ck_assert_uint_lt(t->n, LONGEST);
}

/* Numbers with three digits, the same each time. */
static double number(unsigned *state, double lo, double hi)
{
	*state = *state * 1664525u + 1013904223u;
	return lo + (hi - lo) * (double)(*state >> 8) / 0x1p24;
}

/* "(2,3)[0.1,5]" and its like (tests/core/lab.h) as a tensor; a matrix "s(…)" is symmetric and
 * positive definite, "r(…)" regular. */
static void put_tensor(struct text *t, const char *name, const char *text, unsigned *state)
{
	char kind = *text == '(' ? 'f' : *text;
	const char *p = strchr(text, '(') + 1, *close = strchr(p, ')');
	int64_t count = 1, side = 1;
	double lo = -2, hi = 2;
	put(t, "'%s': {'shape': [%.*s], 'dtype': '%s', 'data': [", name, (int)(close - p), p,
	    kind == 'i'   ? "int64"
	    : kind == 'b' ? "bool"
	                  : "float64");
	while (p < close) {
		side = strtoll(p, (char **)&p, 10);
		count *= side;
		p += *p == ',';
	}
	if (close[1] == '[') {
		lo = strtod(close + 2, (char **)&p);
		hi = strtod(p + 1, NULL);
	}
	for (int64_t i = 0; i < count; i++) {
		const char *comma = i ? ", " : "";
		double v = number(state, lo, hi);
		int64_t row = i / side % side, column = i % side;
		if (kind == 'b')
			put(t, "%s%s", comma, v > 0 ? "true" : "false");
		else if (kind == 'i')
			put(t, "%s%lld", comma,
			    (long long)(lo + (hi - lo + 1) * (v - lo) / (hi - lo + 1e-9)));
		else if (kind == 's')
			put(t, "%s%.3f", comma,
			    row == column ? 3.0 + (double)row : 0.5 / (double)(1 + row + column));
		else
			put(t, "%s%.3f", comma, v + (kind == 'r' && row == column ? 3 : 0));
	}
	put(t, "]}");
}

/* A parameter's text as JSON: inf is "Infinity", words have quotes, lists brackets. */
static void put_value(struct text *t, const struct gd_param_spec *p, const char *text, size_t n)
{
	bool word = isalpha((unsigned char)*text) || p->type == GD_PARAM_STR;
	if (n > 16 && strspn(text, "-0123456789") == n) /* JSON's integers end at 2^53 */
		put(t, *text == '-' ? "-9007199254740991" : "9007199254740991");
	else if (strncasecmp(text, "inf", 3) == 0)
		put(t, "'Infinity'");
	else if (strncasecmp(text, "-inf", 4) == 0)
		put(t, "'-Infinity'");
	else if (strncmp(text, "nan", 3) == 0)
		put(t, "'NaN'");
	else if (word && strncmp(text, "null", 4) != 0 && p->type != GD_PARAM_BOOL)
		put(t, "'%.*s'", (int)n, text);
	else if (*text != '[' && memchr(text, ',', n))
		put(t, "[%.*s]", (int)n, text);
	else
		put(t, "%.*s", (int)n, text);
}

struct request {
	const struct gd_op *op;
	char *operand[OPERANDS]; /* each as written in the row */
	int n_operands;
	const char *params;
};

static const struct gd_param_spec *param_of(const struct gd_op *op, const char *name, size_t n)
{
	for (int i = 0; i < op->n_params; i++)
		if (strlen(op->params[i].name) == n && memcmp(op->params[i].name, name, n) == 0)
			return &op->params[i];
	ck_abort_msg("%s has no %.*s", op->name, (int)n, name);
}

static bool given(const char *params, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = params; (at = strstr(at, name)); at++)
		if ((at == params || at[-1] == ' ') && at[n] == '=')
			return true;
	return false;
}

enum style { IN_ORDER, BY_NAME, WITH_DEFAULTS };

static void put_operand(struct text *t, const struct request *r, int i)
{
	if (*r->operand[i] == '-')
		put(t, "null");
	else if (*r->operand[i] == '=')
		put(t, "%s",
		    strcmp(r->operand[i], "=inf") == 0    ? "'Infinity'"
		    : strcmp(r->operand[i], "=-inf") == 0 ? "'-Infinity'"
		                                          : r->operand[i] + 1);
	else
		put(t, "'t%d'", i);
}

/* The operation as an object. */
static void put_layer(struct text *t, const struct request *r, enum style style)
{
	const struct gd_op *op = r->op;
	put(t, "{'op': '%s'", op->name);
	for (int i = 0; style == BY_NAME && i < op->n_operands; i++) {
		put(t, ", '%s': ", op->operands[i].name);
		if (i < r->n_operands)
			put_operand(t, r, i);
		else
			put(t, "null");
	}
	if (style != BY_NAME) {
		put(t, ", 'inputs': [");
		for (int i = 0; i < r->n_operands; i++) {
			put(t, "%s", i ? ", " : "");
			put_operand(t, r, i);
		}
		put(t, "]");
	}
	for (const char *p = r->params; *p; p += strspn(p, " ")) {
		size_t name = strcspn(p, "="), all = strcspn(p, " ");
		put(t, ", '%.*s': ", (int)name, p);
		put_value(t, param_of(op, p, name), p + name + 1, all - name - 1);
		p += all;
	}
	for (int i = 0; style == WITH_DEFAULTS && i < op->n_params; i++) {
		const struct gd_param_spec *p = &op->params[i];
		if (!p->default_text || given(r->params, p->name))
			continue;
		put(t, ", '%s': ", p->name);
		put_value(t, p, p->default_text, strlen(p->default_text));
	}
	put(t, "}");
}

/* The request; `grad_output` is JSON, or NULL. */
static char *request_text(const struct request *r, enum style style, bool as_loss,
                          const char *grad_output)
{
	struct text t = {.at = calloc(1, LONGEST)};
	unsigned state = 1;
	put(&t, "{'encoding': 'flat', 'tensors': {");
	for (int i = 0, seen = 0; i < r->n_operands; i++)
		if (!strchr("-=", *r->operand[i])) {
			char name[16];
			snprintf(name, sizeof name, "t%d", i);
			put(&t, "%s", seen++ ? ", " : "");
			put_tensor(&t, name, r->operand[i], &state);
		}
	put(&t, "}, %s: %s", as_loss ? "'layers': [], 'loss'" : "'layers'", as_loss ? "" : "[");
	put_layer(&t, r, style);
	put(&t, "%s", as_loss ? "" : "]");
	if (grad_output)
		put(&t, ", 'grad_output': %s", grad_output);
	put(&t, "}");
	return t.at;
}

static struct answer *ask(const char *path, const struct request *r, enum style style, bool as_loss,
                          const char *grad_output)
{
	char *body = request_text(r, style, as_loss, grad_output);
	struct answer *a = post(path, body);
	ck_assert_msg(a->status == 200, "%s\nto %.2000s", a->text, body);
	free(body);
	return a;
}

/* --- what is asked ------------------------------------------------------------------------------
 */

/* The output of /forward as its own text, with ' for ". */
static char *output_of(const struct answer *a)
{
	const char *at = strstr(a->text, "\"output\":"), *end;
	ck_assert_ptr_nonnull(at);
	at += strlen("\"output\":");
	end = strchr(at, '}');
	ck_assert_ptr_nonnull(end);
	char *text = strndup(at, (size_t)(end - at) + 1);
	for (char *p = text; *p; p++)
		*p = *p == '"' ? '\'' : *p;
	return text;
}

static bool by_name(const struct request *r)
{
	for (int i = 0; i < r->op->n_operands; i++)
		if (r->op->operands[i].list)
			return false;
	return true;
}

/* Each floating operand has a gradient of its own shape, and no other has one. */
static void check_gradients(const struct request *r, const struct answer *a)
{
	for (int i = 0; i < r->n_operands; i++) {
		char place[64], shape[64] = "";
		const char *text = r->operand[i];
		snprintf(place, sizeof place, "/gradients/t%d", i);
		int last = r->op->n_operands - 1, k = i < last ? i : last;
		bool floating = strchr("(sr", *text) != NULL;
		if (r->op->operands[k].kind != GD_OPERAND_FLOAT && has(a, place))
			floating = true; /* numbers where any operand does */
		if (r->op->operands[k].kind == GD_OPERAND_INDEX ||
		    r->op->operands[k].kind == GD_OPERAND_BOOL)
			floating = false;
		if (r->op->operands[k].kind == GD_OPERAND_ANY)
			continue;
		ck_assert_msg(has(a, place) == floating, "%s: %s", r->op->name, a->text);
		if (!floating)
			continue;
		text = strchr(text, '(');
		snprintf(shape, sizeof shape, "\"shape\":[%.*s]",
		         (int)(strchr(text, ')') - text - 1), text + 1);
		ck_assert_msg(strstr(squeezed(a->text), shape), "%s: no %s in %s", r->op->name,
		              shape, a->text);
	}
}

static void check_case(const struct request *r)
{
	struct answer *y = ask("/forward", r, IN_ORDER, false, NULL);
	ck_assert_str_eq(ask("/forward", r, WITH_DEFAULTS, false, NULL)->text, y->text);
	if (by_name(r))
		ck_assert_str_eq(ask("/forward", r, BY_NAME, false, NULL)->text, y->text);
	char *output = output_of(y);
	if (strstr(output, "'float64'")) {
		struct answer *dx = ask("/grad", r, IN_ORDER, false, output);
		check_gradients(r, dx);
		ck_assert_str_eq(ask("/grad", r, WITH_DEFAULTS, false, output)->text, dx->text);
	}
	if (r->op->loss && strstr(output, "'shape':[]")) {
		struct answer *loss = ask("/grad", r, IN_ORDER, true, NULL);
		char first[16];
		snprintf(first, sizeof first, "/gradients/t0");
		ck_assert(has(loss, "/loss"));
		ck_assert(*r->operand[0] != '(' || r->op->operands[0].kind != GD_OPERAND_FLOAT ||
		          has(loss, first));
	}
	free(output);
}

START_TEST(every_case_is_a_request)
{
	size_t n;
	const struct gd_op *op = gd_ops(&n)[_i];
	for (int k = 0; k < N_CASES; k++) {
		if (strcmp(cases[k].op, op->name) != 0)
			continue;
		struct request r = {.op = op, .params = cases[k].params};
		char *copy = strdup(cases[k].operands), *rest = NULL;
		for (char *p = strtok_r(copy, " ", &rest); p; p = strtok_r(NULL, " ", &rest))
			r.operand[r.n_operands++] = p;
		check_case(&r);
		free(copy);
		calls_release();
	}
}
END_TEST

static Suite *suite(void)
{
	size_t n;
	Suite *s = suite_create("api/cases");
	TCase *t = tcase_create("cases");
	gd_ops(&n);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, calls_release);
	tcase_add_loop_test(t, every_case_is_a_request, 0, (int)n);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
