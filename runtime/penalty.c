/* penalty.c - count the tokens so far, and change their logits. */
#include "runtime/penalty.h"

#include "base/checked.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int check(const struct penalty_options *options, struct tfm_error *err) {
  if (!(options->repetition >= 0) || !isfinite(options->repetition))
    return error_set(err, TFM_ERROR_USAGE, "the repetition penalty must be a number above 0");
  if (!isfinite(options->presence))
    return error_set(err, TFM_ERROR_USAGE, "the presence penalty must be a finite number");
  if (!isfinite(options->frequency))
    return error_set(err, TFM_ERROR_USAGE, "the frequency penalty must be a finite number");
  return 0;
}

int penalty_init(struct penalty *penalty, const struct penalty_options *options,
                 struct tfm_error *err) {
  *penalty = (struct penalty){.options = *options};
  if (check(options, err) != 0)
    return -1;
  if (penalty->options.repetition == 0)
    penalty->options.repetition = 1;
  return 0;
}

void penalty_finish(struct penalty *penalty) {
  free(penalty->logits);
  free(penalty->seen);
  free(penalty->made);
  *penalty = (struct penalty){0};
}

static bool is_off(const struct penalty *penalty) {
  const struct penalty_options *o = &penalty->options;
  return o->repetition == 1 && o->presence == 0 && o->frequency == 0 && o->no_repeat == 0;
}

static int reserve(struct penalty *penalty, size_t vocabulary, struct tfm_error *err) {
  size_t bytes;
  if (penalty->logits)
    return 0;
  if (!checked_mul(vocabulary, sizeof *penalty->logits, &bytes))
    return error_set(err, TFM_ERROR_LIMIT, "a vocabulary of %zu is too large", vocabulary);
  penalty->logits = malloc(bytes ? bytes : 1);
  penalty->seen = calloc(vocabulary ? vocabulary : 1, sizeof *penalty->seen);
  penalty->made = calloc(vocabulary ? vocabulary : 1, sizeof *penalty->made);
  penalty->vocabulary = vocabulary;
  return penalty->logits && penalty->seen && penalty->made ? 0 : error_oom(err);
}

/* An id without a logit cannot come again: it is passed over. */
static void count_ids(struct penalty *penalty, const int32_t *ids, size_t count, size_t prompt) {
  for (size_t i = penalty->counted; i < count; i++) {
    if (ids[i] < 0 || (size_t)ids[i] >= penalty->vocabulary)
      continue;
    penalty->seen[ids[i]] = true;
    penalty->made[ids[i]] += i >= prompt;
  }
  penalty->counted = count;
}

/* Finite stays finite: what leaves the floats' range stops at its end. */
static float clamp(double x) {
  return x > (double)FLT_MAX ? FLT_MAX : x < -(double)FLT_MAX ? -FLT_MAX : (float)x;
}

static float penalised(const struct penalty *penalty, size_t id, float logit) {
  const struct penalty_options *o = &penalty->options;
  float r = clamp(o->repetition);
  if (!isfinite(logit))
    return logit;
  logit = clamp(logit < 0 ? (double)(logit * r) : (double)(logit / r));
  if (penalty->made[id])
    logit = clamp((double)logit - o->presence - o->frequency * (double)penalty->made[id]);
  return logit;
}

/* The last n - 1 tokens stood before: what followed there may not follow now. */
static void bar_repeats(struct penalty *penalty, const int32_t *ids, size_t count) {
  size_t n = penalty->options.no_repeat;
  for (size_t i = 0; n > 0 && i + n <= count; i++) {
    int32_t next = ids[i + n - 1];
    if (next >= 0 && (size_t)next < penalty->vocabulary &&
        memcmp(ids + i, ids + count - (n - 1), (n - 1) * sizeof *ids) == 0)
      penalty->logits[next] = -INFINITY;
  }
}

int penalty_apply(struct penalty *penalty, const int32_t *ids, size_t count, size_t prompt,
                  const float *logits, size_t vocabulary, const float **out,
                  struct tfm_error *err) {
  *out = logits;
  if (is_off(penalty))
    return 0;
  if (reserve(penalty, vocabulary, err) != 0)
    return -1;
  count_ids(penalty, ids, count, prompt);
  memcpy(penalty->logits, logits, vocabulary * sizeof *logits);
  for (size_t id = 0; id < vocabulary; id++)
    if (penalty->seen[id])
      penalty->logits[id] = penalised(penalty, id, logits[id]);
  bar_repeats(penalty, ids, count);
  *out = penalty->logits;
  return 0;
}
