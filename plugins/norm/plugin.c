/* plugin.c - the plugin `norm`. */
#include "plugins/norm/norm.h"

static const tfm_op_desc *const ops[] = {
    &layer_norm_op, &rms_norm_op, &add_layer_norm_op, &add_rms_norm_op, &l2_normalize_op,
};

static const tfm_kernel_desc *const kernels[] = {
    &layer_norm_reference,   &rms_norm_reference,     &add_layer_norm_reference,
    &add_rms_norm_reference, &l2_normalize_reference, &layer_norm_base,
    &rms_norm_base,          &add_layer_norm_base,    &add_rms_norm_base,
#if defined(__x86_64__)
    &layer_norm_avx2,        &rms_norm_avx2,          &add_layer_norm_avx2,
    &add_rms_norm_avx2,      &layer_norm_avx512,      &rms_norm_avx512,
    &add_layer_norm_avx512,  &add_rms_norm_avx512,
#endif
};

static const tfm_plugin_desc plugin = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "norm",
    .version = "0.1.0",
    .schema_major = 1,
    .core = 1,
    .summary = "layer norm, root mean square norm, and their sums with a residual",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("norm", 0, &plugin)
