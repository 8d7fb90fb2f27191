/* rules.h - which tokens may follow, and which must.
 *
 * In the order of transformers' processors, after the penalties:
 *
 *     bad_words      a run of tokens that never comes (NoBadWordsLogitsProcessor); a stop by itself
 *                    is none
 *     min_length,    no stop before so many tokens in all, or new ones
 *     min_new        (MinLengthLogitsProcessor, MinNewTokensLengthLogitsProcessor)
 *     forced_first   the token after a single one (ForcedBOSTokenLogitsProcessor)
 *     forced_last    that of the last place that the limit leaves (ForcedEOSTokenLogitsProcessor)
 *     suppress       never (SuppressTokensLogitsProcessor)
 *     begin_suppress not as the first new one, or the one after forced_first
 *                    (SuppressTokensAtBeginLogitsProcessor) */
#ifndef TFM_LIB_DECODE_RULES_H
#define TFM_LIB_DECODE_RULES_H

#include "base/error.h"
#include "tfm/tfm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The lists are the caller's. */
struct rules {
  tfm_ids stop, forced_last, suppress, begin_suppress;
  const tfm_ids *bad_word;
  size_t bad_word_count;
  int64_t min_length, min_new;
  int32_t forced_first; /* -1 = none */
  int64_t limit;        /* new tokens, at most */
};

/* Is there one that could change a logit? */
bool rules_exist(const struct rules *rules);

/* Change the logits for the token after ids, of which the first `prompt` were given: what is
 * forbidden becomes -inf, what is forced 0 and all else -inf.  TFM_ERROR_USAGE: a rule names a
 * token that has no logit. */
int rules_apply(const struct rules *rules, const int32_t *ids, size_t count, size_t prompt,
                float *logits, size_t vocabulary, struct tfm_error *err);

#endif
