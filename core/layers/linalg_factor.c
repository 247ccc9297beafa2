/* QR, eigenvectors, singular values, and what is read out of these: the pseudo-inverse. */
#include <float.h>
#include <math.h>

#include "core/build.h"
#include "core/layers/layers.h"
#include "core/layers/linalg.h"
#include "core/ops/linalg.h"
#include "core/ops/matrix.h"

bool build_qr(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *out[2];
	if (!gd_is_matrix(c, 0))
		return false;
	if (gd_chosen(c, "mode", "r")) {
		out[0] = gd_expand(g, gd_const(g, 0), 1, (int64_t[]){0});
		gd_qr(g, c->in[0], false, false, NULL, &out[1]);
	} else {
		gd_qr(g, c->in[0], gd_chosen(c, "mode", "complete"), true, &out[0], &out[1]);
	}
	return gd_give_all(c, 2, out);
}

static bool is_upper(const struct gd_call *c)
{
	return gd_chosen(c, "UPLO", "U") || gd_chosen(c, "UPLO", "u");
}

bool build_eigh(struct gd_call *c)
{
	struct gd_node *out[2];
	if (!gd_is_square(c, 0))
		return false;
	gd_eigh(c->g, c->in[0], is_upper(c), &out[0], &out[1]);
	return gd_give_all(c, 2, out);
}

bool build_eigvalsh(struct gd_call *c)
{
	struct gd_node *values;
	if (!gd_is_square(c, 0))
		return false;
	gd_eigh(c->g, c->in[0], is_upper(c), &values, NULL);
	return gd_give(c, values);
}

bool build_svd(struct gd_call *c)
{
	struct gd_node *out[3];
	if (!gd_is_matrix(c, 0))
		return false;
	gd_svd(c->g, c->in[0], gd_flag(c, "full_matrices"), &out[0], &out[1], &out[2]);
	return gd_give_all(c, 3, out);
}

bool build_svdvals(struct gd_call *c)
{
	struct gd_node *s;
	if (!gd_is_matrix(c, 0))
		return false;
	gd_svd(c->g, c->in[0], false, NULL, &s, NULL);
	return gd_give(c, s);
}

/* --- pseudo-inverse ----------------------------------------------------------------------- */

/* 1/s where |s| is above max(atol, rtol·largest |s|), else 0. */
static struct gd_node *inverted(struct gd_graph *g, struct gd_node *s, double atol, double rtol)
{
	if (!s || s->shape[s->rank - 1] == 0)
		return s;
	struct gd_node *size = gd_abs(g, s);
	struct gd_node *limit = gd_amax(g, size, 1u << (s->rank - 1), true);
	limit = gd_maximum(g, gd_mul(g, limit, gd_const(g, rtol)), gd_const(g, atol));
	struct gd_node *kept = gd_gt(g, size, limit), *zero = gd_const(g, 0);
	return gd_where(g, kept, gd_div(g, gd_const(g, 1), gd_where(g, kept, s, gd_const(g, 1))),
	                zero);
}

static struct gd_node *pinv_of(struct gd_graph *g, struct gd_node *a, double atol, double rtol,
                               bool hermitian)
{
	struct gd_node *u, *s, *vh;
	if (hermitian) {
		gd_eigh(g, a, false, &s, &u);
		vh = gd_transpose(g, u);
	} else {
		gd_svd(g, a, false, &u, &s, &vh);
	}
	struct gd_node *scale = gd_as_row(g, inverted(g, s, atol, rtol));
	struct gd_node *p = gd_matmul(g, gd_mul(g, gd_transpose(g, vh), scale), gd_transpose(g, u));
	return gd_pinv_of(g, a, p);
}

bool build_pinv(struct gd_call *c)
{
	const struct gd_node *a = c->in[0];
	const struct gd_value *atol = gd_param(c, "atol"), *rtol = gd_param(c, "rtol");
	bool hermitian = gd_flag(c, "hermitian");
	if (hermitian ? !gd_is_square(c, 0) : !gd_is_matrix(c, 0))
		return false;
	double size = (double)(gd_rows(a) > gd_columns(a) ? gd_rows(a) : gd_columns(a));
	double least = atol->null ? 0 : atol->f;
	double share = size * (c->g->dtype == GD_FLOAT64 ? DBL_EPSILON : (double)FLT_EPSILON);
	if (!rtol->null)
		share = rtol->f;
	else if (least > 0)
		share = 0;
	return gd_give(c, pinv_of(c->g, c->in[0], least, share, hermitian));
}

bool build_pinverse(struct gd_call *c)
{
	return gd_is_matrix(c, 0) &&
	       gd_give(c, pinv_of(c->g, c->in[0], 0, gd_float(c, "rcond"), false));
}
