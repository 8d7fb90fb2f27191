/* avx512.c - 16 lanes.
 *
 * Tile: 14 rows of a times 2 vectors of the panel, 28 sums in 32 registers. */
#include "runtime/gemm/isa.h"

#include "base/half.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET GEMM_UNCHECKED __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,f16c,fma")))
#define INLINE static inline TARGET __attribute__((always_inline))

typedef __m512 vector;
enum { LANES = 16, TILE_M = 14, COLUMN_STEPS = 8 };
#define EACH_TILE_M(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)

INLINE vector zero(void) {
  return _mm512_setzero_ps();
}

INLINE vector repeat(const float *value) {
  return _mm512_set1_ps(*value);
}

INLINE vector add(vector a, vector b) {
  return _mm512_add_ps(a, b);
}

INLINE vector multiply_add(vector a, vector b, vector sum) {
  return _mm512_fmadd_ps(a, b, sum);
}

INLINE __mmask16 first_lanes(int64_t count) {
  return (__mmask16)(count >= LANES ? 0xffffu : (1u << count) - 1u);
}

INLINE vector load(const tfm_dtype dtype, const char *from, int64_t count) {
  __mmask16 mask = first_lanes(count);
  if (dtype == TFM_F32)
    return _mm512_maskz_loadu_ps(mask, from);
  __m256i half = _mm256_maskz_loadu_epi16(mask, from);
  if (dtype == TFM_F16)
    return _mm512_cvtph_ps(half);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

INLINE void store(float *to, vector v, int64_t count) {
  _mm512_mask_storeu_ps(to, first_lanes(count), v);
}

INLINE vector pair_low(vector a, vector b) {
  return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}

INLINE vector pair_high(vector a, vector b) {
  return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}

/* First 4 x 4 inside the 128-bit quarters, then 4 x 4 of the quarters. */
INLINE void transpose(vector r[LANES]) {
  vector t[LANES];
  GEMM_UNROLL
  for (int i = 0; i < LANES; i += 4) {
    vector a = _mm512_unpacklo_ps(r[i], r[i + 1]), b = _mm512_unpackhi_ps(r[i], r[i + 1]);
    vector c = _mm512_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
    t[i] = pair_low(a, c);
    t[i + 1] = pair_high(a, c);
    t[i + 2] = pair_low(b, d);
    t[i + 3] = pair_high(b, d);
  }
  GEMM_UNROLL
  for (int j = 0; j < 4; j++) {
    vector a = _mm512_shuffle_f32x4(t[j], t[4 + j], 0x44);
    vector b = _mm512_shuffle_f32x4(t[j], t[4 + j], 0xee);
    vector c = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0x44);
    vector d = _mm512_shuffle_f32x4(t[8 + j], t[12 + j], 0xee);
    r[j] = _mm512_shuffle_f32x4(a, c, 0x88);
    r[4 + j] = _mm512_shuffle_f32x4(a, c, 0xdd);
    r[8 + j] = _mm512_shuffle_f32x4(b, d, 0x88);
    r[12 + j] = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
}

#include "runtime/gemm/kernel.inc"

INLINE void round_halves(float *to, int count) {
  for (int i = 0; i < count; i += LANES)
    _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm512_cvtps_ph(_mm512_loadu_ps(to + i),
                                                             _MM_FROUND_TO_NEAREST_INT)));
}

#define BLOCK       static TARGET
#define WIDEN_TABLE widen_table
#include "base/widen.inc"

const struct gemm_isa gemm_avx512 = {
    .name = "avx512",
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .direct_m = DIRECT_M,
    .pack = pack,
    .tile = tile,
    .direct = direct,
    .widen = widen_table,
};

#else
typedef int gemm_avx512_is_for_x86_64; /* C11 wants a declaration in every file */
#endif
