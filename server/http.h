/* HTTP by libmicrohttpd: moves bytes between connections and struct gd_request, nothing else. */
#ifndef GD_HTTP_H
#define GD_HTTP_H

#include <stddef.h>

#include "api/request.h"
#include "server/config.h"

struct gd_http;

/* Serves on the listening socket, which it then owns. Both pointers must outlive the server, whose
 * gauges service->metrics reads from then on until gd_http_stop. NULL
 * (and the socket is closed) when threads or memory are lacking. */
struct gd_http *gd_http_start(const struct gd_config *config, const struct gd_service *service,
                              int listener);

/* Requests whose first byte has been seen and whose answer is not yet out. */
size_t gd_http_active(const struct gd_http *http);

/* Large requests that run or wait; those that run cannot be interrupted. */
size_t gd_http_working(const struct gd_http *http);

/* Accepts no more; new connections are refused from here on. */
void gd_http_quiesce(struct gd_http *http);

/* Cuts off what is still there, waits for what runs, frees everything. */
void gd_http_stop(struct gd_http *http);

#endif
