#include "tests/core/lab.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"

void lab_init(struct lab *l, enum gd_dtype dtype)
{
	gd_arena_init(&l->arena, (size_t)1 << 30);
	gd_error_clear(&l->error);
	gd_graph_init(&l->g, &l->arena, &l->error, dtype, 100000);
	l->random = 1;
	l->n_symmetric = 0;
}

void lab_release(struct lab *l)
{
	gd_arena_release(&l->arena);
}

/* splitmix64. Source: Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

double lab_uniform(struct lab *l, double lo, double hi)
{
	double u = (double)(next_random(&l->random) >> 11) * 0x1p-53;
	return (double)(float)(lo + (hi - lo) * u);
}

static struct gd_node *leaf_of(struct lab *l, enum gd_dtype dtype, int rank, const int64_t *shape)
{
	struct gd_tensor t = {.dtype = dtype, .rank = rank};
	for (int i = 0; i < rank; i++)
		t.shape[i] = shape[i];
	ck_assert(gd_shape_count(rank, t.shape, &t.count));
	t.data = gd_data_alloc(&l->arena, t.count * gd_dtype_size(dtype));
	ck_assert_ptr_nonnull(t.data);
	return gd_leaf(&l->g, &t, NULL);
}

struct gd_node *lab_leaf(struct lab *l, int rank, const int64_t *shape, const double *values)
{
	struct gd_node *n = leaf_of(l, l->g.dtype, rank, shape);
	for (size_t i = 0; n && i < n->count; i++)
		lab_set(n, i, values[i]);
	return n;
}

static struct gd_node *fill(struct lab *l, struct gd_node *n, double lo, double hi)
{
	for (size_t i = 0; n && i < n->count; i++) {
		if (n->dtype == GD_INT64)
			lab_set(n, i, floor(lab_uniform(l, lo, hi + 0.999)));
		else if (n->dtype == GD_BOOL)
			lab_set(n, i, next_random(&l->random) >> 40 & 1);
		else
			lab_set(n, i, lab_uniform(l, lo, hi));
	}
	return n;
}

struct gd_node *lab_random(struct lab *l, int rank, const int64_t *shape, double lo, double hi)
{
	return fill(l, leaf_of(l, l->g.dtype, rank, shape), lo, hi);
}

double lab_at(const struct gd_node *n, size_t i)
{
	switch (n->dtype) {
	case GD_FLOAT64: return ((const double *)n->data)[i];
	case GD_FLOAT32: return (double)((const float *)n->data)[i];
	case GD_INT64: return (double)((const int64_t *)n->data)[i];
	default: return ((const uint8_t *)n->data)[i];
	}
}

void lab_set(struct gd_node *n, size_t i, double value)
{
	switch (n->dtype) {
	case GD_FLOAT64: ((double *)n->data)[i] = value; break;
	case GD_FLOAT32: ((float *)n->data)[i] = (float)value; break;
	case GD_INT64: ((int64_t *)n->data)[i] = (int64_t)value; break;
	default: ((uint8_t *)n->data)[i] = value != 0; break;
	}
}

bool lab_eval(struct lab *l, int n, struct gd_node *const *outputs)
{
	struct gd_sweep run = {.graph = &l->g};
	return gd_eval(&run, n, outputs);
}

void lab_is(struct lab *l, struct gd_node *n, double rtol, size_t count, const double *values,
            const char *file, int line)
{
	if (!n || !lab_eval(l, 1, &n))
		ck_abort_msg("%s:%d: %s", file, line, l->error.detail);
	if (n->count != count)
		ck_abort_msg("%s:%d: %zu elements instead of %zu", file, line, n->count, count);
	for (size_t i = 0; i < count; i++) {
		double a = lab_at(n, i), b = values[i];
		bool same = a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= rtol * fabs(b);
		if (!same)
			ck_abort_msg("%s:%d: element %zu is %.17g instead of %.17g", file, line, i,
			             a, b);
	}
}

/* --- operands -------------------------------------------------------------------------------- */

bool lab_is_symmetric(const struct lab *l, const struct gd_node *n)
{
	for (int i = 0; i < l->n_symmetric; i++)
		if (l->symmetric[i] == n)
			return true;
	return false;
}

void lab_make_symmetric(const struct gd_node *n, double *v)
{
	size_t m = (size_t)n->shape[n->rank - 1];
	for (size_t at = 0; at < n->count; at += m * m)
		for (size_t i = 0; i < m; i++)
			for (size_t j = 0; j < i; j++) {
				double *a = v + at + i * m + j, *b = v + at + j * m + i;
				*a = *b = (*a + *b) / 2;
			}
}

/* Adds `more` where the last two indices are equal. */
static void raise_diagonal(struct gd_node *n, double more)
{
	size_t rows = (size_t)n->shape[n->rank - 2], columns = (size_t)n->shape[n->rank - 1];
	for (size_t i = 0; i < n->count; i++)
		if (i / columns % rows == i % columns)
			lab_set(n, i, lab_at(n, i) + more);
}

static void make_positive(struct lab *l, struct gd_node *n)
{
	double v[1024];
	for (size_t i = 0; i < n->count; i++)
		v[i] = lab_at(n, i);
	lab_make_symmetric(n, v);
	for (size_t i = 0; i < n->count; i++)
		lab_set(n, i, v[i]);
	l->symmetric[l->n_symmetric++] = n;
	raise_diagonal(n, 2.0 * (double)n->shape[n->rank - 1]);
}

static struct gd_node *one_operand(struct lab *l, const char *at)
{
	if (*at == '-')
		return NULL;
	if (*at == '=')
		return gd_const(&l->g, strtod(at + 1, NULL));
	enum gd_dtype dtype = *at == 'i' ? GD_INT64 : *at == 'b' ? GD_BOOL : l->g.dtype;
	int64_t shape[GD_MAX_RANK];
	int rank = 0;
	double lo = -2, hi = 2;
	const char *p = strchr(at, '(') + 1;
	while (*p != ')') {
		shape[rank++] = strtoll(p, (char **)&p, 10);
		p += *p == ',';
	}
	if (p[1] == '[') {
		lo = strtod(p + 2, (char **)&p);
		hi = strtod(p + 1, NULL);
	}
	struct gd_node *n = fill(l, leaf_of(l, dtype, rank, shape), lo, hi);
	if (*at == 'r')
		raise_diagonal(n, 3);
	else if (*at == 's')
		make_positive(l, n);
	return n;
}

int lab_operands(struct lab *l, const char *text, struct gd_node *in[LAB_OPERANDS])
{
	int n = 0;
	for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
		in[n++] = one_operand(l, p);
		p += strcspn(p, " ");
	}
	return n;
}

/* --- parameters ------------------------------------------------------------------------------ */

/* "3"  "1,2"  "[1,2]"  "[]"  "[[0,1],[1,0]]", of integers or not. */
static bool read_list(struct gd_call *c, struct gd_value *v, const char *text)
{
	size_t room = strlen(text) + 1;
	int64_t *ints = gd_alloc_array(c->g->arena, room, sizeof *ints);
	double *floats = gd_alloc_array(c->g->arena, room, sizeof *floats);
	if (!ints || !floats)
		return false;
	v->list = strpbrk(text, ",[") != NULL;
	v->ints = ints;
	v->floats = floats;
	for (const char *p = text; *p;) {
		char *end;
		if (strncmp(p, "null", 4) == 0) {
			ints[v->n++] = GD_NULL_INT;
			p += 4;
			continue;
		}
		double number = strtod(p, &end);
		if (end == p) {
			if (*p == ']' && !v->first)
				v->first = v->n;
			p++;
			continue;
		}
		/* Beyond what a double holds exactly, as an integer's text. */
		bool exact = number >= -0x1p53 && number <= 0x1p53;
		ints[v->n] = exact ? (int64_t)number : strtoll(p, NULL, 10);
		floats[v->n++] = number;
		p = end;
	}
	return true;
}

static bool read_value(struct gd_call *c, const struct gd_param_spec *spec, struct gd_value *v,
                       const char *text)
{
	*v = (struct gd_value){.null = strcmp(text, "null") == 0};
	for (int i = 0; spec->choices[i]; i++)
		if (strcmp(text, spec->choices[i]) == 0)
			v->word = spec->choices[i];
	if (v->null || v->word)
		return true;
	v->flag = strcmp(text, "true") == 0;
	v->i = strtoll(text, NULL, 10);
	v->f = strtod(text, NULL);
	if (spec->type == GD_PARAM_STR) {
		char *copy = gd_alloc_array(c->g->arena, strlen(text) + 1, 1);
		if (!copy)
			return false;
		v->text = strcpy(copy, text);
	}
	return read_list(c, v, text);
}

bool lab_params(struct gd_call *c, const char *text)
{
	char copy[512], *rest = NULL;
	snprintf(copy, sizeof copy, "%s", text);
	for (char *p = strtok_r(copy, " ", &rest); p; p = strtok_r(NULL, " ", &rest)) {
		char *value = strchr(p, '=');
		*value++ = '\0';
		int i = 0;
		while (i < c->op->n_params && strcmp(c->op->params[i].name, p) != 0)
			i++;
		if (i == c->op->n_params)
			return false;
		if (!read_value(c, &c->op->params[i], &c->params[i], value))
			return false;
	}
	return true;
}

/* --- calls ----------------------------------------------------------------------------------- */

struct gd_node *lab_call_with(struct lab *l, const struct gd_op *op, const char *params, int n_in,
                              struct gd_node *const *in)
{
	struct gd_call c;
	struct gd_node *operands[LAB_OPERANDS];
	memcpy(operands, in, (size_t)n_in * sizeof *in);
	return lab_call_all(l, &c, op, params, n_in, operands) ? c.out[0] : NULL;
}

bool lab_call_all(struct lab *l, struct gd_call *c, const struct gd_op *op, const char *params,
                  int n_in, struct gd_node **in)
{
	gd_call_init(c, &l->g, op);
	c->in = in;
	c->n_in = n_in;
	if (!lab_params(c, params))
		ck_abort_msg("%s has no such parameters: %s", op->name, params);
	return gd_call_build(c);
}

struct gd_node *lab_join(struct lab *l, int n, struct gd_node *const *out)
{
	struct gd_node *flat[LAB_OPERANDS], *only = NULL;
	int n_flat = 0;
	for (int i = 0; i < n; i++)
		if (out[i]->dtype == l->g.dtype) {
			only = out[i];
			flat[n_flat++] =
			        gd_reshape(&l->g, only, 1, (int64_t[]){(int64_t)only->count});
		}
	return n_flat > 1 ? gd_cat(&l->g, n_flat, flat, 0) : only;
}

struct gd_node *lab_call(struct lab *l, const char *op, const char *params, int n_in, ...)
{
	struct gd_node *in[LAB_OPERANDS];
	const struct gd_op *found = gd_op_find(op);
	va_list args;
	va_start(args, n_in);
	for (int i = 0; i < n_in; i++)
		in[i] = va_arg(args, struct gd_node *);
	va_end(args);
	if (!found)
		ck_abort_msg("no operation %s", op);
	return lab_call_with(l, found, params, n_in, in);
}

bool lab_grad(struct lab *l, struct gd_node *y, struct gd_node *seed, int n,
              struct gd_node *const *wrt, struct gd_node **grads)
{
	return gd_grad(&l->g, y, seed, n, wrt, grads, true);
}
