#include "core/op.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"

/* --- the table ---------------------------------------------------------------------------- */

/* Shapes in words: (*) is any shape, (…) any leading axes. */
#define BROADCAST "(*), (*) → (*), broadcast"
#define SAME      "(*) → (*)"
#define REDUCED   "(*) → (*) without dim, or with size 1 there"
#define LOSS      "(*), (*) → (), or (*) without reduction"
#define CLASSES   "(C), () or (N, C, …), (N, …) → (), or the target's shape without reduction"

#define GD_OP(fn, text, ...)   {text, fn, __VA_ARGS__, false, .name = NULL},
#define GD_LOSS(fn, text, ...) {text, fn, __VA_ARGS__, true, .name = NULL},
#define GD_UNARY(fn, f, c, d, words, lo, hi, kink, kink_words)                                     \
	{#fn "(input)", build_##fn,        SAME,                                                   \
	 "y = " f,      "dinput = " words, kink_words ? kink_words : "",                           \
	 false,         .name = NULL},
#define GD_INNER(...)
#define GD_BINARY(...)
#define GD_COMPARE(fn, f, c)                                                                       \
	{#fn "(input, other)",                                                                     \
	 build_##fn,                                                                               \
	 BROADCAST,                                                                                \
	 "y = " f " (a = input, b = other), a mask",                                               \
	 "0",                                                                                      \
	 "",                                                                                       \
	 false,                                                                                    \
	 .name = NULL},
static struct gd_op table[] = {
#include "core/ops.def"
#include "core/ops/elementwise.def"
};

enum { N_OPS = sizeof table / sizeof *table };
static const struct gd_op *sorted[N_OPS];

/* --- lookup ------------------------------------------------------------------------------- */

static struct gd_precision precision_of(const char *name)
{
	static const struct gd_precision rows[] = {
#define GD_PRECISION(...) {__VA_ARGS__},
#include "core/precision.def"
	};
	int i = 0;
	while (rows[i].op && strcmp(rows[i].op, name) != 0)
		i++;
	return rows[i];
}

static int by_name(const void *a, const void *b)
{
	const struct gd_op *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

static void prepare(void)
{
	for (int i = 0; i < N_OPS; i++) {
		gd_signature_read(&table[i]);
		table[i].precision = precision_of(table[i].name);
		sorted[i] = &table[i];
	}
	qsort(sorted, N_OPS, sizeof *sorted, by_name);
}

const struct gd_op *const *gd_ops(size_t *count)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, prepare);
	*count = N_OPS;
	return sorted;
}

const struct gd_op *gd_op_find(const char *name)
{
	size_t n;
	const struct gd_op key = {.name = name}, *p = &key;
	const struct gd_op *const *all = gd_ops(&n);
	const struct gd_op *const *hit = bsearch(&p, all, n, sizeof *all, by_name);
	return hit ? *hit : NULL;
}

/* --- calls -------------------------------------------------------------------------------- */

void gd_call_init(struct gd_call *c, struct gd_graph *g, const struct gd_op *op)
{
	c->g = g;
	c->op = op;
	c->in = NULL;
	c->n_in = c->n_out = 0;
	c->indices = 0;
	c->out = c->out_in_place;
	c->bad_operand = -1;
	c->bad_element = false;
	for (int i = 0; i < op->n_params; i++)
		c->params[i] = op->params[i].fallback;
}

static const struct gd_operand_spec *spec_of(const struct gd_op *op, int i)
{
	int last = op->n_operands - 1;
	return &op->operands[i < last ? i : last];
}

bool gd_call_build(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	int before = g->n_nodes;
	g->op = c->op->name;
	for (int i = 0; i < c->n_in && !gd_failed(g); i++) {
		const struct gd_operand_spec *spec = spec_of(c->op, i);
		if (!c->in[i]) {
			if (!spec->optional) {
				gd_graph_fail(g, GD_ERR_missing_field, "needs its operand %s",
				              spec->name);
				c->bad_operand = i;
			}
		} else if (spec->kind == GD_OPERAND_FLOAT) {
			/* Messages go on calling it what the client calls it. */
			const char *name = c->in[i]->name;
			if (c->in[i]->dtype != g->dtype)
				c->indices |= i < 32 ? 1u << i : 0;
			c->in[i] = gd_cast(g, c->in[i], g->dtype);
			if (c->in[i] && !c->in[i]->name)
				c->in[i]->name = name;
		} else if (spec->kind == GD_OPERAND_BOOL) {
			c->in[i] = gd_as_bool(c, i);
		}
	}
	if (gd_failed(g) || !c->op->build(c) || gd_failed(g))
		return false;
	/* A result that is an operand, as of a reshape to the same shape, is a variable of its own:
	 * the gradient for the one is not that for the other. */
	for (int i = 0; i < c->n_out && !gd_failed(g); i++) {
		if (c->out[i]->id < before)
			c->out[i] = gd_alias(g, c->out[i]);
		if (c->out[i] && c->out[i]->rank > GD_USER_RANK)
			gd_graph_fail(g, GD_ERR_limit_exceeded, "a tensor has at most %d axes",
			              GD_USER_RANK);
	}
	return !gd_failed(g);
}

bool gd_give(struct gd_call *c, struct gd_node *y)
{
	c->out[0] = y;
	c->n_out = 1;
	return y != NULL;
}

bool gd_give_all(struct gd_call *c, int n, struct gd_node *const *y)
{
	if (n > 2)
		c->out = gd_alloc_array(c->g->arena, (size_t)n, sizeof *c->out);
	if (!c->out)
		return gd_arena_fail(c->g->arena, c->g->error);
	c->n_out = n;
	for (int i = 0; i < n; i++) {
		c->out[i] = y[i];
		if (!y[i])
			return false;
	}
	return true;
}

/* --- parameters --------------------------------------------------------------------------- */

static int param_index(const struct gd_call *c, const char *name)
{
	int i = 0;
	while (strcmp(c->op->params[i].name, name) != 0)
		i++;
	return i;
}

const struct gd_value *gd_param(const struct gd_call *c, const char *name)
{
	return &c->params[param_index(c, name)];
}

int64_t gd_int(const struct gd_call *c, const char *name)
{
	return gd_param(c, name)->i;
}

double gd_float(const struct gd_call *c, const char *name)
{
	return gd_param(c, name)->f;
}

bool gd_flag(const struct gd_call *c, const char *name)
{
	return gd_param(c, name)->flag;
}

bool gd_chosen(const struct gd_call *c, const char *name, const char *word)
{
	const char *chosen = gd_param(c, name)->word;
	return chosen && strcmp(chosen, word) == 0;
}

bool gd_param_fail(struct gd_call *c, const char *name, const char *format, ...)
{
	char detail[sizeof c->g->error->detail];
	va_list args;
	va_start(args, format);
	vsnprintf(detail, sizeof detail, format, args);
	va_end(args);
	if (!gd_failed(c->g)) {
		gd_graph_fail(c->g, GD_ERR_invalid_parameter, "%s %s", name, detail);
		gd_error_pointer(c->g->error, "%s/%s", c->g->origin, name);
	}
	return false;
}

bool gd_few_enough(struct gd_call *c, const char *name)
{
	int n = gd_param(c, name)->n;
	return n <= GD_USER_RANK ||
	       gd_param_fail(c, name,
	                     "takes at most %d numbers, as a tensor has at most as many axes",
	                     GD_USER_RANK);
}

bool gd_axis_of(struct gd_call *c, const char *name, const struct gd_node *x, int64_t value,
                int *axis)
{
	int rank = x->rank ? x->rank : 1;
	if (value < -rank || value >= rank)
		return gd_param_fail(c, name, "is %lld, but %s has %d ax%s: it takes %d to %d",
		                     (long long)value, gd_label(x, "the input"), x->rank,
		                     x->rank == 1 ? "is" : "es", -rank, rank - 1);
	*axis = (int)(value < 0 ? value + rank : value);
	return true;
}

bool gd_axis(struct gd_call *c, const char *name, const struct gd_node *x, int *axis)
{
	return gd_axis_of(c, name, x, gd_int(c, name), axis);
}

bool gd_axes(struct gd_call *c, const char *name, const struct gd_node *x, unsigned *axes)
{
	const struct gd_value *v = gd_param(c, name);
	*axes = 0;
	if (v->null || v->n == 0)
		*axes = (1u << x->rank) - 1;
	for (int i = 0; i < v->n; i++) {
		int axis = 0;
		if (!gd_axis_of(c, name, x, v->ints[i], &axis))
			return false;
		if (*axes >> axis & 1)
			return gd_param_fail(c, name, "names axis %d twice", axis);
		*axes |= 1u << axis;
	}
	return true;
}

/* --- operands that are not floating ------------------------------------------------------- */

/* Element i of a known tensor as an integer; false when it is none. */
static bool integer_at(const struct gd_node *x, size_t i, int64_t *value, double *as_double)
{
	if (x->dtype == GD_INT64 || x->dtype == GD_BOOL) {
		*value = x->dtype == GD_BOOL ? ((uint8_t *)x->data)[i] : ((int64_t *)x->data)[i];
		*as_double = (double)*value;
		return true;
	}
	double v = x->dtype == GD_FLOAT64 ? ((double *)x->data)[i] : (double)((float *)x->data)[i];
	*as_double = v;
	if (!(v >= -0x1p53 && v <= 0x1p53) || v != (double)(int64_t)v)
		return false;
	*value = (int64_t)v;
	return true;
}

struct gd_node *gd_as_index(struct gd_call *c, int i, int64_t low, int64_t high,
                            const int64_t *ignored)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[i];
	const char *role = spec_of(c->op, i)->name;
	if (!gd_is_leaf(x))
		return gd_graph_fail(
		        g, GD_ERR_wrong_type,
		        "%s needs integers out of the request's tensors, not a computed "
		        "tensor",
		        role);
	g->looked_at_data = true;
	struct gd_tensor t = gd_node_tensor(x);
	t.dtype = GD_INT64;
	t.data = gd_data_alloc(g->arena, t.count * sizeof(int64_t));
	if (!t.data) {
		gd_arena_fail(g->arena, g->error);
		return NULL;
	}
	c->bad_operand = i;
	c->bad_element = true;
	for (size_t k = 0; k < t.count; k++) {
		int64_t v;
		double d;
		c->bad_index = k;
		if (!integer_at(x, k, &v, &d))
			return gd_graph_fail(g, GD_ERR_wrong_type,
			                     "%s needs integers, but element %zu of %s is %g", role,
			                     k, gd_label(x, role), d);
		if ((v < low || v > high) && !(ignored && v == *ignored))
			return gd_graph_fail(g, GD_ERR_number_out_of_range,
			                     "%s takes %lld to %lld, but element %zu of %s is %lld",
			                     role, (long long)low, (long long)high, k,
			                     gd_label(x, role), (long long)v);
		((int64_t *)t.data)[k] = v;
	}
	c->bad_operand = -1;
	c->bad_element = false;
	c->indices |= i < 32 ? 1u << i : 0;
	return gd_leaf(g, &t, x->name);
}

struct gd_node *gd_as_bool(struct gd_call *c, int i)
{
	if (c->in[i]->dtype == GD_BOOL)
		return c->in[i];
	c->indices |= i < 32 ? 1u << i : 0;
	return gd_cast(c->g, c->in[i], GD_BOOL);
}
