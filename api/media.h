/* What Content-Type and Accept say. */
#ifndef GD_MEDIA_H
#define GD_MEDIA_H

#include <stdbool.h>

/* A body of this Content-Type (NULL: none given) is read as JSON: application/json, none, and what
 * `curl -d` sends. Parameters do not matter. */
bool gd_media_reads_json(const char *content_type);

/* An Accept header (NULL: none given) that takes this type, whose parameters do not matter (RFC
 * 9110, section 12.5.1). Who asks for application/problem+json only is given any type. */
bool gd_media_takes(const char *accept, const char *type);

#endif
