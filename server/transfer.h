/* One request and its answer on a connection: the callbacks that libmicrohttpd makes for it. */
#ifndef GD_TRANSFER_H
#define GD_TRANSFER_H

#include <microhttpd.h>
#include <stdatomic.h>

#include "api/request.h"
#include "server/config.h"
#include "server/early.h"
#include "server/work.h"

/* What the transfers of one server share. */
struct gd_http {
	const struct gd_service *service;
	double offload; /* cost from which a request is large */
	struct MHD_Daemon *daemon;
	struct gd_work *work;
	struct gd_early *early;
	struct MHD_Response *out_of_memory;
	int listener;
	atomic_size_t active; /* transfers */
	const struct gd_config *config;
};

/* MHD_AccessHandlerCallback and MHD_RequestCompletedCallback; cls is the struct gd_http. */
enum MHD_Result gd_transfer_on_request(void *cls, struct MHD_Connection *connection,
                                       const char *url, const char *method, const char *version,
                                       const char *upload, size_t *upload_size, void **context);
void gd_transfer_on_completed(void *cls, struct MHD_Connection *connection, void **context,
                              enum MHD_RequestTerminationCode how);

#endif
