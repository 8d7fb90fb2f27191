/* attention.h - one call of the op `attention`, its operands found and checked.
 *
 * Letters: B batch rows, T queries of each, U keys given with them, S keys in
 * all, H heads, G heads of keys and values, K the size of a head of queries and
 * keys, W of one of values. */
#ifndef TFM_PLUGINS_ATTENTION_ATTENTION_H
#define TFM_PLUGINS_ATTENTION_ATTENTION_H

#include "plugins/attention/bias.h"
#include "plugins/common/kernel.h"
#include "tfm/plugin.h"

#include <stdbool.h>

/* The instance: what the shapes say of the heads. */
struct attention_heads {
  int64_t heads, kv_heads, group; /* H; G; H / G */
  int64_t size, width;            /* K; W */
  float scale, softcap;           /* softcap 0 = none */
  float *sinks;                   /* [H], or NULL: a score that has no key, so no value */
};

struct attention_call {
  int64_t batch, tokens, fresh; /* B; T and U of the longest row */
  struct attention_heads is;
  /* Where the rows' queries, and the keys that are given, begin; NULL = rectangles. */
  const int64_t *query_begin, *key_begin; /* [B + 1] */
  const float *q;                         /* [tokens of all rows, H, K] */
  const float *key, *value;               /* without a cache: [keys of all rows, G, K or W] */
  const tfm_kv *cache;                    /* NULL = none: past is 0                   */
  const tfm_mask *mask;                   /* NULL = all allowed             */
  const tfm_bias *bias;                   /* NULL = nothing is added        */
  float *out;                             /* [tokens of all rows, H, W]     */
  int64_t keys_max;                       /* the largest S of the batch     */
  float *scores, *probs;                  /* taps, [B, H, T, keys_max], or NULL */
};

/* Heads that do not fit together are found out when the model is loaded. */
tfm_status attention_prepare(const tfm_host *host, const tfm_node *node,
                             const tfm_tensor *const *weight, void **instance);
void attention_destroy(const tfm_host *host, void *instance);

/* Check the operands, and store the new keys and values in the cache. */
tfm_status attention_open(const tfm_host *host, const void *instance, const tfm_run *run,
                          struct attention_call *call);

/* The number among all of batch row b's first query, and how many it has. */
static inline int64_t attention_query(const struct attention_call *call, int64_t b) {
  return call->query_begin ? call->query_begin[b] : b * call->tokens;
}

static inline int64_t attention_tokens(const struct attention_call *call, int64_t b) {
  return attention_query(call, b + 1) - attention_query(call, b);
}

/* The same of the keys that are given with them. */
static inline int64_t attention_given(const struct attention_call *call, int64_t b) {
  return call->key_begin ? call->key_begin[b] : b * call->fresh;
}

static inline int64_t attention_fresh(const struct attention_call *call, int64_t b) {
  return attention_given(call, b + 1) - attention_given(call, b);
}

static inline int64_t attention_past(const struct attention_call *call, int64_t b) {
  return call->cache ? call->cache->past[b] : 0;
}

/* S of batch row b. */
static inline int64_t attention_keys(const struct attention_call *call, int64_t b) {
  return call->cache ? tfm_kv_length(call->cache, b) : attention_fresh(call, b);
}

/* Floats from a key to the next, and from a value, while they lie together. */
static inline int64_t attention_key_stride(const struct attention_call *call) {
  return call->is.kv_heads * call->is.size;
}

static inline int64_t attention_value_stride(const struct attention_call *call) {
  return call->is.kv_heads * call->is.width;
}

/* Key s of batch row b, of all heads. */
static inline const float *attention_key(const struct attention_call *call, int64_t b, int64_t s) {
  return call->cache ? tfm_kv_key(call->cache, b, s)
                     : call->key + (attention_given(call, b) + s) * attention_key_stride(call);
}

static inline const float *attention_value(const struct attention_call *call, int64_t b,
                                           int64_t s) {
  return call->cache ? tfm_kv_value(call->cache, b, s)
                     : call->value + (attention_given(call, b) + s) * attention_value_stride(call);
}

/* How many keys lie one after the other from s on. */
static inline int64_t attention_run(const struct attention_call *call, int64_t b, int64_t s) {
  int64_t left = attention_keys(call, b) - s, block;
  if (!call->cache)
    return left;
  block = call->cache->block_tokens - s % call->cache->block_tokens;
  return left < block ? left : block;
}

/* Query t of batch row b, as a bias knows it. */
static inline struct bias_query attention_query_at(const struct attention_call *call, int64_t b,
                                                   int64_t h, int64_t t) {
  return (struct bias_query){b, h, t, attention_past(call, b) + t};
}

extern const tfm_op_desc attention_op, rope_op, sinusoid_op;
extern const tfm_kernel_desc attention_reference, rope_reference, sinusoid_reference;
extern const tfm_kernel_desc attention_base, rope_base;
extern const tfm_kernel_desc attention_avx2, rope_avx2;
extern const tfm_kernel_desc attention_avx512, rope_avx512;

#endif
