/* attention.c - the op `attention`: schema, operands, and what it means. */
#include "plugins/attention/attention.h"

#include "plugins/attention/mask.h"
#include "plugins/common/weights.h"

#include <math.h>
#include <string.h>

const tfm_op_desc attention_op = {
    OP_OF(
        "## Scaled dot-product attention (Vaswani et al. 2017, section 3.2), of H heads of "
        "queries\n"
        "## and G of keys and values: H / G query heads share each (Ainslie et al. 2023).  Heads "
        "of\n"
        "## values may be of another size than those of keys.  With a cache, k and v are stored\n"
        "## behind what it holds, and queries see all of it.\n"
        "## scores = q k^T * scale + bias, -inf where the mask forbids; probs = softmax(scores);\n"
        "## result = probs v, the heads side by side; zero for a query that may see nothing.\n"
        "## scale is 1 / sqrt(K) if not given.  softcap: c * tanh(. / c) of q k^T * scale (Gemma\n"
        "## 2, section 2).  sinks: a score of each head that takes its share of probs and has no\n"
        "## value (gpt-oss).\n"
        "op attention(q: [B, T, H, K], k: [B, U, G, K], v: [B, U, G, W], mask: mask?,\n"
        "  bias: bias[H]?, cache: kv[G * K, G * W]?; sinks: [H]?; scale: real?, softcap: real?)\n"
        "  -> [B, T, H * W] taps scores, probs where H / G >= 1\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

enum { Q_INPUT, K_INPUT, V_INPUT, MASK_INPUT, BIAS_INPUT, CACHE_INPUT };
enum { ROWS_A_PIECE = 32 };

/* ---- operands */

struct store {
  const struct attention_call *call;
  const tfm_kv *cache;
  const tfm_tensor *k, *v;
};

/* Rows of k and v, numbered through the batch, to their places in the cache; those
 * that pad a batch row have none. */
static void store_rows(void *arg, int64_t begin, int64_t end, uint32_t lane) {
  (void)lane;
  const struct store *store = arg;
  const tfm_kv *cache = store->cache;
  int64_t keys = attention_key_stride(store->call), values = attention_value_stride(store->call);
  int64_t b = 0;
  for (int64_t i = begin; i < end; i++) {
    while (attention_given(store->call, b + 1) <= i)
      b++;
    int64_t t = i - attention_given(store->call, b);
    if (t >= cache->fresh[b])
      continue;
    memcpy(tfm_kv_key(cache, b, cache->past[b] + t), (const float *)store->k->data + i * keys,
           (size_t)keys * sizeof(float));
    memcpy(tfm_kv_value(cache, b, cache->past[b] + t), (const float *)store->v->data + i * values,
           (size_t)values * sizeof(float));
  }
}

static tfm_status use_cache(const tfm_host *host, const tfm_run *run, const tfm_kv *cache,
                            struct attention_call *call) {
  int64_t keys = attention_key_stride(call), values = attention_value_stride(call);
  if (cache->dtype != TFM_F32)
    return host->fail(host, "the key/value cache must be f32");
  if (cache->key_width != keys || cache->value_width != values ||
      cache->key_stride != keys * (int64_t)sizeof(float) ||
      cache->value_stride != values * (int64_t)sizeof(float))
    return host->fail(host, "the key/value cache does not have rows of %lld and %lld values",
                      (long long)keys, (long long)values);
  if (cache->rows < call->batch)
    return host->fail(host, "the key/value cache has %lld rows, not %lld", (long long)cache->rows,
                      (long long)call->batch);
  for (int64_t b = 0; b < call->batch; b++)
    if (cache->past[b] < 0 || cache->fresh[b] < 0 || cache->fresh[b] > attention_fresh(call, b) ||
        tfm_kv_length(cache, b) > cache->capacity)
      return host->fail(host, "the key/value cache has room for %lld tokens, not for %ld + %ld",
                        (long long)cache->capacity, (long)cache->past[b], (long)cache->fresh[b]);
  struct store store = {call, cache, run->input[K_INPUT], run->input[V_INPUT]};
  host->parallel_for(host, attention_given(call, call->batch), ROWS_A_PIECE, store_rows, &store);
  call->cache = cache;
  return TFM_OK;
}

static tfm_status read_heads(const tfm_host *host, const tfm_node *node,
                             struct attention_heads *out) {
  const tfm_type *q = node->input[Q_INPUT], *k = node->input[K_INPUT], *v = node->input[V_INPUT];
  *out = (struct attention_heads){
      .heads = q->shape[2], .kv_heads = k->shape[2], .size = q->shape[3], .width = v->shape[3]};
  if (out->heads < 0 || out->kv_heads < 1 || out->size < 0 || out->width < 0 ||
      k->shape[3] != out->size || v->shape[2] != out->kv_heads)
    return host->fail(host, "heads and their sizes must be numbers, the same for keys and values");
  if (out->heads < 1 || out->heads % out->kv_heads != 0)
    return host->fail(host, "%lld heads cannot share %lld key heads evenly", (long long)out->heads,
                      (long long)out->kv_heads);
  out->group = out->heads / out->kv_heads;
  out->scale = (float)tfm_attr_real(node, "scale", out->size > 0 ? 1 / sqrt((double)out->size) : 1);
  const tfm_attr *softcap = tfm_attr_find(node, "softcap");
  out->softcap = softcap ? (float)softcap->real : 0;
  if (softcap && !(out->softcap > 0 && isfinite(out->softcap)))
    return host->fail(host, "softcap is %g, but must be above 0", softcap->real);
  return TFM_OK;
}

tfm_status attention_prepare(const tfm_host *host, const tfm_node *node,
                             const tfm_tensor *const *weight, void **instance) {
  struct attention_heads read = {0}, *heads;
  tfm_status status = read_heads(host, node, &read);
  if (status != TFM_OK)
    return status;
  if (weight[0] && weight[0]->shape[0] != read.heads)
    return host->fail(host, "sinks are %lld, but there are %lld heads",
                      (long long)weight[0]->shape[0], (long long)read.heads);
  if ((status = weights_f32(host, weight[0], &read.sinks)) != TFM_OK)
    return status;
  if (!(heads = host->alloc(host, sizeof *heads))) {
    if (read.sinks)
      host->release(host, read.sinks);
    return TFM_NO_MEMORY;
  }
  *heads = read;
  *instance = heads;
  return TFM_OK;
}

void attention_destroy(const tfm_host *host, void *instance) {
  struct attention_heads *heads = instance;
  if (!heads)
    return;
  if (heads->sinks)
    host->release(host, heads->sinks);
  host->release(host, heads);
}

/* Zero where a row has no such query or key. */
static float *want_tap(const tfm_host *host, const tfm_run *run, uint32_t index,
                       const struct attention_call *call) {
  int64_t shape[] = {call->batch, call->is.heads, call->tokens, call->keys_max};
  float *tap = run->taps >> index & 1 ? host->tap(host, run, index, 4, shape) : NULL;
  if (tap)
    memset(tap, 0, (size_t)(shape[0] * shape[1] * shape[2] * shape[3]) * sizeof *tap);
  return tap;
}

/* The rows of the batch, where they begin, and the longest. */
static void find_rows(const tfm_run *run, struct attention_call *call) {
  const tfm_tensor *q = run->input[Q_INPUT], *k = run->input[K_INPUT];
  call->batch = tfm_row_count(run, q);
  call->tokens = q->begin ? 0 : q->shape[1];
  call->fresh = k->begin ? 0 : k->shape[1];
  call->query_begin = q->begin;
  call->key_begin = k->begin;
  for (int64_t b = 0; b < call->batch; b++) {
    int64_t tokens = attention_tokens(call, b), fresh = attention_fresh(call, b);
    call->tokens = tokens > call->tokens ? tokens : call->tokens;
    call->fresh = fresh > call->fresh ? fresh : call->fresh;
  }
}

tfm_status attention_open(const tfm_host *host, const void *instance, const tfm_run *run,
                          struct attention_call *call) {
  const tfm_tensor *q = run->input[Q_INPUT], *k = run->input[K_INPUT];
  *call =
      (struct attention_call){.is = *(const struct attention_heads *)instance,
                              .q = q->data,
                              .key = k->data,
                              .value = run->input[V_INPUT]->data,
                              .mask = run->input[MASK_INPUT] ? run->input[MASK_INPUT]->data : NULL,
                              .bias = run->input[BIAS_INPUT] ? run->input[BIAS_INPUT]->data : NULL,
                              .out = run->output[0]->data};
  find_rows(run, call);
  tfm_status status = mask_check(host, call->mask, call->batch, call->tokens);
  if (status == TFM_OK && run->input[CACHE_INPUT])
    status = use_cache(host, run, run->input[CACHE_INPUT]->data, call);
  for (int64_t b = 0; b < call->batch && status == TFM_OK; b++)
    if (attention_keys(call, b) > call->keys_max)
      call->keys_max = attention_keys(call, b);
  struct bias_room room = {call->batch, call->is.heads, call->tokens, call->keys_max};
  if (status == TFM_OK)
    status = bias_check(host, call->bias, &room);
  if (status != TFM_OK)
    return status;
  call->scores = want_tap(host, run, 0, call);
  call->probs = want_tap(host, run, 1, call);
  return TFM_OK;
}

/* ---- the meaning, a query at a time */

/* Of key s, -inf where it is not allowed. */
static double score(const struct attention_call *call, int64_t b, int64_t h, int64_t t, int64_t s) {
  const float *q = call->q + ((attention_query(call, b) + t) * call->is.heads + h) * call->is.size;
  struct bias_query query = attention_query_at(call, b, h, t);
  if (s >= attention_keys(call, b) || !mask_allows(call->mask, b, t, query.p, s))
    return -INFINITY;
  const float *k = attention_key(call, b, s) + h / call->is.group * call->is.size;
  double sum = 0;
  for (int64_t d = 0; d < call->is.size; d++)
    sum += (double)q[d] * k[d];
  sum *= call->is.scale;
  if (call->is.softcap > 0)
    sum = call->is.softcap * tanh(sum / call->is.softcap);
  return sum + (call->bias ? bias_at(call->bias, &query, s) : 0);
}

/* total: [W] */
static void run_query(const struct attention_call *call, int64_t b, int64_t h, int64_t t,
                      double *total) {
  int64_t keys = attention_keys(call, b), width = call->is.width;
  double largest = call->is.sinks ? call->is.sinks[h] : -INFINITY;
  for (int64_t s = 0; s < keys; s++)
    largest = fmax(largest, score(call, b, h, t, s));
  double sum = call->is.sinks && largest != -INFINITY ? exp(call->is.sinks[h] - largest) : 0;
  memset(total, 0, (size_t)width * sizeof *total);
  for (int64_t s = 0; s < keys; s++) {
    const float *v = attention_value(call, b, s) + h / call->is.group * width;
    double x = score(call, b, h, t, s), weight = exp(x - largest);
    if (x == -INFINITY)
      continue;
    sum += weight;
    for (int64_t d = 0; d < width; d++)
      total[d] += weight * v[d];
  }
  float *out = call->out + ((attention_query(call, b) + t) * call->is.heads + h) * width;
  for (int64_t d = 0; d < width; d++)
    out[d] = (float)(sum != 0 ? total[d] / sum : 0);
  int64_t row = ((b * call->is.heads + h) * call->tokens + t) * call->keys_max;
  for (int64_t s = 0; s < keys; s++) {
    double x = call->scores || call->probs ? score(call, b, h, t, s) : 0;
    if (call->scores)
      call->scores[row + s] = (float)x;
    if (call->probs)
      call->probs[row + s] = (float)(x == -INFINITY ? 0 : exp(x - largest) / sum);
  }
}

static tfm_status run(const tfm_host *host, const void *instance, const tfm_run *run) {
  struct attention_call call;
  tfm_status status = attention_open(host, instance, run, &call);
  if (status != TFM_OK)
    return status;
  for (int64_t b = 0; b < call.batch; b++)
    for (int64_t h = 0; h < call.is.heads; h++)
      for (int64_t t = 0; t < attention_tokens(&call, b); t++)
        run_query(&call, b, h, t, run->workspace);
  return TFM_OK;
}

static tfm_status workspace(const tfm_host *host, const void *instance, const tfm_run *run,
                            size_t *bytes) {
  (void)host;
  (void)run;
  *bytes = (size_t)((const struct attention_heads *)instance)->width * sizeof(double);
  return TFM_OK;
}

const tfm_kernel_desc attention_reference = {
    .prepare = attention_prepare,
    .workspace = workspace,
    .run = run,
    .destroy = attention_destroy,
    KERNEL_OF("attention", "reference", TFM_KERNEL_REFERENCE | TFM_KERNEL_KNOWS_ROWS),
};
