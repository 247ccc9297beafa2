/* The vector kernels of the elementwise functions against those with libm's functions. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/cpu.h"
#include "core/ops/elementwise_rows.h"
#include "tests/support/test.h"

#ifdef __x86_64__

static const struct {
	const char *name;
	int operands;
	bool mask;
} rows[] = {
#define GD_UNARY(name, ...)   [GD_ROW_##name] = {#name, 1, false},
#define GD_BINARY(name, ...)  [GD_ROW_##name] = {#name, 2, false},
#define GD_COMPARE(name, ...) [GD_ROW_##name] = {#name, 2, true},
#include "core/ops/elementwise.def"
};

enum { N = 4096, ULPS = 8 };

static const double special[] = {
        0.0,
        -0.0,
        1,
        -1,
        0.5,
        -0.5,
        2,
        -2,
        3,
        INFINITY,
        -INFINITY,
        NAN,
        0x1p-1074,
        -0x1p-1074,
        0x1p-149,
        -0x1p-149,
        0x1p-1022,
        0x1p-126,
        1e-310,
        1e-40,
        1e300,
        -1e300,
        1e38,
        -1e38,
        709.78,
        709.79,
        -708.5,
        -745.1,
        -745.2,
        -746,
        710,
        88.7,
        88.8,
        -87.4,
        -103.9,
        -104.1,
        89,
        1e-20,
        -1e-20,
        20,
        -20,
        6,
        -6,
        27,
        -27,
        1e5,
        -1e5,
        1e22,
        0.9999999999999999,
        1.0000000000000002,
};

static uint64_t state;

/* splitmix64 */
static uint64_t random_bits(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Special values, any bits at all, and numbers of usual size. */
static double operand(int i, bool wide)
{
	uint64_t bits = random_bits();
	double d;
	float f;
	if (i % 4 == 0)
		return special[bits % (sizeof special / sizeof *special)];
	if (i % 4 == 1) {
		if (wide)
			return memcpy(&d, &bits, sizeof d), d;
		return (void)memcpy(&f, &bits, sizeof f), (double)f;
	}
	return ((double)(bits >> 11) * 0x1p-53 - 0.5) * (i % 4 == 2 ? 4 : 60);
}

static double a64[N], b64[N];
static float a32[N], b32[N];
static const size_t both[2] = {1, 1};

static void run(const struct gd_row_kernel *k, bool wide, size_t begin, size_t n, void *y,
                const size_t *step)
{
	size_t size = wide ? sizeof(double) : sizeof(float);
	const void *in[2] = {(wide ? (char *)a64 : (char *)a32) + begin * size,
	                     (wide ? (char *)b64 : (char *)b32) + begin * size};
	(wide ? k->f64 : k->f32)(n, y, in, step);
}

static double at(const void *y, bool wide, size_t i)
{
	return wide ? ((const double *)y)[i] : (double)((const float *)y)[i];
}

/* `size`: what rounding errors are relative to. */
static bool close_enough(double got, double want, bool wide, double size)
{
	if (isnan(got) || isnan(want))
		return isnan(got) && isnan(want);
	if (got == want)
		return signbit(got) == signbit(want);
	/* One beyond the largest number, the other just within. */
	double largest = wide ? 0x1.fffffffffffffp1023 : 0x1.fffffep127;
	got = fmax(-largest, fmin(largest, got));
	want = fmax(-largest, fmin(largest, want));
	double unit = wide ? 0x1p-53 : 0x1p-24, least = wide ? 0x1p-1074 : 0x1p-149;
	return fabs(got - want) <= ULPS * fmax(2 * unit * fmax(fabs(want), size), least);
}

/* Of two operands, results near 0 may be a difference. */
static double error_size(int row, double a, double b)
{
	return rows[row].operands == 2 ? fmin(1, fmax(fabs(a), fabs(b))) : 0;
}

/* The same bits, but for those of a NaN. */
static bool same(const void *x, const void *y, size_t n, int row, bool wide)
{
	if (rows[row].mask)
		return memcmp(x, y, n) == 0;
	for (size_t i = 0; i < n; i++) {
		double a = at(x, wide, i), b = at(y, wide, i);
		if (!(a == b && signbit(a) == signbit(b)) && !(isnan(a) && isnan(b)))
			return false;
	}
	return true;
}

static void draw(void)
{
	state = (uint64_t) _Alignof(double);
	for (int i = 0; i < N; i++) {
		a64[i] = operand(i, true);
		b64[i] = operand(i / 4 + i, true);
		a32[i] = (float)operand(i, false);
		b32[i] = (float)operand(i / 4 + i, false);
	}
}

/* Values, and special ones exactly. */
START_TEST(vectors_give_what_libm_gives)
{
	static double want[N], got[N];
	if (!gd_has_avx2())
		return;
	draw();
	for (int wide = 0; wide < 2; wide++) {
		run(&gd_rows_baseline[_i], wide, 0, N, want, both);
		run(&gd_rows_avx2[_i], wide, 0, N, got, both);
		if (rows[_i].mask) {
			ck_assert_msg(memcmp(want, got, N) == 0, "%s", rows[_i].name);
			continue;
		}
		for (size_t i = 0; i < N; i++) {
			double a = wide ? a64[i] : (double)a32[i],
			       b = wide ? b64[i] : (double)b32[i];
			double x = at(got, wide, i), y = at(want, wide, i);
			ck_assert_msg(close_enough(x, y, wide, error_size(_i, a, b)),
			              "%s(%a, %a) is %a, not %a", rows[_i].name, a, b, x, y);
		}
	}
}
END_TEST

/* An element's value does not depend on where it stands, nor on how many there are. */
START_TEST(the_place_does_not_matter)
{
	static double whole[N], part[N];
	if (!gd_has_avx2())
		return;
	draw();
	for (int wide = 0; wide < 2; wide++) {
		size_t size = rows[_i].mask ? 1 : wide ? sizeof(double) : sizeof(float);
		run(&gd_rows_avx2[_i], wide, 0, N, whole, both);
		for (size_t begin = 0; begin < 9; begin++)
			for (size_t n = 0; n < 300; n += n < 40 ? 1 : 37) {
				run(&gd_rows_avx2[_i], wide, begin, n, part, both);
				ck_assert_msg(same((char *)whole + begin * size, part, n, _i, wide),
				              "%s: %zu elements from %zu on", rows[_i].name, n,
				              begin);
			}
	}
}
END_TEST

/* One element for all gives what as many equal ones give. */
START_TEST(steps_of_0)
{
	static double want[N], got[N];
	if (!gd_has_avx2())
		return;
	static const size_t steps[3][2] = {{0, 1}, {1, 0}, {0, 0}};
	for (int s = 0; s < 3; s++)
		for (int wide = 0; wide < 2; wide++)
			for (size_t n = 1; n < 40; n += 3) {
				draw();
				run(&gd_rows_avx2[_i], wide, 7, n, got, steps[s]);
				for (size_t i = 7; i < N; i++) {
					a64[i] = a64[steps[s][0] ? i : 7];
					b64[i] = b64[steps[s][1] ? i : 7];
					a32[i] = a32[steps[s][0] ? i : 7];
					b32[i] = b32[steps[s][1] ? i : 7];
				}
				run(&gd_rows_avx2[_i], wide, 7, n, want, both);
				ck_assert_msg(same(want, got, n, _i, wide), "%s", rows[_i].name);
			}
}
END_TEST

#endif

static Suite *suite(void)
{
	Suite *s = suite_create("core/vector");
	TCase *t = tcase_create("vector");
#ifdef __x86_64__
	tcase_add_loop_test(t, vectors_give_what_libm_gives, 0, GD_ROWS);
	tcase_add_loop_test(t, the_place_does_not_matter, 0, GD_ROWS);
	tcase_add_loop_test(t, steps_of_0, 0, GD_ROWS);
#endif
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
