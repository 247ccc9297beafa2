/* GET /readyz: taking work, or the problem `draining`. */
#include "api/endpoint.h"

bool gd_readyz_run(struct gd_exchange *x)
{
	if (atomic_load_explicit(&x->service->draining, memory_order_relaxed))
		return gd_fail(x->error, GD_ERR_draining,
		               "the server finishes what it has begun and takes no new work");
	gd_doc_object(x->doc);
	gd_doc_key(x->doc, "status");
	gd_doc_string(x->doc, "ready");
	gd_doc_end(x->doc);
	return true;
}
