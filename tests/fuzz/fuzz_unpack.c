/* fuzz_unpack.c - a byte that picks a type, then its elements as they are stored:
 * the blocks of GGUF, and the plain types of both formats. */
#include "base/dtype.h"
#include "checkpoint/gguf/type.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 40 }; /* of GGUF's types */

static bool is_finite(uint16_t half) {
  return isfinite(dtype_f16_to_f32(half));
}

/* Each block by itself gives what it gives in a row. */
static void unpack_blocks(const struct gguf_type *type, const uint8_t *data, size_t size) {
  size_t blocks = size / type->size, count = blocks * type->block;
  uint16_t *whole = malloc(count * sizeof *whole + 1), *one = malloc(type->block * sizeof *one);
  fuzz_check(whole != NULL && one != NULL, "there is memory for the elements");
  bool finite = gguf_type_unpack(type, data, whole, blocks), all = true;
  for (size_t b = 0; b < blocks; b++) {
    uint16_t *from = whole + b * type->block;
    bool one_finite = gguf_type_unpack(type, data + b * type->size, one, 1);
    fuzz_check(memcmp(one, from, type->block * sizeof *one) == 0, "a block stands alone");
    bool each = true;
    for (uint32_t i = 0; i < type->block; i++)
      each = each && is_finite(from[i]);
    fuzz_check(each == one_finite, "a block with NaN or Inf says so");
    all = all && each;
  }
  fuzz_check(all == finite, "a row with NaN or Inf says so");
  free(whole);
  free(one);
}

static void convert(enum dtype dtype, const uint8_t *data, size_t size) {
  size_t count = dtype_size(dtype) ? size / dtype_size(dtype) : 0;
  float *real = malloc(count * sizeof *real + 1);
  int64_t *whole = malloc(count * sizeof *whole + 1);
  fuzz_check(real != NULL && whole != NULL, "there is memory for the elements");
  bool number = dtype_to_f32(dtype, data, real, count);
  bool integer = dtype_to_i64(dtype, data, whole, count);
  fuzz_check(!dtype_is_float(dtype) || number, "a floating-point type has values");
  for (size_t i = 0; integer && number && i < count; i++)
    fuzz_check(real[i] == (float)whole[i] || (dtype == DTYPE_U64 && whole[i] < 0),
               "both values of an integer are the same, but for those beyond i64");
  free(real);
  free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  unsigned pick = data[0] % (NUMBERS + DTYPE_COUNT);
  const struct gguf_type *type = pick < NUMBERS ? gguf_type_find(pick) : NULL;
  if (type != NULL && type->unpack != NULL)
    unpack_blocks(type, data + 1, size - 1);
  else if (pick >= NUMBERS)
    convert((enum dtype)(pick - NUMBERS), data + 1, size - 1);
  return 0;
}
