/* value.c - keys and values: each is walked over once, and stays in the file. */
#include "checkpoint/gguf/cursor.h"

#include "base/checked.h"

#include <string.h>
#include <utf8proc.h>

/* Bytes of one element; 0 = as many as it says. */
static const unsigned char kind_size[GGUF_KINDS] = {
    [GGUF_U8] = 1,   [GGUF_I8] = 1,  [GGUF_U16] = 2, [GGUF_I16] = 2,
    [GGUF_U32] = 4,  [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_BOOL] = 1,
    [GGUF_TEXT] = 0, [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8};

static int key_refuse(struct gguf_cursor *cursor, const char *key, const char *what) {
  error_set(cursor->err, TFM_ERROR_CHECKPOINT, "key `%.64s` of `%s` %s", key, cursor->file->path,
            what);
  return gguf_refuse(cursor->file, cursor->err);
}

static int read_kind(struct gguf_cursor *cursor, const char *key, enum gguf_kind *out) {
  uint32_t kind;
  if (gguf_take_u32(cursor, "the kind of a value", &kind) != 0)
    return -1;
  if (kind >= GGUF_KINDS) {
    error_set(cursor->err, TFM_ERROR_CHECKPOINT,
              "key `%.64s` of `%s` has a value of an unknown kind", key, cursor->file->path);
    error_note(cursor->err, "found: kind %lu, of %d", (unsigned long)kind, GGUF_KINDS);
    return gguf_refuse(cursor->file, cursor->err);
  }
  *out = (enum gguf_kind)kind;
  return 0;
}

static int skip_text(struct gguf_cursor *cursor) {
  uint64_t length;
  const unsigned char *text;
  return gguf_take_u64(cursor, "the length of a text", &length) != 0 ||
                 gguf_take(cursor, length, "a text", &text) != 0
             ? -1
             : 0;
}

static int skip_array(struct gguf_cursor *cursor, const char *key, unsigned depth,
                      struct gguf_value *value);

/* count elements of a kind, each of them sound. */
static int skip_elements(struct gguf_cursor *cursor, const char *key, enum gguf_kind kind,
                         uint64_t count, unsigned depth) {
  const unsigned char *data;
  uint64_t size;
  int status = 0;
  if (kind == GGUF_ARRAY || kind == GGUF_TEXT) {
    for (uint64_t i = 0; i < count && status == 0; i++)
      status = kind == GGUF_TEXT ? skip_text(cursor) : skip_array(cursor, key, depth + 1, NULL);
    return status;
  }
  if (!checked_mul_u64(count, kind_size[kind], &size))
    size = UINT64_MAX;
  if (gguf_take(cursor, size, "a value", &data) != 0)
    return -1;
  for (uint64_t i = 0; kind == GGUF_BOOL && i < count; i++)
    if (data[i] > 1)
      return key_refuse(cursor, key, "has a truth value that is neither 0 nor 1");
  return 0;
}

/* value: where its parts are noted; NULL for an array in an array. */
static int skip_array(struct gguf_cursor *cursor, const char *key, unsigned depth,
                      struct gguf_value *value) {
  enum gguf_kind kind;
  uint64_t count;
  if (depth > GGUF_DEPTH_MAX)
    return key_refuse(cursor, key, "has arrays nested too deep");
  if (read_kind(cursor, key, &kind) != 0 ||
      gguf_take_u64(cursor, "the length of an array", &count) != 0)
    return -1;
  if (value) {
    value->kind = kind;
    value->count = count;
    value->data = cursor->at;
  }
  return skip_elements(cursor, key, kind, count, depth);
}

/* The name of a key: printable ASCII. */
static int read_key(struct gguf_cursor *cursor, const char **out) {
  uint64_t length;
  const unsigned char *text;
  if (gguf_take_u64(cursor, "the name of a key", &length) != 0)
    return -1;
  if (length == 0 || length > GGUF_KEY_LENGTH_MAX) {
    error_set(cursor->err, TFM_ERROR_CHECKPOINT, "`%s` has a key whose name is empty or too long",
              cursor->file->path);
    error_note(cursor->err, "expected: 1 to %d bytes", GGUF_KEY_LENGTH_MAX);
    error_note(cursor->err, "found: %llu", (unsigned long long)length);
    return gguf_refuse(cursor->file, cursor->err);
  }
  if (gguf_take(cursor, length, "the name of a key", &text) != 0)
    return -1;
  for (uint64_t i = 0; i < length; i++)
    if (text[i] < 0x20 || text[i] > 0x7e) {
      error_set(cursor->err, TFM_ERROR_CHECKPOINT, "`%s` has a key whose name is not ASCII",
                cursor->file->path);
      return gguf_refuse(cursor->file, cursor->err);
    }
  *out = arena_strndup(&cursor->file->arena, (const char *)text, (size_t)length);
  return *out ? 0 : error_oom(cursor->err);
}

static int read_value(struct gguf_cursor *cursor, struct gguf_value *value) {
  struct gguf *file = cursor->file;
  bool added;
  if (read_key(cursor, &value->key) != 0 || read_kind(cursor, value->key, &value->kind) != 0)
    return -1;
  struct map_entry *slot = map_insert_text(&file->values, value->key, &added);
  if (!slot)
    return error_oom(cursor->err);
  if (!added)
    return key_refuse(cursor, value->key, "is there twice");
  slot->value.number = (int64_t)file->value_count++;
  value->array = value->kind == GGUF_ARRAY;
  value->count = 1;
  value->data = cursor->at;
  int status = value->array ? skip_array(cursor, value->key, 1, value)
                            : skip_elements(cursor, value->key, value->kind, 1, 0);
  value->size = (size_t)(cursor->at - value->data);
  return status;
}

int gguf_read_values(struct gguf_cursor *cursor, uint64_t count) {
  struct gguf *file = cursor->file;
  file->value = arena_array(&file->arena, (size_t)count, sizeof *file->value);
  if (!file->value || !map_reserve(&file->values, (size_t)count))
    return error_oom(cursor->err);
  for (uint64_t i = 0; i < count; i++)
    if (read_value(cursor, &file->value[i]) != 0)
      return -1;
  return 0;
}

/* ------------------------------------------------------------ asking for them */

bool gguf_integer(const struct gguf_value *value, uint64_t i, int64_t *out) {
  unsigned size = kind_size[value->kind];
  if (size == 0 || i >= value->count)
    return false;
  uint64_t n = gguf_load(value->data + i * size, size);
  switch (value->kind) {
  case GGUF_I8:
  case GGUF_I16:
  case GGUF_I32: {
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    *out = (int64_t)(n ^ sign) - (int64_t)sign;
    return true;
  }
  case GGUF_U8:
  case GGUF_U16:
  case GGUF_U32:
  case GGUF_U64:
    *out = (int64_t)(n & INT64_MAX);
    return n <= INT64_MAX;
  case GGUF_I64:
    memcpy(out, &n, sizeof n);
    return true;
  default:
    return false;
  }
}

bool gguf_real(const struct gguf_value *value, uint64_t i, double *out) {
  int64_t whole;
  if (gguf_integer(value, i, &whole)) {
    *out = (double)whole;
    return true;
  }
  if (i >= value->count || (value->kind != GGUF_F32 && value->kind != GGUF_F64))
    return false;
  uint64_t bits = gguf_load(value->data + i * kind_size[value->kind], kind_size[value->kind]);
  if (value->kind == GGUF_F64) {
    memcpy(out, &bits, sizeof bits);
  } else {
    uint32_t low = (uint32_t)bits;
    float f;
    memcpy(&f, &low, sizeof f);
    *out = (double)f;
  }
  return true;
}

bool gguf_texts_begin(struct gguf_texts *texts, const struct gguf_value *value) {
  *texts = (struct gguf_texts){0};
  if (!value || value->kind != GGUF_TEXT)
    return false;
  *texts = (struct gguf_texts){value->data, value->size};
  return true;
}

/* The lengths were checked, but lie in a mapped file. */
bool gguf_texts_next(struct gguf_texts *texts, struct gguf_text *out) {
  if (texts->left < 8)
    return false;
  uint64_t length = gguf_load(texts->at, 8);
  if (length > texts->left - 8)
    return false;
  *out = (struct gguf_text){(const char *)texts->at + 8, (size_t)length};
  texts->at += 8 + (size_t)length;
  texts->left -= 8 + (size_t)length;
  return true;
}

bool gguf_text_is_clean(struct gguf_text text) {
  utf8proc_int32_t c;
  for (size_t at = 0; at < text.length;) {
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.text + at,
                                          (utf8proc_ssize_t)(text.length - at), &c);
    if (n < 1 || c == 0)
      return false;
    at += (size_t)n;
  }
  return true;
}

const char *gguf_string(struct gguf *file, const char *key) {
  const struct gguf_value *value = gguf_value(file, key);
  struct gguf_texts texts;
  struct gguf_text text;
  if (!gguf_texts_begin(&texts, value) || value->array || !gguf_texts_next(&texts, &text))
    return NULL;
  return gguf_text_is_clean(text) ? arena_strndup(&file->arena, text.text, text.length) : NULL;
}
