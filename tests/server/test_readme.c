/* The README's tables are those that the program runs on. `make docs` runs this with
 * GRADD_WRITE_DOCS=1, which rewrites them; without it, a stale one fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/op.h"
#include "tests/support/test.h"

static char *read_all(FILE *f)
{
	size_t room = 1 << 20, n;
	char *text = malloc(room);
	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, room - 1, f);
	ck_assert_uint_lt(n, room - 1);
	text[n] = '\0';
	return text;
}

/* '|' would end a cell. */
static void cell(FILE *out, const char *text)
{
	fputs(" ", out);
	for (; *text; text++)
		fprintf(out, *text == '|' ? "\\|" : "%c", *text);
	fputs(" |", out);
}

static void write_ops(FILE *out)
{
	size_t n;
	const struct gd_op *const *ops = gd_ops(&n);
	fputs("| operation | result | gradient | where it has no derivative |\n"
	      "| --- | --- | --- | --- |\n",
	      out);
	for (size_t i = 0; i < n; i++) {
		fputs("| `", out);
		for (const char *s = ops[i]->signature; *s; s++)
			fprintf(out, *s == '|' ? "\\|" : "%c", *s);
		fputs("` |", out);
		cell(out, ops[i]->formula);
		cell(out, ops[i]->derivative);
		cell(out, ops[i]->kinks);
		fputs("\n", out);
	}
}

static void write_errors(FILE *out)
{
	fputs("| status | code | meaning |\n| --- | --- | --- |\n", out);
	for (int code = 1; code < GD_ERROR_COUNT; code++)
		fprintf(out, "| %d | `%s` | %s |\n", gd_code_status((enum gd_code)code),
		        gd_code_name((enum gd_code)code), gd_code_title((enum gd_code)code));
}

static void write_help(FILE *out)
{
	char command[4096];
	const char *gradd = getenv("GRADD");
	snprintf(command, sizeof command, "'%s' --help", gradd ? gradd : "build/gradd");
	FILE *help = popen(command, "r");
	char *text = read_all(help);
	ck_assert_int_eq(pclose(help), 0);
	fprintf(out, "```text\n%s```\n", text);
	free(text);
}

static const struct {
	const char *name;
	void (*write)(FILE *out);
} tables[] = {{"ops", write_ops}, {"errors", write_errors}, {"help", write_help}};

/* The README with its tables made anew. */
static char *renewed(const char *old)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *at = old;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		char mark[64];
		snprintf(mark, sizeof mark, "<!-- %s: made by `make docs` -->\n", tables[i].name);
		const char *begin = strstr(at, mark);
		ck_assert_msg(begin, "README.md has lost its mark %s", mark);
		begin += strlen(mark);
		const char *end = strstr(begin, "<!-- end -->");
		ck_assert_ptr_nonnull(end);
		fwrite(at, 1, (size_t)(begin - at), out);
		tables[i].write(out);
		at = end;
	}
	fputs(at, out);
	fclose(out);
	return text;
}

START_TEST(tables_are_current)
{
	FILE *f = fopen("README.md", "r");
	char *old = read_all(f);
	fclose(f);
	char *new = renewed(old);
	if (getenv("GRADD_WRITE_DOCS")) {
		f = fopen("README.md", "w");
		ck_assert_ptr_nonnull(f);
		ck_assert_int_ge(fputs(new, f), 0);
		ck_assert_int_eq(fclose(f), 0);
	} else {
		ck_assert_msg(strcmp(old, new) == 0, "README.md is not current: make docs");
	}
	free(old);
	free(new);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("readme");
	TCase *t = tcase_create("tables");
	tcase_add_test(t, tables_are_current);
	suite_add_tcase(s, t);
	return s;
}

TEST_MAIN(suite)
