/* plugin.c - the plugin `elementwise`. */
#include "plugins/elementwise/elementwise.h"

static const tfm_op_desc *const ops[] = {
#define OP(id) &id##_op,
#define KERNEL(id)
#include "plugins/elementwise/ops.def"
#undef OP
#undef KERNEL
};

static const tfm_kernel_desc *const kernels[] = {
#define OP(id)
#define KERNEL(id) &id,
#include "plugins/elementwise/ops.def"
#undef OP
#undef KERNEL
};

static const tfm_plugin_desc plugin = {
    .struct_size = sizeof(tfm_plugin_desc),
    .name = "elementwise",
    .version = "0.1.0",
    .schema_major = 1,
    .core = 1,
    .summary = "arithmetic and functions, element by element, and sums over an axis",
    .license = "MIT",
    .op_count = sizeof ops / sizeof ops[0],
    .kernel_count = sizeof kernels / sizeof kernels[0],
    .op = ops,
    .kernel = kernels,
};

TFM_PLUGIN("elementwise", 0, &plugin)
