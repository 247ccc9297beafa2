#include "server/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum gd_log_level gd_log_level = GD_LOG_INFO;

static const char *const names[] = {"", "error", "warn", "info", "debug"};

void gd_log_event(enum gd_log_level level, const char *format, ...)
{
	if (!gd_logs(level))
		return;
	int saved = errno;
	char line[1024];
	struct timespec now;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
	n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ %-5s ", now.tv_nsec / 1000000,
	                      names[level]);
	va_list args;
	va_start(args, format);
	int wanted = vsnprintf(line + n, sizeof line - n, format, args);
	va_end(args);
	if (wanted > 0)
		n += (size_t)wanted;
	if (n > sizeof line - 1)
		n = sizeof line - 1;
	line[n++] = '\n';
	/* One call a line, so that lines of several threads do not mix. */
	ssize_t written = write(STDERR_FILENO, line, n);
	(void)written;
	errno = saved;
}

const char *gd_log_text(const char *text, char *buf, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	for (const unsigned char *s = (const unsigned char *)text; *s && n + 5 <= size; s++) {
		if (*s >= 0x20 && *s < 0x7f && *s != '\\') {
			buf[n++] = (char)*s;
			continue;
		}
		buf[n++] = '\\';
		buf[n++] = 'x';
		buf[n++] = hex[*s >> 4];
		buf[n++] = hex[*s & 15];
	}
	buf[n] = '\0';
	return buf;
}
