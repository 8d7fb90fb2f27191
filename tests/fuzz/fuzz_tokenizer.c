/* fuzz_tokenizer.c - any bytes as a tokenizer.json; one that opens is used. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tokenizing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_write("tokenizer.json", data, size);
  tokenizing_open(fuzz_directory(), size);
  return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
  return fuzz_mutate_json(data, size, max, seed);
}
