/* plugin.c - the plugin `attention`. */
#include "plugins/attention/attention.h"

static const tfm_op_desc *const ops[] = {
    &attention_op,
    &rope_op,
    &sinusoid_op,
};

static const tfm_kernel_desc *const kernels[] = {
    &attention_reference, &rope_reference, &sinusoid_reference, &attention_base, &rope_base,
#if defined(__x86_64__)
    &attention_avx2,      &rope_avx2,      &attention_avx512,   &rope_avx512,
#endif
};

static const tfm_plugin_desc plugin = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "attention",
    .version = "0.1.0",
    .schema_major = 1,
    .core = 1,
    .summary = "attention of every kind, and positions by formula",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("attention", 0, &plugin)
