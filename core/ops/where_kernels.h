/* y = c ? a : b for elements of 8, 4 and 1 bytes; included once for each set of instructions, with
 * TABLE defined as the name of its table. */
#include <stdbool.h>

#include "core/ops/where.h"

#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

/* Constant steps make each case a loop that becomes vector instructions, as both operands are read
 * whatever is chosen; y may be an operand. */
#define CASE(T, SC, SA, SB)                                                                        \
	if (step[0] == (SC) && step[1] == (SA) && step[2] == (SB)) {                               \
		INDEPENDENT                                                                        \
		for (size_t i = 0; i < n; i++) {                                                   \
			T taken = a[i * (SA)], left = b[i * (SB)], mask = (T) - (T)(c[i] != 0);    \
			y[i] = (taken & mask) | (left & ~mask);                                    \
		}                                                                                  \
		return;                                                                            \
	}
#define WHERE(T, name)                                                                             \
	static void name(size_t n, void *out, const void *const *in, const size_t *step)           \
	{                                                                                          \
		T *y = out;                                                                        \
		const uint8_t *c = in[0];                                                          \
		const T *a = in[1], *b = in[2];                                                    \
		if (step[0]) {                                                                     \
			CASE(T, 1, 1, 1)                                                           \
			CASE(T, 1, 1, 0)                                                           \
			CASE(T, 1, 0, 1)                                                           \
			CASE(T, 1, 0, 0)                                                           \
		}                                                                                  \
		const T *taken = *c ? a : b;                                                       \
		size_t taken_step = step[*c ? 1 : 2];                                              \
		for (size_t i = 0; i < n; i++)                                                     \
			y[i] = taken[i * taken_step];                                              \
	}
WHERE(uint64_t, where_64)
WHERE(uint32_t, where_32)
WHERE(uint8_t, where_8)

const struct gd_where_kernels TABLE = {where_64, where_32, where_8};
