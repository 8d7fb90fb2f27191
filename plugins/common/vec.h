/* vec.h - one vocabulary for vectors of floats, whatever the instruction set.
 *
 * A kernel is written once, in a header, in terms of `vec`; a small .c file
 * for each instruction set defines SIMD_AVX512, SIMD_AVX2 or neither, and
 * includes it.  Functions are compiled for their instruction set one by one
 * (SIMD_TARGET), so nothing else in the shared object needs it.
 *
 *   vec                  VEC_WIDTH floats: 16, 8 or 4
 *   SIMD_NAME(run)       run_avx512, run_avx2, run_base
 *   SIMD_LABEL, SIMD_NEED, SIMD_SCORE   for a kernel's descriptor
 *   SIMD_TARGET          on every function that touches a vec
 *   SIMD_INLINE          the same, for the small ones
 *
 * Beside arithmetic: vec_max and vec_min give their second operand when either
 * is NaN; vec_fma is one rounding with AVX and two without. */
#ifndef TFM_PLUGINS_COMMON_VEC_H
#define TFM_PLUGINS_COMMON_VEC_H

#include <stdint.h>
#include <string.h>

#if defined(SIMD_AVX512)
#include "plugins/common/vec_avx512.h"
#elif defined(SIMD_AVX2)
#include "plugins/common/vec_avx2.h"
#else
#include "plugins/common/vec_base.h"
#endif

/* What a kernel of this instruction set is called, needs and scores. */
#if defined(SIMD_AVX512)
#define SIMD_NAME(name) name##_avx512
#define SIMD_LABEL      "avx512"
#define SIMD_NEED       (1u << TFM_CPU_X86_AVX512)
#define SIMD_SCORE      30
#elif defined(SIMD_AVX2)
#define SIMD_NAME(name) name##_avx2
#define SIMD_LABEL      "avx2"
#define SIMD_NEED       (1u << TFM_CPU_X86_AVX2)
#define SIMD_SCORE      20
#else
#define SIMD_NAME(name) name##_base
#define SIMD_LABEL      "base"
#define SIMD_NEED       0
#define SIMD_SCORE      10
#endif

/* Elements [0, n) of the memory, the rest 0; n <= VEC_WIDTH. */
SIMD_INLINE vec vec_load_upto(const float *from, int64_t n) {
  return n >= VEC_WIDTH ? vec_load(from) : vec_load_part(from, n);
}

SIMD_INLINE void vec_store_upto(float *to, vec v, int64_t n) {
  if (n >= VEC_WIDTH)
    vec_store(to, v);
  else
    vec_store_part(to, v, n);
}

/* to[c][r] = from[r][c], for VEC_WIDTH rows and columns; strides in elements. */
SIMD_TARGET static inline void vec_transpose_full(const float *from, int64_t from_stride, float *to,
                                                  int64_t to_stride) {
  for (int c = 0; c < VEC_WIDTH; c += 4) {
    vec column[4];
    vec_transpose_four(from + c, from_stride, column);
    SIMD_UNROLL for (int j = 0; j < 4; j++) vec_store(to + (c + j) * to_stride, column[j]);
  }
}

/* The same for fewer rows or columns (0 or less is none).  Rows that are not
 * there become zeros; columns that are not there are not written. */
SIMD_TARGET static inline void vec_transpose(const float *from, int64_t from_stride, int64_t rows,
                                             int64_t columns, float *to, int64_t to_stride) {
  if (rows >= VEC_WIDTH && columns >= VEC_WIDTH) {
    vec_transpose_full(from, from_stride, to, to_stride);
    return;
  }
  float square[VEC_WIDTH * VEC_WIDTH], turned[VEC_WIDTH * VEC_WIDTH];
  for (int64_t r = 0; r < VEC_WIDTH; r++) {
    vec row = vec_set(0);
    if (r < rows)
      row = vec_load_upto(from + r * from_stride, columns);
    vec_store(square + r * VEC_WIDTH, row);
  }
  vec_transpose_full(square, VEC_WIDTH, turned, VEC_WIDTH);
  for (int64_t c = 0; c < VEC_WIDTH && c < columns; c++)
    vec_store(to + c * to_stride, vec_load(turned + c * VEC_WIDTH));
}

#endif
