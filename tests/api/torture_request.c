/* Requests through the façade, with each allocation failing in turn: the answer is the right one or
 * the problem out_of_memory, and nothing leaks. Then the same with every cap on the memory, which
 * makes each request for memory within the arena fail in turn: the right one or limit_exceeded. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/plan.h"
#include "api/json.h"
#include "api/problem.h"
#include "api/request.h"
#include "tests/support/torture.h"

struct outcome {
	int status; /* 0: not even a request */
	bool whole;
	size_t length;
	uint64_t hash;
	char start[4096];
};

static struct gd_service service = {.limits = GD_LIMITS_INIT};
static int failures;

static void look_at(struct outcome *o, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (o->length < sizeof o->start - 1)
			o->start[o->length] = bytes[i];
		o->length++;
		o->hash = (o->hash ^ (unsigned char)bytes[i]) * 0x100000001b3u;
	}
}

static void run(const char *method, const char *path, const char *body, size_t length,
                struct outcome *o)
{
	struct gd_head head = {.method = method, .path = path, .content_length = -1};
	struct gd_request *request;
	char block[2000];

	memset(o, 0, sizeof *o);
	request = gd_request_open(&service, &head);
	if (!request)
		return;
	if (gd_request_feed(request, body, length / 2) &&
	    gd_request_feed(request, body + length / 2, length - length / 2)) {
		gd_request_cost(request);
		gd_request_run(request);
	}
	o->status = gd_request_answer(request)->status;
	for (size_t n; (n = gd_request_read(request, block, sizeof block)) > 0;)
		look_at(o, block, n);
	gd_request_close(request);
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return a->status == b->status && a->length == b->length && a->hash == b->hash;
}

/* The answer that was expected; a problem may lack its hint, which took memory to find. */
static bool fits(const struct outcome *o, const struct outcome *expected)
{
	return same(o, expected) ||
	       (o->status == expected->status && o->status >= 400 && o->length < expected->length &&
	        o->length > 0 && memcmp(o->start, expected->start, o->length - 1) == 0 &&
	        o->start[o->length - 1] == '}');
}

/* A problem of that code, as valid JSON. */
static bool is_problem(const struct outcome *o, enum gd_code code)
{
	struct gd_arena arena;
	struct gd_error error;
	struct gd_json root, v;
	bool ok;

	gd_arena_init(&arena, 1 << 20);
	gd_error_clear(&error);
	ok = o->length < sizeof o->start &&
	     gd_json_parse(&root, &arena, o->start, o->length, &error) &&
	     gd_json_member(&root, "code", &v) &&
	     strcmp(gd_json_text(&v), gd_code_name(code)) == 0 && o->status == gd_code_status(code);
	gd_arena_release(&arena);
	return ok;
}

static void complain(const char *name, const char *what, size_t k, const struct outcome *o)
{
	failures++;
	printf("%s, %s %zu: status %d, %zu bytes, %.300s\n", name, what, k, o->status, o->length,
	       o->start);
}

struct subject {
	const char *name, *method, *path, *body;
	struct outcome expected;
};

/* Each allocation fails in turn; returns how many there are. */
static size_t fail_allocations(const struct subject *s)
{
	static struct outcome o;

	for (size_t k = 1;; k++) {
		gd_plan_trim();
		gd_arena_trim();
		torture_arm(k);
		run(s->method, s->path, s->body, strlen(s->body), &o);
		gd_plan_trim();
		gd_arena_trim();
		size_t count = torture_disarm();

		if (torture_live_blocks() != 0 || torture_live_bytes() != 0) {
			failures++;
			printf("%s, allocation %zu: %ld blocks and %ld bytes leak\n", s->name, k,
			       torture_live_blocks(), torture_live_bytes());
		}
		if (count < k) {
			if (!same(&o, &s->expected))
				complain(s->name, "without a failure", k, &o);
			return k - 1;
		}
		if (o.status != 0 && !fits(&o, &s->expected) &&
		    !is_problem(&o, GD_ERR_out_of_memory))
			complain(s->name, "allocation", k, &o);
	}
}

/* Every cap in turn, until one is enough; returns that. */
static size_t lower_caps(const struct subject *s)
{
	static struct outcome o;
	size_t step = 16;

	for (size_t cap = 0;; cap += step) {
		service.limits.memory_bytes = cap;
		run(s->method, s->path, s->body, strlen(s->body), &o);
		if (o.status != 0 && same(&o, &s->expected))
			return cap;
		if (o.status != 0 && !fits(&o, &s->expected) &&
		    !is_problem(&o, GD_ERR_limit_exceeded))
			complain(s->name, "memory of", cap, &o);
		if (cap >= 64 << 10) /* larger pieces are taken there */
			step = (cap / 32 + 4095) & ~(size_t)4095;
		if (cap > (size_t)1 << 30) {
			complain(s->name, "never enough memory", cap, &o);
			return cap;
		}
	}
}

static void torture(const char *name, const char *method, const char *path, const char *body)
{
	static struct subject s;
	size_t few, many, cap;

	s = (struct subject){.name = name, .method = method, .path = path, .body = body};
	/* The first time may fill what lives as long as the process. */
	run(method, path, body, strlen(body), &s.expected);
	few = fail_allocations(&s);
	cap = lower_caps(&s);
	/* With no more memory than it needs the arena takes each piece by itself. */
	many = fail_allocations(&s);
	service.limits = (struct gd_limits)GD_LIMITS_INIT;
	printf("%-14s status %d: %zu and %zu allocations, every cap to %zu bytes\n", name,
	       s.expected.status, few, many, cap);
}

/* {"tensors": {"x": [[…], …]}…} with rows × columns small numbers, for free(). */
static char *large(size_t rows, size_t columns, const char *rest)
{
	char *text = malloc(rows * (columns * 4 + 4) + strlen(rest) + 100), *p = text;

	p += sprintf(p, "{\"tensors\":{\"x\":[");
	for (size_t i = 0; i < rows; i++) {
		*p++ = '[';
		for (size_t j = 0; j < columns; j++)
			p += sprintf(p, "%s%zu,", j % 2 ? "-" : "", (i + j) % 9 + 1);
		p[-1] = ']';
		*p++ = ',';
	}
	sprintf(p - 1, "]}%s}", rest);
	return text;
}

#define TENSORS "{\"tensors\":{\"x\":[[1,2]],\"W\":[[0.5],[-1]],\"b\":[0],\"target\":[[1]]},"

int main(void)
{
	char *big_answer = large(120, 120, ",\"layers\":[\"exp\"]");
	char *huge_sum = large(600, 1000, ",\"layers\":[{\"op\":\"sum\"}],\"wrt\":[]");
	char *big_sum = large(300, 100, ",\"layers\":[{\"op\":\"sum\"}],\"encoding\":\"base64\"");

	torture("gradient", "POST", "/grad", TENSORS "\"layers\":[\"linear\"],\"loss\":\"mse\"}");
	torture("long form", "POST", "/grad",
	        TENSORS
	        "\"dtype\":\"float32\",\"layers\":[{\"op\":\"linear\",\"input\":\"x\","
	        "\"weight\":\"W\",\"bias\":\"b\",\"output\":\"y\"},{\"op\":\"relu\"}],"
	        "\"loss\":{\"op\":\"mse_loss\",\"target\":\"target\"},\"wrt\":[\"x\",\"y\"],"
	        "\"return\":[\"y\"],\"encoding\":\"flat\"}");
	torture("base64", "POST", "/grad",
	        "{\"tensors\":{\"x\":{\"shape\":[1],\"dtype\":\"float64\","
	        "\"base64\":\"AAAAAAAA8D8=\"}},\"layers\":[\"square\"],"
	        "\"grad_output\":[1],\"encoding\":\"base64\"}");
	torture("per sample", "POST", "/grad",
	        TENSORS "\"layers\":[\"linear\"],\"loss\":\"mse\",\"per_sample\":true}");
	torture("batched", "POST", "/grad",
	        TENSORS "\"layers\":[\"linear\"],\"grad_output\":[[[1]],[[2]]],\"batched\":true}");
	torture("jvp", "POST", "/jvp",
	        TENSORS "\"layers\":[\"linear\"],\"tangents\":{\"x\":[[1,2]],\"b\":\"b\"}}");
	torture("jacobian", "POST", "/jacobian",
	        TENSORS "\"layers\":[\"linear\",\"tanh\"],\"layout\":\"denominator\"}");
	torture("hvp", "POST", "/hvp",
	        TENSORS "\"layers\":[\"linear\"],\"loss\":\"mse\",\"vectors\":{\"b\":[1]}}");
	torture("hessian", "POST", "/hessian",
	        TENSORS "\"layers\":[{\"op\":\"linear\",\"output\":\"y\"}],"
	                "\"loss\":\"mse\",\"wrt\":[\"W\",\"y\"]}");
	torture("forward", "POST", "/forward", TENSORS "\"layers\":[\"linear\"]}");
	torture("many tensors", "POST", "/grad",
	        "{\"tensors\":{\"x\":[1],\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,"
	        "\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1},\"layers\":[\"exp\","
	        "{\"op\":\"add\",\"other\":\"n\"},{\"op\":\"sum\"}]}");
	torture("ctc", "POST", "/grad",
	        "{\"tensors\":{\"x\":[[[-1,-2]],[[-2,-1]]],\"t\":[[1]],\"il\":[2],\"tl\":[1]},"
	        "\"layers\":[],\"loss\":{\"op\":\"ctc\",\"log_probs\":\"x\",\"targets\":\"t\","
	        "\"input_lengths\":\"il\",\"target_lengths\":\"tl\",\"zero_infinity\":true}}");
	torture("distances", "POST", "/grad",
	        "{\"tensors\":{\"x\":[[1,2],[3,4],[1,0]],\"p\":[[2,2]],\"n\":[[0,1]]},"
	        "\"layers\":[{\"op\":\"cdist\",\"x2\":\"x\",\"p\":1},\"pdist\",{\"op\":"
	        "\"unsqueeze\",\"dim\":1}],\"loss\":{\"op\":\"triplet_margin\",\"positive\":\"p\","
	        "\"negative\":\"n\",\"swap\":true}}");
	torture("classes", "POST", "/grad",
	        "{\"tensors\":{\"x\":[[1,2],[3,4]],\"t\":[[1,-1],[0,1]],\"u\":[0,1],\"w\":[1,2]},"
	        "\"layers\":[{\"op\":\"multilabel_margin_loss\",\"target\":\"t\",\"output\":\"a\"},"
	        "{\"op\":\"multi_margin_loss\",\"input\":\"x\",\"target\":\"u\",\"weight\":\"w\"}]"
	        "}");
	torture("networks", "POST", "/grad",
	        "{\"tensors\":{\"x\":[[1,2],[3,5]],\"w\":[[1,0],[0,1],[1,1],[1,0],[0,1],[1,1]],"
	        "\"o\":[[1,2],[3,4]],\"m\":[[false,true],[false,false]],\"i\":[[1,2],[1,2],[1,2],"
	        "[1,2]],\"h\":[[1],[2],[3],[4]]},\"layers\":[{\"op\":\"layer_norm\","
	        "\"normalized_shape\":2},"
	        "{\"op\":\"multi_head_attention\",\"num_heads\":2,\"inputs\":[\"x\",\"x\","
	        "\"x\",\"w\",null,\"o\",null,\"m\"]},{\"op\":\"dropout\",\"seed\":1},{\"op\":"
	        "\"lstm\",\"bidirectional\":true,\"has_biases\":false,\"weights\":[\"i\",\"h\","
	        "\"i\",\"h\"]},{\"op\":\"sum\"}]}");
	torture("large answer", "POST", "/forward", big_answer);
	torture("large body", "POST", "/grad", big_sum);
	torture("huge body", "POST", "/grad", huge_sum);
	torture("malformed", "POST", "/grad", "{\"tensors\":{\"x\":[1,2,}");
	torture("ragged", "POST", "/grad", "{\"tensors\":{\"x\":[[1,2],[3]]},\"layers\":[]}");
	torture("unknown op", "POST", "/grad", "{\"tensors\":{\"x\":[1]},\"layers\":[\"rellu\"]}");
	torture("shapes", "POST", "/grad",
	        "{\"tensors\":{\"x\":[[1]],\"W\":[[1],[2]]},\"layers\":[{\"op\":\"matmul\","
	        "\"other\":\"W\"}]}");
	torture("duplicate key", "POST", "/grad", "{\"tensors\":{},\"tensors\":{}}");
	torture("not found", "GET", "/nowhere", "");
	torture("wrong method", "DELETE", "/grad", "");
	torture("healthz", "GET", "/healthz", "");
	torture("version", "GET", "/version", "");
	torture("ops", "GET", "/ops", "");
	torture("options", "OPTIONS", "/grad", "");
	free(big_answer);
	free(big_sum);
	free(huge_sum);
	printf("%d failures\n", failures);
	return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
