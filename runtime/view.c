/* view.c - walks over strided tensors. */
#include "runtime/view.h"

#include "base/checked.h"
#include "base/dtype.h"

#include <string.h>

void view_set_contiguous(tfm_tensor *t) {
  const int64_t block = (int64_t)dtype_block((enum dtype)t->dtype);
  int64_t step = (int64_t)dtype_block_bytes((enum dtype)t->dtype);
  for (uint32_t i = t->rank; i-- > 0;) {
    int64_t length = t->shape[i] > 0 ? t->shape[i] : 1;
    t->stride[i] = step;
    step *= i + 1 == t->rank && block > 1 ? length / block : length;
  }
}

bool view_is_contiguous(const tfm_tensor *t) {
  int64_t step = (int64_t)dtype_size((enum dtype)t->dtype);
  for (uint32_t i = t->rank; i-- > 0;) {
    if (t->shape[i] != 1 && t->stride[i] != step)
      return false;
    step *= t->shape[i] > 0 ? t->shape[i] : 1;
  }
  return true;
}

bool view_count(const int64_t *shape, uint32_t rank, size_t *out) {
  size_t n = 1, bytes;
  for (uint32_t i = 0; i < rank; i++)
    if (shape[i] < 0 || !checked_mul(n, (size_t)shape[i], &n))
      return false;
  *out = n;
  return checked_mul(n, 8, &bytes) && bytes <= (size_t)INT64_MAX;
}

void view_copy(const tfm_tensor *to, const tfm_tensor *from) {
  size_t size = dtype_size((enum dtype)from->dtype);
  int64_t at[TFM_MAX_RANK] = {0};
  uint32_t rank = from->rank;
  for (uint32_t i = 0; i < rank; i++)
    if (from->shape[i] == 0)
      return;
  int64_t inner = rank ? from->shape[rank - 1] : 1;
  int64_t to_step = rank ? to->stride[rank - 1] : 0, from_step = rank ? from->stride[rank - 1] : 0;
  bool whole = to_step == (int64_t)size && from_step == (int64_t)size;
  for (;;) {
    char *d = to->data;
    const char *s = from->data;
    for (uint32_t i = 0; i + 1 < rank; i++) {
      d += at[i] * to->stride[i];
      s += at[i] * from->stride[i];
    }
    if (whole)
      memcpy(d, s, (size_t)inner * size);
    for (int64_t i = 0; !whole && i < inner; i++)
      memcpy(d + i * to_step, s + i * from_step, size);
    uint32_t axis = rank ? rank - 1 : 0;
    while (axis > 0 && ++at[axis - 1] == from->shape[axis - 1])
      at[--axis] = 0;
    if (axis == 0)
      return;
  }
}
