/* A prepared specification serves the next request of its kind and no other: whatever came before,
 * a request gets the answer that it gets alone. */
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include "api/plan.h"
#include "tests/api/call.h"
#include "tests/support/test.h"

static void teardown(void)
{
	gd_plan_trim();
	calls_release();
}

/* The texts that differ from one another in one thing each, several of them answered alike but for
 * their numbers. */
static const char *const requests[] = {
        "{'tensors':{'x':[1,2]},'layers':['square','sum']}",
        "{'tensors':{'x':[3,4]},'layers':['square','sum']}",
        "{'tensors':{'x':[3,4,5]},'layers':['square','sum']}",
        "{'tensors':{'x':[[3,4]]},'layers':['square','sum']}",
        "{'tensors':{'x':[]},'layers':['square','sum']}",
        "{'tensors':{'x':7},'layers':['square','sum']}",
        "{'tensors':{'x':'NaN'},'layers':['square','sum']}",
        "{'tensors':{'x':'Infinity'},'layers':['square','sum']}",
        "{'tensors':{'x':['NaN',1]},'layers':['square','sum']}",
        "{'tensors':{'x':[1e200,1]},'layers':['square','sum']}",
        "{'tensors':{'x':[1,2]},'layers':['exp','sum']}",
        "{'tensors':{'x':[1,2]},'layers':['square','sum'],'encoding':'flat'}",
        "{'dtype':'float32','tensors':{'x':[0.1,2]},'layers':['square','sum']}",
        "{'tensors':{'x':[0.1,2]},'layers':['square','sum'],'dtype':'float32'}",
        "{'tensors':{'x':[0.3,2]},'layers':['square','sum'],'dtype':'float32'}",
        "{'tensors':{'x':{'shape':[2],'data':[1,2]}},'layers':['square','sum']}",
        "{'tensors':{'x':{'shape':[2],'data':[5,2]}},'layers':['square','sum']}",
        "{'tensors':{'x':{'shape':[2],'dtype':'float32','data':[0.1,2]}},'layers':['sum']}",
        "{'tensors':{'x':{'shape':[2],'data':[0.7,2],'dtype':'float32'}},'layers':['sum']}",
        "{'tensors':{'x':{'shape':[1],'dtype':'float64','base64':'AAAAAAAA8D8='}},'layers':['sum']"
        "}",
        "{'tensors':{'x':{'shape':[1],'dtype':'float64','base64':'AAAAAAAAAEA='}},'layers':['sum']"
        "}",
        "{'tensors':{'x':[0,1,-1]},'layers':['relu','sum']}",
        "{'tensors':{'x':[2,1,-1]},'layers':['relu','sum']}",
        "{'tensors':{'x':[0,0,-1]},'layers':['relu','sum']}",
        "{'tensors':{'m':[true,false],'x':[1,2]},'layers':[{'op':'where','inputs':['m','x',0]},"
        "'sum']}",
        "{'tensors':{'m':[false,false],'x':[1,2]},'layers':[{'op':'where','inputs':['m','x',0]},"
        "'sum']}",
        "{'tensors':{'m':[0,1],'x':[1,2]},'layers':[{'op':'where','inputs':['m','x',0]},'sum']}",
        "{'tensors':{'x':[[1,2,3]],'target':[0]},'layers':[{'op':'mul','other':1}],"
        "'loss':'cross_entropy'}",
        "{'tensors':{'x':[[1,2,3]],'target':[2]},'layers':[{'op':'mul','other':1}],"
        "'loss':'cross_entropy'}",
        "{'tensors':{'x':[[1,2,3]],'target':[3]},'layers':[{'op':'mul','other':1}],"
        "'loss':'cross_entropy'}",
        "{'tensors':{'x':[0.5],'target':[1]},'layers':[{'op':'mul','other':1}],"
        "'loss':'binary_cross_entropy'}",
        "{'tensors':{'x':[1.5],'target':[1]},'layers':[{'op':'mul','other':1}],"
        "'loss':'binary_cross_entropy'}",
        "{'tensors':{'x':[1,2]},'layers':['exp'],'grad_output':[1,0]}",
        "{'tensors':{'x':[1,2]},'layers':['exp'],'grad_output':[0,1]}",
        "{'tensors':{'x':[1,2],'v':[2,1]},'layers':['exp'],'grad_output':'v'}",
        "{'tensors':{'x':[1,2]},'layers':['exp']}",
        "{'tensors':{'x':[1,2]},'layers':['exp','sum'],'return':['x']}",
        "{'tensors':{'x':[9,2]},'layers':['exp','sum'],'return':['x']}",
        "{'tensors':{'x':[[1,2],[3]]},'layers':['sum']}",
        "{'tensors':{'i':{'shape':[1],'dtype':'int64','data':[3]},'x':[2]},"
        "'layers':[{'op':'mul','other':'i'},'sum']}",
        "{'tensors':{'i':{'shape':[1],'dtype':'int64','data':[5]},'x':[2]},"
        "'layers':[{'op':'mul','other':'i'},'sum']}",
        "{'tensors':{'x':[[1,2,3]],'i':[[0,2]]},'layers':[{'op':'gather','inputs':['x','i'],"
        "'dim':1},'square','sum']}",
        "{'tensors':{'x':[[1,2,3]],'i':[[1,1]]},'layers':[{'op':'gather','inputs':['x','i'],"
        "'dim':1},'square','sum']}",
        "{'tensors':{'x':[[1,2,3]],'i':[[1,3]]},'layers':[{'op':'gather','inputs':['x','i'],"
        "'dim':1},'square','sum']}",
        "{'tensors':{'x':[[1,2,3]],'i':[[0.5,1]]},'layers':[{'op':'gather','inputs':['x','i'],"
        "'dim':1},'square','sum']}",
        "{'tensors':{'x':[[1,2,3]],'i':[[-1,1]]},'layers':[{'op':'gather','inputs':['x','i'],"
        "'dim':1},'square','sum']}",
        "{'tensors':{'i':[0,2],'w':[[1,2],[3,4],[5,6]]},'layers':[{'op':'embedding','input':'i',"
        "'weight':'w'},'square','sum']}",
        "{'tensors':{'i':[1,1],'w':[[1,2],[3,4],[5,6]]},'layers':[{'op':'embedding','input':'i',"
        "'weight':'w'},'square','sum']}",
        "{'tensors':{'i':[0,3],'w':[[1,2],[3,4],[5,6]]},'layers':[{'op':'embedding','input':'i',"
        "'weight':'w'},'square','sum']}",
        "{'tensors':{'i':[0,2],'x':2},'layers':[{'op':'one_hot','input':'i','output':'h'},"
        "{'op':'mul','inputs':['h','x']},'sum']}",
        "{'tensors':{'i':[0,1],'x':2},'layers':[{'op':'one_hot','input':'i','output':'h'},"
        "{'op':'mul','inputs':['h','x']},'sum']}",
        "{'tensors':{'x':[1,2]},'layers':['exp','square']}",
        "{'tensors':{'x':[0.5,-1]},'layers':['exp','square']}",
        "{'tensors':{'x':[1,2]},'layers':['exp','sum'],'vectors':{'x':[1,0]}}",
        "{'tensors':{'x':[1,2]},'layers':['exp','sum'],'vectors':{'x':[0,3]}}",
        "{'tensors':{'x':[1,2]},'layers':['exp'],'tangents':{'x':[0,3]}}",
        "{'tensors':{'x':[1,4]},'layers':['exp'],'tangents':{'x':[2,3]}}",
        "{'tensors':{'x':[1,-1]},'layers':['log'],'tangents':{'x':[2,3]}}",
        "{'tensors':{'x':[1,4]},'layers':['log'],'layout':'denominator'}",
        "{'tensors':{'x':[1,0]},'layers':['log'],'layout':'denominator'}",
        "{'tensors':{'x':[1,2],'target':[3,4]},'layers':['exp'],'loss':'mse','per_sample':true}",
        "{'tensors':{'x':[2,2],'target':[5,4]},'layers':['exp'],'loss':'mse','per_sample':true}",
        "{'tensors':{'x':[1,2]},'layers':['exp'],'batched':true,'grad_output':[[1,2],[3,4]]}",
        "{'tensors':{'x':[1,3]},'layers':['exp'],'batched':true,'grad_output':[[1,2],[5,4]]}",
        "{'tensors':{'x':[1,3]},'layers':['exp'],'per_sample':true,'grad_output':[5,4]}",
};
enum { N = sizeof requests / sizeof *requests };
static const char *const paths[] = {"/grad", "/forward", "/jvp", "/jacobian", "/hvp", "/hessian"};
enum { PATHS = sizeof paths / sizeof *paths };

static char *alone[N][PATHS];

static void ask_each_alone(void)
{
	for (int i = 0; i < N; i++)
		for (int p = 0; p < PATHS; p++) {
			gd_plan_trim();
			alone[i][p] = strdup(post(paths[p], requests[i])->text);
		}
	calls_release();
}

static void forget(void)
{
	for (int i = 0; i < N; i++)
		for (int p = 0; p < PATHS; p++)
			free(alone[i][p]);
}

static void ck_as_alone(int i, int p)
{
	struct answer *a = post(paths[p], requests[i]);
	ck_assert_msg(strcmp(a->text, alone[i][p]) == 0, "%s to %s\ninstead of %s", a->text,
	              requests[i], alone[i][p]);
}

/* Every pair of neighbours, so that each plan is met by each kind of successor. */
START_TEST(any_order)
{
	ask_each_alone();
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < N; k++) {
			ck_as_alone(i, (i + k) % PATHS);
			ck_as_alone(k, (i + k) % PATHS);
			ck_as_alone(k, (i + k) % PATHS);
		}
		calls_release();
	}
	forget();
}
END_TEST

/* A training loop: the same request with other numbers, thousands of times, keeps its pace and its
 * answers. */
START_TEST(a_loop)
{
	for (int i = 0; i < 3000; i++) {
		char text[128];
		snprintf(text, sizeof text, "{'tensors':{'x':[%d,%d.5]},'layers':['square','sum']}",
		         i, -i);
		struct answer *a = post("/grad", text);
		ck_assert_double_eq(number_at(a, "/gradients/x/0"), 2.0 * i);
		ck_assert_double_eq(number_at(a, "/gradients/x/1"), i ? -2.0 * i - 1 : 1);
		if (i % 100 == 0)
			calls_release();
	}
}
END_TEST

/* Indices are looked at when a request is evaluated: each request's own, and the error says which.
 */
START_TEST(indices_of_the_same_plan)
{
	char text[160];
	for (int i = 0; i < 20; i++) {
		snprintf(text, sizeof text,
		         "{'tensors':{'x':[5,6,7],'i':[[0],[%d]]},'layers':[{'op':'take','inputs':"
		         "['x','i']},'sum']}",
		         i % 5);
		struct answer *a = post("/grad", text);
		if (i % 5 < 3) {
			ck_assert_double_eq(number_at(a, "/loss"), 10 + i % 5);
			continue;
		}
		ck_assert_int_eq(a->status, 422);
		ck_assert_str_eq(string_at(a, "/code"), "number_out_of_range");
		ck_assert_str_eq(string_at(a, "/pointer"), "/tensors/i/1/0");
		ck_assert(strstr(string_at(a, "/detail"), "element 1 of i") != NULL);
	}
}
END_TEST

/* Requests that overlap on one thread each have a plan of their own. */
START_TEST(overlapping)
{
	static const struct gd_service service = {.limits = GD_LIMITS_INIT};
	const struct gd_head head = {.method = "POST", .path = "/grad", .content_length = -1};
	struct gd_request *r[20];
	char text[128];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 20; i++) {
			r[i] = gd_request_open(&service, &head);
			snprintf(text, sizeof text,
			         "{\"tensors\":{\"x\":[%d]},\"layers\":[\"square\",\"sum\"]}", i);
			ck_assert(gd_request_feed(r[i], text, strlen(text)));
			ck_assert(gd_request_cost(r[i]) > 0);
		}
		for (int i = 19; i >= 0; i--)
			gd_request_run(r[i]);
		for (int i = 0; i < 20; i++) {
			snprintf(text, sizeof text, "{\"loss\":%d,\"gradients\":{\"x\":[%d]}}",
			         i * i, 2 * i);
			ck_assert_str_eq(gd_request_answer(r[i])->body, text);
			gd_request_close(r[i]);
		}
	}
}
END_TEST

/* The limits are part of what a plan is for. */
START_TEST(limits_still_hold)
{
	const char *text = "{\"tensors\":{\"x\":[1,2]},\"layers\":[\"exp\",\"sum\"]}";
	struct gd_limits tight = GD_LIMITS_INIT;
	tight.nodes = 3;
	const struct gd_head head = {.method = "POST", .path = "/grad", .content_length = -1};
	ck_assert_int_eq(call(&head, NULL, text, strlen(text), 0)->status, 200);
	ck_assert_int_eq(call(&head, &tight, text, strlen(text), 0)->status, 413);
	ck_assert_int_eq(call(&head, NULL, text, strlen(text), 0)->status, 200);
}
END_TEST

static int loop_in_thread(void *failures)
{
	static const struct gd_service service = {.limits = GD_LIMITS_INIT};
	const struct gd_head head = {.method = "POST", .path = "/grad", .content_length = -1};
	const char *text = "{\"tensors\":{\"x\":[1,2]},\"layers\":[\"square\",\"sum\"]}";
	for (int i = 0; i < 500; i++) {
		struct gd_request *r = gd_request_open(&service, &head);
		gd_request_feed(r, text, strlen(text));
		gd_request_run(r);
		*(int *)failures += gd_request_answer(r)->status != 200;
		gd_request_close(r);
	}
	return 0;
}

/* Each has its own, and gives it back when it ends: the leak checker looks. */
START_TEST(threads)
{
	thrd_t thread[4];
	int failures[4] = {0};
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(thrd_create(&thread[i], loop_in_thread, &failures[i]),
		                 thrd_success);
	for (int i = 0; i < 4; i++) {
		thrd_join(thread[i], NULL);
		ck_assert_int_eq(failures[i], 0);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("plan");
	TCase *t = tcase_create("plan");
	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, any_order);
	tcase_add_test(t, a_loop);
	tcase_add_test(t, indices_of_the_same_plan);
	tcase_add_test(t, overlapping);
	tcase_add_test(t, limits_still_hold);
	tcase_add_test(t, threads);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
