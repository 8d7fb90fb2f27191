/* Names, sizes, and every 16-bit and 8-bit number there is. */
#include "base/dtype.h"
#include "base/half.h"
#include "tests/unit/unit.h"

#include <math.h>

START_TEST(test_names) {
  for (unsigned i = 1; i < DTYPE_COUNT; i++) {
    enum dtype dtype = (enum dtype)i;
    ck_assert_int_eq((int)dtype_from_name(dtype_name(dtype)), (int)dtype);
  }
  ck_assert_int_eq(dtype_from_stored("BF16"), DTYPE_BF16);
  ck_assert_int_eq(dtype_from_stored(""), DTYPE_NONE);
  ck_assert_int_eq(dtype_from_stored("bf16"), DTYPE_NONE);
  ck_assert_int_eq(dtype_from_name("float"), DTYPE_NONE);
  ck_assert_int_eq(dtype_from_stored("Q4_0"), DTYPE_NONE); /* GGUF's alone */
  ck_assert_int_eq(dtype_from_gguf(2), DTYPE_Q4_0);
  ck_assert_int_eq(dtype_from_gguf(30), DTYPE_BF16);
  ck_assert_int_eq(dtype_from_gguf(9), DTYPE_NONE);
  ck_assert_uint_eq(dtype_size(DTYPE_F64), 8);
  ck_assert_uint_eq(dtype_size(DTYPE_BOOL), 1);
  ck_assert_uint_eq(dtype_size(DTYPE_MASK), 0);
  ck_assert(dtype_is_float(DTYPE_BF16) && !dtype_is_float(DTYPE_I32));
}
END_TEST

START_TEST(test_blocks) {
  size_t bytes;
  ck_assert(dtype_bytes(DTYPE_Q8_0, 64, &bytes) && bytes == 68);
  ck_assert(dtype_bytes(DTYPE_F16, 3, &bytes) && bytes == 6);
  ck_assert(!dtype_bytes(DTYPE_Q8_0, 33, &bytes) && !dtype_bytes(DTYPE_MASK, 1, &bytes));
  ck_assert(!dtype_bytes(DTYPE_F64, SIZE_MAX / 4, &bytes));
  for (unsigned i = 0; i < DTYPE_COUNT; i++) {
    enum dtype dtype = (enum dtype)i, wide = dtype_wide(dtype);
    bool packed = dtype_class(dtype) == DTYPE_CLASS_PACKED;
    ck_assert_int_eq(dtype_widening(dtype) != NULL, wide != DTYPE_NONE);
    ck_assert_int_eq(dtype_wide(wide), wide);
    ck_assert_int_eq(packed, dtype_block(dtype) > 1);
    ck_assert_uint_eq(dtype_size(dtype), packed ? 0 : dtype_block_bytes(dtype));
    ck_assert(!packed || (dtype_is_float(dtype) && !dtype_is_value(dtype)));
  }
}
END_TEST

/* As a half by way of a half, whatever the float. */
START_TEST(test_half_round) {
  for (uint32_t high = 0; high < 65536; high += unit_step(13))
    for (uint32_t low = 0; low < 65536; low += 4097) {
      float v = half_from_bits(high << 16 | low), there = dtype_f16_to_f32(dtype_f32_to_f16(v));
      float once = half_round(v);
      ck_assert_msg(half_to_bits(once) == half_to_bits(there) || (isnan(once) && isnan(there)),
                    "%a: %a, %a", (double)v, (double)once, (double)there);
    }
}
END_TEST

/* IEEE 754 by its definition: sign, 5 bits of exponent, 10 of fraction. */
static double half_value(unsigned v) {
  int exponent = (int)(v >> 10 & 31u), fraction = (int)(v & 1023u);
  double sign = v & 0x8000u ? -1 : 1;
  if (exponent == 31)
    return fraction == 0 ? sign * (double)INFINITY : (double)NAN;
  if (exponent == 0)
    return sign * ldexp(fraction, -24);
  return sign * ldexp(1024 + fraction, exponent - 25);
}

START_TEST(test_every_half) {
  for (unsigned v = 0; v < 65536; v += unit_step(7)) {
    float f = dtype_f16_to_f32((uint16_t)v);
    double wanted = half_value(v);
    if (isnan(wanted)) {
      ck_assert(isnan(f));
      ck_assert(isnan(dtype_f16_to_f32(dtype_f32_to_f16(f))));
      continue;
    }
    ck_assert((double)f == wanted);
    ck_assert_uint_eq(dtype_f32_to_f16(f), v);
  }
}
END_TEST

typedef uint16_t narrow_fn(float);
typedef float widen_fn(uint16_t);

/* Halfway between two neighbours the even one wins; a hair off, the nearer.
 * low and low + 1 are positive and finite. */
static void check_rounding(narrow_fn *narrow, widen_fn *widen, uint16_t low) {
  uint16_t high = (uint16_t)(low + 1);
  float middle = (widen(low) + widen(high)) / 2;
  ck_assert_uint_eq(narrow(middle), low & 1u ? high : low);
  ck_assert_uint_eq(narrow(nextafterf(middle, 0)), low);
  ck_assert_uint_eq(narrow(nextafterf(middle, INFINITY)), high);
  ck_assert_uint_eq(narrow(-nextafterf(middle, INFINITY)), high | 0x8000u);
}

static float widen_bf16(uint16_t v) {
  return dtype_bf16_to_f32(v);
}

START_TEST(test_rounding) {
  for (unsigned v = 0; v + 1 < 0x7c00; v += unit_step(7))
    check_rounding(dtype_f32_to_f16, dtype_f16_to_f32, (uint16_t)v);
  for (unsigned v = 0x80; v + 1 < 0x7f00; v += unit_step(7))
    check_rounding(dtype_f32_to_bf16, widen_bf16, (uint16_t)v);
  ck_assert_uint_eq(dtype_f32_to_f16(65519.996f), 0x7bff);
  ck_assert_uint_eq(dtype_f32_to_f16(65520.0f), 0x7c00);
  ck_assert_uint_eq(dtype_f32_to_f16(-1e30f), 0xfc00);
  ck_assert_uint_eq(dtype_f32_to_bf16(INFINITY), 0x7f80);
  ck_assert(isnan(dtype_bf16_to_f32(dtype_f32_to_bf16(NAN))));
}
END_TEST

START_TEST(test_to_f32) {
  float f[4];
  /* One byte off, since a file's tensors need not be aligned. */
  unsigned char odd[1 + 4 * sizeof(double)];
  double d[] = {0.5, -3, 1e300, 0};
  memcpy(odd + 1, d, sizeof d);
  ck_assert(dtype_to_f32(DTYPE_F64, odd + 1, f, 4));
  ck_assert(f[0] == 0.5f && f[1] == -3.0f && isinf(f[2]) && f[3] == 0.0f);
  int8_t bytes[] = {-128, 127, -1, 0};
  ck_assert(dtype_to_f32(DTYPE_I8, bytes, f, 4));
  ck_assert(f[0] == -128.0f && f[1] == 127.0f);
  ck_assert(dtype_to_f32(DTYPE_U8, bytes, f, 4));
  ck_assert(f[0] == 128.0f && f[2] == 255.0f);
  ck_assert(dtype_to_f32(DTYPE_BOOL, bytes, f, 4));
  ck_assert(f[0] == 1.0f && f[3] == 0.0f);
  /* 0x7e: 1.75 * 2^8 = 448; 0x01: 2^-9; 0x7f and 0xff: NaN. */
  uint8_t e4m3[] = {0x7e, 0x81, 0xff, 0x38};
  ck_assert(dtype_to_f32(DTYPE_F8_E4M3, e4m3, f, 4));
  ck_assert(f[0] == 448.0f && f[1] == -0x1p-9f && isnan(f[2]) && f[3] == 1.0f);
  uint8_t e5m2[] = {0x7b, 0x01, 0xfc, 0x3c};
  ck_assert(dtype_to_f32(DTYPE_F8_E5M2, e5m2, f, 4));
  ck_assert(f[0] == 57344.0f && f[1] == 0x1p-16f && f[2] == -INFINITY && f[3] == 1.0f);
  ck_assert(!dtype_to_f32(DTYPE_MASK, bytes, f, 1));
  ck_assert(dtype_to_f32(DTYPE_F32, NULL, f, 0));
}
END_TEST

START_TEST(test_to_i64) {
  int64_t to[2];
  uint32_t u32[] = {UINT32_MAX, 7};
  int16_t i16[] = {-32768, 5};
  ck_assert(dtype_to_i64(DTYPE_U32, u32, to, 2));
  ck_assert_int_eq(to[0], UINT32_MAX);
  ck_assert(dtype_to_i64(DTYPE_I16, i16, to, 2));
  ck_assert_int_eq(to[0], -32768);
  ck_assert(!dtype_to_i64(DTYPE_F32, u32, to, 2));
}
END_TEST

UNIT_MAIN("dtype", test_names, test_blocks, test_half_round, test_every_half, test_rounding,
          test_to_f32, test_to_i64)
