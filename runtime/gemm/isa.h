/* isa.h - what one instruction set brings to a product.
 *
 * Two ways to the same bits:
 *
 *   tile     many rows of a.  Blocks of the weight are copied, widened and
 *            transposed into panels in the lane's scratch, and multiplied by
 *            tile_m rows of a at a time, with all sums in registers.
 *
 *   direct   few rows of a: bound by memory.  The weight is used as it is read.
 *
 *              n ->                       panel: tile_n wide, k <= GEMM_BLOCK
 *          +--------+--------+-----
 *      k   | panel  | panel  |            a tile: tile_m rows of GEMM_A_STRIDE,
 *      |   |        |        |            [row][k]
 *      v   +--------+--------+-----
 *
 * Both sum k in blocks of GEMM_BLOCK, as gemm.h says.  Weights here are F32, F16 or BF16:
 * others are made F32 first, a piece at a time (widen.h). */
#ifndef TFM_RUNTIME_GEMM_ISA_H
#define TFM_RUNTIME_GEMM_ISA_H

#include "base/dtype.h"
#include "runtime/gemm/gemm.h"
#include "tfm/plugin.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  GEMM_BLOCK = 384,     /* elements of k summed before they join the total */
  GEMM_A_STRIDE = 400,  /* floats; not a power of two: rows fall on different cache sets */
  GEMM_TILE_M_MAX = 14, /* of every instruction set */
  GEMM_TILE_N_MAX = 32, /* a multiple of every tile_n */
  GEMM_DIRECT_M_MAX = 8,
  GEMM_WIDTH_MAX = 192,                   /* columns of the weight in scratch at once */
  GEMM_DIRECT_MAX = 4096,                 /* columns of one call of direct, and */
  GEMM_DIRECT_SUMS = 2 * GEMM_DIRECT_MAX, /* columns times rows: 32 KiB */
  GEMM_SUMS_STRIDE = GEMM_DIRECT_MAX + 16
};

/* A piece of a weight, [n, k], either stride in bytes.  One of them is the
 * element size. */
struct gemm_piece {
  const char *data;
  int64_t n, k;
  int64_t n_stride, k_stride;
  tfm_dtype dtype;
};

/* Lines of memory to ask for while a tile is computed: in the u-th of every 16
 * steps of k, at + u * step and that + second; then at += jump. */
struct gemm_ahead {
  const char *at;
  int64_t step, second, jump;
};

/* c (+)= a . panel, then + bias.  All tile_n columns of c are written. */
struct gemm_tile {
  int m; /* 1..tile_m */
  bool first;
  int64_t k;          /* 1..GEMM_BLOCK */
  const float *a;     /* [m, GEMM_A_STRIDE]                    */
  const float *panel; /* [k, tile_n], 64-byte aligned          */
  const float *bias;  /* [tile_n]; NULL but for the last block */
  float *c;
  int64_t c_stride;
  struct gemm_ahead ahead;
};

/* c = a . weight + bias for m <= direct_m rows and n * m <= GEMM_DIRECT_SUMS. */
struct gemm_direct {
  int m;
  struct gemm_piece weight;
  const float *a;
  int64_t a_stride;
  const float *bias; /* [n] or NULL */
  float *c;
  int64_t c_stride;
  float *sums; /* [GEMM_DIRECT_M_MAX, GEMM_SUMS_STRIDE], scratch */
};

struct gemm_isa {
  const char *name;
  int tile_m, tile_n;
  int direct_m;
  /* Panel p of a piece of k <= GEMM_BLOCK starts at panels + p * GEMM_BLOCK *
   * tile_n; columns past n are filled with zeros. */
  void (*pack)(const struct gemm_piece *weight, float *panels);
  void (*tile)(const struct gemm_tile *tile);
  void (*direct)(const struct gemm_direct *direct);
  /* Packed formats by dtype, the same floats as dtype_widening but sooner; may be NULL. */
  dtype_widen *const *widen;
};

/* The widest stretch that direct takes for m rows. */
static inline int64_t gemm_direct_width(int64_t m) {
  return m <= 2 ? GEMM_DIRECT_MAX : GEMM_DIRECT_SUMS / m / 64 * 64;
}

/* By name, or NULL when this processor or build does not have it. */
const struct gemm_isa *gemm_isa_find(const char *name);
int gemm_run_with(const struct gemm_isa *isa, struct pool *pool, const tfm_gemm *const *problem,
                  uint32_t count, struct tfm_error *err);

extern const struct gemm_isa gemm_portable;
#if defined(__x86_64__)
extern const struct gemm_isa gemm_avx2, gemm_avx512;
#endif

/* Unrolled vector code takes sanitizers minutes to compile; what it reads and
 * writes is held to guard pages by tests/unit/test_gemm.c instead. */
#if defined(__GNUC__)
#define GEMM_UNCHECKED __attribute__((no_sanitize("address", "undefined", "thread")))
#else
#define GEMM_UNCHECKED
#endif

/* Fully unrolled, for loops over arrays that must live in registers. */
#if defined(__clang__)
#define GEMM_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define GEMM_UNROLL _Pragma("GCC unroll 16")
#else
#define GEMM_UNROLL
#endif

#endif
