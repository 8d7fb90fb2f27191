/* test_tensor.c - chance and tensors. */
#include "tests/op/test_tensor.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- chance: xorshift64* (Vigna 2016) */

static uint64_t state = 1;

void chance_seed(uint64_t seed) {
  state = seed * 2654435769u + 1;
}

static uint64_t next(void) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * UINT64_C(2685821657736338717);
}

uint64_t chance(uint64_t below) {
  return (next() >> 20) % below;
}

double chance_real(double lo, double hi) {
  return lo + (hi - lo) * ((double)(next() >> 11) * 0x1p-53);
}

float chance_normal(void) {
  double sum = 0;
  for (int i = 0; i < 4; i++)
    sum += chance_real(-1, 1);
  return (float)(sum * 0.866025); /* variance 1 */
}

/* ---- tensors */

size_t tensor_element(tfm_dtype dtype) {
  switch (dtype) {
  case TFM_F32:
  case TFM_I32:
    return 4;
  case TFM_F16:
  case TFM_BF16:
    return 2;
  case TFM_MASK:
  case TFM_BIAS:
    return sizeof(tfm_mask);
  case TFM_KV:
    return sizeof(tfm_kv);
  default:
    return 1;
  }
}

int64_t tensor_size(const tfm_tensor *tensor) {
  int64_t count = 1;
  for (uint32_t i = 0; i < tensor->rank; i++)
    count *= tensor->shape[i];
  return count;
}

void *exact_memory(size_t bytes) {
  void *memory = NULL;
  ck_assert_int_eq(posix_memalign(&memory, 64, bytes ? bytes : 1), 0);
  return memory;
}

tfm_tensor *tensor_new(tfm_dtype dtype, uint32_t rank, const int64_t *shape) {
  tfm_tensor *tensor = calloc(1, sizeof *tensor);
  ck_assert_ptr_nonnull(tensor);
  tensor->dtype = dtype;
  tensor->rank = rank;
  int64_t stride = (int64_t)tensor_element(dtype);
  for (uint32_t i = rank; i-- > 0;) {
    tensor->shape[i] = shape[i];
    tensor->stride[i] = stride;
    stride *= shape[i];
  }
  size_t bytes = (size_t)tensor_size(tensor) * tensor_element(dtype);
  tensor->data = exact_memory(bytes);
  memset(tensor->data, 0xff, bytes); /* NaN */
  return tensor;
}

void tensor_free(tfm_tensor *tensor) {
  if (tensor)
    free(tensor->data);
  free(tensor);
}

tfm_tensor *tensor_copy(const tfm_tensor *tensor) {
  tfm_tensor *copy = tensor_new(tensor->dtype, tensor->rank, tensor->shape);
  memcpy(copy->data, tensor->data, (size_t)tensor_size(tensor) * tensor_element(tensor->dtype));
  return copy;
}

static float half_to_float(uint16_t h) {
  int exponent = h >> 10 & 31, mantissa = h & 1023;
  double v = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
  return (float)(h & 0x8000 ? -v : v);
}

/* Normal, small numbers only, cut off. */
static uint16_t float_to_half(float x) {
  int exponent;
  double m = frexp(fabs((double)x), &exponent);
  if (m == 0 || exponent < -13)
    return 0;
  int bits = (int)ldexp(m, 11) & 1023;
  return (uint16_t)((x < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | bits);
}

float tensor_load(tfm_dtype dtype, const void *at) {
  if (dtype == TFM_F32) {
    float x;
    memcpy(&x, at, sizeof x);
    return x;
  }
  if (dtype == TFM_F16 || dtype == TFM_BF16) {
    uint16_t h;
    memcpy(&h, at, sizeof h);
    if (dtype == TFM_F16)
      return half_to_float(h);
    uint32_t wide = (uint32_t)h << 16;
    float x;
    memcpy(&x, &wide, sizeof x);
    return x;
  }
  return *(const uint8_t *)at;
}

tfm_tensor *tensor_fill(tfm_tensor *tensor, double scale) {
  int64_t count = tensor_size(tensor);
  for (int64_t i = 0; i < count; i++) {
    float x = (float)(chance_normal() * scale);
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (tensor->dtype == TFM_F32)
      ((float *)tensor->data)[i] = x;
    else if (tensor->dtype == TFM_BF16)
      ((uint16_t *)tensor->data)[i] = (uint16_t)(bits >> 16);
    else if (tensor->dtype == TFM_F16)
      ((uint16_t *)tensor->data)[i] = float_to_half(x);
    else
      ((uint8_t *)tensor->data)[i] = chance(4) != 0;
  }
  return tensor;
}

tfm_tensor *tensor_transposed(tfm_dtype dtype, int64_t n, int64_t m) {
  tfm_tensor *tensor = TENSOR(dtype, m, n);
  int64_t size = (int64_t)tensor_element(dtype);
  tensor->shape[0] = n;
  tensor->shape[1] = m;
  tensor->stride[0] = size;
  tensor->stride[1] = n * size;
  return tensor;
}

double tensor_at(const tfm_tensor *tensor, int64_t i, int64_t j) {
  int64_t row = tensor->rank == 2 ? tensor->stride[0] : 0;
  return tensor_load(tensor->dtype,
                     (const char *)tensor->data + i * row + j * tensor->stride[tensor->rank - 1]);
}

double distance(const float *a, const float *b, int64_t count, double absolute, double relative) {
  double worst = 0;
  for (int64_t i = 0; i < count; i++) {
    if (a[i] == b[i] || (isnan(a[i]) && isnan(b[i])))
      continue;
    double d = fabs((double)a[i] - b[i]) / (absolute + relative * fabs((double)b[i]));
    if (!(d <= worst))
      worst = isnan(d) ? INFINITY : d;
  }
  return worst;
}
