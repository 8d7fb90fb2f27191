/* json.h - JSON files that strangers wrote, over jansson.
 *
 * Refused with file, line and column: duplicate keys, \u0000 in keys, integers
 * over int64, depth over the limit, invalid UTF-8, trailing text. */
#ifndef TFM_BASE_JSON_H
#define TFM_BASE_JSON_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Parse text.  name is for messages.  max_depth is checked before jansson
 * sees the text.  The caller owns one reference to *out. */
int json_parse(const char *name, const char *text, size_t size, unsigned max_depth,
               enum tfm_error_code code, json_t **out, struct tfm_error *err);

/* What is wrong with a text: the message, and the bytes read when it was seen. */
struct json_fault {
  size_t at;
  char text[JSON_ERROR_TEXT_LENGTH];
  bool memory; /* nothing is: out of memory */
};

/* json_parse for callers that tell the place themselves; NULL = see *fault. */
json_t *json_load_strict(const char *text, size_t size, unsigned max_depth,
                         struct json_fault *fault);
/* The line, and the column in code points, of the last of text[0..at), both from
 * 1, as jansson counts. */
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
