/* json_pull.h - read large arrays and objects of JSON value by value, as strictly
 * as json_parse, without building a tree.
 *
 *     if (json_pull_open(&pull, '{') != 0) return -1;
 *     while ((more = json_pull_more(&pull, '}')) > 0)
 *       if (json_pull_key(&pull, room, &length) != 0 || json_pull_integer(...) != 0)
 *         return -1;
 *     return more;
 *
 * Each function returns -1 and sets the error "name:line:column: ..." where the
 * text is not what was asked for. */
#ifndef TFM_BASE_JSON_PULL_H
#define TFM_BASE_JSON_PULL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string is copied in blocks: room for one is its bytes in the text and these. */
enum { JSON_PULL_SLACK = 32 };

struct json_pull {
  const char *name; /* for messages */
  const char *text; /* the whole text */
  size_t at, end;   /* what is read: text[at..end) */
  enum tfm_error_code code;
  struct tfm_error *err;
  bool first; /* nothing of the innermost array or object was read yet */
  bool utf8;  /* the caller knows that the whole text is UTF-8: strings need no check */
};

/* The slow ways of the two below. */
char json_pull_after_space(struct json_pull *pull);
int json_pull_more_or_end(struct json_pull *pull, char bracket);

/* The next byte that is not white space, '\0' at the end; it is not read. */
static inline char json_pull_peek(struct json_pull *pull) {
  char next = pull->at < pull->end ? pull->text[pull->at] : '\0';
  return (unsigned char)next > ' ' ? next : json_pull_after_space(pull);
}
/* Read the bracket. */
int json_pull_open(struct json_pull *pull, char bracket);
/* Before each member: 1 = there is one, and its comma was read; 0 = the closing
 * bracket was; -1 = neither. */
static inline int json_pull_more(struct json_pull *pull, char bracket) {
  if (pull->first || json_pull_peek(pull) != ',')
    return json_pull_more_or_end(pull, bracket);
  pull->at++;
  return 1;
}
/* Copy a string, its escapes resolved, NUL-terminated.  It has no NUL itself. */
int json_pull_string(struct json_pull *pull, char *room, size_t *length);
/* The same, but a short string without escapes stays where it is in the text, and
 * room is not used.  It is not NUL-terminated then. */
int json_pull_view(struct json_pull *pull, char *room, const char **out, size_t *length);
/* As json_pull_string, and the colon after it. */
int json_pull_key(struct json_pull *pull, char *room, size_t *length);
/* An integer of an int64. */
int json_pull_integer(struct json_pull *pull, int64_t *out);
/* A number as Rust's serde_json reads it: the digits as one integer, rounded to
 * double, then multiplied or divided by a power of ten and rounded again.  That
 * is not always the nearest double. */
int json_pull_number(struct json_pull *pull, double *out);
/* Nothing but white space is left. */
int json_pull_end(struct json_pull *pull);
/* Set the error with the place after text[at - 1], and return -1. */
int json_pull_error(const struct json_pull *pull, size_t at, const char *format, ...)
    TFM_PRINTF(3, 4);

#endif
