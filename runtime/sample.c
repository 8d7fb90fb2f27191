/* sample.c - order the candidates, cut the tail off, draw one.
 *
 * The generator is xoshiro256** (Blackman and Vigna 2018), its state made
 * from seed and row by splitmix64. */
#include "runtime/sample.h"

#include "base/checked.h"
#include "runtime/random.h"

#include <math.h>
#include <stdlib.h>

static uint64_t rotate(uint64_t x, unsigned by) {
  return (x << by) | (x >> (64 - by));
}

static uint64_t next(uint64_t s[4]) {
  uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate(s[3], 45);
  return result;
}

/* Uniform in [0, 1), 53 bits. */
static double uniform(uint64_t s[4]) {
  return (double)(next(s) >> 11) * 0x1p-53;
}

int sample_check(const struct sample_options *options, struct tfm_error *err) {
  if (!(options->temperature >= 0) || !isfinite(options->temperature))
    return error_set(err, TFM_ERROR_USAGE, "the temperature must be a number from 0 on");
  if (options->top_k < 0)
    return error_set(err, TFM_ERROR_USAGE, "top-k must be 0 (off) or more");
  if (!(options->top_p >= 0 && options->top_p <= 1))
    return error_set(err, TFM_ERROR_USAGE, "top-p must be between 0 and 1");
  if (!(options->min_p >= 0 && options->min_p <= 1))
    return error_set(err, TFM_ERROR_USAGE, "min-p must be between 0 and 1");
  return 0;
}

int sampler_init(struct sampler *sampler, const struct sample_options *options, uint64_t row,
                 struct tfm_error *err) {
  *sampler = (struct sampler){.options = *options};
  if (sample_check(options, err) != 0)
    return -1;
  uint64_t state = options->seed, mix = row;
  state ^= random_splitmix(&mix);
  for (unsigned i = 0; i < 4; i++)
    sampler->state[i] = random_splitmix(&state);
  return 0;
}

void sampler_finish(struct sampler *sampler) {
  free(sampler->work);
  *sampler = (struct sampler){0};
}

int32_t sample_greedy(const float *logits, size_t count) {
  size_t best = SIZE_MAX;
  for (size_t i = 0; i < count; i++) {
    if (isnan(logits[i]))
      return -1;
    if (best == SIZE_MAX ? logits[i] > -INFINITY : logits[i] > logits[best])
      best = i;
  }
  return best <= INT32_MAX ? (int32_t)best : -1;
}

static int no_logits(struct tfm_error *err) {
  error_set(err, TFM_ERROR_RUN, "the model's logits are not numbers");
  error_note(err, "help: the checkpoint may be damaged, or not be meant for this model file");
  return -1;
}

int sample_likeliest(const float *logits, size_t count, int32_t *id, struct tfm_error *err) {
  *id = sample_greedy(logits, count);
  return *id < 0 ? no_logits(err) : 0;
}

/* By logit downwards, equals by id. */
static int by_logit(const void *a, const void *b) {
  const struct sample_candidate *x = a, *y = b;
  if (x->logit != y->logit)
    return x->logit > y->logit ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

static bool before(const struct sample_candidate *a, const struct sample_candidate *b) {
  return by_logit(a, b) < 0;
}

/* Let entry i of a heap whose root is the last in order sink to its place. */
static void sink(struct sample_candidate *heap, size_t count, size_t i) {
  for (;;) {
    size_t worst = i, left = 2 * i + 1, right = left + 1;
    if (left < count && before(&heap[worst], &heap[left]))
      worst = left;
    if (right < count && before(&heap[worst], &heap[right]))
      worst = right;
    if (worst == i)
      return;
    struct sample_candidate swap = heap[i];
    heap[i] = heap[worst];
    heap[worst] = swap;
    i = worst;
  }
}

/* The k best to the front, in order; returns how many, ties with the k-th
 * included.  A heap of k: a vocabulary of 10^5 is not sorted for a k of 40. */
static size_t keep_best(struct sample_candidate *work, size_t count, size_t k) {
  for (size_t i = k / 2; i-- > 0;)
    sink(work, k, i);
  for (size_t i = k; i < count; i++)
    if (before(&work[i], &work[0])) {
      struct sample_candidate swap = work[0];
      work[0] = work[i];
      work[i] = swap;
      sink(work, k, 0);
    }
  float least = work[0].logit;
  qsort(work, k, sizeof *work, by_logit);
  size_t kept = k;
  for (size_t i = k; i < count; i++)
    if (work[i].logit == least) {
      struct sample_candidate swap = work[kept];
      work[kept++] = work[i];
      work[i] = swap;
    }
  qsort(work + k, kept - k, sizeof *work, by_logit);
  return kept;
}

/* weight = exp(logit - highest); their sum. */
static double weigh(struct sample_candidate *work, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    work[i].weight = exp((double)work[i].logit - (double)work[0].logit);
    sum += work[i].weight;
  }
  return sum;
}

static size_t cut_top_p(const struct sample_candidate *work, size_t count, double sum, double p) {
  double reached = 0;
  for (size_t i = 0; i < count; i++) {
    reached += work[i].weight;
    if (reached >= p * sum)
      return i + 1;
  }
  return count;
}

static size_t cut_min_p(const struct sample_candidate *work, size_t count, double p) {
  size_t kept = 1; /* weights are relative to the highest probability already */
  while (kept < count && work[kept].weight >= p)
    kept++;
  return kept;
}

static int32_t draw(struct sampler *sampler, size_t count) {
  const struct sample_candidate *work = sampler->work;
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += work[i].weight;
  double at = uniform(sampler->state) * sum;
  for (size_t i = 0; i + 1 < count; i++) {
    at -= work[i].weight;
    if (at < 0)
      return work[i].id;
  }
  return work[count - 1].id;
}

static int reserve(struct sampler *sampler, size_t count, struct tfm_error *err) {
  size_t bytes;
  if (count <= sampler->capacity)
    return 0;
  if (count > INT32_MAX || !checked_mul(count, sizeof *sampler->work, &bytes))
    return error_set(err, TFM_ERROR_LIMIT, "a vocabulary of %zu is too large", count);
  struct sample_candidate *grown = realloc(sampler->work, bytes);
  if (!grown)
    return error_oom(err);
  sampler->work = grown;
  sampler->capacity = count;
  return 0;
}

/* The divided logit is kept as float, as the reference does. */
static int load(struct sampler *sampler, const float *logits, size_t count, size_t *live,
                struct tfm_error *err) {
  double scale = 1 / sampler->options.temperature;
  *live = 0;
  for (size_t i = 0; i < count; i++) {
    if (isnan(logits[i]) || logits[i] == INFINITY)
      return no_logits(err);
    double scaled = (double)logits[i] * scale;
    if (logits[i] == -INFINITY)
      continue;
    scaled = scaled > 3.0e38 ? 3.0e38 : scaled < -3.0e38 ? -3.0e38 : scaled;
    sampler->work[(*live)++] = (struct sample_candidate){(float)scaled, (int32_t)i, 0};
  }
  return *live ? 0 : no_logits(err);
}

/* Below it quotients leave the floats' range, and all but the best have no share. */
static const double COLDEST = 1e-30;

int sampler_filter(struct sampler *sampler, const float *logits, size_t count, size_t *kept,
                   struct tfm_error *err) {
  const struct sample_options *options = &sampler->options;
  size_t live;
  if (reserve(sampler, count, err) != 0 || load(sampler, logits, count, &live, err) != 0)
    return -1;
  if (options->top_k > 0 && (size_t)options->top_k < live)
    live = keep_best(sampler->work, live, (size_t)options->top_k);
  else
    qsort(sampler->work, live, sizeof *sampler->work, by_logit);
  double sum = weigh(sampler->work, live);
  if (options->top_p > 0 && options->top_p < 1)
    live = cut_top_p(sampler->work, live, sum, options->top_p);
  if (options->min_p > 0)
    live = cut_min_p(sampler->work, live, options->min_p);
  *kept = live;
  return 0;
}

int sampler_pick(struct sampler *sampler, const float *logits, size_t count, int32_t *id,
                 struct tfm_error *err) {
  size_t kept;
  *id = -1;
  if (sampler->options.temperature < COLDEST)
    return sample_likeliest(logits, count, id, err);
  if (sampler_filter(sampler, logits, count, &kept, err) != 0)
    return -1;
  *id = draw(sampler, kept);
  return 0;
}

int sample_softmax(const float *logits, size_t count, float *probability, struct tfm_error *err) {
  int32_t best = sample_greedy(logits, count);
  if (best < 0 || logits[best] == INFINITY)
    return no_logits(err);
  double highest = (double)logits[best], sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += exp((double)logits[i] - highest);
  for (size_t i = 0; i < count; i++)
    probability[i] = (float)(exp((double)logits[i] - highest) / sum);
  return 0;
}
