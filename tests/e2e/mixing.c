/* mixing.c - a plugin whose ops do all that a host must not take for granted: mix tokens,
 * make masks and biases that point into what is not held, and fail without failing. */
#include <string.h>
#include <tfm/plugin.h>

/* Row by row of [B, T, D], the mean of the tokens up to each. */
static tfm_status run_prefix(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  int64_t batch = x->shape[0], tokens = x->shape[1], width = x->shape[2];
  const float *from = x->data;
  float *to = run->output[0]->data;
  (void)host;
  (void)instance;
  for (int64_t b = 0; b < batch; b++)
    for (int64_t t = 0; t < tokens; t++)
      for (int64_t d = 0; d < width; d++) {
        float sum = 0;
        for (int64_t s = 0; s <= t; s++)
          sum += from[(b * tokens + s) * width + d];
        to[(b * tokens + t) * width + d] = sum / (float)(t + 1);
      }
  return TFM_OK;
}

/* Row by row of [B, T, D], the mean of all tokens; the padding's, too. */
static tfm_status run_mean(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  int64_t batch = x->shape[0], tokens = x->shape[1], width = x->shape[2];
  const float *from = x->data;
  float *to = run->output[0]->data;
  (void)host;
  (void)instance;
  for (int64_t b = 0; b < batch; b++)
    for (int64_t d = 0; d < width; d++) {
      float sum = 0;
      for (int64_t t = 0; t < tokens; t++)
        sum += from[(b * tokens + t) * width + d];
      to[b * width + d] = sum / (float)tokens;
    }
  return TFM_OK;
}

/* The sum of each row's tokens, of [B, T, D]; knows rows. */
static tfm_status run_total(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  int64_t width = x->shape[2];
  const float *from = x->data;
  float *to = run->output[0]->data;
  (void)host;
  (void)instance;
  for (int64_t b = 0; b < tfm_row_count(run, x); b++) {
    memset(to + b * width, 0, (size_t)width * sizeof *to);
    for (int64_t t = tfm_row_begin(x, b); t < tfm_row_begin(x, b + 1); t++)
      for (int64_t d = 0; d < width; d++)
        to[b * width + d] += from[t * width + d];
  }
  return TFM_OK;
}

static tfm_status run_copy(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  (void)host;
  (void)instance;
  memcpy(run->output[0]->data, x->data, (size_t)(x->shape[0] * x->shape[1]));
  return TFM_OK;
}

static tfm_status make_mask(const tfm_run *run, const tfm_tensor *real) {
  tfm_mask *mask = run->output[0]->data;
  memset(mask, 0, sizeof *mask);
  mask->count = 1;
  mask->term[0] = (tfm_mask_term){.kind = TFM_MASK_PADDING, .tensor = real};
  return TFM_OK;
}

/* Points into its input, and does not say so. */
static tfm_status run_late(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  return make_mask(run, run->input[0]);
}

/* Points into its own second output. */
static tfm_status run_both(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  (void)host;
  (void)instance;
  memcpy(run->output[1]->data, x->data, (size_t)(x->shape[0] * x->shape[1]));
  return make_mask(run, run->output[1]);
}

static tfm_status copy_floats(const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  size_t count = 1;
  for (uint32_t i = 0; i < x->rank; i++)
    count *= (size_t)x->shape[i];
  memcpy(run->output[0]->data, x->data, count * sizeof(float));
  return TFM_OK;
}

/* Tried one way, said that it failed, and did it another way. */
static tfm_status run_cautious(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  host->log(host, TFM_LOG_DEBUG, "nobody hears this");
  host->log(host, TFM_LOG_WARNING, "%d floats are not many", 24);
  host->fail(host, "the first way does not work");
  return copy_floats(run);
}

static tfm_status run_mute(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  (void)run;
  return TFM_FAILED;
}

/* [B, T, D] to [B, 1, T]: the first number of each token. */
static tfm_status run_firsts(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  const float *from = x->data;
  float *to = run->output[0]->data;
  (void)host;
  (void)instance;
  for (int64_t i = 0; i < x->shape[0] * x->shape[1]; i++)
    to[i] = from[i * x->shape[2]];
  return TFM_OK;
}

/* x + (t + 1) y[t]: both have tokens, along different axes. */
static tfm_status run_tilt(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  int64_t tokens = x->shape[1], width = x->shape[2], all = run->input[1]->shape[2];
  const float *from = x->data, *by = run->input[1]->data;
  float *to = run->output[0]->data;
  (void)host;
  (void)instance;
  for (int64_t i = 0; i < x->shape[0] * tokens * width; i++) {
    int64_t t = i / width % tokens;
    to[i] = from[i] + (float)(t + 1) * by[i / width / tokens * all + t];
  }
  return TFM_OK;
}

/* What the mask's own booleans are, after its first output was made: never the memory of x. */
static tfm_status run_shown(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0];
  const tfm_mask *mask = run->input[1]->data;
  size_t count = (size_t)(x->shape[0] * x->shape[1]);
  (void)host;
  (void)instance;
  memset(run->output[0]->data, 0, count);
  memcpy(run->output[0]->data, mask->term[0].tensor->data, count);
  return TFM_OK;
}

/* [B, 4, T, T]: what alibi says of 4 heads, spelt out; with `by`, of each text something else. */
static void spell(const tfm_run *run, const tfm_tensor *to) {
  const tfm_tensor *x = run->input[0];
  const float *from = x->data;
  double by = tfm_attr_real(run->node, "by", 0);
  float *at = to->data;
  for (int64_t i = 0; i < to->shape[0] * 4; i++)
    for (int64_t t = 0; t < to->shape[2]; t++)
      for (int64_t s = 0; s < to->shape[3]; s++) {
        double own = 1 + by * from[i / 4 * x->shape[1] * x->shape[2] + (t + s) % x->shape[2]];
        *at++ = (float)(-own / (4 << 2 * (i % 4)) * (double)(t < s ? s - t : t - s));
      }
}

static tfm_status run_spelt(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  spell(run, run->output[0]);
  return TFM_OK;
}

/* Points into its own second output. */
static tfm_status run_near(const tfm_host *host, const void *instance, const tfm_run *run) {
  tfm_bias *bias = run->output[0]->data;
  (void)host;
  (void)instance;
  memset(bias, 0, sizeof *bias);
  bias->count = 1;
  bias->term[0] = (tfm_bias_term){.kind = TFM_BIAS_DENSE, .tensor = run->output[1]};
  spell(run, run->output[1]);
  return TFM_OK;
}

#define OP(id, text, op_flags) OP_AS(id, text, op_flags, TFM_KERNEL_REFERENCE)
#define OP_AS(id, text, op_flags, kernel_flags)                                                    \
  static const tfm_op_desc op_##id = {                                                             \
      .struct_size = sizeof(tfm_op_desc), .flags = (op_flags), .version = 1, .schema = text};      \
  static const tfm_kernel_desc kernel_##id = {.struct_size = sizeof(tfm_kernel_desc),              \
                                              .flags = (kernel_flags),                             \
                                              .op_min = 1,                                         \
                                              .op_max = 1,                                         \
                                              .op = "mixing." #id,                                 \
                                              .name = "reference",                                 \
                                              .device = "cpu",                                     \
                                              .run = run_##id};
OP(prefix, "op prefix(x: [B, T, D]) -> [B, T, D]", 0)
OP(mean, "op mean(x: [B, T, D]) -> [B, D]", 0)
OP_AS(total, "op total(x: [B, T, D]) -> [B, D]", 0, TFM_KERNEL_REFERENCE | TFM_KERNEL_KNOWS_ROWS)
OP(copy, "op copy(real: bool[B, S]) -> bool[B, S]", TFM_OP_KEEPS_TOKENS)
OP(late, "op late(real: bool[B, S]) -> mask", 0)
OP(both, "op both(real: bool[B, S]) -> mask: mask, real: bool[B, S]", 0)
OP(firsts, "op firsts(x: [B, T, D]) -> [B, 1, T]", TFM_OP_KEEPS_TOKENS)
OP(tilt, "op tilt(x: [B, T, D], y: [B, 1, T]) -> [B, T, D]", TFM_OP_KEEPS_TOKENS)
OP_AS(shown, "op shown(x: bool[B, S], m: mask) -> bool[B, S]", TFM_OP_KEEPS_TOKENS,
      TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK)
OP(spelt, "op spelt(x: [B, T, D]; ; by: real = 0) -> [B, 4, T, T]", 0)
OP(near, "op near(x: [B, T, D]; ; by: real = 0) -> bias: bias[4], spelt: [B, 4, T, T]", 0)
OP(cautious, "op cautious(x: [...]) -> [...]", TFM_OP_KEEPS_TOKENS)
OP(mute, "op mute(x: [...]) -> [...]", TFM_OP_KEEPS_TOKENS)

static const tfm_op_desc *const ops[] = {&op_prefix,   &op_mean,  &op_copy,   &op_late, &op_both,
                                         &op_cautious, &op_mute,  &op_firsts, &op_tilt, &op_shown,
                                         &op_total,    &op_spelt, &op_near};
static const tfm_kernel_desc *const kernels[] = {
    &kernel_prefix,   &kernel_mean,  &kernel_copy,   &kernel_late, &kernel_both,
    &kernel_cautious, &kernel_mute,  &kernel_firsts, &kernel_tilt, &kernel_shown,
    &kernel_total,    &kernel_spelt, &kernel_near};
static const tfm_plugin_desc mixing = {.struct_size = sizeof(tfm_plugin_desc),
                                       .name = "mixing",
                                       .version = "1",
                                       .schema_major = 1,
                                       .op_count = sizeof ops / sizeof *ops,
                                       .kernel_count = sizeof kernels / sizeof *kernels,
                                       .op = ops,
                                       .kernel = kernels};
TFM_PLUGIN("mixing", 0, &mixing)
