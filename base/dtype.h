/* dtype.h - element types by name, and the conversions between them.
 * The numbers are those of tfm/plugin.h (asserted in runtime/registry.c). */
#ifndef TFM_BASE_DTYPE_H
#define TFM_BASE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum dtype {
#define X(name, spelling, stored, bits) DTYPE_##name,
#include "base/dtype.def"
#undef X
  DTYPE_COUNT
};

const char *dtype_name(enum dtype dtype);       /* "f32" */
size_t dtype_bits(enum dtype dtype);            /* 32 */
size_t dtype_size(enum dtype dtype);            /* 4, in bytes */
enum dtype dtype_from_name(const char *name);   /* NONE if unknown */
enum dtype dtype_from_stored(const char *name); /* "BF16"; NONE if unknown */
bool dtype_is_float(enum dtype dtype);

static inline float dtype_bf16_to_f32(uint16_t v) {
  uint32_t bits = (uint32_t)v << 16;
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}
float dtype_f16_to_f32(uint16_t v);
uint16_t dtype_f32_to_f16(float v);  /* nearest even */
uint16_t dtype_f32_to_bf16(float v); /* nearest even, NaN stays NaN */

/* Convert count contiguous elements of any numeric dtype to f32.
 * from need not be aligned.  False if the dtype has no numeric value. */
bool dtype_to_f32(enum dtype dtype, const void *from, float *to, size_t count);
/* The same to i64 (integers and bool only). */
bool dtype_to_i64(enum dtype dtype, const void *from, int64_t *to, size_t count);

#endif
