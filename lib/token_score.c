/* token_score.c - what the model itself thought of a token that was chosen. */
#include "lib/token_score.h"

#include "tokenizer/tokenizer.h"

#include <math.h>
#include <string.h>

static const char *spelling(struct tfm_result *result, const struct tokenizer *tokenizer,
                            int32_t id) {
  const char *token = tokenizer ? tokenizer_token(tokenizer, id) : NULL;
  return token ? arena_strdup(&result->arena, token) : "";
}

/* log sum exp, in double; the logits are finite or -inf, one of them finite. */
static double log_total(const float *logits, size_t count) {
  float highest = -INFINITY;
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    highest = logits[i] > highest ? logits[i] : highest;
  for (size_t i = 0; i < count; i++)
    sum += exp((double)logits[i] - (double)highest);
  return (double)highest + log(sum);
}

int token_score(struct tfm_result *result, const struct tokenizer *tokenizer, const float *logits,
                size_t count, int32_t id, size_t best, tfm_token_score *out,
                struct tfm_error *err) {
  double total = log_total(logits, count);
  tfm_choice *choice = result_best(result, logits, count, best);
  *out = (tfm_token_score){.id = id, .log_probability = (double)logits[id] - total};
  out->text = spelling(result, tokenizer, id);
  out->best = choice;
  if (!choice || !out->text)
    return error_oom(err);
  for (size_t i = 0; i < best && i < count && isfinite(choice[i].score); i++) {
    choice[i].score -= total;
    choice[i].text = spelling(result, tokenizer, choice[i].id);
    if (!choice[i].text)
      return error_oom(err);
    choice[i].text_length = strlen(choice[i].text);
    out->best_count++;
  }
  return 0;
}
