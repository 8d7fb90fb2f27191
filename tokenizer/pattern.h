/* pattern.h - find a literal or a regular expression in a piece of text.
 *
 * The files mean Oniguruma's Ruby syntax; PCRE2 runs it.  translate.c rewrites
 * what the two spell or know differently and refuses what it cannot. */
#ifndef TFM_TOKENIZER_PATTERN_H
#define TFM_TOKENIZER_PATTERN_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* A longest pattern's bytes. */
enum { PATTERN_SOURCE_LIMIT = 16 * 1024 };

struct pattern;
struct matcher; /* what one thread needs to match; made at the first regular expression */

/* place names the pattern in messages ("tokenizer.json: pre_tokenizer.pattern"). */
int pattern_create(const char *place, const char *source, size_t length, bool regex,
                   struct pattern **out, struct tfm_error *err);
void pattern_destroy(struct pattern *pattern);

void matcher_destroy(struct matcher *matcher);
/* What it may cost is counted from here on: a new text begins.  May be NULL. */
void matcher_reset(struct matcher *matcher);

/* A walk over the matches in [0, length) of text, in order, none overlapping.
 * An empty match that touches the one before it is not reported. */
struct pattern_walk {
  const struct pattern *pattern;
  struct matcher **matcher; /* made on demand, kept by the caller */
  const char *text;         /* valid UTF-8 */
  size_t length;
  bool young; /* see unicode_is_young */
  size_t at, last;
  bool matched, allowed;
  size_t begin, end; /* the match found */
};
void pattern_walk(struct pattern_walk *walk, const struct pattern *pattern,
                  struct matcher **matcher, const char *text, size_t length, bool young);
/* 1 found, 0 no more, -1 error. */
int pattern_next(struct pattern_walk *walk, struct tfm_error *err);

/* Write PCRE2's spelling of an Oniguruma pattern.  exact: with the code points
 * younger than PCRE2's tables. */
int pattern_translate(const char *place, const char *source, size_t length, bool exact,
                      struct buffer *out, struct tfm_error *err);

#endif
