/* reference.c - the meaning of a product, with nothing clever about it. */
#include "runtime/gemm/gemm.h"

#include "base/dtype.h"

/* Element i of the line at offset, along which elements, or blocks of them, are stride apart. */
static double element(const tfm_tensor *tensor, int64_t offset, int64_t i, int64_t stride) {
  float value[DTYPE_BLOCK_MAX] = {0};
  const int64_t block = (int64_t)dtype_block((enum dtype)tensor->dtype);
  const char *at = (const char *)tensor->data + offset + i / block * stride;
  dtype_to_f32((enum dtype)tensor->dtype, at, value, (size_t)block);
  return (double)value[i % block];
}

void gemm_reference(const tfm_gemm *problem) {
  const tfm_tensor *w = problem->weight, *bias = problem->bias;
  int64_t columns = w->shape[0], inner = w->shape[1];
  for (int64_t m = 0; m < problem->rows; m++) {
    const float *a = problem->a + m * problem->a_stride;
    float *c = problem->c + m * problem->c_stride;
    for (int64_t n = 0; n < columns; n++) {
      double sum = 0.0;
      for (int64_t k = 0; k < inner; k++)
        sum += (double)a[k] * element(w, n * w->stride[0], k, w->stride[1]);
      if (bias != NULL)
        sum += element(bias, 0, n, bias->stride[0]);
      c[n] = (float)sum;
    }
    if (problem->epilogue != NULL && columns > 0)
      problem->epilogue(problem->epilogue_arg, m, 0, c, columns);
  }
}
