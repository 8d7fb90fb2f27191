/* fuzz_ggufvocab.c - any bytes as a .gguf file that a tokenizer is read from. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tokenizing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_write("model.gguf", data, size);
  tokenizing_open(fuzz_path("model.gguf"), size);
  return 0;
}
