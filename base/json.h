/* json.h - JSON files that strangers wrote, as jansson's values.
 *
 * Refused with file, line and column: duplicate keys, \u0000 in strings, integers
 * over int64, depth over the limit, invalid UTF-8, trailing text. */
#ifndef TFM_BASE_JSON_H
#define TFM_BASE_JSON_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Parse text: an array or an object.  name is for messages.  The caller owns one
 * reference to *out. */
int json_parse(const char *name, const char *text, size_t size, unsigned max_depth,
               enum tfm_error_code code, json_t **out, struct tfm_error *err);

/* The line, and the column in code points, of the last of text[0..at), both from
 * 1. */
void json_place(const char *text, size_t at, unsigned *line, unsigned *column);

/* Read and parse a file. */
int json_read(const char *path, size_t limit, unsigned max_depth, enum tfm_error_code code,
              json_t **out, struct tfm_error *err);

/* Append text as a JSON string, quotes included, to a buffer; invalid UTF-8
 * becomes U+FFFD. */
struct buffer;
void json_quote(struct buffer *buffer, const char *text, size_t length);

/* The 1-based line of the value of a top-level key in JSON text, 0 if not
 * found: for messages such as "config.json:14". */
unsigned json_key_line(const char *text, size_t size, const char *key);

#endif
