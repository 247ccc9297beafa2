/* /openapi.json in two halves: openapi.c has the paths, openapi_schema.c what goes over the wire.
 */
#ifndef GD_OPENAPI_H
#define GD_OPENAPI_H

#include "api/endpoint.h"

/* "key": "value", and "key": {, which the caller ends. */
void gd_member(struct gd_doc *d, const char *key, const char *value);
void gd_open_member(struct gd_doc *d, const char *key);

/* {"$ref": "#/components/schemas/NAME"} */
void gd_write_schema_ref(struct gd_doc *d, const char *name);

/* The schema of a request: the fields that all have, and its own. */
void gd_write_request_schema(struct gd_doc *d, const struct gd_field *own);

/* components.schemas: an object. */
void gd_write_schemas(struct gd_doc *d);

#endif
