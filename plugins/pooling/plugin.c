/* plugin.c - the plugin `pooling`. */
#include "plugins/pooling/pooling.h"

static const tfm_op_desc *const ops[] = {
    &last_token_op,
    &mean_pool_op,
    &pool_op,
};

static const tfm_kernel_desc *const kernels[] = {
    &last_token_reference,
    &mean_pool_reference,
    &pool_reference,
};

static const tfm_plugin_desc plugin = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "pooling",
    .version = "0.1.0",
    .schema_major = 1,
    .core = 1,
    .summary = "one vector for a text: its last token, or its tokens pooled",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("pooling", 0, &plugin)
