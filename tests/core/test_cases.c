/* Every operation of the catalogue, because it is in the catalogue: values and first and second
 * derivatives against central differences, in both dtypes. */
#include <stdio.h>
#include <string.h>

#include "tests/core/gradcheck.h"
#include "tests/core/lab.h"
#include "tests/support/test.h"

static const struct {
	const char *op, *operands, *params;
} cases[] = {
#define CASE(op, operands, params) {op, operands, params},
#include "tests/core/cases.def"
};

enum { N_CASES = sizeof cases / sizeof *cases };

START_TEST(derivatives_agree_with_differences)
{
	size_t n;
	const struct gd_op *op = gd_ops(&n)[_i];
	int rows = 0, checks = 0;
	for (int k = 0; k < N_CASES; k++) {
		if (strcmp(cases[k].op, op->name) != 0)
			continue;
		struct gradcheck r;
		gradcheck(&r, op, cases[k].operands, cases[k].params);
		ck_assert_msg(!*r.text, "%s %s %s: %s", op->name, cases[k].operands,
		              cases[k].params, r.text);
		checks += r.checks;
		rows++;
	}
	ck_assert_msg(rows > 0, "%s has no row in cases.def", op->name);
	ck_assert_msg(checks > 0, "%s: no row of cases.def compares anything", op->name);
}
END_TEST

START_TEST(every_case_names_an_operation)
{
	for (int k = 0; k < N_CASES; k++)
		ck_assert_msg(gd_op_find(cases[k].op) != NULL, "%s is no operation", cases[k].op);
}
END_TEST

/* Is there a row that says `word` among its parameters? */
static bool said(const char *op, const char *word)
{
	for (int k = 0; k < N_CASES; k++) {
		const char *at = cases[k].params;
		while (strcmp(cases[k].op, op) == 0 && (at = strstr(at, word))) {
			char before = at == cases[k].params ? ' ' : at[-1];
			char after = at[strlen(word)];
			bool whole = word[strlen(word) - 1] == '=' || !after || after == ' ';
			if (before == ' ' && whole)
				return true;
			at++;
		}
	}
	return false;
}

START_TEST(every_parameter_has_a_case)
{
	size_t n;
	const struct gd_op *const *ops = gd_ops(&n);
	for (size_t i = 0; i < n; i++)
		for (int p = 0; p < ops[i]->n_params; p++) {
			const struct gd_param_spec *spec = &ops[i]->params[p];
			char word[128];
			snprintf(word, sizeof word, "%s=", spec->name);
			ck_assert_msg(said(ops[i]->name, word), "%s: no row sets %s", ops[i]->name,
			              spec->name);
			for (int k = 0; spec->type == GD_PARAM_CHOICE && spec->choices[k]; k++) {
				snprintf(word, sizeof word, "%s=%s", spec->name, spec->choices[k]);
				ck_assert_msg(said(ops[i]->name, word), "%s: no row has %s",
				              ops[i]->name, word);
			}
		}
}
END_TEST

/* --- the checker itself: operations that are wrong must be caught ----------------------------- */

static void forward_cube(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	for (size_t i = 0; i < n->count; i++) {
		double x = lab_at(n->in[0], i);
		lab_set(n, i, x * x * x);
	}
}

static struct gd_node *three_x2(struct gd_graph *g, struct gd_node *x)
{
	return gd_mul(g, gd_const(g, 3), gd_square(g, x));
}

static void vjp_right(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                      struct gd_node **dx)
{
	dx[0] = gd_mul(g, dy, three_x2(g, y->in[0]));
}

static void vjp_flipped(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                        struct gd_node **dx)
{
	dx[0] = gd_neg(g, gd_mul(g, dy, three_x2(g, y->in[0])));
}

static void vjp_scaled(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	dx[0] = gd_mul(g, gd_const(g, 1.0001), gd_mul(g, dy, three_x2(g, y->in[0])));
}

static void vjp_absent(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	(void)g, (void)y, (void)dy, (void)dx;
}

/* Right, but a constant for the next derivative. */
static void vjp_frozen(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                       struct gd_node **dx)
{
	dx[0] = gd_mul(g, dy, gd_stop_gradient(g, three_x2(g, y->in[0])));
}

/* Right, but dy is a constant for the next derivative. */
static void vjp_frozen_dy(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                          struct gd_node **dx)
{
	dx[0] = gd_mul(g, gd_stop_gradient(g, dy), three_x2(g, y->in[0]));
}

/* Of one element where the operand may have more. */
static void vjp_misshapen(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                          struct gd_node **dx)
{
	dx[0] = gd_sum_all(g, gd_mul(g, dy, three_x2(g, y->in[0])));
}

static const struct {
	const char *name, *complaint;
	struct gd_prim prim;
} cubes[] = {
        {"right", "", {.name = "cube", .forward = forward_cube, .vjp = vjp_right}},
        {"flipped", "gradient", {.name = "cube", .forward = forward_cube, .vjp = vjp_flipped}},
        {"scaled", "gradient", {.name = "cube", .forward = forward_cube, .vjp = vjp_scaled}},
        {"absent", "gradient", {.name = "cube", .forward = forward_cube, .vjp = vjp_absent}},
        {"frozen", "second", {.name = "cube", .forward = forward_cube, .vjp = vjp_frozen}},
        {"frozen dy", "second", {.name = "cube", .forward = forward_cube, .vjp = vjp_frozen_dy}},
        {"misshapen", "shape", {.name = "cube", .forward = forward_cube, .vjp = vjp_misshapen}},
};

static int cube;

static bool build_cube(struct gd_call *c)
{
	struct gd_node *x = c->in[0];
	return gd_give(c,
	               gd_node_new(c->g, &cubes[cube].prim, c->g->dtype, x->rank, x->shape, 1, &x));
}

START_TEST(wrong_derivatives_are_caught)
{
	struct gd_op op = *gd_op_find("square");
	struct gradcheck r;
	op.build = build_cube;
	cube = _i;
	gradcheck(&r, &op, "(2,3)", "");
	if (!*cubes[_i].complaint)
		ck_assert_msg(!*r.text, "%s: %s", cubes[_i].name, r.text);
	else
		ck_assert_msg(strstr(r.text, cubes[_i].complaint), "%s: \"%s\"", cubes[_i].name,
		              r.text);
}
END_TEST

static Suite *suite(void)
{
	size_t n;
	Suite *s = suite_create("core/cases");
	TCase *t = tcase_create("cases");
	gd_ops(&n);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, derivatives_agree_with_differences, 0, (int)n);
	tcase_add_test(t, every_case_names_an_operation);
	tcase_add_test(t, every_parameter_has_a_case);
	tcase_add_loop_test(t, wrong_derivatives_are_caught, 0,
	                    (int)(sizeof cubes / sizeof *cubes));
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
