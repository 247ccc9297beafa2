/* Masks of cotangents: where `where` did not choose a branch, its cotangent is zero, and whatever
 * is undefined there must stay out of it, though 0·∞ is NaN. So each cotangent d below a `where`
 * carries d->mask, which broadcasts to d's shape and is true wherever d may be anything but zero.
 */
#include "core/build.h"

struct gd_node *gd_only(struct gd_graph *g, struct gd_node *d, struct gd_node *mask)
{
	return mask ? gd_where(g, mask, d, gd_const(g, 0)) : d;
}

static struct gd_node *is_inverse(const struct gd_node *a, const struct gd_node *b)
{
	struct gd_node *source = gd_inverse_of(a);
	return source == b ? source : NULL;
}

struct gd_node *gd_mask_or(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	if (!a || !b || is_inverse(a, b) || is_inverse(b, a))
		return NULL;
	if (a == b)
		return a;
	return gd_logical_not(g, gd_logical_and(g, gd_logical_not(g, a), gd_logical_not(g, b)));
}

struct gd_node *gd_mask_and(struct gd_graph *g, struct gd_node *a, struct gd_node *b)
{
	return !a || a == b ? b : !b ? a : gd_logical_and(g, a, b);
}

struct gd_node *gd_mask_any(struct gd_graph *g, struct gd_node *mask, int rank, unsigned axes)
{
	if (!mask)
		return NULL;
	unsigned own = 0;
	for (int i = 0; i < mask->rank; i++)
		if ((axes >> (i + rank - mask->rank) & 1) && mask->shape[i] != 1)
			own |= 1u << i;
	if (!own)
		return mask;
	struct gd_node *count = gd_sum(g, gd_cast(g, mask, g->dtype), own, true);
	return gd_gt(g, count, gd_const(g, 0));
}

struct gd_node *gd_mask_to(struct gd_graph *g, struct gd_node *mask, const struct gd_node *from,
                           const struct gd_node *to)
{
	unsigned axes = 0;
	int lead = from->rank - to->rank;
	for (int i = 0; i < from->rank; i++)
		if (i < lead || (to->shape[i - lead] == 1 && from->shape[i] != 1))
			axes |= 1u << i;
	mask = gd_mask_any(g, mask, from->rank, axes);
	if (!mask || mask->rank <= to->rank)
		return mask;
	return gd_reshape(g, mask, to->rank, mask->shape + mask->rank - to->rank);
}

void gd_set_mask(struct gd_node *d, struct gd_node *mask)
{
	if (d && !d->mask && !gd_is_leaf(d))
		d->mask = mask;
}
