/* rows.h - layer_norm and rms_norm of one row, on vectors; included once for
 * each instruction set.  Sums are taken in four vectors of partial sums that
 * are added as a tree at the end: the order depends on the width only. */
#ifndef TFM_PLUGINS_NORM_ROWS_H
#define TFM_PLUGINS_NORM_ROWS_H

#include "plugins/common/vec.h"
#include "plugins/norm/norm.h"

#include <math.h>

/* Of x[i] - shift, or of their squares. */
SIMD_INLINE float row_sum(const float *x, int64_t width, float shift, int squares) {
  vec sum[4] = {vec_set(0), vec_set(0), vec_set(0), vec_set(0)}, away = vec_set(shift);
  int64_t i = 0;
  for (; i + 4 * VEC_WIDTH <= width; i += 4 * VEC_WIDTH) {
    SIMD_UNROLL for (int j = 0; j < 4; j++) {
      vec v = vec_sub(vec_load(x + i + j * VEC_WIDTH), away);
      sum[j] = squares ? vec_fma(v, v, sum[j]) : vec_add(sum[j], v);
    }
  }
  for (int j = 0; i < width; i += VEC_WIDTH, j++) {
    vec v = vec_sub(vec_load_upto(x + i, width - i), away);
    if (width - i < VEC_WIDTH) /* the lanes past the end hold -shift */
      v = vec_if_bits((1u << (width - i)) - 1u, v, vec_set(0));
    sum[j] = squares ? vec_fma(v, v, sum[j]) : vec_add(sum[j], v);
  }
  return vec_sum(vec_add(vec_add(sum[0], sum[1]), vec_add(sum[2], sum[3])));
}

/* out = (x - mean) * scale * weight + bias; without a weight it is 1 */
SIMD_INLINE void row_apply(const struct norm *norm, const float *x, float *out, float mean,
                           float scale) {
  vec center = vec_set(mean), factor = vec_set(scale);
  for (int64_t i = 0; i < norm->width; i += VEC_WIDTH) {
    int64_t n = norm->width - i;
    vec v = vec_mul(vec_sub(vec_load_upto(x + i, n), center), factor);
    vec w = norm->weight ? vec_load_upto(norm->weight + i, n) : vec_set(1.0f);
    v = norm->bias ? vec_fma(v, w, vec_load_upto(norm->bias + i, n)) : vec_mul(v, w);
    vec_store_upto(out + i, v, n);
  }
}

SIMD_TARGET static void row_add(const float *a, const float *b, float *sum, int64_t width) {
  for (int64_t i = 0; i < width; i += VEC_WIDTH) {
    int64_t n = width - i;
    vec_store_upto(sum + i, vec_add(vec_load_upto(a + i, n), vec_load_upto(b + i, n)), n);
  }
}

SIMD_TARGET static void layer_norm_row(const struct norm *norm, const float *x, float *out) {
  float width = (float)norm->width;
  float mean = row_sum(x, norm->width, 0, 0) / width;
  float variance = row_sum(x, norm->width, mean, 1) / width;
  row_apply(norm, x, out, mean, 1.0f / sqrtf(variance + (float)norm->eps));
}

SIMD_TARGET static void rms_norm_row(const struct norm *norm, const float *x, float *out) {
  float square = row_sum(x, norm->width, 0, 1) / (float)norm->width;
  row_apply(norm, x, out, 0, 1.0f / sqrtf(square + (float)norm->eps));
}

static tfm_status layer_norm_prepare(const tfm_host *host, const tfm_node *node,
                                     const tfm_tensor *const *weight, void **instance) {
  return norm_prepare(host, node, weight, layer_norm_row, row_add, instance);
}

static tfm_status rms_norm_prepare(const tfm_host *host, const tfm_node *node,
                                   const tfm_tensor *const *weight, void **instance) {
  return norm_prepare(host, node, weight, rms_norm_row, row_add, instance);
}

#define ROWS_KERNEL(op, prepare, run)                                                              \
  { NORM_KERNEL(op, SIMD_LABEL, 0, prepare, run), .cpu_need = {SIMD_NEED}, .score = SIMD_SCORE }

const tfm_kernel_desc SIMD_NAME(layer_norm) = ROWS_KERNEL("layer_norm", layer_norm_prepare,
                                                          norm_run);
const tfm_kernel_desc SIMD_NAME(rms_norm) = ROWS_KERNEL("rms_norm", rms_norm_prepare, norm_run);
const tfm_kernel_desc SIMD_NAME(add_layer_norm) = ROWS_KERNEL("add_layer_norm", layer_norm_prepare,
                                                              norm_run_sum);
const tfm_kernel_desc SIMD_NAME(add_rms_norm) = ROWS_KERNEL("add_rms_norm", rms_norm_prepare,
                                                            norm_run_sum);

#endif
