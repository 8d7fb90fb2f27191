/* vec_base.h - vec.h for any processor: four floats, as the compiler's own
 * vector type, without fused multiply-add. */
#ifndef TFM_PLUGINS_COMMON_VEC_BASE_H
#define TFM_PLUGINS_COMMON_VEC_BASE_H

#include "plugins/common/simd.h"

#include <stdint.h>
#include <string.h>

#define SIMD_TARGET
#define SIMD_INLINE static inline __attribute__((always_inline))

enum { VEC_WIDTH = 4, VEC_REGISTERS = 16, VEC_FUSED = 0 };
typedef float vec __attribute__((vector_size(16)));
typedef int32_t vec_whole __attribute__((vector_size(16)));

SIMD_INLINE vec vec_set(float x) {
  return (vec){x, x, x, x};
}
SIMD_INLINE vec vec_load(const float *from) {
  vec v;
  memcpy(&v, from, sizeof v);
  return v;
}
SIMD_INLINE void vec_store(float *to, vec v) {
  memcpy(to, &v, sizeof v);
}
SIMD_INLINE vec vec_load_part(const float *from, int64_t n) {
  vec v = vec_set(0);
  for (int i = 0; i < VEC_WIDTH - 1; i++)
    v[i] = i < n ? from[i] : 0;
  return v;
}
SIMD_INLINE void vec_store_part(float *to, vec v, int64_t n) {
  for (int i = 0; i < VEC_WIDTH - 1; i++)
    if (i < n)
      to[i] = v[i];
}
SIMD_INLINE vec vec_add(vec a, vec b) {
  return a + b;
}
SIMD_INLINE vec vec_sub(vec a, vec b) {
  return a - b;
}
SIMD_INLINE vec vec_mul(vec a, vec b) {
  return a * b;
}
SIMD_INLINE vec vec_div(vec a, vec b) {
  return a / b;
}
/* a * b + c */
SIMD_INLINE vec vec_fma(vec a, vec b, vec c) {
  return a * b + c;
}
/* c - a * b */
SIMD_INLINE vec vec_fnma(vec a, vec b, vec c) {
  return c - a * b;
}
SIMD_INLINE vec vec_choose(vec_whole mask, vec yes, vec no) {
  return (vec)((mask & (vec_whole)yes) | (~mask & (vec_whole)no));
}
SIMD_INLINE vec vec_max(vec a, vec b) {
  return vec_choose(a > b, a, b);
}
SIMD_INLINE vec vec_min(vec a, vec b) {
  return vec_choose(a < b, a, b);
}
SIMD_INLINE vec vec_abs(vec a) {
  return (vec)((vec_whole)a & INT32_MAX);
}
/* The magnitude of a with the sign of b. */
SIMD_INLINE vec vec_copysign(vec a, vec b) {
  return (vec)(((vec_whole)a & INT32_MAX) | ((vec_whole)b & INT32_MIN));
}
/* a < b ? yes : no, lane by lane; no when either is NaN. */
SIMD_INLINE vec vec_if_less(vec a, vec b, vec yes, vec no) {
  return vec_choose(a < b, yes, no);
}
/* Bit i of bits ? yes : no. */
SIMD_INLINE vec vec_if_bits(uint32_t bits, vec yes, vec no) {
  vec_whole one = {1, 2, 4, 8}, all = {(int32_t)bits, (int32_t)bits, (int32_t)bits, (int32_t)bits};
  return vec_choose((all & one) != 0, yes, no);
}
/* n as an integer, for whole |n| < 2^22: adding 1.5 * 2^23 leaves it in the
 * lowest bits.  NaN gives some number. */
SIMD_INLINE vec_whole vec_to_whole(vec n) {
  vec magic = vec_set(12582912.0f);
  return (vec_whole)(n + magic) - (vec_whole)magic;
}
/* a * 2^n, for whole n in [-252, 252], given as a float: in two steps, since
 * 2^n alone may be out of range. */
SIMD_INLINE vec vec_ldexp(vec a, vec n) {
  vec_whole whole = vec_to_whole(n) & 0x1ff; /* what NaN gives, too, must not overflow */
  whole = (whole ^ 0x100) - 0x100;
  vec_whole half = whole >> 1, rest = whole - half;
  return a * (vec)((half + 127) << 23) * (vec)((rest + 127) << 23);
}
/* The lowest bits of whole n, |n| < 2^22: bit 0 or bit 1 set ? yes : no. */
SIMD_INLINE vec vec_if_bit(vec n, int bit, vec yes, vec no) {
  int32_t b = 1 << bit;
  return vec_choose((vec_to_whole(n) & (vec_whole){b, b, b, b}) != 0, yes, no);
}
/* Lanes are summed as a tree: halves, quarters. */
SIMD_INLINE float vec_sum(vec a) {
  return (a[0] + a[2]) + (a[1] + a[3]);
}
SIMD_INLINE float vec_max_across(vec a) {
  float low = a[0] > a[2] ? a[0] : a[2], high = a[1] > a[3] ? a[1] : a[3];
  return low > high ? low : high;
}

/* Columns 0 to 3 of 4 rows. */
SIMD_INLINE void vec_transpose_four(const float *from, int64_t from_stride, vec out[4]) {
  const float *a = from, *b = a + from_stride, *c = b + from_stride, *d = c + from_stride;
  SIMD_UNROLL for (int j = 0; j < 4; j++) out[j] = (vec){a[j], b[j], c[j], d[j]};
}

#endif
