/* widen.c - any format of base/format.def as a weight.
 *
 * A piece of the weight, a few outputs by a block of k, becomes F32 in the lane's scratch
 * and goes the way of an F32 weight: the same values in the same order, so the same bits as
 * if all of it had been widened beforehand.
 *
 *        n ->   WIDEN_N        a block of packed elements may reach over the end of the
 *      +------+------+---      piece: it is widened whole into a line, and cut
 *   k  | piece| piece|
 *      +------+------+---
 *   |  | GEMM_BLOCK
 *   v                                                                                   */
#include "runtime/gemm/widen.h"

#include <string.h>

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static dtype_widen *function(const struct gemm_isa *isa, tfm_dtype dtype) {
  dtype_widen *own = isa->widen ? isa->widen[dtype] : NULL;
  return own ? own : dtype_widening((enum dtype)dtype);
}

/* count elements from number `from` on of the line at `data`. */
static void widen_line(dtype_widen *widen, enum dtype dtype, const char *data, int64_t from,
                       int64_t count, float *line, float *to) {
  const int64_t block = (int64_t)dtype_block(dtype), bytes = (int64_t)dtype_block_bytes(dtype);
  const int64_t first = from / block, end = (from + count + block - 1) / block;
  const unsigned char *at = (const unsigned char *)data + first * bytes;
  if (from % block == 0 && count % block == 0) {
    widen(at, to, (size_t)(end - first));
    return;
  }
  widen(at, line, (size_t)(end - first));
  memcpy(to, line + (from - first * block), (size_t)count * sizeof *to);
}

struct gemm_piece widen_piece(const struct gemm_isa *isa, const tfm_tensor *w, int64_t n,
                              int64_t n_count, int64_t k, int64_t k_count,
                              struct widen_scratch *scratch) {
  const enum dtype dtype = (enum dtype)w->dtype;
  const int64_t size = (int64_t)sizeof(float);
  dtype_widen *widen = function(isa, w->dtype);
  struct gemm_piece piece = {
      .data = (const char *)scratch->piece, .n = n_count, .k = k_count, .dtype = TFM_F32};
  if (widen_in_rows(w)) {
    piece.n_stride = GEMM_BLOCK * size;
    piece.k_stride = size;
    for (int64_t i = 0; i < n_count; i++)
      widen_line(widen, dtype, (const char *)w->data + (n + i) * w->stride[0], k, k_count,
                 scratch->line, scratch->piece + i * GEMM_BLOCK);
  } else {
    piece.n_stride = size;
    piece.k_stride = WIDEN_N * size;
    for (int64_t i = 0; i < k_count; i++)
      widen_line(widen, dtype, (const char *)w->data + (k + i) * w->stride[1], n, n_count,
                 scratch->line, scratch->piece + i * WIDEN_N);
  }
  return piece;
}

void widen_pack(const struct gemm_isa *isa, const tfm_tensor *w, int64_t n, int64_t n_count,
                int64_t k, int64_t k_count, struct widen_scratch *scratch, float *panels) {
  for (int64_t i = 0; i < n_count; i += WIDEN_N) {
    struct gemm_piece piece =
        widen_piece(isa, w, n + i, smaller(WIDEN_N, n_count - i), k, k_count, scratch);
    isa->pack(&piece, panels + i * GEMM_BLOCK);
  }
}

/* The sums of a block join the total as in isa.h: the first is it, the others are added. */
static void add_block(float *c, int64_t c_stride, const float *sums, int64_t rows, int64_t count) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < count; j++)
      c[i * c_stride + j] += sums[i * WIDEN_N + j];
}

static void add_bias(const struct gemm_direct *d) {
  for (int64_t i = 0; i < d->m && d->bias; i++)
    for (int64_t j = 0; j < d->weight.n; j++)
      d->c[i * d->c_stride + j] += d->bias[j];
}

void widen_direct(const struct gemm_isa *isa, const tfm_tensor *w, int64_t n,
                  const struct gemm_direct *d, struct widen_scratch *scratch) {
  float sums[GEMM_DIRECT_M_MAX * WIDEN_N];
  for (int64_t i = 0; i < d->weight.n; i += WIDEN_N)
    for (int64_t k = 0; k < d->weight.k; k += GEMM_BLOCK) {
      const int64_t count = smaller(WIDEN_N, d->weight.n - i);
      struct gemm_direct part = *d;
      part.weight =
          widen_piece(isa, w, n + i, count, k, smaller(GEMM_BLOCK, d->weight.k - k), scratch);
      part.a = d->a + k;
      part.bias = NULL;
      part.c = k == 0 ? d->c + i : sums;
      part.c_stride = k == 0 ? d->c_stride : WIDEN_N;
      isa->direct(&part);
      if (k > 0)
        add_block(d->c + i, d->c_stride, sums, d->m, count);
    }
  add_bias(d);
}
