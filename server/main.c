/* gradd: serves, or makes one call, or probes a server. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "api/metrics.h"
#include "core/blas.h"
#include "core/parallel.h"
#include "server/call.h"
#include "server/config.h"
#include "server/http.h"
#include "server/log.h"
#include "server/net.h"

enum { PROBE_MS = 2000, TICK_MS = 5, QUIET_TICKS = 4 };

static int signalled = -1; /* eventfd */

/* Signals may arrive on any thread, also on those that OpenBLAS started before main. */
static void on_signal(int number)
{
	static atomic_int seen;
	if (atomic_fetch_add(&seen, 1) > 0)
		_exit(128 + number);
	int saved = errno;
	uint64_t one = 1;
	ssize_t put = write(signalled, &one, sizeof one);
	(void)put;
	errno = saved;
}

static bool catch_signals(void)
{
	signalled = eventfd(0, EFD_CLOEXEC);
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	return signalled >= 0 && sigaction(SIGTERM, &act, NULL) == 0 &&
	       sigaction(SIGINT, &act, NULL) == 0 && sigaction(SIGPIPE, &ignore, NULL) == 0;
}

static void await_signal(void)
{
	struct pollfd p = {.fd = signalled, .events = POLLIN};
	while (poll(&p, 1, -1) != 1)
		;
}

static void sleep_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

/* OpenBLAS chooses its kernels while it is loaded, so a better choice needs a new start of the
 * program; with the variable set it is not asked for again. */
static void choose_kernels(char **argv)
{
	const char *kernel = gd_blas_better_kernel();
	if (!kernel || getenv("OPENBLAS_CORETYPE"))
		return;
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0 || setenv("OPENBLAS_CORETYPE", kernel, 1) != 0)
		return;
	self[n] = '\0';
	execv(self, argv);
	gd_log_event(GD_LOG_WARN, "cannot start again with OPENBLAS_CORETYPE=%s: %s", kernel,
	             strerror(errno));
}

/* As many descriptors as we may have, and no more connections than they are enough for. */
static void fit_descriptors(struct gd_config *config)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	/* Each connection has one and, while it lingers, a second; the rest is for the program. */
	const rlim_t others = 512 + 4 * config->threads;
	if (limit.rlim_cur < config->connections + others) {
		limit.rlim_cur = config->connections + others;
		if (limit.rlim_max != RLIM_INFINITY && limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur < config->connections + others) {
		size_t fit =
		        limit.rlim_cur > 2 * others ? limit.rlim_cur - others : limit.rlim_cur / 2;
		gd_log_event(GD_LOG_DEBUG,
		             "%zu connections instead of %zu: there are %zu descriptors", fit,
		             config->connections, (size_t)limit.rlim_cur);
		config->connections = fit ? fit : 1;
	}
}

static void greet(const char *url)
{
	/* An address to paste, where the one to listen on stands for all. */
	const char *all[][2] = {{"http://0.0.0.0:", "http://127.0.0.1:"},
	                        {"http://[::]:", "http://[::1]:"}};
	char paste[GD_NET_TEXT];
	snprintf(paste, sizeof paste, "%s", url);
	for (int i = 0; i < 2; i++)
		if (strncmp(url, all[i][0], strlen(all[i][0])) == 0)
			snprintf(paste, sizeof paste, "%s%s", all[i][1], url + strlen(all[i][0]));
	printf("gradd %s listening on %s\n"
	       "Try:\n"
	       "  curl -d "
	       "'{\"tensors\":{\"x\":[[1,2]],\"W\":[[0.5],[-1]],\"b\":[0],\"target\":[[1]]},"
	       "\"layers\":[\"linear\"],\"loss\":\"mse\"}' %s/grad\n",
	       GD_VERSION, url, paste);
	fflush(stdout);
}

/* Waits until nothing is in hand, for a moment in a row, or the time is over. */
static bool drain(const struct gd_http *http, size_t seconds)
{
	size_t ticks = seconds * 1000 / TICK_MS;
	int quiet = 0;
	for (size_t i = 0; i <= ticks + QUIET_TICKS && quiet < QUIET_TICKS; i++) {
		quiet = gd_http_active(http) == 0 ? quiet + 1 : 0;
		sleep_ms(TICK_MS);
	}
	return quiet == QUIET_TICKS;
}

static int serve(struct gd_config *config)
{
	char url[GD_NET_TEXT], error[GD_NET_TEXT];
	fit_descriptors(config);
	if (!catch_signals()) {
		fprintf(stderr, "gradd: cannot catch signals: %s\n", strerror(errno));
		return 1;
	}
	int listener = gd_net_listen(config->host, config->port, url, error);
	if (listener < 0) {
		fprintf(stderr, "gradd: %s\n", error);
		return 1;
	}
	struct gd_service service = {.limits = config->limits, .metrics = gd_metrics_new()};
	struct gd_http *http = service.metrics ? gd_http_start(config, &service, listener) : NULL;
	if (!http) {
		fprintf(stderr, "gradd: not enough memory or threads to start\n");
		gd_metrics_free(service.metrics);
		return 1;
	}
	greet(url);
	gd_log_event(GD_LOG_INFO, "start version=%s address=%s threads=%zu workers=%zu kernels=%s",
	             GD_VERSION, url, config->threads, config->workers, gd_blas_kernel());

	await_signal();
	gd_log_event(GD_LOG_INFO, "drain active=%zu", gd_http_active(http));
	atomic_store(&service.draining, true);
	sleep_ms((long)config->drain_delay * 1000);
	gd_http_quiesce(http);
	if (!drain(http, config->grace)) {
		gd_log_event(GD_LOG_WARN, "the grace period is over; cutting off active=%zu",
		             gd_http_active(http));
		/* A calculation cannot be interrupted, and nobody waits for it any more. */
		if (gd_http_working(http) > 0) {
			gd_log_event(GD_LOG_INFO, "stop");
			_exit(0);
		}
	}
	gd_http_stop(http);
	gd_metrics_free(service.metrics);
	close(signalled);
	gd_log_event(GD_LOG_INFO, "stop");
	return 0;
}

static int probe(const struct gd_config *config)
{
	char error[GD_NET_TEXT];
	if (gd_net_probe(config->host, config->port, "/healthz", PROBE_MS, error))
		return 0;
	fprintf(stderr, "gradd probe: %s\n", error);
	return 1;
}

static int usage(const char *message)
{
	fprintf(stderr, "gradd: %s\n", message);
	return 2;
}

int main(int argc, char **argv)
{
	struct gd_config config;
	char error[GD_CONFIG_ERROR];
	switch (gd_config_load(&config, argc, argv, error)) {
	case GD_CONFIG_HELP: gd_config_help(stdout); return 0;
	case GD_CONFIG_VERSION: printf("gradd %s\n", GD_VERSION); return 0;
	case GD_CONFIG_BAD: return usage(error);
	case GD_CONFIG_OK: break;
	}
	gd_log_level = config.log_level;
	const char *const *words = config.words;
	const char *command = config.word_count ? words[0] : "serve";
	bool calls = strcmp(command, "call") == 0, serves = strcmp(command, "serve") == 0;
	if (calls && (config.word_count < 2 || words[1][0] != '/'))
		return usage("gradd call needs a path such as /grad, then a file or nothing");
	if (!calls && config.word_count > 1)
		return usage("only gradd call takes arguments; gradd --help explains");
	if (strcmp(command, "probe") == 0)
		return probe(&config);
	if (!calls && !serves)
		return usage("there is no such command; gradd --help lists them");
	choose_kernels(argv);
	gd_config_resolve(&config);
	if (config.blas_threads)
		gd_blas_threads((int)config.blas_threads);
	gd_threads(gd_blas_thread_count());
	if (serves)
		return serve(&config);
	return gd_call(&config, words[1], config.word_count == 3 ? words[2] : NULL);
}
