/* gguf.c - the head of a file, and looking things up in it. */
#include "checkpoint/gguf/gguf.h"

#include "base/checked.h"
#include "checkpoint/gguf/cursor.h"

#include <string.h>

enum { VERSION_OLDEST = 2, VERSION_NEWEST = 3, ALIGNMENT = 32, ALIGNMENT_MIN = 8 };

int gguf_refuse(const struct gguf *file, struct tfm_error *err) {
  error_note(err, "file: %s", file->path);
  error_note(err, "help: fetch the file again, or convert the model again");
  return -1;
}

int gguf_take(struct gguf_cursor *cursor, uint64_t size, const char *what,
              const unsigned char **out) {
  if (size > cursor->left) {
    error_set(cursor->err, TFM_ERROR_CHECKPOINT, "`%s` ends within %s", cursor->file->path, what);
    error_note(cursor->err, "expected: %llu more bytes", (unsigned long long)size);
    error_note(cursor->err, "found: %zu", cursor->left);
    return gguf_refuse(cursor->file, cursor->err);
  }
  *out = cursor->at;
  cursor->at += size;
  cursor->left -= (size_t)size;
  return 0;
}

int gguf_take_u32(struct gguf_cursor *cursor, const char *what, uint32_t *out) {
  const unsigned char *at;
  if (gguf_take(cursor, 4, what, &at) != 0)
    return -1;
  *out = (uint32_t)gguf_load(at, 4);
  return 0;
}

int gguf_take_u64(struct gguf_cursor *cursor, const char *what, uint64_t *out) {
  const unsigned char *at;
  if (gguf_take(cursor, 8, what, &at) != 0)
    return -1;
  *out = gguf_load(at, 8);
  return 0;
}

static int check_version(struct gguf_cursor *cursor, uint32_t version) {
  if (version >= VERSION_OLDEST && version <= VERSION_NEWEST)
    return 0;
  bool swapped = (version & 0xffffu) == 0;
  error_set(cursor->err, TFM_ERROR_CHECKPOINT,
            swapped ? "`%s` is a big-endian GGUF file, which tfm does not read"
                    : "`%s` is of a version of GGUF that tfm does not read",
            cursor->file->path);
  error_note(cursor->err, "expected: version %d or %d", VERSION_OLDEST, VERSION_NEWEST);
  error_note(cursor->err, "found: %lu", (unsigned long)version);
  return gguf_refuse(cursor->file, cursor->err);
}

static int check_count(struct gguf_cursor *cursor, const char *what, uint64_t count, uint64_t most,
                       size_t smallest) {
  if (count <= most && count <= cursor->left / smallest)
    return 0;
  error_set(cursor->err, TFM_ERROR_CHECKPOINT, "`%s` claims too many %s", cursor->file->path, what);
  error_note(cursor->err, "expected: at most %llu, and as many as %zu bytes can hold",
             (unsigned long long)most, cursor->left);
  error_note(cursor->err, "found: %llu", (unsigned long long)count);
  return gguf_refuse(cursor->file, cursor->err);
}

static int read_alignment(struct gguf *file, struct tfm_error *err) {
  const struct gguf_value *value = gguf_value(file, "general.alignment");
  int64_t n = ALIGNMENT;
  if (value && (value->array || value->kind != GGUF_U32 || !gguf_integer(value, 0, &n) ||
                n < ALIGNMENT_MIN || n > GGUF_ALIGNMENT_MAX || (n & (n - 1)) != 0)) {
    error_set(err, TFM_ERROR_CHECKPOINT, "general.alignment of `%s` is not sound", file->path);
    error_note(err, "expected: a u32, a power of two from %d to %d", ALIGNMENT_MIN,
               GGUF_ALIGNMENT_MAX);
    return gguf_refuse(file, err);
  }
  file->alignment = (size_t)n;
  return 0;
}

/* One of several: the others' tensors would be missing. */
static int check_split(const struct gguf *file, struct tfm_error *err) {
  int64_t parts = 1;
  const struct gguf_value *value = gguf_value(file, "split.count");
  if (!value || value->array || !gguf_integer(value, 0, &parts) || parts <= 1)
    return 0;
  error_set(err, TFM_ERROR_CHECKPOINT, "`%s` is one of %lld parts, which tfm does not read",
            file->path, (long long)parts);
  error_note(err, "help: put them together: llama-gguf-split --merge FIRST-PART OUT.gguf");
  return -1;
}

/* The smallest key is a name of 1 byte and a value of 1; the smallest tensor a
 * name of 1 byte and rank 0. */
enum { KEY_MIN = 8 + 1 + 4 + 1, TENSOR_MIN = 8 + 1 + 4 + 4 + 8 };

static int read_all(struct gguf *file, const unsigned char *data, size_t size,
                    struct tfm_error *err) {
  struct gguf_cursor cursor = {file, data, size, err};
  const unsigned char *magic;
  uint32_t version;
  uint64_t tensors, keys;
  if (gguf_take(&cursor, 4, "its magic number", &magic) != 0)
    return -1;
  if (memcmp(magic, "GGUF", 4) != 0) {
    error_set(err, TFM_ERROR_CHECKPOINT, "`%s` is no GGUF file", file->path);
    error_note(err, "expected: it begins with GGUF");
    return gguf_refuse(file, err);
  }
  if (gguf_take_u32(&cursor, "its version", &version) != 0 ||
      check_version(&cursor, version) != 0 ||
      gguf_take_u64(&cursor, "its number of tensors", &tensors) != 0 ||
      gguf_take_u64(&cursor, "its number of keys", &keys) != 0 ||
      check_count(&cursor, "keys", keys, GGUF_KEYS_MAX, KEY_MIN) != 0 ||
      gguf_read_values(&cursor, keys) != 0 || read_alignment(file, err) != 0 ||
      check_split(file, err) != 0 ||
      check_count(&cursor, "tensors", tensors, GGUF_TENSORS_MAX, TENSOR_MIN) != 0)
    return -1;
  return gguf_read_tensors(&cursor, data, tensors);
}

/* file is zeroed but for its map. */
static int parse(void *to, const char *name, const unsigned char *data, size_t size,
                 struct tfm_error *err) {
  struct gguf *file = to;
  arena_init(&file->arena, 0);
  map_init(&file->values);
  map_init(&file->tensors);
  file->path = arena_strdup(&file->arena, name);
  return file->path ? read_all(file, data, size, err) : error_oom(err);
}

int gguf_parse(struct gguf *file, const char *name, const unsigned char *data, size_t size,
               struct tfm_error *err) {
  *file = (struct gguf){0};
  int status = parse(file, name, data, size, err);
  if (status != 0)
    gguf_finish(file);
  return status;
}

int gguf_open(struct gguf *file, const char *path, struct tfm_error *err) {
  *file = (struct gguf){0};
  int status = file_map_read(path, TFM_ERROR_CHECKPOINT, &file->map, parse, file, err);
  if (status != 0)
    gguf_finish(file);
  return status;
}

void gguf_finish(struct gguf *file) {
  map_finish(&file->values);
  map_finish(&file->tensors);
  arena_finish(&file->arena);
  file_unmap(&file->map);
  *file = (struct gguf){0};
}

bool gguf_is_path(const char *path) {
  size_t length = strlen(path);
  return length > 5 && strcmp(path + length - 5, ".gguf") == 0;
}

const struct gguf_tensor *gguf_find(const struct gguf *file, const char *name) {
  const struct map_entry *slot = map_find_text(&file->tensors, name);
  return slot ? &file->tensor[slot->value.number] : NULL;
}

const struct gguf_value *gguf_value(const struct gguf *file, const char *key) {
  const struct map_entry *slot = map_find_text(&file->values, key);
  return slot ? &file->value[slot->value.number] : NULL;
}
