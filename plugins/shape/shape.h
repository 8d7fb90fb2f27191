/* shape.h - the ops and kernels of the plugin `shape`. */
#ifndef TFM_PLUGINS_SHAPE_SHAPE_H
#define TFM_PLUGINS_SHAPE_SHAPE_H

#include "tfm/plugin.h"

extern const tfm_op_desc split_op, select_op, concat_op;
extern const tfm_kernel_desc split_reference, select_reference, concat_reference;

#endif
