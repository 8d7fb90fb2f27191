/* token_score.h - logarithms of probabilities, for a token that was chosen. */
#ifndef TFM_LIB_TOKEN_SCORE_H
#define TFM_LIB_TOKEN_SCORE_H

#include "lib/result.h"

struct tokenizer;

/* Of id and of the `best` likeliest by count logits as the model gave them; no NaN or
 * +inf among them.  A token without any share is not among the best.  tokenizer may be
 * NULL. */
int token_score(struct tfm_result *result, const struct tokenizer *tokenizer, const float *logits,
                size_t count, int32_t id, size_t best, tfm_token_score *out, struct tfm_error *err);

#endif
