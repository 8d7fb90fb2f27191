/* half.h - half-precision floats, written so that loops over them become vector code. */
#ifndef TFM_BASE_HALF_H
#define TFM_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float half_from_bits(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static inline uint32_t half_to_bits(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

/* Shift the exponent and fraction into place, then move the bias from 15 to
 * 127.  A subnormal has no hidden bit: give it one, and subtract it again. */
static inline float half_widen(uint16_t v) {
  uint32_t body = (uint32_t)(v & 0x7fffu) << 13;
  uint32_t exponent = body & (0x7c00u << 13);
  body += (127u - 15u) << 23;
  if (exponent == 0x7c00u << 13)
    body += (128u - 16u) << 23;
  else if (exponent == 0)
    body = half_to_bits(half_from_bits(body + (1u << 23)) - half_from_bits(113u << 23));
  return half_from_bits(body | (uint32_t)(v & 0x8000u) << 16);
}

/* The half nearest to v, ties to even, as a float again.  Under 2^-14 the halves are as far
 * apart as the floats at 0.5, 2^-24: adding 0.5 rounds to them.  65520 rounds to infinity. */
static inline float half_round(float v) {
  uint32_t bits = half_to_bits(v), sign = bits & 0x80000000u, body = bits & 0x7fffffffu;
  uint32_t small = half_to_bits((half_from_bits(body) + 0.5f) - 0.5f);
  uint32_t rounded = (body + 0xfffu + (body >> 13 & 1u)) & ~0x1fffu;
  rounded = body < 0x38800000u ? small : rounded;
  rounded = body >= 0x477ff000u ? 0x7f800000u : rounded;
  rounded = body > 0x7f800000u ? 0x7fc00000u : rounded;
  return half_from_bits(rounded | sign);
}

#endif
