/* Convolutions and max pooling give the same bits with as many threads as one likes. */
#include <string.h>

#include "core/parallel.h"
#include "tests/core/lab.h"
#include "tests/support/test.h"

/* One row for each way that convolutions go, with products below and above what BLAS leaves to the
 * thread that asks. */
static const struct {
	const char *op, *params, *operands;
} rows[] = {
        {"conv2d", "padding=2", "(13,1,28,28) (6,1,5,5)"},
        {"conv2d", "", "(13,6,14,14) (16,6,5,5)"},
        {"conv2d", "padding=1", "(11,8,30,30) (16,8,3,3)"},
        {"conv2d", "padding=1 stride=2", "(11,16,41,41) (16,16,3,3)"},
        {"conv2d", "padding=1", "(3,40,24,24) (48,40,3,3)"},
        {"conv2d", "", "(10,32,20,20) (24,32,1,1)"},
        {"conv2d", "padding=1", "(50,16,5,5) (20,16,3,3)"},
        {"conv2d", "padding=1 groups=8", "(12,8,20,20) (8,1,3,3)"},
        {"conv2d", "", "(40,6,5,5) (10,6,5,5)"},
        {"conv1d", "dilation=2", "(2,4,9000) (4,4,7)"},
        {"max_pool2d", "kernel_size=2", "(9,6,29,28)"},
        {"max_pool2d", "kernel_size=3 stride=1 padding=1", "(9,6,24,70)"},
};
enum { ROWS = sizeof rows / sizeof *rows, OUTPUTS = 3 };

static int compute(struct lab *l, int row, struct gd_node **out)
{
	struct gd_node *in[LAB_OPERANDS];
	int n = lab_operands(l, rows[row].operands, in);
	out[0] = n == 1 ? lab_call(l, rows[row].op, rows[row].params, 1, in[0])
	                : lab_call(l, rows[row].op, rows[row].params, 2, in[0], in[1]);
	ck_assert_msg(out[0] != NULL, "%s", l->error.detail);
	struct gd_node *dy = lab_random(l, out[0]->rank, out[0]->shape, -1, 1);
	ck_assert(lab_grad(l, out[0], dy, n, in, out + 1));
	ck_assert(lab_eval(l, 1 + n, out));
	return 1 + n;
}

START_TEST(threads_do_not_show)
{
	for (int dtype = 0; dtype < 2; dtype++) {
		struct lab one, many;
		struct gd_node *want[OUTPUTS], *got[OUTPUTS];
		gd_threads(1);
		lab_init(&one, dtype ? GD_FLOAT32 : GD_FLOAT64);
		int n = compute(&one, _i, want);
		for (int threads = 2; threads < 6; threads++) {
			gd_threads(threads);
			lab_init(&many, dtype ? GD_FLOAT32 : GD_FLOAT64);
			compute(&many, _i, got);
			for (int i = 0; i < n; i++)
				ck_assert_msg(
				        memcmp(want[i]->data, got[i]->data,
				               want[i]->count * gd_dtype_size(want[i]->dtype)) == 0,
				        "row %d, result %d, %d threads", _i, i, threads);
			lab_release(&many);
		}
		lab_release(&one);
	}
	gd_threads(1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/conv_threads");
	TCase *t = tcase_create("threads");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, threads_do_not_show, 0, ROWS);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
