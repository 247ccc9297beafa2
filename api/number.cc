/* fast_float asserts what holds here anyway; nothing may abort. */
#define NDEBUG 1

#include "api/number.h"

#include <cstring>
#include <type_traits>

#include <dragonbox/dragonbox.h>
#include <fast_float/fast_float.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the byte order of words of digits is little-endian here"
#endif

#define GD_INLINE   static inline __attribute__((always_inline))
#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

namespace
{

constexpr uint64_t ZEROS = 0x3030303030303030; /* "00000000" */

constexpr uint64_t TEN_TO[20] = {
        1,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
        100000000000000000,
        1000000000000000000,
        10000000000000000000u,
};

/* --- reading --- */

/* What stands in the text: ± digits · 10^exponent. */
struct decimal {
	uint64_t digits; /* the first 19 significant ones when `more` */
	int64_t exponent;
	bool negative, integer, more;
	const char *whole, *whole_end, *fraction, *fraction_end, *stop;
};

GD_INLINE bool is_digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

GD_INLINE uint64_t load8(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* The value of eight digits, each a byte 0 to 9, the first in the lowest byte. */
GD_INLINE uint64_t eight_digits(uint64_t v)
{
	constexpr uint64_t mask = 0x000000FF000000FF;

	v = v * 10 + (v >> 8);
	return (((v & mask) * (100 + (1000000ull << 32))) +
	        (((v >> 16) & mask) * (1 + (10000ull << 32)))) >>
	       32;
}

/* digits = digits · 10^n + the n digits at p, for all there are; overflows silently. */
GD_INLINE const char *take_digits(const char *p, const char *end, uint64_t &digits)
{
	while (LIKELY(end - p >= 8)) {
		uint64_t word = load8(p), value = word - ZEROS;
		/* The lowest marked byte is exact: no carry comes up to it from digits. */
		uint64_t other = ((word + 0x4646464646464646) | value) & 0x8080808080808080;

		if (other == 0) {
			digits = digits * 100000000 + eight_digits(value);
			p += 8;
			continue;
		}

		unsigned n = (unsigned)__builtin_ctzll(other) / 8;

		digits = digits * TEN_TO[n] + eight_digits(value << (56 - 8 * n) << 8);
		return p + n;
	}
	for (; p != end && is_digit(*p); p++)
		digits = digits * 10 + (uint64_t)(*p - '0');
	return p;
}

/* There are over 19 digits, leading zeros counted: begins again, without overflow. */
__attribute__((noinline, cold)) decimal recount(decimal d, int64_t written)
{
	const char *p = d.whole, *f = d.fraction;
	uint64_t digits = 0;
	int taken = 0;

	while (p != d.whole_end && *p == '0')
		p++;
	if (p == d.whole_end)
		while (f != d.fraction_end && *f == '0')
			f++;
	if ((d.whole_end - p) + (d.fraction_end - f) <= 19)
		return d;
	for (; taken < 19 && p != d.whole_end; taken++)
		digits = digits * 10 + (uint64_t)(*p++ - '0');
	if (p == d.whole_end)
		for (; taken < 19 && f != d.fraction_end; taken++)
			digits = digits * 10 + (uint64_t)(*f++ - '0');
	d.digits = digits;
	d.exponent = written + (p != d.whole_end ? d.whole_end - p : d.fraction - f);
	d.more = true;
	return d;
}

/* The grammar; false at d.stop when the text is no number. */
GD_INLINE bool parse(const char *p, const char *end, decimal &d)
{
	int64_t written = 0; /* the exponent as written */

	d.negative = p != end && *p == '-';
	p += d.negative;
	d.whole = p;
	d.stop = p;
	if (p == end || !is_digit(*p))
		return false;
	d.digits = (uint64_t)(*p++ - '0');
	if (d.digits == 0) {
		d.stop = p;
		if (p != end && is_digit(*p))
			return false;
	} else if (p != end && is_digit(*p)) {
		p = take_digits(p, end, d.digits);
	}
	d.whole_end = d.fraction = d.fraction_end = p;
	d.integer = true;
	if (p != end && *p == '.') {
		d.integer = false;
		d.fraction = ++p;
		p = take_digits(p, end, d.digits);
		d.fraction_end = p;
		d.stop = p;
		if (p == d.fraction)
			return false;
	}
	if (p != end && (*p | 0x20) == 'e') {
		d.integer = false;
		p++;

		bool down = p != end && *p == '-';

		if (p != end && (*p == '-' || *p == '+'))
			p++;
		d.stop = p;
		if (p == end || !is_digit(*p))
			return false;
		for (; p != end && is_digit(*p); p++)
			if (written < 100000000)
				written = written * 10 + (*p - '0');
		if (down)
			written = -written;
	}
	d.stop = p;
	d.exponent = written - (d.fraction_end - d.fraction);
	d.more = false;
	if (UNLIKELY((d.whole_end - d.whole) + (d.fraction_end - d.fraction) > 19))
		d = recount(d, written);
	return true;
}

template <class T>
__attribute__((noinline, cold)) fast_float::adjusted_mantissa
exactly(decimal d, fast_float::adjusted_mantissa am)
{
	fast_float::parsed_number_string text;

	text.exponent = d.exponent;
	text.mantissa = d.digits;
	text.negative = d.negative;
	text.valid = true;
	text.too_many_digits = d.more;
	text.integer = fast_float::byte_span(d.whole, (size_t)(d.whole_end - d.whole));
	text.fraction = fast_float::byte_span(d.fraction, (size_t)(d.fraction_end - d.fraction));
	return fast_float::digit_comp<T>(text, am);
}

/* False when it rounds to infinity. */
template <class T> GD_INLINE bool round_to(const decimal &d, T &value)
{
	using format = fast_float::binary_format<T>;
	using bits = typename format::equiv_uint;

	if (d.exponent == 0 && d.digits <= format::max_mantissa_fast_path()) {
		value = (T)d.digits;
		if (d.negative)
			value = -value;
		return true;
	}

	/* Both exact, so that there is one rounding: the way of short decimals. */
	if (d.exponent < 0 && d.exponent >= -10 && d.digits <= format::max_mantissa_fast_path()) {
		value = (T)d.digits / format::exact_power_of_ten(-d.exponent);
		if (d.negative)
			value = -value;
		return true;
	}

	auto am = fast_float::compute_float<format>(d.exponent, d.digits);

	if (UNLIKELY(d.more) && am.power2 >= 0 &&
	    am != fast_float::compute_float<format>(d.exponent, d.digits + 1))
		am = fast_float::compute_error<format>(d.exponent, d.digits);
	if (UNLIKELY(am.power2 < 0))
		am = exactly<T>(d, am);
	if (UNLIKELY(am.power2 >= format::infinite_power()))
		return false;

	bits word = (bits)am.mantissa | (bits)am.power2 << format::mantissa_explicit_bits() |
	            (bits)d.negative << format::sign_index();

	memcpy(&value, &word, sizeof value);
	return true;
}

template <class T>
GD_INLINE gd_number_status read(const char *p, const char *end, T *value, const char **stop)
{
	decimal d;
	bool good = parse(p, end, d);

	*stop = d.stop;
	if (!good)
		return GD_NUMBER_BAD;
	return round_to(d, *value) ? GD_NUMBER_OK : GD_NUMBER_TOO_LARGE;
}

GD_INLINE bool is_special(const decimal &d, double value, bool any_size)
{
	constexpr uint64_t below_half = ((uint64_t)1 << 28) - 1, half = (uint64_t)1 << 28;
	uint64_t word;

	if (d.integer)
		return d.digits > (uint64_t)1 << 53;
	memcpy(&word, &value, sizeof word);
	word &= ~((uint64_t)1 << 63);
	memcpy(&value, &word, sizeof word);
	/* Halfway between two float32: below the 24 bits that a normal one has stands 1000…;
	 * a subnormal one has fewer, and then the zeros are more. */
	if (UNLIKELY((word & below_half) == 0) && word != 0 && ((word & half) || value < 0x1p-126))
		return true;
	return UNLIKELY(value >= 0x1.ffffffp127) && !any_size;
}

GD_INLINE bool is_special(const decimal &d, float, bool)
{
	return d.integer && d.digits > (uint64_t)1 << 24;
}

enum { RUN_LENGTH = 40 };

template <class T> GD_INLINE size_t read_run(gd_run *run, const char *end, T *out, size_t room)
{
	const char *p = run->at;
	size_t n = 0;

	run->behind = false;
	while (n < room) {
		decimal d;
		T value;

		if (!parse(p, end, d) || d.stop == end || d.stop - p > RUN_LENGTH || d.more ||
		    !round_to(d, value) || is_special(d, value, run->any_size))
			break;
		out[n++] = value;
		run->integers &= d.integer;
		p = d.stop;
		if (*p != ',') {
			run->behind = true;
			break;
		}
		p++;
		if (p != end && *p == ' ')
			p++;
	}
	run->at = p;
	return n;
}

/* --- writing --- */

/* Eight digits as text, the first in the lowest byte; n < 10^8. */
GD_INLINE uint64_t eight_chars(uint32_t n)
{
	uint64_t fours = n / 10000 | (uint64_t)(n % 10000) << 32;
	uint64_t hundreds = ((fours * 10486) >> 20) & 0x0000007F0000007F;
	uint64_t twos = ((fours - 100 * hundreds) << 16) + hundreds;
	uint64_t tens = ((twos * 103) >> 10) & 0x000F000F000F000F;

	return tens + ((twos - 10 * tens) << 8) + ZEROS;
}

/* Sixteen digits, high · 10^8 + low, likewise. */
GD_INLINE unsigned __int128 sixteen_chars(uint32_t high, uint32_t low)
{
#ifdef __SSE2__
	/* The same by halves, all lanes at once: x / 10000 = x · 3518437209 >> 45,
	 * x / 100 = x · 5243 >> 19, x / 10 = x · 6554 >> 16. */
	__m128i eights = _mm_set_epi64x(low, high);
	__m128i tops = _mm_srli_epi64(_mm_mul_epu32(eights, _mm_set1_epi64x(3518437209)), 45);
	__m128i fours = _mm_add_epi64(
	        tops,
	        _mm_slli_epi64(_mm_sub_epi64(eights, _mm_mul_epu32(tops, _mm_set1_epi64x(10000))),
	                       32));
	__m128i hundreds = _mm_srli_epi16(_mm_mulhi_epu16(fours, _mm_set1_epi32(5243)), 3);
	__m128i twos = _mm_add_epi32(
	        hundreds,
	        _mm_slli_epi32(_mm_sub_epi32(fours, _mm_mullo_epi16(hundreds, _mm_set1_epi32(100))),
	                       16));
	__m128i tens = _mm_mulhi_epu16(twos, _mm_set1_epi16(6554));
	__m128i ones = _mm_sub_epi16(twos, _mm_mullo_epi16(tens, _mm_set1_epi16(10)));
	__m128i text =
	        _mm_or_si128(_mm_or_si128(tens, _mm_slli_epi16(ones, 8)), _mm_set1_epi8('0'));
	unsigned __int128 word;

	_mm_storeu_si128((__m128i *)&word, text);
	return word;
#else
	return eight_chars(high) | (unsigned __int128)eight_chars(low) << 64;
#endif
}

GD_INLINE int digits_in(uint64_t n)
{
	int t = ((64 - __builtin_clzll(n | 1)) * 1233) >> 12;

	return t + (n >= TEN_TO[t]);
}

/* The first digit, and behind it the rest padded with '0' to a fixed width, as one word whose
 * lowest byte comes first: so that a decimal point goes in by a shift and not by a loop. */
template <class T> struct layout;

template <> struct layout<double> {
	using word = unsigned __int128;
	static constexpr int width = 17;

	/* digits < 10^17 */
	static word text(uint64_t digits, char *first)
	{
		uint32_t high = (uint32_t)(digits / 100000000);
		uint32_t low = (uint32_t)(digits - (uint64_t)high * 100000000);

		*first = (char)('0' + high / 100000000);
		return sixteen_chars(high % 100000000, low);
	}

	/* How many of the `width` digits there are up to the last that is not 0. */
	static int length(word rest)
	{
		uint64_t high = (uint64_t)(rest >> 64) ^ ZEROS, low = (uint64_t)rest ^ ZEROS;

		if (high)
			return 17 - __builtin_clzll(high) / 8;
		return low ? 9 - __builtin_clzll(low) / 8 : 1;
	}
};

template <> struct layout<float> {
	using word = uint64_t;
	static constexpr int width = 9;

	/* digits < 10^9 */
	static word text(uint64_t digits, char *first)
	{
		*first = (char)('0' + digits / 100000000);
		return eight_chars((uint32_t)(digits % 100000000));
	}

	static int length(word rest)
	{
		word other = rest ^ ZEROS;

		return other ? 9 - __builtin_clzll(other) / 8 : 1;
	}
};

char *write_exponent(char *p, int exponent)
{
	*p++ = 'e';
	if (exponent < 0) {
		*p++ = '-';
		exponent = -exponent;
	}
	if (exponent >= 100) {
		*p++ = (char)('0' + exponent / 100);
		exponent %= 100;
		*p++ = (char)('0' + exponent / 10);
	} else if (exponent >= 10) {
		*p++ = (char)('0' + exponent / 10);
	}
	*p++ = (char)('0' + exponent % 10);
	return p;
}

size_t write_text(char *out, const char *text)
{
	size_t n = strlen(text);

	memcpy(out, text, n);
	return n;
}

template <class T> GD_INLINE size_t write(char *out, T value)
{
	using namespace jkj::dragonbox;
	using how = layout<T>;

	auto bits = float_bits<T>(value);
	char *p = out;

	if (!bits.is_finite())
		return write_text(out, value != value ? "\"NaN\""
		                       : value > 0    ? "\"Infinity\""
		                                      : "\"-Infinity\"");
	*p = '-';
	p += bits.is_negative();
	if (!bits.is_nonzero())
		return write_text(out, bits.is_negative() ? "-0.0" : "0");

	auto shortest = to_decimal(value, policy::sign::ignore, policy::trailing_zero::ignore);
	int n = digits_in(shortest.significand);
	int point = n + shortest.exponent; /* digits in front of the decimal point */
	uint64_t digits = shortest.significand * TEN_TO[how::width - n];
	char first;
	typename how::word rest = how::text(digits, &first);

	n = how::length(rest);
	if (LIKELY(point <= 0 && point > -6)) { /* 0.00ddd */
		memcpy(p, "0.000000", 8);
		p += 2 - point;
		*p = first;
		memcpy(p + 1, &rest, sizeof rest);
		return (size_t)(p + n - out);
	}
	if (LIKELY(point > 0 && point < n)) { /* dd.ddd */
		*p = first;
		memcpy(p + 1, &rest, sizeof rest);
		p += point;
		*p = '.';
		rest >>= 8 * (point - 1);
		memcpy(p + 1, &rest, sizeof rest);
		return (size_t)(p + 1 + n - point - out);
	}
	if (point > 0 && point <= 21) { /* ddd00 */
		*p = first;
		memcpy(p + 1, &rest, sizeof rest);
		memset(p + 1 + sizeof rest, '0', 21 - 1 - sizeof rest);
		return (size_t)(p + point - out);
	}
	p[0] = first; /* d.dddE±xx */
	p[1] = '.';
	memcpy(p + 2, &rest, sizeof rest);
	p += n > 1 ? n + 1 : 1;
	return (size_t)(write_exponent(p, point - 1) - out);
}

} // namespace

gd_number_status gd_read_double(const char *p, const char *end, double *value, const char **stop)
{
	return read(p, end, value, stop);
}

gd_number_status gd_read_float(const char *p, const char *end, float *value, const char **stop)
{
	return read(p, end, value, stop);
}

bool gd_read_int64(const char *p, const char *end, int64_t *value)
{
	bool negative = *p == '-';
	int64_t n = 0;

	for (p += negative; p != end; p++) {
		int digit = *p - '0';

		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, negative ? -digit : digit, &n))
			return false;
	}
	*value = n;
	return true;
}

size_t gd_read_doubles(gd_run *run, const char *end, double *out, size_t room)
{
	return read_run(run, end, out, room);
}

size_t gd_read_floats(gd_run *run, const char *end, float *out, size_t room)
{
	return read_run(run, end, out, room);
}

size_t gd_write_double(char *out, double value)
{
	return write(out, value);
}

size_t gd_write_float(char *out, float value)
{
	return write(out, value);
}

size_t gd_write_int64(char *out, int64_t value)
{
	char text[20], *p = text + sizeof text;
	uint64_t n = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) != 0);

	size_t sign = value < 0, length = (size_t)(text + sizeof text - p);

	*out = '-';
	memcpy(out + sign, p, length);
	return sign + length;
}
