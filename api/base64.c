#include "api/base64.h"

/* A letter's six bits, and MARK to tell them from the 0 of everything else. */
enum { MARK = 0x40 };

#define M(x) (MARK | (x))
static const uint8_t letters[256] = {
        ['A'] = M(0),  ['B'] = M(1),  ['C'] = M(2),  ['D'] = M(3),  ['E'] = M(4),  ['F'] = M(5),
        ['G'] = M(6),  ['H'] = M(7),  ['I'] = M(8),  ['J'] = M(9),  ['K'] = M(10), ['L'] = M(11),
        ['M'] = M(12), ['N'] = M(13), ['O'] = M(14), ['P'] = M(15), ['Q'] = M(16), ['R'] = M(17),
        ['S'] = M(18), ['T'] = M(19), ['U'] = M(20), ['V'] = M(21), ['W'] = M(22), ['X'] = M(23),
        ['Y'] = M(24), ['Z'] = M(25), ['a'] = M(26), ['b'] = M(27), ['c'] = M(28), ['d'] = M(29),
        ['e'] = M(30), ['f'] = M(31), ['g'] = M(32), ['h'] = M(33), ['i'] = M(34), ['j'] = M(35),
        ['k'] = M(36), ['l'] = M(37), ['m'] = M(38), ['n'] = M(39), ['o'] = M(40), ['p'] = M(41),
        ['q'] = M(42), ['r'] = M(43), ['s'] = M(44), ['t'] = M(45), ['u'] = M(46), ['v'] = M(47),
        ['w'] = M(48), ['x'] = M(49), ['y'] = M(50), ['z'] = M(51), ['0'] = M(52), ['1'] = M(53),
        ['2'] = M(54), ['3'] = M(55), ['4'] = M(56), ['5'] = M(57), ['6'] = M(58), ['7'] = M(59),
        ['8'] = M(60), ['9'] = M(61), ['+'] = M(62), ['/'] = M(63),
};
#undef M

/* One more character of a group; false when it does not fit there. */
static bool take(struct gd_base64 *d, unsigned char c)
{
	if (d->ended)
		return false;
	if (c == '=') {
		/* Two letters leave 4 bits over, three leave 2: they must be 0. */
		if (d->pads == 0 && (d->have < 2 || (d->bits & (d->have == 2 ? 0x0F : 0x03)) != 0))
			return false;
		d->pads++;
		d->bits <<= 6;
	} else {
		if (d->pads > 0 || letters[c] == 0)
			return false;
		d->bits = d->bits << 6 | (letters[c] & ~(unsigned)MARK);
	}
	d->have++;
	return true;
}

size_t gd_base64_decode(struct gd_base64 *d, const char **at, const char *end, unsigned char *out,
                        size_t room)
{
	const unsigned char *p = (const unsigned char *)*at, *stop = (const unsigned char *)end;
	size_t n = 0;

	while (p != stop && room - n >= 3) {
		if (d->have == 0 && !d->ended) {
			while (stop - p >= 4 && room - n >= 3) {
				unsigned a = letters[p[0]], b = letters[p[1]], c = letters[p[2]],
				         e = letters[p[3]];

				if ((a & b & c & e) == 0)
					break;
				/* The marks have their own places: they go by one subtraction. */
				uint32_t bits =
				        (a << 18) + (b << 12) + (c << 6) + e - MARK * 0x41041u;

				out[n] = (unsigned char)(bits >> 16);
				out[n + 1] = (unsigned char)(bits >> 8);
				out[n + 2] = (unsigned char)bits;
				n += 3;
				p += 4;
			}
			if (p == stop || room - n < 3)
				break;
		}
		if (!take(d, *p))
			break;
		p++;
		if (d->have == 4) {
			out[n++] = (unsigned char)(d->bits >> 16);
			if (d->pads < 2)
				out[n++] = (unsigned char)(d->bits >> 8);
			if (d->pads < 1)
				out[n++] = (unsigned char)d->bits;
			d->ended = d->pads > 0;
			*d = (struct gd_base64){.ended = d->ended};
		}
	}
	*at = (const char *)p;
	return n;
}
