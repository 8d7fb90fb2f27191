/* fuzz_vocab.c - two texts with a NUL between: tokenizer_config.json (none if it
 * is empty) and vocab.txt. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tokenizing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *config = data;
  size_t length = fuzz_part(&data, &size);
  fuzz_write("vocab.txt", data, size);
  if (length > 0)
    fuzz_write("tokenizer_config.json", config, length);
  else
    fuzz_remove("tokenizer_config.json");
  tokenizing_open(fuzz_directory(), size);
  return 0;
}
