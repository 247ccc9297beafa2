/* var and std. */
#include "core/build.h"
#include "core/layers/layers.h"

/* The first element along each of the axes. */
static struct gd_node *first_of(struct gd_graph *g, struct gd_node *x, unsigned axes)
{
	struct gd_slice s;
	int64_t shape[GD_MAX_RANK];
	for (int i = 0; i < GD_MAX_RANK; i++) {
		s.start[i] = 0;
		s.step[i] = 1;
		shape[i] = i < x->rank && !(axes >> i & 1) ? x->shape[i] : 1;
	}
	return gd_slice(g, x, &s, shape);
}

/* What is taken off n: `correction`, or what `unbiased` says. */
static bool correction_of(struct gd_call *c, double *correction)
{
	const struct gd_value *given = gd_param(c, "correction"),
	                      *unbiased = gd_param(c, "unbiased");
	*correction = given->null ? 1 : given->f;
	if (unbiased->null)
		return true;
	if (*correction != 1 && *correction != (double)unbiased->flag)
		return gd_param_fail(c, "unbiased", "is %s, but correction is %g: give one of them",
		                     unbiased->flag ? "true" : "false", *correction);
	*correction = unbiased->flag;
	return true;
}

/* (Σ d² - (Σ d)²/n)/(n - correction), d = x - m, for any m: exact with respect to rounding in m,
 * and its derivatives need none of m. m is the mean, taken of x - (the first element), so that
 * equal elements have variance 0. Source: Chan, Golub, LeVeque, Algorithms for Computing the Sample
 * Variance, eq. 1.7 and section 3. */
static struct gd_node *variance(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *x = c->in[0];
	unsigned axes;
	double correction, n = 1;
	if (!gd_axes(c, "dim", x, &axes) || !correction_of(c, &correction))
		return NULL;
	bool keep = gd_flag(c, "keepdim");
	for (int i = 0; i < x->rank; i++)
		n *= axes >> i & 1 ? (double)x->shape[i] : 1;
	if (n == 0)
		return gd_mean(g, x, axes, keep); /* NaN */
	struct gd_node *near = gd_sub(g, x, gd_stop_gradient(g, first_of(g, x, axes)));
	struct gd_node *d = gd_sub(g, near, gd_stop_gradient(g, gd_mean(g, near, axes, true)));
	struct gd_node *squares = gd_sum(g, gd_square(g, d), axes, keep);
	struct gd_node *rest = gd_square(g, gd_sum(g, d, axes, keep));
	struct gd_node *sum = gd_sub(g, squares, gd_div(g, rest, gd_const(g, n)));
	return gd_div(g, sum, gd_const(g, n > correction ? n - correction : 0));
}

bool build_var(struct gd_call *c)
{
	return gd_give(c, variance(c));
}

bool build_std(struct gd_call *c)
{
	struct gd_graph *g = c->g;
	struct gd_node *v = variance(c), *zero = gd_const(g, 0);
	struct gd_node *equal = v ? gd_eq(g, v, zero) : NULL;
	struct gd_node *y = gd_where(g, equal, zero, gd_sqrt(g, v));
	gd_note_kink(g, y, equal, "deviations are 0; gradient 0 used there");
	return gd_give(c, y);
}
