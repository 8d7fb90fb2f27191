/* nop.c - an op that does nothing, in place: what a node costs besides its kernel. */
#include "tfm/plugin.h"

static tfm_status run(const tfm_host *host, const void *instance, const tfm_run *run) {
  (void)host;
  (void)instance;
  (void)run;
  return TFM_OK;
}

static const tfm_op_desc op = {.struct_size = sizeof(tfm_op_desc),
                               .flags = TFM_OP_KEEPS_TOKENS,
                               .version = 1,
                               .schema = "## x.\nop nop(x: [...]) -> [...]"};

static const tfm_kernel_desc kernel = {.struct_size = sizeof(tfm_kernel_desc),
                                       .flags = TFM_KERNEL_REFERENCE | TFM_KERNEL_INPLACE_OK |
                                                TFM_KERNEL_DETERMINISTIC,
                                       .op_min = 1,
                                       .op_max = 1,
                                       .op = "nop.nop",
                                       .name = "reference",
                                       .device = "cpu",
                                       .run = run};

static const tfm_op_desc *const ops[] = {&op};
static const tfm_kernel_desc *const kernels[] = {&kernel};
static const tfm_plugin_desc plugin = {.struct_size = sizeof(tfm_plugin_desc),
                                       .name = "nop",
                                       .version = "1",
                                       .schema_major = 1,
                                       .summary = "an op that does nothing",
                                       .license = "MIT",
                                       .op_count = 1,
                                       .kernel_count = 1,
                                       .op = ops,
                                       .kernel = kernels};

TFM_PLUGIN("nop", 0, &plugin)
