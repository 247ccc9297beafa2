/* The loops of elementwise.def; included once for each set of instructions, with TABLE defined as
 * the name of its table.
 *
 * A loop runs over whole vectors only, so that the compiler never adds a scalar remainder with
 * other functions: what is left over is padded by copies of its first element and goes through the
 * same loop. */
#include <stdint.h>
#include <string.h>

#include "core/ops/elementwise_rows.h"
#include "core/ops/special.h"
#include "core/vector_math.h"

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

enum { VECTOR = 32, WIDEST = 8 }; /* bytes and elements of a vector */

/* Stable on both sides: no overflow for any x. */
#define gd_sigmoid_of(x) ((x >= 0 ? 1 : exp(-fabs(x))) / (1 + exp(-fabs(x))))

/* n elements from x on, or that many times the one at x, as WIDEST elements. */
static void pad(void *to, const char *x, size_t size, size_t n, size_t step)
{
	for (size_t i = 0; i < WIDEST; i++)
		memcpy((char *)to + i * size, x + (i < n ? i * step : 0) * size, size);
}

/* y[0..n) = x: of one element. */
static void fill(void *y, size_t size, size_t n)
{
	for (size_t i = 1; i < n; i++)
		memcpy((char *)y + i * size, y, size);
}

static void run_unary(void (*loop)(size_t, void *, const void *), size_t size, size_t n, void *y,
                      const void *x, size_t step)
{
	_Alignas(VECTOR) double padded[WIDEST], result[WIDEST];
	size_t lanes = VECTOR / size, body = step ? n / lanes * lanes : 0;
	if (body)
		loop(body, y, x);
	if (body == n)
		return;
	size_t rest = step ? n - body : 1;
	pad(padded, (const char *)x + body * size, size, rest, 1);
	loop(lanes, result, padded);
	memcpy((char *)y + body * size, result, rest * size);
	if (!step)
		fill(y, size, n);
}

static void run_binary(void (*loop)(size_t, void *, const void *, size_t, const void *, size_t),
                       size_t size, size_t out, size_t n, void *y, const void *const *in,
                       const size_t *step)
{
	_Alignas(VECTOR) double a[WIDEST], b[WIDEST], result[WIDEST];
	size_t lanes = VECTOR / size, body = step[0] || step[1] ? n / lanes * lanes : 0;
	if (body)
		loop(body, y, in[0], step[0], in[1], step[1]);
	if (body == n)
		return;
	size_t rest = step[0] || step[1] ? n - body : 1;
	pad(a, (const char *)in[0] + step[0] * body * size, size, rest, step[0]);
	pad(b, (const char *)in[1] + step[1] * body * size, size, rest, step[1]);
	loop(lanes, result, a, 1, b, 1);
	memcpy((char *)y + body * out, result, rest * out);
	if (rest < n - body)
		fill(y, out, n);
}

#define T       double
#define K(name) name##_f64
#include "core/ops/elementwise_loops.h"

#define T       float
#define K(name) name##_f32
#include "core/ops/elementwise_loops.h"

const struct gd_row_kernel TABLE[GD_ROWS] = {
#define GD_UNARY(name, ...)   [GD_ROW_##name] = {name##_f64, name##_f32},
#define GD_BINARY(name, ...)  [GD_ROW_##name] = {name##_f64, name##_f32},
#define GD_COMPARE(name, ...) [GD_ROW_##name] = {name##_f64, name##_f32},
#include "core/ops/elementwise.def"
};
