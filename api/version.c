/* GET /version: what is running. */
#include "api/endpoint.h"
#include "core/blas.h"

#ifndef GD_VERSION
#define GD_VERSION "0"
#endif
#ifndef GD_COMMIT
#define GD_COMMIT "unknown"
#endif

static void field(struct gd_doc *d, const char *key, const char *value)
{
	gd_doc_key(d, key);
	gd_doc_string(d, value);
}

bool gd_version_run(struct gd_exchange *x)
{
	gd_doc_object(x->doc);
	field(x->doc, "name", "gradd");
	field(x->doc, "version", GD_VERSION);
	field(x->doc, "commit", GD_COMMIT);
	field(x->doc, "blas", gd_blas_kernel());
	gd_doc_end(x->doc);
	return true;
}
