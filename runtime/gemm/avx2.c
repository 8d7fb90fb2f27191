/* avx2.c - 8 lanes, with FMA and F16C.
 *
 * Tile: 6 rows of a times 2 vectors of the panel, 12 sums in 16 registers. */
#include "runtime/gemm/isa.h"

#include "base/half.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define TARGET GEMM_UNCHECKED __attribute__((target("avx2,fma,f16c")))
#define INLINE static inline TARGET __attribute__((always_inline))

typedef __m256 vector;
enum { LANES = 8, TILE_M = 6, COLUMN_STEPS = 4 };
#define EACH_TILE_M(X) X(1) X(2) X(3) X(4) X(5) X(6)

INLINE vector zero(void) {
  return _mm256_setzero_ps();
}

INLINE vector repeat(const float *value) {
  return _mm256_broadcast_ss(value);
}

INLINE vector add(vector a, vector b) {
  return _mm256_add_ps(a, b);
}

INLINE vector multiply_add(vector a, vector b, vector sum) {
  return _mm256_fmadd_ps(a, b, sum);
}

INLINE __m256i first_lanes(int64_t count) {
  __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane);
}

INLINE vector load(const tfm_dtype dtype, const char *from, int64_t count) {
  if (dtype == TFM_F32)
    return count >= LANES ? _mm256_loadu_ps((const float *)from)
                          : _mm256_maskload_ps((const float *)from, first_lanes(count));
  __m128i half = _mm_setzero_si128();
  if (count >= LANES)
    half = _mm_loadu_si128((const __m128i *)from);
  else
    memcpy(&half, from, (size_t)count * 2);
  if (dtype == TFM_F16)
    return _mm256_cvtph_ps(half);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

INLINE void store(float *to, vector v, int64_t count) {
  if (count >= LANES)
    _mm256_storeu_ps(to, v);
  else
    _mm256_maskstore_ps(to, first_lanes(count), v);
}

/* First 4 x 4 inside the 128-bit halves, then the halves change places. */
INLINE void transpose(vector r[LANES]) {
  vector t[LANES];
  GEMM_UNROLL
  for (int i = 0; i < LANES; i += 4) {
    vector a = _mm256_unpacklo_ps(r[i], r[i + 1]), b = _mm256_unpackhi_ps(r[i], r[i + 1]);
    vector c = _mm256_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
    t[i] = _mm256_shuffle_ps(a, c, 0x44);
    t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
    t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
    t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
  }
  GEMM_UNROLL
  for (int j = 0; j < 4; j++) {
    r[j] = _mm256_permute2f128_ps(t[j], t[4 + j], 0x20);
    r[4 + j] = _mm256_permute2f128_ps(t[j], t[4 + j], 0x31);
  }
}

#include "runtime/gemm/kernel.inc"

INLINE void round_halves(float *to, int count) {
  for (int i = 0; i < count; i += LANES)
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm256_cvtps_ph(_mm256_loadu_ps(to + i),
                                                             _MM_FROUND_TO_NEAREST_INT)));
}

#define BLOCK       static TARGET
#define WIDEN_TABLE widen_table
#include "base/widen.inc"

const struct gemm_isa gemm_avx2 = {
    .name = "avx2",
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .direct_m = DIRECT_M,
    .pack = pack,
    .tile = tile,
    .direct = direct,
    .widen = widen_table,
};

#else
typedef int gemm_avx2_is_for_x86_64; /* C11 wants a declaration in every file */
#endif
