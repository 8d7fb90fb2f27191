/* view.c - which tensors can stay where they lie, and how the others are made.
 *
 *     plain, as Hugging Face has it      stays
 *     plain, transposed                  stays, and is read the other way round
 *     heads' rows in another order       rows are copied back into theirs
 *     blocks of packed elements          stay; base/format.def says what they mean */
#include "checkpoint/gguf/view.h"

#include "checkpoint/gguf/architecture.h"

#include <stdio.h>
#include <string.h>

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
  bool copied = dtype_is_float(t->dtype) && t->dtype != DTYPE_F64;
  if (n > 0 && n <= INT64_MAX / 2 && rows % (2 * n) == 0 && copied &&
      (t->rank > 1 || dtype_block(t->dtype) == 1))
    return 0;
  error_set(err, TFM_ERROR_CHECKPOINT, "the rows of tensor `%s` of `%s` cannot be put in order",
            t->name, file->path);
  error_note(err, "expected: floats or blocks of rows, an even number of them for each head");
  error_note(err, "found: %lld rows of %s, %lld heads", (long long)rows, dtype_stored(t->dtype),
             (long long)n);
  return -1;
}

static int view(struct gguf *file, const struct gguf_architecture *architecture,
                const struct gguf_tensor *t, struct weights_tensor *out, struct tfm_error *err) {
  enum gguf_layout layout;
  *out = (struct weights_tensor){.name = gguf_rename(architecture, &file->arena, t->name, &layout),
                                 .dtype = t->dtype,
                                 .rank = t->rank,
                                 .file = file->path,
                                 .data = t->data,
                                 .size = t->size};
  if (!out->name)
    return error_oom(err);
  memcpy(out->shape, t->shape, t->rank * sizeof *t->shape);
  if (layout == GGUF_TRANSPOSED && t->rank == 2) {
    out->transposed = true;
    out->shape[0] = t->shape[1];
    out->shape[1] = t->shape[0];
  }
  bool rows = layout == GGUF_QUERY_ROWS || layout == GGUF_KEY_ROWS;
  if (rows && count_heads(file, architecture, t, layout, &out->heads, err) != 0)
    return -1;
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
