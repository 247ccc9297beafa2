/* One line an event on standard error: time, level, text. Thread-safe. Tensors are never logged. */
#ifndef GD_LOG_H
#define GD_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum gd_log_level { GD_LOG_NONE, GD_LOG_ERROR, GD_LOG_WARN, GD_LOG_INFO, GD_LOG_DEBUG };

/* Set once, before any thread is started. */
extern enum gd_log_level gd_log_level;

static inline bool gd_logs(enum gd_log_level level)
{
	return level <= gd_log_level;
}

/* printf-style, without the newline; a line too long is cut. Does nothing below the level. */
void gd_log_event(enum gd_log_level level, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Text from outside made fit for one line: what is not printable ASCII becomes \xNN, and what does
 * not fit is cut. Returns buf. */
const char *gd_log_text(const char *text, char *buf, size_t size);

#endif
