#include "server/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/endpoint.h"
#include "api/request.h"

enum { PIECE = 64 * 1024 };

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "gradd call: %s: %s\n", what, why);
	return 2;
}

/* Feeds all of fd, or as much as is of interest. */
static bool feed(struct gd_request *request, int fd)
{
	static char buf[PIECE];
	for (;;) {
		ssize_t n = read(fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		if (!gd_request_feed(request, buf, (size_t)n))
			return true;
	}
}

static bool print(struct gd_request *request)
{
	static char buf[PIECE];
	const struct gd_answer *answer = gd_request_answer(request);
	char last = '\n';
	if (answer->body && answer->length > 0) {
		fwrite(answer->body, 1, (size_t)answer->length, stdout);
		last = answer->body[answer->length - 1];
	} else if (!answer->body) {
		for (size_t n; (n = gd_request_read(request, buf, sizeof buf)) > 0;) {
			fwrite(buf, 1, n, stdout);
			last = buf[n - 1];
		}
	}
	if (last != '\n')
		putchar('\n');
	return fflush(stdout) == 0 && !ferror(stdout);
}

int gd_call(const struct gd_config *config, const char *path, const char *file)
{
	const char *method = gd_endpoint_method(path);
	bool has_body = method && strcmp(method, "POST") == 0;
	if (file && method && !has_body)
		return complain(path, "takes no body, so no file can be given");
	int fd = STDIN_FILENO;
	int64_t length = has_body ? -1 : 0;
	if (has_body && file && strcmp(file, "-") != 0) {
		fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return complain(file, strerror(errno));
	}
	struct stat st;
	if (has_body && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		length = st.st_size;
	struct gd_service service = {.limits = config->limits};
	const struct gd_head head = {
	        .method = method ? method : "GET", .path = path, .content_length = length};
	struct gd_request *request = gd_request_open(&service, &head);
	if (!request)
		return complain(path, "out of memory");
	int status = 2;
	if (has_body && !gd_request_settled(request) && !feed(request, fd)) {
		complain(file ? file : "standard input", strerror(errno));
	} else {
		if (!gd_request_settled(request))
			gd_request_run(request);
		status = gd_request_answer(request)->status < 400 ? 0 : 1;
		if (!print(request))
			status = complain("standard output", strerror(errno));
	}
	gd_request_close(request);
	if (fd != STDIN_FILENO)
		close(fd);
	return status;
}
