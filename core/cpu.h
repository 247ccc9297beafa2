/* What the CPU has beyond what everything is compiled for. */
#ifndef GD_CPU_H
#define GD_CPU_H

#include <stdbool.h>

/* What files named …_avx2.c are compiled for: kernels of which there is a second copy for any CPU.
 * GD_BEST(kernels) is kernels_avx2 where it can be used, else kernels_baseline. */
#ifdef __x86_64__
static inline bool gd_has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#define GD_BEST(kernels) (gd_has_avx2() ? &kernels##_avx2 : &kernels##_baseline)
#else
static inline bool gd_has_avx2(void)
{
	return false;
}
#define GD_BEST(kernels) (&kernels##_baseline)
#endif

#endif
