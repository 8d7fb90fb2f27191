/* tensors.h - read a safetensors file in a test: a plain reader of its own,
 * so that the product's is not checked against itself. */
#ifndef TFM_TESTS_PARITY_TENSORS_H
#define TFM_TESTS_PARITY_TENSORS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tensors {
  unsigned char *bytes;
  size_t size;
  json_t *header;
};

struct tensor {
  char dtype[8];
  int64_t shape[8];
  unsigned rank;
  size_t count;
  double *value; /* count elements, owned */
};

bool tensors_read(const char *path, struct tensors *out);
void tensors_finish(struct tensors *tensors);
/* False if it is not there.  F32, I64, I32 and BOOL. */
bool tensors_get(const struct tensors *tensors, const char *name, struct tensor *out);
void tensor_finish(struct tensor *tensor);

#endif
