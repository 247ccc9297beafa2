/* Many at once, over the whole catalogue: whatever is batched gives, row by row, what it gives
 * alone. A row of cases.def is enough for a primitive's rule, or the lack of one, to be tested. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/batch.h"
#include "core/rows.h"
#include "core/sample.h"
#include "tests/core/lab.h"
#include "tests/support/test.h"

static const struct {
	const char *op, *operands, *params;
} cases[] = {
#define CASE(op, operands, params) {op, operands, params},
#include "tests/core/cases.def"
};

enum { N_CASES = sizeof cases / sizeof *cases, K = 3 };

struct subject {
	struct lab lab;
	const char *text;
	int n_wrt;
	struct gd_node *wrt[LAB_OPERANDS]; /* the floating operands */
	struct gd_node *y;                 /* the floating results, or NULL */
};

static void build(struct subject *s, int row, enum gd_dtype dtype)
{
	static char text[512];
	struct gd_node *in[LAB_OPERANDS];
	struct gd_call call;
	snprintf(text, sizeof text, "%s %s %s", cases[row].op, cases[row].operands,
	         cases[row].params);
	s->text = text;
	lab_init(&s->lab, dtype);
	s->lab.g.max_nodes = 1000000;
	s->n_wrt = 0;
	int n_in = lab_operands(&s->lab, cases[row].operands, in);
	for (int i = 0; i < n_in; i++)
		if (in[i] && in[i]->dtype == dtype && !gd_is_const(in[i], &(double){0}))
			s->wrt[s->n_wrt++] = in[i];
	ck_assert_msg(lab_call_all(&s->lab, &call, gd_op_find(cases[row].op), cases[row].params,
	                           n_in, in),
	              "%s: %s", text, s->lab.error.detail);
	s->y = lab_join(&s->lab, call.n_out, call.out);
}

static void ok(const struct subject *s, bool done, const char *what)
{
	ck_assert_msg(done, "%s: %s: %s", s->text, what, s->lab.error.detail);
}

/* What a node holds after an evaluation of it alone. */
static double *values(struct subject *s, struct gd_node *n)
{
	ok(s, lab_eval(&s->lab, 1, &n), "evaluation");
	double *v = gd_alloc_array(&s->lab.arena, n->count, sizeof *v);
	ck_assert_ptr_nonnull(v);
	for (size_t i = 0; i < n->count; i++)
		v[i] = lab_at(n, i);
	return v;
}

static void same(const struct subject *s, const double *a, const double *b, size_t n,
                 const char *what)
{
	double size = 1, eps = s->lab.g.dtype == GD_FLOAT64 ? 1e-12 : 1e-4;
	for (size_t i = 0; i < n; i++)
		size = isfinite(b[i]) ? fmax(size, fabs(b[i])) : size;
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])) ||
		                      fabs(a[i] - b[i]) <= eps * size,
		              "%s: %s: element %zu of %zu is %.17g instead of %.17g", s->text, what,
		              i, n, a[i], b[i]);
}

/* gd_batch without any rule: every primitive is run K times. */
static bool batch_without_rules(struct subject *s, int n_from, struct gd_node *const *from,
                                struct gd_node *const *to, int n_y, struct gd_node *const *y,
                                struct gd_node **out)
{
	struct gd_graph *g = &s->lab.g;
	int n = g->n_nodes;
	unsigned char *marks = gd_batch_mark(g, n_from, from, n_y, y);
	struct gd_node **twin = gd_alloc_zero(&s->lab.arena, (size_t)n * sizeof *twin);
	ck_assert(marks && twin);
	for (int i = 0; i < n_from; i++)
		twin[from[i]->id] = to[i];
	for (int i = 0; i < n; i++) {
		struct gd_node *in[64], *x = g->nodes[i];
		if (!gd_batch_has_twin(marks[i]))
			continue;
		ck_assert_int_le(x->n_in, 64);
		for (int k = 0; k < x->n_in; k++)
			in[k] = twin[x->in[k]->id];
		twin[i] = gd_batch_map(g, x, in, K);
	}
	for (int i = 0; i < n_y; i++) {
		struct gd_node self = {.in = (struct gd_node *[]){y[i]}};
		out[i] = gd_batched(g, &self, 0, &twin[y[i]->id], K);
	}
	return !gd_failed(g);
}

/* K random tensors of x's shape, one behind the other, around what x holds. */
static struct gd_node *several(struct subject *s, const struct gd_node *x, int64_t k)
{
	int64_t shape[GD_MAX_RANK];
	int rank = gd_batch_shape(k, x->rank, x->shape, shape);
	struct gd_node *n = lab_random(&s->lab, rank, shape, -1, 1);
	for (size_t i = 0; gd_is_leaf(x) && i < n->count; i++)
		lab_set(n, i, lab_at(x, i % x->count) * (1 + 0x1p-12 * lab_at(n, i)));
	return n;
}

static void set_row(struct gd_node *x, const struct gd_node *all, size_t row)
{
	for (size_t i = 0; i < x->count; i++)
		lab_set(x, i, lab_at(all, row * x->count + i));
}

/* y for K values of the operands, one operand batched (which ≥ 0), or all. */
static void forward_agrees(struct subject *s, int which, bool without_rules)
{
	struct gd_node *from[LAB_OPERANDS], *to[LAB_OPERANDS], *all;
	int n = 0;
	for (int i = 0; i < s->n_wrt; i++)
		if (which < 0 || which == i) {
			from[n] = s->wrt[i];
			to[n++] = several(s, s->wrt[i], K);
		}
	ok(s,
	   without_rules ? batch_without_rules(s, n, from, to, 1, &s->y, &all)
	                 : gd_batch(&s->lab.g, K, n, from, to, 1, &s->y, &all),
	   "batch");
	ck_assert_int_eq(all->rank, s->y->rank + 1);
	ck_assert_int_eq((int)all->count, K * (int)s->y->count);
	double *batched = values(s, all);
	for (size_t r = 0; r < K; r++) {
		for (int i = 0; i < n; i++)
			set_row(from[i], to[i], r);
		same(s, batched + r * s->y->count, values(s, s->y), s->y->count, "forward");
	}
}

/* The vjp for K cotangents. */
static void vjp_agrees(struct subject *s, bool without_rules)
{
	struct gd_graph *g = &s->lab.g;
	struct gd_node *u = gd_dummy_seed(g, s->y), *grad[LAB_OPERANDS], *all[LAB_OPERANDS];
	struct gd_node *seeds = several(s, u, K);
	ok(s, gd_grad(g, s->y, u, s->n_wrt, s->wrt, grad, false), "gradient");
	ok(s,
	   without_rules ? batch_without_rules(s, 1, &u, &seeds, s->n_wrt, grad, all)
	                 : gd_batch(g, K, 1, &u, &seeds, s->n_wrt, grad, all),
	   "batch");
	for (size_t r = 0; r < K; r++) {
		struct gd_node *seed = lab_random(&s->lab, u->rank, u->shape, 0, 1),
		               *one[LAB_OPERANDS];
		set_row(seed, seeds, r);
		ok(s, gd_grad(g, s->y, seed, s->n_wrt, s->wrt, one, false), "gradient");
		for (int i = 0; i < s->n_wrt; i++) {
			ck_assert_int_eq((int)all[i]->count, K * (int)s->wrt[i]->count);
			same(s, values(s, all[i]) + r * s->wrt[i]->count, values(s, one[i]),
			     s->wrt[i]->count, "vjp");
		}
	}
}

/* A gradient for each row of y (its first axis, or each of its elements), together, is what the
 * rows of the identity give. */
static void samples_agree(struct subject *s, bool flat)
{
	struct gd_graph *g = &s->lab.g;
	int64_t n = flat ? (int64_t)s->y->count : s->y->rank ? s->y->shape[0] : 0, parts[2];
	struct gd_node *grad[LAB_OPERANDS], *all[LAB_OPERANDS], *one[LAB_OPERANDS];
	double elements;
	if (!s->y->count || !n)
		return;
	parts[0] = n;
	parts[1] = (int64_t)s->y->count / n;
	struct gd_node *u = gd_dummy_seed(g, &(struct gd_node){.rank = 1, .shape = {n}});
	struct gd_node *w = lab_random(&s->lab, 2, parts, -1, 1);
	struct gd_node *seed = gd_mul(g, w, gd_reshape(g, u, 2, (int64_t[]){n, 1}));
	seed = gd_reshape(g, seed, s->y->rank, s->y->shape);
	struct gd_node *unit = gd_unit_rows(g, n, 1, &n);
	ok(s, gd_grad(g, s->y, seed, s->n_wrt, s->wrt, grad, false), "gradient");
	ok(s, gd_sample_rows(g, u, s->n_wrt, grad, all, &elements), "samples");
	ok(s, gd_batch(g, n, 1, &u, &unit, s->n_wrt, grad, one), "batch");
	for (int i = 0; i < s->n_wrt; i++) {
		ck_assert(gd_same_shape(all[i], one[i]));
		same(s, values(s, all[i]), values(s, one[i]), all[i]->count, "samples");
	}
}

/* --- rows of Jacobians and Hessians ---------------------------------------------------------- */

static struct gd_node *result(struct subject *s, const struct gd_node *a, const struct gd_node *b)
{
	int64_t shape[2] = {(int64_t)a->count, (int64_t)b->count};
	return lab_random(&s->lab, 2, shape, 5, 6);
}

/* Runs the blocks; the results then stand in the targets. */
static void run_rows(struct subject *s, struct gd_rows *rows, int base)
{
	struct gd_rows_plan plan = {.first = rows, .last = &rows->next};
	const struct gd_rows *bad_rows;
	struct gd_sweep bad;
	ok(s, rows != NULL, "rows");
	ok(s, gd_rows_share(&plan, &s->lab.g, base), "rows");
	ok(s, lab_eval(&s->lab, plan.n_shared, plan.shared), "shared");
	ok(s, gd_rows_run(&plan, &s->lab.g, &bad, &bad_rows), "rows");
}

/* J[i] of shape (y, wrt[i]), by blocks of some rows, also the other way round. */
static void jacobian(struct subject *s, struct gd_node *y, size_t bytes, double **j)
{
	struct gd_graph *g = &s->lab.g;
	struct gd_node *u = gd_dummy_seed(g, y), *grad[LAB_OPERANDS];
	struct gd_rows_target targets[2 * LAB_OPERANDS];
	ok(s, gd_grad(g, y, u, s->n_wrt, s->wrt, grad, false), "gradient");
	for (int i = 0; i < s->n_wrt; i++) {
		targets[2 * i] = (struct gd_rows_target){grad[i], result(s, y, s->wrt[i]),
		                                         result(s, s->wrt[i], y), false};
		targets[2 * i + 1] =
		        (struct gd_rows_target){grad[i], result(s, s->wrt[i], y), NULL, true};
	}
	int base = g->n_nodes;
	run_rows(s, gd_rows_new(g, u, 2 * s->n_wrt, targets, bytes), base);
	for (int i = 0; i < s->n_wrt; i++) {
		size_t rows = y->count, columns = s->wrt[i]->count;
		j[i] = gd_alloc_array(&s->lab.arena, rows * columns, sizeof *j[i]);
		ck_assert_ptr_nonnull(j[i]);
		for (size_t r = 0; r < rows; r++)
			for (size_t c = 0; c < columns; c++) {
				double v = lab_at(targets[2 * i].to, r * columns + c);
				double t[2] = {lab_at(targets[2 * i].mirror, c * rows + r),
				               lab_at(targets[2 * i + 1].to, c * rows + r)};
				j[i][r * columns + c] = v;
				same(s, t, (double[]){v, v}, 2, "transposed");
			}
	}
}

/* Row r of the Jacobian is the vjp of the r-th unit vector. */
static void jacobian_agrees(struct subject *s, struct gd_node *y, double *const *j)
{
	struct gd_graph *g = &s->lab.g;
	struct gd_node *seed = lab_random(&s->lab, y->rank, y->shape, 0, 0), *one[LAB_OPERANDS];
	ok(s, gd_grad(g, y, seed, s->n_wrt, s->wrt, one, false), "gradient");
	for (size_t r = 0; r < y->count; r++) {
		lab_set(seed, r, 1);
		for (int i = 0; i < s->n_wrt; i++)
			same(s, j[i] + r * s->wrt[i]->count, values(s, one[i]), s->wrt[i]->count,
			     "Jacobian");
		lab_set(seed, r, 0);
	}
}

/* y(x + h·v), x coming back as it was. */
static double *displaced(struct subject *s, struct gd_node *y, struct gd_node *const *v, double h)
{
	double *kept[LAB_OPERANDS];
	for (int i = 0; i < s->n_wrt; i++) {
		struct gd_node *x = s->wrt[i];
		kept[i] = values(s, x);
		for (size_t k = 0; k < x->count; k++)
			lab_set(x, k, kept[i][k] + h * lab_at(v[i], k));
	}
	double *there = values(s, y);
	for (int i = 0; i < s->n_wrt; i++)
		for (size_t k = 0; k < s->wrt[i]->count; k++)
			lab_set(s->wrt[i], k, kept[i][k]);
	return there;
}

/* The jvp is the slope along v: central differences of fourth order. */
static void differences_agree(struct subject *s, struct gd_node *y, struct gd_node *const *v,
                              const double *jvp)
{
	const double h = 1e-4;
	const double *a = displaced(s, y, v, h), *b = displaced(s, y, v, -h);
	const double *c = displaced(s, y, v, 2 * h), *d = displaced(s, y, v, -2 * h);
	for (size_t i = 0; i < y->count; i++) {
		double slope = (8 * (a[i] - b[i]) - (c[i] - d[i])) / (12 * h);
		ck_assert_msg(fabs(slope - jvp[i]) <= 1e-7 * fmax(1, fabs(jvp[i])),
		              "%s: jvp: element %zu is %.12g, but differences say %.12g", s->text,
		              i, jvp[i], slope);
	}
}

/* A random direction, symmetric for what is read as symmetric. */
static struct gd_node *direction(struct subject *s, const struct gd_node *x)
{
	struct gd_node *v = lab_random(&s->lab, x->rank, x->shape, -1, 1);
	if (!lab_is_symmetric(&s->lab, x))
		return v;
	double *elements = values(s, v);
	lab_make_symmetric(x, elements);
	for (size_t i = 0; i < v->count; i++)
		lab_set(v, i, elements[i]);
	return v;
}

/* J·v = Σ J[i]·v[i] */
static void jvp_agrees(struct subject *s, struct gd_node *y, double *const *j)
{
	struct gd_node *v[LAB_OPERANDS];
	double *expected = gd_alloc_zero(&s->lab.arena, y->count * sizeof *expected);
	ck_assert_ptr_nonnull(expected);
	for (int i = 0; i < s->n_wrt; i++) {
		v[i] = direction(s, s->wrt[i]);
		for (size_t r = 0; r < y->count; r++)
			for (size_t c = 0; c < v[i]->count; c++)
				expected[r] += j[i][r * v[i]->count + c] * lab_at(v[i], c);
	}
	struct gd_node *tangent = gd_jvp(&s->lab.g, y, s->n_wrt, s->wrt, v, false);
	ok(s, tangent != NULL, "jvp");
	ck_assert(gd_same_shape(tangent, y));
	same(s, values(s, tangent), expected, y->count, "jvp");
	if (s->lab.g.dtype == GD_FLOAT64)
		differences_agree(s, y, v, expected);
}

static double one_byte_blocks(const struct gd_node *y)
{
	return y->count > 40 ? 1 << 14 : 1;
}

START_TEST(the_catalogue)
{
	const char *op = gd_ops(&(size_t){0})[_i]->name;
	int seen = 0;
	for (int row = 0; row < N_CASES; row++) {
		struct subject s;
		double *j[LAB_OPERANDS];
		if (strcmp(cases[row].op, op) != 0 || (getenv("GD_QUICK") && seen++ > 0))
			continue;
		for (enum gd_dtype dtype = GD_FLOAT64; dtype <= GD_FLOAT32; dtype++) {
			build(&s, row, dtype);
			if (s.y && s.n_wrt) {
				vjp_agrees(&s, false);
				samples_agree(&s, false);
				samples_agree(&s, true);
				jacobian(&s, s.y, (size_t)one_byte_blocks(s.y), j);
				jacobian_agrees(&s, s.y, j);
				jacobian(&s, s.y, 1 << 20, j);
				jacobian_agrees(&s, s.y, j);
				jvp_agrees(&s, s.y, j);
				vjp_agrees(&s, true);
				for (int i = -1; i < s.n_wrt; i++) {
					forward_agrees(&s, i, false);
					forward_agrees(&s, i, true);
				}
			}
			lab_release(&s.lab);
		}
	}
}
END_TEST

/* Hessians of ⟨w, y⟩: rows against second vjps, hvp against rows, and symmetry. */
START_TEST(second_derivatives_of_the_catalogue)
{
	const char *op = gd_ops(&(size_t){0})[_i]->name;
	int seen = 0;
	for (int row = 0; row < N_CASES; row++) {
		struct subject s;
		double *h[LAB_OPERANDS][LAB_OPERANDS];
		struct gd_node *grad[LAB_OPERANDS], *w, *v[LAB_OPERANDS], *hv[LAB_OPERANDS];
		if (strcmp(cases[row].op, op) != 0 || (getenv("GD_QUICK") && seen++ > 0))
			continue;
		build(&s, row, GD_FLOAT64);
		struct gd_graph *g = &s.lab.g;
		if (!s.y || !s.n_wrt) {
			lab_release(&s.lab);
			continue;
		}
		w = lab_random(&s.lab, s.y->rank, s.y->shape, 0.5, 2);
		ok(&s, gd_grad(g, s.y, w, s.n_wrt, s.wrt, grad, false), "gradient");
		for (int a = 0; a < s.n_wrt; a++) {
			jacobian(&s, grad[a], (size_t)one_byte_blocks(grad[a]), h[a]);
			jacobian_agrees(&s, grad[a], h[a]);
			v[a] = lab_random(&s.lab, s.wrt[a]->rank, s.wrt[a]->shape, -1, 1);
		}
		ok(&s, gd_grad_all(g, s.n_wrt, grad, v, s.n_wrt, s.wrt, hv, false), "hvp");
		for (int a = 0; a < s.n_wrt; a++) {
			size_t n = s.wrt[a]->count;
			double *expected = gd_alloc_zero(&s.lab.arena, n * sizeof *expected);
			ck_assert_ptr_nonnull(expected);
			for (int b = 0; b < s.n_wrt; b++)
				for (size_t i = 0; i < n; i++)
					for (size_t k = 0; k < v[b]->count; k++) {
						double up = h[a][b][i * v[b]->count + k];
						double down = h[b][a][k * n + i];
						expected[i] += up * lab_at(v[b], k);
						ck_assert_msg(fabs(up - down) <=
						                      1e-9 * fmax(1, fabs(up)),
						              "%s: not symmetric: %.17g, %.17g",
						              s.text, up, down);
					}
			same(&s, values(&s, hv[a]), expected, n, "hvp");
		}
		lab_release(&s.lab);
	}
}
END_TEST

/* What is linear in the seed as a whole need not be so at each step: rows are then taken apart. */
START_TEST(steps_that_are_not_linear)
{
	struct subject s = {.text = "steps"};
	lab_init(&s.lab, GD_FLOAT64);
	struct gd_graph *g = &s.lab.g;
	const int64_t n = 3;
	struct gd_node *u = gd_dummy_seed(g, &(struct gd_node){.rank = 1, .shape = {n}});
	struct gd_node *c = LAB(&s.lab, 1, (3), 2, 3, 5), *four = gd_const(g, 4);
	struct gd_node *mask = gd_gt(g, c, gd_const(g, 2.5)), *y[3], *one[3], *all[3];
	struct gd_node *more = gd_add(g, u, c);
	double elements;
	y[0] = gd_sub(g, more, c);
	y[1] = gd_sub(g, gd_mul(g, more, more), gd_add(g, gd_square(g, u), gd_square(g, c)));
	y[2] = gd_sub(g, gd_where(g, mask, u, four), gd_where(g, mask, gd_const(g, 0), four));
	struct gd_node *unit = gd_unit_rows(g, n, 1, &n);
	ok(&s, gd_sample_rows(g, u, 3, y, all, &elements), "samples");
	ok(&s, gd_batch(g, n, 1, &u, &unit, 3, y, one), "batch");
	for (int i = 0; i < 3; i++)
		same(&s, values(&s, all[i]), values(&s, one[i]), 9, "samples");
	LAB_IS(&s.lab, all[2], 0, 0, 0, 0, 0, 1, 0, 0, 0, 1);
	lab_release(&s.lab);
}
END_TEST

/* Rows of the identity times a matrix, both stored as they are or transposed. */
START_TEST(unit_products)
{
	for (int k = 0; k < 8; k++) {
		struct subject s = {.text = "unit product"};
		lab_init(&s.lab, k & 4 ? GD_FLOAT32 : GD_FLOAT64);
		struct gd_graph *g = &s.lab.g;
		bool fa = k & 1, fb = k & 2;
		struct gd_node *u = gd_dummy_seed(g, &(struct gd_node){.rank = 2, .shape = {4, 6}});
		struct gd_node *b = lab_random(&s.lab, 2,
		                               (int64_t[]){fb   ? 3
		                                           : fa ? 4
		                                                : 6,
		                                           fb ? fa ? 4 : 6 : 3},
		                               -1, 1);
		struct gd_node *y = gd_matmul(g, fa ? gd_swap_axes(g, u, 0, 1) : u,
		                              fb ? gd_swap_axes(g, b, 0, 1) : b);
		struct gd_node *unit = gd_unit_rows(g, 10, 2, (int64_t[]){4, 6}), *chosen, *dense;
		ck_assert_ptr_nonnull(y);
		gd_unit_rows_at(unit, 7);
		struct gd_node *copy = gd_add(g, unit, gd_const(g, 0)); /* not known to be units */
		ok(&s, gd_batch(g, 10, 1, &u, &unit, 1, &y, &chosen), "batch");
		ok(&s, gd_batch(g, 10, 1, &u, &copy, 1, &y, &dense), "batch");
		same(&s, values(&s, chosen), values(&s, dense), chosen->count, "product");
		lab_release(&s.lab);
	}
}
END_TEST

/* A rank that leaves no room for the new axis. */
START_TEST(too_many_axes)
{
	struct subject s;
	int64_t shape[GD_MAX_RANK];
	lab_init(&s.lab, GD_FLOAT64);
	for (int i = 0; i < GD_MAX_RANK; i++)
		shape[i] = 1;
	struct gd_node *x = LAB(&s.lab, 0, (0), 3), *y, *all, *to = LAB(&s.lab, 1, (2), 3, 4);
	y = gd_exp(&s.lab.g, gd_reshape(&s.lab.g, x, GD_MAX_RANK, shape));
	ck_assert(!gd_batch(&s.lab.g, 2, 1, &x, &to, 1, &y, &all));
	ck_assert_int_eq(s.lab.error.code, GD_ERR_limit_exceeded);
	lab_release(&s.lab);
}
END_TEST

static Suite *suite(void)
{
	size_t n;
	Suite *s = suite_create("core/batch");
	TCase *t = tcase_create("batch");
	gd_ops(&n);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, the_catalogue, 0, (int)n);
	tcase_add_loop_test(t, second_derivatives_of_the_catalogue, 0, (int)n);
	tcase_add_test(t, steps_that_are_not_linear);
	tcase_add_test(t, unit_products);
	tcase_add_test(t, too_many_axes);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
