/* `gradd call`: one request in this process, without a socket. */
#ifndef GD_CALL_H
#define GD_CALL_H

#include "server/config.h"

/* Sends what is in `file` (NULL or "-": standard input) to `path`, prints the answer's body with a
 * newline behind. Returns the exit status: 0, 1 when the answer is an error, 2 when the file cannot
 * be read or the path takes none. */
int gd_call(const struct gd_config *config, const char *path, const char *file);

#endif
