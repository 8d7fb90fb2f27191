/* pooling.h - the ops and kernels of the plugin `pooling`. */
#ifndef TFM_PLUGINS_POOLING_POOLING_H
#define TFM_PLUGINS_POOLING_POOLING_H

#include "tfm/plugin.h"

extern const tfm_op_desc last_token_op, mean_pool_op, pool_op;
extern const tfm_kernel_desc last_token_reference, mean_pool_reference, pool_reference;

#endif
