/* dtype.c - the table of element types, and the numbers behind their bits. */
#include "base/dtype.h"

static const struct {
  const char *name, *stored;
  size_t bits;
} table[DTYPE_COUNT] = {
#define X(name, spelling, stored, bits) [DTYPE_##name] = {spelling, stored, bits},
#include "base/dtype.def"
#undef X
};

const char *dtype_name(enum dtype dtype) {
  return (unsigned)dtype < DTYPE_COUNT ? table[dtype].name : "none";
}

size_t dtype_bits(enum dtype dtype) {
  return (unsigned)dtype < DTYPE_COUNT ? table[dtype].bits : 0;
}

size_t dtype_size(enum dtype dtype) {
  return dtype_bits(dtype) / 8;
}

enum dtype dtype_from_name(const char *name) {
  for (unsigned i = 0; i < DTYPE_COUNT; i++)
    if (strcmp(table[i].name, name) == 0)
      return (enum dtype)i;
  return DTYPE_NONE;
}

enum dtype dtype_from_stored(const char *name) {
  for (unsigned i = 0; i < DTYPE_COUNT; i++)
    if (table[i].stored[0] != '\0' && strcmp(table[i].stored, name) == 0)
      return (enum dtype)i;
  return DTYPE_NONE;
}

bool dtype_is_float(enum dtype dtype) {
  switch (dtype) {
  case DTYPE_F32:
  case DTYPE_F16:
  case DTYPE_BF16:
  case DTYPE_F64:
  case DTYPE_F8_E4M3:
  case DTYPE_F8_E5M2:
    return true;
  default:
    return false;
  }
}

static float from_bits(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static uint32_t to_bits(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

/* Shift the exponent and fraction into place, then move the bias from 15 to
 * 127.  A subnormal has no hidden bit: give it one, and subtract it again. */
static inline float half_to_float(uint16_t v) {
  uint32_t body = (uint32_t)(v & 0x7fffu) << 13;
  uint32_t exponent = body & (0x7c00u << 13);
  body += (127u - 15u) << 23;
  if (exponent == 0x7c00u << 13)
    body += (128u - 16u) << 23;
  else if (exponent == 0)
    body = to_bits(from_bits(body + (1u << 23)) - from_bits(113u << 23));
  return from_bits(body | (uint32_t)(v & 0x8000u) << 16);
}

float dtype_f16_to_f32(uint16_t v) {
  return half_to_float(v);
}

uint16_t dtype_f32_to_f16(float v) {
  uint32_t bits = to_bits(v), sign = bits >> 16 & 0x8000u, body = bits & 0x7fffffffu;
  if (body > 0x7f800000u)
    return (uint16_t)(sign | 0x7e00u | (body >> 13 & 0x1ffu));
  if (body >= 0x477ff000u) /* 65520: rounds to infinity */
    return (uint16_t)(sign | 0x7c00u);
  if (body < 0x38800000u) {
    /* Under 2^-14: adding 0.5 leaves the value in units of 2^-24, the step of
     * a float at 0.5 and of half's subnormals, rounded to nearest even. */
    uint32_t half = to_bits(from_bits(body) + 0.5f) - to_bits(0.5f);
    return (uint16_t)(sign | half);
  }
  body += 0xfffu + (body >> 13 & 1u);
  return (uint16_t)(sign | (body - (112u << 23)) >> 13);
}

uint16_t dtype_f32_to_bf16(float v) {
  uint32_t bits = to_bits(v);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return (uint16_t)(bits >> 16 | 0x40u);
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/* E4M3 (the "fn" kind): bias 7, no infinity, NaN is all ones. */
static float e4m3_to_float(uint8_t v) {
  uint32_t exponent = v >> 3 & 15u, fraction = v & 7u;
  float sign = v & 0x80u ? -1.0f : 1.0f;
  if ((v & 0x7fu) == 0x7fu)
    return from_bits((uint32_t)(v & 0x80u) << 24 | 0x7fc00000u);
  if (exponent == 0)
    return sign * (float)fraction * 0x1p-9f;
  return sign * from_bits((exponent + 120u) << 23 | fraction << 20);
}

/* E5M2 is the upper byte of an f16. */
static float e5m2_to_float(uint8_t v) {
  return half_to_float((uint16_t)(v << 8));
}

static float bool_to_float(uint8_t v) {
  return v != 0 ? 1.0f : 0.0f;
}

static int64_t bool_to_int(uint8_t v) {
  return v != 0;
}

#define CONVERT(NAME, type, convert)                                                               \
  case DTYPE_##NAME:                                                                               \
    for (size_t i = 0; i < count; i++) {                                                           \
      type v;                                                                                      \
      memcpy(&v, bytes + i * sizeof v, sizeof v);                                                  \
      to[i] = convert(v);                                                                          \
    }                                                                                              \
    return true;

bool dtype_to_f32(enum dtype dtype, const void *from, float *to, size_t count) {
  const unsigned char *bytes = from;
  switch (dtype) {
  case DTYPE_F32:
    if (count > 0)
      memcpy(to, from, count * sizeof *to);
    return true;
    CONVERT(F16, uint16_t, half_to_float)
    CONVERT(BF16, uint16_t, dtype_bf16_to_f32)
    CONVERT(F64, double, (float))
    CONVERT(I8, int8_t, (float))
    CONVERT(U8, uint8_t, (float))
    CONVERT(I16, int16_t, (float))
    CONVERT(U16, uint16_t, (float))
    CONVERT(I32, int32_t, (float))
    CONVERT(U32, uint32_t, (float))
    CONVERT(I64, int64_t, (float))
    CONVERT(U64, uint64_t, (float))
    CONVERT(BOOL, uint8_t, bool_to_float)
    CONVERT(F8_E4M3, uint8_t, e4m3_to_float)
    CONVERT(F8_E5M2, uint8_t, e5m2_to_float)
  default:
    return false;
  }
}

bool dtype_to_i64(enum dtype dtype, const void *from, int64_t *to, size_t count) {
  const unsigned char *bytes = from;
  switch (dtype) {
    CONVERT(I8, int8_t, (int64_t))
    CONVERT(U8, uint8_t, (int64_t))
    CONVERT(I16, int16_t, (int64_t))
    CONVERT(U16, uint16_t, (int64_t))
    CONVERT(I32, int32_t, (int64_t))
    CONVERT(U32, uint32_t, (int64_t))
    CONVERT(I64, int64_t, (int64_t))
    CONVERT(U64, uint64_t, (int64_t))
    CONVERT(BOOL, uint8_t, bool_to_int)
  default:
    return false;
  }
}
