#include "api/media.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char blank[] = " \t";

/* The media type at *p, without blanks and parameters: its start and length. Moves *p to the ';',
 * ',' or NUL behind. */
static const char *media_type(const char **p, size_t *length)
{
	const char *start = *p + strspn(*p, blank);
	size_t n = strcspn(start, ";,");

	*p = start + n;
	while (n > 0 && strchr(blank, start[n - 1]))
		n--;
	*length = n;
	return start;
}

static bool is(const char *start, size_t n, const char *name)
{
	return strlen(name) == n && strncasecmp(start, name, n) == 0;
}

bool gd_media_reads_json(const char *content_type)
{
	size_t n;

	if (!content_type)
		return true;

	const char *type = media_type(&content_type, &n);

	return n == 0 || is(type, n, "application/json") ||
	       is(type, n, "application/x-www-form-urlencoded");
}

/* "q=0", "q=0.", "q=0.000" */
static bool is_zero(const char *q)
{
	if (*q != '0')
		return false;
	q++;
	if (*q == '.')
		q += 1 + strspn(q + 1, "0");
	q += strspn(q, blank);
	return *q == '\0' || *q == ';' || *q == ',';
}

bool gd_media_takes(const char *accept, const char *type)
{
	/* From the least specific on; the most specific range that matches decides. */
	enum { COUNT = 4 };
	char any[64], exact[64];
	const char *const ranges[COUNT] = {"application/problem+json", "*/*", any, exact};
	int best = -1;
	bool takes = false;

	if (!accept || !accept[strspn(accept, " \t,")] || strcmp(accept, "*/*") == 0)
		return true;
	snprintf(exact, sizeof exact, "%.*s", (int)strcspn(type, ";"), type);
	snprintf(any, sizeof any, "%.*s/*", (int)strcspn(type, "/"), type);
	for (const char *p = accept; *p; p += *p == ',') {
		size_t n;
		const char *range = media_type(&p, &n);
		bool refused = false;

		while (*p == ';') {
			p++;
			p += strspn(p, blank);
			if ((*p == 'q' || *p == 'Q') && p[1] == '=')
				refused = is_zero(p + 2);
			p += strcspn(p, ";,");
		}
		for (int i = COUNT - 1; i > best; i--) {
			if (!is(range, n, ranges[i]))
				continue;
			best = i;
			takes = !refused;
		}
	}
	return takes;
}
