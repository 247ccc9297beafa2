/* api/request: the façade, from the head to the last byte of the answer. */
#include <stdio.h>
#include <string.h>

#include "api/endpoint.h"
#include "api/media.h"
#include "api/request.h"
#include "tests/support/test.h"

static struct gd_service service;
static struct gd_request *request;
static char text[1 << 20];

static const char small[] = "{\"tensors\":{\"x\":[[1,2]],\"W\":[[0.5],[-1]],\"b\":[0],"
                            "\"target\":[[1]]},\"layers\":[\"linear\"],\"loss\":\"mse\"}";

static void setup(void)
{
	service = (struct gd_service){.limits = GD_LIMITS_INIT};
	request = NULL;
}

static void teardown(void)
{
	gd_request_close(request);
}

static void open_with(struct gd_head head)
{
	gd_request_close(request);
	request = gd_request_open(&service, &head);
	ck_assert_ptr_nonnull(request);
}

static void open(const char *method, const char *path)
{
	open_with((struct gd_head){.method = method, .path = path, .content_length = -1});
}

/* The answer's text by reading; where it is whole, both ways are the same. */
static const char *answer_text(void)
{
	const struct gd_answer *a = gd_request_answer(request);
	size_t at = 0, n;

	while ((n = gd_request_read(request, text + at, 100)) > 0)
		at += n;
	text[at] = '\0';
	if (a->body) {
		ck_assert_int_eq(a->length, (int64_t)at);
		ck_assert_int_eq(memcmp(a->body, text, at), 0);
	} else {
		ck_assert_int_eq(a->length, GD_LENGTH_UNKNOWN);
	}
	return text;
}

static void check_problem(enum gd_code code)
{
	const struct gd_answer *a = gd_request_answer(request);
	char part[100];

	ck_assert(gd_request_settled(request));
	ck_assert_int_eq(a->status, gd_code_status(code));
	ck_assert_str_eq(a->content_type, "application/problem+json");
	snprintf(part, sizeof part, "\"code\":\"%s\"", gd_code_name(code));
	ck_assert_ptr_nonnull(a->body);
	strcpy(text, a->body);
	ck_assert_msg(strstr(text, part) != NULL, "%s: %s", part, text);
	ck_assert(!gd_request_feed(request, "x", 1));
	ck_assert_double_eq(gd_request_cost(request), 0);
	gd_request_run(request);
	ck_assert_int_eq(a->status, gd_code_status(code));
}

static const char *post(const char *path, const char *body)
{
	open("POST", path);
	gd_request_feed(request, body, strlen(body));
	gd_request_run(request);
	return answer_text();
}

START_TEST(a_gradient)
{
	const char *answer = post("/grad", small);

	ck_assert_int_eq(gd_request_answer(request)->status, 200);
	ck_assert_str_eq(gd_request_answer(request)->content_type, "application/json");
	ck_assert_str_eq(answer, "{\"loss\":6.25,\"gradients\":{\"x\":[[-2.5,5]],"
	                         "\"W\":[[-5],[-10]],\"b\":[-5]}}");
}
END_TEST

START_TEST(fed_byte_by_byte)
{
	char expected[1000];

	strcpy(expected, post("/grad", small));
	open("POST", "/grad");
	for (size_t i = 0; i < strlen(small); i++)
		ck_assert(gd_request_feed(request, small + i, 1));
	ck_assert(!gd_request_settled(request));
	ck_assert_double_gt(gd_request_cost(request), 0);
	ck_assert(!gd_request_settled(request));
	gd_request_run(request);
	ck_assert_str_eq(answer_text(), expected);
}
END_TEST

/* An answer of some 2 MB is read in blocks. */
START_TEST(a_large_answer_is_streamed)
{
	enum { N = 300 };
	static char body[N * N * 2 + 2 * N + 200];
	char *p = body;

	p += sprintf(p, "{\"layers\":[\"exp\"],\"tensors\":{\"x\":[");
	for (int i = 0; i < N; i++) {
		*p++ = '[';
		for (int j = 0; j < N; j++) {
			*p++ = (char)('1' + (i + j) % 9);
			*p++ = ',';
		}
		p[-1] = ']';
		*p++ = ',';
	}
	strcpy(p - 1, "]}}");

	static char whole[4 << 20];
	size_t at = 0, n;

	open("POST", "/forward");
	ck_assert(gd_request_feed(request, body, strlen(body)));
	ck_assert_double_ge(gd_request_cost(request), N * N);
	gd_request_run(request);
	ck_assert_int_eq(gd_request_answer(request)->status, 200);
	ck_assert_ptr_null(gd_request_answer(request)->body);
	ck_assert_int_eq(gd_request_answer(request)->length, GD_LENGTH_UNKNOWN);
	while ((n = gd_request_read(request, whole + at, 5000)) > 0)
		at += n;
	whole[at] = '\0';
	ck_assert_int_eq(strncmp(whole, "{\"output\":[[2.718281828459045,7.3890560989306", 44), 0);
	ck_assert_str_eq(whole + at - 3, "]]}");
}
END_TEST

START_TEST(health)
{
	open("GET", "/healthz");
	gd_request_run(request);
	ck_assert_str_eq(answer_text(), "{\"status\":\"ok\"}");
	open("HEAD", "/healthz");
	gd_request_run(request);
	ck_assert_int_eq(gd_request_answer(request)->status, 200);
	ck_assert_int_eq(gd_request_answer(request)->length, 15);

	open("GET", "/readyz");
	gd_request_run(request);
	ck_assert_str_eq(answer_text(), "{\"status\":\"ready\"}");
	atomic_store(&service.draining, true);
	open("GET", "/readyz");
	gd_request_run(request);
	check_problem(GD_ERR_draining);
	ck_assert_int_gt(gd_request_answer(request)->retry_after, 0);
	open("GET", "/healthz");
	gd_request_run(request);
	ck_assert_int_eq(gd_request_answer(request)->status, 200);

	open("GET", "/version");
	gd_request_run(request);
	ck_assert_int_eq(strncmp(answer_text(), "{\"name\":\"gradd\",\"version\":\"", 27), 0);
}
END_TEST

START_TEST(the_body_of_a_get_is_ignored)
{
	open_with((struct gd_head){.method = "GET",
	                           .path = "/healthz",
	                           .content_type = "text/plain",
	                           .content_length = 3});
	ck_assert(gd_request_feed(request, "{[}", 3));
	gd_request_run(request);
	ck_assert_int_eq(gd_request_answer(request)->status, 200);
}
END_TEST

START_TEST(paths_and_methods)
{
	open("POST", "/gard");
	check_problem(GD_ERR_not_found);
	ck_assert_ptr_nonnull(strstr(text, "did you mean \\\"/grad\\\"?"));
	ck_assert_ptr_null(gd_request_answer(request)->allow);
	open("POST", "/grad/");
	check_problem(GD_ERR_not_found);
	open("GET", "/");
	check_problem(GD_ERR_not_found);
	ck_assert_ptr_nonnull(strstr(text, "\"hint\":\"there are /grad, "));
	open("GET", "/\xFF\"\x01");
	check_problem(GD_ERR_not_found);
	ck_assert_ptr_nonnull(strstr(text, "/\\ufffd\\\"\\u0001"));

	open("GET", "/grad");
	check_problem(GD_ERR_method_not_allowed);
	ck_assert_str_eq(gd_request_answer(request)->allow, "OPTIONS, POST");
	open("POST", "/healthz");
	check_problem(GD_ERR_method_not_allowed);
	ck_assert_str_eq(gd_request_answer(request)->allow, "GET, HEAD, OPTIONS");
	open("get", "/healthz");
	check_problem(GD_ERR_method_not_allowed);

	open("OPTIONS", "/grad");
	ck_assert(gd_request_settled(request));
	ck_assert_int_eq(gd_request_answer(request)->status, 204);
	ck_assert_str_eq(gd_request_answer(request)->allow, "OPTIONS, POST");
	ck_assert_str_eq(answer_text(), "");
	open("OPTIONS", "*");
	ck_assert_str_eq(gd_request_answer(request)->allow, "GET, HEAD, OPTIONS, POST");
	open("OPTIONS", "/nowhere");
	check_problem(GD_ERR_not_found);
	open("GET", "*");
	ck_assert_int_ge(gd_request_answer(request)->status, 400);

	ck_assert_str_eq(gd_endpoint_method("/grad"), "POST");
	ck_assert_str_eq(gd_endpoint_method("/ops"), "GET");
	ck_assert_ptr_null(gd_endpoint_method("/"));
}
END_TEST

START_TEST(content_types)
{
	static const struct {
		const char *type;
		bool read;
	} cases[] = {
	        {NULL, true},
	        {"", true},
	        {"application/json", true},
	        {"Application/JSON ; charset=utf-8", true},
	        {"application/x-www-form-urlencoded", true},
	        {"application/json;", true},
	        {"text/plain", false},
	        {"application/jsonx", false},
	        {"application", false},
	        {"text/html; application/json", false},
	        {"multipart/form-data; boundary=x", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_int_eq(gd_media_reads_json(cases[i].type), cases[i].read);
		open_with((struct gd_head){.method = "POST",
		                           .path = "/grad",
		                           .content_type = cases[i].type,
		                           .content_length = -1});
		ck_assert_int_eq(gd_request_settled(request), !cases[i].read);
		if (!cases[i].read)
			check_problem(GD_ERR_unsupported_media_type);
	}
}
END_TEST

START_TEST(accept_headers)
{
	static const struct {
		const char *accept;
		bool takes;
	} cases[] = {
	        {NULL, true},
	        {"", true},
	        {" , ", true},
	        {"*/*", true},
	        {"application/json", true},
	        {"application/*", true},
	        {"application/problem+json", true},
	        {"text/html, application/xhtml+xml, */*;q=0.8", true},
	        {"text/html;level=1;q=0.5 , APPLICATION/JSON;q=0.001", true},
	        {"text/html", false},
	        {"application/json;q=0", false},
	        {"application/json; q=0.000", false},
	        {"*/*, application/json;q=0", false},
	        {"application/json;q=0, */*", false},
	        {"application/*;q=0, */*;q=1", false},
	        {"*/*;q=0, application/json", true},
	        {"application/*;q=0, application/json;q=1", true},
	        {"application/xml;q=1", false},
	        {"application/json;q=0.01", true},
	        {";;;", false},
	        {",,application/json,,", true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_msg(gd_media_takes(cases[i].accept, "application/json") == cases[i].takes,
		              "%s", cases[i].accept);
		open_with((struct gd_head){.method = "GET",
		                           .path = "/healthz",
		                           .accept = cases[i].accept,
		                           .content_length = -1});
		ck_assert_int_eq(gd_request_settled(request), !cases[i].takes);
		if (!cases[i].takes)
			check_problem(GD_ERR_not_acceptable);
	}
}
END_TEST

START_TEST(bodies_over_the_limit)
{
	service.limits.body_bytes = 100;
	open_with((struct gd_head){.method = "POST", .path = "/grad", .content_length = 101});
	check_problem(GD_ERR_body_too_large);

	open_with((struct gd_head){.method = "POST", .path = "/grad", .content_length = 100});
	ck_assert(!gd_request_settled(request));
	open("POST", "/grad");
	for (int i = 0; i < 100; i++)
		ck_assert(gd_request_feed(request, " ", 1));
	ck_assert(!gd_request_feed(request, " ", 1));
	check_problem(GD_ERR_body_too_large);
	open("POST", "/grad");
	ck_assert(!gd_request_feed(request, small, 101));
	check_problem(GD_ERR_body_too_large);
}
END_TEST

START_TEST(bad_bodies)
{
	open("POST", "/grad");
	ck_assert(!gd_request_feed(request, "{\"tensors\" 1", 12));
	check_problem(GD_ERR_malformed_json);
	ck_assert_ptr_nonnull(strstr(text, "\"position\":{\"offset\":11,\"line\":1,"
	                                   "\"column\":12}"));

	post("/grad", "");
	check_problem(GD_ERR_malformed_json);
	post("/grad", "{\"tensors\":{}");
	check_problem(GD_ERR_malformed_json);
	post("/grad", "{\"tensors\":{},\"layers\":[],\"layers\":[]}");
	check_problem(GD_ERR_duplicate_key);
	post("/grad", "{\"tensors\":{\"x\":[[1,2],[3]]},\"layers\":[\"exp\"]}");
	check_problem(GD_ERR_ragged_array);
	ck_assert_ptr_nonnull(strstr(text, "\"pointer\":\"/tensors/x/1\""));

	/* The cost finds it first. */
	open("POST", "/grad");
	ck_assert(gd_request_feed(request, "{}", 2));
	ck_assert_double_eq(gd_request_cost(request), 0);
	check_problem(GD_ERR_missing_field);
}
END_TEST

START_TEST(memory_over_the_limit)
{
	static char body[300000];
	size_t n = (size_t)sprintf(body, "{\"tensors\":{\"x\":[");

	while (n < sizeof body - 10)
		n += (size_t)sprintf(body + n, "1,");
	service.limits.memory_bytes = 100000;
	open("POST", "/grad");
	ck_assert(!gd_request_feed(request, body, n));
	check_problem(GD_ERR_limit_exceeded);

	service.limits.memory_bytes = 10; /* not enough for a request at all */
	ck_assert_ptr_null(gd_request_open(
	        &service,
	        &(struct gd_head){.method = "GET", .path = "/healthz", .content_length = -1}));
}
END_TEST

START_TEST(refused)
{
	open("POST", "/grad");
	gd_request_feed(request, small, strlen(small));
	gd_request_refuse(request, GD_ERR_overloaded, "all workers are busy");
	check_problem(GD_ERR_overloaded);
	ck_assert_ptr_nonnull(strstr(text, "all workers are busy"));
	ck_assert_int_gt(gd_request_answer(request)->retry_after, 0);

	open("POST", "/nowhere"); /* whatever stood before */
	gd_request_refuse(request, GD_ERR_request_timeout, "too slow");
	check_problem(GD_ERR_request_timeout);
	ck_assert_int_eq(gd_request_answer(request)->retry_after, 0);
}
END_TEST

/* Every row of the table answers its own method and no other. */
START_TEST(every_endpoint)
{
	size_t n;
	const struct gd_endpoint *e = gd_endpoints(&n);

	ck_assert_uint_gt(n, 0);
	for (size_t i = 0; i < n; i++) {
		bool get = strcmp(e[i].method, "GET") == 0;

		ck_assert_uint_gt(strlen(e[i].summary), 0);
		ck_assert_int_eq(get, e[i].prepare == NULL);
		open(get ? "POST" : "GET", e[i].path);
		check_problem(GD_ERR_method_not_allowed);
		open(e[i].method, e[i].path);
		ck_assert(!gd_request_settled(request));
		if (!get)
			gd_request_feed(request, "[]", 2);
		gd_request_run(request);
		ck_assert_int_eq(gd_request_answer(request)->status, get ? 200 : 422);
		/* closed before it has been read */
		open(e[i].method, e[i].path);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("request");
	TCase *t = tcase_create("request");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_gradient);
	tcase_add_test(t, fed_byte_by_byte);
	tcase_add_test(t, a_large_answer_is_streamed);
	tcase_add_test(t, health);
	tcase_add_test(t, the_body_of_a_get_is_ignored);
	tcase_add_test(t, paths_and_methods);
	tcase_add_test(t, content_types);
	tcase_add_test(t, accept_headers);
	tcase_add_test(t, bodies_over_the_limit);
	tcase_add_test(t, bad_bodies);
	tcase_add_test(t, memory_over_the_limit);
	tcase_add_test(t, refused);
	tcase_add_test(t, every_endpoint);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
