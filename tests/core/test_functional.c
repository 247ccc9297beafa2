/* jvp, jacobian, hvp and hessian against torch.autograd.functional's, from tests/golden/functional.
 */
#include <math.h>
#include <string.h>

#include "core/rows.h"
#include "tests/core/golden.h"
#include "tests/support/test.h"

static int differing;

static void close_to(const struct golden *c, const struct gd_node *got, const struct gd_node *want,
                     double rtol, const char *what)
{
	double scale = 1;
	ck_assert_msg(gd_same_shape(got, want), "line %d: %s%s: %s has another shape", c->line,
	              c->op, c->params, what);
	for (size_t i = 0; i < want->count; i++)
		scale = fmax(scale, fabs(lab_at(want, i)));
	for (size_t i = 0; i < want->count; i++) {
		double a = lab_at(got, i), b = lab_at(want, i);
		if (fabs(a - b) <= rtol * scale)
			continue;
		fprintf(stderr, "line %d: %s%s: element %zu of %s is %.17g, PyTorch's %.17g\n",
		        c->line, c->op, c->params, i, what, a, b);
		differing++;
		return;
	}
}

static struct gd_node *room_for(struct golden *c, const struct gd_node *a, const struct gd_node *b)
{
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < a->rank + b->rank; i++)
		shape[i] = i < a->rank ? a->shape[i] : b->shape[i - a->rank];
	return lab_random(&c->lab, a->rank + b->rank, shape, 7, 8);
}

/* The derivatives of y by each x, two rows at a time. */
static void jacobian(struct golden *c, struct gd_node *y, int n, struct gd_node *const *x,
                     struct gd_node **j)
{
	struct gd_graph *g = &c->lab.g;
	struct gd_node *u = gd_dummy_seed(g, y), *grad[LAB_OPERANDS];
	struct gd_rows_target targets[LAB_OPERANDS];
	struct gd_rows_plan plan = {0};
	struct gd_sweep bad;
	const struct gd_rows *bad_rows;
	ck_assert(gd_grad(g, y, u, n, x, grad, false));
	for (int i = 0; i < n; i++) {
		j[i] = room_for(c, y, x[i]);
		targets[i] = (struct gd_rows_target){.x = grad[i], .to = j[i]};
	}
	int base = g->n_nodes;
	plan.first = gd_rows_new(g, u, n, targets, y->count > 1 ? 256 : 1);
	ck_assert_msg(plan.first && gd_rows_share(&plan, g, base), "%s", c->lab.error.detail);
	ck_assert_msg(lab_eval(&c->lab, plan.n_shared, plan.shared) &&
	                      gd_rows_run(&plan, g, &bad, &bad_rows),
	              "%s", c->lab.error.detail);
	ck_assert_ptr_null(bad_rows);
}

static void compare(struct golden *c)
{
	struct gd_graph *g = &c->lab.g;
	struct gd_node *in[LAB_OPERANDS], *x[LAB_OPERANDS], *v[LAB_OPERANDS], *j[LAB_OPERANDS];
	struct gd_node *grad[LAB_OPERANDS], *hvp[LAB_OPERANDS];
	int n = 0, which[LAB_OPERANDS];
	struct gd_call call;
	for (int i = 0; i < c->n_in; i++)
		if (c->dir[i]) {
			which[n] = i;
			v[n] = c->dir[i];
			x[n++] = c->in[i];
		}
	memcpy(in, c->in, sizeof in);
	ck_assert_msg(lab_call_all(&c->lab, &call, gd_op_find(c->op), c->params, c->n_in, in),
	              "line %d: %s", c->line, c->lab.error.detail);
	struct gd_node *y = call.out[0], *jvp = gd_jvp(g, y, n, x, v, false);
	ck_assert(jvp && lab_eval(&c->lab, 1, &jvp));
	close_to(c, jvp, c->jvp, c->rough ? 1e-9 : 1e-13, "the jvp");
	jacobian(c, y, n, x, j);
	for (int i = 0; i < n; i++)
		close_to(c, j[i], c->jacobian[which[i]], 1e-13, "the Jacobian");
	if (!c->hvp[which[0]])
		return; /* it is on a kink */
	ck_assert(gd_grad(g, y, c->seed, n, x, grad, false) &&
	          gd_grad_all(g, n, grad, v, n, x, hvp, false) && lab_eval(&c->lab, n, hvp));
	for (int i = 0; i < n; i++)
		close_to(c, hvp[i], c->hvp[which[i]], c->rough ? 1e-9 : 1e-12,
		         "the Hessian's product");
	for (int i = 0; i < n; i++) {
		jacobian(c, grad[i], n, x, j);
		for (int k = 0; k < n; k++)
			close_to(c, j[k], c->hessian[which[i]][which[k]], c->rough ? 1e-9 : 1e-12,
			         "the Hessian");
	}
}

START_TEST(agrees_with_pytorch)
{
	struct golden c;
	int line = 0, cases = 0;
	FILE *f = fopen("tests/golden/functional/derivatives.txt", "r");
	ck_assert_msg(f != NULL, "tests run from the root");
	while (golden_next(&c, f, &line)) {
		compare(&c);
		cases++;
		golden_release(&c);
	}
	fclose(f);
	ck_assert_int_gt(cases, 80);
	ck_assert_msg(differing == 0, "%d tensors differ", differing);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/functional");
	TCase *t = tcase_create("functional");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, agrees_with_pytorch);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
