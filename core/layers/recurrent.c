/* Cells of recurrent networks, and whole sequences of them.
 *
 *   rnn    h' = tanh(x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh), or relu
 *   lstm   i, f, g, o = the four parts of x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh
 *          c' = σ(f)·c + σ(i)·tanh(g)        h' = σ(o)·tanh(c')
 *   gru    r, z, n = the three parts of u = x·W_ihᵀ + b_ih and of v = h·W_hhᵀ + b_hh
 *          h' = (1 - z)·tanh(uₙ + r·vₙ) + z·h,  r = σ(u_r + v_r), z = σ(u_z + v_z)
 *
 * Of a sequence, x·W_ihᵀ is one product for all steps. Source: Hochreiter & Schmidhuber, Long
 * Short-Term Memory; Gers et al., Learning to Forget; Cho et al., Learning Phrase Representations.
 */
#include <string.h>

#include "core/build.h"
#include "core/layers/attention.h"
#include "core/layers/layers.h"
#include "core/layers/operands.h"

enum kind { RNN, LSTM, GRU };

static const int gates_of[] = {[RNN] = 1, [LSTM] = 4, [GRU] = 3};

struct cell {
	struct gd_graph *g;
	enum kind kind;
	bool relu;
	int64_t hidden;
	struct gd_node *w_ih, *w_hh, *b_ih, *b_hh; /* biases may be NULL */
};

struct state {
	struct gd_node *h, *c; /* (N, hidden); c for lstm only */
};

/* Elements [start, start + n) along one axis. */
static struct gd_node *part(struct gd_graph *g, struct gd_node *x, int axis, int64_t start,
                            int64_t n)
{
	if (!x)
		return NULL;
	struct gd_slice s;
	int64_t shape[GD_MAX_RANK];
	memcpy(shape, x->shape, sizeof shape);
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
	}
	s.start[axis] = start;
	shape[axis] = n;
	return gd_slice(g, x, &s, shape);
}

/* --- one step ----------------------------------------------------------------------------- */

/* x·W_ihᵀ and all the biases that are simply added, for as many rows as there are. */
static struct gd_node *project_input(const struct cell *k, struct gd_node *x)
{
	struct gd_node *bias = k->b_ih;
	if (k->kind != GRU)
		bias = bias && k->b_hh ? gd_add(k->g, bias, k->b_hh) : bias ? bias : k->b_hh;
	return gd_project(k->g, x, k->w_ih, bias);
}

static struct gd_node *gate(const struct cell *k, struct gd_node *z, int i)
{
	return part(k->g, z, 1, i * k->hidden, k->hidden);
}

static struct gd_node *gru_step(const struct cell *k, struct gd_node *u, struct gd_node *h)
{
	struct gd_graph *g = k->g;
	struct gd_node *v = gd_project(g, h, k->w_hh, k->b_hh);
	struct gd_node *r = gd_sigmoid(g, gd_add(g, gate(k, u, 0), gate(k, v, 0)));
	struct gd_node *z = gd_sigmoid(g, gd_add(g, gate(k, u, 1), gate(k, v, 1)));
	struct gd_node *n = gd_mul(g, r, gate(k, v, 2));
	n = gd_tanh(g, gd_add(g, gate(k, u, 2), n));
	return gd_add(g, n, gd_mul(g, z, gd_sub(g, h, n)));
}

/* u: project_input of this step's x. */
static struct state step(const struct cell *k, struct gd_node *u, struct state s)
{
	struct gd_graph *g = k->g;
	if (k->kind == GRU) {
		s.h = gru_step(k, u, s.h);
		return s;
	}
	struct gd_node *z = gd_add(g, u, gd_project(g, s.h, k->w_hh, NULL));
	if (k->kind == RNN) {
		s.h = k->relu ? gd_relu(g, z) : gd_tanh(g, z);
		return s;
	}
	struct gd_node *i = gd_sigmoid(g, gate(k, z, 0)), *f = gd_sigmoid(g, gate(k, z, 1));
	struct gd_node *n = gd_tanh(g, gate(k, z, 2)), *o = gd_sigmoid(g, gate(k, z, 3));
	s.c = gd_add(g, gd_mul(g, f, s.c), gd_mul(g, i, n));
	s.h = gd_mul(g, o, gd_tanh(g, s.c));
	return s;
}

/* Takes w_ih, w_hh and perhaps b_ih, b_hh from the operands from `first` on, checked against the
 * width of the input. */
static bool read_cell(struct gd_call *c, struct cell *k, int first, bool biases, int64_t width)
{
	k->w_ih = c->in[first];
	k->w_hh = c->in[first + 1];
	k->b_ih = biases ? gd_operand(c, first + 2) : NULL;
	k->b_hh = biases ? gd_operand(c, first + 3) : NULL;
	int64_t gates = gates_of[k->kind];
	if (!gd_operand_rank(c, first + 1, 2, 2, "(gates·hidden, hidden)"))
		return false;
	k->hidden = k->w_hh->shape[1];
	int64_t in[2] = {gates * k->hidden, width}, hh[2] = {in[0], k->hidden};
	return gd_operand_shape(c, first + 1, 2, hh) && gd_operand_shape(c, first, 2, in) &&
	       (!k->b_ih || gd_operand_shape(c, first + 2, 1, in)) &&
	       (!k->b_hh || gd_operand_shape(c, first + 3, 1, in));
}

/* Operand i, or zeros, of this shape. */
static struct gd_node *start_at(struct gd_call *c, int i, int rank, const int64_t *shape)
{
	struct gd_node *x = gd_operand(c, i);
	if (!x)
		return gd_expand(c->g, gd_const(c->g, 0), rank, shape);
	return gd_operand_shape(c, i, rank, shape) ? x : NULL;
}

/* --- cells -------------------------------------------------------------------------------- */

static bool build_cell(struct gd_call *c, enum kind kind)
{
	struct gd_graph *g = c->g;
	struct cell k = {
	        .g = g, .kind = kind, .relu = kind == RNN && gd_chosen(c, "nonlinearity", "relu")};
	struct gd_node *x = c->in[0];
	int first = kind == LSTM ? 3 : 2;
	if (!gd_operand_rank(c, 0, 1, 2, "(features) or (N, features)") ||
	    !read_cell(c, &k, first, true, x->shape[x->rank - 1]))
		return false;
	int64_t shape[2] = {x->rank == 2 ? x->shape[0] : 1, k.hidden};
	const int64_t *own = shape + 2 - x->rank;
	struct state s = {.h = start_at(c, 1, x->rank, own)};
	if (kind == LSTM)
		s.c = gd_reshape(g, start_at(c, 2, x->rank, own), 2, shape);
	s.h = gd_reshape(g, s.h, 2, shape);
	x = gd_reshape(g, x, 2, (int64_t[]){shape[0], x->shape[x->rank - 1]});
	s = step(&k, project_input(&k, x), s);
	struct gd_node *out[2] = {gd_reshape(g, s.h, c->in[0]->rank, own)};
	if (kind != LSTM)
		return gd_give(c, out[0]);
	out[1] = gd_reshape(g, s.c, c->in[0]->rank, own);
	return gd_give_all(c, 2, out);
}

bool build_rnn_cell(struct gd_call *c)
{
	return build_cell(c, RNN);
}

bool build_lstm_cell(struct gd_call *c)
{
	return build_cell(c, LSTM);
}

bool build_gru_cell(struct gd_call *c)
{
	return build_cell(c, GRU);
}

/* --- sequences ---------------------------------------------------------------------------- */

struct network {
	struct gd_call *c;
	enum kind kind;
	bool biases;
	int64_t layers;
	int directions, first; /* operand of the first weight */
	int64_t steps, batch, hidden;
	struct gd_node *h0, *c0;     /* (layers·directions, batch, hidden) */
	struct gd_node **h_n, **c_n; /* one for each layer and direction */
};

/* One layer in one direction over x (steps, batch, features): (steps, batch, hidden). The steps are
 * blocks of rows, as they are in the products: then the cotangents of the input's projection and of
 * the weights are made of the same rows. */
static struct gd_node *run(struct network *net, int64_t layer, int direction, struct gd_node *x)
{
	struct gd_call *c = net->c;
	struct gd_graph *g = c->g;
	struct cell k = {.g = g,
	                 .kind = net->kind,
	                 .relu = net->kind == RNN && gd_chosen(c, "nonlinearity", "relu")};
	int64_t at = layer * net->directions + direction, rows = gates_of[k.kind] * net->hidden;
	int64_t n = net->batch, flat[2] = {net->steps * n, x ? x->shape[2] : 0};
	int64_t square[2] = {rows, net->hidden}, whole[3] = {net->steps, n, net->hidden};
	int first = net->first + (int)at * (net->biases ? 4 : 2);
	if (!x || !gd_operand_shape(c, first + 1, 2, square) ||
	    !read_cell(c, &k, first, net->biases, x->shape[2]))
		return NULL;
	int64_t row[3] = {1, n, net->hidden};
	struct gd_node **y = gd_alloc_array(g->arena, (size_t)net->steps, sizeof *y);
	if (!y) {
		gd_arena_fail(g->arena, g->error);
		return NULL;
	}
	struct state s = {.h = gd_reshape(g, part(g, net->h0, 0, at, 1), 2, row + 1)};
	if (k.kind == LSTM)
		s.c = gd_reshape(g, part(g, net->c0, 0, at, 1), 2, row + 1);
	struct gd_node *u = project_input(&k, gd_reshape(g, x, 2, flat));
	for (int64_t i = 0; i < net->steps && !gd_failed(g); i++) {
		int64_t t = direction ? net->steps - 1 - i : i;
		s = step(&k, part(g, u, 0, t * n, n), s);
		y[t] = s.h;
	}
	net->h_n[at] = gd_reshape(g, s.h, 3, row);
	if (k.kind == LSTM)
		net->c_n[at] = gd_reshape(g, s.c, 3, row);
	return gd_failed(g) ? NULL : gd_reshape(g, gd_cat(g, (int)net->steps, y, 0), 3, whole);
}

static struct gd_node *run_layers(struct network *net, struct gd_node *x)
{
	for (int64_t layer = 0; layer < net->layers && x; layer++) {
		struct gd_node *y[2];
		for (int d = 0; d < net->directions; d++)
			y[d] = run(net, layer, d, x);
		for (int d = 0; d < net->directions; d++)
			if (!y[d])
				return NULL;
		x = net->directions == 1 ? y[0] : gd_cat(net->c->g, 2, y, 2);
	}
	return x;
}

/* As many weights as the layers have, no more and no less. */
static bool count_weights(struct network *net)
{
	struct gd_call *c = net->c;
	int given = c->n_in - net->first, each = (net->biases ? 4 : 2) * net->directions;
	net->layers = gd_int(c, "num_layers");
	if (net->layers < 1)
		return gd_param_fail(c, "num_layers", "is %lld, but must be at least 1",
		                     (long long)net->layers);
	if (given % each == 0 && given / each == net->layers)
		return true;
	gd_graph_fail(c->g, GD_ERR_invalid_parameter,
	              "needs %d weights a layer (w_ih, w_hh%s%s), for num_layers = %lld, but %d "
	              "are given",
	              each, net->biases ? ", b_ih, b_hh" : "",
	              net->directions == 2 ? ", then those of the reverse direction" : "",
	              (long long)net->layers, given);
	return false;
}

/* The input as (steps, batch, features), and where the network starts. */
static struct gd_node *prepare(struct network *net, bool batched, bool batch_first)
{
	struct gd_call *c = net->c;
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	int64_t one[3] = {x->shape[0], 1, x->shape[1]};
	x = !batched ? gd_reshape(g, x, 3, one) : batch_first ? gd_swap_axes(g, x, 0, 1) : x;
	if (!x)
		return NULL;
	net->steps = x->shape[0];
	net->batch = x->shape[1];
	if (net->steps == 0) {
		gd_graph_fail(g, GD_ERR_shape_mismatch, "needs at least one step, but %s has none",
		              gd_label(c->in[0], "input"));
		return NULL;
	}
	if (!gd_operand_rank(c, net->first + 1, 2, 2, "(gates·hidden, hidden)"))
		return NULL;
	net->hidden = c->in[net->first + 1]->shape[1];
	int64_t start[3] = {net->layers * net->directions, net->batch, net->hidden};
	int64_t unbatched[2] = {start[0], net->hidden};
	for (int i = 1; i < net->first; i++) {
		struct gd_node *h = start_at(c, i, batched ? 3 : 2, batched ? start : unbatched);
		*(i == 1 ? &net->h0 : &net->c0) = gd_reshape(g, h, 3, start);
	}
	net->h_n = gd_alloc_zero(g->arena, (size_t)start[0] * sizeof *net->h_n);
	net->c_n = gd_alloc_zero(g->arena, (size_t)start[0] * sizeof *net->c_n);
	if (!net->h_n || !net->c_n) {
		gd_arena_fail(g->arena, g->error);
		return NULL;
	}
	return x;
}

/* The last states of all layers and directions: (layers·directions, batch, hidden). */
static struct gd_node *last_states(struct network *net, struct gd_node **states, bool batched)
{
	struct gd_graph *g = net->c->g;
	int64_t n = net->layers * net->directions, shape[2] = {n, net->hidden};
	struct gd_node *y = gd_cat(g, (int)n, states, 0);
	return batched ? y : gd_reshape(g, y, 2, shape);
}

static bool build_network(struct gd_call *c, enum kind kind)
{
	struct gd_graph *g = c->g;
	struct network net = {.c = c,
	                      .kind = kind,
	                      .biases = gd_flag(c, "has_biases"),
	                      .directions = gd_flag(c, "bidirectional") ? 2 : 1,
	                      .first = kind == LSTM ? 3 : 2};
	bool batched = c->in[0]->rank == 3, batch_first = gd_flag(c, "batch_first");
	if (!gd_operand_rank(c, 0, 2, 3, "(steps, features) or (steps, N, features)") ||
	    !count_weights(&net))
		return false;
	struct gd_node *y = run_layers(&net, prepare(&net, batched, batch_first));
	if (!y)
		return false;
	int64_t flat[2] = {net.steps, y->shape[2]};
	struct gd_node *out[3];
	out[0] = !batched ? gd_reshape(g, y, 2, flat) : batch_first ? gd_swap_axes(g, y, 0, 1) : y;
	out[1] = last_states(&net, net.h_n, batched);
	if (kind == LSTM)
		out[2] = last_states(&net, net.c_n, batched);
	return gd_give_all(c, kind == LSTM ? 3 : 2, out);
}

bool build_rnn(struct gd_call *c)
{
	return build_network(c, RNN);
}

bool build_lstm(struct gd_call *c)
{
	return build_network(c, LSTM);
}

bool build_gru(struct gd_call *c)
{
	return build_network(c, GRU);
}
