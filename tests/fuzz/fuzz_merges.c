/* fuzz_merges.c - three texts with NULs between: tokenizer_config.json (none if it
 * is empty), vocab.json and merges.txt. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tokenizing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *config = data;
  size_t length = fuzz_part(&data, &size);
  const uint8_t *vocabulary = data;
  size_t vocabulary_length = fuzz_part(&data, &size);
  fuzz_write("vocab.json", vocabulary, vocabulary_length);
  fuzz_write("merges.txt", data, size);
  if (length > 0)
    fuzz_write("tokenizer_config.json", config, length);
  else
    fuzz_remove("tokenizer_config.json");
  tokenizing_open(fuzz_directory(), size);
  return 0;
}
