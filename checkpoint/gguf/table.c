/* table.c - the list of tensors: each by itself, then all of them by offset. */
#include "checkpoint/gguf/cursor.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "checkpoint/gguf/type.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static void tensor_error(struct gguf_cursor *cursor, const char *name, const char *what) {
  error_set(cursor->err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` %s", name, cursor->file->path,
            what);
}

static int tensor_refuse(struct gguf_cursor *cursor, const char *name, const char *what) {
  tensor_error(cursor, name, what);
  return gguf_refuse(cursor->file, cursor->err);
}

static bool is_name(const unsigned char *text, size_t length) {
  utf8proc_int32_t c;
  for (size_t at = 0; at < length;) {
    utf8proc_ssize_t n = utf8proc_iterate(text + at, (utf8proc_ssize_t)(length - at), &c);
    if (n < 1 || c < 0x20 || c == 0x7f)
      return false;
    at += (size_t)n;
  }
  return length > 0;
}

static int read_name(struct gguf_cursor *cursor, struct gguf_tensor *t) {
  uint64_t length;
  const unsigned char *text;
  if (gguf_take_u64(cursor, "the name of a tensor", &length) != 0)
    return -1;
  if (length > GGUF_NAME_MAX) {
    error_set(cursor->err, TFM_ERROR_CHECKPOINT, "a tensor of `%s` has too long a name",
              cursor->file->path);
    error_note(cursor->err, "expected: at most %d bytes", GGUF_NAME_MAX);
    error_note(cursor->err, "found: %llu", (unsigned long long)length);
    return gguf_refuse(cursor->file, cursor->err);
  }
  if (gguf_take(cursor, length, "the name of a tensor", &text) != 0)
    return -1;
  if (!is_name(text, (size_t)length)) {
    error_set(cursor->err, TFM_ERROR_CHECKPOINT, "a tensor of `%s` has a name that is no text",
              cursor->file->path);
    return gguf_refuse(cursor->file, cursor->err);
  }
  t->name = arena_strndup(&cursor->file->arena, (const char *)text, (size_t)length);
  return t->name ? 0 : error_oom(cursor->err);
}

static int read_shape(struct gguf_cursor *cursor, struct gguf_tensor *t) {
  if (gguf_take_u32(cursor, "the rank of a tensor", &t->rank) != 0)
    return -1;
  if (t->rank > GGUF_RANK_MAX) {
    tensor_error(cursor, t->name, "has too many dimensions");
    error_note(cursor->err, "expected: at most %d", GGUF_RANK_MAX);
    error_note(cursor->err, "found: %lu", (unsigned long)t->rank);
    return gguf_refuse(cursor->file, cursor->err);
  }
  for (uint32_t i = 0; i < t->rank; i++) {
    uint64_t n;
    if (gguf_take_u64(cursor, "the shape of a tensor", &n) != 0)
      return -1;
    if (n > INT64_MAX)
      return tensor_refuse(cursor, t->name, "has a shape whose size overflows");
    t->shape[t->rank - 1 - i] = (int64_t)n;
  }
  return 0;
}

/* "F32, F16, Q4_0": what GGUF has and tfm reads as numbers for sums. */
static void note_types(struct tfm_error *err) {
  struct buffer names;
  buffer_init(&names);
  for (unsigned i = DTYPE_F32; i < DTYPE_COUNT; i++)
    if (dtype_has_gguf((enum dtype)i) && dtype_is_float((enum dtype)i))
      buffer_printf(&names, "%s%s", names.length ? ", " : "", dtype_stored((enum dtype)i));
  error_note(err, "expected: %s", buffer_text(&names));
  buffer_finish(&names);
}

static int read_type(struct gguf_cursor *cursor, struct gguf_tensor *t) {
  uint32_t number;
  if (gguf_take_u32(cursor, "the type of a tensor", &number) != 0)
    return -1;
  t->dtype = dtype_from_gguf(number);
  const char *unread = gguf_type_unread(number);
  if (t->dtype != DTYPE_NONE)
    return 0;
  if (!unread) {
    tensor_error(cursor, t->name, "has an unknown type");
    error_note(cursor->err, "found: type %lu", (unsigned long)number);
    return gguf_refuse(cursor->file, cursor->err);
  }
  error_set(cursor->err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` is %s, which tfm does not read",
            t->name, cursor->file->path, unread);
  note_types(cursor->err);
  error_note(cursor->err, "help: fetch another file of the same model, such as Q8_0 or Q4_K_M");
  return -1;
}

/* Bytes by shape and type; rows are whole blocks. */
static int set_size(struct gguf_cursor *cursor, struct gguf_tensor *t) {
  uint64_t n = 1, bytes;
  bool zero = false;
  int64_t row = t->rank ? t->shape[t->rank - 1] : 1;
  int64_t block = (int64_t)dtype_block(t->dtype);
  if (row % block != 0) {
    tensor_error(cursor, t->name, "has rows that are no whole number of blocks");
    error_note(cursor->err, "expected: a multiple of %ld, as %s", (long)block,
               dtype_stored(t->dtype));
    error_note(cursor->err, "found: %lld", (long long)row);
    return gguf_refuse(cursor->file, cursor->err);
  }
  for (uint32_t i = 0; i < t->rank; i++)
    zero = zero || t->shape[i] == 0;
  for (uint32_t i = 0; !zero && i < t->rank; i++)
    if (!checked_mul_u64(n, (uint64_t)t->shape[i], &n))
      return tensor_refuse(cursor, t->name, "has a shape whose size overflows");
  n = zero ? 0 : n;
  /* What is unpacked has to be countable too. */
  if (!checked_mul_u64(n, 8, &bytes) || bytes > INT64_MAX ||
      !checked_mul_u64(n / (uint64_t)block, dtype_block_bytes(t->dtype), &bytes) ||
      bytes > SIZE_MAX)
    return tensor_refuse(cursor, t->name, "has a shape whose size overflows");
  t->size = (size_t)bytes;
  return 0;
}

static int read_tensor(struct gguf_cursor *cursor, struct gguf_tensor *t) {
  struct gguf *file = cursor->file;
  bool added;
  if (read_name(cursor, t) != 0 || read_shape(cursor, t) != 0 || read_type(cursor, t) != 0 ||
      gguf_take_u64(cursor, "the offset of a tensor", &t->offset) != 0 || set_size(cursor, t) != 0)
    return -1;
  struct map_entry *slot = map_insert_text(&file->tensors, t->name, &added);
  if (!slot)
    return error_oom(cursor->err);
  if (!added)
    return tensor_refuse(cursor, t->name, "is there twice");
  slot->value.number = (int64_t)file->tensor_count++;
  return 0;
}

/* ------------------------------------------------------------------ the layout */

static int by_offset(const void *a, const void *b) {
  const struct gguf_tensor *x = *(struct gguf_tensor *const *)a;
  const struct gguf_tensor *y = *(struct gguf_tensor *const *)b;
  if (x->offset != y->offset)
    return x->offset < y->offset ? -1 : 1;
  if (x->size != y->size)
    return x->size < y->size ? -1 : 1;
  return strcmp(x->name, y->name);
}

/* n up to the next multiple; false on overflow. */
static bool align(uint64_t n, uint64_t alignment, uint64_t *out) {
  return checked_add_u64(n, alignment - 1, &n) && (*out = n & ~(alignment - 1), true);
}

/* Each begins where the one before ends, but for the padding. */
static int place(struct gguf_cursor *cursor, struct gguf_tensor *t, uint64_t begin, uint64_t *end) {
  if (t->offset != begin) {
    tensor_error(cursor, t->name,
                 t->offset % cursor->file->alignment != 0 ? "is not aligned"
                 : t->offset < begin                      ? "overlaps the one before it"
                                     : "leaves a hole between it and the one before");
    error_note(cursor->err, "expected: it begins at %llu", (unsigned long long)begin);
    error_note(cursor->err, "found: it begins at %llu", (unsigned long long)t->offset);
    return gguf_refuse(cursor->file, cursor->err);
  }
  if (!checked_add_u64(t->offset, t->size, end) || *end > cursor->left) {
    tensor_error(cursor, t->name, "ends after the end of the file");
    error_note(cursor->err, "expected: %zu bytes from %llu on", t->size,
               (unsigned long long)t->offset);
    error_note(cursor->err, "found: %zu bytes of data; the file is truncated", cursor->left);
    return gguf_refuse(cursor->file, cursor->err);
  }
  t->data = cursor->at + t->offset;
  return 0;
}

/* cursor stands at the first byte of data. */
static int check_layout(struct gguf_cursor *cursor) {
  struct gguf *file = cursor->file;
  size_t count = file->tensor_count;
  uint64_t begin = 0, end = 0;
  int status = 0;
  struct gguf_tensor **order = calloc(count ? count : 1, sizeof *order);
  if (!order)
    return error_oom(cursor->err);
  for (size_t i = 0; i < count; i++)
    order[i] = &file->tensor[i];
  if (count)
    qsort(order, count, sizeof *order, by_offset);
  for (size_t i = 0; i < count && status == 0; i++) {
    status = place(cursor, order[i], begin, &end);
    if (status == 0 && !align(end, file->alignment, &begin))
      status = tensor_refuse(cursor, order[i]->name, "ends after the end of the file");
  }
  free(order);
  if (status == 0 && cursor->left > begin) {
    error_set(cursor->err, TFM_ERROR_CHECKPOINT, "`%s` has bytes after its last tensor",
              file->path);
    error_note(cursor->err, "expected: %llu bytes of data", (unsigned long long)begin);
    error_note(cursor->err, "found: %zu bytes", cursor->left);
    return gguf_refuse(file, cursor->err);
  }
  return status;
}

int gguf_read_tensors(struct gguf_cursor *cursor, const unsigned char *base, uint64_t count) {
  struct gguf *file = cursor->file;
  const unsigned char *padding;
  uint64_t begin;
  file->tensor = arena_array(&file->arena, (size_t)count, sizeof *file->tensor);
  if (!file->tensor || !map_reserve(&file->tensors, (size_t)count))
    return error_oom(cursor->err);
  for (uint64_t i = 0; i < count; i++)
    if (read_tensor(cursor, &file->tensor[i]) != 0)
      return -1;
  uint64_t at = (uint64_t)(cursor->at - base);
  if (!align(at, file->alignment, &begin))
    return tensor_refuse(cursor, "", "is out of reach");
  /* A file without tensors may end before the padding. */
  if (count == 0 && begin - at > cursor->left)
    begin = at + cursor->left;
  if (gguf_take(cursor, begin - at, "the padding before its data", &padding) != 0)
    return -1;
  return check_layout(cursor);
}
