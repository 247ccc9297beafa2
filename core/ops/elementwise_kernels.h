/* The loops of elementwise.def for one element type; included once for each with T (the type) and
 * K(name) (the kernel's name) defined. Operand strides are 0 (one element for all) or 1. */

#define GD_UNARY(name, formula, f, ...)                                                            \
	static void K(name)(size_t n, void *out, const void *in)                                   \
	{                                                                                          \
		T *y = out;                                                                        \
		const T *px = in;                                                                  \
		for (size_t i = 0; i < n; i++) {                                                   \
			T x = px[i];                                                               \
			y[i] = (f);                                                                \
		}                                                                                  \
	}

/* The three cases are spelled out so that each becomes a vector loop. */
#define BINARY_LOOPS(OUT, name, f)                                                                 \
	static void K(name)(size_t n, void *out, const void *in_a, size_t step_a,                  \
	                    const void *in_b, size_t step_b)                                       \
	{                                                                                          \
		OUT *y = out;                                                                      \
		const T *pa = in_a, *pb = in_b;                                                    \
		if (step_a && step_b) {                                                            \
			for (size_t i = 0; i < n; i++) {                                           \
				T a = pa[i], b = pb[i];                                            \
				y[i] = (f);                                                        \
			}                                                                          \
		} else if (step_a) {                                                               \
			T b = *pb;                                                                 \
			for (size_t i = 0; i < n; i++) {                                           \
				T a = pa[i];                                                       \
				y[i] = (f);                                                        \
			}                                                                          \
		} else {                                                                           \
			T a = *pa;                                                                 \
			for (size_t i = 0; i < n; i++) {                                           \
				T b = pb[i * step_b];                                              \
				y[i] = (f);                                                        \
			}                                                                          \
		}                                                                                  \
	}

#define GD_BINARY(name, formula, f, ...) BINARY_LOOPS(T, name, f)
#define GD_COMPARE(name, formula, f)     BINARY_LOOPS(uint8_t, name, f)

#include "core/ops/elementwise.def"

#undef BINARY_LOOPS
#undef T
#undef K
