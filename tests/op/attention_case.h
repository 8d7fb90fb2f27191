/* attention_case.h - a random call of the op `attention`, with everything that
 * it points to, for the tests of its kernels. */
#ifndef TFM_TESTS_OP_ATTENTION_CASE_H
#define TFM_TESTS_OP_ATTENTION_CASE_H

#include "tests/op/test_host.h"

struct attention_case {
  struct call call;
  int64_t batch, tokens, heads, kv_heads, size, width;
  bool capped;                 /* softcap is the last attribute */
  tfm_tensor *real, *dense;    /* bool, what masks point to; or NULL */
  tfm_tensor *added[CALL_MAX]; /* what the bias's terms point to; or NULL */
  tfm_kv *kv;                  /* in call.input[5]; or NULL          */
  tfm_tensor *past, *fresh;    /* i32[B]                             */
  void ***table;               /* [B][], blocks of their own memory; what was not stored is NaN */
};

/* q of [batch, tokens, heads, size]; k and v, of that size and of width, of as many tokens,
 * or, without a cache, `keys` of them (0 = tokens). */
void attention_case_init(struct attention_case *c, int64_t batch, int64_t tokens, int64_t keys,
                         int64_t heads, int64_t kv_heads, int64_t size, int64_t width);
/* A cache in blocks of so many tokens, with random past lengths, the first `past`
 * long; call before masks and bias. */
void attention_case_cache(struct attention_case *c, int64_t past, uint32_t block_tokens);
/* The longest row of keys. */
int64_t attention_case_keys(const struct attention_case *c);
/* Append a term to the bias: of DISTANCE n numbers to each side; DENSE for each batch row
 * (n 1), or one for all. */
void attention_case_bias(struct attention_case *c, uint32_t kind, int64_t n);
/* A score without a key for each head. */
void attention_case_sinks(struct attention_case *c, tfm_dtype dtype);
/* Append a term or an operator to the mask. */
void attention_case_mask(struct attention_case *c, uint32_t kind, int64_t n);
void attention_case_finish(struct attention_case *c);

#endif
