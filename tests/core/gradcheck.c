#include "tests/core/gradcheck.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/core/lab.h"

enum { MAX_EACH = 40 }; /* operands of up to so many elements are tried along each axis */

struct trial {
	struct lab lab;
	struct gradcheck *result;
	int n_wrt;
	struct gd_node *wrt[LAB_OPERANDS + 1];    /* the floating operands, then u */
	struct gd_node *grad[LAB_OPERANDS];       /* vjp(u) */
	struct gd_node *alone[LAB_OPERANDS];      /* the same, asked for one by one */
	struct gd_node *second[LAB_OPERANDS + 1]; /* gradient of s */
	struct gd_node *y, *u, *phi, *s;          /* phi = ⟨u, y⟩, s = Σ ⟨w, grad⟩ */
};

static bool fail(struct gradcheck *r, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
static bool fail(struct gradcheck *r, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (!*r->text)
		vsnprintf(r->text, sizeof r->text, format, args);
	va_end(args);
	return false;
}

static struct gd_node *inner_product(struct lab *l, struct gd_node *a, struct gd_node *b)
{
	return gd_sum_all(&l->g, gd_mul(&l->g, a, b));
}

static bool build(struct trial *t, const struct gd_op *op, const char *operands, const char *params)
{
	struct gd_node *in[LAB_OPERANDS];
	struct lab *l = &t->lab;
	int n_in = lab_operands(l, operands, in);
	for (int i = 0; i < n_in; i++)
		if (in[i] && in[i]->dtype == l->g.dtype && !gd_is_const(in[i], &(double){0}))
			t->wrt[t->n_wrt++] = in[i];
	struct gd_call call;
	if (!lab_call_all(l, &call, op, params, n_in, in))
		return fail(t->result, "%s", l->error.detail);
	for (int i = 0; i < n_in; i++)
		if (call.out[0] == in[i])
			return fail(t->result, "operand %d is handed on as the result", i);
	t->y = lab_join(l, call.n_out, call.out);
	if (!t->y) {
		t->y = call.out[0];
		return true;
	}
	t->u = lab_random(l, t->y->rank, t->y->shape, 0.5, 2);
	t->phi = inner_product(l, t->u, t->y);
	if (!gd_grad(&l->g, t->y, t->u, t->n_wrt, t->wrt, t->grad, true))
		return fail(t->result, "gradient: %s", l->error.detail);
	t->s = gd_const(&l->g, 0);
	for (int i = 0; i < t->n_wrt; i++) {
		if (!gd_same_shape(t->grad[i], t->wrt[i]))
			return fail(t->result, "operand %d: the gradient has another shape", i);
		if (!gd_grad(&l->g, t->y, t->u, 1, &t->wrt[i], &t->alone[i], false))
			return fail(t->result, "gradient of one: %s", l->error.detail);
		struct gd_node *w = lab_random(l, t->wrt[i]->rank, t->wrt[i]->shape, 0.5, 2);
		t->s = gd_add(&l->g, t->s, inner_product(l, w, t->grad[i]));
	}
	t->wrt[t->n_wrt] = t->u;
	if (!gd_grad(&l->g, t->s, NULL, t->n_wrt + 1, t->wrt, t->second, false))
		return fail(t->result, "second derivative: %s", l->error.detail);
	return true;
}

static double value_of(struct trial *t, struct gd_node *scalar)
{
	if (!lab_eval(&t->lab, 1, &scalar)) {
		fail(t->result, "evaluation: %s", t->lab.error.detail);
		return NAN;
	}
	return lab_at(scalar, 0);
}

/* f(x + h·v), x coming back as it was. */
static double displaced(struct trial *t, struct gd_node *f, struct gd_node *x, const double *v,
                        double h)
{
	double kept[1024];
	for (size_t i = 0; i < x->count; i++) {
		kept[i] = lab_at(x, i);
		lab_set(x, i, kept[i] + h * v[i]);
	}
	double value = value_of(t, f);
	for (size_t i = 0; i < x->count; i++)
		lab_set(x, i, kept[i]);
	return value;
}

/* Central differences of fourth order. Source: Abramowitz & Stegun, table 25.2. */
static bool along(struct trial *t, struct gd_node *f, struct gd_node *x, double *v,
                  const double *gradient, const char *what, int operand)
{
	const double h = 1e-4;
	if (lab_is_symmetric(&t->lab, x))
		lab_make_symmetric(x, v);
	double inner = displaced(t, f, x, v, h) - displaced(t, f, x, v, -h);
	double outer = displaced(t, f, x, v, 2 * h) - displaced(t, f, x, v, -2 * h);
	double numeric = (8 * inner - outer) / (12 * h), analytic = 0, size = 1;
	for (size_t i = 0; i < x->count; i++) {
		analytic += v[i] * gradient[i];
		size += fabs(v[i] * gradient[i]);
	}
	t->result->checks++;
	if (!(fabs(numeric - analytic) <= 1e-8 * size))
		return fail(t->result, "%s for operand %d: %.12g, but differences say %.12g", what,
		            operand, analytic, numeric);
	return true;
}

static void agrees(struct trial *t, struct gd_node *f, struct gd_node *x, struct gd_node *gradient,
                   const char *what, int operand)
{
	double v[1024] = {0}, g[1024];
	for (size_t i = 0; i < x->count; i++)
		g[i] = lab_at(gradient, i);
	for (size_t i = 0; i < x->count && x->count <= MAX_EACH; i++) {
		memset(v, 0, sizeof v);
		v[i] = 1;
		if (!along(t, f, x, v, g, what, operand))
			return;
	}
	for (int k = 0; k < 2; k++) {
		for (size_t i = 0; i < x->count; i++)
			v[i] = lab_uniform(&t->lab, -1, 1);
		if (!along(t, f, x, v, g, what, operand))
			return;
	}
}

static bool check_finite(struct trial *t, struct gd_node *n, const char *what)
{
	size_t at;
	return gd_all_finite(n, &at) ||
	       fail(t->result, "%s: element %zu is %g", what, at, lab_at(n, at));
}

/* Values and gradients; the second derivatives' data stay readable until the next evaluation. */
static bool evaluate(struct trial *t)
{
	struct gd_node *all[3 * LAB_OPERANDS + 2];
	int n = 0;
	all[n++] = t->y;
	for (int i = 0; t->u && i < t->n_wrt; i++) {
		all[n++] = t->grad[i];
		all[n++] = t->alone[i];
	}
	for (int i = 0; t->u && i <= t->n_wrt; i++)
		all[n++] = t->second[i];
	if (!lab_eval(&t->lab, n, all))
		return fail(t->result, "evaluation: %s", t->lab.error.detail);
	for (int i = 0; i < n; i++)
		if (!check_finite(t, all[i], i == 0 ? "value" : "derivative"))
			return false;
	return true;
}

static void compare(struct gradcheck *r, const struct gd_node *narrow, const struct gd_node *wide,
                    const char *what)
{
	double size = 1;
	if (!gd_same_shape(narrow, wide)) {
		fail(r, "%s: of another shape", what);
		return;
	}
	for (size_t i = 0; i < wide->count; i++)
		size = fmax(size, fabs(lab_at(wide, i)));
	for (size_t i = 0; i < wide->count; i++) {
		double a = lab_at(narrow, i), b = lab_at(wide, i);
		r->checks++;
		if (!(fabs(a - b) <= 1e-5 * size)) {
			fail(r, "%s: element %zu is %.9g instead of %.9g", what, i, a, b);
			return;
		}
	}
}

static void compare_all(struct trial *narrow, struct trial *wide)
{
	compare(wide->result, narrow->y, wide->y, "value in float32");
	if (!wide->u)
		return;
	for (int i = 0; i < wide->n_wrt; i++) {
		compare(wide->result, narrow->grad[i], wide->grad[i], "gradient in float32");
		compare(wide->result, wide->alone[i], wide->grad[i], "gradient asked for alone");
	}
	for (int i = 0; i <= wide->n_wrt; i++)
		compare(wide->result, narrow->second[i], wide->second[i],
		        "second derivative in float32");
}

/* The derivatives' elements outlive the evaluations to come. */
static void keep(struct trial *t, struct gd_node **nodes, int n)
{
	for (int i = 0; i < n; i++) {
		struct gd_node *x = nodes[i];
		double values[1024];
		for (size_t k = 0; k < x->count; k++)
			values[k] = lab_at(x, k);
		nodes[i] = lab_leaf(&t->lab, x->rank, x->shape, values);
	}
}

void gradcheck(struct gradcheck *result, const struct gd_op *op, const char *operands,
               const char *params)
{
	struct trial wide = {.result = result}, narrow = {.result = result};
	*result = (struct gradcheck){.checks = 0};
	lab_init(&wide.lab, GD_FLOAT64);
	lab_init(&narrow.lab, GD_FLOAT32);
	if (!build(&wide, op, operands, params) || !build(&narrow, op, operands, params) ||
	    !evaluate(&wide) || !evaluate(&narrow))
		goto done;
	compare_all(&narrow, &wide);
	if (!wide.u)
		goto done;
	keep(&wide, wide.grad, wide.n_wrt);
	keep(&wide, wide.second, wide.n_wrt + 1);
	for (int i = 0; i < wide.n_wrt; i++)
		agrees(&wide, wide.phi, wide.wrt[i], wide.grad[i], "gradient", i);
	for (int i = 0; i <= wide.n_wrt; i++)
		agrees(&wide, wide.s, wide.wrt[i], wide.second[i], "second derivative", i);
done:
	lab_release(&wide.lab);
	lab_release(&narrow.lab);
}
