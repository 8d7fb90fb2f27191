/* plugin.c - the plugin `elementwise`. */
#include "plugins/elementwise/elementwise.h"

static const tfm_op_desc *const ops[] = {
    &add_op, &sub_op, &mul_op, &div_op, &scale_op, &constant_op,
};

static const tfm_kernel_desc *const kernels[] = {
    &add_reference,   &sub_reference,      &mul_reference, &div_reference,
    &scale_reference, &constant_reference, &add_base,      &sub_base,
    &mul_base,        &div_base,           &scale_base,
};

static const tfm_plugin_desc plugin = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "elementwise",
    .version = "0.1.0",
    .schema_major = 1,
    .core = 1,
    .summary = "sums, differences, products and quotients, element by element",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("elementwise", 0, &plugin)
