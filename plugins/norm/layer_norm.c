/* layer_norm.c - layer_norm and add_layer_norm: schemas and reference kernels. */
#include "plugins/norm/norm.h"

#include <math.h>

const tfm_op_desc layer_norm_op = {
    OP_OF("## Layer norm (Ba, Kiros and Hinton 2016, section 3):\n"
          "## (x - mean) / sqrt(variance + eps) * weight + bias, over the last dimension.\n"
          "op layer_norm(x: [..., D]; weight: [D]?, bias: [D]?; eps: real = 1e-5) -> [..., D]\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

const tfm_op_desc add_layer_norm_op = {
    OP_OF("## A residual and the layer norm of it: sum = a + b, norm = layer_norm(sum).\n"
          "op add_layer_norm(a: [..., D], b: [..., D]; weight: [D]?, bias: [D]?;\n"
          "  eps: real = 1e-5) -> sum: [..., D], norm: [..., D]\n"
          "  fuses add(a, b) as sum, layer_norm(sum; weight, bias; eps)\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

static void row(const struct norm *norm, const float *x, float *out) {
  double mean = 0, variance = 0;
  for (int64_t i = 0; i < norm->width; i++)
    mean += x[i];
  mean /= (double)norm->width;
  for (int64_t i = 0; i < norm->width; i++)
    variance += (x[i] - mean) * (x[i] - mean);
  variance /= (double)norm->width;
  for (int64_t i = 0; i < norm->width; i++) {
    double y = (x[i] - mean) / sqrt(variance + norm->eps);
    y = norm->weight ? y * norm->weight[i] : y;
    out[i] = (float)(norm->bias ? y + norm->bias[i] : y);
  }
}

static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  return norm_prepare(host, node, weight, row, norm_add_reference, instance);
}

const tfm_kernel_desc layer_norm_reference = {
    NORM_KERNEL("layer_norm", "reference", TFM_KERNEL_REFERENCE, prepare, norm_run),
};

const tfm_kernel_desc add_layer_norm_reference = {
    NORM_KERNEL("add_layer_norm", "reference", TFM_KERNEL_REFERENCE, prepare, norm_run_sum),
};
