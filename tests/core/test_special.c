/* Special functions at points where the answer is known to 20 digits, from mpmath 1.2.1. */
#include <math.h>

#include "core/ops/special.h"
#include "tests/support/test.h"

/* Within `ulps` of 2^-52 of the value. */
static void is(const char *what, double got, double want, double ulps)
{
	ck_assert_msg(fabs(got - want) <= ulps * 0x1p-52 * fabs(want),
	              "%s is %.17g, not %.17g: %.1f ulp", what, got, want,
	              fabs(got - want) / fabs(want) * 0x1p52);
}
#define IS(call, want, ulps) is(#call, call, want, ulps)

START_TEST(gamma_functions)
{
	IS(gd_lgamma_of(1e-3), 6.9071788853838536617, 3);
	IS(gd_lgamma_of(0.5), 0.57236494292470008707, 3);
	IS(gd_lgamma_of(7.25), 7.0521854507385394449, 3);
	IS(gd_lgamma_of(1e5), 1051287.7089736568949, 3);
	IS(gd_lgamma_of(-0.5), 1.2655121234846453965, 3);
	IS(gd_lgamma_of(-7.9), -8.0720397360128331239, 3);
	IS(gd_lgamma_of(2.0000001), 4.2278436665324979232e-8, 3);
	IS(gd_digamma_of(1e-3), -1000.5755719318102797, 4);
	IS(gd_digamma_of(0.5), -1.9635100260214234794, 4);
	IS(gd_digamma_of(1), -0.57721566490153286061, 8);
	IS(gd_digamma_of(7.25), 1.9104535268837360284, 4);
	IS(gd_digamma_of(1e5), 11.512920464961895087, 4);
	IS(gd_digamma_of(-7.9), -7.5400072244194784344, 8);
	/* Near zeros of the function the digits are those of its terms. */
	ck_assert_double_eq_tol(gd_digamma_of(-0.5), 0.036489973978576520559, 2e-15);
	ck_assert_double_eq_tol(gd_digamma_of(1.4616321449683622), -9.2412655217294275e-17, 2e-15);
}
END_TEST

START_TEST(polygamma)
{
	IS(gd_polygamma_of(0, 7.25), 1.9104535268837360284, 4);
	IS(gd_polygamma_of(1, 1e-3), 1000001.6425331958273, 8);
	IS(gd_polygamma_of(1, 0.5), 4.9348022005446793094, 8);
	IS(gd_polygamma_of(1, 1), 1.6449340668482264365, 8);
	IS(gd_polygamma_of(1, 7.25), 0.14787923315893216965, 8);
	IS(gd_polygamma_of(1, 1e5), 0.000010000050000166666667, 8);
	IS(gd_polygamma_of(1, -7.9), 103.23693140003948262, 32);
	IS(gd_polygamma_of(3, 0.5), 97.409091034002437236, 8);
	IS(gd_polygamma_of(4, -2.3), 9738.6717365692514498, 32);
	IS(gd_polygamma_of(12, 30), -9.1213342107852093797e-11, 16);
	/* Where n! or the sum is out of range, through their logarithms. */
	IS(gd_polygamma_of(25, 1e13), 6.2044840173401499986e-302, 2048);
	IS(gd_polygamma_of(160, 3.5), -1.1981221586380069946e197, 64);
	IS(gd_polygamma_of(171, 2), 2.0730933141653131499e257, 2048);
	IS(gd_polygamma_of(200, 1000), -4.3508192705971018437e-228, 4096);
	IS(gd_polygamma_of(300, 200.5), -4.5667516587298485008e-79, 4096);
}
END_TEST

/* No number of terms grows with what a client asks for. */
START_TEST(polygamma_is_quick_everywhere)
{
	for (int n = 0; n < 64; n++)
		for (int e = -70; e < 70; e++) {
			double x = ldexp(1.1, e);
			double right = gd_polygamma_of(ldexp(1, n), x);
			double left = gd_polygamma_of(ldexp(1, n), -x);
			ck_assert_msg(right == right, "ψ⁽2^%d⁾(1.1·2^%d)", n, e);
			ck_assert_msg(left == left, "ψ⁽2^%d⁾(-1.1·2^%d)", n, e);
		}
}
END_TEST

START_TEST(inverse_of_erf)
{
	IS(gd_erfinv_of(1e-300), 8.8622692545275803586e-301, 4);
	IS(gd_erfinv_of(0.1), 0.088855990494257691974, 4);
	IS(gd_erfinv_of(-0.5), -0.47693627620446987338, 4);
	IS(gd_erfinv_of(0.85), 1.0179024648320275882, 4);
	IS(gd_erfinv_of(0.9), 1.1630871536766741628, 4);
	IS(gd_erfinv_of(0.999), 2.3267537655135244939, 4);
	IS(gd_erfinv_of(1 - 1e-10), 4.5728249585449249378, 4);
	IS(gd_erfinv_of(1 - 0x1p-53), 5.8635847487551679272, 4);
	for (double x = -0.9999; x < 1; x += 0.0101) /* NOLINT: any steps will do */
		ck_assert_double_eq_tol(erf(gd_erfinv_of(x)), x, 4e-16);
}
END_TEST

START_TEST(slope_of_sinc)
{
	IS(gd_sinc_slope_of(1e-20), -3.2898681336964526925e-20, 4);
	IS(gd_sinc_slope_of(-1e-5), 0.00003289868133371756172, 4);
	IS(gd_sinc_slope_of(0.1), -0.32575126788312397004, 4);
	IS(gd_sinc_slope_of(0.3), -0.90202813013888879218, 4);
	IS(gd_sinc_slope_of(0.4), -1.1195243356642739294, 8);
	IS(gd_sinc_slope_of(-2.75), 0.28689226146145880456, 16);
	ck_assert(gd_sinc_slope_of(0) == 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("core/special");
	TCase *t = tcase_create("special");
	tcase_add_test(t, gamma_functions);
	tcase_add_test(t, polygamma);
	tcase_add_test(t, polygamma_is_quick_everywhere);
	tcase_add_test(t, inverse_of_erf);
	tcase_add_test(t, slope_of_sinc);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
