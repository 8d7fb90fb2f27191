/* runtime_ops.h - a plugin of ops that are easy to foretell, linked in. */
#ifndef TFM_TESTS_RUNTIME_OPS_H
#define TFM_TESTS_RUNTIME_OPS_H

#include "runtime/registry.h"
#include "tests/unit/runtime.h"
#include "tfm/plugin.h"

#undef fail /* libcheck's; host->fail is meant here */

static inline int64_t test_count(const tfm_tensor *t) {
  int64_t n = 1;
  for (uint32_t i = 0; i < t->rank; i++)
    n *= t->shape[i];
  return n;
}

/* y = x + by */
static tfm_status test_shift(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  float by = (float)tfm_attr_real(run->node, "by", 1);
  const float *x = run->input[0]->data;
  float *y = run->output[0]->data;
  for (int64_t i = 0; i < test_count(run->output[0]); i++)
    y[i] = x[i] + by;
  return TFM_OK;
}

/* y = a + b */
static tfm_status test_add(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  const float *a = run->input[0]->data, *b = run->input[1]->data;
  float *y = run->output[0]->data;
  for (int64_t i = 0; i < test_count(run->output[0]); i++)
    y[i] = a[i] + b[i];
  return TFM_OK;
}

/* y = f32(ids) [B, T, 1]; taps of twice and thrice it */
static tfm_status test_lift(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  const int32_t *x = run->input[0]->data;
  float *y = run->output[0]->data;
  float *twice = host->tap(host, run, 0, 2, run->input[0]->shape);
  float *thrice = host->tap(host, run, 1, 2, run->input[0]->shape);
  if (!twice != !(run->taps & 1) || !thrice != !(run->taps & 2))
    return host->fail(host, "taps that were not asked for");
  for (int64_t i = 0; i < test_count(run->output[0]); i++) {
    y[i] = (float)x[i];
    if (twice)
      twice[i] = 2 * y[i];
    if (thrice)
      thrice[i] = 3 * y[i];
  }
  return TFM_OK;
}

/* y[b, t] = sum over the allowed s of the cached x[b, s], by the mask and causally */
static tfm_status test_recall(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  const tfm_tensor *x = run->input[0];
  const tfm_tensor *real = ((const tfm_mask *)run->input[1]->data)->term[0].tensor;
  const tfm_kv *kv = run->input[2]->data;
  int64_t tokens = x->shape[1], keys = real->shape[1];
  if (run->workspace_size != (size_t)kv->capacity)
    return host->fail(host, "a workspace for another capacity");
  for (int64_t b = 0; b < x->shape[0]; b++) {
    if (tfm_kv_length(kv, b) > kv->capacity || kv->fresh[b] > tokens || kv->rows < x->shape[0])
      return host->fail(host, "no room");
    for (int64_t t = 0; t < kv->fresh[b]; t++)
      *(float *)tfm_kv_key(kv, b, kv->past[b] + t) = ((const float *)x->data)[b * tokens + t];
    for (int64_t t = 0; t < tokens; t++) {
      float sum = 0;
      for (int64_t s = 0; s <= kv->past[b] + t && s < keys && s < tfm_kv_length(kv, b); s++)
        if (((const unsigned char *)real->data)[b * keys + s])
          sum += *(const float *)tfm_kv_key(kv, b, s);
      ((float *)run->output[0]->data)[b * tokens + t] = sum;
    }
  }
  return TFM_OK;
}

static tfm_status test_recall_workspace(const tfm_host *host, const void *instance,
                                        const tfm_run *run, size_t *bytes) {
  (void)host;
  (void)instance;
  *bytes = (size_t)((const tfm_kv *)run->input[2]->data)->capacity;
  return TFM_OK;
}

static tfm_status test_padding(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  tfm_mask *mask = run->output[0]->data;
  *mask = (tfm_mask){.count = 1};
  mask->term[0] = (tfm_mask_term){.kind = TFM_MASK_PADDING, .tensor = run->input[0]};
  return TFM_OK;
}

/* y = x * weight, by an instance made in prepare, through the workspace */
static tfm_status test_scale_prepare(const tfm_host *host, const tfm_node *node,
                                     const tfm_tensor *const *weight, void **instance) {
  if (tfm_attr_int(node, "fail", 0))
    return host->fail(host, "asked to fail");
  float *copy = host->alloc(host, (size_t)test_count(weight[0]) * sizeof *copy);
  if (!copy)
    return TFM_NO_MEMORY;
  host->to_f32(host, weight[0]->dtype, weight[0]->data, copy, test_count(weight[0]));
  *instance = copy;
  return TFM_OK;
}

static tfm_status test_scale_workspace(const tfm_host *host, const void *instance,
                                       const tfm_run *run, size_t *bytes) {
  (void)host;
  (void)instance;
  *bytes = (size_t)test_count(run->input[0]) * sizeof(float);
  return TFM_OK;
}

static tfm_status test_scale(const tfm_host *host, const void *instance, const tfm_run *run) {
  const float *x = run->input[0]->data, *w = instance;
  float *y = run->output[0]->data, *work = run->workspace;
  int64_t n = test_count(run->output[0]), width = run->output[0]->shape[run->output[0]->rank - 1];
  if (run->workspace_size < (size_t)n * sizeof *work || (uintptr_t)work % 64 != 0)
    return host->fail(host, "a workspace of %zu bytes", run->workspace_size);
  for (int64_t i = 0; i < n; i++)
    work[i] = x[i] * w[i % width];
  memcpy(y, work, (size_t)n * sizeof *work);
  return TFM_OK;
}

static void test_release(const tfm_host *host, void *instance) {
  host->release(host, instance);
}

static tfm_status test_decline(const tfm_host *host, const tfm_node *node,
                               const tfm_tensor *const *weight, void **instance) {
  (void)host;
  (void)node;
  (void)weight;
  (void)instance;
  return TFM_DECLINED;
}

static tfm_status test_break(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)instance;
  (void)run;
  return host->fail(host, "broken on purpose");
}

static int32_t test_only_wide(const tfm_host *host, const tfm_node *node) {
  (void)host;
  const tfm_type *x = node->input[0];
  return x->rank > 0 && x->shape[x->rank - 1] >= 8 ? 5 : 0;
}

#define TEST_OP(name, text, op_flags)                                                              \
  static const tfm_op_desc name = {                                                                \
      .struct_size = sizeof(tfm_op_desc), .flags = op_flags, .version = 1, .schema = text}
TEST_OP(test_op_shift, "## Adds.\nop shift(x: [...]; ; by: real = 1) -> [...]", 0);
TEST_OP(test_op_add, "op add(a: [...], b: [...]) -> [...]", 0);
TEST_OP(test_op_lift, "op lift(x: i32[B, T]) -> [B, T, 1] taps twice, thrice", 0);
TEST_OP(test_op_recall, "op recall(x: [B, T, 1], mask: mask, cache: kv[1]) -> [B, T, 1]", 0);
TEST_OP(test_op_padding, "op padding(real: bool[B, S]) -> mask", TFM_OP_HOLDS_INPUTS);
TEST_OP(test_op_scale, "op scale(x: [..., D]; weight: [D]; fail: int = 0) -> [..., D]", 0);
TEST_OP(test_op_break, "op break(x: [...]) -> [...]", 0);

#define TEST_KERNEL(id, op_id, kernel_name, kernel_flags, ...)                                     \
  static const tfm_kernel_desc id = {.struct_size = sizeof(tfm_kernel_desc),                       \
                                     .flags = kernel_flags,                                        \
                                     .op = op_id,                                                  \
                                     .name = kernel_name,                                          \
                                     .device = "cpu",                                              \
                                     __VA_ARGS__}
#define REF TFM_KERNEL_REFERENCE
#define V1  .op_min = 1, .op_max = 1
TEST_KERNEL(test_k_shift, "shift", "reference", REF | TFM_KERNEL_INPLACE_OK, V1, .run = test_shift);
TEST_KERNEL(test_k_fast, "shift", "fast", TFM_KERNEL_INPLACE_OK, V1, .run = test_shift,
            .score = 10);
TEST_KERNEL(test_k_wide, "shift", "wide", 0, V1, .run = test_shift, .score = 1,
            .match = test_only_wide);
TEST_KERNEL(test_k_alien, "shift", "alien", 0, V1, .run = test_shift, .score = 99,
            .cpu_need = {0, 0, 0, 1});
TEST_KERNEL(test_k_late, "shift", "late", 0, .op_min = 2, .op_max = 3, .run = test_shift,
            .score = 98);
TEST_KERNEL(test_k_add, "add", "reference", REF | TFM_KERNEL_INPLACE_OK, V1, .run = test_add);
TEST_KERNEL(test_k_lift, "lift", "reference", REF, V1, .run = test_lift);
TEST_KERNEL(test_k_recall, "recall", "reference", REF, V1, .run = test_recall,
            .workspace = test_recall_workspace);
TEST_KERNEL(test_k_padding, "padding", "reference", REF, V1, .run = test_padding);
TEST_KERNEL(test_k_scale, "scale", "reference", REF, V1, .run = test_scale,
            .prepare = test_scale_prepare, .workspace = test_scale_workspace,
            .destroy = test_release);
TEST_KERNEL(test_k_shy, "scale", "shy", 0, V1, .run = test_break, .prepare = test_decline,
            .score = 50);
TEST_KERNEL(test_k_break, "break", "reference", REF, V1, .run = test_break);

static const tfm_op_desc *const test_ops[] = {&test_op_shift,  &test_op_add,     &test_op_lift,
                                              &test_op_recall, &test_op_padding, &test_op_scale,
                                              &test_op_break};
static const tfm_kernel_desc *const test_kernels[] = {
    &test_k_shift, &test_k_fast,   &test_k_wide,    &test_k_alien, &test_k_late, &test_k_add,
    &test_k_lift,  &test_k_recall, &test_k_padding, &test_k_scale, &test_k_shy,  &test_k_break};
static const tfm_plugin_desc test_plugin = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "test",
    .version = "1",
    .schema_major = 1,
    .core = 1,
    .op_count = sizeof test_ops / sizeof test_ops[0],
    .kernel_count = sizeof test_kernels / sizeof test_kernels[0],
    .op = test_ops,
    .kernel = test_kernels,
};

/* A registry of the test plugin alone. */
static inline struct registry *test_registry(void) {
  struct registry *registry;
  CHECK_OK(registry_open(NULL, 0, NULL, NULL, &registry, err));
  CHECK_OK(registry_add(registry, "test.so", &test_plugin, err));
  return registry;
}

#endif
