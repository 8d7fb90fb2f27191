/* attention_case.c - operands of the op `attention`, at random. */
#include "tests/op/attention_case.h"

#include <stdlib.h>
#include <string.h>

enum { MASK_INPUT = 3, BIAS_INPUT, CACHE_INPUT, INPUTS };

void attention_case_init(struct attention_case *c, int64_t batch, int64_t tokens, int64_t keys,
                         int64_t heads, int64_t kv_heads, int64_t size) {
  *c = (struct attention_case){
      .batch = batch, .tokens = tokens, .heads = heads, .kv_heads = kv_heads, .size = size};
  c->call = (struct call){.op = "attention", .input_count = INPUTS, .output_count = 1};
  keys = keys ? keys : tokens;
  c->call.input[0] = tensor_fill(TENSOR(TFM_F32, batch, tokens, heads * size), 1);
  c->call.input[1] = tensor_fill(TENSOR(TFM_F32, batch, keys, kv_heads * size), 1);
  c->call.input[2] = tensor_fill(TENSOR(TFM_F32, batch, keys, kv_heads * size), 1);
  c->call.output[0] = TENSOR(TFM_F32, batch, tokens, heads * size);
  call_attr_int(&c->call, "heads", heads);
  call_attr_int(&c->call, "kv_heads", kv_heads);
}

void attention_case_cache(struct attention_case *c, int64_t past, int64_t capacity) {
  int64_t width = c->kv_heads * c->size;
  c->key = TENSOR(TFM_F32, c->batch, capacity, width);
  c->value = TENSOR(TFM_F32, c->batch, capacity, width);
  c->past = TENSOR(TFM_I32, c->batch);
  for (int64_t b = 0; b < c->batch; b++) {
    int32_t length = (int32_t)(b == 0 ? past : (int64_t)chance((uint64_t)past + 1));
    ((int32_t *)c->past->data)[b] = length;
    for (int64_t i = 0; i < length * width; i++) {
      f32(c->key)[b * capacity * width + i] = chance_normal();
      f32(c->value)[b * capacity * width + i] = chance_normal();
    }
  }
  c->call.input[CACHE_INPUT] = TENSOR(TFM_KV, 1);
  c->kv = c->call.input[CACHE_INPUT]->data;
  *c->kv =
      (tfm_kv){.key = *c->key, .value = *c->value, .past = c->past->data, .capacity = capacity};
}

int64_t attention_case_keys(const struct attention_case *c) {
  int64_t most = 0;
  for (int64_t b = 0; b < c->batch; b++) {
    int64_t keys = (c->kv ? c->kv->past[b] : 0) + c->call.input[1]->shape[1];
    most = keys > most ? keys : most;
  }
  return most;
}

void attention_case_bias(struct attention_case *c, bool each) {
  int64_t keys = attention_case_keys(c);
  c->call.input[BIAS_INPUT] =
      tensor_fill(TENSOR(TFM_F32, each ? c->batch : 1, c->heads, c->tokens, keys), 2);
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
  call_finish(&c->call, true);
  tensor_free(c->real);
  tensor_free(c->dense);
  tensor_free(c->key);
  tensor_free(c->value);
  tensor_free(c->past);
}
