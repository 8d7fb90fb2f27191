/* kernel.h - the fields that every descriptor of the package's own ops and
 * kernels has in common. */
#ifndef TFM_PLUGINS_COMMON_KERNEL_H
#define TFM_PLUGINS_COMMON_KERNEL_H

#include "tfm/plugin.h"

#define OP_OF(op_schema) .struct_size = sizeof(tfm_op_desc), .version = 1, .schema = (op_schema)

/* flags beside DETERMINISTIC, which all are: 0 or REFERENCE, INPLACE_OK. */
#define KERNEL_OF(kernel_op, kernel_name, kernel_flags)                                            \
  .struct_size = sizeof(tfm_kernel_desc), .op_min = 1, .op_max = 1, .op = (kernel_op),             \
  .name = (kernel_name), .device = "cpu", .flags = TFM_KERNEL_DETERMINISTIC | (kernel_flags)

#endif
