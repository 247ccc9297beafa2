/* However a body is cut, the scanner says the same of it; and its skeleton is again a body, whose
 * tensors are the indices. The first byte of the input chooses how to cut. */
#include "tests/support/scan_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gd_limits limits = GD_LIMITS_INIT;

static char *run(const char *text, size_t n, size_t first, size_t step, char **skeleton)
{
	struct scan_run r;

	scan_run_begin(&r, &limits);
	scan_run_feed(&r, text, first < n ? first : n);
	for (size_t at = first; at < n; at += step)
		scan_run_feed(&r, text + at, n - at < step ? n - at : step);
	if (scan_run_end(&r) && skeleton) {
		size_t length;
		const char *s = gd_scan_skeleton(r.scan, &length);

		*skeleton = strdup(s);
		if (strlen(*skeleton) != length)
			abort();
	}

	char *result = scan_run_text(&r);

	scan_run_release(&r);
	return result;
}

static void same(const char *a, char *b)
{
	if (strcmp(a, b) != 0) {
		fprintf(stderr, "whole: %s\n  cut: %s\n", a, b);
		abort();
	}
	free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;

	const char *text = (const char *)data + 1;
	size_t n = size - 1, cut = data[0];
	char *skeleton = NULL;

	limits.memory_bytes = (size_t)64 << 20;
	limits.elements = 5000;
	limits.tensors = 20;
	limits.skeleton_bytes = 3000;
	limits.nesting = 20;

	char *whole = run(text, n, n, 1, &skeleton);

	same(whole, run(text, n, 0, 1, NULL));
	same(whole, run(text, n, cut, n, NULL));
	same(whole, run(text, n, cut, 1 + cut % 13, NULL));
	free(whole);
	/* An index in the place of base64 is refused, as any number there. */
	if (skeleton && !strstr(skeleton, "\"base64\"")) {
		char *again = NULL;

		free(run(skeleton, strlen(skeleton), cut, 7, &again));
		if (!again || strlen(again) != strlen(skeleton))
			abort();
		free(again);
	}
	free(skeleton);
	return 0;
}
