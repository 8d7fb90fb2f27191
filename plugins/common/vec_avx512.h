/* vec_avx512.h - vec.h for AVX-512 (F, BW, DQ, VL). */
#ifndef TFM_PLUGINS_COMMON_VEC_AVX512_H
#define TFM_PLUGINS_COMMON_VEC_AVX512_H

#include "plugins/common/simd.h"

#include <immintrin.h>
#include <stdint.h>

#define SIMD_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))
#define SIMD_INLINE                                                                                \
  static inline                                                                                    \
      __attribute__((always_inline, target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")))

enum { VEC_WIDTH = 16, VEC_REGISTERS = 32, VEC_FUSED = 1 };
typedef __m512 vec;

SIMD_INLINE __mmask16 vec_first(int64_t n) {
  return (__mmask16)((1u << n) - 1u);
}
SIMD_INLINE vec vec_set(float x) {
  return _mm512_set1_ps(x);
}
SIMD_INLINE vec vec_load(const float *from) {
  return _mm512_loadu_ps(from);
}
SIMD_INLINE void vec_store(float *to, vec v) {
  _mm512_storeu_ps(to, v);
}
SIMD_INLINE vec vec_load_part(const float *from, int64_t n) {
  return _mm512_maskz_loadu_ps(vec_first(n), from);
}
SIMD_INLINE void vec_store_part(float *to, vec v, int64_t n) {
  _mm512_mask_storeu_ps(to, vec_first(n), v);
}
SIMD_INLINE vec vec_add(vec a, vec b) {
  return _mm512_add_ps(a, b);
}
SIMD_INLINE vec vec_sub(vec a, vec b) {
  return _mm512_sub_ps(a, b);
}
SIMD_INLINE vec vec_mul(vec a, vec b) {
  return _mm512_mul_ps(a, b);
}
SIMD_INLINE vec vec_div(vec a, vec b) {
  return _mm512_div_ps(a, b);
}
SIMD_INLINE vec vec_max(vec a, vec b) {
  return _mm512_max_ps(a, b);
}
SIMD_INLINE vec vec_min(vec a, vec b) {
  return _mm512_min_ps(a, b);
}
/* a * b + c */
SIMD_INLINE vec vec_fma(vec a, vec b, vec c) {
  return _mm512_fmadd_ps(a, b, c);
}
/* c - a * b */
SIMD_INLINE vec vec_fnma(vec a, vec b, vec c) {
  return _mm512_fnmadd_ps(a, b, c);
}
SIMD_INLINE vec vec_abs(vec a) {
  return _mm512_abs_ps(a);
}
/* The magnitude of a with the sign of b. */
SIMD_INLINE vec vec_copysign(vec a, vec b) {
  return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(
      _mm512_set1_epi32(INT32_MIN), _mm512_castps_si512(b), _mm512_castps_si512(a), 0xca));
}
/* a < b ? yes : no, lane by lane; no when either is NaN. */
SIMD_INLINE vec vec_if_less(vec a, vec b, vec yes, vec no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
/* Bit i of bits ? yes : no. */
SIMD_INLINE vec vec_if_bits(uint32_t bits, vec yes, vec no) {
  return _mm512_mask_blend_ps((__mmask16)bits, no, yes);
}
/* a * 2^n, for whole n in [-252, 252], given as a float. */
SIMD_INLINE vec vec_ldexp(vec a, vec n) {
  return _mm512_scalef_ps(a, n);
}
/* The lowest bits of whole n, |n| < 2^22: bit 0 or bit 1 set ? yes : no. */
SIMD_INLINE vec vec_if_bit(vec n, int bit, vec yes, vec no) {
  __mmask16 set = _mm512_test_epi32_mask(_mm512_cvtps_epi32(n), _mm512_set1_epi32(1 << bit));
  return _mm512_mask_blend_ps(set, no, yes);
}
/* Lanes are summed as a tree: halves, quarters, ... */
SIMD_INLINE float vec_sum(vec a) {
  __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_shuffle_ps(q, q, 1)));
}
SIMD_INLINE float vec_max_across(vec a) {
  __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  q = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_shuffle_ps(q, q, 1)));
}

/* Columns 4q to 4q + 3 of 16 rows.  Lane L of in[j] is a piece of row 4L + j,
 * so that a transposition of 4 x 4 within the lanes is all that is left. */
SIMD_INLINE void vec_transpose_four(const float *from, int64_t from_stride, __m512 out[4]) {
  __m512 in[4];
  SIMD_UNROLL for (int j = 0; j < 4; j++) {
    const float *row = from + j * from_stride;
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(row));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(row + 4 * from_stride), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(row + 8 * from_stride), 2);
    in[j] = _mm512_insertf32x4(v, _mm_loadu_ps(row + 12 * from_stride), 3);
  }
  __m512d ab = _mm512_castps_pd(_mm512_unpacklo_ps(in[0], in[1]));
  __m512d cd = _mm512_castps_pd(_mm512_unpacklo_ps(in[2], in[3]));
  out[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
  out[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
  ab = _mm512_castps_pd(_mm512_unpackhi_ps(in[0], in[1]));
  cd = _mm512_castps_pd(_mm512_unpackhi_ps(in[2], in[3]));
  out[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd));
  out[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd));
}

#endif
