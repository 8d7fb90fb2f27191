/* dtype.h - formats of elements by name, and the conversions between them.
 *
 * Plain ones are an element each; packed ones are blocks of several elements that share a
 * scale, and only whole blocks can be pointed to.  All that is known of a format is its row
 * in base/format.def.  The numbers are those of tfm/types.h. */
#ifndef TFM_BASE_DTYPE_H
#define TFM_BASE_DTYPE_H

#include "tfm/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum dtype {
#define FORMAT(name, ...) DTYPE_##name = TFM_##name,
#include "base/format.def"
#undef FORMAT
#define FORMAT(...) +1
  DTYPE_COUNT = 0
#include "base/format.def"
#undef FORMAT
};

enum dtype_class {
  DTYPE_CLASS_NONE,
  DTYPE_CLASS_FLOAT,
  DTYPE_CLASS_INTEGER,
  DTYPE_CLASS_BOOL,
  DTYPE_CLASS_MASK,
  DTYPE_CLASS_KV,
  DTYPE_CLASS_PACKED,
  DTYPE_CLASS_STATE,
  DTYPE_CLASS_BIAS
};

enum { DTYPE_BLOCK_MAX = 256 }; /* elements of the largest block */

const char *dtype_name(enum dtype dtype);   /* "f32" */
const char *dtype_stored(enum dtype dtype); /* "F32", as checkpoints say it; "" = they cannot */
enum dtype_class dtype_class(enum dtype dtype);
size_t dtype_size(enum dtype dtype);        /* 4, bytes of an element; 0 for packed ones */
size_t dtype_block(enum dtype dtype);       /* elements of a block: 1 for plain ones */
size_t dtype_block_bytes(enum dtype dtype); /* and the bytes that it takes */
/* The plain format that holds each value: itself for F32, F16, BF16; NONE if it has none. */
enum dtype dtype_wide(enum dtype dtype);
/* Bytes of count elements that lie together.  False if that is no number of whole blocks,
 * or not in size_t. */
bool dtype_bytes(enum dtype dtype, size_t count, size_t *bytes);

enum dtype dtype_from_name(const char *name);   /* NONE if unknown */
enum dtype dtype_from_stored(const char *name); /* of safetensors, "BF16"; NONE if unknown */
enum dtype dtype_from_gguf(uint32_t type);      /* NONE if unknown */
bool dtype_has_gguf(enum dtype dtype);
bool dtype_is_value(enum dtype dtype);  /* can a value of a graph have it? */
bool dtype_is_state(enum dtype dtype);  /* one layer of a state: KV, STATE */
bool dtype_is_tensor(enum dtype dtype); /* a value that is no mask, bias or state; NONE
                                           is the run's float type, and so is one */
bool dtype_is_float(enum dtype dtype);  /* packed ones too: their values are no integers */

/* A mask or a bias: one tfm_mask, which says how its numbers are computed. */
static inline bool dtype_is_formula(enum dtype dtype) {
  return dtype == DTYPE_MASK || dtype == DTYPE_BIAS;
}
static inline float dtype_bf16_to_f32(uint16_t v) {
  uint32_t bits = (uint32_t)v << 16;
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}
float dtype_f16_to_f32(uint16_t v);
uint16_t dtype_f32_to_f16(float v);  /* nearest even */
uint16_t dtype_f32_to_bf16(float v); /* nearest even, NaN stays NaN */

/* Blocks to floats: count of them, which may stand anywhere. */
typedef void dtype_widen(const unsigned char *from, float *to, size_t count);
dtype_widen *dtype_widening(enum dtype dtype); /* NULL: it has no numbers */

/* Convert count elements that lie together to f32.  from need not be aligned.  False if the
 * dtype has no numeric value, or count is no number of whole blocks. */
bool dtype_to_f32(enum dtype dtype, const void *from, float *to, size_t count);
/* The same to i64 (integers and bool only). */
bool dtype_to_i64(enum dtype dtype, const void *from, int64_t *to, size_t count);

#endif
