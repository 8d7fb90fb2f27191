/* bias.c - the sum of a formula's terms, each computed where it is needed. */
#include "plugins/attention/bias.h"

static tfm_status check_dense(const tfm_host *host, const tfm_tensor *x,
                              const struct bias_room *room) {
  if (x->rank != 4)
    return host->fail(host, "a dense bias of rank %u, not [B, H, T, S]", x->rank);
  if ((x->shape[0] == 1 || x->shape[0] >= room->batch) && x->shape[1] == room->heads &&
      x->shape[2] >= room->tokens && x->shape[3] >= room->keys)
    return TFM_OK;
  return host->fail(host,
                    "bias is [%lld, %lld, %lld, %lld], but there are %lld rows of %lld heads, %lld "
                    "queries and %lld keys",
                    (long long)x->shape[0], (long long)x->shape[1], (long long)x->shape[2],
                    (long long)x->shape[3], (long long)room->batch, (long long)room->heads,
                    (long long)room->tokens, (long long)room->keys);
}

tfm_status bias_check(const tfm_host *host, const tfm_bias *bias, const struct bias_room *room) {
  if (bias && bias->count > TFM_MASK_TERMS)
    return host->fail(host, "a bias of %u terms: at most %d", bias->count, TFM_MASK_TERMS);
  for (uint32_t i = 0; bias && i < bias->count; i++) {
    const tfm_bias_term *term = &bias->term[i];
    const tfm_tensor *x = term->tensor;
    if (term->kind < TFM_BIAS_SLOPE || term->kind > TFM_BIAS_DENSE)
      return host->fail(host, "a bias term of the unknown kind %u", term->kind);
    if (!x || x->dtype != TFM_F32)
      return host->fail(host, "a bias term without f32 numbers");
    tfm_status status = term->kind == TFM_BIAS_DENSE ? check_dense(host, x, room) : TFM_OK;
    if (status != TFM_OK)
      return status;
    uint32_t rank = term->kind == TFM_BIAS_SLOPE ? 1 : 2;
    if (term->kind != TFM_BIAS_DENSE && (x->rank != rank || x->shape[0] != room->heads))
      return host->fail(host, "a bias of %lld heads, but attention has %lld",
                        (long long)x->shape[0], (long long)room->heads);
    if (term->kind == TFM_BIAS_DISTANCE && (term->n < 0 || x->shape[1] != 2 * term->n + 1))
      return host->fail(host, "a bias by distance without the %lld numbers of a head",
                        (long long)(2 * term->n + 1));
  }
  return TFM_OK;
}

/* The numbers of the query's head; of DENSE those of its keys, from key 0 on. */
static const float *numbers(const tfm_bias_term *term, const struct bias_query *query) {
  const tfm_tensor *x = term->tensor;
  const char *at = x->data;
  if (term->kind != TFM_BIAS_DENSE)
    return (const float *)(const void *)(at + query->h * x->stride[0]);
  at += (x->shape[0] == 1 ? 0 : query->b) * x->stride[0];
  return (const float *)(const void *)(at + query->h * x->stride[1] + query->t * x->stride[2]);
}

float bias_at(const tfm_bias *bias, const struct bias_query *query, int64_t s) {
  float sum = 0;
  for (uint32_t i = 0; i < bias->count; i++) {
    const tfm_bias_term *term = &bias->term[i];
    const float *value = numbers(term, query);
    int64_t far = s - query->p;
    if (term->kind == TFM_BIAS_SLOPE)
      sum -= *value * (float)(far < 0 ? -far : far);
    else if (term->kind == TFM_BIAS_DENSE)
      sum += value[s];
    else
      sum += value[term->n + (far < -term->n ? -term->n : far > term->n ? term->n : far)];
  }
  return sum;
}

static void add_slope(float slope, int64_t far, int64_t count, float *out) {
  for (int32_t i = 0; i < (int32_t)count; i++) {
    int64_t at = far + i;
    out[i] -= slope * (float)(at < 0 ? -at : at);
  }
}

/* Keys before the table's first distance, those that it has, those behind its last. */
static void add_distance(const float *value, int64_t n, int64_t far, int64_t count, float *out) {
  int64_t i = 0;
  for (; i < count && far + i <= -n; i++)
    out[i] += value[0];
  for (; i < count && far + i < n; i++)
    out[i] += value[n + far + i];
  for (; i < count; i++)
    out[i] += value[2 * n];
}

void bias_row(const tfm_bias *bias, const struct bias_query *query, int64_t first, int64_t count,
              float *out) {
  for (int64_t i = 0; i < count; i++)
    out[i] = 0;
  for (uint32_t k = 0; k < bias->count; k++) {
    const tfm_bias_term *term = &bias->term[k];
    const float *value = numbers(term, query);
    if (term->kind == TFM_BIAS_SLOPE)
      add_slope(*value, first - query->p, count, out);
    else if (term->kind == TFM_BIAS_DISTANCE)
      add_distance(value, term->n, first - query->p, count, out);
    else
      for (int64_t i = 0; i < count; i++)
        out[i] += value[first + i];
  }
}
