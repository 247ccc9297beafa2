/* The experiment of the notes, through HTTP: a client that only adds and multiplies learns a linear
 * map by POST /grad. Every loss and gradient on its way is PyTorch's (tests/golden/notes.py). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/json.h"
#include "api/number.h"
#include "tests/server/gradd.h"
#include "tests/support/test.h"

enum { N = 100, IN = 4, OUT = 2, STEPS = 21, ROWS = 3 };

static const struct sample {
	double x[IN], target[OUT];
} samples[] = {
#define SAMPLE(x0, x1, x2, x3, t0, t1) {{x0, x1, x2, x3}, {t0, t1}},
#define START(...)
#define STEP(...)
#define END(...)
#include "tests/golden/notes.def"
#undef SAMPLE
#undef START
};

#define SAMPLE(...)
#define START(...) static const double start[IN * OUT] = {__VA_ARGS__};
#include "tests/golden/notes.def"
#undef START
#undef STEP
#undef END

static const struct step {
	double rate, loss, values[IN * OUT + OUT + ROWS * IN]; /* dW, db, rows of dx */
} steps[] = {
#define START(...)
#define STEP(rate, loss, ...) {rate, loss, {__VA_ARGS__}},
#define END(loss)             {0, loss, {0}},
#include "tests/golden/notes.def"
};

static const int rows[ROWS] = {0, 49, 99};

/* --- the client ------------------------------------------------------------------------------ */

static char body[64 << 10];
static size_t used;

static void put(const char *text)
{
	used += (size_t)snprintf(body + used, sizeof body - used, "%s", text);
	ck_assert_uint_lt(used, sizeof body);
}

static void put_row(const double *values, int n)
{
	for (int i = 0; i < n; i++) {
		put(i ? "," : "[");
		ck_assert_uint_lt(used + GD_NUMBER_MAX, sizeof body);
		used += gd_write_double(body + used, values[i]);
		body[used] = '\0';
	}
	put("]");
}

static void write_request(const double *W, const double *b)
{
	used = 0;
	put("{\"tensors\": {\"x\": [");
	for (int i = 0; i < N; i++) {
		put(i ? "," : "");
		put_row(samples[i].x, IN);
	}
	put("], \"target\": [");
	for (int i = 0; i < N; i++) {
		put(i ? "," : "");
		put_row(samples[i].target, OUT);
	}
	put("], \"W\": [");
	for (int i = 0; i < IN; i++) {
		put(i ? "," : "");
		put_row(W + i * OUT, OUT);
	}
	put("], \"b\": ");
	put_row(b, OUT);
	put("}, \"layers\": [\"linear\"], \"loss\": \"mse\"}");
}

/* Every number below v, in order. */
static size_t numbers(const struct gd_json *v, double *out, size_t n, size_t room)
{
	struct gd_json child;
	struct gd_error e;

	gd_error_clear(&e);
	if (gd_json_kind(v) == GD_JSON_NUMBER) {
		ck_assert_uint_lt(n, room);
		ck_assert(gd_json_number(v, &out[n++], &e));
	}
	for (bool more = gd_json_first(v, &child); more; more = gd_json_next(&child))
		n = numbers(&child, out, n, room);
	return n;
}

struct result {
	double loss, x[N * IN], W[IN * OUT], b[OUT];
};

static void read_member(const struct gd_json *v, const char *name, double *out, size_t count)
{
	struct gd_json member;

	ck_assert_msg(gd_json_member(v, name, &member), "no %s", name);
	ck_assert_uint_eq(numbers(&member, out, 0, count), count);
}

static void ask_gradients(struct client *c, const double *W, const double *b, struct result *r)
{
	struct reply reply;
	struct gd_arena arena;
	struct gd_json root, gradients;
	struct gd_error e;

	gd_error_clear(&e);
	gd_arena_init(&arena, (size_t)16 << 20);
	write_request(W, b);
	client_post(c, "/grad", body, &reply);
	ck_assert_msg(reply.status == 200, "%s", reply.body);
	ck_assert(gd_json_parse(&root, &arena, reply.body, reply.length, &e));
	ck_assert(gd_json_member(&root, "gradients", &gradients));
	ck_assert(!gd_json_member(&root, "warnings", &(struct gd_json){0}));
	ck_assert_uint_eq(gd_json_size(&gradients), 3);
	read_member(&root, "loss", &r->loss, 1);
	read_member(&gradients, "x", r->x, N * IN);
	read_member(&gradients, "W", r->W, IN * OUT);
	read_member(&gradients, "b", r->b, OUT);
	gd_arena_release(&arena);
	reply_free(&reply);
}

/* --- the comparison -------------------------------------------------------------------------- */

static void check_close(int step, const char *name, const double *ours, const double *theirs, int n)
{
	for (int i = 0; i < n; i++)
		ck_assert_msg(fabs(ours[i] - theirs[i]) <= 1e-12 * fabs(theirs[i]),
		              "step %d, %s[%d]: %.17g, PyTorch has %.17g", step, name, i, ours[i],
		              theirs[i]);
}

START_TEST(learns_the_map)
{
	struct gradd g;
	struct client c;
	struct result r;
	double W[IN * OUT], b[OUT] = {0};

	ck_assert_uint_eq(sizeof samples / sizeof *samples, N);
	ck_assert_uint_eq(sizeof steps / sizeof *steps, STEPS + 1);
	memcpy(W, start, sizeof W);
	gradd_start(&g, NULL);
	client_open(&c, &g);
	for (int k = 0; k < STEPS; k++) {
		const struct step *s = &steps[k];

		ask_gradients(&c, W, b, &r);
		check_close(k, "loss", &r.loss, &s->loss, 1);
		check_close(k, "dW", r.W, s->values, IN * OUT);
		check_close(k, "db", r.b, s->values + IN * OUT, OUT);
		for (int i = 0; i < ROWS; i++)
			check_close(k, "dx", r.x + rows[i] * IN,
			            s->values + IN * OUT + OUT + i * IN, IN);
		for (int i = 0; i < IN * OUT; i++)
			W[i] -= s->rate * r.W[i];
		for (int i = 0; i < OUT; i++)
			b[i] -= s->rate * r.b[i];
	}
	ask_gradients(&c, W, b, &r);
	check_close(STEPS, "loss", &r.loss, &steps[STEPS].loss, 1);
	ck_assert_double_lt(100 * r.loss, steps[0].loss);
	client_close(&c);
	gradd_stop(&g);
}
END_TEST

/* The samples are what the notes say: features in (-5, 5), targets by W_true and b_true. */
START_TEST(data)
{
	static const double W_true[IN][OUT] = {{1, 1}, {1.5, 1.5}, {2, 3}, {2.5, -0.5}};
	static const double b_true[OUT] = {0, -1};

	for (int i = 0; i < N; i++)
		for (int k = 0; k < OUT; k++) {
			double y = b_true[k];

			for (int j = 0; j < IN; j++) {
				ck_assert_double_lt(fabs(samples[i].x[j]), 5);
				y += samples[i].x[j] * W_true[j][k];
			}
			ck_assert_double_eq_tol(samples[i].target[k], y, 1e-13);
		}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("notes");
	TCase *t = tcase_create("notes");

	tcase_add_test(t, data);
	tcase_add_test(t, learns_the_map);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
