/* What can be configured: the command line over the environment over the defaults. */
#ifndef GD_CONFIG_H
#define GD_CONFIG_H

#include <stddef.h>
#include <stdio.h>

#include "core/limits.h"
#include "server/log.h"

enum { GD_CONFIG_WORDS = 3 };

struct gd_config {
#define GD_FIELD_TEXT                                            const char *
#define GD_FIELD_COUNT                                           size_t
#define GD_FIELD_SECONDS                                         size_t
#define GD_FIELD_LEVEL                                           enum gd_log_level
#define GD_OPTION(field, option, type, value, least, most, help) GD_FIELD_##type field;
#include "server/config.def"
#undef GD_OPTION
	struct gd_limits limits;
	const char *words[GD_CONFIG_WORDS]; /* what is no option: the command and its arguments */
	int word_count;
};

enum gd_config_result {
	GD_CONFIG_OK,
	GD_CONFIG_HELP,    /* --help */
	GD_CONFIG_VERSION, /* --version */
	GD_CONFIG_BAD,     /* error holds one line */
};

enum { GD_CONFIG_ERROR = 512 };

/* Fills *config. Options may stand before, between and behind the words. Text fields and words
 * point into argv, the environment or constants. */
enum gd_config_result gd_config_load(struct gd_config *config, int argc, char **argv,
                                     char error[GD_CONFIG_ERROR]);

/* The text of --help. */
void gd_config_help(FILE *out);

/* Puts the number of cores in place of each 0 that stands for it. blas_threads stays 0 where the
 * user has set OPENBLAS_NUM_THREADS. */
void gd_config_resolve(struct gd_config *config);

/* Cores this process may use: its affinity, cut by a CPU quota of its control group; at least 1. */
size_t gd_cores(void);

#endif
