/* What libmicrohttpd can do at best: reads each POST to its end, looks at nothing and answers with
 * the bytes of FILE. Flags and memory are those of server/http.c with --threads 1.
 *
 *   constant PORT FILE POOL_BYTES   until SIGTERM */
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct MHD_Response *response;
static char seen; /* its address marks a request whose head has been seen */

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **request)
{
	(void)cls, (void)url, (void)method, (void)version, (void)upload;
	if (!*request) {
		*request = &seen;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

int main(int argc, char **argv)
{
	static char text[1 << 20];
	FILE *file = argc == 4 ? fopen(argv[2], "r") : NULL;
	struct MHD_Daemon *daemon;
	sigset_t stop;
	int signal_number;

	if (!file) {
		fprintf(stderr, "usage: constant PORT FILE POOL_BYTES\n");
		return 2;
	}
	size_t pool = strtoul(argv[3], NULL, 10);
	size_t n = fread(text, 1, sizeof text, file);
	fclose(file);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	response = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, "Content-Type", "application/json");
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
	                                  MHD_USE_ITC | MHD_USE_TURBO,
	                          (uint16_t)atoi(argv[1]), NULL, NULL, answer, NULL,
	                          MHD_OPTION_CONNECTION_MEMORY_LIMIT, pool,
	                          MHD_OPTION_CONNECTION_MEMORY_INCREMENT, pool,
	                          MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
	if (!daemon) {
		fprintf(stderr, "constant: cannot listen on port %s\n", argv[1]);
		return 1;
	}
	sigwait(&stop, &signal_number);
	MHD_stop_daemon(daemon);
	MHD_destroy_response(response);
	return 0;
}
