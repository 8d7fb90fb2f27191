/* plugin.c - the plugin `norm`. */
#include "plugins/norm/norm.h"

static const tfm_op_desc *const ops[] = {
#define OP(id) &id##_op,
#define KERNEL(id)
#define ISAS(id)
#include "plugins/norm/ops.def"
#undef OP
#undef KERNEL
#undef ISAS
};

static const tfm_kernel_desc *const kernels[] = {
#define OP(id)
#define KERNEL(id) &id,
#if defined(__x86_64__)
#define ISAS(id) &id##_base, &id##_avx2, &id##_avx512,
#else
#define ISAS(id) &id##_base,
#endif
#include "plugins/norm/ops.def"
#undef OP
#undef KERNEL
#undef ISAS
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
