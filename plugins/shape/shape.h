/* shape.h - the ops and kernels of the plugin `shape`, and what they share. */
#ifndef TFM_PLUGINS_SHAPE_SHAPE_H
#define TFM_PLUGINS_SHAPE_SHAPE_H

#include "tfm/plugin.h"

#include <stddef.h>

/* The attribute `axis` from the front; out of [0, rank) if it is none. */
static inline int64_t shape_axis(const tfm_node *node, int64_t otherwise, uint32_t rank) {
  int64_t axis = tfm_attr_int(node, "axis", otherwise);
  return axis < 0 ? axis + rank : axis;
}

/* Bytes of an element of an input: all formats that are not packed. */
size_t shape_element(tfm_dtype dtype);

extern const tfm_op_desc split_op, slice_op, select_op, concat_op, reshape_op, transpose_op;
extern const tfm_kernel_desc split_reference, slice_reference, select_reference, concat_reference;
extern const tfm_kernel_desc reshape_reference, transpose_reference;

#endif
