#include "core/ops/special.h"

#include <math.h>
#include <stdbool.h>

enum { MAX_TERMS = 8 };

double gd_lgamma_of(double x)
{
	int sign;
	return lgamma_r(x, &sign);
}

/* Σ c[i]·x^i */
static double polynomial(int n, const double *c, double x)
{
	double sum = c[n - 1];
	for (int i = n - 2; i >= 0; i--)
		sum = sum * x + c[i];
	return sum;
}

/* --- gamma's derivatives ----------------------------------------------------------------- */

/* ψ(x) = ln x - 1/(2x) - Σ B₂ₖ/(2k·x²ᵏ) for large x, ψ(x) = ψ(x + 1) - 1/x before, and
 * ψ(x) = ψ(1 - x) - π/tan(πx) left of 0. Source: Abramowitz & Stegun, 6.3.18, 6.3.5, 6.3.7. */
double gd_digamma_of(double x)
{
	static const double series[MAX_TERMS] = {1. / 12,  -1. / 120,     1. / 252, -1. / 240,
	                                         1. / 132, -691. / 32760, 1. / 12,  -3617. / 8160};
	double rest = 0;
	if (x == 0)
		return copysign(INFINITY, -x);
	if (x < 0) {
		double off = x - rint(x);
		if (off == 0 || isinf(x))
			return NAN;
		rest = -M_PI / tan(M_PI * off);
		x = 1 - x;
	}
	double sum = 0;
	while (x < 10) {
		sum += 1 / x;
		x += 1;
	}
	double z = x < 1e17 ? 1 / (x * x) : 0;
	return log(x) - 0.5 / x - z * polynomial(MAX_TERMS, series, z) - sum + rest;
}

/* a^-s for an integer s ≥ 0 */
static double inverse_power(double a, double s)
{
	if (!(s >= 0 && s <= 16))
		return pow(a, -s);
	double y = 1, base = a;
	for (unsigned k = (unsigned)s; k; k >>= 1) {
		y *= k & 1 ? base : 1;
		base *= base;
	}
	return 1 / y;
}

/* Hurwitz' ζ(s, q) = Σ (q + k)^-s for q > 0 and an integer s ≥ 2, or `scaled` by q^s, which is
 * never too large or small; by Euler and Maclaurin's formula from a = q + K on:
 * a^(1-s)/(s-1) + a^-s/2 + Σ B₂ⱼ/(2j)!·s(s+1)…(s+2j-2)·a^(1-s-2j).
 * Source: Johansson, Rigorous high-precision computation of the Hurwitz zeta function, eq. 5. */
static double zeta_right(double s, double q, bool scaled)
{
	static const double bernoulli[MAX_TERMS] = {1. / 6,  -1. / 30,     1. / 42, -1. / 30,
	                                            5. / 66, -691. / 2730, 7. / 6,  -3617. / 510};
	double a = q, sum = 0;
	for (int k = 1; a < 10 + s; k++) {
		double term = scaled ? exp(-s * log1p((k - 1) / q)) : inverse_power(a, s);
		sum += term;
		a = q + k;
		if (!(term > 1e-18 * sum) || isinf(sum))
			return sum;
	}
	double rising = s, inverse = 1 / a, factorial = 2, scale = inverse, tail = 0.5;
	for (int j = 1; j <= MAX_TERMS; j++) {
		tail += bernoulli[j - 1] / factorial * rising * scale;
		rising *= (s + 2 * j - 1) * (s + 2 * j);
		factorial *= (2 * j + 1) * (2 * j + 2);
		scale *= inverse * inverse;
	}
	if (scaled)
		return sum + exp(-s * log1p((a - q) / q)) * (a / (s - 1) + tail);
	return sum + inverse_power(a, s - 1) / (s - 1) + inverse_power(a, s) * tail;
}

/* Left of 0 the terms are those of d + j, d = q - (nearest integer), j any integer from that one
 * on: of j < 0 there are finitely many, a difference of two sums to the right. */
static double zeta(double s, double q)
{
	if (q > 0)
		return zeta_right(s, q, false);
	double d = q - rint(q), sign = fmod(s, 2) == 0 ? 1 : -1;
	double nearest = (d < 0 ? sign : 1) * inverse_power(fabs(d), s);
	if (isinf(nearest)) /* but halfway between two poles, odd powers cancel */
		return fabs(d) == 0.5 && sign < 0 ? zeta_right(s, 1 - q, false) : nearest;
	double left = zeta_right(s, 1 - d, false) - zeta_right(s, 1 - q, false);
	return nearest + zeta_right(s, 1 + d, false) + sign * left;
}

double gd_polygamma_of(double n, double x)
{
	if (n == 0)
		return gd_digamma_of(x);
	double s = n + 1, sign = fmod(n, 2) == 0 ? -1 : 1;
	if (isnan(x) || x == -INFINITY)
		return NAN;
	if (x == INFINITY)
		return sign * 0.0;
	double sum = zeta(s, x);
	bool normal = x < 0 || fabs(sum) > 0x1p-1022;
	if (n <= 170 && normal)
		return sign * tgamma(s) * sum;
	/* n! or ζ leaves the range of double, though their product need not. */
	if (normal)
		return copysign(exp(lgamma_r(s, &(int){0}) + log(fabs(sum))), sign * sum);
	return sign * exp(lgamma_r(s, &(int){0}) + log(zeta_right(s, x, true)) - s * log(x));
}

/* --- the error function's inverse -------------------------------------------------------- */

/* The normal quantile of p = (1 + x)/2, over √2: rational functions of x² near 0, else of
 * r = √(-ln(1 - p)). Source: Wichura, Algorithm AS 241 (PPND16). */
double gd_erfinv_of(double x)
{
	static const double near_num[MAX_TERMS] = {
	        3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
	        1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
	        3.3430575583588128105e4, 2.5090809287301226727e3};
	static const double near_den[MAX_TERMS] = {1.0,
	                                           4.2313330701600911252e1,
	                                           6.8718700749205790830e2,
	                                           5.3941960214247511077e3,
	                                           2.1213794301586595867e4,
	                                           3.9307895800092710610e4,
	                                           2.8729085735721942674e4,
	                                           5.2264952788528545610e3};
	static const double mid_num[MAX_TERMS] = {
	        1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
	        3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
	        2.27238449892691845833e-2, 7.74545014278341407640e-4};
	static const double mid_den[MAX_TERMS] = {1.0,
	                                          2.05319162663775882187e0,
	                                          1.67638483018380384940e0,
	                                          6.89767334985100004550e-1,
	                                          1.48103976427480074590e-1,
	                                          1.51986665636164571966e-2,
	                                          5.47593808499534494600e-4,
	                                          1.05075007164441684324e-9};
	static const double far_num[MAX_TERMS] = {
	        6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
	        2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
	        2.71155556874348757815e-5, 2.01033439929228813265e-7};
	static const double far_den[MAX_TERMS] = {1.0,
	                                          5.99832206555887937690e-1,
	                                          1.36929880922735805310e-1,
	                                          1.48753612908506148525e-2,
	                                          7.86869131145613259100e-4,
	                                          1.84631831751005468180e-5,
	                                          1.42151175831644588870e-7,
	                                          2.04426310338993978564e-15};
	double q = x / 2, r = 0.180625 - q * q, size = fabs(x);
	if (!(size <= 1))
		return NAN;
	if (size == 1)
		return copysign(INFINITY, x);
	if (r >= 0)
		return q * M_SQRT1_2 * polynomial(MAX_TERMS, near_num, r) /
		       polynomial(MAX_TERMS, near_den, r);
	r = sqrt(-log((1 - size) / 2));
	bool far = r > 5;
	r -= far ? 5 : 1.6;
	double y = polynomial(MAX_TERMS, far ? far_num : mid_num, r) /
	           polynomial(MAX_TERMS, far ? far_den : mid_den, r);
	return copysign(y * M_SQRT1_2, x);
}

/* --- sinc -------------------------------------------------------------------------------- */

/* With z = πx: π·(cos z - sin z/z)/z = π·Σ (-1)ᵏ·2k·z²ᵏ⁻¹/(2k+1)!, k ≥ 1, which serves near 0. */
double gd_sinc_slope_of(double x)
{
	double z = M_PI * x;
	if (x == 0)
		return 0;
	if (fabs(z) > 1)
		return (cos(z) - sin(z) / z) / x;
	double term = -z / 6, sum = 0;
	for (int k = 1; k <= MAX_TERMS; k++) {
		sum += 2 * k * term;
		term *= -z * z / ((2 * k + 2) * (2 * k + 3));
	}
	return M_PI * sum;
}

/* --- of two numbers ---------------------------------------------------------------------- */

double gd_xlogy_of(double a, double b)
{
	return a == 0 && !isnan(b) ? 0 : a * log(b);
}

double gd_remainder_of(double a, double b)
{
	double rest = fmod(a, b);
	return rest != 0 && (b < 0) != (rest < 0) ? rest + b : rest;
}

double gd_floor_div_of(double a, double b)
{
	double rest = fmod(a, b);
	if (b == 0)
		return a / b;
	double quotient = (a - rest) / b;
	if (rest != 0 && (b < 0) != (rest < 0))
		quotient -= 1;
	if (quotient == 0)
		return copysign(0, a / b);
	double whole = floor(quotient);
	return quotient - whole > 0.5 ? whole + 1 : whole;
}
