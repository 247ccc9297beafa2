#include "api/problem.h"

#include <string.h>

int gd_problem_retry_after(enum gd_code code)
{
	return gd_code_status(code) == 503 ? 1 : 0;
}

/* Whether the error is about a place in the body. */
static bool has_pointer(enum gd_code code)
{
	int status = gd_code_status(code);

	return status == 422 || code == GD_ERR_duplicate_key || code == GD_ERR_limit_exceeded;
}

static void write_dims(struct gd_doc *d, const char *key, const struct gd_dims *dims)
{
	if (dims->rank < 0)
		return;
	gd_doc_key(d, key);
	gd_doc_shape(d, dims->rank, dims->dim);
}

void gd_problem_write(struct gd_doc *d, const struct gd_error *e)
{
	const char *code = gd_code_name(e->code);

	gd_doc_object(d);
	gd_doc_key(d, "type");
	gd_doc_stringf(d, "/problems/%s", code);
	gd_doc_key(d, "title");
	gd_doc_string(d, gd_code_title(e->code));
	gd_doc_key(d, "status");
	gd_doc_int(d, gd_code_status(e->code));
	gd_doc_key(d, "code");
	gd_doc_string(d, code);
	if (has_pointer(e->code)) {
		gd_doc_key(d, "pointer");
		gd_doc_string(d, e->pointer);
	}
	if (e->has_position) {
		gd_doc_key(d, "position");
		gd_doc_object(d);
		gd_doc_key(d, "offset");
		gd_doc_int(d, (int64_t)e->offset);
		gd_doc_key(d, "line");
		gd_doc_int(d, (int64_t)e->line);
		gd_doc_key(d, "column");
		gd_doc_int(d, (int64_t)e->column);
		gd_doc_end(d);
	}
	if (e->detail[0]) {
		gd_doc_key(d, "detail");
		gd_doc_string(d, e->detail);
	}
	write_dims(d, "expected", &e->expected);
	write_dims(d, "got", &e->got);
	if (e->hint[0]) {
		gd_doc_key(d, "hint");
		gd_doc_string(d, e->hint);
	}
	gd_doc_end(d);
}

const char *gd_problem_last_resort(size_t *length)
{
	static const char text[] =
	        "{\"type\":\"/problems/out_of_memory\",\"title\":\"Out of memory\","
	        "\"status\":503,\"code\":\"out_of_memory\","
	        "\"detail\":\"the server has no memory left for this request\"}";

	*length = sizeof text - 1;
	return text;
}
