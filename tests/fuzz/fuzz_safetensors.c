/* fuzz_safetensors.c - any bytes as a .safetensors file.
 *
 * A file that is taken keeps what the header promises: every tensor lies in the
 * file, they follow each other, and each is found by its name. */
#include "checkpoint/safetensors.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

enum { LENGTH = 8 };

static void check(const struct safetensors *file, const uint8_t *data, size_t size) {
  const unsigned char *at = NULL;
  for (size_t i = 0; i < file->count; i++) {
    const struct safetensors_tensor *t = &file->tensor[i];
    fuzz_check(t->data >= data + LENGTH && t->size <= size, "a tensor is in the file");
    fuzz_check(t->data + t->size <= data + size, "a tensor ends in the file");
    fuzz_check(at == NULL || t->data == at, "tensors follow each other");
    fuzz_check(safetensors_find(file, t->name) == t, "a tensor has its name");
    fuzz_check(t->rank <= TFM_MAX_RANK, "a tensor's rank is bounded");
    at = t->data + t->size;
  }
  fuzz_check(at == NULL || at == data + size, "nothing is after the last tensor");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct safetensors file;
  struct tfm_error err = {0};
  int status = safetensors_parse(&file, "x.safetensors", data, size, &err);
  fuzz_check_error(status, &err);
  if (status == 0) {
    check(&file, data, size);
    safetensors_finish(&file);
  }
  return 0;
}

/* Change the header as JSON, and the length before it so that it is read. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
  size_t header = 0;
  for (unsigned i = 0; size >= LENGTH && i < LENGTH; i++)
    header |= (size_t)data[i] << (8 * i);
  if (size < LENGTH || header > size - LENGTH || max <= size || seed % 8 == 0)
    return LLVMFuzzerMutate(data, size, max);
  size_t rest = size - LENGTH - header, room = max - LENGTH - rest;
  uint8_t tail[256];
  if (rest > sizeof tail)
    return LLVMFuzzerMutate(data, size, max);
  memcpy(tail, data + LENGTH + header, rest);
  header = fuzz_mutate_json(data + LENGTH, header, room, seed / 8);
  memcpy(data + LENGTH + header, tail, rest);
  for (unsigned i = 0; i < LENGTH; i++)
    data[i] = (uint8_t)(header >> (8 * i));
  return LENGTH + header + rest;
}
