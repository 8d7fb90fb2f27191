/* fuzz_text.c - text for sound tokenizers.  The first byte picks one; its highest
 * bit: the rest is ids to decode, four bytes each; the next: two texts with a NUL
 * between. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tokenizing.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"tests/fixtures/tokenizers/bert-cased",
                                    "tests/fixtures/tokenizers/bert-uncased",
                                    "tests/fixtures/tokenizers/gpt2",
                                    "tests/fixtures/tokenizers/llama",
                                    "tests/fixtures/tokenizers/llama-metaspace",
                                    "tests/fixtures/tokenizers/llama3",
                                    "tests/fuzz/corpus/tokenizer/unigram.json",
                                    "tests/fuzz/corpus/tokenizer/all.json"};
enum { NAMES = sizeof names / sizeof names[0], IDS = 0x80, PAIR = 0x40 };

static const struct tokenizer *open_one(size_t i) {
  static struct tokenizer *opened[NAMES];
  struct tfm_error err = {0};
  if (opened[i] == NULL) {
    char *path = fuzz_source_path(names[i]);
    fuzz_check(tokenizer_open(path, &opened[i], &err) == 0, err.message);
    free(path);
  }
  return opened[i];
}

static void decode(const struct tokenizer *tokenizer, const uint8_t *data, size_t size) {
  int32_t ids[256];
  size_t count = size / sizeof *ids;
  if (count > sizeof ids / sizeof *ids)
    count = sizeof ids / sizeof *ids;
  if (count > 0)
    memcpy(ids, data, count * sizeof *ids);
  tokenizing_ids(tokenizer, ids, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  unsigned head = *data++;
  size--;
  const struct tokenizer *tokenizer = open_one(head % NAMES);
  const char *first = (const char *)data;
  if ((head & IDS) != 0) {
    decode(tokenizer, data, size);
  } else if ((head & PAIR) != 0) {
    size_t length = fuzz_part(&data, &size);
    tokenizing_text(tokenizer, first, length, (const char *)data, size);
  } else {
    tokenizing_text(tokenizer, first, size, NULL, 0);
  }
  return 0;
}
