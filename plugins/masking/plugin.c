/* plugin.c - the plugin `masking`. */
#include "plugins/masking/masks.h"

static const tfm_op_desc *const ops[] = {
    &causal_op, &padding_op, &window_op,   &prefix_op,     &mask_and_op, &mask_or_op,
    &dense_op,  &alibi_op,   &relative_op, &dense_bias_op, &bias_add_op,
};

static const tfm_kernel_desc *const kernels[] = {
    &causal_kernel,   &padding_kernel,    &window_kernel,   &prefix_kernel,
    &mask_and_kernel, &mask_or_kernel,    &dense_kernel,    &alibi_kernel,
    &relative_kernel, &dense_bias_kernel, &bias_add_kernel,
};

static const tfm_plugin_desc plugin = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "masking",
    .version = "0.1.0",
    .schema_major = 1,
    .core = 1,
    .summary = "masks and biases as formulas: causal, padding, window, alibi, relative, and more",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("masking", 0, &plugin)
