#include "api/warnings.h"

#include <math.h>
#include <stdlib.h>

static double scalar(const struct gd_node *n)
{
	return n->dtype == GD_FLOAT64 ? *(double *)n->data : (double)*(float *)n->data;
}

static void begin(struct gd_doc *d, const char *code, const char *layer)
{
	gd_doc_object(d);
	gd_doc_key(d, "code");
	gd_doc_string(d, code);
	gd_doc_key(d, "layer");
	gd_doc_string(d, layer);
	gd_doc_key(d, "detail");
}

static int by_layer(const void *a, const void *b)
{
	const struct gd_kink *const *x = a, *const *y = b;
	return (*x)->at->id - (*y)->at->id;
}

/* Kinks touched, in the order of the layers. */
static bool touched_kinks(struct gd_exchange *x, const struct gd_graph *g,
                          const struct gd_kink ***touched, size_t *n)
{
	size_t room = 0;
	*n = 0;
	for (const struct gd_kink *k = g->kinks; k; k = k->next)
		room += k->passed && scalar(k->count) > 0;
	if (room == 0)
		return true;
	*touched = gd_alloc_array(x->arena, room, sizeof **touched);
	if (!*touched)
		return gd_arena_fail(x->arena, x->error);
	for (const struct gd_kink *k = g->kinks; k; k = k->next)
		if (k->passed && scalar(k->count) > 0)
			(*touched)[(*n)++] = k;
	qsort(*touched, *n, sizeof **touched, by_layer);
	return true;
}

static const char *value_name(double v)
{
	return isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity";
}

/* Leaves carry no pointer of their own. */
static const char *leaf_pointer(const struct gd_exchange *x, const struct gd_node *n)
{
	struct gd_json tensors, v;
	const char *pointer = NULL;
	if (n->name && gd_json_member(&x->root, "tensors", &tensors) &&
	    gd_json_member(&tensors, n->name, &v))
		pointer = gd_json_pointer_new(&v, x->arena);
	return pointer ? pointer : n->origin;
}

static void write_nonfinite(struct gd_exchange *x, const struct gd_sweep *run)
{
	struct gd_doc *d = x->doc;
	const struct gd_node *n = run->first_bad;
	if (gd_is_leaf(n)) {
		begin(d, "nonfinite", leaf_pointer(x, n));
		gd_doc_stringf(d, "%s holds %s at element %zu", n->name ? n->name : "a constant",
		               value_name(run->bad_value), run->bad_index);
	} else {
		begin(d, "nonfinite", n->origin);
		gd_doc_stringf(d, "%s: %s made %s at element %zu, in its %s pass", n->op,
		               n->prim->name, value_name(run->bad_value), run->bad_index,
		               n->backward ? "backward" : "forward");
	}
	gd_doc_end(d);
}

bool gd_write_warnings(struct gd_exchange *x, struct gd_sweep *run, int n,
                       struct gd_node *const *outputs)
{
	const struct gd_kink **touched = NULL;
	size_t n_touched;
	struct gd_sweep traced = {.graph = run->graph, .trace = true};
	if (!touched_kinks(x, run->graph, &touched, &n_touched))
		return false;
	if (run->nonfinite && !gd_eval(&traced, n, outputs))
		return false;
	if (n_touched == 0 && !traced.first_bad)
		return true;
	gd_doc_key(x->doc, "warnings");
	gd_doc_array(x->doc);
	for (size_t i = 0; i < n_touched; i++) {
		begin(x->doc, "kink", touched[i]->at->origin);
		gd_doc_stringf(x->doc, "%s: %.0f of %zu %s", touched[i]->at->op,
		               scalar(touched[i]->count), touched[i]->total, touched[i]->text);
		gd_doc_end(x->doc);
	}
	if (traced.first_bad)
		write_nonfinite(x, &traced);
	gd_doc_end(x->doc);
	return true;
}
