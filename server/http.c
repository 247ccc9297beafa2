#include "server/http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/metrics.h"
#include "server/transfer.h"

enum {
	/* Memory of a connection: headers, and the piece of a body or of an answer that is on its
	 * way. libmicrohttpd clears all of it between two requests: with 64 KiB a small request
	 * costs a tenth more, a large body 4 % less. */
	POOL_BYTES = 32 * 1024,
};

static void log_library(void *cls, const char *format, va_list args)
{
	(void)cls;
	char line[512];
	vsnprintf(line, sizeof line, format, args);
	line[strcspn(line, "\n")] = '\0';
	gd_log_event(GD_LOG_DEBUG, "libmicrohttpd: %s", line);
}

static struct MHD_Daemon *start_daemon(struct gd_http *http, const struct gd_config *config)
{
	/* Turbo: tries to read and write at once instead of asking first. */
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
	                 MHD_USE_TURBO;
	struct MHD_OptionItem options[16];
	size_t n = 0;
#define ADD(name, number, address)                                                                 \
	options[n++] = (struct MHD_OptionItem)                                                     \
	{                                                                                          \
		MHD_OPTION_##name, (intptr_t)(number), (void *)(address)                           \
	}
	if (gd_logs(GD_LOG_DEBUG)) {
		flags |= MHD_USE_ERROR_LOG;
		ADD(EXTERNAL_LOGGER, (intptr_t)log_library, NULL);
	}
	ADD(LISTEN_SOCKET, http->listener, NULL);
	ADD(NOTIFY_COMPLETED, (intptr_t)gd_transfer_on_completed, http);
	ADD(CONNECTION_MEMORY_LIMIT, POOL_BYTES, NULL);
	ADD(CONNECTION_MEMORY_INCREMENT, POOL_BYTES, NULL);
	ADD(CONNECTION_TIMEOUT, config->timeout, NULL);
	ADD(SIGPIPE_HANDLED_BY_APP, 1, NULL);
	size_t connections = config->connections;
	if (connections < config->threads)
		connections = config->threads;
	ADD(CONNECTION_LIMIT, connections, NULL);
	if (config->threads > 1)
		ADD(THREAD_POOL_SIZE, config->threads, NULL);
	ADD(END, 0, NULL);
#undef ADD
	return MHD_start_daemon(flags, 0, NULL, NULL, gd_transfer_on_request, http,
	                        MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static void read_gauges(void *cls, struct gd_gauges *gauges)
{
	const struct gd_http *http = cls;
	const struct gd_config *config = http->config;
	gauges->active = gd_http_active(http);
	gauges->queued = gd_http_working(http);
	gauges->queue_limit = config->workers + config->queue;
	gauges->threads = config->threads;
	gauges->workers = config->workers;
	gauges->blas_threads = config->blas_threads;
}

struct gd_http *gd_http_start(const struct gd_config *config, const struct gd_service *service,
                              int listener)
{
	static const char out_of_memory[] =
	        "{\"type\": \"/problems/out_of_memory\", \"title\": \"Out of memory\", "
	        "\"status\": 503, \"code\": \"out_of_memory\", "
	        "\"detail\": \"there is no memory even to begin this request\"}\n";
	struct gd_http *http = calloc(1, sizeof *http);
	if (!http) {
		close(listener);
		return NULL;
	}
	http->service = service;
	http->config = config;
	http->offload = (double)config->offload;
	http->listener = listener;
	http->out_of_memory = MHD_create_response_from_buffer(
	        sizeof out_of_memory - 1, (void *)out_of_memory, MHD_RESPMEM_PERSISTENT);
	if (http->out_of_memory)
		MHD_add_response_header(http->out_of_memory, "Content-Type",
		                        "application/problem+json");
	http->early = gd_early_start();
	http->work = gd_work_start(config->workers, config->queue);
	if (service->metrics)
		gd_metrics_watch(service->metrics, read_gauges, http);
	if (http->out_of_memory && http->early && http->work)
		http->daemon = start_daemon(http, config);
	if (http->daemon)
		return http;
	gd_http_stop(http);
	return NULL;
}

size_t gd_http_active(const struct gd_http *http)
{
	return atomic_load_explicit(&http->active, memory_order_acquire);
}

size_t gd_http_working(const struct gd_http *http)
{
	return gd_work_pending(http->work);
}

void gd_http_quiesce(struct gd_http *http)
{
	MHD_quiesce_daemon(http->daemon);
	/* The descriptor stays ours until the daemon is gone: a thread may be about to accept. */
	shutdown(http->listener, SHUT_RDWR);
}

void gd_http_stop(struct gd_http *http)
{
	/* Workers first: libmicrohttpd must not be stopped while a connection is suspended. */
	if (http->work)
		gd_work_stop(http->work);
	if (http->daemon) {
		MHD_quiesce_daemon(http->daemon);
		MHD_stop_daemon(http->daemon);
	}
	gd_work_free(http->work);
	gd_early_stop(http->early);
	if (http->out_of_memory)
		MHD_destroy_response(http->out_of_memory);
	close(http->listener);
	free(http);
}
