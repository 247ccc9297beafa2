/* GET /healthz: the process is alive. */
#include "api/endpoint.h"

bool gd_healthz_run(struct gd_exchange *x)
{
	gd_doc_object(x->doc);
	gd_doc_key(x->doc, "status");
	gd_doc_string(x->doc, "ok");
	gd_doc_end(x->doc);
	return true;
}
