/* elementwise.h - the ops and kernels of the plugin `elementwise`. */
#ifndef TFM_PLUGINS_ELEMENTWISE_ELEMENTWISE_H
#define TFM_PLUGINS_ELEMENTWISE_ELEMENTWISE_H

#include "tfm/plugin.h"

#define OP(id)     extern const tfm_op_desc id##_op;
#define KERNEL(id) extern const tfm_kernel_desc id;
#include "plugins/elementwise/ops.def"
#undef OP
#undef KERNEL

#endif
