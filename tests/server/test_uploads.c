/* Uploads that end otherwise than planned: too large, hopeless from the first byte, too slow, or
 * given up by the client. The answer must arrive, also where it comes before the end of the body.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "tests/server/gradd.h"
#include "tests/support/test.h"

enum { MIB = 1 << 20 };

static struct gradd g;
static struct client c;
static struct reply r;
static char *junk; /* 1 MiB of '1' */

static void setup(void)
{
	gradd_start(&g, "--max-body", "2M", "--timeout", "2", NULL);
	client_open(&c, &g);
	junk = malloc(MIB);
	ck_assert_ptr_nonnull(junk);
	memset(junk, '1', MIB);
}

static void setup_large(void)
{
	setup();
	client_close(&c);
	gradd_stop(&g);
	gradd_start(&g, NULL);
	client_open(&c, &g);
}

static void teardown(void)
{
	client_close(&c);
	free(junk);
	/* No harm was done, and nothing is left behind. */
	ck_assert_int_eq(ask(&g, "POST", "/grad", example), 200);
	gradd_stop(&g);
}

static void post_head(long long length, const char *more)
{
	char head[512];
	snprintf(head, sizeof head,
	         "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: %lld\r\n%s\r\n", length, more);
	ck_assert(client_puts(&c, head));
}

/* As a client does that looks at the answer only after its last byte. */
static void write_all(int mebibytes)
{
	for (int i = 0; i < mebibytes; i++)
		ck_assert_msg(client_send(&c, junk, MIB), "closed after %d MiB", i);
}

START_TEST(too_large_is_known_from_the_length)
{
	post_head(100LL * MIB, "");
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 413, "body_too_large");
	reply_free(&r);
	ck_assert(client_closed(&c));
}
END_TEST

START_TEST(too_large_and_all_written_first)
{
	post_head(100LL * MIB, "");
	write_all(100);
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 413, "body_too_large");
	reply_free(&r);
}
END_TEST

START_TEST(too_large_with_expect)
{
	post_head(100LL * MIB, "Expect: 100-continue\r\n");
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 413, "body_too_large");
	reply_free(&r);
}
END_TEST

START_TEST(absurd_length)
{
	post_head(9223372036854775807LL, "");
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 413, "body_too_large");
	reply_free(&r);
}
END_TEST

/* A body of `mebibytes` MiB in chunks of 64 KiB, beginning with `start`. */
static void write_chunks(const char *start, int mebibytes)
{
	char line[64];
	ck_assert(client_puts(&c, "POST /grad HTTP/1.1\r\nHost: t\r\n"
	                          "Transfer-Encoding: chunked\r\n\r\n"));
	snprintf(line, sizeof line, "%zx\r\n%s\r\n", strlen(start), start);
	ck_assert(client_puts(&c, line));
	for (int i = 0; i < 16 * mebibytes; i++) {
		ck_assert(client_puts(&c, "10000\r\n"));
		ck_assert(client_send(&c, junk, MIB / 16));
		ck_assert(client_puts(&c, "\r\n"));
	}
	ck_assert(client_puts(&c, "0\r\n\r\n"));
}

START_TEST(too_large_in_chunks)
{
	write_chunks("{\"tensors\":{\"x\":[", 40);
	ck_assert(client_read(&c, &r, false));
	ck_assert_int_eq(r.status / 100, 4);
	reply_free(&r);
}
END_TEST

/* White space never settles the answer before the limit does. */
START_TEST(too_much_space_in_chunks)
{
	memset(junk, ' ', MIB);
	write_chunks(" ", 40);
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 413, "body_too_large");
	reply_free(&r);
}
END_TEST

START_TEST(just_over_the_limit_in_chunks)
{
	memset(junk, ' ', MIB);
	write_chunks(" ", 2);
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 413, "body_too_large");
	reply_free(&r);
	/* Little was left to come, so the connection can be used again. */
	client_post(&c, "/grad", example, &r);
	check_example(&r);
	reply_free(&r);
}
END_TEST

START_TEST(malformed_and_all_written_first)
{
	post_head(100LL * MIB, "");
	ck_assert(client_send(&c, "x", 1));
	for (int i = 0; i < 99; i++)
		ck_assert_msg(client_send(&c, junk, MIB), "closed after %d MiB", i);
	ck_assert(client_send(&c, junk, MIB - 1));
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 400, "malformed_json");
	reply_free(&r);
}
END_TEST

START_TEST(malformed_is_said_at_once)
{
	post_head(100LL * MIB, "");
	ck_assert(client_send(&c, "x", 1));
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 400, "malformed_json");
	reply_free(&r);
	ck_assert(client_closed(&c));
}
END_TEST

START_TEST(malformed_in_chunks)
{
	write_chunks("x", 100);
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 400, "malformed_json");
	reply_free(&r);
}
END_TEST

START_TEST(not_found_with_a_body)
{
	char head[128];
	snprintf(head, sizeof head, "POST /grads HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n",
	         MIB);
	for (int i = 0; i < 3; i++) {
		ck_assert(client_puts(&c, head));
		ck_assert(client_send(&c, junk, MIB));
		ck_assert(client_read(&c, &r, false));
		check_problem(&r, 404, "not_found");
		reply_free(&r);
	}
}
END_TEST

static size_t ones(char *bytes, size_t size, size_t n, void *cls)
{
	(void)cls;
	memset(bytes, '1', size * n);
	return size * n;
}

static size_t keep(char *bytes, size_t size, size_t n, void *cls)
{
	strncat(cls, bytes, size * n);
	return size * n;
}

/* libcurl with and without Expect, with a length and in chunks: i is a set of two bits. */
START_TEST(too_large_by_libcurl)
{
	char url[64], body[4096] = "";
	long status = 0;
	struct curl_slist *headers = NULL;
	CURL *curl = curl_easy_init();
	snprintf(url, sizeof url, "http://127.0.0.1:%d/grad", g.port);
	headers = curl_slist_append(headers, _i & 1 ? "Expect: 100-continue" : "Expect:");
	if (_i & 2)
		headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
	else
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(200 * MIB));
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, ones);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	CURLcode code = curl_easy_perform(curl);
	ck_assert_msg(code == CURLE_OK, "%s", curl_easy_strerror(code));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	/* In chunks the ones are no JSON or a number of a million digits: any refusal will do. */
	if (_i & 2)
		ck_assert_int_eq(status / 100, 4);
	else
		ck_assert_int_eq(status, 413);
	ck_assert_ptr_nonnull(strstr(body, "\"code\""));
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
}
END_TEST

START_TEST(too_slow)
{
	post_head(1000, "");
	ck_assert(client_puts(&c, "{\"tensors\""));
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 408, "request_timeout");
	reply_free(&r);
	ck_assert(client_closed(&c));
}
END_TEST

START_TEST(idle_connections_are_closed)
{
	client_post(&c, "/grad", example, &r);
	reply_free(&r);
	ck_assert(client_closed(&c));
}
END_TEST

/* Slow, but never silent for long. */
START_TEST(slow_and_steady)
{
	post_head((long long)strlen(example), "");
	for (size_t i = 0; i < strlen(example); i += 20) {
		size_t n = strlen(example + i);
		ck_assert(client_send(&c, example + i, n < 20 ? n : 20));
		sleep_ms(500);
	}
	ck_assert(client_read(&c, &r, false));
	check_example(&r);
	reply_free(&r);
}
END_TEST

START_TEST(gone_in_the_upload)
{
	for (int i = 0; i < 20; i++) {
		struct client other;
		client_open(&other, &g);
		client_puts(&other,
		            "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: 500\r\n\r\n");
		client_send(&other, example, (size_t)(i * 5));
		if (i % 2)
			client_abort(&other);
		else
			client_close(&other);
	}
	sleep_ms(20);
	client_post(&c, "/grad", example, &r);
	check_example(&r);
	reply_free(&r);
}
END_TEST

START_TEST(gone_in_the_answer)
{
	char request[256];
	for (int i = 0; i < 6; i++) {
		struct client other;
		char text[512];
		client_open(&other, &g);
		wide_request(2000, request);
		snprintf(text, sizeof text,
		         "POST /forward HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s",
		         strlen(request), request);
		ck_assert(client_puts(&other, text));
		sleep_ms(20L * i);
		if (i % 2)
			client_abort(&other);
		else
			client_close(&other);
	}
	client_post(&c, "/grad", example, &r);
	check_example(&r);
	reply_free(&r);
}
END_TEST

START_TEST(gone_in_the_calculation)
{
	const char *slow = slow_request();
	char text[2048];
	snprintf(text, sizeof text,
	         "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s", strlen(slow),
	         slow);
	for (int i = 0; i < 2; i++) {
		struct client other;
		client_open(&other, &g);
		ck_assert(client_puts(&other, text));
		sleep_ms(50);
		if (i % 2)
			client_abort(&other);
		else
			client_close(&other);
	}
	client_post(&c, "/grad", example, &r);
	check_example(&r);
	reply_free(&r);
}
END_TEST

/* More that do not read their early answer than the server lingers on. */
START_TEST(gone_after_an_early_answer)
{
	for (int i = 0; i < 300; i++) {
		struct client other;
		client_open(&other, &g);
		client_puts(&other,
		            "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: 9999999999\r\n\r\n");
		client_send(&other, junk, 10000);
		if (i % 2)
			client_abort(&other);
		else
			client_close(&other);
	}
	client_post(&c, "/grad", example, &r);
	check_example(&r);
	reply_free(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server uploads");
	TCase *t = tcase_create("limits of 2 MiB and 2 seconds");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, too_large_is_known_from_the_length);
	tcase_add_test(t, too_large_and_all_written_first);
	tcase_add_test(t, too_large_with_expect);
	tcase_add_test(t, absurd_length);
	tcase_add_test(t, too_large_in_chunks);
	tcase_add_test(t, too_much_space_in_chunks);
	tcase_add_test(t, just_over_the_limit_in_chunks);
	tcase_add_test(t, not_found_with_a_body);
	tcase_add_loop_test(t, too_large_by_libcurl, 0, 4);
	tcase_add_test(t, too_slow);
	tcase_add_test(t, idle_connections_are_closed);
	tcase_add_test(t, slow_and_steady);
	tcase_add_test(t, gone_after_an_early_answer);
	suite_add_tcase(s, t);
	t = tcase_create("usual limits");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup_large, teardown);
	tcase_add_test(t, malformed_and_all_written_first);
	tcase_add_test(t, malformed_is_said_at_once);
	tcase_add_test(t, malformed_in_chunks);
	tcase_add_test(t, gone_in_the_upload);
	tcase_add_test(t, gone_in_the_answer);
	tcase_add_test(t, gone_in_the_calculation);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
