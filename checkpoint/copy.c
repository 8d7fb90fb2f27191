/* copy.c - a tensor's elements as a model sees them: rows in order, in a format that is asked
 * for. */
#include "base/checked.h"
#include "checkpoint/weights.h"

#include <math.h>
#include <string.h>

enum { PIECE = 16 * DTYPE_BLOCK_MAX }; /* elements widened at a time */

bool weights_is_plain(const struct weights_tensor *t) {
  return dtype_block(t->dtype) == 1 && t->heads == 0 && !t->transposed;
}

bool weights_is_packed(const struct weights_tensor *t) {
  return dtype_class(t->dtype) == DTYPE_CLASS_PACKED;
}

/* With K rows a head, row h K + p K/2 + j stands at h K + 2 j + p. */
static int64_t stored_row(const struct weights_tensor *t, int64_t r) {
  int64_t size = t->shape[0] / t->heads, in_head = r % size;
  return r - in_head + in_head % (size / 2) * 2 + in_head / (size / 2);
}

static bool all_finite(const float *value, size_t count) {
  bool finite = true;
  for (size_t i = 0; i < count; i++)
    finite = finite && isfinite(value[i]);
  return finite;
}

static void narrow(const float *from, uint16_t *to, size_t count) {
  for (size_t i = 0; i < count; i++)
    to[i] = dtype_f32_to_f16(from[i]);
}

/* The floats of size bytes at from, as F32 or F16; to NULL: only look.  False if one of a
 * packed format is not finite in what it stands for. */
static bool widen(enum dtype dtype, const unsigned char *from, size_t size, enum dtype as,
                  unsigned char *to) {
  const size_t block = dtype_block(dtype), bytes = dtype_block_bytes(dtype);
  dtype_widen *function = dtype_widening(dtype);
  bool finite = true;
  for (size_t done = 0, blocks = size / bytes, step; done < blocks; done += step) {
    float piece[PIECE];
    step = blocks - done < PIECE / block ? blocks - done : PIECE / block;
    function(from + done * bytes, piece, step);
    if (block > 1)
      finite = all_finite(piece, step * block) && finite;
    if (to && as == DTYPE_F16)
      narrow(piece, (uint16_t *)(void *)to + done * block, step * block);
    else if (to)
      memcpy(to + done * block * sizeof(float), piece, step * block * sizeof(float));
  }
  return finite;
}

static int not_finite(const struct weights_tensor *t, struct tfm_error *err) {
  error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` has a value that is not finite in %s",
            t->name, t->file, dtype_name(dtype_wide(t->dtype)));
  error_note(err, "found: a block of %s with such a scale", dtype_stored(t->dtype));
  return -1;
}

int weights_copy(const struct weights_tensor *t, enum dtype as, void *to, struct tfm_error *err) {
  int64_t rows = t->heads ? t->shape[0] : 1;
  size_t stored = rows > 0 ? t->size / (size_t)rows : 0;
  size_t made = as == t->dtype
                    ? stored
                    : stored / dtype_block_bytes(t->dtype) * dtype_block(t->dtype) * dtype_size(as);
  bool finite = true;
  if (as != t->dtype && !dtype_widening(t->dtype))
    return error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of %s cannot be read as numbers: %s",
                     t->name, t->file, dtype_name(t->dtype));
  for (int64_t r = 0; stored > 0 && r < rows; r++) {
    const unsigned char *row = t->data + (size_t)(t->heads ? stored_row(t, r) : r) * stored;
    unsigned char *out = (unsigned char *)to + (size_t)r * made;
    if (as == t->dtype)
      memcpy(out, row, stored);
    else
      finite = widen(t->dtype, row, stored, as, out) && finite;
  }
  return finite ? 0 : not_finite(t, err);
}

int weights_check_finite(const struct weights_tensor *t, struct tfm_error *err) {
  return widen(t->dtype, t->data, t->size, DTYPE_F32, NULL) ? 0 : not_finite(t, err);
}
