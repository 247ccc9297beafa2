/* One run of the scanner, described as text, so that two runs can be compared. */
#ifndef GD_SCAN_TEXT_H
#define GD_SCAN_TEXT_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/scan.h"

struct scan_run {
	struct gd_arena arena;
	struct gd_limits limits;
	struct gd_error error;
	struct gd_scan *scan;
	bool good; /* so far */
};

static inline void scan_run_begin(struct scan_run *r, const struct gd_limits *limits)
{
	r->limits = *limits;
	gd_arena_init(&r->arena, limits->memory_bytes);
	gd_error_clear(&r->error);
	r->scan = gd_scan_new(&r->arena, &r->limits, &r->error);
	r->good = r->scan != NULL;
}

/* From a copy of just these bytes, which is gone afterwards: sanitizers see what is read behind. */
static inline void scan_run_feed(struct scan_run *r, const char *bytes, size_t n)
{
	if (!r->good)
		return;

	char *copy = malloc(n ? n : 1);

	if (n)
		memcpy(copy, bytes, n);
	r->good = gd_scan_feed(r->scan, copy, n);
	memset(copy, '7', n);
	free(copy);
}

static inline bool scan_run_end(struct scan_run *r)
{
	r->good = r->good && gd_scan_end(r->scan);
	return r->good;
}

static inline void scan_run_release(struct scan_run *r)
{
	gd_arena_release(&r->arena);
}

struct scan_text {
	size_t n, room;
	char *s;
};

static inline __attribute__((format(printf, 2, 3))) void scan_put(struct scan_text *t,
                                                                  const char *format, ...)
{
	va_list args;

	for (;;) {
		va_start(args, format);
		int n = vsnprintf(t->s ? t->s + t->n : NULL, t->room - t->n, format, args);
		va_end(args);
		if ((size_t)n < t->room - t->n) {
			t->n += (size_t)n;
			return;
		}
		t->room = 2 * t->room + (size_t)n + 64;
		t->s = realloc(t->s, t->room);
	}
}

static inline void scan_put_lifted(struct scan_text *t, const struct gd_lifted *l)
{
	const struct gd_tensor *x = &l->tensor;
	char shape[GD_SHAPE_TEXT];
	uint64_t hash = 14695981039346656037u;

	scan_put(t, "\n%s%s%s%s", gd_dtype_name(x->dtype), gd_shape_text(x->rank, x->shape, shape),
	         l->is_base64 ? " base64" : "", l->all_integers ? " integers" : "");
	for (size_t i = 0; i < x->count * gd_dtype_size(x->dtype); i++)
		hash = (hash ^ ((const unsigned char *)x->data)[i]) * 1099511628211u;
	scan_put(t, " %zu:%016" PRIx64, x->count, hash);
	for (size_t i = 0; i < x->count && i < 8; i++)
		scan_put(t, " %.17g",
		         x->dtype == GD_FLOAT64   ? ((const double *)x->data)[i]
		         : x->dtype == GD_FLOAT32 ? (double)((const float *)x->data)[i]
		                                  : ((const unsigned char *)x->data)[i]);
	for (size_t i = 0; i < l->exact_count; i++) {
		const struct gd_exact *e = &l->exact[i];

		if (e->is_int)
			scan_put(t, " [%zu]=%" PRId64, e->index, e->as.i);
		else
			scan_put(t, " [%zu]=%.9g", e->index, (double)e->as.f);
	}
	if (l->too_large_for_float32)
		scan_put(t, " large at %zu", l->too_large_for_float32 - 1);
}

/* The caller frees it. */
static inline char *scan_run_text(struct scan_run *r)
{
	struct scan_text t = {0};
	size_t n;

	if (!r->good) {
		const struct gd_error *e = &r->error;

		scan_put(&t, "%s '%s' %s", gd_code_name(e->code), e->pointer, e->detail);
		if (e->has_position)
			scan_put(&t, " at %zu, line %zu, column %zu", e->offset, e->line,
			         e->column);
		scan_put(&t, " (%s)", e->hint);
		return t.s;
	}

	struct gd_lifted *lifted;

	scan_put(&t, "%s", gd_scan_skeleton(r->scan, &n));
	lifted = gd_scan_lifted(r->scan, &n);
	for (size_t i = 0; i < n; i++)
		scan_put_lifted(&t, &lifted[i]);
	return t.s;
}

#endif
