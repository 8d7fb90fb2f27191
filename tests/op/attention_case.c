/* attention_case.c - operands of the op `attention`, at random. */
#include "tests/op/attention_case.h"

#include <stdlib.h>
#include <string.h>

enum { MASK_INPUT = 3, BIAS_INPUT, CACHE_INPUT, INPUTS };

void attention_case_init(struct attention_case *c, int64_t batch, int64_t tokens, int64_t keys,
                         int64_t heads, int64_t kv_heads, int64_t size, int64_t width) {
  *c = (struct attention_case){.batch = batch,
                               .tokens = tokens,
                               .heads = heads,
                               .kv_heads = kv_heads,
                               .size = size,
                               .width = width};
  c->call =
      (struct call){.op = "attention", .input_count = INPUTS, .weight_count = 1, .output_count = 1};
  keys = keys ? keys : tokens;
  c->call.input[0] = tensor_fill(TENSOR(TFM_F32, batch, tokens, heads, size), 1);
  c->call.input[1] = tensor_fill(TENSOR(TFM_F32, batch, keys, kv_heads, size), 1);
  c->call.input[2] = tensor_fill(TENSOR(TFM_F32, batch, keys, kv_heads, width), 1);
  c->call.output[0] = TENSOR(TFM_F32, batch, tokens, heads * width);
}

/* A block: memory that ends where it ends, with a gap of NaNs before keys and values. */
static void *new_block(const tfm_kv *kv) {
  size_t bytes = (size_t)(kv->value_at + kv->block_tokens * kv->value_stride);
  void *memory = exact_memory(bytes);
  memset(memory, 0xff, bytes);
  return memory;
}

static int64_t blocks_of(const tfm_kv *kv, int64_t b) {
  return (tfm_kv_length(kv, b) + kv->block_tokens - 1) / kv->block_tokens;
}

static void fill_row(tfm_kv *kv, int64_t b) {
  for (int64_t s = 0; s < kv->past[b]; s++)
    for (int64_t i = 0; i < kv->key_width || i < kv->value_width; i++) {
      if (i < kv->key_width)
        ((float *)tfm_kv_key(kv, b, s))[i] = chance_normal();
      if (i < kv->value_width)
        ((float *)tfm_kv_value(kv, b, s))[i] = chance_normal();
    }
}

void attention_case_cache(struct attention_case *c, int64_t past, uint32_t block_tokens) {
  int64_t keys = c->kv_heads * c->size, stride = keys * (int64_t)sizeof(float);
  int64_t values = c->kv_heads * c->width;
  c->past = TENSOR(TFM_I32, c->batch);
  c->fresh = TENSOR(TFM_I32, c->batch);
  c->table = calloc((size_t)c->batch + 1, sizeof *c->table);
  c->call.input[CACHE_INPUT] = TENSOR(TFM_KV, 1);
  c->kv = c->call.input[CACHE_INPUT]->data;
  *c->kv = (tfm_kv){.dtype = TFM_F32,
                    .block_tokens = block_tokens,
                    .key_width = keys,
                    .value_width = values,
                    .key_at = 64,
                    .value_at = 128 + (block_tokens * stride + 63) / 64 * 64,
                    .key_stride = stride,
                    .value_stride = values * (int64_t)sizeof(float),
                    .rows = c->batch,
                    .capacity = past + c->tokens,
                    .past = c->past->data,
                    .fresh = c->fresh->data,
                    .block = (void *const *const *)c->table};
  for (int64_t b = 0; b < c->batch; b++) {
    ((int32_t *)c->past->data)[b] = (int32_t)(b == 0 ? past : (int64_t)chance((uint64_t)past + 1));
    ((int32_t *)c->fresh->data)[b] = (int32_t)c->tokens;
    c->table[b] = calloc((size_t)blocks_of(c->kv, b) + 1, sizeof(void *));
    for (int64_t i = 0; i < blocks_of(c->kv, b); i++)
      c->table[b][i] = new_block(c->kv);
    fill_row(c->kv, b);
  }
}

static void free_cache(struct attention_case *c) {
  for (int64_t b = 0; c->table && b < c->batch; b++) {
    for (int64_t i = 0; i < blocks_of(c->kv, b); i++)
      free(c->table[b][i]);
    free(c->table[b]);
  }
  free(c->table);
  tensor_free(c->past);
  tensor_free(c->fresh);
}

int64_t attention_case_keys(const struct attention_case *c) {
  int64_t most = 0;
  for (int64_t b = 0; b < c->batch; b++) {
    int64_t keys = c->kv ? tfm_kv_length(c->kv, b) : c->call.input[1]->shape[1];
    most = keys > most ? keys : most;
  }
  return most;
}

void attention_case_bias(struct attention_case *c, uint32_t kind, int64_t n) {
  int64_t keys = attention_case_keys(c);
  if (!c->call.input[BIAS_INPUT]) {
    c->call.input[BIAS_INPUT] = TENSOR(TFM_BIAS, 1);
    memset(c->call.input[BIAS_INPUT]->data, 0, sizeof(tfm_bias));
  }
  tfm_bias *bias = c->call.input[BIAS_INPUT]->data;
  tfm_tensor *x = kind == TFM_BIAS_SLOPE ? TENSOR(TFM_F32, c->heads)
                  : kind == TFM_BIAS_DISTANCE
                      ? TENSOR(TFM_F32, c->heads, 2 * n + 1)
                      : TENSOR(TFM_F32, n ? c->batch : 1, c->heads, c->tokens, keys);
  c->added[bias->count] = tensor_fill(x, kind == TFM_BIAS_SLOPE ? 0.1f : 2);
  bias->term[bias->count] = (tfm_bias_term){.kind = kind, .n = n, .tensor = x};
  bias->count++;
}

void attention_case_sinks(struct attention_case *c, tfm_dtype dtype) {
  c->call.weight[0] = tensor_fill(TENSOR(dtype, c->heads), 2);
}

void attention_case_mask(struct attention_case *c, uint32_t kind, int64_t n) {
  if (!c->call.input[MASK_INPUT]) {
    c->call.input[MASK_INPUT] = TENSOR(TFM_MASK, 1);
    memset(c->call.input[MASK_INPUT]->data, 0, sizeof(tfm_mask));
  }
  int64_t keys = attention_case_keys(c);
  if (kind == TFM_MASK_PADDING && !c->real)
    c->real = tensor_fill(TENSOR(TFM_BOOL, c->batch, chance(4) ? keys : keys * 3 / 4), 1);
  if (kind == TFM_MASK_DENSE && !c->dense)
    c->dense = tensor_fill(TENSOR(TFM_BOOL, chance(2) ? c->batch : 1, c->tokens, keys), 1);
  tfm_mask *mask = c->call.input[MASK_INPUT]->data;
  mask->term[mask->count++] = (tfm_mask_term){.kind = kind,
                                              .n = n,
                                              .tensor = kind == TFM_MASK_PADDING ? c->real
                                                        : kind == TFM_MASK_DENSE ? c->dense
                                                                                 : NULL};
}

void attention_case_finish(struct attention_case *c) {
  free_cache(c);
  call_finish(&c->call, true);
  tensor_free(c->real);
  tensor_free(c->dense);
  for (int i = 0; i < CALL_MAX; i++)
    tensor_free(c->added[i]);
}
