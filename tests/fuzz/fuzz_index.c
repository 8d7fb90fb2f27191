/* fuzz_index.c - any bytes as a model.safetensors.index.json, beside two shards
 * with the tensors a, b and c, d. */
#include "checkpoint/weights.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

static void write_shard(const char *name, const char *first, const char *second) {
  char file[512];
  int length = snprintf(file + 8, sizeof file - 8,
                        "{\"%s\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                        "\"%s\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[8,9]}}",
                        first, second);
  memset(file, 0, 8);
  file[0] = (char)length;
  memset(file + 8 + length, 1, 9);
  fuzz_write(name, file, (size_t)length + 17);
}

static void check(const struct weights *weights) {
  const struct weights_tensor *tensor = weights_tensors(weights);
  for (size_t i = 0; i < weights_count(weights); i++) {
    fuzz_check(weights_find(weights, tensor[i].name) == &tensor[i], "a tensor has its name");
    fuzz_check(strlen(tensor[i].name) == 1 && strchr("abcd", tensor[i].name[0]) != NULL,
               "only what is in the shards is there");
    fuzz_check(tensor[i].size == 0 || tensor[i].data[tensor[i].size - 1] == 1, "it can be read");
  }
  fuzz_check(strstr(fuzz_directory(), "..") == NULL, "the directory is its own");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool ready;
  struct weights *weights = NULL;
  struct tfm_error err = {0};
  if (!ready) {
    write_shard("1.safetensors", "a", "b");
    write_shard("2.safetensors", "c", "d");
    ready = true;
  }
  fuzz_write("model.safetensors.index.json", data, size);
  int status = weights_open(fuzz_directory(), &weights, &err);
  fuzz_check_error(status, &err);
  if (status == 0) {
    check(weights);
    weights_close(weights);
  }
  return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
  return fuzz_mutate_json(data, size, max, seed);
}
