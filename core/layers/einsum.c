/* einsum: y = Σ Π operands over the labels that the output lacks.
 *
 * Operands are contracted from left to right, each pair as one (batched) matrix product: with
 * labels that stay as batch b, rows i of the one, columns j of the other and the summed k,
 * (b, i, k) · (b, k, j) = (b, i, j). */
#include <ctype.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"

/* Letters are labels 0 to 51, upper case first; the axes of "..." 52 and up, from the right. */
enum { LETTERS = 52, LABELS = LETTERS + GD_USER_RANK, LONGEST = 4096 };

/* A tensor whose axis i is called label[i]. */
struct term {
	struct gd_node *x;
	int label[GD_MAX_RANK];
};

struct einsum {
	struct gd_call *c;
	const char *at; /* of the equation, what is still to be read */
	struct term *term;
	int64_t size[LABELS]; /* 0 until seen, -1 for an empty axis */
	int ellipsis;         /* most axes that "..." stands for */
	int out[LABELS], n_out;
};

static int label_of(char letter)
{
	return isupper((unsigned char)letter) ? letter - 'A' : letter - 'a' + 26;
}

static char letter_of(int label)
{
	return (char)(label >= LETTERS ? '.' : label < 26 ? 'A' + label : 'a' + label - 26);
}

static void skip_spaces(struct einsum *e)
{
	while (*e->at == ' ')
		e->at++;
}

/* Reads one operand's labels into label[], -1 for the place of "..."; how many, or -1. */
static int read_labels(struct einsum *e, int *label, int room, bool *dots)
{
	int n = 0;
	*dots = false;
	for (skip_spaces(e); *e->at && *e->at != ',' && *e->at != '-'; skip_spaces(e)) {
		bool letter = isalpha((unsigned char)*e->at) && (unsigned char)*e->at < 128;
		if (n == room)
			return room + 1;
		if (letter) {
			label[n++] = label_of(*e->at++);
		} else if (strncmp(e->at, "...", 3) == 0 && !*dots) {
			*dots = true;
			label[n++] = -1;
			e->at += 3;
		} else {
			gd_param_fail(e->c, "equation",
			              "takes letters, one \"...\" an operand, \",\" and \"->\", "
			              "but goes on with \"%.8s\"",
			              e->at);
			return -1;
		}
	}
	return n;
}

/* The labels of x's axes, "..." spread over those that no letter names. */
static bool spread(struct einsum *e, int k, const int *read, int n, bool dots)
{
	struct term *t = &e->term[k];
	char text[GD_SHAPE_TEXT];
	int named = n - dots, rest = t->x->rank - named, axis = 0;
	if (rest < 0 || (rest > 0 && !dots))
		return gd_param_fail(e->c, "equation",
		                     "names %d ax%s of operand %d, %s %s, which has %d", named,
		                     named == 1 ? "is" : "es", k, gd_label(t->x, "of shape"),
		                     gd_shape_text(t->x->rank, t->x->shape, text), t->x->rank);
	for (int i = 0; i < n; i++) {
		if (read[i] >= 0)
			t->label[axis++] = read[i];
		for (int d = rest - 1; read[i] < 0 && d >= 0; d--)
			t->label[axis++] = LETTERS + d;
	}
	if (dots && rest > e->ellipsis)
		e->ellipsis = rest;
	return true;
}

/* Axes of one label have one size, or 1. */
static bool measure(struct einsum *e, int operand)
{
	struct term *t = &e->term[operand];
	for (int i = 0; i < t->x->rank; i++) {
		int64_t *size = &e->size[t->label[i]], here = t->x->shape[i];
		for (int k = 0; k < i; k++)
			if (t->label[k] == t->label[i] && t->x->shape[k] != here)
				return gd_param_fail(
				        e->c, "equation",
				        "repeats the label %c of operand %d, whose two "
				        "axes are %lld and %lld long",
				        letter_of(t->label[i]), operand, (long long)t->x->shape[k],
				        (long long)here);
		if (*size < 0 || *size == 1 || *size == here)
			*size = here;
		else if (here != 1) {
			gd_graph_fail(e->c->g, GD_ERR_shape_mismatch,
			              "the label %c is %lld long before, but %lld in operand %d",
			              letter_of(t->label[i]), (long long)*size, (long long)here,
			              operand);
			gd_error_shapes(e->c->g->error, 1, size, 1, &here);
			e->c->bad_operand = operand;
			return false;
		}
	}
	return true;
}

/* Output labels as written, or those that one operand has once, "..." first. */
static bool read_output(struct einsum *e, const int *seen)
{
	bool dots;
	int read[LABELS];
	skip_spaces(e);
	if (!*e->at) {
		for (int d = e->ellipsis - 1; d >= 0; d--)
			e->out[e->n_out++] = LETTERS + d;
		for (int i = 0; i < LETTERS; i++)
			if (seen[i] == 1)
				e->out[e->n_out++] = i;
		return true;
	}
	if (strncmp(e->at, "->", 2) != 0)
		return gd_param_fail(e->c, "equation", "has \"%.8s\" where \"->\" is needed",
		                     e->at);
	e->at += 2;
	int n = read_labels(e, read, LETTERS + 1, &dots);
	if (n < 0)
		return false;
	if (*e->at || n > LETTERS + 1)
		return gd_param_fail(e->c, "equation", "has \"%.8s\" behind the output's labels",
		                     e->at);
	for (int i = 0; i < n; i++) {
		for (int d = e->ellipsis - 1; read[i] < 0 && d >= 0; d--)
			e->out[e->n_out++] = LETTERS + d;
		if (read[i] < 0)
			continue;
		for (int k = 0; k < i; k++)
			if (read[k] == read[i])
				return gd_param_fail(e->c, "equation",
				                     "has the label %c twice in the output",
				                     letter_of(read[i]));
		if (!seen[read[i]])
			return gd_param_fail(e->c, "equation",
			                     "has the label %c in the output, but in no operand",
			                     letter_of(read[i]));
		e->out[e->n_out++] = read[i];
	}
	return true;
}

static bool read_equation(struct einsum *e)
{
	struct gd_call *c = e->c;
	int read[GD_MAX_RANK + 1], seen[LABELS] = {0};
	bool dots;
	for (int k = 0; k < c->n_in; k++) {
		e->term[k].x = c->in[k];
		int n = read_labels(e, read, GD_MAX_RANK, &dots);
		if (n < 0)
			return false;
		if (n > GD_MAX_RANK)
			return gd_param_fail(c, "equation", "names too many axes of operand %d", k);
		if (!spread(e, k, read, n, dots) || !measure(e, k))
			return false;
		for (int i = 0; i < c->in[k]->rank; i++)
			seen[e->term[k].label[i]]++;
		if (*e->at == ',' && k + 1 < c->n_in)
			e->at++;
		else if (*e->at == ',' || k + 1 < c->n_in)
			return gd_param_fail(c, "equation",
			                     "has labels for %s operands than the %d given",
			                     *e->at == ',' ? "more" : "fewer", c->n_in);
	}
	if (!read_output(e, seen))
		return false;
	if (e->n_out > GD_USER_RANK)
		return gd_param_fail(c, "equation",
		                     "gives the output %d axes; a tensor has at most %d", e->n_out,
		                     GD_USER_RANK);
	return true;
}

static bool has(const struct term *t, int label)
{
	for (int i = 0; i < t->x->rank; i++)
		if (t->label[i] == label)
			return true;
	return false;
}

static void remove_axis(struct gd_graph *g, struct term *t, int axis)
{
	int64_t shape[GD_MAX_RANK];
	int rank = 0;
	for (int i = 0; i < t->x->rank; i++)
		if (i != axis) {
			t->label[rank] = t->label[i];
			shape[rank++] = t->x->shape[i];
		}
	t->x = gd_reshape(g, t->x, rank, shape);
}

/* Axes a < b of one label become one: every (n+1)th element of the two as one axis. */
static void take_diagonal(struct gd_graph *g, struct term *t, int a, int b)
{
	int8_t perm[GD_MAX_RANK];
	int64_t shape[GD_MAX_RANK], n = t->x->shape[a];
	int label[GD_MAX_RANK], rank = 0, kept = t->label[a];
	struct gd_slice every;
	for (int i = 0; i < t->x->rank; i++)
		if (i != a && i != b) {
			perm[rank] = (int8_t)i;
			label[rank] = t->label[i];
			shape[rank++] = t->x->shape[i];
		}
	perm[rank] = (int8_t)a;
	perm[rank + 1] = (int8_t)b;
	for (int i = 0; i < GD_MAX_RANK; i++) {
		every.start[i] = 0;
		every.step[i] = 1;
	}
	label[rank] = kept;
	shape[rank] = n * n;
	t->x = gd_permute(g, t->x, perm);
	t->x = gd_reshape(g, t->x, rank + 1, shape);
	every.step[rank] = n + 1;
	shape[rank] = n;
	t->x = gd_slice(g, t->x, &every, shape);
	memcpy(t->label, label, sizeof label);
}

/* Each label once, and none that other operands have longer. */
static bool simplify(struct einsum *e, struct term *t)
{
	struct gd_graph *g = e->c->g;
	for (int i = 0; t->x && i < t->x->rank; i++)
		if (t->x->shape[i] == 1 && e->size[t->label[i]] != 1)
			remove_axis(g, t, i--);
	for (int i = 0; t->x && i < t->x->rank; i++)
		for (int k = i + 1; t->x && k < t->x->rank; k++)
			if (t->label[i] == t->label[k]) {
				take_diagonal(g, t, i, k);
				i = -1;
				break;
			}
	return t->x != NULL;
}

/* Sums over the labels that nobody needs any more. */
static void sum_out(struct gd_graph *g, struct term *t, const bool *needed)
{
	unsigned axes = 0;
	int rank = 0;
	for (int i = 0; i < t->x->rank; i++) {
		if (!needed[t->label[i]])
			axes |= 1u << i;
		else
			t->label[rank++] = t->label[i];
	}
	if (axes)
		t->x = gd_sum(g, t->x, axes, false);
}

/* t's axes in the order of `label`, folded into three groups of n[] labels each. */
static struct gd_node *folded(struct gd_graph *g, const struct term *t, const int *label,
                              const int n[3])
{
	int8_t perm[GD_MAX_RANK];
	int64_t shape[3] = {1, 1, 1};
	for (int group = 0, k = 0; group < 3; group++)
		for (int i = 0; i < n[group]; i++, k++)
			for (int axis = 0; axis < t->x->rank; axis++)
				if (t->label[axis] == label[k]) {
					perm[k] = (int8_t)axis;
					shape[group] *= t->x->shape[axis];
				}
	struct gd_node *x = gd_permute(g, t->x, perm);
	return n[0] ? gd_reshape(g, x, 3, shape) : gd_reshape(g, x, 2, shape + 1);
}

static struct gd_node *multiply(struct gd_graph *g, struct gd_node *a, struct gd_node *b,
                                bool summed)
{
	if (!a || !b)
		return NULL;
	int last = a->rank - 1;
	if (!summed)
		return gd_mul(g, a, b); /* (b, i, 1) and (b, 1, j) */
	if (a->shape[last - 1] == 1 && b->shape[last] == 1 && last > 1)
		return gd_sum(g, gd_mul(g, a, gd_swap_axes(g, b, last - 1, last)), 1u << last,
		              true);
	return gd_matmul(g, a, b);
}

/* a becomes a·b, summed over the labels of both that are not needed. */
static bool contract(struct einsum *e, struct term *a, struct term *b, const bool *needed)
{
	struct gd_graph *g = e->c->g;
	int la[GD_MAX_RANK], lb[GD_MAX_RANK], result[2 * GD_MAX_RANK];
	int batch = 0, rows = 0, columns = 0, summed = 0, n = 0;
	for (int i = 0; i < a->x->rank; i++)
		if (has(b, a->label[i]) && needed[a->label[i]])
			la[batch++] = a->label[i];
	memcpy(lb, la, sizeof lb);
	for (int i = 0; i < a->x->rank; i++)
		if (!has(b, a->label[i]))
			la[batch + rows++] = a->label[i];
	for (int i = 0; i < a->x->rank; i++)
		if (has(b, a->label[i]) && !needed[a->label[i]]) {
			la[batch + rows + summed] = a->label[i];
			lb[batch + summed++] = a->label[i];
		}
	for (int i = 0; i < b->x->rank; i++)
		if (!has(a, b->label[i]))
			lb[batch + summed + columns++] = b->label[i];
	struct gd_node *x = folded(g, a, la, (int[]){batch, rows, summed});
	struct gd_node *y = folded(g, b, lb, (int[]){batch, summed, columns});
	int64_t shape[2 * GD_MAX_RANK];
	for (int i = 0; i < batch + rows; i++)
		result[n++] = la[i];
	for (int i = 0; i < columns; i++)
		result[n++] = lb[batch + summed + i];
	if (n > GD_MAX_RANK) {
		gd_graph_fail(g, GD_ERR_limit_exceeded,
		              "a product on the way has %d axes, more than %d", n, GD_MAX_RANK);
		return false;
	}
	for (int i = 0; i < n; i++)
		shape[i] = e->size[result[i]];
	memcpy(a->label, result, (size_t)n * sizeof *result);
	a->x = gd_reshape(g, multiply(g, x, y, summed > 0), n, shape);
	return a->x != NULL;
}

static void mark_needed(const struct einsum *e, int next, bool needed[LABELS])
{
	memset(needed, 0, LABELS * sizeof *needed);
	for (int i = 0; i < e->n_out; i++)
		needed[e->out[i]] = true;
	for (int k = next; k < e->c->n_in; k++)
		for (int i = 0; i < e->term[k].x->rank; i++)
			needed[e->term[k].label[i]] = true;
}

/* The result's axes in the order asked for; labels that were 1 long everywhere come back. */
static struct gd_node *arrange(struct einsum *e, const struct term *t)
{
	int8_t perm[GD_MAX_RANK] = {0};
	for (int i = 0; i < e->n_out; i++)
		for (int axis = 0; axis < t->x->rank; axis++)
			if (t->label[axis] == e->out[i])
				perm[i] = (int8_t)axis;
	return gd_permute(e->c->g, t->x, perm);
}

bool build_einsum(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct einsum e = {.c = c, .at = gd_param(c, "equation")->text};
	bool needed[LABELS], alone[LABELS];
	if (strlen(e.at) > LONGEST)
		return gd_param_fail(c, "equation", "is longer than %d characters", LONGEST);
	e.term = gd_alloc_array(g->arena, (size_t)c->n_in, sizeof *e.term);
	if (!e.term)
		return gd_arena_fail(g->arena, g->error);
	memset(e.size, -1, sizeof e.size);
	if (!read_equation(&e))
		return false;
	for (int k = 0; k < c->n_in; k++)
		if (!simplify(&e, &e.term[k]))
			return false;
	struct term *t = &e.term[0];
	for (int k = 1; k < c->n_in; k++) {
		struct term *next = &e.term[k];
		mark_needed(&e, k + 1, needed);
		/* What only one of the two has, and nobody later, is summed first. */
		for (int i = 0; i < LABELS; i++)
			alone[i] = needed[i] || has(next, i);
		sum_out(g, t, alone);
		for (int i = 0; t->x && i < LABELS; i++)
			alone[i] = needed[i] || has(t, i);
		if (t->x)
			sum_out(g, next, alone);
		if (!t->x || !next->x || !contract(&e, t, next, needed))
			return false;
	}
	mark_needed(&e, c->n_in, needed);
	sum_out(g, t, needed);
	return t->x && gd_give(c, arrange(&e, t));
}
