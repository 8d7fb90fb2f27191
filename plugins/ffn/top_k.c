/* top_k.c - which experts a token goes to, and what share each has.
 *
 * Scores are made of all E numbers; `correction` and groups decide who is chosen, never
 * what a share is.  Of equal scores the first wins.  Families:
 *
 *     Mixtral                  softmax, normalize (the same as softmax over the chosen)
 *     Qwen3-MoE, OLMoE         softmax, normalize as norm_topk_prob says
 *     DeepSeek-V2              softmax, groups by "max"
 *     DeepSeek-V3, GLM-4 MoE   sigmoid, correction, groups by "top2", normalize
 *     Llama 4                  sigmoid                                               */
#include "plugins/common/weights.h"
#include "plugins/ffn/ffn.h"

#include <math.h>
#include <string.h>

const tfm_op_desc top_k_op = {
    OP_OF(
        "## The k largest of E scores, the largest first: their indices, and their shares.\n"
        "## Scores: softmax or sigmoid of x, or x itself.  normalize: the shares add up to 1.\n"
        "## correction is added for the choice alone.  groups: only the top_groups best of so "
        "many\n"
        "## are chosen from, by their largest score or the sum of their two largest.\n"
        "op top_k(x: [..., E]; correction: [E]?; k: int,\n"
        "  weigh: \"softmax\" | \"sigmoid\" | \"none\" = \"softmax\", normalize: bool = false,\n"
        "  groups: int = 1, top_groups: int = groups, group_score: \"top2\" | \"max\" = \"top2\")\n"
        "  -> choice: i32[..., k], share: [..., k]\n"
        "  where k >= 1 and k <= E, groups >= 1 and E / groups >= 1,\n"
        "  top_groups >= 1 and top_groups <= groups\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

struct top_k {
  int64_t k, groups, top_groups;
  enum { WEIGH_SOFTMAX, WEIGH_SIGMOID, WEIGH_NONE } weigh;
  int normalize, by_largest;
  float *correction; /* [E], or NULL */
};

static void destroy(const tfm_host *host, void *instance) {
  struct top_k *t = instance;
  if (!t)
    return;
  host->release(host, t->correction);
  host->release(host, t);
}

static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  const char *weigh = tfm_attr_text(node, "weigh", "softmax");
  struct top_k *t = host->alloc(host, sizeof *t);
  if (!t)
    return TFM_NO_MEMORY;
  t->k = tfm_attr_int(node, "k", 1);
  t->groups = tfm_attr_int(node, "groups", 1);
  t->top_groups = tfm_attr_int(node, "top_groups", t->groups);
  t->normalize = tfm_attr_int(node, "normalize", 0) != 0;
  t->by_largest = strcmp(tfm_attr_text(node, "group_score", "top2"), "max") == 0;
  t->weigh = strcmp(weigh, "softmax") == 0   ? WEIGH_SOFTMAX
             : strcmp(weigh, "sigmoid") == 0 ? WEIGH_SIGMOID
                                             : WEIGH_NONE;
  tfm_status status = weights_f32(host, weight[0], &t->correction);
  if (status != TFM_OK)
    destroy(host, t);
  else
    *instance = t;
  return status;
}

/* Per row: scores, what is chosen by, and the groups' scores. */
static tfm_status workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                            size_t *bytes) {
  const struct top_k *t = instance;
  const tfm_tensor *x = run->input[0];
  (void)host;
  *bytes = (2 * (size_t)x->shape[x->rank - 1] + (size_t)t->groups) * sizeof(float);
  return TFM_OK;
}

static void weigh(const struct top_k *t, const float *x, float *score, int64_t count) {
  double most = -INFINITY, sum = 0;
  for (int64_t i = 0; i < count; i++)
    most = x[i] > most ? x[i] : most;
  for (int64_t i = 0; t->weigh == WEIGH_SOFTMAX && i < count; i++)
    sum += exp(x[i] - most);
  for (int64_t i = 0; i < count; i++)
    score[i] = t->weigh == WEIGH_SOFTMAX   ? (float)(exp(x[i] - most) / sum)
               : t->weigh == WEIGH_SIGMOID ? (float)(1 / (1 + exp(-(double)x[i])))
                                           : x[i];
}

/* The first of the largest; NaN is never one, and -1 means that all are. */
static int64_t largest(const float *from, int64_t count) {
  int64_t at = -1;
  for (int64_t i = 0; i < count; i++)
    if (!isnan(from[i]) && (at < 0 || from[i] > from[at]))
      at = i;
  return at;
}

static float group_score(const struct top_k *t, const float *from, int64_t count) {
  float first = -INFINITY, second = -INFINITY;
  for (int64_t i = 0; i < count; i++) {
    if (from[i] > first) {
      second = first;
      first = from[i];
    } else if (from[i] > second) {
      second = from[i];
    }
  }
  return t->by_largest || count < 2 ? first : first + second;
}

/* What is outside the best groups cannot be chosen. */
static void limit_groups(const struct top_k *t, float *by, int64_t count, float *group) {
  int64_t size = count / t->groups;
  for (int64_t g = 0; g < t->groups; g++)
    group[g] = group_score(t, by + g * size, size);
  for (int64_t left = t->top_groups; left > 0; left--) {
    int64_t best = largest(group, t->groups);
    if (best >= 0)
      group[best] = NAN; /* taken */
  }
  for (int64_t g = 0; g < t->groups; g++)
    for (int64_t i = g * size; !isnan(group[g]) && i < (g + 1) * size; i++)
      by[i] = -INFINITY;
}

static void choose(const struct top_k *t, const float *score, float *by, int64_t count,
                   int32_t *choice, float *share) {
  double sum = 0;
  for (int64_t j = 0; j < t->k; j++) {
    int64_t best = largest(by, count);
    choice[j] = (int32_t)(best < 0 ? 0 : best); /* all are NaN: so is the share */
    share[j] = best < 0 ? NAN : score[best];
    if (best >= 0)
      by[best] = NAN;
    sum += share[j];
  }
  for (int64_t j = 0; t->normalize && j < t->k; j++)
    share[j] = (float)(share[j] / (sum + 1e-20));
}

static tfm_status run(const tfm_host *host, const void *instance, const tfm_run *run) {
  const struct top_k *t = instance;
  const tfm_tensor *x = run->input[0];
  int64_t count = x->shape[x->rank - 1];
  if (t->k > count) /* as many as the tokens: the compiler could not see it */
    return host->fail(host, "top_k: the %lld largest of %lld scores", (long long)t->k,
                      (long long)count);
  float *score = run->workspace, *by = score + count, *group = by + count;
  for (int64_t row = 0; row < tensor_rows(x); row++) {
    weigh(t, (const float *)x->data + row * count, score, count);
    for (int64_t i = 0; i < count; i++)
      by[i] = t->correction ? score[i] + t->correction[i] : score[i];
    if (t->groups > t->top_groups)
      limit_groups(t, by, count, group);
    choose(t, score, by, count, (int32_t *)run->output[0]->data + row * t->k,
           (float *)run->output[1]->data + row * t->k);
  }
  return TFM_OK;
}

const tfm_kernel_desc top_k_reference = {
    .prepare = prepare,
    .workspace = workspace,
    .run = run,
    .destroy = destroy,
    KERNEL_OF("top_k", "reference", TFM_KERNEL_REFERENCE),
};
