/* Writes the body of a /grad request with random numbers of 17 digits to standard output.
 *
 *   gen_request linear ROWS IN OUT   x (ROWS × IN), W (IN × OUT), b (OUT), target (ROWS × OUT), mse
 *   gen_request squares COUNT TIMES  TIMES bodies, a line each: sum of the squares of x (COUNT)
 *
 * The numbers depend on the arguments alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* xorshift64*, uniform in (-1, 1). */
static double next_number(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (double)((int64_t)(*state * UINT64_C(2685821657736338717)) >> 10) * 0x1p-53;
}

static void vector(uint64_t *state, size_t n)
{
	putchar('[');
	for (size_t i = 0; i < n; i++)
		printf("%s%.17g", i ? "," : "", next_number(state));
	putchar(']');
}

static void matrix(uint64_t *state, size_t rows, size_t columns)
{
	putchar('[');
	for (size_t i = 0; i < rows; i++) {
		if (i)
			putchar(',');
		vector(state, columns);
	}
	putchar(']');
}

static size_t count(const char *text)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	if (*end || n < 1 || n > 100000000) {
		fprintf(stderr, "gen_request: \"%s\" is not a count between 1 and 1e8\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t state = UINT64_C(88172645463325252);

	if (argc == 5 && !strcmp(argv[1], "linear")) {
		size_t rows = count(argv[2]), in = count(argv[3]), out = count(argv[4]);

		printf("{\"tensors\":{\"x\":");
		matrix(&state, rows, in);
		printf(",\"W\":");
		matrix(&state, in, out);
		printf(",\"b\":");
		vector(&state, out);
		printf(",\"target\":");
		matrix(&state, rows, out);
		printf("},\"layers\":[\"linear\"],\"loss\":\"mse\"}");
	} else if (argc == 4 && !strcmp(argv[1], "squares")) {
		for (size_t i = count(argv[3]); i-- > 0;) {
			printf("{\"tensors\":{\"x\":");
			vector(&state, count(argv[2]));
			printf("},\"layers\":[\"square\",\"sum\"]}%s", i ? "\n" : "");
		}
	} else {
		fprintf(stderr, "usage: gen_request linear ROWS IN OUT | squares COUNT TIMES\n");
		return 2;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "gen_request: cannot write\n");
		return 1;
	}
	return 0;
}
