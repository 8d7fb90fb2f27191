/* dtype.c - the table of formats, and conversions that are the same for all. */
#include "base/dtype.h"

#include "base/checked.h"
#include "base/half.h"

static const struct {
  const char *name, *stored;
  int gguf;
  uint16_t block, bytes;
  enum dtype_class class;
  enum dtype wide;
} table[DTYPE_COUNT] = {
#define FORMAT(name, spelling, stored, gguf, block, bytes, class, wide, function)                  \
  [DTYPE_##name] = {spelling, stored, gguf, block, bytes, DTYPE_CLASS_##class, DTYPE_##wide},
#include "base/format.def"
#undef FORMAT
};

#define FORMAT(name, spelling, stored, gguf, block, bytes, class, wide, function)                  \
  _Static_assert((block) <= DTYPE_BLOCK_MAX, "a block is too large for those who widen one");
#include "base/format.def"
#undef FORMAT

static bool known(enum dtype dtype) {
  return (unsigned)dtype < DTYPE_COUNT;
}

const char *dtype_name(enum dtype dtype) {
  return known(dtype) ? table[dtype].name : "none";
}

const char *dtype_stored(enum dtype dtype) {
  return known(dtype) ? table[dtype].stored : "";
}

enum dtype_class dtype_class(enum dtype dtype) {
  return known(dtype) ? table[dtype].class : DTYPE_CLASS_NONE;
}

size_t dtype_size(enum dtype dtype) {
  return known(dtype) && table[dtype].block == 1 ? table[dtype].bytes : 0;
}

size_t dtype_block(enum dtype dtype) {
  return known(dtype) ? table[dtype].block : 0;
}

size_t dtype_block_bytes(enum dtype dtype) {
  return known(dtype) ? table[dtype].bytes : 0;
}

enum dtype dtype_wide(enum dtype dtype) {
  return known(dtype) ? table[dtype].wide : DTYPE_NONE;
}

bool dtype_bytes(enum dtype dtype, size_t count, size_t *bytes) {
  size_t block = dtype_block(dtype);
  return block > 0 && count % block == 0 &&
         checked_mul(count / block, dtype_block_bytes(dtype), bytes);
}

enum dtype dtype_from_name(const char *name) {
  for (unsigned i = 0; i < DTYPE_COUNT; i++)
    if (strcmp(table[i].name, name) == 0)
      return (enum dtype)i;
  return DTYPE_NONE;
}

/* A packed format that GGUF numbers is GGUF's: no safetensors file has it. */
enum dtype dtype_from_stored(const char *name) {
  for (unsigned i = 0; i < DTYPE_COUNT; i++)
    if (table[i].stored[0] != '\0' && strcmp(table[i].stored, name) == 0 &&
        (table[i].class != DTYPE_CLASS_PACKED || table[i].gguf < 0))
      return (enum dtype)i;
  return DTYPE_NONE;
}

enum dtype dtype_from_gguf(uint32_t type) {
  for (unsigned i = 0; i < DTYPE_COUNT; i++)
    if (table[i].gguf >= 0 && (uint32_t)table[i].gguf == type)
      return (enum dtype)i;
  return DTYPE_NONE;
}

bool dtype_has_gguf(enum dtype dtype) {
  return known(dtype) && table[dtype].gguf >= 0;
}

bool dtype_is_value(enum dtype dtype) {
  return dtype_class(dtype) != DTYPE_CLASS_NONE && dtype_class(dtype) != DTYPE_CLASS_PACKED;
}

bool dtype_is_state(enum dtype dtype) {
  return dtype_class(dtype) == DTYPE_CLASS_KV || dtype_class(dtype) == DTYPE_CLASS_STATE;
}

bool dtype_is_tensor(enum dtype dtype) {
  return !dtype_is_formula(dtype) && !dtype_is_state(dtype);
}

bool dtype_is_float(enum dtype dtype) {
  return dtype_class(dtype) == DTYPE_CLASS_FLOAT || dtype_class(dtype) == DTYPE_CLASS_PACKED;
}

float dtype_f16_to_f32(uint16_t v) {
  return half_widen(v);
}

uint16_t dtype_f32_to_f16(float v) {
  uint32_t bits = half_to_bits(v), sign = bits >> 16 & 0x8000u, body = bits & 0x7fffffffu;
  if (body > 0x7f800000u)
    return (uint16_t)(sign | 0x7e00u | (body >> 13 & 0x1ffu));
  if (body >= 0x477ff000u) /* 65520: rounds to infinity */
    return (uint16_t)(sign | 0x7c00u);
  if (body < 0x38800000u) {
    /* Under 2^-14: adding 0.5 leaves the value in units of 2^-24, the step of
     * a float at 0.5 and of half's subnormals, rounded to nearest even. */
    uint32_t half = half_to_bits(half_from_bits(body) + 0.5f) - half_to_bits(0.5f);
    return (uint16_t)(sign | half);
  }
  body += 0xfffu + (body >> 13 & 1u);
  return (uint16_t)(sign | (body - (112u << 23)) >> 13);
}

uint16_t dtype_f32_to_bf16(float v) {
  uint32_t bits = half_to_bits(v);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return (uint16_t)(bits >> 16 | 0x40u);
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

bool dtype_to_f32(enum dtype dtype, const void *from, float *to, size_t count) {
  dtype_widen *widen = dtype_widening(dtype);
  if (!widen || count % dtype_block(dtype) != 0)
    return false;
  if (count > 0)
    widen(from, to, count / dtype_block(dtype));
  return true;
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
