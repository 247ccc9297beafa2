/* The command line: options, gradd call, gradd probe. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/server/gradd.h"
#include "tests/support/test.h"

static char out[65536], err[65536];

#define RUN(...) gradd_run(NULL, out, err, sizeof out, __VA_ARGS__, NULL)

static size_t lines(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

START_TEST(help)
{
	static const char *const named[] = {
	        "--host",       "--port",  "--threads",     "--workers",   "--queue",
	        "--timeout",    "--grace", "--connections", "--log-level", "--max-body",
	        "--max-memory", "call",    "probe",         "GRADD_"};
	ck_assert_int_eq(RUN("--help"), 0);
	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
		ck_assert_msg(strstr(out, named[i]) != NULL, "no %s in the help", named[i]);
	ck_assert_str_eq(err, "");
	for (const char *s = out; *s;) {
		size_t n = strcspn(s, "\n");
		ck_assert_msg(n <= 110, "a long line: %.*s", (int)n, s);
		s += n + (s[n] == '\n');
	}
}
END_TEST

START_TEST(version)
{
	ck_assert_int_eq(RUN("--version"), 0);
	ck_assert_int_eq(strncmp(out, "gradd ", 6), 0);
	ck_assert_uint_eq(lines(out), 1);
}
END_TEST

static const struct {
	const char *args[4];
	const char *says;
} bad[] = {
        {{"--prot", "1"}, "did you mean --port?"},
        {{"--port"}, "--port needs a value"},
        {{"--port", "x"}, "from 0 to 65535"},
        {{"--port", "65536"}, "from 0 to 65535"},
        {{"--port", "-1"}, "from 0 to 65535"},
        {{"--port="}, "from 0 to 65535"},
        {{"--host="}, "needs a value"},
        {{"--max-body", "12Q"}, "64K"},
        {{"--max-body", "1MB"}, "64K"},
        {{"--max-body", "99999999999999999999"}, "64K"},
        {{"--max-body", "99999999999999G"}, "64K"},
        {{"--max-nesting", "0"}, "from 1 on"},
        {{"--threads", "1.5"}, "whole number"},
        {{"--log-level", "loud"}, "debug"},
        {{"-p", "1"}, "there is no option -p"},
        {{"---"}, "there is no option"},
        {{"start"}, "no such command"},
        {{"probe", "x"}, "arguments"},
        {{"call"}, "needs a path"},
        {{"call", "grad"}, "needs a path"},
        {{"call", "/grad", "a", "b"}, "too many"},
};

START_TEST(bad_options)
{
	const char *const *a = bad[_i].args;
	ck_assert_int_eq(gradd_run(NULL, out, err, sizeof out, a[0], a[1], a[2], a[3], NULL), 2);
	ck_assert_str_eq(out, "");
	ck_assert_uint_eq(lines(err), 1);
	ck_assert_msg(strstr(err, bad[_i].says) != NULL, "\"%s\" is not in: %s", bad[_i].says, err);
}
END_TEST

START_TEST(bad_environment)
{
	setenv("GRADD_PORT", "abc", 1);
	ck_assert_int_eq(RUN("probe"), 2);
	ck_assert_ptr_nonnull(strstr(err, "GRADD_PORT"));
	unsetenv("GRADD_PORT");
}
END_TEST

START_TEST(bad_host)
{
	ck_assert_int_eq(RUN("--host", "192.0.2.1", "--port", "0"), 1);
	ck_assert_ptr_nonnull(strstr(err, "192.0.2.1"));
	ck_assert_uint_eq(lines(err), 1);
	ck_assert_int_eq(RUN("--host", "no such host", "--port", "0"), 1);
	ck_assert_ptr_nonnull(strstr(err, "no such host"));
}
END_TEST

/* The command line over the environment over the default. */
START_TEST(environment)
{
	struct gradd g;
	struct client c;
	struct reply r;
	char body[200];
	memset(body, ' ', sizeof body - 1);
	body[sizeof body - 1] = '\0';
	setenv("GRADD_MAX_BODY", "100", 1);
	gradd_start(&g, NULL);
	client_open(&c, &g);
	client_post(&c, "/grad", body, &r);
	check_problem(&r, 413, "body_too_large");
	reply_free(&r);
	client_close(&c);
	gradd_stop(&g);
	gradd_start(&g, "--max-body=1K", NULL);
	ck_assert_int_eq(ask(&g, "POST", "/grad", example), 200);
	gradd_stop(&g);
	unsetenv("GRADD_MAX_BODY");
}
END_TEST

static void check_output(void)
{
	struct reply r = {.status = 200, .body = out, .length = strlen(out)};
	check_example(&r);
	ck_assert_int_eq(out[strlen(out) - 1], '\n');
	ck_assert_int_ne(out[strlen(out) - 2], '\n');
}

START_TEST(call)
{
	char name[] = "/tmp/gradd-test-XXXXXX";
	int fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, example, strlen(example)), (ssize_t)strlen(example));
	close(fd);
	ck_assert_int_eq(RUN("call", "/grad", name), 0);
	check_output();
	ck_assert_str_eq(err, "");
	/* Options anywhere. */
	ck_assert_int_eq(RUN("--max-body", "1K", "call", "--max-nodes=1000", "/grad", name), 0);
	check_output();
	ck_assert_int_eq(RUN("call", "/grad", name, "--max-body", "10"), 1);
	ck_assert_ptr_nonnull(strstr(out, "body_too_large"));
	ck_assert_int_eq(RUN("call", "/healthz", name), 2);
	unlink(name);
	ck_assert_int_eq(RUN("call", "/grad", name), 2);
	ck_assert_ptr_nonnull(strstr(err, "No such file"));
	ck_assert_int_eq(RUN("call", "/grad", "/tmp"), 2);
}
END_TEST

START_TEST(call_with_standard_input)
{
	ck_assert_int_eq(gradd_run(example, out, err, sizeof out, "call", "/grad", NULL), 0);
	check_output();
	ck_assert_int_eq(gradd_run(example, out, err, sizeof out, "call", "/grad", "-", NULL), 0);
	check_output();
	ck_assert_int_eq(gradd_run("{\"tensors\":", out, err, sizeof out, "call", "/grad", NULL),
	                 1);
	ck_assert_ptr_nonnull(strstr(out, "malformed_json"));
	ck_assert_int_eq(gradd_run("", out, err, sizeof out, "call", "/grad", NULL), 1);
}
END_TEST

START_TEST(call_without_a_body)
{
	ck_assert_int_eq(RUN("call", "/healthz"), 0);
	ck_assert_uint_gt(strlen(out), 1);
	ck_assert_int_eq(RUN("call", "/version"), 0);
	ck_assert_int_eq(RUN("call", "/ops"), 0);
	ck_assert_int_eq(RUN("call", "/nothing"), 1);
	ck_assert_ptr_nonnull(strstr(out, "not_found"));
}
END_TEST

START_TEST(call_with_a_large_answer)
{
	char request[256];
	static char large[4 << 20], no_error[65536];
	int status = gradd_run(wide_request(300, request), large, no_error, sizeof no_error, "call",
	                       "/forward", NULL);
	ck_assert_int_eq(status, 0);
	/* Cut to the size of the smaller buffer; what is there is whole. */
	ck_assert_uint_eq(strlen(large), sizeof no_error - 1);
	ck_assert_ptr_nonnull(strstr(large, "1.5"));
}
END_TEST

START_TEST(probe)
{
	struct gradd g;
	char port[16];
	gradd_start(&g, NULL);
	snprintf(port, sizeof port, "%d", g.port);
	ck_assert_int_eq(RUN("probe", "--port", port), 0);
	ck_assert_str_eq(out, "");
	ck_assert_str_eq(err, "");
	ck_assert_int_eq(RUN("probe", "--port", port, "--host", "0.0.0.0"), 0);
	ck_assert_int_eq(RUN("probe", "--port", port, "--host", "localhost"), 0);
	gradd_stop(&g);
	ck_assert_int_eq(RUN("probe", "--port", port), 1);
	ck_assert_uint_eq(lines(err), 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server command");
	TCase *t = tcase_create("command");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, help);
	tcase_add_test(t, version);
	tcase_add_loop_test(t, bad_options, 0, (int)(sizeof bad / sizeof bad[0]));
	tcase_add_test(t, bad_environment);
	tcase_add_test(t, bad_host);
	tcase_add_test(t, environment);
	tcase_add_test(t, call);
	tcase_add_test(t, call_with_standard_input);
	tcase_add_test(t, call_without_a_body);
	tcase_add_test(t, call_with_a_large_answer);
	tcase_add_test(t, probe);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
