#include "tests/bench/scan_floor.h"

#include <charconv>

#include <dragonbox/dragonbox_to_chars.h>

namespace
{

template <class T> const char *read_all(const char *p, const char *end, T *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p = std::from_chars(p, end, out[i]).ptr + 1;
	return p;
}

template <class T> size_t write_all(char *out, const T *in, size_t n)
{
	char *p = out;

	for (size_t i = 0; i < n; i++) {
		p = jkj::dragonbox::to_chars_n(in[i], p);
		*p++ = ',';
	}
	return (size_t)(p - out);
}

} // namespace

const char *floor_read_doubles(const char *p, const char *end, double *out, size_t n)
{
	return read_all(p, end, out, n);
}

const char *floor_read_floats(const char *p, const char *end, float *out, size_t n)
{
	return read_all(p, end, out, n);
}

size_t floor_write_doubles(char *out, const double *in, size_t n)
{
	return write_all(out, in, n);
}

size_t floor_write_floats(char *out, const float *in, size_t n)
{
	return write_all(out, in, n);
}
