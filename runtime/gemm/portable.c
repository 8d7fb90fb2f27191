/* portable.c - C11 for any machine, in the same order as the others.
 *
 * Where fused multiply-add is an instruction, fmaf gives the very bits of the
 * vector kernels; elsewhere it would be a slow call, and product and sum are
 * rounded apart, the same way in every loop below. */
#include "runtime/gemm/isa.h"

#include "base/dtype.h"

#include <math.h>
#include <string.h>

enum { TILE_M = 4, TILE_N = 8, DIRECT_M = 2 };

static inline float multiply_add(float a, float b, float sum) {
#ifdef FP_FAST_FMAF
  return fmaf(a, b, sum);
#else
  float product = a * b;
  return product + sum;
#endif
}

static inline float widen(const tfm_dtype dtype, const char *from) {
  uint16_t half;
  float value;
  switch (dtype) {
  case TFM_F32:
    memcpy(&value, from, sizeof value);
    return value;
  case TFM_F16:
    memcpy(&half, from, sizeof half);
    return dtype_f16_to_f32(half);
  default:
    memcpy(&half, from, sizeof half);
    return dtype_bf16_to_f32(half);
  }
}

static void pack(const struct gemm_piece *w, float *panels) {
  for (int64_t n = 0; n < w->n; n += TILE_N)
    for (int64_t k = 0; k < w->k; k++) {
      float *to = panels + n * GEMM_BLOCK + k * TILE_N;
      const char *from = w->data + n * w->n_stride + k * w->k_stride;
      for (int i = 0; i < TILE_N; i++)
        to[i] = n + i < w->n ? widen(w->dtype, from + i * w->n_stride) : 0.0f;
    }
}

static void tile_row(const struct gemm_tile *t, const float *a, float *c) {
  float s[TILE_N] = {0};
  for (int64_t k = 0; k < t->k; k++)
    for (int i = 0; i < TILE_N; i++)
      s[i] = multiply_add(a[k], t->panel[k * TILE_N + i], s[i]);
  for (int i = 0; i < TILE_N; i++) {
    float sum = t->first ? s[i] : c[i] + s[i];
    c[i] = t->bias != NULL ? sum + t->bias[i] : sum;
  }
}

static void tile(const struct gemm_tile *t) {
  for (int i = 0; i < t->m; i++)
    tile_row(t, t->a + i * GEMM_A_STRIDE, t->c + i * t->c_stride);
}

/* Eight sums side by side, so that the additions need not wait for each other. */
static void direct_eight(const struct gemm_direct *d, const float *a, int64_t n, float *c) {
  const struct gemm_piece *w = &d->weight;
  int64_t left = w->n - n;
  const char *from[TILE_N];
  float total[TILE_N] = {0};
  for (int i = 0; i < TILE_N; i++)
    from[i] = w->data + (n + (i < left ? i : left - 1)) * w->n_stride;
  for (int64_t k = 0; k < w->k;) {
    int64_t end = k + GEMM_BLOCK < w->k ? k + GEMM_BLOCK : w->k;
    float s[TILE_N] = {0};
    bool first = k == 0;
    for (; k < end; k++)
      for (int i = 0; i < TILE_N; i++)
        s[i] = multiply_add(a[k], widen(w->dtype, from[i] + k * w->k_stride), s[i]);
    for (int i = 0; i < TILE_N; i++)
      total[i] = first ? s[i] : total[i] + s[i];
  }
  for (int i = 0; i < TILE_N && i < left; i++)
    c[n + i] = d->bias != NULL ? total[i] + d->bias[n + i] : total[i];
}

static void direct(const struct gemm_direct *d) {
  for (int64_t n = 0; n < d->weight.n; n += TILE_N)
    for (int i = 0; i < d->m; i++)
      direct_eight(d, d->a + i * d->a_stride, n, d->c + i * d->c_stride);
}

const struct gemm_isa gemm_portable = {
    .name = "portable",
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .direct_m = DIRECT_M,
    .pack = pack,
    .tile = tile,
    .direct = direct,
};
