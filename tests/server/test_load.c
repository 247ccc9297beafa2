/* Many at once: large requests wait in line and do not hold up small ones. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "tests/server/gradd.h"
#include "tests/support/test.h"

static struct gradd g;
static struct reply r;

static void send_post(struct client *c, const char *body)
{
	char head[256];
	snprintf(head, sizeof head, "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n",
	         strlen(body));
	ck_assert(client_puts(c, head));
	ck_assert(client_puts(c, body));
}

START_TEST(small_ones_do_not_wait)
{
	struct client slow, small;
	gradd_start(&g, "--threads", "1", "--workers", "1", "--blas-threads", "1", NULL);
	client_open(&slow, &g);
	client_open(&small, &g);
	send_post(&slow, slow_request());
	sleep_ms(30);
	/* All these are answered while the other calculates, on the only thread for connections. */
	for (int i = 0; i < 5; i++) {
		client_post(&small, "/grad", example, &r);
		check_example(&r);
		reply_free(&r);
	}
	ck_assert_uint_eq(slow.length, 0);
	ck_assert(client_read(&slow, &r, false));
	ck_assert_int_eq(r.status, 200);
	reply_free(&r);
	client_close(&slow);
	client_close(&small);
	gradd_stop(&g);
}
END_TEST

START_TEST(full_queue)
{
	enum { MANY = 5 };
	struct client all[MANY];
	char value[256];
	int answered = 0, turned_away = 0;
	gradd_start(&g, "--workers", "1", "--queue", "1", NULL);
	for (int i = 0; i < MANY; i++) {
		client_open(&all[i], &g);
		send_post(&all[i], slow_request());
	}
	for (int i = 0; i < MANY; i++) {
		ck_assert(client_read(&all[i], &r, false));
		if (r.status == 200) {
			answered++;
		} else {
			check_problem(&r, 503, "overloaded");
			ck_assert_ptr_nonnull(reply_header(&r, "Retry-After", value));
			ck_assert_int_ge(atoi(value), 1);
			turned_away++;
		}
		reply_free(&r);
	}
	/* One ran and one waited; a later one found room only if these were very fast. */
	ck_assert_int_ge(answered, 2);
	ck_assert_int_ge(turned_away, 1);
	/* The connections are as good as before. */
	for (int i = 0; i < MANY; i++) {
		client_post(&all[i], "/grad", example, &r);
		check_example(&r);
		reply_free(&r);
		client_close(&all[i]);
	}
	gradd_stop(&g);
}
END_TEST

/* Each request over the queue, so that suspending and resuming is what is tried. */
static atomic_int wrong;

static void *hammer(void *arg)
{
	struct client c;
	struct reply reply;
	int rounds = *(const int *)arg;
	client_open(&c, &g);
	for (int i = 0; i < rounds; i++) {
		client_post(&c, "/grad", example, &reply);
		if (reply.status != 200 || !reply_has(&reply, "\"loss\":6.25"))
			atomic_fetch_add(&wrong, 1);
		reply_free(&reply);
		if (i % 50 == 49) {
			client_close(&c);
			client_open(&c, &g);
		}
	}
	client_close(&c);
	return NULL;
}

static void run_hammers(int threads, int rounds)
{
	pthread_t thread[16];
	atomic_store(&wrong, 0);
	for (int i = 0; i < threads; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, hammer, &rounds), 0);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	ck_assert_int_eq(atomic_load(&wrong), 0);
}

START_TEST(everything_through_the_queue)
{
	gradd_start(&g, "--offload", "0", "--workers", "3", "--threads", "3", NULL);
	run_hammers(8, 100);
	gradd_stop(&g);
}
END_TEST

START_TEST(small_and_large_together)
{
	struct client slow[2];
	gradd_start(&g, "--threads", "2", NULL);
	for (int i = 0; i < 2; i++) {
		client_open(&slow[i], &g);
		send_post(&slow[i], slow_request());
	}
	run_hammers(8, 100);
	for (int i = 0; i < 2; i++) {
		ck_assert(client_read(&slow[i], &r, false));
		ck_assert_int_eq(r.status, 200);
		reply_free(&r);
		client_close(&slow[i]);
	}
	gradd_stop(&g);
}
END_TEST

/* More connections than are served wait until one is free. */
START_TEST(connection_limit)
{
	struct client first[4], late;
	gradd_start(&g, "--connections", "4", "--threads", "1", NULL);
	for (int i = 0; i < 4; i++) {
		client_open(&first[i], &g);
		client_post(&first[i], "/grad", example, &r);
		reply_free(&r);
	}
	client_open(&late, &g);
	send_post(&late, example);
	sleep_ms(100);
	for (int i = 0; i < 4; i++)
		client_close(&first[i]);
	ck_assert(client_read(&late, &r, false));
	check_example(&r);
	reply_free(&r);
	client_close(&late);
	gradd_stop(&g);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server load");
	TCase *t = tcase_create("load");
	tcase_set_timeout(t, 240);
	tcase_add_test(t, small_ones_do_not_wait);
	tcase_add_test(t, full_queue);
	tcase_add_test(t, everything_through_the_queue);
	tcase_add_test(t, small_and_large_together);
	tcase_add_test(t, connection_limit);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
