/*   y = strided(x)        dx = unstrided(dy)
 *   y = unstrided(x)      dx = strided(dy)
 *   y = add_part(x, p)    dx = dy, dp = strided(dy)     */
#include "core/ops/strided.h"

#include <string.h>

#include "core/batch.h"
#include "core/build.h"
#include "core/ops/copy.h"
#include "core/sample.h"

/* --- kernels ------------------------------------------------------------------------------ */

/* Does no element of the whole have two places in the part? Sufficient: each axis steps over all
 * that the axes of smaller strides reach. */
static bool injective(const struct gd_node *part, const struct gd_view *view)
{
	int64_t reach = 0, last = 0;
	for (;;) {
		int next = -1, axes = 0;
		int64_t smallest = INT64_MAX;
		for (int i = 0; i < part->rank; i++) {
			int64_t s = view->stride[i] < 0 ? -view->stride[i] : view->stride[i];
			if (part->shape[i] == 1 || (last && s < last))
				continue;
			axes += s == last;
			if (s > last && s < smallest) {
				smallest = s;
				next = i;
			}
			if (s == 0 || axes > (last > 0))
				return false;
		}
		if (next < 0)
			return true;
		if (smallest <= reach)
			return false;
		reach += smallest * (part->shape[next] - 1);
		last = smallest;
	}
}

/* Elements of a part, dense, to or from their places in the whole. */
static struct gd_copy out_of_whole(const struct gd_node *part, const struct gd_view *view,
                                   int64_t *dense)
{
	gd_dense_strides(part->rank, part->shape, dense);
	return (struct gd_copy){part->rank, part->shape, dense, view->stride};
}

static struct gd_copy into_whole(const struct gd_node *part, const struct gd_view *view,
                                 int64_t *dense)
{
	gd_dense_strides(part->rank, part->shape, dense);
	return (struct gd_copy){part->rank, part->shape, view->stride, dense};
}

static char *at(const struct gd_node *n, int64_t offset)
{
	return (char *)n->data + offset * (int64_t)gd_dtype_size(n->dtype);
}

static void forward_strided(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	int64_t dense[GD_MAX_RANK];
	struct gd_copy c = out_of_whole(n, n->attr.view, dense);
	if (n->count)
		gd_copy(&c, n->data, at(n->in[0], n->attr.view->offset), gd_dtype_size(n->dtype));
}

static void forward_unstrided(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	int64_t dense[GD_MAX_RANK];
	const struct gd_node *part = n->in[0];
	struct gd_copy c = into_whole(part, n->attr.view, dense);
	memset(n->data, 0, n->count * gd_dtype_size(n->dtype));
	if (!part->count)
		return;
	char *to = at(n, n->attr.view->offset);
	if (injective(part, n->attr.view))
		gd_copy(&c, to, part->data, gd_dtype_size(n->dtype));
	else
		gd_copy_add(&c, to, part->data, n->dtype);
}

/* In place where y lies over in[0]; in[1] is smaller than y, so y never lies over it. */
static void forward_add_part(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	int64_t dense[GD_MAX_RANK];
	const struct gd_node *part = n->in[1];
	struct gd_copy c = into_whole(part, n->attr.view, dense);
	if (n->data != n->in[0]->data)
		memcpy(n->data, n->in[0]->data, n->count * gd_dtype_size(n->dtype));
	if (part->count)
		gd_copy_add(&c, at(n, n->attr.view->offset), part->data, n->dtype);
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

/* Do the part's rows, those of its first axis, lie in the same rows of the whole? */
static bool in_its_rows(const struct gd_node *whole, const struct gd_node *part,
                        const struct gd_view *view)
{
	int64_t low = view->offset, high = view->offset, row;
	if (!whole->count || !part->count || !whole->rank || !part->rank ||
	    whole->shape[0] != part->shape[0])
		return false;
	row = (int64_t)whole->count / whole->shape[0];
	for (int i = 1; i < part->rank; i++) {
		int64_t reach = view->stride[i] * (part->shape[i] - 1);
		*(reach < 0 ? &low : &high) += reach;
	}
	return (view->stride[0] == row || part->shape[0] == 1) && low >= 0 && high < row;
}

static struct gd_node *rows_strided(struct gd_graph *g, struct gd_node *y, struct gd_node *const *d,
                                    int64_t n, bool *apart)
{
	(void)apart;
	bool keeps = gd_has_rows(y, n) && in_its_rows(y->in[0], y, y->attr.view);
	return keeps ? gd_rows_same(g, y, d) : NULL;
}

static struct gd_node *rows_unstrided(struct gd_graph *g, struct gd_node *y,
                                      struct gd_node *const *d, int64_t n, bool *apart)
{
	(void)apart;
	bool keeps = gd_has_rows(y, n) && in_its_rows(y, y->in[0], y->attr.view);
	return keeps ? gd_rows_same(g, y, d) : NULL;
}

static struct gd_node *rows_add_part(struct gd_graph *g, struct gd_node *y,
                                     struct gd_node *const *d, int64_t n, bool *apart)
{
	(void)apart;
	bool keeps = d[0] && d[1] && gd_has_rows(y, n) && in_its_rows(y, y->in[1], y->attr.view);
	return keeps ? gd_rows_same(g, y, d) : NULL;
}

/* The new axis steps over a whole. */
static struct gd_node *batch_view(struct gd_graph *g, const struct gd_node *y,
                                  struct gd_node *const *in, int64_t k, const struct gd_node *whole)
{
	struct gd_view view = {.offset = y->attr.view->offset, .stride = {(int64_t)whole->count}};
	struct gd_node *n = gd_batch_like(g, y, in, k);
	struct gd_view *copy = n ? gd_alloc(g->arena, sizeof *copy) : NULL;
	if (n && !copy)
		gd_arena_fail(g->arena, g->error);
	if (!copy)
		return NULL;
	for (int i = 0; i + 1 < GD_MAX_RANK; i++)
		view.stride[i + 1] = y->attr.view->stride[i];
	*copy = view;
	n->attr.view = copy;
	return n;
}

static struct gd_node *batch_strided(struct gd_graph *g, struct gd_node *y,
                                     struct gd_node *const *in, int64_t k)
{
	return batch_view(g, y, in, k, y->in[0]);
}

static struct gd_node *batch_unstrided(struct gd_graph *g, struct gd_node *y,
                                       struct gd_node *const *in, int64_t k)
{
	return batch_view(g, y, in, k, y);
}

static struct gd_node *batch_add_part(struct gd_graph *g, struct gd_node *y,
                                      struct gd_node *const *in, int64_t k)
{
	struct gd_node *both[2] = {gd_batched(g, y, 0, in, k), gd_batched(g, y, 1, in, k)};
	return batch_view(g, y, both, k, y);
}

static const struct gd_prim strided = {.name = "strided",
                                       .forward = forward_strided,
                                       .vjp = vjp_strided,
                                       .moves = true,
                                       .batch = batch_strided,
                                       .rows = rows_strided};
static const struct gd_prim unstrided = {.name = "unstrided",
                                         .forward = forward_unstrided,
                                         .vjp = vjp_unstrided,
                                         .moves = true,
                                         .batch = batch_unstrided,
                                         .rows = rows_unstrided,
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
                                        .batch = batch_add_part,
                                        .rows = rows_add_part,
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
