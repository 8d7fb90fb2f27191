/* widen.h - weights of any format with numbers, made F32 a piece at a time. */
#ifndef TFM_RUNTIME_GEMM_WIDEN_H
#define TFM_RUNTIME_GEMM_WIDEN_H

#include "base/dtype.h"
#include "runtime/gemm/isa.h"

#include <stdbool.h>

enum {
  WIDEN_N = GEMM_TILE_N_MAX, /* of a piece; a multiple of every panel and vector */
  WIDEN_LINE = GEMM_BLOCK + 2 * DTYPE_BLOCK_MAX
};

struct widen_scratch {
  _Alignas(64) float piece[WIDEN_N * GEMM_BLOCK];
  float line[WIDEN_LINE];
};

/* Those that every instruction set reads by itself. */
static inline bool widen_is_direct(tfm_dtype dtype) {
  return dtype == TFM_F32 || dtype == TFM_F16 || dtype == TFM_BF16;
}

/* The last dimension contiguous, or the first?  Blocks lie along the last one. */
static inline bool widen_in_rows(const tfm_tensor *w) {
  return w->stride[1] == (int64_t)dtype_block_bytes((enum dtype)w->dtype);
}

/* [n, n + n_count) x [k, k + k_count) of a weight, at most WIDEN_N x GEMM_BLOCK, as an F32
 * piece in scratch, laid as the weight is. */
struct gemm_piece widen_piece(const struct gemm_isa *isa, const tfm_tensor *w, int64_t n,
                              int64_t n_count, int64_t k, int64_t k_count,
                              struct widen_scratch *scratch);

/* What isa->pack and isa->direct do, for such a weight: d->weight's data is not looked at. */
void widen_pack(const struct gemm_isa *isa, const tfm_tensor *w, int64_t n, int64_t n_count,
                int64_t k, int64_t k_count, struct widen_scratch *scratch, float *panels);
void widen_direct(const struct gemm_isa *isa, const tfm_tensor *w, int64_t n,
                  const struct gemm_direct *d, struct widen_scratch *scratch);

#endif
