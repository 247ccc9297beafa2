#include "server/config.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

enum type { TEXT, COUNT, SECONDS, LEVEL, BYTES };

struct option {
	const char *name;
	enum type type;
	size_t offset;      /* into struct gd_config */
	const char *text;   /* the default as text, or NULL */
	size_t number;      /* else as a number */
	size_t least, most; /* of a number */
	const char *help;
};

static const struct option options[] = {
#define GD_OPTION(field, option, type, value, least, most, help)                                   \
	{option, type, offsetof(struct gd_config, field), value, 0, least, most, help},
#include "server/config.def"
#undef GD_OPTION
/* The unit tells the type: the comparison is one of constants. */
#define LIMIT(field, option, value, unit, what)                                                    \
	{option,                                                                                   \
	 unit[0] == 'b' ? BYTES : COUNT,                                                           \
	 offsetof(struct gd_config, limits.field),                                                 \
	 NULL,                                                                                     \
	 value,                                                                                    \
	 1,                                                                                        \
	 SIZE_MAX,                                                                                 \
	 "limit on the " what},
        GD_LIMITS(LIMIT)
#undef LIMIT
};

enum { OPTIONS = sizeof options / sizeof options[0], ENV_NAME = 64 };

static const char *const levels[] = {"none", "error", "warn", "info", "debug"};
enum { LEVELS = sizeof levels / sizeof levels[0] };

/* "max-body" → "GRADD_MAX_BODY" */
static const char *env_name(const struct option *o, char buf[ENV_NAME])
{
	size_t n = (size_t)snprintf(buf, ENV_NAME, "GRADD_");
	for (const char *s = o->name; *s && n + 1 < ENV_NAME; s++)
		buf[n++] = *s == '-' ? '_' : (char)toupper((unsigned char)*s);
	buf[n] = '\0';
	return buf;
}

/* Decimal digits, for sizes with a K, M or G behind. False when it is anything else or too big. */
static bool parse_number(const char *s, bool suffix, size_t *out)
{
	size_t value = 0;
	if (!isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s); s++)
		if (__builtin_mul_overflow(value, (size_t)10, &value) ||
		    __builtin_add_overflow(value, (size_t)(*s - '0'), &value))
			return false;
	if (suffix && *s) {
		static const char units[] = "KMG";
		const char *unit = strchr(units, toupper((unsigned char)*s));
		size_t factor = unit ? (size_t)1 << (10 * (unit - units + 1)) : 0;
		if (!unit || __builtin_mul_overflow(value, factor, &value))
			return false;
		s++;
	}
	*out = value;
	return *s == '\0';
}

/* 1073741824 → "1G" */
static const char *size_text(size_t value, char buf[32])
{
	static const char units[] = "\0KMG";
	int unit = 0;
	while (unit < 3 && value && value % 1024 == 0) {
		value /= 1024;
		unit++;
	}
	snprintf(buf, 32, "%zu%.1s", value, units + unit);
	return buf;
}

static bool fail(char error[GD_CONFIG_ERROR], const char *format, ...)
        __attribute__((format(printf, 2, 3)));

static bool fail(char error[GD_CONFIG_ERROR], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(error, GD_CONFIG_ERROR, format, args);
	va_end(args);
	return false;
}

/* `from` is how the user named it: "--port" or "GRADD_PORT". */
static bool set(struct gd_config *config, const struct option *o, const char *from,
                const char *text, char error[GD_CONFIG_ERROR])
{
	void *field = (char *)config + o->offset;
	if (o->type == TEXT) {
		if (!*text)
			return fail(error, "%s needs a value, got nothing", from);
		*(const char **)field = text;
		return true;
	}
	if (o->type == LEVEL) {
		for (int i = 0; i < LEVELS; i++)
			if (strcmp(text, levels[i]) == 0) {
				*(enum gd_log_level *)field = (enum gd_log_level)i;
				return true;
			}
		return fail(error, "%s needs none, error, warn, info or debug, got \"%.100s\"",
		            from, text);
	}
	size_t value;
	if (!parse_number(text, o->type == BYTES, &value) || value < o->least || value > o->most) {
		if (o->type == BYTES)
			return fail(error,
			            "%s needs a size in bytes such as 500, 64K, 16M or 2G, "
			            "got \"%.100s\"",
			            from, text);
		if (o->most == SIZE_MAX)
			return fail(error, "%s needs a whole number from %zu on, got \"%.100s\"",
			            from, o->least, text);
		return fail(error, "%s needs a whole number from %zu to %zu, got \"%.100s\"", from,
		            o->least, o->most, text);
	}
	*(size_t *)field = value;
	return true;
}

static bool load_environment(struct gd_config *config, char error[GD_CONFIG_ERROR])
{
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &options[i];
		if (o->text)
			set(config, o, o->name, o->text, error);
		else
			*(size_t *)((char *)config + o->offset) = o->number;
		char name[ENV_NAME];
		const char *value = getenv(env_name(o, name));
		if (value && !set(config, o, name, value, error))
			return false;
	}
	return true;
}

static bool unknown(const char *name, char error[GD_CONFIG_ERROR])
{
	const char *known[OPTIONS];
	for (size_t i = 0; i < OPTIONS; i++)
		known[i] = options[i].name;
	const char *near =
	        name[0] == '-' && name[1] == '-' ? gd_nearest(name + 2, known, OPTIONS) : NULL;
	if (near)
		return fail(error, "there is no option %.100s; did you mean --%s?", name, near);
	return fail(error, "there is no option %.100s; gradd --help lists them", name);
}

static const struct option *find(const char *name, size_t n)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (strlen(options[i].name) == n && memcmp(options[i].name, name, n) == 0)
			return &options[i];
	return NULL;
}

static bool load_arguments(struct gd_config *config, int argc, char **argv,
                           char error[GD_CONFIG_ERROR])
{
	bool only_words = false;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		if (!only_words && strcmp(arg, "--") == 0) {
			only_words = true;
			continue;
		}
		if (only_words || arg[0] != '-' || arg[1] == '\0') {
			if (config->word_count == GD_CONFIG_WORDS)
				return fail(error, "\"%.100s\" is one argument too many", arg);
			config->words[config->word_count++] = arg;
			continue;
		}
		size_t n = strcspn(arg, "=");
		char name[ENV_NAME] = ""; /* as the user wrote it, without the value */
		memcpy(name, arg, n < sizeof name ? n : sizeof name - 1);
		const struct option *o = strncmp(arg, "--", 2) == 0 ? find(arg + 2, n - 2) : NULL;
		if (!o)
			return unknown(name, error);
		const char *value = arg[n] ? arg + n + 1 : i + 1 < argc ? argv[++i] : NULL;
		if (!value)
			return fail(error, "%s needs a value", name);
		if (!set(config, o, name, value, error))
			return false;
	}
	return true;
}

enum gd_config_result gd_config_load(struct gd_config *config, int argc, char **argv,
                                     char error[GD_CONFIG_ERROR])
{
	config->word_count = 0;
	/* Help must not depend on what else is wrong. */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return GD_CONFIG_HELP;
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
			return GD_CONFIG_VERSION;
	}
	return load_environment(config, error) && load_arguments(config, argc, argv, error)
	               ? GD_CONFIG_OK
	               : GD_CONFIG_BAD;
}

void gd_config_help(FILE *out)
{
	static const char *const value_names[] = {"TEXT", "N", "SECONDS", "LEVEL", "BYTES"};
	fputs("gradd: send tensors and layers over HTTP, get the loss and its gradients.\n"
	      "\n"
	      "  gradd [OPTIONS]              serve\n"
	      "  gradd call PATH [FILE]       answer one request from FILE or standard input, "
	      "without\n"
	      "                               a socket: gradd call /grad request.json\n"
	      "  gradd probe                  exit 0 when a server answers at --host and --port\n"
	      "  gradd --help | --version\n"
	      "\n"
	      "Each option can also be set in the environment: GRADD_PORT=9000 is --port 9000. "
	      "The\n"
	      "command line wins. Sizes in bytes take K, M and G.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &options[i];
		char left[64], number[32];
		snprintf(left, sizeof left, "--%s %s", o->name, value_names[o->type]);
		if (!o->text && o->type == BYTES)
			size_text(o->number, number);
		else
			snprintf(number, sizeof number, "%zu", o->number);
		fprintf(out, "  %-24s %s [%s]\n", left, o->help, o->text ? o->text : number);
	}
}

void gd_config_resolve(struct gd_config *config)
{
	size_t cores = gd_cores();
	if (config->threads == 0)
		config->threads = cores;
	if (config->workers == 0)
		config->workers = cores;
	/* OpenBLAS has a variable of its own for this. */
	if (config->blas_threads == 0 && !getenv("OPENBLAS_NUM_THREADS"))
		config->blas_threads = cores;
}
