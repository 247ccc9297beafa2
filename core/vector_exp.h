/* e^x for a loop over an array: no branch and no table, so that the compiler makes vectors of it;
 * within 0.76 ulp, mostly rounded as libm's. Included by core/vector_math.h, where there are FMA
 * instructions.
 *
 * With k = x/ln 2 to the nearest integer and r = x - k·ln 2, e^x = 2^k·e^r. ln 2 is subtracted in
 * two parts, of which the first leaves no rounding error; e^r = 1 + r + r²/2! + …, summed in such a
 * way that only its last addition rounds noticeably. Source: Muller, Elementary Functions, chapters
 * 5 and 11. Results below the normal range are rounded once, beyond the largest they are infinite.
 */
#ifndef GD_VECTOR_EXP_H
#define GD_VECTOR_EXP_H

#include <stdint.h>
#include <string.h>

/* 2^k for an integer -1022 ≤ k ≤ 1023: 1.5·2^52 + k + 1023 ends in the bits of its exponent. */
static inline double gd_power_of_2(double k)
{
	uint64_t bits;
	k += 0x1.8p52 + 1023;
	memcpy(&bits, &k, sizeof bits);
	bits <<= 52;
	memcpy(&k, &bits, sizeof k);
	return k;
}

static inline double gd_exp_f64(double x)
{
	double y = x > 710 ? 710 : x, k, r, s, low, high;
	y = y < -746 ? -746 : y;
	k = y * 1.4426950408889634 + 0x1.8p52;
	k -= 0x1.8p52;
	high = __builtin_fma(k, -0x1.62e42fefap-1, y); /* exact */
	low = k * -0x1.cf79abc9e3b39p-40;
	r = high + low;
	low = (high - r) + low;
	s = 1.0 / 6227020800;
	s = __builtin_fma(s, r, 1.0 / 479001600);
	s = __builtin_fma(s, r, 1.0 / 39916800);
	s = __builtin_fma(s, r, 1.0 / 3628800);
	s = __builtin_fma(s, r, 1.0 / 362880);
	s = __builtin_fma(s, r, 1.0 / 40320);
	s = __builtin_fma(s, r, 1.0 / 5040);
	s = __builtin_fma(s, r, 1.0 / 720);
	s = __builtin_fma(s, r, 1.0 / 120);
	s = __builtin_fma(s, r, 1.0 / 24);
	s = __builtin_fma(s, r, 1.0 / 6);
	s = __builtin_fma(s, r, 0.5);
	high = 1 + r;
	low = ((1 - high) + r) + (low + s * (r * r));
	double half = k * 0.5 + 0x1.8p52;
	half -= 0x1.8p52;
	return (high + low) * gd_power_of_2(half) * gd_power_of_2(k - half);
}

/* 2^k for an integer -126 ≤ k ≤ 127. */
static inline float gd_power_of_2_f32(float k)
{
	uint32_t bits;
	k += 0x1.8p23F + 127;
	memcpy(&bits, &k, sizeof bits);
	bits <<= 23;
	memcpy(&k, &bits, sizeof k);
	return k;
}

static inline float gd_exp_f32(float x)
{
	float y = x > 89 ? 89 : x, k, r, s, low, high;
	y = y < -104 ? -104 : y;
	k = y * 1.44269504F + 0x1.8p23F;
	k -= 0x1.8p23F;
	high = __builtin_fmaf(k, -0x1.62e4p-1F, y); /* exact */
	low = k * -0x1.7f7d1cp-20F;
	r = high + low;
	low = (high - r) + low;
	s = 1.0F / 40320;
	s = __builtin_fmaf(s, r, 1.0F / 5040);
	s = __builtin_fmaf(s, r, 1.0F / 720);
	s = __builtin_fmaf(s, r, 1.0F / 120);
	s = __builtin_fmaf(s, r, 1.0F / 24);
	s = __builtin_fmaf(s, r, 1.0F / 6);
	s = __builtin_fmaf(s, r, 0.5F);
	high = 1 + r;
	low = ((1 - high) + r) + (low + s * (r * r));
	float half = k * 0.5F + 0x1.8p23F;
	half -= 0x1.8p23F;
	return (high + low) * gd_power_of_2_f32(half) * gd_power_of_2_f32(k - half);
}

#endif
