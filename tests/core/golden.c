#include "tests/core/golden.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

static struct gd_node *tensor(struct golden *c, enum gd_dtype dtype, const char *text)
{
	struct gd_tensor t = {.dtype = dtype};
	char *p = (char *)text + 1;
	while (*p != ')') {
		t.shape[t.rank++] = strtoll(p, &p, 10);
		p += *p == ',';
	}
	p = strchr(p, ':') + 1;
	ck_assert(gd_shape_count(t.rank, t.shape, &t.count));
	t.data = gd_data_alloc(&c->lab.arena, t.count * gd_dtype_size(dtype));
	ck_assert_ptr_nonnull(t.data);
	for (size_t i = 0; i < t.count; i++) {
		char *end;
		switch (dtype) {
		case GD_FLOAT64: ((double *)t.data)[i] = strtod(p, &end); break;
		case GD_FLOAT32: ((float *)t.data)[i] = strtof(p, &end); break;
		case GD_INT64: ((int64_t *)t.data)[i] = strtoll(p, &end, 10); break;
		default: ((uint8_t *)t.data)[i] = strtol(p, &end, 10) != 0; break;
		}
		ck_assert_msg(end != p, "line %d: element %zu is missing", c->line, i);
		p = end;
	}
	return gd_leaf(&c->lab.g, &t, NULL);
}

static struct gd_node *operand(struct golden *c, const char *text)
{
	enum gd_dtype dtype = c->lab.g.dtype;
	if (strncmp(text, "none", 4) == 0)
		return NULL;
	if (strncmp(text, "number ", 7) == 0)
		return gd_const(&c->lab.g, strtod(text + 7, NULL));
	if (strncmp(text, "int64 ", 6) == 0)
		dtype = GD_INT64;
	else if (strncmp(text, "bool ", 5) == 0)
		dtype = GD_BOOL;
	return tensor(c, dtype, strchr(text, ' ') + 1);
}

/* "case OP DTYPE strict|loose|rough PARAMS" */
static void begin(struct golden *c, char *text, int line)
{
	char dtype[16] = "", mode[16] = "";
	int used = 0;
	memset(c, 0, sizeof *c);
	ck_assert_int_ge(sscanf(text, "case %63s %15s %15s%n", c->op, dtype, mode, &used), 3);
	lab_init(&c->lab, strcmp(dtype, "float32") == 0 ? GD_FLOAT32 : GD_FLOAT64);
	c->strict = strcmp(mode, "strict") == 0;
	c->rough = strcmp(mode, "rough") == 0;
	c->line = line;
	snprintf(c->params, sizeof c->params, "%s", text + used);
}

static void add(struct golden *c, char *text)
{
	static const char *const words[] = {"grad ", "dir ", "second ", "jacobian ", "hvp "};
	struct gd_node **places[] = {c->grad, c->dir, c->second, c->jacobian, c->hvp};
	if (strncmp(text, "in ", 3) == 0) {
		c->in[c->n_in++] = operand(c, text + 3);
	} else if (strncmp(text, "out ", 4) == 0) {
		/* The dtype of a result is whatever comes out; doubles hold them all. */
		struct gd_node *y = tensor(c, c->lab.g.dtype, text + 4);
		c->out[c->n_out++] = y;
	} else if (strncmp(text, "seed ", 5) == 0) {
		struct gd_node *seed[] = {c->seed, tensor(c, c->lab.g.dtype, text + 5)};
		c->seed = c->seed ? lab_join(&c->lab, 2, seed) : seed[1];
	} else if (strncmp(text, "jvp ", 4) == 0) {
		c->jvp = tensor(c, c->lab.g.dtype, text + 4);
	} else if (strncmp(text, "hessian ", 8) == 0) {
		char *p;
		long a = strtol(text + 8, &p, 10), b = strtol(p, &p, 10);
		c->hessian[a][b] = tensor(c, c->lab.g.dtype, p + 1);
	} else {
		for (int i = 0; i < 5; i++)
			if (strncmp(text, words[i], strlen(words[i])) == 0) {
				char *p;
				long k = strtol(text + strlen(words[i]), &p, 10);
				places[i][k] = tensor(c, c->lab.g.dtype, p + 1);
				return;
			}
		ck_abort_msg("line %d: what is this? %.40s", c->line, text);
	}
}

bool golden_next(struct golden *c, FILE *file, int *line)
{
	char *text = NULL;
	size_t room = 0;
	bool open = false, done = false;
	while (!done && getline(&text, &room, file) >= 0) {
		++*line;
		text[strcspn(text, "\n")] = '\0';
		if (*text == '#' || !*text)
			continue;
		if (strncmp(text, "case ", 5) == 0) {
			begin(c, text, *line);
			open = true;
		} else if (strcmp(text, "end") == 0) {
			done = true;
		} else {
			add(c, text);
		}
	}
	free(text);
	ck_assert_msg(open == done, "the last case has no end");
	return done;
}

void golden_release(struct golden *c)
{
	lab_release(&c->lab);
}
