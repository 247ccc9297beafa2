#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "api/number.h"
#include "tests/support/test.h"

enum { MANY = 1000000, SOME = 100000 };

/* Under valgrind and the sanitizers fewer will do. */
static int times(int n)
{
	return getenv("GD_QUICK") ? n / 50 : n;
}

static uint64_t random_state;

static uint64_t random_bits(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void seed(void)
{
	random_state = 88172645463325252u;
}

static uint64_t bits_of(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof bits);
	return bits;
}

static uint32_t bits_of_float(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	return bits;
}

static double double_of(uint64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof d);
	return d;
}

static float float_of(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

/* --- reading against the C library --- */

/* From a copy of just these bytes, so that a sanitizer sees what is read behind them. */
static void check_read(const char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(n);
	const char *stop;
	double d = 0, expected = strtod(text, NULL);
	float f = 0, expected_float = strtof(text, NULL);

	memcpy(copy, text, n);

	enum gd_number_status status = gd_read_double(copy, copy + n, &d, &stop);

	if (isinf(expected) ? status != GD_NUMBER_TOO_LARGE
	                    : status != GD_NUMBER_OK || bits_of(d) != bits_of(expected))
		ck_abort_msg("\"%s\" read as %a, status %d, not %a", text, d, (int)status,
		             expected);
	ck_assert_ptr_eq(stop, copy + n);

	status = gd_read_float(copy, copy + n, &f, &stop);
	if (isinf(expected_float)
	            ? status != GD_NUMBER_TOO_LARGE
	            : status != GD_NUMBER_OK || bits_of_float(f) != bits_of_float(expected_float))
		ck_abort_msg("\"%s\" read as float %a, status %d, not %a", text, (double)f,
		             (int)status, (double)expected_float);
	ck_assert_ptr_eq(stop, copy + n);
	free(copy);
}

START_TEST(reads_known_texts)
{
	static const char *const texts[] = {
	        "0",
	        "-0",
	        "0.0",
	        "-0.0e-7",
	        "1",
	        "9007199254740991",
	        "9007199254740992",
	        "9007199254740993",
	        "9007199254740993.00000000000000000000000000000000000000000001",
	        "16777215",
	        "16777216",
	        "16777217",
	        "16777219",
	        "1.7976931348623157e308",
	        "1.7976931348623158e308",
	        "1.7976931348623159e308",
	        "-1.8e308",
	        "1e309",
	        "1e99999999999999999999",
	        "1e-99999999999999999999",
	        "0e99999999999999999999",
	        "4.9e-324",
	        "5e-324",
	        "2.4703282292062327e-324",
	        "2.4703282292062328e-324",
	        "2.2250738585072011e-308",
	        "2.2250738585072012e-308",
	        "2.2250738585072014e-308",
	        "3.4028234663852886e38",
	        "3.4028235677973366e38",
	        "3.4028235677973365e38",
	        "3.4028235677973367e38",
	        "1.1754943508222875e-38",
	        "1.401298464324817e-45",
	        "7.006492321624085e-46",
	        "7.006492321624086e-46",
	        "1e23",
	        "8.5e22",
	        "1E5",
	        "1e+5",
	        "123456789012345678901234567890",
	        "0.00012345678901234567",
	        "0.000000000000000000000000000001",
	        "0.00000000000000000000000000000000000000000000000000000000000000000000000000",
	        "6631236846766476612e-35",
	        "1.00000005960464477539062500",
	        "1.00000005960464477539062501",
	        "1.00000005960464477539062499",
	        "7.2057594037927933e16",
	        "100000000000000016777215",
	        "100000000000000016777216",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		check_read(texts[i]);
}
END_TEST

START_TEST(reads_random_texts)
{
	char text[128];

	seed();
	for (int i = 0; i < times(MANY / 4); i++) {
		int whole = (int)(random_bits() % 24), fraction = (int)(random_bits() % 24);
		char *p = text;

		if (random_bits() & 1)
			*p++ = '-';
		if (whole == 0)
			*p++ = '0';
		else
			*p++ = (char)('1' + random_bits() % 9);
		for (int k = 1; k < whole; k++)
			*p++ = (char)('0' + random_bits() % 10);
		if (fraction > 0)
			*p++ = '.';
		for (int k = 0, zeros = (int)(random_bits() % 30); k < fraction; k++)
			*p++ = k < zeros - 15 ? '0' : (char)('0' + random_bits() % 10);
		if (random_bits() & 1)
			p += sprintf(p, "%c%s%d", random_bits() & 1 ? 'e' : 'E',
			             random_bits() & 1   ? "-"
			             : random_bits() & 1 ? "+"
			                                 : "",
			             (int)(random_bits() % (random_bits() & 1 ? 340 : 50)));
		*p = '\0';
		check_read(text);
	}
}
END_TEST

/* Exactly halfway between two neighbours, and a little to each side, in all digits there are. */
START_TEST(reads_halfway_texts)
{
	static char text[1300];

	seed();
	for (int i = 0; i < times(4000); i++) {
		bool is_float = i & 1;
		double lower = is_float ? (double)fabsf(float_of((uint32_t)random_bits()))
		                        : fabs(double_of(random_bits()));
		double upper = is_float ? (double)nextafterf((float)lower, INFINITY)
		                        : nextafter(lower, INFINITY);

		if (!isfinite(lower) || !isfinite(upper))
			continue;
		snprintf(text, sizeof text - 2, "%.1100Le", ((long double)lower + upper) / 2);

		char *e = strchr(text, 'e');
		char exponent[16], *last = e - 1;

		snprintf(exponent, sizeof exponent, "%s", e);
		check_read(text);
		strcpy(e, "1");
		strcat(text, exponent);
		check_read(text);
		*e = '\0';
		while (*last == '0')
			last--;
		if (*last == '.')
			continue;
		(*last)--;
		strcpy(last + 1, "9");
		strcat(text, exponent);
		check_read(text);
	}
}
END_TEST

START_TEST(reads_very_long_texts)
{
	enum { LENGTH = 1000000 };
	char *text = malloc(LENGTH + 16);
	const char *stop;
	double d;

	memset(text, '7', LENGTH);
	strcpy(text + LENGTH, "e-1000000");
	ck_assert_int_eq(gd_read_double(text, text + LENGTH + 9, &d, &stop), GD_NUMBER_OK);
	ck_assert(d == 0.77777777777777777778);
	text[1] = '.';
	strcpy(text + LENGTH, "e2");
	ck_assert_int_eq(gd_read_double(text, text + LENGTH + 2, &d, &stop), GD_NUMBER_OK);
	ck_assert(d == 777.77777777777777778);
	text[0] = '0';
	memset(text + 2, '0', LENGTH - 3);
	strcpy(text + LENGTH, "e999999");
	ck_assert_int_eq(gd_read_double(text, text + LENGTH + 7, &d, &stop), GD_NUMBER_OK);
	ck_assert(d == 70);
	free(text);
}
END_TEST

START_TEST(refuses_what_is_no_number)
{
	static const struct {
		const char *text;
		int stop;
	} cases[] =
	        {
	                {"", 0},      {"-", 1},    {"--1", 1},  {"+1", 0},  {".5", 0},
	                {"-.5", 1},   {"1.", 2},   {"1.e5", 2}, {"1e", 2},  {"1e+", 3},
	                {"1e-x", 3},  {"1.5E", 4}, {"00", 1},   {"01", 1},  {"-01", 2},
	                {"-00.5", 2}, {"inf", 0},  {"nan", 0},  {"NaN", 0}, {"-Infinity", 1},
	                {"x", 0},     {" 1", 0},   {"1.-2", 2}, {"0.", 2},  {"0e", 2},
	        },
	  ended[] = {
	          {"1.2e3.", 5}, {"1.2.3", 3}, {"0x10", 1},  {"1_000", 1}, {"1,5", 1},
	          {"12a", 2},    {"1e5e5", 3}, {"1.5-2", 3}, {"-0-", 2},   {"0]", 1},
	  };
	const char *stop;
	double d;
	float f;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *text = cases[i].text, *end = text + strlen(text);

		ck_assert_msg(gd_read_double(text, end, &d, &stop) == GD_NUMBER_BAD, "\"%s\"",
		              text);
		ck_assert_msg(stop - text == cases[i].stop, "\"%s\" stops at %d", text,
		              (int)(stop - text));
		ck_assert_msg(gd_read_float(text, end, &f, &stop) == GD_NUMBER_BAD, "\"%s\"", text);
		ck_assert_int_eq(stop - text, cases[i].stop);
	}
	for (size_t i = 0; i < sizeof ended / sizeof *ended; i++) {
		const char *text = ended[i].text, *end = text + strlen(text);

		ck_assert_msg(gd_read_double(text, end, &d, &stop) == GD_NUMBER_OK, "\"%s\"", text);
		ck_assert_msg(stop - text == ended[i].stop, "\"%s\" stops at %d", text,
		              (int)(stop - text));
	}
}
END_TEST

START_TEST(reads_int64)
{
	static const struct {
		const char *text;
		bool fits;
		int64_t value;
	} cases[] = {
	        {"0", true, 0},
	        {"-0", true, 0},
	        {"9223372036854775807", true, INT64_MAX},
	        {"9223372036854775808", false, 0},
	        {"-9223372036854775808", true, INT64_MIN},
	        {"-9223372036854775809", false, 0},
	        {"9007199254740993", true, 9007199254740993},
	        {"99999999999999999999999", false, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *text = cases[i].text;
		int64_t value = 0;

		ck_assert_msg(gd_read_int64(text, text + strlen(text), &value) == cases[i].fits,
		              "%s", text);
		if (cases[i].fits)
			ck_assert_int_eq(value, cases[i].value);
	}
}
END_TEST

/* --- the inner loop --- */

START_TEST(run_stops_where_a_look_is_needed)
{
	static const struct {
		const char *text;
		size_t doubles, floats; /* how many are read */
		int at_double, at_float;
		bool behind;
	} cases[] = {
	        {"1,2, 3]", 3, 3, 6, 6, true},
	        {"1,2, 3 ,4]", 3, 3, 6, 6, true},
	        {"1,2,  3]", 2, 2, 5, 5, false},
	        {"1,\n2]", 1, 1, 2, 2, false},
	        {"1,2", 1, 1, 2, 2, false},
	        {"1,2,", 2, 2, 4, 4, false},
	        {"1, ", 1, 1, 3, 3, false},
	        {"1,\"NaN\"]", 1, 1, 2, 2, false},
	        {"[1]", 0, 0, 0, 0, false},
	        {"", 0, 0, 0, 0, false},
	        {"1,02]", 1, 1, 2, 2, false},
	        {"1,1e999]", 1, 1, 2, 2, false},
	        {"1,1e39,5]", 1, 1, 2, 2, false},
	        {"1,9007199254740992,9007199254740993]", 2, 1, 19, 2, false},
	        {"16777216,16777217]", 2, 1, 17, 9, true},
	        /* 2^24 + 1 is halfway between two float32. */
	        {"1,16777217.0,1]", 1, 3, 2, 14, false},
	        {"1,16777217.0000000001,1]", 1, 3, 2, 23, false},
	        {"1,1.00000005960464,1]", 3, 3, 20, 20, true},
	        {"0.5,-1.5,0.0,-0.0]", 4, 4, 17, 17, true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *text = cases[i].text, *end = text + strlen(text);
		struct gd_run run = {.at = text, .integers = true};
		double d[8];
		float f[8];

		ck_assert_msg(gd_read_doubles(&run, end, d, 8) == cases[i].doubles, "%s", text);
		ck_assert_msg(run.at - text == cases[i].at_double, "%s", text);
		ck_assert_msg(run.behind == cases[i].behind, "%s", text);
		run = (struct gd_run){.at = text, .integers = true};
		ck_assert_msg(gd_read_floats(&run, end, f, 8) == cases[i].floats, "%s", text);
		ck_assert_msg(run.at - text == cases[i].at_float, "%s", text);
	}
}
END_TEST

START_TEST(run_keeps_to_its_room)
{
	const char *text = "1,2.5,3]";
	struct gd_run run = {.at = text, .integers = true};
	double d[2] = {0, 99};

	ck_assert_uint_eq(gd_read_doubles(&run, text + 8, d, 1), 1);
	ck_assert(!run.behind && run.integers && run.at == text + 2 && d[0] == 1 && d[1] == 99);
	ck_assert_uint_eq(gd_read_doubles(&run, text + 8, d, 2), 2);
	ck_assert(run.behind && !run.integers && run.at == text + 7 && d[0] == 2.5 && d[1] == 3);
}
END_TEST

START_TEST(run_passes_large_values_when_told)
{
	const char *text = "1e39,-1e300,3.5]";
	struct gd_run run = {.at = text, .any_size = true};
	double d[3];

	ck_assert_uint_eq(gd_read_doubles(&run, text + strlen(text), d, 3), 3);
	ck_assert(d[0] == 1e39 && d[1] == -1e300 && d[2] == 3.5);
}
END_TEST

/* --- writing --- */

static void check_write(double value)
{
	char text[GD_NUMBER_MAX + 1];
	size_t n = gd_write_double(text, value);
	const char *stop;
	double back;

	text[n] = '\0';
	if (n > 26 || gd_read_double(text, text + n, &back, &stop) != GD_NUMBER_OK ||
	    stop != text + n || bits_of(back) != bits_of(value))
		ck_abort_msg("%a written as \"%s\"", value, text);
}

static void check_write_float(float value)
{
	char text[GD_NUMBER_MAX + 1];
	size_t n = gd_write_float(text, value);
	const char *stop;
	float back;

	text[n] = '\0';
	if (n > 26 || gd_read_float(text, text + n, &back, &stop) != GD_NUMBER_OK ||
	    stop != text + n || bits_of_float(back) != bits_of_float(value))
		ck_abort_msg("%a written as \"%s\"", (double)value, text);
}

START_TEST(writes_what_reads_back)
{
	seed();
	for (int i = 0; i < times(2 * MANY); i++) {
		uint64_t bits = random_bits();
		double d = double_of(bits);
		float f = float_of((uint32_t)bits);

		if (isfinite(d))
			check_write(d);
		if (isfinite(f))
			check_write_float(f);
		check_write((double)(int64_t)(bits >> 50));
		check_write((double)(bits >> 11) * 0x1p-53 - 0.5);
		check_write((double)(int64_t)(bits % 2000001) / 1000);
	}
}
END_TEST

START_TEST(writes_edges_that_read_back)
{
	/* Subnormals, every power of two and its neighbours, powers of ten. */
	for (uint64_t bits = 1; bits < (uint64_t)times(SOME); bits++) {
		check_write(double_of(bits));
		check_write_float(float_of((uint32_t)bits));
	}
	for (int e = -1074; e < 1024; e++) {
		double d = ldexp(1, e);

		check_write(d);
		check_write(-nextafter(d, 0));
		check_write(nextafter(d, INFINITY));
	}
	for (int e = -149; e < 128; e++) {
		float f = ldexpf(1, e);

		check_write_float(f);
		check_write_float(-nextafterf(f, 0));
		check_write_float(nextafterf(f, INFINITY));
	}
	for (int e = -323; e < 309; e++) {
		double d = pow(10, e);

		check_write(d);
		check_write(-0.9 * d);
	}
	check_write(1.7976931348623157e308);
	check_write_float(3.4028235e38f);
}
END_TEST

/* Digits from the first to the last that is not 0. */
static int digits_of(const char *text, char digits[24])
{
	int n = 0, last = 0;

	for (; *text && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (n == 0 && *text == '0'))
			continue;
		digits[n++] = *text;
		if (*text != '0')
			last = n;
	}
	digits[last] = '\0';
	return last;
}

START_TEST(writes_the_shortest_and_nearest)
{
	seed();
	for (int i = 0; i < times(SOME); i++) {
		double d =
		        i & 1 ? double_of(random_bits()) : (double)(random_bits() >> 11) * 0x1p-53;
		float f = float_of((uint32_t)random_bits());
		char ours[GD_NUMBER_MAX + 1], theirs[40], a[48], b[48];
		int n = 0;

		if (!isfinite(d) || !isfinite(f))
			continue;
		ours[gd_write_double(ours, d)] = '\0';
		do
			snprintf(theirs, sizeof theirs, "%.*e", n, d);
		while (strtod(theirs, NULL) != d && n++ < 20);
		digits_of(ours, a);
		digits_of(theirs, b);
		ck_assert_msg(strcmp(a, b) == 0, "%s, not %s", ours, theirs);

		ours[gd_write_float(ours, f)] = '\0';
		n = 0;
		do
			snprintf(theirs, sizeof theirs, "%.*e", n, (double)f);
		while (strtof(theirs, NULL) != f && n++ < 20);
		digits_of(ours, a);
		digits_of(theirs, b);
		ck_assert_msg(strcmp(a, b) == 0, "%s, not %s", ours, theirs);
	}
}
END_TEST

START_TEST(writes_as_people_expect)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
	        {0, "0"},
	        {-0.0, "-0.0"},
	        {1, "1"},
	        {-1, "-1"},
	        {10, "10"},
	        {181.81, "181.81"},
	        {0.1, "0.1"},
	        {-0.5, "-0.5"},
	        {0.001, "0.001"},
	        {1e-6, "0.000001"},
	        {1.5e-6, "0.0000015"},
	        {9.999e-7, "9.999e-7"},
	        {1e-7, "1e-7"},
	        {1.5e-7, "1.5e-7"},
	        {-1.5e-10, "-1.5e-10"},
	        {100000, "100000"},
	        {123456789, "123456789"},
	        {1e15, "1000000000000000"},
	        {9007199254740993, "9007199254740992"},
	        {1e20, "100000000000000000000"},
	        {123456789012345680000.0, "123456789012345680000"},
	        {-999999999999999900000.0, "-999999999999999900000"},
	        {1e21, "1e21"},
	        {1.5e21, "1.5e21"},
	        {1e100, "1e100"},
	        {1.7976931348623157e308, "1.7976931348623157e308"},
	        {5e-324, "5e-324"},
	        {2.2250738585072014e-308, "2.2250738585072014e-308"},
	        {0.30000000000000004, "0.30000000000000004"},
	        {1.2345678901234567, "1.2345678901234567"},
	        {-1234567890123456.7, "-1234567890123456.8"},
	        {0.0012345678901234567, "0.0012345678901234567"},
	        {0.000001234567890123456, "0.000001234567890123456"},
	        {NAN, "\"NaN\""},
	        {INFINITY, "\"Infinity\""},
	        {-INFINITY, "\"-Infinity\""},
	};
	static const struct {
		float value;
		const char *text;
	} floats[] = {
	        {0, "0"},
	        {-0.0f, "-0.0"},
	        {0.1f, "0.1"},
	        {181.81f, "181.81"},
	        {16777216, "16777216"},
	        {1e20f, "100000000000000000000"},
	        {1e21f, "1e21"},
	        {3.4028235e38f, "3.4028235e38"},
	        {1e-45f, "1e-45"},
	        {1e-6f, "0.000001"},
	        {1.1754944e-38f, "1.1754944e-38"},
	        {-0.33333334f, "-0.33333334"},
	        {NAN, "\"NaN\""},
	        {-INFINITY, "\"-Infinity\""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[GD_NUMBER_MAX + 1];

		text[gd_write_double(text, cases[i].value)] = '\0';
		ck_assert_str_eq(text, cases[i].text);
	}
	for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
		char text[GD_NUMBER_MAX + 1];

		text[gd_write_float(text, floats[i].value)] = '\0';
		ck_assert_str_eq(text, floats[i].text);
	}
}
END_TEST

START_TEST(writes_within_its_room)
{
	seed();
	for (int i = 0; i < times(SOME); i++) {
		double d = double_of(random_bits());
		char *room = malloc(GD_NUMBER_MAX);

		ck_assert_uint_le(gd_write_double(room, d), 26);
		ck_assert_uint_le(gd_write_float(room, (float)d), 26);
		free(room);
	}
	/* The widest of each notation. */
	static const double wide[] = {-1.2345678901234567e-300, -0.0000012345678901234567,
	                              -123456789012345678000.0, -12345678.901234567};

	for (size_t i = 0; i < 4; i++) {
		char *room = malloc(GD_NUMBER_MAX);

		gd_write_double(room, wide[i]);
		gd_write_float(room, (float)wide[i]);
		free(room);
	}
}
END_TEST

START_TEST(writes_int64)
{
	static const int64_t values[] = {0, 1, -1, 9, 10, -100, INT64_MAX, INT64_MIN, 1234567890};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char text[GD_NUMBER_MAX + 1], expected[32];

		text[gd_write_int64(text, values[i])] = '\0';
		snprintf(expected, sizeof expected, "%" PRId64, values[i]);
		ck_assert_str_eq(text, expected);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("number");
	TCase *t = tcase_create("read");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, reads_known_texts);
	tcase_add_test(t, reads_random_texts);
	tcase_add_test(t, reads_halfway_texts);
	tcase_add_test(t, reads_very_long_texts);
	tcase_add_test(t, refuses_what_is_no_number);
	tcase_add_test(t, reads_int64);
	tcase_add_test(t, run_stops_where_a_look_is_needed);
	tcase_add_test(t, run_keeps_to_its_room);
	tcase_add_test(t, run_passes_large_values_when_told);
	suite_add_tcase(s, t);
	t = tcase_create("write");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, writes_what_reads_back);
	tcase_add_test(t, writes_edges_that_read_back);
	tcase_add_test(t, writes_the_shortest_and_nearest);
	tcase_add_test(t, writes_as_people_expect);
	tcase_add_test(t, writes_within_its_room);
	tcase_add_test(t, writes_int64);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
