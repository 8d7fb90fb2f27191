/* widen.c - floats of each format of elements.
 *
 * A plain format of format.def is one function here, widen_NAME, a packed one is one in
 * widen.inc. */
#include "base/dtype.h"

#include "base/half.h"

/* E4M3 (the "fn" kind): bias 7, no infinity, NaN is all ones. */
static float e4m3_to_float(uint8_t v) {
  uint32_t exponent = v >> 3 & 15u, fraction = v & 7u;
  float sign = v & 0x80u ? -1.0f : 1.0f;
  if ((v & 0x7fu) == 0x7fu)
    return half_from_bits((uint32_t)(v & 0x80u) << 24 | 0x7fc00000u);
  if (exponent == 0)
    return sign * (float)fraction * 0x1p-9f;
  return sign * half_from_bits((exponent + 120u) << 23 | fraction << 20);
}

/* E5M2 is the upper byte of an f16. */
static float e5m2_to_float(uint8_t v) {
  return half_widen((uint16_t)(v << 8));
}

static float bool_to_float(uint8_t v) {
  return v != 0 ? 1.0f : 0.0f;
}

#define WIDEN(name, type, convert)                                                                 \
  static void widen_##name(const unsigned char *from, float *to, size_t count) {                   \
    for (size_t i = 0; i < count; i++) {                                                           \
      type v;                                                                                      \
      memcpy(&v, from + i * sizeof v, sizeof v);                                                   \
      to[i] = convert(v);                                                                          \
    }                                                                                              \
  }
WIDEN(f16, uint16_t, half_widen)
WIDEN(bf16, uint16_t, dtype_bf16_to_f32)
WIDEN(f64, double, (float))
WIDEN(i8, int8_t, (float))
WIDEN(u8, uint8_t, (float))
WIDEN(i16, int16_t, (float))
WIDEN(u16, uint16_t, (float))
WIDEN(i32, int32_t, (float))
WIDEN(u32, uint32_t, (float))
WIDEN(i64, int64_t, (float))
WIDEN(u64, uint64_t, (float))
WIDEN(bool, uint8_t, bool_to_float)
WIDEN(f8_e4m3, uint8_t, e4m3_to_float)
WIDEN(f8_e5m2, uint8_t, e5m2_to_float)

static void widen_f32(const unsigned char *from, float *to, size_t count) {
  memcpy(to, from, count * sizeof *to);
}

static void round_halves(float *to, int count) {
  for (int i = 0; i < count; i++)
    to[i] = half_round(to[i]);
}

#define BLOCK static
#include "base/widen.inc"

dtype_widen *dtype_widening(enum dtype dtype) {
  static dtype_widen *const of[DTYPE_COUNT] = {
#define widen_none NULL
#define FORMAT(name, spelling, stored, gguf, block, bytes, class, wide, function)                  \
  [DTYPE_##name] = widen_##function,
#include "base/format.def"
#undef FORMAT
  };
  return (unsigned)dtype < DTYPE_COUNT ? of[dtype] : NULL;
}
