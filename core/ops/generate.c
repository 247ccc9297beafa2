#include "core/ops/generate.h"

#include "core/eval.h"

/* --- noise -------------------------------------------------------------------------------- */

static double uniform(uint64_t seed, size_t i)
{
	uint64_t z = seed + ((uint64_t)i + 1) * 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static void forward_noise(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	double p = y->attr.noise.p, scale = y->attr.noise.scale;
	for (size_t i = 0; i < y->count; i++) {
		double value = uniform(y->attr.noise.seed, i) >= p ? scale : 0;
		if (y->dtype == GD_FLOAT64)
			((double *)y->data)[i] = value;
		else
			((float *)y->data)[i] = (float)value;
	}
}

static double cost(const struct gd_node *y)
{
	return 8.0 * (double)y->count;
}

static const struct gd_prim noise = {.name = "noise", .forward = forward_noise, .cost = cost};

struct gd_node *gd_noise(struct gd_graph *g, int rank, const int64_t *shape, double p, double scale,
                         uint64_t seed)
{
	struct gd_node *y = gd_node_new(g, &noise, g->dtype, rank, shape, 0, NULL);
	if (y) {
		y->attr.noise.p = p;
		y->attr.noise.scale = scale;
		y->attr.noise.seed = seed;
	}
	return y;
}

/* --- lower_mask --------------------------------------------------------------------------- */

static void forward_lower(struct gd_sweep *run, struct gd_node *y)
{
	(void)run;
	uint8_t *out = y->data;
	for (int64_t i = 0; i < y->shape[0]; i++)
		for (int64_t j = 0; j < y->shape[1]; j++)
			*out++ = j <= i;
}

static const struct gd_prim lower = {.name = "lower_mask", .forward = forward_lower};

struct gd_node *gd_lower_mask(struct gd_graph *g, int64_t rows, int64_t columns)
{
	int64_t shape[2] = {rows, columns};
	return gd_node_new(g, &lower, GD_BOOL, 2, shape, 0, NULL);
}
