#include "core/ops/broadcast.h"

#include <string.h>

#include "core/build.h"

bool gd_broadcast_shape(const struct gd_node *a, const struct gd_node *b, int *rank,
                        int64_t shape[GD_MAX_RANK])
{
	int r = a->rank > b->rank ? a->rank : b->rank;
	for (int i = 0; i < r; i++) {
		int ia = i - (r - a->rank), ib = i - (r - b->rank);
		int64_t da = ia < 0 ? 1 : a->shape[ia], db = ib < 0 ? 1 : b->shape[ib];
		if (da != db && da != 1 && db != 1)
			return false;
		shape[i] = da == 1 ? db : da;
	}
	*rank = r;
	return true;
}

/* Stride of each of `out`'s axes in x, 0 where x is broadcast along it. */
static void strides_in(const struct gd_node *out, const struct gd_node *x,
                       int64_t stride[GD_MAX_RANK])
{
	int64_t s = 1;
	for (int i = out->rank - 1; i >= 0; i--) {
		int ix = i - (out->rank - x->rank);
		int64_t extent = ix < 0 ? 1 : x->shape[ix];
		stride[i] = extent == 1 ? 0 : s;
		s *= extent;
	}
}

void gd_broadcast_init(struct gd_broadcast *w, const struct gd_node *out, int n,
                       struct gd_node *const *in)
{
	w->n = n;
	w->rank = 0;
	w->inner = out->count;
	w->outer = 1;
	bool flat = true;
	for (int k = 0; k < n; k++) {
		w->offset[k] = 0;
		w->step[k] = in[k]->count != 1 || out->count == 1;
		flat = flat && (in[k]->count == out->count || in[k]->count == 1);
	}
	if (flat)
		return;

	int64_t stride[GD_MAX_BROADCAST][GD_MAX_RANK];
	for (int k = 0; k < n; k++)
		strides_in(out, in[k], stride[k]);
	int rank = 0;
	for (int i = 0; i < out->rank; i++) {
		if (out->shape[i] == 1)
			continue;
		/* Axis i continues the one before when every operand steps over it in one stride.
		 */
		bool merges = rank > 0;
		for (int k = 0; k < n && merges; k++)
			merges = w->stride[k][rank - 1] == stride[k][i] * out->shape[i];
		rank += !merges;
		w->extent[rank - 1] = merges ? w->extent[rank - 1] * out->shape[i] : out->shape[i];
		for (int k = 0; k < n; k++)
			w->stride[k][rank - 1] = stride[k][i];
	}
	if (rank == 0)
		return;
	w->rank = rank - 1;
	w->inner = (size_t)w->extent[rank - 1];
	w->outer = w->inner ? out->count / w->inner : 0;
	for (int k = 0; k < n; k++)
		w->step[k] = (size_t)w->stride[k][rank - 1];
	memset(w->at, 0, sizeof w->at);
}

void gd_broadcast_next(struct gd_broadcast *w)
{
	for (int i = w->rank - 1; i >= 0; i--) {
		if (++w->at[i] < w->extent[i]) {
			for (int k = 0; k < w->n; k++)
				w->offset[k] += (size_t)w->stride[k][i];
			return;
		}
		w->at[i] = 0;
		for (int k = 0; k < w->n; k++)
			w->offset[k] -= (size_t)(w->stride[k][i] * (w->extent[i] - 1));
	}
}

void gd_forward_elementwise(struct gd_sweep *run, struct gd_node *n)
{
	(void)run;
	size_t size = gd_dtype_size(n->dtype);
	struct gd_broadcast w;
	gd_broadcast_init(&w, n, n->n_in, n->in);
	char *y = n->data;
	for (size_t o = 0; o < w.outer; o++) {
		const void *in[GD_MAX_BROADCAST];
		for (int k = 0; k < n->n_in; k++)
			in[k] = (const char *)n->in[k]->data +
			        w.offset[k] * gd_dtype_size(n->in[k]->dtype);
		n->prim->block(n, w.inner, y, in, w.step);
		y += w.inner * size;
		gd_broadcast_next(&w);
	}
}
