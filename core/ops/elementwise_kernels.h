/* The loops of elementwise.def; included once for each set of instructions, with TABLE defined as
 * the name of its table.
 *
 * With VECTOR defined, as the bytes of a vector, they use vector functions. A loop then runs over
 * whole vectors only, so that the compiler adds no scalar remainder with other functions: what is
 * left over is padded by copies of its first element and goes through the same loop. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <tgmath.h>

#include "core/ops/elementwise_rows.h"
#include "core/ops/special.h"

#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif
/* Never specialised for one length, which would unroll it into scalar calls. */
#ifdef __clang__
#define LOOP static __attribute__((noinline)) void
#else
#define LOOP static __attribute__((noinline, noclone)) void
#endif

#ifdef VECTOR
#include "core/vector_math.h"
#define WHOLE(n) ((n) / (VECTOR / sizeof(T)) * (VECTOR / sizeof(T)))
enum { LANES = VECTOR / sizeof(float) };
#else
#define WHOLE(n) (n)
enum { LANES = 1 };
#endif

/* Stable on both sides: no overflow for any x. */
#define gd_sigmoid_of(x)                                                                           \
	({                                                                                         \
		T e_ = exp(-fabs(x));                                                              \
		(x >= 0 ? 1 : e_) / (1 + e_);                                                      \
	})

/* x - tanh(x); for small x by the continued fraction tanh(x) = x/(1 + x²/(3 + x²/(5 + …))), without
 * a difference. Source: Abramowitz & Stegun, 4.5.70. */
#define DEEPER(n, rest)     (n + x * x / (rest))
#define DEEP                DEEPER(9, DEEPER(11, DEEPER(13, DEEPER(15, 17))))
#define TANH_FRACTION       DEEPER(3, DEEPER(5, DEEPER(7, DEEP)))
#define gd_tanhshrink_of(x) (fabs(x) < 1 ? x * (x * x) / (x * x + TANH_FRACTION) : x - tanh(x))

/* n elements from x on, or n times the one at x, and then the first again until there are LANES. */
static void pad(void *to, const char *x, size_t size, size_t n, size_t step)
{
	for (size_t i = 0; i < LANES; i++)
		memcpy((char *)to + i * size, x + (i < n ? i * step : 0) * size, size);
}

/* The n elements of y become what its first is. */
static void fill(void *y, size_t size, size_t n)
{
	for (size_t i = 1; i < n; i++)
		memcpy((char *)y + i * size, y, size);
}

/* How many of n elements the loop can take as they stand. */
static size_t whole(size_t n, size_t size)
{
#ifdef VECTOR
	return n / (VECTOR / size) * (VECTOR / size);
#else
	(void)size;
	return n;
#endif
}

static void run_unary(void (*loop)(size_t, void *, const void *), size_t size, size_t n, void *y,
                      const void *x, size_t step)
{
	double padded[LANES], result[LANES];
	size_t body = step ? whole(n, size) : 0;
	if (body)
		loop(body, y, x);
	if (body == n)
		return;
	size_t rest = step ? n - body : 1;
	pad(padded, (const char *)x + body * size, size, rest, 1);
	loop(LANES, result, padded);
	memcpy((char *)y + body * size, result, rest * size);
	if (!step)
		fill(y, size, n);
}

static void run_binary(void (*loop)(size_t, void *, const void *, size_t, const void *, size_t),
                       size_t size, size_t out, size_t n, void *y, const void *const *in,
                       const size_t *step)
{
	double a[LANES], b[LANES], result[LANES];
	bool one = !step[0] && !step[1];
	size_t body = one ? 0 : whole(n, size);
	if (body)
		loop(body, y, in[0], step[0], in[1], step[1]);
	if (body == n)
		return;
	size_t rest = one ? 1 : n - body;
	pad(a, (const char *)in[0] + step[0] * body * size, size, rest, step[0]);
	pad(b, (const char *)in[1] + step[1] * body * size, size, rest, step[1]);
	loop(LANES, result, a, 1, b, 1);
	memcpy((char *)y + body * out, result, rest * out);
	if (one)
		fill(y, out, n);
}

#define T       double
#define K(name) name##_f64
#include "core/ops/elementwise_loops.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/elementwise_loops.h"

const struct gd_row_kernel TABLE[GD_ROWS] = {
#define GD_UNARY(name, ...)   {name##_f64, name##_f32},
#define GD_BINARY(name, ...)  {name##_f64, name##_f32},
#define GD_COMPARE(name, ...) {name##_f64, name##_f32},
#include "core/ops/elementwise.def"
};
