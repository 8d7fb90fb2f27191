/* test_tensor.h - random numbers, and tensors that are exactly as large as they
 * say: one step past their end is seen by valgrind and ASan. */
#ifndef TFM_TESTS_OP_TEST_TENSOR_H
#define TFM_TESTS_OP_TEST_TENSOR_H

#include "tfm/plugin.h"

#include <stddef.h>
#include <stdint.h>

/* ---- chance, from a seed that each test sets */

void chance_seed(uint64_t seed);
uint64_t chance(uint64_t below); /* 0 .. below - 1 */
double chance_real(double lo, double hi);
float chance_normal(void); /* about N(0, 1) */

/* ---- tensors: memory of their own, filled with NaN */

tfm_tensor *tensor_new(tfm_dtype dtype, uint32_t rank, const int64_t *shape);
#define TENSOR(dtype, ...)                                                                         \
  tensor_new(dtype, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})
void tensor_free(tfm_tensor *tensor);
tfm_tensor *tensor_copy(const tfm_tensor *tensor);
int64_t tensor_size(const tfm_tensor *tensor); /* elements */
/* Normal numbers; 0/1 for bool; rounded to the dtype. */
tfm_tensor *tensor_fill(tfm_tensor *tensor, double scale);
/* A view [n, m] of memory of its own stored as [m, n]. */
tfm_tensor *tensor_transposed(tfm_dtype dtype, int64_t n, int64_t m);
double tensor_at(const tfm_tensor *tensor, int64_t i, int64_t j); /* rank 1 (i = 0) or 2 */
static inline float *f32(const tfm_tensor *tensor) {
  return (float *)tensor->data;
}

/* The largest |a - b| / (absolute + relative |b|); inf when one is NaN and the
 * other is not, or infinities differ. */
double distance(const float *a, const float *b, int64_t count, double absolute, double relative);

/* One element, in f32; and how many bytes it takes. */
float tensor_load(tfm_dtype dtype, const void *at);
size_t tensor_element(tfm_dtype dtype);
/* Memory to be freed, aligned to 64 bytes. */
void *exact_memory(size_t bytes);

#endif
