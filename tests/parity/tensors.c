/* tensors.c - safetensors for tests: trusting, small, independent. */
#include "tests/parity/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tensors_read(const char *path, struct tensors *out) {
  FILE *file = fopen(path, "rb");
  uint64_t length = 0;
  *out = (struct tensors){0};
  if (!file)
    return false;
  fseek(file, 0, SEEK_END);
  out->size = (size_t)ftell(file);
  rewind(file);
  out->bytes = malloc(out->size + 1);
  bool ok = out->bytes && fread(out->bytes, 1, out->size, file) == out->size && out->size > 8;
  fclose(file);
  if (ok) {
    memcpy(&length, out->bytes, 8);
    out->header = json_loadb((char *)out->bytes + 8, length, 0, NULL);
  }
  if (ok && out->header)
    return true;
  tensors_finish(out);
  return false;
}

void tensors_finish(struct tensors *tensors) {
  free(tensors->bytes);
  json_decref(tensors->header);
  *tensors = (struct tensors){0};
}

static double element(const char *dtype, const unsigned char *at, size_t i) {
  float f32;
  int64_t i64;
  int32_t i32;
  if (strcmp(dtype, "F32") == 0)
    return memcpy(&f32, at + 4 * i, 4), (double)f32;
  if (strcmp(dtype, "I64") == 0)
    return memcpy(&i64, at + 8 * i, 8), (double)i64;
  if (strcmp(dtype, "I32") == 0)
    return memcpy(&i32, at + 4 * i, 4), (double)i32;
  return at[i];
}

bool tensors_get(const struct tensors *tensors, const char *name, struct tensor *out) {
  json_t *entry = json_object_get(tensors->header, name), *shape;
  uint64_t header;
  *out = (struct tensor){.count = 1};
  if (!entry)
    return false;
  snprintf(out->dtype, sizeof out->dtype, "%s", json_string_value(json_object_get(entry, "dtype")));
  shape = json_object_get(entry, "shape");
  out->rank = (unsigned)json_array_size(shape);
  for (unsigned i = 0; i < out->rank; i++) {
    out->shape[i] = json_integer_value(json_array_get(shape, i));
    out->count *= (size_t)out->shape[i];
  }
  memcpy(&header, tensors->bytes, 8);
  json_t *begin = json_array_get(json_object_get(entry, "data_offsets"), 0);
  const unsigned char *at = tensors->bytes + 8 + header + json_integer_value(begin);
  out->value = malloc((out->count ? out->count : 1) * sizeof *out->value);
  for (size_t i = 0; out->value && i < out->count; i++)
    out->value[i] = element(out->dtype, at, i);
  return out->value != NULL;
}

void tensor_finish(struct tensor *tensor) {
  free(tensor->value);
  *tensor = (struct tensor){0};
}
