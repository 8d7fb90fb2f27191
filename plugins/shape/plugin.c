/* plugin.c - the plugin `shape`. */
#include "plugins/shape/shape.h"

static const tfm_op_desc *const ops[] = {
    &split_op, &slice_op, &select_op, &concat_op, &reshape_op, &transpose_op,
};

static const tfm_kernel_desc *const kernels[] = {
    &split_reference,  &slice_reference,   &select_reference,
    &concat_reference, &reshape_reference, &transpose_reference,
};

static const tfm_plugin_desc plugin = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "shape",
    .version = "0.1.0",
    .schema_major = 1,
    .core = 1,
    .summary = "parts and views of tensors",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("shape", 0, &plugin)
