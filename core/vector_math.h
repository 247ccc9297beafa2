/* <tgmath.h> with functions that the compiler may call for a whole vector at a time.
 *
 * glibc's libmvec has them for x86-64, within 4 ulp and with the scalar functions' special values
 * (tests/core/test_vector.c). They give other last digits than libm's, so a loop that calls them
 * must run over whole vectors: an element's value may not depend on its place in the array. With
 * other compilers and libraries the same loops call libm. */
#ifndef GD_VECTOR_MATH_H
#define GD_VECTOR_MATH_H

#include <math.h>
#include <tgmath.h>

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
#if __GLIBC_PREREQ(2, 35)
#define GD_SIMD(name)                                                                              \
	extern double(name)(double) __attribute__((simd("notinbranch"), const, nothrow));          \
	extern float(name##f)(float) __attribute__((simd("notinbranch"), const, nothrow));
GD_SIMD(exp2)
GD_SIMD(expm1)
GD_SIMD(log)
GD_SIMD(log2)
GD_SIMD(log10)
GD_SIMD(log1p)
GD_SIMD(sin)
GD_SIMD(cos)
GD_SIMD(tan)
GD_SIMD(asin)
GD_SIMD(acos)
GD_SIMD(atan)
GD_SIMD(sinh)
GD_SIMD(cosh)
GD_SIMD(tanh)
GD_SIMD(asinh)
GD_SIMD(acosh)
GD_SIMD(atanh)
GD_SIMD(erf)
GD_SIMD(erfc)
#undef GD_SIMD
#endif
#endif

#ifdef __FMA__
#include "core/vector_exp.h"
#undef exp
#define exp(x) _Generic((x), float : gd_exp_f32, default : gd_exp_f64)(x)
#endif

#endif
