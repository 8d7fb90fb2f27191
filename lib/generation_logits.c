/* generation_logits.c - what a policy sees of a step: the logits, or the log probabilities, after
 * penalties and rules. */
#include "base/checked.h"
#include "lib/generation_private.h"
#include "lib/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int check_logits(const struct generation *g, const float *logits, size_t vocabulary,
                        struct tfm_error *err) {
  for (size_t i = 0; i < vocabulary; i++)
    if (isnan(logits[i]) || logits[i] == INFINITY) /* -inf: never this token */
      return task_bad_value(GRAPH_TASK_GENERATE, g->name, "logits", (double)logits[i], err);
  return 0;
}

/* Log probabilities; the sums are double, so that their order does not show. */
static void log_softmax(float *logits, size_t count) {
  double most = -INFINITY, sum = 0;
  for (size_t i = 0; i < count; i++)
    most = logits[i] > most ? logits[i] : most;
  if (most == -INFINITY)
    return;
  for (size_t i = 0; i < count; i++)
    sum += exp(logits[i] - most);
  for (size_t i = 0; i < count; i++)
    logits[i] = (float)(logits[i] - most - log(sum));
}

/* What the policy sees of a hypothesis in place of the model's logits. */
static int show_hypothesis(struct generation *g, uint32_t h, const float *logits, size_t vocabulary,
                           struct tfm_error *err) {
  struct hypothesis *own = &g->hypothesis[h];
  float *work = g->work ? g->work + h * vocabulary : NULL;
  const float *out;
  if (check_logits(g, logits, vocabulary, err) != 0)
    return -1;
  if (g->policy->log_probabilities) {
    memcpy(work, logits, vocabulary * sizeof *work);
    log_softmax(work, vocabulary);
    logits = work;
  }
  if (penalty_apply(&own->penalty, own->ids, own->count, g->prompt, logits, vocabulary, &out,
                    err) != 0)
    return -1;
  g->seen[h] = (struct decode_hypothesis){own->ids, own->count, g->prompt, out};
  if (!rules_exist(&g->rules))
    return 0;
  if (out != work)
    memcpy(work, out, vocabulary * sizeof *work);
  g->seen[h].logits = work;
  return rules_apply(&g->rules, own->ids, own->count, g->prompt, work, vocabulary, err);
}

int generation_show(struct generation *g, const float *const *logits, size_t vocabulary,
                    struct tfm_error *err) {
  size_t size;
  if (!g->work && (g->policy->log_probabilities || rules_exist(&g->rules))) {
    if (!checked_mul(vocabulary, g->width * sizeof *g->work, &size))
      return error_set(err, TFM_ERROR_LIMIT, "a vocabulary of %zu is too large", vocabulary);
    g->work = malloc(size ? size : 1);
    if (!g->work)
      return error_oom(err);
  }
  for (uint32_t h = 0; h < g->live; h++)
    if (show_hypothesis(g, h, logits[h], vocabulary, err) != 0)
      return -1;
  return 0;
}
