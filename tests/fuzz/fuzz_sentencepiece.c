/* fuzz_sentencepiece.c - any bytes as a tokenizer.model. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tokenizing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_write("tokenizer.model", data, size);
  tokenizing_open(fuzz_directory(), size);
  return 0;
}
