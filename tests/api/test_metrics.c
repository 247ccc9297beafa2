/* GET /metrics: what is counted, and the form of the page. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/metrics.h"
#include "api/request.h"
#include "tests/support/test.h"

static struct gd_service service;
static char page[1 << 18];

static void setup(void)
{
	service = (struct gd_service){.limits = GD_LIMITS_INIT, .metrics = gd_metrics_new()};
	ck_assert_ptr_nonnull(service.metrics);
}

static void teardown(void)
{
	gd_metrics_free(service.metrics);
}

/* One request; its answer's text in `page`. */
static int ask(const char *method, const char *path, const char *body)
{
	const struct gd_head head = {.method = method, .path = path, .content_length = -1};
	struct gd_request *r = gd_request_open(&service, &head);
	ck_assert_ptr_nonnull(r);
	gd_request_feed(r, body, strlen(body));
	gd_request_queued(r);
	gd_request_run(r);
	int status = gd_request_answer(r)->status;
	size_t n = 0, got;
	while ((got = gd_request_read(r, page + n, sizeof page - n - 1)) > 0)
		n += got;
	page[n] = '\0';
	gd_request_close(r);
	return status;
}

/* The value on the line that begins with these words, or -1. */
static double value_of(const char *words)
{
	size_t n = strlen(words);
	for (const char *line = page; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, words, n) == 0 && line[n] == ' ')
			return strtod(line + n, NULL);
	}
	return -1;
}

static const char small[] = "{\"tensors\":{\"x\":[[1,2]],\"W\":[[0.5],[-1]],\"b\":[0],"
                            "\"target\":[[1]]},\"layers\":[\"linear\"],\"loss\":\"mse\"}";

START_TEST(requests_are_counted)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ask("POST", "/grad", small), 200);
	ck_assert_int_eq(ask("POST", "/grad", "{"), 400);
	ck_assert_int_eq(ask("GET", "/nowhere", ""), 404);
	ck_assert_int_eq(ask("GET", "/healthz", ""), 200);
	ck_assert_int_eq(ask("GET", "/metrics", ""), 200);
	ck_assert_double_eq(value_of("gradd_requests_total{endpoint=\"/grad\",code=\"200\"}"), 3);
	ck_assert_double_eq(value_of("gradd_requests_total{endpoint=\"/grad\",code=\"400\"}"), 1);
	ck_assert_double_eq(value_of("gradd_requests_total{endpoint=\"other\",code=\"404\"}"), 1);
	ck_assert_double_eq(value_of("gradd_requests_total{endpoint=\"/healthz\",code=\"200\"}"),
	                    1);
	/* Its own request is not over yet. */
	ck_assert_double_eq(value_of("gradd_requests_total{endpoint=\"/metrics\",code=\"200\"}"),
	                    -1);
	/* x, W, b and target in; the loss and the gradients of the first three out. */
	ck_assert_double_eq(value_of("gradd_numbers_total{direction=\"in\"}"), 3 * 6);
	ck_assert_double_eq(value_of("gradd_numbers_total{direction=\"out\"}"), 3 * 6);
	ck_assert_double_eq(value_of("gradd_body_bytes_total{direction=\"in\"}"),
	                    3.0 * (sizeof small - 1) + 1);
	ck_assert_double_gt(value_of("gradd_body_bytes_total{direction=\"out\"}"), 3 * 60);
}
END_TEST

START_TEST(phases_are_timed)
{
	static const char *const phases[] = {"receive", "parse", "queue", "compute", "write"};
	char words[160];
	ask("POST", "/grad", small);
	ask("GET", "/metrics", "");
	for (int i = 0; i < GD_PHASES; i++) {
		snprintf(words, sizeof words,
		         "gradd_request_duration_seconds_count{endpoint=\"/grad\",phase=\"%s\"}",
		         phases[i]);
		ck_assert_msg(value_of(words) == 1, "%s in %s", words, page);
		snprintf(words, sizeof words,
		         "gradd_request_duration_seconds_sum{endpoint=\"/grad\",phase=\"%s\"}",
		         phases[i]);
		ck_assert_double_ge(value_of(words), 0);
		ck_assert_double_lt(value_of(words), 10);
	}
	ck_assert_double_eq(value_of("gradd_request_memory_bytes_count"), 1);
	ck_assert_double_gt(value_of("gradd_request_memory_bytes_sum"), 1000);
}
END_TEST

static void read_gauges(void *cls, struct gd_gauges *gauges)
{
	(void)cls;
	*gauges = (struct gd_gauges){.active = 1,
	                             .queued = 2,
	                             .queue_limit = 3,
	                             .threads = 4,
	                             .workers = 5,
	                             .blas_threads = 6};
}

START_TEST(gauges_are_read)
{
	gd_metrics_watch(service.metrics, read_gauges, NULL);
	atomic_store(&service.draining, true);
	ask("GET", "/metrics", "");
	ck_assert_double_eq(value_of("gradd_requests_active"), 1);
	ck_assert_double_eq(value_of("gradd_queue_requests"), 2);
	ck_assert_double_eq(value_of("gradd_queue_limit_requests"), 3);
	ck_assert_double_eq(value_of("gradd_threads{role=\"connections\"}"), 4);
	ck_assert_double_eq(value_of("gradd_threads{role=\"workers\"}"), 5);
	ck_assert_double_eq(value_of("gradd_threads{role=\"blas\"}"), 6);
	ck_assert_double_eq(value_of("gradd_draining"), 1);
	ck_assert_double_gt(value_of("process_resident_memory_bytes"), 1e6);
	ck_assert_double_gt(value_of("process_cpu_seconds_total"), 0);
	ck_assert_double_gt(value_of("process_start_time_seconds"), 1.7e9);
	ck_assert_double_gt(value_of("process_open_fds"), 2);
	ck_assert_double_ge(value_of("process_max_fds"), value_of("process_open_fds"));
}
END_TEST

/* Each row has its HELP and TYPE, each line a name of the table and a number; buckets only grow. */
START_TEST(the_page_is_well_formed)
{
	static const char *const names[] = {
#define GD_METRIC(id, name, type, help) name,
#include "api/metrics.def"
	};
	double before = 0;
	ask("POST", "/grad", small);
	ask("POST", "/forward", "[]");
	ask("GET", "/metrics", "");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char line[128];
		snprintf(line, sizeof line, "\n# TYPE %s ", names[i]);
		ck_assert_msg(strstr(page, line) != NULL, "%s", names[i]);
		snprintf(line, sizeof line, "# HELP %s ", names[i]);
		ck_assert_msg(strstr(page, line) != NULL, "%s", names[i]);
	}
	ck_assert_int_eq(page[strlen(page) - 1], '\n');
	for (char *rest, *line = strtok_r(page, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (*line == '#')
			continue;
		char *space = strrchr(line, ' '), *end;
		ck_assert_ptr_nonnull(space);
		double value = strtod(space + 1, &end);
		ck_assert_msg(!*end && end > space + 1, "%s", line);
		bool known = false;
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			known = known || strncmp(line, names[i], strlen(names[i])) == 0;
		ck_assert_msg(known, "%s", line);
		if (strstr(line, "_bucket{")) {
			ck_assert_msg(strstr(line, "le=\"0.0001\"") ||
			                      strstr(line, "le=\"16384\"") || value >= before,
			              "%s", line);
			before = value;
		}
	}
}
END_TEST

/* Who takes nothing but JSON is not given text; Prometheus' own header is taken. */
START_TEST(its_type_is_negotiated)
{
	const char *accept[] = {"text/plain", "*/*", "application/json",
	                        "application/openmetrics-text;version=1.0.0;q=0.8,"
	                        "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"};
	for (int i = 0; i < 4; i++) {
		const struct gd_head head = {
		        .method = "GET", .path = "/metrics", .accept = accept[i]};
		struct gd_request *r = gd_request_open(&service, &head);
		gd_request_run(r);
		const struct gd_answer *a = gd_request_answer(r);
		ck_assert_int_eq(a->status, i == 2 ? 406 : 200);
		if (i != 2)
			ck_assert_str_eq(a->content_type, "text/plain; version=0.0.4");
		gd_request_close(r);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("api/metrics");
	TCase *t = tcase_create("metrics");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, requests_are_counted);
	tcase_add_test(t, phases_are_timed);
	tcase_add_test(t, gauges_are_read);
	tcase_add_test(t, the_page_is_well_formed);
	tcase_add_test(t, its_type_is_negotiated);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
