/*   y = strided(x)        dx = unstrided(dy)
 *   y = unstrided(x)      dx = strided(dy)
 *   y = add_part(x, p)    dx = dy, dp = strided(dy)     */
#include "core/ops/strided.h"

#include <string.h>

#include "core/build.h"

/* --- the walk ----------------------------------------------------------------------------- */

/* The strided elements, axes of size 1 left out and neighbours that walk as one merged. */
struct walk {
	int rank;
	int64_t extent[GD_MAX_RANK], stride[GD_MAX_RANK];
	size_t rows, inner; /* the last axis is the inner loop */
	ptrdiff_t step;     /* of the inner loop */
	int64_t at[GD_MAX_RANK];
	ptrdiff_t offset;
};

static void walk_init(struct walk *w, const struct gd_node *part, const struct gd_view *view)
{
	memset(w, 0, sizeof *w);
	for (int i = 0; i < part->rank; i++) {
		if (part->shape[i] == 1)
			continue;
		bool merges = w->rank && w->stride[w->rank - 1] == view->stride[i] * part->shape[i];
		w->rank += !merges;
		w->extent[w->rank - 1] =
		        merges ? w->extent[w->rank - 1] * part->shape[i] : part->shape[i];
		w->stride[w->rank - 1] = view->stride[i];
	}
	w->inner = w->rank ? (size_t)w->extent[w->rank - 1] : 1;
	w->step = w->rank ? (ptrdiff_t)w->stride[w->rank - 1] : 1;
	w->rows = part->count ? part->count / w->inner : 0;
	w->offset = (ptrdiff_t)view->offset;
}

static void walk_on(struct walk *w)
{
	for (int i = w->rank - 2; i >= 0; i--) {
		w->offset += (ptrdiff_t)w->stride[i];
		if (++w->at[i] < w->extent[i])
			return;
		w->offset -= (ptrdiff_t)(w->stride[i] * w->extent[i]);
		w->at[i] = 0;
	}
}

/* Does no element of the whole have two places in the part? Sufficient: each axis steps over all
 * that the axes of smaller strides reach. */
static bool injective(const struct walk *w)
{
	int64_t reach = 0, last = 0;
	for (int done = 0; done < w->rank; done++) {
		int next = -1;
		int64_t smallest = INT64_MAX;
		for (int i = 0; i < w->rank; i++) {
			int64_t s = w->stride[i] < 0 ? -w->stride[i] : w->stride[i];
			if (s > last && s < smallest) {
				smallest = s;
				next = i;
			}
		}
		if (next < 0 || smallest <= reach)
			return false;
		reach += smallest * (w->extent[next] - 1);
		last = smallest;
	}
	return true;
}

/* --- kernels ------------------------------------------------------------------------------ */

#define READ(T)                                                                                    \
	do {                                                                                       \
		const T *x = (const T *)n->in[0]->data;                                            \
		T *y = n->data;                                                                    \
		for (size_t r = 0; r < w.rows; r++, y += w.inner) {                                \
			const T *from = x + w.offset;                                              \
			for (size_t i = 0; i < w.inner; i++)                                       \
				y[i] = from[(ptrdiff_t)i * w.step];                                \
			walk_on(&w);                                                               \
		}                                                                                  \
	} while (0)

static void forward_strided(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	struct walk w;
	size_t size = gd_dtype_size(n->dtype);
	walk_init(&w, n, n->attr.view);
	if (w.step == 1) {
		char *y = n->data;
		for (size_t r = 0; r < w.rows; r++, y += w.inner * size) {
			const char *x = n->in[0]->data;
			memcpy(y, x + w.offset * (ptrdiff_t)size, w.inner * size);
			walk_on(&w);
		}
	} else if (size == 8) {
		READ(uint64_t);
	} else if (size == 4) {
		READ(uint32_t);
	} else {
		READ(uint8_t);
	}
}

#define WRITE(T, part, assign)                                                                     \
	do {                                                                                       \
		T *y = n->data;                                                                    \
		const T *x = (const T *)(part)->data;                                              \
		for (size_t r = 0; r < w.rows; r++, x += w.inner) {                                \
			T *to = y + w.offset;                                                      \
			for (size_t i = 0; i < w.inner; i++)                                       \
				to[(ptrdiff_t)i * w.step] assign x[i];                             \
			walk_on(&w);                                                               \
		}                                                                                  \
	} while (0)

static void forward_unstrided(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	struct walk w;
	size_t size = gd_dtype_size(n->dtype);
	walk_init(&w, n->in[0], n->attr.view);
	memset(n->data, 0, n->count * size);
	if (injective(&w)) {
		if (size == 8)
			WRITE(uint64_t, n->in[0], =);
		else if (size == 4)
			WRITE(uint32_t, n->in[0], =);
		else
			WRITE(uint8_t, n->in[0], =);
	} else if (n->dtype == GD_FLOAT64) {
		WRITE(double, n->in[0], +=);
	} else if (n->dtype == GD_FLOAT32) {
		WRITE(float, n->in[0], +=);
	} else if (n->dtype == GD_INT64) {
		WRITE(int64_t, n->in[0], +=);
	} else {
		WRITE(uint8_t, n->in[0], |=);
	}
}

/* In place where y lies over in[0]; in[1] is smaller than y, so y never lies over it. */
static void forward_add_part(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	struct walk w;
	const struct gd_node *part = n->in[1];
	walk_init(&w, part, n->attr.view);
	if (n->data != n->in[0]->data)
		memcpy(n->data, n->in[0]->data, n->count * gd_dtype_size(n->dtype));
	if (n->dtype == GD_FLOAT64)
		WRITE(double, part, +=);
	else
		WRITE(float, part, +=);
}

/* --- builders ----------------------------------------------------------------------------- */

static void vjp_strided(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                        struct gd_node **dx)
{
	dx[0] = gd_unstrided(g, dy, y->in[0]->rank, y->in[0]->shape, y->attr.view);
}

static void vjp_unstrided(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                          struct gd_node **dx)
{
	dx[0] = gd_strided(g, dy, y->in[0]->rank, y->in[0]->shape, y->attr.view);
}

static void vjp_add_part(struct gd_graph *g, struct gd_node *y, struct gd_node *dy,
                         struct gd_node **dx)
{
	dx[0] = dy;
	if (gd_wants(y, 1))
		dx[1] = gd_strided(g, dy, y->in[1]->rank, y->in[1]->shape, y->attr.view);
}

/* Elements read or written, whichever are more. */
static double cost(const struct gd_node *y)
{
	size_t n = y->in[0]->count > y->count ? y->in[0]->count : y->count;
	return (double)n;
}

static const struct gd_prim strided = {
        .name = "strided", .forward = forward_strided, .vjp = vjp_strided, .moves = true};
static const struct gd_prim unstrided = {.name = "unstrided",
                                         .forward = forward_unstrided,
                                         .vjp = vjp_unstrided,
                                         .moves = true,
                                         .cost = cost};

static double cost_part(const struct gd_node *y)
{
	return 2.0 * (double)y->in[1]->count;
}

static const struct gd_prim add_part = {.name = "add_part",
                                        .forward = forward_add_part,
                                        .vjp = vjp_add_part,
                                        .elementwise = true,
                                        .moves = true,
                                        .cost = cost_part};

struct gd_view gd_whole(const struct gd_node *x)
{
	struct gd_view view = {0};
	int64_t s = 1;
	for (int i = x->rank - 1; i >= 0; i--) {
		view.stride[i] = s;
		s *= x->shape[i];
	}
	return view;
}

/* Is a part of that shape all of x, in order? */
static bool is_whole(const struct gd_node *x, int rank, const int64_t *shape,
                     const struct gd_view *view)
{
	int64_t s = 1;
	if (view->offset)
		return false;
	for (int i = rank - 1; i >= 0; i--) {
		if (shape[i] != 1 && view->stride[i] != s)
			return false;
		s *= shape[i];
	}
	return (size_t)s == x->count && s > 0;
}

static struct gd_node *view_node(struct gd_graph *g, const struct gd_prim *prim, int n_in,
                                 struct gd_node *const *in, int rank, const int64_t *shape,
                                 const struct gd_view *view)
{
	struct gd_node *n = gd_node_new(g, prim, in[0]->dtype, rank, shape, n_in, in);
	struct gd_view *copy = n ? gd_alloc(g->arena, sizeof *copy) : NULL;
	if (n && !copy)
		gd_arena_fail(g->arena, g->error);
	if (!copy)
		return NULL;
	*copy = *view;
	n->attr.view = copy;
	return n;
}

struct gd_node *gd_strided(struct gd_graph *g, struct gd_node *x, int rank, const int64_t *shape,
                           const struct gd_view *view)
{
	size_t count;
	if (!x)
		return NULL;
	if (gd_shape_count(rank, shape, &count) && count == x->count &&
	    is_whole(x, rank, shape, view))
		return gd_reshape(g, x, rank, shape);
	return view_node(g, &strided, 1, &x, rank, shape, view);
}

struct gd_node *gd_unstrided(struct gd_graph *g, struct gd_node *x, int rank, const int64_t *shape,
                             const struct gd_view *view)
{
	return x ? view_node(g, &unstrided, 1, &x, rank, shape, view) : NULL;
}

/* What x was made of by unstrided or unslice, if that is a small part of it, and where it lies. */
static struct gd_node *small_part(const struct gd_node *x, struct gd_view *view)
{
	if (x->name || !x->n_in || x->in[0]->count > x->count / 2)
		return NULL;
	if (x->prim == &unstrided)
		*view = *x->attr.view;
	else if (!gd_unsliced(x, view))
		return NULL;
	return x->in[0];
}

struct gd_node *gd_add_sparse(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	struct gd_view view;
	if (!a || !b || !gd_same_shape(a, b))
		return gd_add(g, a, b);
	struct gd_node *in[2] = {a, small_part(b, &view)};
	if (!in[1]) {
		in[0] = b;
		in[1] = small_part(a, &view);
	}
	if (!in[1])
		return gd_add(g, a, b);
	return view_node(g, &add_part, 2, in, a->rank, a->shape, &view);
}
