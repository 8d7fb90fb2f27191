/* weights.h - what `prepare` does with small weights: f32, contiguous. */
#ifndef TFM_PLUGINS_COMMON_WEIGHTS_H
#define TFM_PLUGINS_COMMON_WEIGHTS_H

#include "tfm/plugin.h"

/* What can be read a row at a time. */
#define TFM_ROWS_WEIGHTS (TFM_FLOAT_WEIGHTS | TFM_PACKED_WEIGHTS)

/* The bytes of a plain float, 0 for packed dtypes, of which only whole rows can be read. */
static inline int64_t weights_size(tfm_dtype dtype) {
  return dtype == TFM_F32 ? 4 : TFM_BIT(dtype) & TFM_FLOAT_WEIGHTS ? 2 : 0;
}

/* A copy of a weight of rank 1 or 2, whatever its dtype and strides, to be
 * given back with host->release.  A weight that is absent is NULL and TFM_OK. */
static inline tfm_status weights_f32(const tfm_host *host, const tfm_tensor *weight, float **out) {
  *out = NULL;
  if (!weight)
    return TFM_OK;
  int64_t rows = weight->rank == 2 ? weight->shape[0] : 1,
          columns = weight->shape[weight->rank - 1];
  int64_t row_stride = weight->rank == 2 ? weight->stride[0] : 0;
  int64_t stride = weight->stride[weight->rank - 1];
  int64_t size = weights_size(weight->dtype);
  float *copy = host->alloc(host, (size_t)(rows * columns + 1) * sizeof *copy);
  if (!copy)
    return TFM_NO_MEMORY;
  tfm_status status = TFM_OK;
  for (int64_t r = 0; r < rows && status == TFM_OK; r++) {
    const char *from = (const char *)weight->data + r * row_stride;
    if (stride == size || size == 0 || columns < 2) {
      status = host->to_f32(host, weight->dtype, from, copy + r * columns, columns);
      continue;
    }
    for (int64_t c = 0; c < columns && status == TFM_OK; c++)
      status = host->to_f32(host, weight->dtype, from + c * stride, copy + r * columns + c, 1);
  }
  if (status != TFM_OK) {
    host->release(host, copy);
    return status;
  }
  *out = copy;
  return TFM_OK;
}

/* The number of rows of a tensor whose last dimension is one row. */
static inline int64_t tensor_rows(const tfm_tensor *t) {
  int64_t rows = 1;
  for (uint32_t i = 0; i + 1 < t->rank; i++)
    rows *= t->shape[i];
  return rows;
}

static inline int64_t tensor_count(const tfm_tensor *t) {
  int64_t count = 1;
  for (uint32_t i = 0; i < t->rank; i++)
    count *= t->shape[i];
  return count;
}

#endif
