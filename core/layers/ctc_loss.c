/* ctc_loss. Source: Graves et al., Connectionist Temporal Classification. */
#include <math.h>
#include <string.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/ops/ctc.h"

enum { LOG_PROBS, TARGETS, INPUT_LENGTHS, TARGET_LENGTHS };

/* What the operands say, as (T, N, C) and N targets. */
struct ctc {
	struct gd_node *log_p; /* (T, N, C) */
	int64_t times, samples, classes, blank, states;
	const int64_t *steps, *lengths, *labels; /* (N), (N), all of them */
	int64_t row; /* labels of a sample, used or not; 0: one sample's follow the other's */
};

static bool wrong_shape(struct gd_call *c, int i, const char *needs)
{
	const struct gd_node *x = c->in[i], *p = c->in[LOG_PROBS];
	char a[GD_SHAPE_TEXT], b[GD_SHAPE_TEXT];
	gd_shape_fail(c->g, p, x, "%s has the shape %s, but %s %s %s", gd_label(p, "log_probs"),
	              gd_shape_text(p->rank, p->shape, a), gd_label(x, c->op->operands[i].name),
	              gd_shape_text(x->rank, x->shape, b), needs);
	return false;
}

static bool wrong_element(struct gd_call *c, int i, size_t at, int64_t value, int64_t high)
{
	const char *role = c->op->operands[i].name;
	gd_graph_fail(c->g, GD_ERR_number_out_of_range,
	              "%s takes 0 to %lld, but element %zu of %s is %lld", role, (long long)high,
	              at, gd_label(c->in[i], role), (long long)value);
	c->bad_operand = i;
	c->bad_element = true;
	c->bad_index = at;
	return false;
}

/* One length for each sample, from 0 to `high`. */
static const int64_t *read_lengths(struct gd_call *c, int i, int64_t samples, int64_t high)
{
	if (c->in[i]->rank > 1 || (int64_t)c->in[i]->count != samples) {
		wrong_shape(c, i, "is not one length for each sample");
		return NULL;
	}
	struct gd_node *x = gd_as_index(c, i, 0, high, NULL);
	return x ? x->data : NULL;
}

/* Are all labels that count classes? Those behind them in a row may be anything. */
static bool check_labels(struct gd_call *c, const struct ctc *k)
{
	size_t at = 0;
	for (int64_t n = 0; n < k->samples; n++) {
		for (size_t i = at; i < at + (size_t)k->lengths[n]; i++)
			if (k->labels[i] < 0 || k->labels[i] >= k->classes)
				return wrong_element(c, TARGETS, i, k->labels[i], k->classes - 1);
		at += (size_t)(k->row ? k->row : k->lengths[n]);
	}
	return true;
}

static bool read_targets(struct gd_call *c, struct ctc *k)
{
	const struct gd_node *t = c->in[TARGETS];
	bool batch = c->in[LOG_PROBS]->rank == 3, rows = t->rank == 2 || !batch;
	int64_t most = 0, total = 0, count = (int64_t)t->count;
	if (t->rank < 1 || t->rank > 2 || (t->rank == 2 && t->shape[0] != k->samples))
		return wrong_shape(c, TARGETS,
		                   batch ? "is neither (N, S) nor a vector"
		                         : "is not a vector of labels");
	k->row = rows ? t->shape[t->rank - 1] : 0;
	struct gd_node *labels = gd_as_index(c, TARGETS, INT64_MIN, INT64_MAX, NULL);
	k->labels = labels ? labels->data : NULL;
	k->lengths =
	        labels ? read_lengths(c, TARGET_LENGTHS, k->samples, rows ? k->row : count) : NULL;
	if (!k->lengths)
		return false;
	for (int64_t n = 0; n < k->samples && total <= count; n++) {
		most = k->lengths[n] > most ? k->lengths[n] : most;
		total += k->lengths[n];
	}
	if (!rows && total != count)
		return wrong_shape(c, TARGETS,
		                   "does not hold as many labels as target_lengths say");
	k->states = 2 * most + 1;
	return check_labels(c, k);
}

static bool read_operands(struct gd_call *c, struct ctc *k)
{
	struct gd_graph *g = c->g;
	struct gd_node *p = c->in[LOG_PROBS];
	char text[GD_SHAPE_TEXT];
	if ((p->rank != 2 && p->rank != 3) || p->shape[0] == 0) {
		gd_graph_fail(g, GD_ERR_shape_mismatch,
		              "%s has the shape %s, but needs (T, N, C), or (T, C), with T ≥ 1",
		              gd_label(p, "log_probs"), gd_shape_text(p->rank, p->shape, text));
		gd_error_shapes(g->error, 3, (int64_t[]){1, 1, 1}, p->rank, p->shape);
		return false;
	}
	k->times = p->shape[0];
	k->samples = p->rank == 3 ? p->shape[1] : 1;
	k->classes = p->shape[p->rank - 1];
	k->blank = gd_int(c, "blank");
	if (k->blank < 0 || k->blank >= k->classes)
		return gd_param_fail(c, "blank", "is %lld, but %s has classes 0 to %lld",
		                     (long long)k->blank, gd_label(p, "log_probs"),
		                     (long long)k->classes - 1);
	k->log_p = gd_reshape(g, p, 3, (int64_t[]){k->times, k->samples, k->classes});
	k->steps = read_lengths(c, INPUT_LENGTHS, k->samples, k->times);
	return k->log_p && k->steps && read_targets(c, k);
}

static void *new_leaf(struct gd_graph *g, enum gd_dtype dtype, int64_t n, int64_t m,
                      struct gd_node **leaf)
{
	struct gd_tensor t = {.dtype = dtype, .rank = 2, .shape = {n, m}};
	*leaf = NULL;
	if (!gd_shape_count(2, t.shape, &t.count)) {
		gd_graph_fail(g, GD_ERR_limit_exceeded, "the targets are too long");
		return NULL;
	}
	t.data = gd_data_alloc(g->arena, t.count * gd_dtype_size(dtype));
	if (!t.data) {
		gd_arena_fail(g->arena, g->error);
		return NULL;
	}
	*leaf = gd_leaf(g, &t, NULL);
	return *leaf ? t.data : NULL;
}

/* Each sample's states: a blank, a label, a blank … a blank. State s may be reached from s - 2
 * where their labels differ. */
static bool lay_out_states(struct gd_graph *g, const struct ctc *k, struct gd_node **states,
                           struct gd_node **skip)
{
	int64_t *state = new_leaf(g, GD_INT64, k->samples, k->states, states);
	uint8_t *may = state ? new_leaf(g, GD_BOOL, k->samples, k->states, skip) : NULL;
	if (!may)
		return false;
	const int64_t *label = k->labels;
	for (int64_t n = 0; n < k->samples; n++) {
		for (int64_t s = 0; s < k->states; s++) {
			bool is_label = s % 2 && s / 2 < k->lengths[n];
			int64_t *here = state + n * k->states + s;
			*here = is_label ? label[s / 2] : k->blank;
			may[n * k->states + s] = s > 1 && here[0] != here[-2];
		}
		label += k->row ? k->row : k->lengths[n];
	}
	return true;
}

/* log Σ over the last two states at each sample's last step: (N). */
static struct gd_node *log_likelihood(struct gd_graph *g, const struct ctc *k,
                                      struct gd_node *alpha)
{
	struct gd_node *index, *valid, *other;
	int64_t *at = new_leaf(g, GD_INT64, k->samples, 2, &index);
	uint8_t *ends = at ? new_leaf(g, GD_BOOL, k->samples, 2, &valid) : NULL;
	void *rest = ends ? new_leaf(g, g->dtype, k->samples, 2, &other) : NULL;
	if (!rest || !alpha)
		return NULL;
	for (int64_t n = 0; n < k->samples; n++)
		for (int64_t e = 0; e < 2; e++) {
			int64_t i = 2 * n + e, s = 2 * k->lengths[n] - e, t = k->steps[n] - 1;
			ends[i] = s >= 0 && t >= 0;
			at[i] = ends[i] ? (t * k->samples + n) * k->states + s : 0;
			/* In no time there is the empty path, and it is empty. */
			double value = t < 0 && s == 0 ? 0 : (double)-INFINITY;
			if (g->dtype == GD_FLOAT64)
				((double *)rest)[i] = value;
			else
				((float *)rest)[i] = (float)value;
		}
	struct gd_node *flat = gd_reshape(g, alpha, 1, (int64_t[]){(int64_t)alpha->count});
	struct gd_node *last =
	        gd_gather(g, flat, 0, gd_reshape(g, index, 1, (int64_t[]){2 * k->samples}));
	last = gd_reshape(g, last, 2, (int64_t[]){k->samples, 2});
	return gd_logsumexp(g, gd_where(g, valid, last, other), 2, false);
}

/* Each loss divided by its target's length. */
static struct gd_node *per_label(struct gd_graph *g, const struct ctc *k, struct gd_node *loss)
{
	struct gd_node *lengths;
	int64_t *n = new_leaf(g, GD_INT64, k->samples, 1, &lengths);
	if (!n)
		return NULL;
	for (int64_t i = 0; i < k->samples; i++)
		n[i] = k->lengths[i] ? k->lengths[i] : 1;
	lengths = gd_cast(g, gd_reshape(g, lengths, 1, &k->samples), g->dtype);
	return gd_div(g, loss, lengths);
}

bool build_ctc_loss(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct ctc k = {.row = 0};
	struct gd_node *states, *skip;
	if (!read_operands(c, &k) || !lay_out_states(g, &k, &states, &skip))
		return false;
	int64_t each[3] = {k.times, k.samples, k.states};
	struct gd_node *log_p = gd_gather(g, k.log_p, 2, gd_expand(g, states, 3, each));
	struct gd_node *loss = gd_neg(g, log_likelihood(g, &k, gd_ctc_alpha(g, log_p, skip)));
	if (gd_flag(c, "zero_infinity")) {
		struct gd_node *none = gd_eq(g, loss, gd_const(g, (double)INFINITY));
		loss = gd_where(g, none, gd_const(g, 0), loss);
		gd_note_kink(g, loss, none, "targets fit no path; 0 and gradient 0 used there");
	}
	if (gd_chosen(c, "reduction", "mean"))
		loss = per_label(g, &k, loss);
	/* PyTorch's answer for one sample without a batch axis is a scalar. */
	if (c->in[LOG_PROBS]->rank == 2)
		loss = gd_sum_all(g, loss);
	return gd_reduce_loss(c, loss);
}
