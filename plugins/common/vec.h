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

#if defined(__clang__)
#define SIMD_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SIMD_UNROLL _Pragma("GCC unroll 16")
#endif

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

#endif
