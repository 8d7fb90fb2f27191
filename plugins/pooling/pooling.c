/* pooling.c - one vector for a text: last_token, mean_pool. */
#include "plugins/pooling/pooling.h"

#include "plugins/common/kernel.h"

#include <string.h>

const tfm_op_desc last_token_op = {
    OP_OF("## The token of each row that an index names: out[b] = x[b, index[b]].\n"
          "op last_token(x: [B, T, D], index: i32[B]) -> [B, 1, D]\n"),
    .role = TFM_ROLE_LAST_TOKEN,
};

const tfm_op_desc mean_pool_op = {
    OP_OF("## The mean over the real tokens of each row; zero for a row without any\n"
          "## (Reimers and Gurevych 2019, section 3).\n"
          "op mean_pool(x: [B, T, D], real: bool[B, T]) -> [B, D]\n"),
};

static tfm_status last_token_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  const tfm_tensor *x = run->input[0];
  const int32_t *index = run->input[1]->data;
  int64_t width = x->shape[2];
  for (int64_t b = 0; b < tfm_row_count(run, x); b++) {
    int64_t at = tfm_row_begin(x, b), tokens = tfm_row_begin(x, b + 1) - at;
    float *to = (float *)run->output[0]->data + b * width;
    if (tokens == 0) { /* the row rests */
      memset(to, 0, (size_t)width * sizeof(float));
      continue;
    }
    if (index[b] < 0 || index[b] >= tokens)
      return host->fail(host, "index %ld of row %lld is outside its %lld tokens", (long)index[b],
                        (long long)b, (long long)tokens);
    memcpy(to, (const float *)x->data + (at + index[b]) * width, (size_t)width * sizeof(float));
  }
  return TFM_OK;
}

/* Summed in the order of the tokens, so that padding changes no bit. */
static tfm_status mean_pool_run(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  const tfm_tensor *x = run->input[0];
  int64_t width = x->shape[2];
  for (int64_t b = 0; b < tfm_row_count(run, x); b++) {
    int64_t at = tfm_row_begin(x, b), tokens = tfm_row_begin(x, b + 1) - at;
    const float *from = (const float *)x->data + at * width;
    const uint8_t *real = (const uint8_t *)run->input[1]->data + tfm_row_begin(run->input[1], b);
    float *to = (float *)run->output[0]->data + b * width;
    int64_t count = 0;
    memset(to, 0, (size_t)width * sizeof *to);
    for (int64_t t = 0; t < tokens; t++) {
      for (int64_t i = 0; real[t] && i < width; i++)
        to[i] += from[t * width + i];
      count += real[t] != 0;
    }
    for (int64_t i = 0; count > 0 && i < width; i++)
      to[i] /= (float)count;
  }
  return TFM_OK;
}

#define KNOWS_ROWS (TFM_KERNEL_REFERENCE | TFM_KERNEL_KNOWS_ROWS)
#define POOLING_KERNEL(id)                                                                         \
  const tfm_kernel_desc id##_reference = {KERNEL_OF(#id, "reference", KNOWS_ROWS), .run = id##_run}
POOLING_KERNEL(last_token);
POOLING_KERNEL(mean_pool);
