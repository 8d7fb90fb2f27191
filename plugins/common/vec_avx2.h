/* vec_avx2.h - vec.h for AVX2 with FMA. */
#ifndef TFM_PLUGINS_COMMON_VEC_AVX2_H
#define TFM_PLUGINS_COMMON_VEC_AVX2_H

#include "plugins/common/simd.h"

#include <immintrin.h>
#include <stdint.h>

#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_INLINE static inline __attribute__((always_inline, target("avx2,fma")))

enum { VEC_WIDTH = 8, VEC_REGISTERS = 16, VEC_FUSED = 1 };
typedef __m256 vec;

SIMD_INLINE __m256i vec_first(int64_t n) {
  __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}
SIMD_INLINE vec vec_set(float x) {
  return _mm256_set1_ps(x);
}
SIMD_INLINE vec vec_load(const float *from) {
  return _mm256_loadu_ps(from);
}
SIMD_INLINE void vec_store(float *to, vec v) {
  _mm256_storeu_ps(to, v);
}
SIMD_INLINE vec vec_load_part(const float *from, int64_t n) {
  return _mm256_maskload_ps(from, vec_first(n));
}
SIMD_INLINE void vec_store_part(float *to, vec v, int64_t n) {
  _mm256_maskstore_ps(to, vec_first(n), v);
}
SIMD_INLINE vec vec_add(vec a, vec b) {
  return _mm256_add_ps(a, b);
}
SIMD_INLINE vec vec_sub(vec a, vec b) {
  return _mm256_sub_ps(a, b);
}
SIMD_INLINE vec vec_mul(vec a, vec b) {
  return _mm256_mul_ps(a, b);
}
SIMD_INLINE vec vec_div(vec a, vec b) {
  return _mm256_div_ps(a, b);
}
SIMD_INLINE vec vec_max(vec a, vec b) {
  return _mm256_max_ps(a, b);
}
SIMD_INLINE vec vec_min(vec a, vec b) {
  return _mm256_min_ps(a, b);
}
/* a * b + c */
SIMD_INLINE vec vec_fma(vec a, vec b, vec c) {
  return _mm256_fmadd_ps(a, b, c);
}
/* c - a * b */
SIMD_INLINE vec vec_fnma(vec a, vec b, vec c) {
  return _mm256_fnmadd_ps(a, b, c);
}
SIMD_INLINE vec vec_abs(vec a) {
  return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
/* The magnitude of a with the sign of b. */
SIMD_INLINE vec vec_copysign(vec a, vec b) {
  vec sign = _mm256_set1_ps(-0.0f);
  return _mm256_or_ps(_mm256_andnot_ps(sign, a), _mm256_and_ps(sign, b));
}
/* a < b ? yes : no, lane by lane; no when either is NaN. */
SIMD_INLINE vec vec_if_less(vec a, vec b, vec yes, vec no) {
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
/* Bit i of bits ? yes : no. */
SIMD_INLINE vec vec_if_bits(uint32_t bits, vec yes, vec no) {
  __m256i one = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  __m256i set = _mm256_and_si256(_mm256_set1_epi32((int)bits), one);
  return _mm256_blendv_ps(no, yes, _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, one)));
}
/* a * 2^n, for whole n in [-252, 252], given as a float: in two steps, since
 * 2^n alone may be out of range. */
SIMD_INLINE vec vec_ldexp(vec a, vec n) {
  __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
  __m256i rest = _mm256_sub_epi32(whole, half), bias = _mm256_set1_epi32(127);
  __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  __m256i second = _mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(a, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second));
}
/* The lowest bits of whole n, |n| < 2^22: bit 0 or bit 1 set ? yes : no. */
SIMD_INLINE vec vec_if_bit(vec n, int bit, vec yes, vec no) {
  __m256i high = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 31 - bit);
  return _mm256_blendv_ps(no, yes, _mm256_castsi256_ps(high));
}
/* Lanes are summed as a tree: halves, quarters, ... */
SIMD_INLINE float vec_sum(vec a) {
  __m128 q = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  q = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(q, _mm_shuffle_ps(q, q, 1)));
}
SIMD_INLINE float vec_max_across(vec a) {
  __m128 q = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  q = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(q, _mm_shuffle_ps(q, q, 1)));
}

/* Columns 4q to 4q + 3 of 8 rows.  Lane L of in[j] is a piece of row 4L + j,
 * so that a transposition of 4 x 4 within the lanes is all that is left. */
SIMD_INLINE void vec_transpose_four(const float *from, int64_t from_stride, __m256 out[4]) {
  __m256 in[4];
  SIMD_UNROLL for (int j = 0; j < 4; j++) {
    const float *row = from + j * from_stride;
    __m256 v = _mm256_castps128_ps256(_mm_loadu_ps(row));
    in[j] = _mm256_insertf128_ps(v, _mm_loadu_ps(row + 4 * from_stride), 1);
  }
  __m256d ab = _mm256_castps_pd(_mm256_unpacklo_ps(in[0], in[1]));
  __m256d cd = _mm256_castps_pd(_mm256_unpacklo_ps(in[2], in[3]));
  out[0] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd));
  out[1] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd));
  ab = _mm256_castps_pd(_mm256_unpackhi_ps(in[0], in[1]));
  cd = _mm256_castps_pd(_mm256_unpackhi_ps(in[2], in[3]));
  out[2] = _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd));
  out[3] = _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd));
}

#endif
