/* fuzz_unpack.c - a byte that picks a type, then its elements as they are stored:
 * the blocks of GGUF, and the plain types of both formats. */
#include "base/dtype.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 40, PLAIN = DTYPE_Q4_0 }; /* of GGUF's types; of the plain formats */

/* Each block by itself gives what it gives in a row: halves, for GGUF's. */
static void unpack_blocks(enum dtype dtype, const uint8_t *data, size_t size) {
  size_t block = dtype_block(dtype), bytes = dtype_block_bytes(dtype);
  size_t blocks = size / bytes, count = blocks * block;
  float *whole = malloc(count * sizeof *whole + 1), *one = malloc(block * sizeof *one);
  fuzz_check(whole != NULL && one != NULL, "there is memory for the elements");
  fuzz_check(dtype_to_f32(dtype, data, whole, count), "blocks have values");
  for (size_t b = 0; b < blocks; b++) {
    float *from = whole + b * block;
    fuzz_check(dtype_to_f32(dtype, data + b * bytes, one, block), "a block has values");
    for (size_t i = 0; i < block; i++) {
      float half = dtype_f16_to_f32(dtype_f32_to_f16(one[i]));
      fuzz_check(one[i] == from[i] || (isnan(one[i]) && isnan(from[i])), "a block stands alone");
      fuzz_check(half == one[i] || isnan(one[i]), "a half holds each value");
    }
  }
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
  unsigned pick = data[0] % (NUMBERS + PLAIN);
  enum dtype dtype = pick < NUMBERS ? dtype_from_gguf(pick) : (enum dtype)(pick - NUMBERS);
  if (dtype_class(dtype) == DTYPE_CLASS_PACKED)
    unpack_blocks(dtype, data + 1, size - 1);
  else if (pick >= NUMBERS)
    convert(dtype, data + 1, size - 1);
  return 0;
}
