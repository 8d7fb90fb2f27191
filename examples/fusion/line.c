/* line.c - a plugin for tfm: one op that takes the place of two others.
 *
 * Its schema says which: wherever a model caps what a linear layer gives, by the op of
 * the plugin beside this one, line.linear_cap does both in one go.  No model file
 * needs to know of it.  Built like examples/plugin. */
#include <tfm/plugin.h>

#include <math.h>

static const tfm_op_desc linear_cap = {
    .struct_size = sizeof(tfm_op_desc),
    .flags = TFM_OP_KEEPS_TOKENS,
    .version = 1,
    .schema = "## A linear layer whose results never go beyond cap.\n"
              "op linear_cap(x: [..., I]; weight: [O, I], bias: [O]?; cap: real) -> [..., O]\n"
              "  fuses acme.soft_cap(linear(x; weight, bias); ; cap)\n",
};

static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  (void)weight;
  double limit = tfm_attr_real(node, "cap", 0);
  if (!(limit > 0))
    return host->fail(host, "cap is %g, but must be above 0", limit);
  float *cap = host->alloc(host, sizeof *cap);
  if (!cap)
    return TFM_NO_MEMORY;
  *cap = (float)limit;
  *instance = cap;
  return TFM_OK;
}

static void destroy(const tfm_host *host, void *instance) {
  if (instance)
    host->release(host, instance);
}

/* A stretch of a row that the product has just made: it is still in cache.  The same
 * arithmetic as in acme.soft_cap, so that the results are the same, to the bit. */
static void cap_stretch(void *arg, int64_t row, int64_t column, float *value, int64_t count) {
  const float cap = *(const float *)arg;
  (void)row;
  (void)column;
  for (int64_t i = 0; i < count; i++)
    value[i] = cap * tanhf(value[i] / cap);
}

static tfm_status run(const tfm_host *host, const void *instance, const tfm_run *run) {
  const tfm_tensor *x = run->input[0], *weight = run->weight[0];
  float cap = *(const float *)instance;
  int64_t rows = 1;
  for (uint32_t i = 0; i + 1 < x->rank; i++)
    rows *= x->shape[i];
  tfm_gemm product = {
      .struct_size = sizeof product,
      .rows = rows,
      .a = x->data,
      .a_stride = weight->shape[1],
      .weight = weight,
      .bias = run->weight[1], /* NULL where the layer has none */
      .c = run->output[0]->data,
      .c_stride = weight->shape[0],
      .epilogue = cap_stretch,
      .epilogue_arg = &cap,
  };
  const tfm_gemm *const products[] = {&product};
  return host->gemm(host, products, 1);
}

static const tfm_kernel_desc gemm = {
    .struct_size = sizeof(tfm_kernel_desc),
    .flags = TFM_KERNEL_REFERENCE | TFM_KERNEL_DETERMINISTIC,
    .op_min = 1,
    .op_max = 1,
    .op = "line.linear_cap",
    .name = "gemm",
    .device = "cpu",
    .prepare = prepare,
    .run = run,
    .destroy = destroy,
};

static const tfm_op_desc *const ops[] = {&linear_cap};
static const tfm_kernel_desc *const kernels[] = {&gemm};

static const tfm_plugin_desc line = {
    .struct_size = sizeof(tfm_plugin_desc),
    .abi_minor = 0,
    .name = "line",
    .version = "1.0.0",
    .schema_major = 1,
    .summary = "linear layers with what follows them",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("line", 0, &line)
