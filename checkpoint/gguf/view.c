/* view.c - which tensors can stay where they lie, and how the others are made.
 *
 *     plain, as Hugging Face has it      stays
 *     plain, transposed                  stays, and is read the other way round
 *     heads' rows in another order       rows are copied back into theirs
 *     blocks                             unpacked to f16, row by row */
#include "checkpoint/gguf/view.h"

#include "checkpoint/gguf/architecture.h"

#include <stdio.h>
#include <string.h>

struct packed {
  const struct gguf *file;
  const struct gguf_tensor *tensor;
  int64_t heads; /* whose rows are in another order; 0 = none are */
};

/* Where the file has row r of this order: with K rows a head, r = h K + p K/2 + j
 * stands at h K + 2 j + p. */
static int64_t stored_row(const struct packed *packed, int64_t rows, int64_t r) {
  if (packed->heads == 0)
    return r;
  int64_t size = rows / packed->heads, in_head = r % size;
  return r - in_head + in_head % (size / 2) * 2 + in_head / (size / 2);
}

static int unpack(const struct weights_tensor *t, void *to, struct tfm_error *err) {
  const struct packed *packed = t->packed;
  const struct gguf_tensor *from = packed->tensor;
  const struct gguf_type *type = from->type;
  int64_t rows = packed->heads ? from->shape[0] : 1;
  size_t stored = rows > 0 ? from->size / (size_t)rows : 0;
  size_t made = stored / type->size * type->block * dtype_size(type->dtype);
  bool finite = true;
  for (int64_t r = 0; r < rows; r++) {
    const unsigned char *row = from->data + (size_t)stored_row(packed, rows, r) * stored;
    unsigned char *out = (unsigned char *)to + (size_t)r * made;
    if (type->unpack)
      finite = gguf_type_unpack(type, row, (uint16_t *)(void *)out, stored / type->size) && finite;
    else if (stored > 0)
      memcpy(out, row, stored);
  }
  if (finite)
    return 0;
  error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` has a value that is not finite in f16",
            from->name, packed->file->path);
  error_note(err, "found: a block of %s with such a scale", type->name);
  return -1;
}

static int64_t number(const struct gguf *file, const struct gguf_architecture *architecture,
                      const char *key, int64_t usual) {
  char name[128];
  int64_t n;
  snprintf(name, sizeof name, "%s.%s", architecture->name, key);
  const struct gguf_value *value = gguf_value(file, name);
  return value && !value->array && gguf_integer(value, 0, &n) ? n : usual;
}

static int count_heads(const struct gguf *file, const struct gguf_architecture *architecture,
                       const struct gguf_tensor *t, enum gguf_layout layout, int64_t *heads,
                       struct tfm_error *err) {
  int64_t n = number(file, architecture, "attention.head_count", 0);
  if (layout == GGUF_KEY_ROWS)
    n = number(file, architecture, "attention.head_count_kv", n);
  *heads = n;
  int64_t rows = t->rank > 0 ? t->shape[0] : 0;
  bool copied = t->type->unpack != NULL || t->type->dtype == DTYPE_F32 ||
                t->type->dtype == DTYPE_F16 || t->type->dtype == DTYPE_BF16;
  if (n > 0 && n <= INT64_MAX / 2 && rows % (2 * n) == 0 && copied &&
      (t->rank > 1 || t->type->block == 1))
    return 0;
  error_set(err, TFM_ERROR_CHECKPOINT, "the rows of tensor `%s` of `%s` cannot be put in order",
            t->name, file->path);
  error_note(err, "expected: floats or blocks of rows, an even number of them for each head");
  error_note(err, "found: %lld rows of %s, %lld heads", (long long)rows, t->type->name,
             (long long)n);
  return -1;
}

static int view(struct gguf *file, const struct gguf_architecture *architecture,
                const struct gguf_tensor *t, struct weights_tensor *out, struct tfm_error *err) {
  enum gguf_layout layout;
  struct packed *packed = arena_alloc(&file->arena, sizeof *packed);
  *out = (struct weights_tensor){.name = gguf_rename(architecture, &file->arena, t->name, &layout),
                                 .dtype = t->type->dtype,
                                 .rank = t->rank,
                                 .file = file->path,
                                 .data = t->data,
                                 .size = t->size,
                                 .packed = packed,
                                 .stored = t->type->unpack ? t->type->name : NULL};
  if (!out->name || !packed)
    return error_oom(err);
  memcpy(out->shape, t->shape, t->rank * sizeof *t->shape);
  *packed = (struct packed){file, t, 0};
  if (layout == GGUF_TRANSPOSED && t->rank == 2) {
    out->transposed = true;
    out->shape[0] = t->shape[1];
    out->shape[1] = t->shape[0];
  }
  bool rows = layout == GGUF_QUERY_ROWS || layout == GGUF_KEY_ROWS;
  if (rows && count_heads(file, architecture, t, layout, &packed->heads, err) != 0)
    return -1;
  if (rows || t->type->unpack)
    out->unpack = unpack;
  return 0;
}

int gguf_view(struct gguf *file, struct weights_tensor *out, size_t *count, struct tfm_error *err) {
  const char *name = gguf_string(file, "general.architecture");
  const struct gguf_architecture *architecture = name ? gguf_architecture_find(name) : NULL;
  *count = 0;
  for (size_t i = 0; i < file->tensor_count; i++)
    if (!gguf_is_dropped(architecture, file->tensor[i].name) &&
        view(file, architecture, &file->tensor[i], &out[(*count)++], err) != 0)
      return -1;
  return 0;
}
