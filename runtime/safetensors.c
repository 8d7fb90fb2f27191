/* safetensors.c - header to table, one check after the other.
 *
 * The order is that of cost: sizes, then the JSON, then each entry by itself,
 * then all of them sorted by offset, where the end of one must be the begin
 * of the next. */
#include "runtime/safetensors.h"

#include "base/checked.h"
#include "base/json.h"
#include "runtime/foreign.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH_SIZE = 8, HEADER_DEPTH = 4 };

/* Known to the format, not to us: named in the message. */
static const char *const unsupported[] = {"C64",     "F4",          "F6_E2M3",    "F6_E3M2",
                                          "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"};

struct entry {
  struct safetensors_tensor tensor;
  uint64_t begin, end;
};

static int refuse(const struct safetensors *file, struct tfm_error *err) {
  error_note(err, "file: %s", file->path);
  error_note(err, "help: fetch the file again, or make it with the safetensors library");
  return -1;
}

/* Bytes 0..7, and where the data begins. */
static int header_size(const struct safetensors *file, const unsigned char *data, size_t size,
                       size_t *header, struct tfm_error *err) {
  uint64_t n = 0;
  if (size < LENGTH_SIZE) {
    error_set(err, TFM_ERROR_CHECKPOINT, "`%s` is too short for a safetensors file", file->path);
    error_note(err, "expected: at least %d bytes", LENGTH_SIZE);
    error_note(err, "found: %zu bytes", size);
    return refuse(file, err);
  }
  for (unsigned i = 0; i < LENGTH_SIZE; i++)
    n |= (uint64_t)data[i] << (8 * i);
  if (n > SAFETENSORS_HEADER_MAX) {
    if (foreign_refuse_bytes(file->path, data, size, err) != 0)
      return -1;
    error_set(err, TFM_ERROR_CHECKPOINT, "`%s` claims a header that is too large", file->path);
    error_note(err, "expected: at most %u bytes", SAFETENSORS_HEADER_MAX);
    error_note(err, "found: %llu bytes", (unsigned long long)n);
    return refuse(file, err);
  }
  if (n > size - LENGTH_SIZE) {
    error_set(err, TFM_ERROR_CHECKPOINT, "`%s` ends within its header", file->path);
    error_note(err, "expected: %llu bytes of header", (unsigned long long)n);
    error_note(err, "found: %zu bytes", size - LENGTH_SIZE);
    return refuse(file, err);
  }
  *header = (size_t)n;
  return 0;
}

/* A tensor's entry has at most 11 commas in at least 60 bytes.  Text that is
 * denser is no table of tensors, and would grow tenfold when parsed. */
static int check_density(const struct safetensors *file, const char *text, size_t size,
                         struct tfm_error *err) {
  bool inside = false;
  size_t commas = 0;
  for (size_t i = 0; i < size; i++) {
    char c = text[i];
    if (inside && c == '\\')
      i++;
    else if (c == '"')
      inside = !inside;
    else if (!inside && c == ',')
      commas++;
  }
  if (commas <= size / 4 + 16)
    return 0;
  error_set(err, TFM_ERROR_CHECKPOINT, "the header of `%s` is no table of tensors", file->path);
  error_note(err, "found: %zu commas in %zu bytes", commas, size);
  return refuse(file, err);
}

static int parse_header(const struct safetensors *file, const unsigned char *data, size_t header,
                        json_t **root, struct tfm_error *err) {
  const char *text = (const char *)data + LENGTH_SIZE;
  if (header == 0 || text[0] != '{') {
    error_set(err, TFM_ERROR_CHECKPOINT, "the header of `%s` does not begin with `{`", file->path);
    return refuse(file, err);
  }
  if (check_density(file, text, header, err) != 0)
    return -1;
  return json_parse(file->path, text, header, HEADER_DEPTH, TFM_ERROR_CHECKPOINT, root, err);
}

static int entry_refuse(const struct safetensors *file, const char *name, struct tfm_error *err,
                        const char *what) {
  error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` %s", name, file->path, what);
  return -1;
}

static int read_dtype(const struct safetensors *file, struct safetensors_tensor *t,
                      const json_t *value, struct tfm_error *err) {
  const char *text = json_string_value(value);
  if (!text || strlen(text) != json_string_length(value)) {
    entry_refuse(file, t->name, err, "has no dtype");
    error_note(err, "expected: \"dtype\": a string, such as \"F32\"");
    return refuse(file, err);
  }
  t->dtype = dtype_from_stored(text);
  if (t->dtype != DTYPE_NONE)
    return 0;
  for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
    if (strcmp(text, unsupported[i]) == 0) {
      error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` is %s, which tfm does not read",
                t->name, file->path, text);
      error_note(err, "help: store the checkpoint as F32, F16 or BF16");
      return -1;
    }
  error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` has the unknown dtype `%s`", t->name,
            file->path, text);
  error_note(err, "expected: F32, F16, BF16, F64, I8 to I64, U8 to U64, BOOL, F8_E4M3, F8_E5M2");
  return refuse(file, err);
}

/* A whole number >= 0, or -1. */
static int64_t whole(const json_t *value) {
  return json_is_integer(value) ? (int64_t)json_integer_value(value) : -1;
}

static int read_shape(const struct safetensors *file, struct safetensors_tensor *t,
                      const json_t *value, struct tfm_error *err) {
  size_t rank = json_array_size(value);
  if (!json_is_array(value)) {
    entry_refuse(file, t->name, err, "has no shape");
    error_note(err, "expected: \"shape\": an array of whole numbers");
    return refuse(file, err);
  }
  if (rank > GRAPH_MAX_RANK) {
    entry_refuse(file, t->name, err, "has too many dimensions");
    error_note(err, "expected: at most %d", GRAPH_MAX_RANK);
    error_note(err, "found: %zu", rank);
    return refuse(file, err);
  }
  t->rank = (uint32_t)rank;
  for (size_t i = 0; i < rank; i++) {
    t->shape[i] = whole(json_array_get(value, i));
    if (t->shape[i] < 0) {
      entry_refuse(file, t->name, err, "has a dimension that is not a whole number");
      error_note(err, "expected: whole numbers from 0 on");
      error_note(err, "found: dimension %zu is something else", i);
      return refuse(file, err);
    }
  }
  return 0;
}

static int read_offsets(const struct safetensors *file, struct entry *e, const json_t *value,
                        struct tfm_error *err) {
  int64_t begin = whole(json_array_get(value, 0)), end = whole(json_array_get(value, 1));
  if (!json_is_array(value) || json_array_size(value) != 2 || begin < 0 || end < begin) {
    entry_refuse(file, e->tensor.name, err, "has no sound data_offsets");
    error_note(err, "expected: \"data_offsets\": [BEGIN, END], whole numbers, BEGIN <= END");
    return refuse(file, err);
  }
  e->begin = (uint64_t)begin;
  e->end = (uint64_t)end;
  return 0;
}

/* The shape and dtype say how many bytes; the offsets must say the same. */
static int check_size(const struct safetensors *file, struct entry *e, size_t data_size,
                      struct tfm_error *err) {
  struct safetensors_tensor *t = &e->tensor;
  uint64_t bits = dtype_bits(t->dtype);
  bool zero = false;
  for (uint32_t i = 0; i < t->rank; i++)
    zero = zero || t->shape[i] == 0;
  for (uint32_t i = 0; !zero && i < t->rank; i++)
    if (!checked_mul_u64(bits, (uint64_t)t->shape[i], &bits)) {
      entry_refuse(file, t->name, err, "has a shape whose size overflows");
      return refuse(file, err);
    }
  if (zero)
    bits = 0;
  if (bits % 8 != 0) {
    entry_refuse(file, t->name, err, "is not a whole number of bytes");
    return refuse(file, err);
  }
  if (bits / 8 != e->end - e->begin) {
    entry_refuse(file, t->name, err, "has another size than its shape and dtype say");
    error_note(err, "expected: %llu bytes, as %s", (unsigned long long)(bits / 8),
               dtype_name(t->dtype));
    error_note(err, "found: %llu bytes, from %llu to %llu", (unsigned long long)(e->end - e->begin),
               (unsigned long long)e->begin, (unsigned long long)e->end);
    return refuse(file, err);
  }
  if (e->end > data_size) {
    entry_refuse(file, t->name, err, "ends after the end of the file");
    error_note(err, "expected: at least %llu bytes of data", (unsigned long long)e->end);
    error_note(err, "found: %zu bytes; the file is truncated", data_size);
    return refuse(file, err);
  }
  t->size = (size_t)(bits / 8);
  return 0;
}

static int read_entry(const struct safetensors *file, struct entry *e, const json_t *value,
                      size_t data_size, struct tfm_error *err) {
  if (!json_is_object(value) || json_object_size(value) != 3) {
    entry_refuse(file, e->tensor.name, err, "is not described as the format asks");
    error_note(err, "expected: an object of exactly dtype, shape and data_offsets");
    return refuse(file, err);
  }
  if (read_dtype(file, &e->tensor, json_object_get(value, "dtype"), err) != 0 ||
      read_shape(file, &e->tensor, json_object_get(value, "shape"), err) != 0 ||
      read_offsets(file, e, json_object_get(value, "data_offsets"), err) != 0)
    return -1;
  return check_size(file, e, data_size, err);
}

static int by_offset(const void *a, const void *b) {
  const struct entry *x = a, *y = b;
  if (x->begin != y->begin)
    return x->begin < y->begin ? -1 : 1;
  if (x->end != y->end)
    return x->end < y->end ? -1 : 1;
  return strcmp(x->tensor.name, y->tensor.name);
}

static int check_layout(const struct safetensors *file, struct entry *entry, size_t count,
                        size_t data_size, struct tfm_error *err) {
  uint64_t at = 0;
  if (count > 0)
    qsort(entry, count, sizeof *entry, by_offset);
  for (size_t i = 0; i < count; i++) {
    if (entry[i].begin != at) {
      error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` %s", entry[i].tensor.name,
                file->path,
                entry[i].begin < at ? "overlaps the one before it"
                                    : "leaves a hole between it and the one before");
      error_note(err, "expected: it begins at %llu", (unsigned long long)at);
      error_note(err, "found: it begins at %llu", (unsigned long long)entry[i].begin);
      return refuse(file, err);
    }
    at = entry[i].end;
  }
  if (at != data_size) {
    error_set(err, TFM_ERROR_CHECKPOINT, "`%s` has bytes after its last tensor", file->path);
    error_note(err, "expected: %llu bytes of data", (unsigned long long)at);
    error_note(err, "found: %zu bytes", data_size);
    return refuse(file, err);
  }
  return 0;
}

static int read_metadata(struct safetensors *file, json_t *object, struct tfm_error *err) {
  const char *key;
  json_t *value;
  size_t count = json_object_size(object), i = 0;
  if (!json_is_object(object)) {
    error_set(err, TFM_ERROR_CHECKPOINT, "`__metadata__` of `%s` is not an object", file->path);
    return refuse(file, err);
  }
  file->metadata_key = arena_array(&file->arena, count, sizeof *file->metadata_key);
  file->metadata_value = arena_array(&file->arena, count, sizeof *file->metadata_value);
  json_object_foreach(object, key, value) {
    if (!json_is_string(value)) {
      error_set(err, TFM_ERROR_CHECKPOINT, "`__metadata__` of `%s` maps `%s` to no string",
                file->path, key);
      return refuse(file, err);
    }
    if (arena_failed(&file->arena))
      return error_oom(err);
    file->metadata_key[i] = arena_strdup(&file->arena, key);
    file->metadata_value[i++] = arena_strdup(&file->arena, json_string_value(value));
  }
  file->metadata_count = count;
  return arena_failed(&file->arena) ? error_oom(err) : 0;
}

/* Every tensor of the header into entry, in the header's order. */
static int read_entries(struct safetensors *file, json_t *root, struct entry *entry,
                        size_t data_size, size_t *count, struct tfm_error *err) {
  const char *key;
  json_t *value;
  size_t n = 0;
  json_object_foreach(root, key, value) {
    if (strcmp(key, "__metadata__") == 0) {
      if (read_metadata(file, value, err) != 0)
        return -1;
      continue;
    }
    entry[n].tensor.name = arena_strdup(&file->arena, key);
    if (!entry[n].tensor.name)
      return error_oom(err);
    if (read_entry(file, &entry[n], value, data_size, err) != 0)
      return -1;
    n++;
  }
  *count = n;
  return 0;
}

static int make_table(struct safetensors *file, const struct entry *entry, size_t count,
                      const unsigned char *data, struct tfm_error *err) {
  struct safetensors_tensor *table = arena_array(&file->arena, count, sizeof *table);
  if (!table || !map_reserve(&file->index, count))
    return error_oom(err);
  for (size_t i = 0; i < count; i++) {
    table[i] = entry[i].tensor;
    table[i].data = data + entry[i].begin;
    struct map_entry *slot = map_insert_text(&file->index, table[i].name, NULL);
    if (!slot)
      return error_oom(err);
    slot->value.number = (int64_t)i;
  }
  file->tensor = table;
  file->count = count;
  return 0;
}

static int read_table(struct safetensors *file, json_t *root, const unsigned char *data,
                      size_t size, struct tfm_error *err) {
  size_t limit = json_object_size(root), count = 0;
  if (!json_is_object(root) || limit > SAFETENSORS_TENSORS_MAX + 1) {
    error_set(err, TFM_ERROR_CHECKPOINT, "`%s` lists too many tensors", file->path);
    error_note(err, "expected: at most %d", SAFETENSORS_TENSORS_MAX);
    error_note(err, "found: %zu", limit);
    return refuse(file, err);
  }
  struct entry *entry = calloc(limit ? limit : 1, sizeof *entry);
  if (!entry)
    return error_oom(err);
  int status = read_entries(file, root, entry, size, &count, err);
  if (status == 0)
    status = check_layout(file, entry, count, size, err);
  if (status == 0)
    status = make_table(file, entry, count, data, err);
  free(entry);
  return status;
}

/* file is zeroed but for its map. */
static int parse(struct safetensors *file, const char *name, const unsigned char *data, size_t size,
                 struct tfm_error *err) {
  size_t header = 0;
  json_t *root = NULL;
  arena_init(&file->arena, 0);
  map_init(&file->index);
  file->path = arena_strdup(&file->arena, name);
  int status = file->path ? 0 : error_oom(err);
  if (status == 0)
    status = header_size(file, data, size, &header, err);
  if (status == 0)
    status = parse_header(file, data, header, &root, err);
  if (status == 0)
    status = read_table(file, root, data + LENGTH_SIZE + header, size - LENGTH_SIZE - header, err);
  json_decref(root);
  return status;
}

int safetensors_parse(struct safetensors *file, const char *name, const unsigned char *data,
                      size_t size, struct tfm_error *err) {
  *file = (struct safetensors){0};
  int status = parse(file, name, data, size, err);
  if (status != 0)
    safetensors_finish(file);
  return status;
}

int safetensors_open(struct safetensors *file, const char *path, struct tfm_error *err) {
  *file = (struct safetensors){0};
  if (file_map(path, TFM_ERROR_CHECKPOINT, &file->map, err) != 0)
    return -1;
  struct tfm_error cause = {0};
  int status = parse(file, path, file->map.data, file->map.size, &cause);
  /* What a file that shrank meanwhile seems to say is not the cause. */
  if (file_map_check(&file->map, path, TFM_ERROR_CHECKPOINT, err) != 0)
    status = -1;
  else if (status != 0 && err && err->code == TFM_ERROR_NONE)
    *err = cause;
  if (status != 0)
    safetensors_finish(file);
  return status;
}

void safetensors_finish(struct safetensors *file) {
  map_finish(&file->index);
  arena_finish(&file->arena);
  file_unmap(&file->map);
  *file = (struct safetensors){0};
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *file,
                                                  const char *name) {
  const struct map_entry *slot = map_find_text(&file->index, name);
  return slot ? &file->tensor[slot->value.number] : NULL;
}
