/* type.h - how a GGUF tensor's elements are stored, and back to numbers.
 *
 * F32, F16, BF16 and the plain integers stay where they lie.  The others come in
 * blocks with a scale and are unpacked to f16: half the memory of f32, and less
 * than four times the file even for 4.5 bits an element.  What is lost is at most
 * 2^-12 of a value, where the block's own step is 2^-8 of its largest value or
 * more; subnormals are exact.  A value beyond f16 is an error, not an infinity. */
#ifndef TFM_CHECKPOINT_GGUF_TYPE_H
#define TFM_CHECKPOINT_GGUF_TYPE_H

#include "base/dtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GGUF_BLOCK_MAX = 256 };

struct gguf_type {
  uint32_t number;
  const char *name;
  enum dtype dtype; /* as the model sees it; NONE = known, but not read */
  uint32_t block;   /* elements of a block; 1 = plain */
  uint32_t size;    /* its bytes */
  void (*unpack)(const unsigned char *block, float *out); /* NULL = plain */
};

/* NULL = unknown. */
const struct gguf_type *gguf_type_find(uint32_t number);

/* Blocks to f16; false if a value is not finite in it. */
bool gguf_type_unpack(const struct gguf_type *type, const unsigned char *from, uint16_t *to,
                      size_t blocks);

#endif
