/* rms_norm.c - rms_norm and add_rms_norm: schemas and reference kernels. */
#include "plugins/norm/norm.h"

#include <math.h>

const tfm_op_desc rms_norm_op = {
    OP_OF("## Root mean square norm (Zhang and Sennrich 2019, section 4):\n"
          "## x / sqrt(mean(x^2) + eps) * weight, over the last dimension.\n"
          "op rms_norm(x: [..., D]; weight: [D]?; eps: real = 1e-6) -> [..., D]\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

const tfm_op_desc add_rms_norm_op = {
    OP_OF("## A residual and the root mean square norm of it: sum = a + b, norm = rms_norm(sum).\n"
          "op add_rms_norm(a: [..., D], b: [..., D]; weight: [D]?; eps: real = 1e-6)\n"
          "  -> sum: [..., D], norm: [..., D]\n"
          "  fuses add(a, b) as sum, rms_norm(sum; weight; eps)\n"),
    .flags = TFM_OP_KEEPS_TOKENS};

static void row(const struct norm *norm, const float *x, float *out) {
  double square = 0;
  for (int64_t i = 0; i < norm->width; i++)
    square += (double)x[i] * x[i];
  double scale = 1 / sqrt(square / (double)norm->width + norm->eps);
  for (int64_t i = 0; i < norm->width; i++)
    out[i] = (float)(norm->weight ? x[i] * scale * norm->weight[i] : x[i] * scale);
}

static tfm_status prepare(const tfm_host *host, const tfm_node *node,
                          const tfm_tensor *const *weight, void **instance) {
  return norm_prepare(host, node, weight, row, norm_add_reference, instance);
}

const tfm_kernel_desc rms_norm_reference = {
    NORM_KERNEL("rms_norm", "reference", TFM_KERNEL_REFERENCE, prepare, norm_run),
};

const tfm_kernel_desc add_rms_norm_reference = {
    NORM_KERNEL("add_rms_norm", "reference", TFM_KERNEL_REFERENCE, prepare, norm_run_sum),
};
