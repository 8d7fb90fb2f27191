/* pattern_search.h - one search for a regular expression, at a bounded cost.
 *
 * PCRE2 counts backtracks, not characters: `a(?=.*b)` on a text of a's looks at all
 * that follows from each place, n * n characters, without one backtrack too many.  So
 * a search is shown the text through a window and told that more may follow; where
 * the answer depends on what follows, the place is tried again, alone, with windows
 * that grow.  What those look at is counted, and a text may cost so much for its
 * length.  Answers are those for the text as a whole. */
#ifndef TFM_TOKENIZER_PATTERN_SEARCH_H
#define TFM_TOKENIZER_PATTERN_SEARCH_H

#include "tokenizer/pattern.h"

#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct pattern {
  const char *place; /* owned, as is source */
  char *source;
  size_t length;
  pcre2_code *plain, *exact; /* NULL: a literal */
  int last;                  /* a byte that every match has, -1: none known */
  bool blanks;               /* \s+ or \s* and then something, see step_over */
  bool lines;                /* has a ^ that asks for the beginning of a line */
};

/* Find out `last`, `blanks` and `lines`, once it is compiled. */
void pattern_study(struct pattern *pattern);

struct search_text {
  const char *text; /* valid UTF-8 */
  size_t length;
};

/* How pcre2_code must be compiled for it. */
enum { PATTERN_COMPILE = PCRE2_USE_OFFSET_LIMIT };
#define PATTERN_JIT ((uint32_t)(PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD))

int matcher_create(struct matcher **out, struct tfm_error *err);
/* Allow for a text, or a piece of one, of so many bytes. */
void matcher_allow(struct matcher *matcher, size_t length);
/* The first match from `at` on: 1 and *begin, *end set; 0 none; -1 an error. */
int matcher_search(struct matcher *matcher, const struct pattern *pattern, const pcre2_code *code,
                   struct search_text text, size_t at, size_t *begin, size_t *end,
                   struct tfm_error *err);

#endif
