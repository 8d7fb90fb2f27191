/* masks.h - the ops and kernels of the plugin `masking`. */
#ifndef TFM_PLUGINS_MASKING_MASKS_H
#define TFM_PLUGINS_MASKING_MASKS_H

#include "tfm/plugin.h"

extern const tfm_op_desc causal_op, padding_op, window_op, prefix_op, mask_and_op, mask_or_op,
    dense_op, alibi_op, relative_op, dense_bias_op, bias_add_op;
extern const tfm_kernel_desc causal_kernel, padding_kernel, window_kernel, prefix_kernel,
    mask_and_kernel, mask_or_kernel, dense_kernel, alibi_kernel, relative_kernel, dense_bias_kernel,
    bias_add_kernel;

#endif
