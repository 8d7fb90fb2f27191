/* sample.h - from logits to a token.
 *
 * Greedy without a temperature: the highest logit, the lowest id of equals.
 * Else in this order, that of Hugging Face's generate:
 *     temperature   logits / temperature
 *     top_k         the k highest; ties with the last one stay
 *     top_p         the fewest whose probabilities reach p, at least one
 *     min_p         those of at least min_p times the highest probability
 * and one is drawn from what is left, by a generator that depends on the seed
 * alone.  Candidates are ordered by logit, equals by lower id. */
#ifndef TFM_RUNTIME_SAMPLE_H
#define TFM_RUNTIME_SAMPLE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sample_options {
  double temperature;  /* 0 = greedy; finite, >= 0 */
  int32_t top_k;       /* 0 = off */
  double top_p, min_p; /* 0 = off; 1 = off for top_p */
  uint64_t seed;
};

struct sampler {
  struct sample_options options;
  uint64_t state[4];             /* xoshiro256** */
  struct sample_candidate *work; /* vocabulary of them, owned */
  size_t capacity;
};

struct sample_candidate {
  float logit;
  int32_t id;
  double weight; /* exp(logit - highest), before dividing by the sum */
};

/* The options are possible ones (TFM_ERROR_USAGE). */
int sample_check(const struct sample_options *options, struct tfm_error *err);
/* Checks the options.  A row of a batch has a sampler of its
 * own, seeded with seed and row, so that a row draws the same in any batch. */
int sampler_init(struct sampler *sampler, const struct sample_options *options, uint64_t row,
                 struct tfm_error *err);
void sampler_finish(struct sampler *sampler);

/* What is left to draw from: the first *kept of sampler->work, likeliest first, each in
 * proportion to its weight.  The temperature is above 0; errors as below. */
int sampler_filter(struct sampler *sampler, const float *logits, size_t count, size_t *kept,
                   struct tfm_error *err);

/* Pick from count > 0 logits.  A NaN, or no finite logit at all, is
 * TFM_ERROR_RUN. */
int sampler_pick(struct sampler *sampler, const float *logits, size_t count, int32_t *id,
                 struct tfm_error *err);

/* The highest of them, lowest id of equals; -1 if one is NaN or all are -inf. */
int32_t sample_greedy(const float *logits, size_t count);
/* The same, where -1 is TFM_ERROR_RUN. */
int sample_likeliest(const float *logits, size_t count, int32_t *id, struct tfm_error *err);

/* probability[i] = exp(logit[i] - max) / sum, in double; probability may be logits. */
int sample_softmax(const float *logits, size_t count, float *probability, struct tfm_error *err);

#endif
