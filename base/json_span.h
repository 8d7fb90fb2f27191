/* json_span.h - where values are in JSON text, without reading them.
 *
 * For large files whose bulk is read by a reader of its own (json_pull.h) and
 * the rest as a tree.  Nothing is checked here: what is found is a span whose
 * brackets balance outside strings, and both readers refuse what is not JSON. */
#ifndef TFM_BASE_JSON_SPAN_H
#define TFM_BASE_JSON_SPAN_H

#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

struct json_span {
  size_t begin, end; /* bytes of the text; begin == end: none */
  size_t strings;    /* in it, keys too */
};

/* The end of the array or object that begins at text[at]; 0 if it has none. */
size_t json_span_end(const char *text, size_t size, size_t at);

/* In the object that is the member `object` of the whole text's object, find the
 * first of each of the members in names (ends with NULL) that is an array or an
 * object.  Text that is not as it should be has no spans. */
void json_span_find(const char *text, size_t size, const char *object, const char *const *names,
                    struct json_span *spans);

/* json_parse of the text with null in the place of each span.  Spans do not
 * meet; errors tell lines and columns of the whole text. */
int json_parse_without(const char *name, const char *text, size_t size, unsigned max_depth,
                       const struct json_span *spans, size_t count, enum tfm_error_code code,
                       json_t **out, struct tfm_error *err);

#endif
