/* pull.h - strings of any length, and values that nobody wants, from JSON that is
 * read with base/json_pull.h. */
#ifndef TFM_BASE_PULL_H
#define TFM_BASE_PULL_H

#include "base/json_pull.h"

#include <stdbool.h>
#include <stddef.h>

/* Zeroed at first.  text is the string last read, NUL-terminated; owned. */
struct pull_text {
  char *text;
  size_t size; /* of the memory */
  size_t length;
};

/* The next string; a key with its colon. */
int pull_string(struct json_pull *pull, struct pull_text *out, bool key);
/* The string last read is a key that was there before: -1. */
int pull_duplicate(struct json_pull *pull, const struct pull_text *key);
/* One value of any kind, checked for being JSON, in at most depth brackets more.
 * Keys that are there twice are not seen. */
int pull_skip(struct json_pull *pull, struct pull_text *room, unsigned depth);
void pull_text_finish(struct pull_text *text);

#endif
