/* plugin.c - the plugin `embedding`. */
#include "plugins/embedding/embedding.h"

static const tfm_op_desc *const ops[] = {
    &embedding_op,
};

static const tfm_kernel_desc *const kernels[] = {
    &embedding_reference,
};

static const tfm_plugin_desc plugin = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "embedding",
    .version = "0.1.0",
    .schema_major = 1,
    .core = 1,
    .summary = "a row of a table for each id",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("embedding", 0, &plugin)
