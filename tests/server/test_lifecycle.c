/* Start, drain and end of the server. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/server/gradd.h"
#include "tests/support/test.h"

static struct gradd g;
static struct client c;
static struct reply r;

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void send_half(struct client *to, const char *body)
{
	char head[256];
	snprintf(head, sizeof head, "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n",
	         strlen(body));
	ck_assert(client_puts(to, head));
	ck_assert(client_send(to, body, strlen(body) / 2));
}

static void send_rest(struct client *to, const char *body)
{
	ck_assert(client_puts(to, body + strlen(body) / 2));
}

/* By another program, because client_open insists. */
static bool refused(void)
{
	char port[16], out[1024], err[1024];
	snprintf(port, sizeof port, "%d", g.port);
	return gradd_run(NULL, out, err, sizeof out, "probe", "--port", port, NULL) == 1;
}

START_TEST(greeting)
{
	gradd_start(&g, NULL);
	ck_assert_int_eq(strncmp(g.line, "gradd ", 6), 0);
	ck_assert_ptr_nonnull(strstr(g.line, " listening on http://127.0.0.1:"));
	gradd_stop(&g);
}
END_TEST

START_TEST(ends_when_idle)
{
	static const int signals[] = {SIGTERM, SIGINT};
	for (int i = 0; i < 2; i++) {
		gradd_start(&g, NULL);
		double start = seconds();
		kill(g.pid, signals[i]);
		ck_assert_int_eq(gradd_wait(&g), 0);
		ck_assert_double_lt(seconds() - start, 3);
	}
}
END_TEST

START_TEST(idle_connections_do_not_hold_it)
{
	struct client idle[20];
	gradd_start(&g, NULL);
	for (int i = 0; i < 20; i++) {
		client_open(&idle[i], &g);
		if (i % 2) {
			client_post(&idle[i], "/grad", example, &r);
			reply_free(&r);
		}
	}
	double start = seconds();
	gradd_stop(&g);
	ck_assert_double_lt(seconds() - start, 5);
	for (int i = 0; i < 20; i++)
		client_close(&idle[i]);
}
END_TEST

/* An upload that is on its way when the signal comes is answered. */
START_TEST(finishes_an_upload)
{
	gradd_start(&g, NULL);
	client_open(&c, &g);
	send_half(&c, example);
	sleep_ms(100);
	kill(g.pid, SIGTERM);
	sleep_ms(300);
	ck_assert(refused());
	send_rest(&c, example);
	ck_assert(client_read(&c, &r, false));
	check_example(&r);
	char value[256];
	ck_assert_pstr_eq(reply_header(&r, "Connection", value), "close");
	reply_free(&r);
	ck_assert(client_closed(&c));
	client_close(&c);
	ck_assert_int_eq(gradd_wait(&g), 0);
}
END_TEST

START_TEST(finishes_a_calculation)
{
	gradd_start(&g, "--grace", "60", NULL);
	client_open(&c, &g);
	const char *slow = slow_request();
	send_half(&c, slow);
	send_rest(&c, slow);
	sleep_ms(50);
	kill(g.pid, SIGTERM);
	ck_assert(client_read(&c, &r, false));
	ck_assert_int_eq(r.status, 200);
	reply_free(&r);
	client_close(&c);
	ck_assert_int_eq(gradd_wait(&g), 0);
}
END_TEST

START_TEST(readyz_tells)
{
	gradd_start(&g, "--drain-delay", "3", NULL);
	ck_assert_int_eq(ask(&g, "GET", "/readyz", NULL), 200);
	kill(g.pid, SIGTERM);
	sleep_ms(300);
	/* Still accepting: balancers are to notice first. */
	client_open(&c, &g);
	ck_assert(client_puts(&c, "GET /readyz HTTP/1.1\r\nHost: t\r\n\r\n"));
	ck_assert(client_read(&c, &r, false));
	ck_assert_int_eq(r.status, 503);
	reply_free(&r);
	client_close(&c);
	ck_assert_int_eq(ask(&g, "GET", "/healthz", NULL), 200);
	ck_assert_int_eq(ask(&g, "POST", "/grad", example), 200);
	ck_assert_int_eq(gradd_wait(&g), 0);
}
END_TEST

START_TEST(grace_is_limited)
{
	gradd_start(&g, "--grace", "1", NULL);
	client_open(&c, &g);
	send_half(&c, example);
	sleep_ms(100);
	double start = seconds();
	kill(g.pid, SIGTERM);
	ck_assert_int_eq(gradd_wait(&g), 0);
	ck_assert_double_gt(seconds() - start, 0.8);
	ck_assert_double_lt(seconds() - start, 8);
	ck_assert(!client_read(&c, &r, false));
	client_close(&c);
}
END_TEST

/* What waits when the grace is over is not begun, what runs is not waited for. */
START_TEST(grace_with_work_waiting)
{
	struct client all[4];
	const char *slow = slow_request();
	gradd_start(&g, "--grace", "0", "--workers", "1", "--offload", "0", NULL);
	for (int i = 0; i < 4; i++) {
		client_open(&all[i], &g);
		send_half(&all[i], slow);
		send_rest(&all[i], slow);
	}
	sleep_ms(100);
	double start = seconds();
	kill(g.pid, SIGTERM);
	ck_assert_int_eq(gradd_wait(&g), 0);
	ck_assert_double_lt(seconds() - start, 8);
	for (int i = 0; i < 4; i++)
		client_close(&all[i]);
}
END_TEST

START_TEST(second_signal_ends_at_once)
{
	gradd_start(&g, "--grace", "60", NULL);
	client_open(&c, &g);
	send_half(&c, example);
	sleep_ms(100);
	kill(g.pid, SIGTERM);
	sleep_ms(200);
	double start = seconds();
	kill(g.pid, SIGTERM);
	ck_assert_int_eq(gradd_wait(&g), 128 + SIGTERM);
	ck_assert_double_lt(seconds() - start, 3);
	client_close(&c);
}
END_TEST

START_TEST(port_in_use)
{
	char port[16], out[1024], err[1024];
	gradd_start(&g, NULL);
	snprintf(port, sizeof port, "%d", g.port);
	ck_assert_int_eq(gradd_run(NULL, out, err, sizeof out, "--port", port, NULL), 1);
	ck_assert_ptr_nonnull(strstr(err, "in use"));
	gradd_stop(&g);
}
END_TEST

/* From the start of the process to its first answer; generous, because other programs run too. */
START_TEST(starts_fast)
{
	double best = 1e9;
	for (int i = 0; i < 5; i++) {
		double start = seconds();
		gradd_start(&g, NULL);
		ck_assert_int_eq(ask(&g, "POST", "/grad", example), 200);
		double took = seconds() - start;
		best = took < best ? took : best;
		gradd_stop(&g);
	}
	printf("start to first answer: %.1f ms\n", 1e3 * best);
	ck_assert_double_lt(best, 5);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server lifecycle");
	TCase *t = tcase_create("lifecycle");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, greeting);
	tcase_add_test(t, ends_when_idle);
	tcase_add_test(t, idle_connections_do_not_hold_it);
	tcase_add_test(t, finishes_an_upload);
	tcase_add_test(t, finishes_a_calculation);
	tcase_add_test(t, readyz_tells);
	tcase_add_test(t, grace_is_limited);
	tcase_add_test(t, grace_with_work_waiting);
	tcase_add_test(t, second_signal_ends_at_once);
	tcase_add_test(t, port_in_use);
	tcase_add_test(t, starts_fast);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
