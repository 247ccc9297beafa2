/* Requests that go the ordinary way: what HTTP/1.1 promises, and the answers' headers. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "tests/server/gradd.h"
#include "tests/support/test.h"

static struct gradd g;
static struct client c;
static struct reply r;

static void setup(void)
{
	gradd_start(&g, NULL);
	client_open(&c, &g);
}

static void teardown(void)
{
	client_close(&c);
	gradd_stop(&g);
}

START_TEST(post_grad)
{
	char value[256];
	client_post(&c, "/grad", example, &r);
	check_example(&r);
	ck_assert_pstr_eq(reply_header(&r, "Content-Type", value), "application/json");
	ck_assert_ptr_nonnull(reply_header(&r, "Content-Length", value));
	ck_assert_ptr_nonnull(reply_header(&r, "Date", value));
	reply_free(&r);
}
END_TEST

/* What the server itself knows is on the page too. */
START_TEST(metrics)
{
	char value[256];
	for (int i = 0; i < 2; i++) {
		client_post(&c, "/grad", example, &r);
		reply_free(&r);
	}
	ck_assert(client_puts(&c, "GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n"));
	ck_assert(client_read(&c, &r, false));
	ck_assert_int_eq(r.status, 200);
	ck_assert_pstr_eq(reply_header(&r, "Content-Type", value), "text/plain; version=0.0.4");
	ck_assert_ptr_nonnull(
	        strstr(r.body, "\ngradd_requests_total{endpoint=\"/grad\",code=\"200\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(r.body, "\ngradd_requests_active 1\n"));
	ck_assert_ptr_nonnull(strstr(r.body, "\ngradd_threads{role=\"workers\"} "));
	ck_assert_ptr_nonnull(strstr(r.body, "phase=\"write\",le=\"+Inf\"} 2\n"));
	reply_free(&r);
}
END_TEST

START_TEST(keep_alive)
{
	for (int i = 0; i < 50; i++) {
		client_post(&c, "/grad", example, &r);
		check_example(&r);
		reply_free(&r);
	}
}
END_TEST

START_TEST(connection_close)
{
	char request[1024];
	snprintf(request, sizeof request,
	         "POST /grad HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: "
	         "%zu\r\n\r\n%s",
	         strlen(example), example);
	ck_assert(client_puts(&c, request));
	ck_assert(client_read(&c, &r, false));
	check_example(&r);
	reply_free(&r);
	ck_assert(client_closed(&c));
}
END_TEST

START_TEST(http_1_0)
{
	char request[1024];
	snprintf(request, sizeof request, "POST /grad HTTP/1.0\r\nContent-Length: %zu\r\n\r\n%s",
	         strlen(example), example);
	ck_assert(client_puts(&c, request));
	ck_assert(client_read(&c, &r, false));
	check_example(&r);
	reply_free(&r);
	ck_assert(client_closed(&c));
}
END_TEST

/* Many requests in one write: answers come in order, errors among them do not disturb. */
START_TEST(pipelining)
{
	char text[16384];
	size_t n = 0;
	for (int i = 0; i < 10; i++) {
		n += (size_t)snprintf(
		        text + n, sizeof text - n,
		        "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s",
		        strlen(example), example);
		n += (size_t)snprintf(
		        text + n, sizeof text - n,
		        "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
		        "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nx{}"
		        "POST /nothing HTTP/1.1\r\nHost: t\r\n"
		        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
	}
	ck_assert(client_send(&c, text, n));
	for (int i = 0; i < 10; i++) {
		ck_assert(client_read(&c, &r, false));
		check_example(&r);
		reply_free(&r);
		ck_assert(client_read(&c, &r, false));
		ck_assert_int_eq(r.status, 200);
		reply_free(&r);
		ck_assert(client_read(&c, &r, false));
		check_problem(&r, 400, "malformed_json");
		reply_free(&r);
		ck_assert(client_read(&c, &r, false));
		check_problem(&r, 404, "not_found");
		reply_free(&r);
	}
}
END_TEST

START_TEST(large_requests_in_a_pipeline)
{
	const char *slow = slow_request();
	char text[4096];
	snprintf(text, sizeof text,
	         "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s"
	         "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s",
	         strlen(slow), slow, strlen(example), example);
	ck_assert(client_puts(&c, text));
	ck_assert(client_read(&c, &r, false));
	ck_assert_int_eq(r.status, 200);
	reply_free(&r);
	ck_assert(client_read(&c, &r, false));
	check_example(&r);
	reply_free(&r);
}
END_TEST

START_TEST(chunked_upload)
{
	for (size_t size = 1; size < 40; size += 6) {
		char piece[64];
		ck_assert(client_puts(&c, "POST /grad HTTP/1.1\r\nHost: t\r\n"
		                          "Transfer-Encoding: chunked\r\n\r\n"));
		for (size_t at = 0; at < strlen(example); at += size) {
			int n = (int)(strlen(example + at) < size ? strlen(example + at) : size);
			snprintf(piece, sizeof piece, "%x\r\n%.*s\r\n", n, n, example + at);
			ck_assert(client_puts(&c, piece));
		}
		ck_assert(client_puts(&c, "0\r\n\r\n"));
		ck_assert(client_read(&c, &r, false));
		check_example(&r);
		reply_free(&r);
	}
}
END_TEST

/* The request line, the headers and the body, each byte in a packet of its own. */
START_TEST(one_byte_at_a_time)
{
	char text[1024];
	snprintf(text, sizeof text,
	         "POST /grad HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
	         "Content-Length: %zu\r\n\r\n%s",
	         strlen(example), example);
	for (const char *s = text; *s; s++) {
		ck_assert(client_send(&c, s, 1));
		if ((s - text) % 16 == 0)
			sleep_ms(1);
	}
	ck_assert(client_read(&c, &r, false));
	check_example(&r);
	reply_free(&r);
}
END_TEST

START_TEST(expect_continue)
{
	char head[256];
	snprintf(head, sizeof head,
	         "POST /grad HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n"
	         "Content-Length: %zu\r\n\r\n",
	         strlen(example));
	ck_assert(client_puts(&c, head));
	sleep_ms(50);
	ck_assert(client_puts(&c, example));
	ck_assert(client_read(&c, &r, false));
	check_example(&r);
	reply_free(&r);
}
END_TEST

START_TEST(head_is_get_without_a_body)
{
	static const char *const paths[] = {"/healthz", "/readyz", "/version", "/ops"};
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		char request[128], type[256], length[256], other[256];
		snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", paths[i]);
		ck_assert(client_puts(&c, request));
		ck_assert(client_read(&c, &r, false));
		ck_assert_int_eq(r.status, 200);
		ck_assert_ptr_nonnull(reply_header(&r, "Content-Type", type));
		const char *known = reply_header(&r, "Content-Length", length);
		reply_free(&r);
		snprintf(request, sizeof request, "HEAD %s HTTP/1.1\r\nHost: t\r\n\r\n", paths[i]);
		ck_assert(client_puts(&c, request));
		ck_assert(client_read(&c, &r, true));
		ck_assert_int_eq(r.status, 200);
		ck_assert_pstr_eq(reply_header(&r, "Content-Type", other), type);
		if (known)
			ck_assert_pstr_eq(reply_header(&r, "Content-Length", other), known);
		reply_free(&r);
	}
}
END_TEST

START_TEST(options)
{
	char allow[256];
	ck_assert(client_puts(&c, "OPTIONS /grad HTTP/1.1\r\nHost: t\r\n\r\n"));
	ck_assert(client_read(&c, &r, false));
	ck_assert_int_lt(r.status, 300);
	ck_assert_ptr_nonnull(reply_header(&r, "Allow", allow));
	ck_assert_ptr_nonnull(strstr(allow, "POST"));
	reply_free(&r);
	ck_assert(client_puts(&c, "OPTIONS /healthz HTTP/1.1\r\nHost: t\r\n\r\n"));
	ck_assert(client_read(&c, &r, false));
	ck_assert_ptr_nonnull(reply_header(&r, "Allow", allow));
	ck_assert_ptr_nonnull(strstr(allow, "GET"));
	ck_assert_ptr_nonnull(strstr(allow, "HEAD"));
	reply_free(&r);
}
END_TEST

static const struct {
	const char *request;
	int status;
	const char *code, *allow;
} refused[] = {
        {"GET /nothing HTTP/1.1\r\nHost: t\r\n\r\n", 404, "not_found", NULL},
        {"GET / HTTP/1.1\r\nHost: t\r\n\r\n", 404, "not_found", NULL},
        {"POST /grad/x HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}", 404, "not_found", NULL},
        {"GET /grad HTTP/1.1\r\nHost: t\r\n\r\n", 405, "method_not_allowed", "POST"},
        {"DELETE /grad HTTP/1.1\r\nHost: t\r\n\r\n", 405, "method_not_allowed", "POST"},
        {"BREW /grad HTTP/1.1\r\nHost: t\r\n\r\n", 405, "method_not_allowed", "POST"},
        {"PUT /grad HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}", 405, "method_not_allowed",
         "POST"},
        {"POST /healthz HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}", 405,
         "method_not_allowed", "GET"},
        {"POST /grad HTTP/1.1\r\nHost: t\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}",
         415, "unsupported_media_type", NULL},
        {"POST /grad HTTP/1.1\r\nHost: t\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
         415, "unsupported_media_type", NULL},
        {"POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nx}", 400, "malformed_json",
         NULL},
        {"POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n", 400, "malformed_json",
         NULL},
        {"POST /grad HTTP/1.1\r\nHost: t\r\n\r\n", 400, "malformed_json", NULL},
        {"POST /grad HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\n\r\n{", 400, "malformed_json",
         NULL},
};

/* Each on the same connection, which stays open. */
START_TEST(refusals)
{
	char allow[256];
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		ck_assert(client_puts(&c, refused[i].request));
		ck_assert_msg(client_read(&c, &r, false), "no answer: %s", refused[i].request);
		check_problem(&r, refused[i].status, refused[i].code);
		if (refused[i].allow) {
			ck_assert_ptr_nonnull(reply_header(&r, "Allow", allow));
			ck_assert_ptr_nonnull(strstr(allow, refused[i].allow));
		}
		reply_free(&r);
	}
	client_post(&c, "/grad", example, &r);
	check_example(&r);
	reply_free(&r);
}
END_TEST

START_TEST(transfer_coding_of_another_kind)
{
	ck_assert(client_puts(
	        &c, "POST /grad HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\nab"));
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 415, "unsupported_media_type");
	reply_free(&r);
	ck_assert(client_closed(&c));
}
END_TEST

START_TEST(query_and_escapes)
{
	ck_assert(client_puts(&c, "GET /healthz?a=b&c HTTP/1.1\r\nHost: t\r\n\r\n"));
	ck_assert(client_read(&c, &r, false));
	ck_assert_int_eq(r.status, 200);
	reply_free(&r);
	ck_assert(client_puts(&c, "GET /%68ealthz HTTP/1.1\r\nHost: t\r\n\r\n"));
	ck_assert(client_read(&c, &r, false));
	ck_assert_int_eq(r.status, 200);
	reply_free(&r);
	ck_assert(client_puts(&c, "GET /%00%ff%0a%22%5c HTTP/1.1\r\nHost: t\r\n\r\n"));
	ck_assert(client_read(&c, &r, false));
	check_problem(&r, 404, "not_found");
	reply_free(&r);
}
END_TEST

/* Whatever libmicrohttpd makes of these, the server lives. */
START_TEST(absurd_heads)
{
	static const char *const heads[] = {
	        "\r\n\r\n\r\n",
	        "GET\r\n\r\n",
	        "GET /healthz\r\n\r\n",
	        "GET /healthz HTTP/9.9\r\n\r\n",
	        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	        "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n",
	        "POST /grad HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
	        "POST /grad HTTP/1.1\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
	        "POST /grad HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
	        "POST /grad HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	        "POST /grad HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
	        "POST /grad HTTP/1.1\r\nno colon here\r\n\r\n",
	        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct client other;
		client_open(&other, &g);
		client_puts(&other, heads[i]);
		sleep_ms(5);
		client_close(&other);
	}
	char *longest = malloc(200001);
	memset(longest, 'a', 200000);
	longest[200000] = '\0';
	static const char *const starts[] = {"GET /", "GET / HTTP/1.1\r\nX: ", "", "GET /?",
	                                     "GET / HTTP/1.1\r\nCookie: a=\""};
	for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		struct client other;
		client_open(&other, &g);
		client_puts(&other, starts[i]);
		client_puts(&other, longest);
		client_puts(&other, " HTTP/1.1\r\n\r\n");
		if (client_read(&other, &r, false)) {
			ck_assert_int_ge(r.status, 400);
			ck_assert_int_lt(r.status, 500);
		}
		reply_free(&r);
		client_close(&other);
	}
	free(longest);
	ck_assert_int_eq(ask(&g, "POST", "/grad", example), 200);
}
END_TEST

/* A large answer comes in pieces and whole. */
START_TEST(large_answer)
{
	char request[256];
	client_post(&c, "/forward", wide_request(700, request), &r);
	ck_assert_msg(r.status == 200, "%d: %.500s", r.status, r.body);
	size_t count = 0;
	for (const char *s = r.body; (s = strstr(s, "1.5")); s += 3)
		count++;
	ck_assert_uint_eq(count, 700000);
	reply_free(&r);
	client_post(&c, "/grad", example, &r);
	check_example(&r);
	reply_free(&r);
}
END_TEST

static size_t count_bytes(char *bytes, size_t size, size_t n, void *cls)
{
	(void)bytes;
	*(size_t *)cls += size * n;
	return size * n;
}

/* As a real client library sees it. */
START_TEST(libcurl)
{
	char url[64];
	CURL *curl = curl_easy_init();
	size_t bytes = 0;
	long status = 0, connects = 0, all = 0;
	snprintf(url, sizeof url, "http://127.0.0.1:%d/grad", g.port);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, example);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &bytes);
	for (int i = 0; i < 20; i++) {
		bytes = 0;
		ck_assert_int_eq(curl_easy_perform(curl), CURLE_OK);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
		ck_assert_int_eq(status, 200);
		ck_assert_uint_gt(bytes, 50);
		all += connects;
	}
	ck_assert_int_eq(all, 1);
	curl_easy_cleanup(curl);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server requests");
	TCase *t = tcase_create("requests");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, post_grad);
	tcase_add_test(t, metrics);
	tcase_add_test(t, keep_alive);
	tcase_add_test(t, connection_close);
	tcase_add_test(t, http_1_0);
	tcase_add_test(t, pipelining);
	tcase_add_test(t, large_requests_in_a_pipeline);
	tcase_add_test(t, chunked_upload);
	tcase_add_test(t, one_byte_at_a_time);
	tcase_add_test(t, expect_continue);
	tcase_add_test(t, head_is_get_without_a_body);
	tcase_add_test(t, options);
	tcase_add_test(t, refusals);
	tcase_add_test(t, transfer_coding_of_another_kind);
	tcase_add_test(t, query_and_escapes);
	tcase_add_test(t, absurd_heads);
	tcase_add_test(t, large_answer);
	tcase_add_test(t, libcurl);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
