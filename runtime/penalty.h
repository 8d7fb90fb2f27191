/* penalty.h - logits made smaller for tokens that were there already, or would repeat
 * what was.
 *
 *     repetition   Keskar et al. 2019, section 4.1, as Hugging Face's
 *                  RepetitionPenaltyLogitsProcessor computes it in float: of each
 *                  token of the prompt or made since, once,
 *                  logit < 0 ? logit * r : logit / r
 *     no_repeat    a run of so many tokens, prompt included, does not come again: the
 *                  token that would end it has no share (NoRepeatNGramLogitsProcessor)
 *     presence,    OpenAI's API, also vLLM's: of each token made since the prompt
 *     frequency    c > 0 times, logit - presence - c * frequency
 *
 * in this order. */
#ifndef TFM_RUNTIME_PENALTY_H
#define TFM_RUNTIME_PENALTY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct penalty_options {
  double repetition;          /* 0 or 1 = off; > 0 */
  double presence, frequency; /* 0 = off */
  uint32_t no_repeat;         /* 0 = off */
};

struct penalty {
  struct penalty_options options;
  float *logits;  /* vocabulary of them, owned, as the two below */
  bool *seen;     /* in the prompt or made */
  uint32_t *made; /* how many times */
  size_t vocabulary, counted;
};

/* Checks the options (TFM_ERROR_USAGE). */
int penalty_init(struct penalty *penalty, const struct penalty_options *options,
                 struct tfm_error *err);
void penalty_finish(struct penalty *penalty);

/* The logits for the token after ids, which only grow from call to call; the first
 * `prompt` of them were given.  *out is logits itself without a penalty, else the
 * penalty's own until the next call. */
int penalty_apply(struct penalty *penalty, const int32_t *ids, size_t count, size_t prompt,
                  const float *logits, size_t vocabulary, const float **out, struct tfm_error *err);

#endif
