/* The loops of elementwise.def for one element type, T; K(name) is the kernel's name. */

#define GD_UNARY(name, formula, f, ...)                                                            \
	LOOP K(name##_loop)(size_t n, void *out, const void *in)                                   \
	{                                                                                          \
		T *y = out;                                                                        \
		const T *px = in;                                                                  \
		n = WHOLE(n);                                                                      \
		INDEPENDENT                                                                        \
		for (size_t i = 0; i < n; i++) {                                                   \
			T x = px[i];                                                               \
			y[i] = (f);                                                                \
		}                                                                                  \
	}                                                                                          \
	static void K(name)(size_t n, void *y, const void *const *in, const size_t *step)          \
	{                                                                                          \
		run_unary(K(name##_loop), sizeof(T), n, y, in[0], step[0]);                        \
	}

/* The three cases are spelled out so that each becomes a vector loop. */
#define BINARY_LOOPS(OUT, name, f)                                                                 \
	LOOP K(name##_loop)(size_t n, void *out, const void *in_a, size_t step_a,                  \
	                    const void *in_b, size_t step_b)                                       \
	{                                                                                          \
		OUT *y = out;                                                                      \
		const T *pa = in_a, *pb = in_b;                                                    \
		n = WHOLE(n);                                                                      \
		if (step_a && step_b) {                                                            \
			INDEPENDENT                                                                \
			for (size_t i = 0; i < n; i++) {                                           \
				T a = pa[i], b = pb[i];                                            \
				y[i] = (f);                                                        \
			}                                                                          \
		} else if (step_a) {                                                               \
			T b = *pb;                                                                 \
			INDEPENDENT                                                                \
			for (size_t i = 0; i < n; i++) {                                           \
				T a = pa[i];                                                       \
				y[i] = (f);                                                        \
			}                                                                          \
		} else {                                                                           \
			T a = *pa;                                                                 \
			INDEPENDENT                                                                \
			for (size_t i = 0; i < n; i++) {                                           \
				T b = pb[i];                                                       \
				y[i] = (f);                                                        \
			}                                                                          \
		}                                                                                  \
	}                                                                                          \
	static void K(name)(size_t n, void *y, const void *const *in, const size_t *step)          \
	{                                                                                          \
		run_binary(K(name##_loop), sizeof(T), sizeof(OUT), n, y, in, step);                \
	}

#define GD_BINARY(name, formula, f, ...) BINARY_LOOPS(T, name, f)
#define GD_COMPARE(name, formula, f)     BINARY_LOOPS(uint8_t, name, f)

#include "core/ops/elementwise.def"

#undef BINARY_LOOPS
#undef T
#undef K
