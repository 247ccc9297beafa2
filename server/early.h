/* Answers to clients that are still sending. libmicrohttpd can answer only before or after a body,
 * and a socket closed with unread bytes is reset, which can destroy the answer on its way. So such
 * an answer is written here, and its socket is read to the end, or for a while, before it closes
 * (what nginx calls a lingering close). */
#ifndef GD_EARLY_H
#define GD_EARLY_H

#include <stdbool.h>
#include <stddef.h>

#include "api/request.h"

struct gd_early;

/* Starts the thread that lingers; NULL when there is no memory or no thread to be had. */
struct gd_early *gd_early_start(void);

/* Writes the answer of `request`, which must stand, to the socket and takes a duplicate of it to
 * linger on. The caller closes its own descriptor at any time. Returns the bytes written. */
size_t gd_early_answer(struct gd_early *early, int socket, struct gd_request *request, bool head);

/* Gives those that still send one second more, then closes them and frees everything. */
void gd_early_stop(struct gd_early *early);

#endif
