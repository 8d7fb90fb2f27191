/* elementwise.h - the ops and kernels of the plugin `elementwise`. */
#ifndef TFM_PLUGINS_ELEMENTWISE_ELEMENTWISE_H
#define TFM_PLUGINS_ELEMENTWISE_ELEMENTWISE_H

#include "tfm/plugin.h"

extern const tfm_op_desc add_op, sub_op, mul_op, div_op, scale_op, constant_op;
extern const tfm_kernel_desc add_reference, sub_reference, mul_reference, div_reference,
    scale_reference, constant_reference;
extern const tfm_kernel_desc add_base, sub_base, mul_base, div_base, scale_base;

#endif
