/* beam.c - beam search: the likeliest texts that `beams` hypotheses, kept side by side, lead to.
 *
 * It is that of Hugging Face's generate (transformers 5, _beam_search), of one text:
 *
 *     step     the (stops + 1) * beams likeliest of all hypotheses' successors, at least
 *              2 * beams, by the sum of log probabilities after penalties and rules
 *       of the first `beams` of them, those that end with a stop, or at the limit, are done:
 *              score = sum / length ^ length_penalty, the stop counted; the best `beams` stay
 *       of those that do not end the best `beams` go on
 *
 * It ends at the limit, and once `beams` are done and
 *     early_stopping       at once
 *     else                 when the best that goes on, scored as if it ended now, is no better
 *                          than the worst that is done
 *     "never"              the same, with the length that favours it most: the limit, where a
 *                          positive length_penalty favours length
 *
 * Sums are floats, as there: scores are added in the same order. */
#include "lib/decode/decode.h"

#include "base/checked.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BEAMS_MAX = 1024 };

/* A successor, in the order of its score; of equals the earlier hypothesis, the lower id. */
struct candidate {
  float sum;
  uint32_t parent;
  int32_t token;
};

/* A text that is done. */
struct done {
  int32_t *ids; /* new tokens, without the stop; owned */
  size_t count;
  float score;
  bool stopped;
};

struct beam {
  uint32_t beams, keep; /* keep: candidates of a step */
  double length_penalty;
  uint32_t early;
  const int32_t *stop;
  size_t stop_count;
  int64_t limit;
  float *sum, *next_sum; /* [beams]: of the hypotheses */
  struct candidate *candidate;
  uint32_t candidates;
  struct done *done; /* [beams]; best first */
  uint32_t done_count;
  struct decode_answer *answer; /* [beams] */
};

static bool serves(const tfm_run_options *options) {
  return options->beams > 1;
}

static uint32_t width(const tfm_run_options *options) {
  return options->beams > BEAMS_MAX ? BEAMS_MAX : options->beams;
}

/* ------------------------------------------------------------ beginning, end */

static int check(const tfm_run_options *o, struct tfm_error *err) {
  if (o->beams > BEAMS_MAX)
    return error_set(err, TFM_ERROR_USAGE, "%u beams are more than the %d that are possible",
                     o->beams, BEAMS_MAX);
  if (o->temperature != 0)
    return error_set(err, TFM_ERROR_USAGE, "beams are not drawn: they need the temperature 0");
  if (o->logprobs)
    return error_set(err, TFM_ERROR_USAGE, "of beams there are scores, and no log probabilities");
  if (o->n_best > o->beams)
    return error_set(err, TFM_ERROR_USAGE, "%u beams have no %u best answers", o->beams, o->n_best);
  if (o->early_stopping > TFM_EARLY_NEVER)
    return error_set(err, TFM_ERROR_USAGE, "tfm_run_options.early_stopping is %u, which is none",
                     o->early_stopping);
  if (o->length_penalty && !isfinite(*o->length_penalty))
    return error_set(err, TFM_ERROR_USAGE, "the length penalty must be a finite number");
  return 0;
}

static void destroy(void *state) {
  struct beam *b = state;
  for (uint32_t i = 0; b && b->done && i < b->done_count; i++)
    free(b->done[i].ids);
  if (b) {
    free(b->sum);
    free(b->next_sum);
    free(b->candidate);
    free(b->done);
    free(b->answer);
  }
  free(b);
}

static int create(const struct decode_options *options, void **state, struct tfm_error *err) {
  const tfm_run_options *o = options->run;
  size_t keep;
  *state = NULL;
  if (check(o, err) != 0 || sample_check(&options->sample, err) != 0)
    return -1;
  if (!checked_mul(options->stop_count < 1 ? 2 : options->stop_count + 1, o->beams, &keep) ||
      keep > UINT32_MAX / 2)
    return error_set(err, TFM_ERROR_LIMIT, "%zu stop tokens are too many", options->stop_count);
  struct beam *b = calloc(1, sizeof *b);
  if (!b)
    return error_oom(err);
  *state = b;
  b->beams = o->beams;
  b->keep = (uint32_t)keep;
  b->length_penalty = o->length_penalty ? *o->length_penalty : 1;
  b->early = o->early_stopping;
  b->stop = options->stop;
  b->stop_count = options->stop_count;
  b->limit = options->limit;
  b->sum = calloc(b->beams, sizeof *b->sum);
  b->next_sum = calloc(b->beams, sizeof *b->next_sum);
  b->candidate = calloc(keep, sizeof *b->candidate);
  b->done = calloc(b->beams, sizeof *b->done);
  b->answer = calloc(b->beams, sizeof *b->answer);
  return b->sum && b->next_sum && b->candidate && b->done && b->answer ? 0 : error_oom(err);
}

/* ---------------------------------------------------------------- candidates */

/* Behind those that are as likely: they came first. */
static void offer(struct beam *b, struct candidate one) {
  if (b->candidates == b->keep && !(one.sum > b->candidate[b->keep - 1].sum))
    return;
  uint32_t at = b->candidates < b->keep ? b->candidates++ : b->keep - 1;
  for (; at > 0 && one.sum > b->candidate[at - 1].sum; at--)
    b->candidate[at] = b->candidate[at - 1];
  b->candidate[at] = one;
}

static int find_candidates(struct beam *b, const struct decode_step *step, struct tfm_error *err) {
  b->candidates = 0;
  for (uint32_t h = 0; h < step->count; h++) {
    const float *p = step->hypothesis[h].logits;
    for (size_t i = 0; i < step->vocabulary; i++)
      if (p[i] != -INFINITY)
        offer(b, (struct candidate){p[i] + b->sum[h], h, (int32_t)i});
  }
  return b->candidates ? 0
                       : error_set(err, TFM_ERROR_RUN, "no token may follow: each is forbidden");
}

static bool is_stop(const struct beam *b, int32_t token) {
  for (size_t i = 0; i < b->stop_count; i++)
    if (b->stop[i] == token)
      return true;
  return false;
}

static float scored(const struct beam *b, float sum, int64_t length) {
  return sum / (float)pow((double)length, b->length_penalty);
}

/* ----------------------------------------------------------- those that are done */

/* Keep it if it is among the best; of equals the earlier one stays before it. */
static int add_done(struct beam *b, const struct decode_hypothesis *from,
                    const struct candidate *one, bool stopped, struct tfm_error *err) {
  size_t old = from->count - from->prompt, count = old + !stopped;
  struct done made = {
      .count = count, .score = scored(b, one->sum, (int64_t)old + 1), .stopped = stopped};
  if (b->done_count == b->beams && !(made.score > b->done[b->beams - 1].score))
    return 0;
  made.ids = malloc((count + 1) * sizeof *made.ids);
  if (!made.ids)
    return error_oom(err);
  if (old)
    memcpy(made.ids, from->ids + from->prompt, old * sizeof *made.ids);
  if (!stopped)
    made.ids[old] = one->token;
  if (b->done_count == b->beams)
    free(b->done[b->beams - 1].ids);
  uint32_t at = b->done_count < b->beams ? b->done_count++ : b->beams - 1;
  for (; at > 0 && made.score > b->done[at - 1].score; at--)
    b->done[at] = b->done[at - 1];
  b->done[at] = made;
  return 0;
}

/* Could one that goes on, the best of which has this sum, still be among the best?  length:
 * of its new tokens. */
static bool may_improve(const struct beam *b, float best, int64_t length) {
  if (b->done_count < b->beams)
    return true;
  if (b->early == TFM_EARLY_STOP)
    return false;
  if (b->early == TFM_EARLY_NEVER && b->length_penalty > 0)
    length = b->limit;
  return scored(b, best, length) > b->done[b->beams - 1].score;
}

/* -------------------------------------------------------------------- a step */

static int choose(void *state, const struct decode_step *step, struct decode_choice *choice,
                  uint32_t *count, struct tfm_error *err) {
  struct beam *b = state;
  int64_t length = (int64_t)(step->hypothesis[0].count - step->hypothesis[0].prompt) + 1;
  bool last = length >= b->limit;
  *count = 0;
  if (find_candidates(b, step, err) != 0)
    return -1;
  for (uint32_t i = 0; i < b->candidates; i++) {
    const struct candidate *one = &b->candidate[i];
    bool stopped = is_stop(b, one->token);
    if (!stopped && !last) {
      if (*count < b->beams) {
        b->next_sum[*count] = one->sum;
        choice[(*count)++] = (struct decode_choice){one->parent, one->token};
      }
    } else if (i < b->beams &&
               add_done(b, &step->hypothesis[one->parent], one, stopped, err) != 0) {
      return -1;
    }
  }
  float *before = b->sum;
  b->sum = b->next_sum;
  b->next_sum = before;
  if (*count > 0 && !may_improve(b, b->sum[0], length))
    *count = 0;
  return 0;
}

/* Without any that is done, as when nothing was to be made: the prompt alone. */
static int finish(void *state, const struct decode_step *step, const struct decode_answer **answer,
                  uint32_t *count, struct tfm_error *err) {
  struct beam *b = state;
  (void)step;
  (void)err;
  for (uint32_t i = 0; i < b->done_count; i++)
    b->answer[i] = (struct decode_answer){b->done[i].ids, b->done[i].count, b->done[i].stopped,
                                          (double)b->done[i].score};
  *answer = b->answer;
  *count = b->done_count ? b->done_count : 1;
  return 0;
}

const struct decode_policy decode_beam = {.name = "beam",
                                          .log_probabilities = true,
                                          .serves = serves,
                                          .width = width,
                                          .create = create,
                                          .destroy = destroy,
                                          .choose = choose,
                                          .finish = finish};
