/* view.h - a tfm_tensor as a shape over strides. */
#ifndef TFM_RUNTIME_VIEW_H
#define TFM_RUNTIME_VIEW_H

#include "tfm/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The strides of a contiguous tensor of its dtype and shape. */
void view_set_contiguous(tfm_tensor *t);
/* Strides of dimensions of 1 do not matter. */
bool view_is_contiguous(const tfm_tensor *t);
/* Elements; false when even at 8 bytes each they do not fit the memory. */
bool view_count(const int64_t *shape, uint32_t rank, size_t *count);
/* Element by element; to and from have one shape and element size. */
void view_copy(const tfm_tensor *to, const tfm_tensor *from);

#endif
