/* safetensors.c - header to table, one check after the other.
 *
 * The order is that of cost: sizes, then the JSON, read entry by entry without a
 * tree (a hostile header must not grow in memory), then all entries sorted by
 * offset, where the end of one must be the begin of the next. */
#include "checkpoint/safetensors.h"

#include "base/buffer.h"
#include "base/checked.h"
#include "base/pull.h"
#include "checkpoint/foreign.h"

#include <stdlib.h>
#include <string.h>

/* The shortest entry is "":{"dtype":"U8","shape":[],"data_offsets":[0,0]} */
enum { LENGTH_SIZE = 8, ENTRY_MIN = 46 };

/* Known to the format, not to us: named in the message. */
static const char *const unsupported[] = {"C64",     "F4",          "F6_E2M3",    "F6_E3M2",
                                          "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"};

/* A header that is being read. */
struct header {
  struct safetensors *file;
  struct json_pull pull;
  const unsigned char *data; /* data_size bytes: the tensors */
  size_t data_size;
  struct safetensors_tensor *table; /* room for limit of them; owned */
  size_t count, limit;
  struct pull_text text; /* the string last read */
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

/* ------------------------------------------------------------------ entries */

static int entry_refuse(const struct safetensors *file, const char *name, struct tfm_error *err,
                        const char *what) {
  error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` %s", name, file->path, what);
  return -1;
}

static int check_dtype(const struct header *h, const struct safetensors_tensor *t) {
  const struct safetensors *file = h->file;
  const char *text = h->text.text;
  struct tfm_error *err = h->pull.err;
  for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
    if (strcmp(text, unsupported[i]) == 0) {
      error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` is %s, which tfm does not read",
                t->name, file->path, text);
      error_note(err, "help: store the checkpoint as F32, F16 or BF16");
      return -1;
    }
  error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` has the unknown dtype `%s`", t->name,
            file->path, text);
  struct buffer names;
  buffer_init(&names);
  for (unsigned i = DTYPE_F32; i < DTYPE_COUNT; i++)
    if (dtype_from_stored(dtype_stored((enum dtype)i)) == (enum dtype)i)
      buffer_printf(&names, "%s%s", names.length ? ", " : "", dtype_stored((enum dtype)i));
  error_note(err, "expected: %s", buffer_text(&names));
  buffer_finish(&names);
  return refuse(file, err);
}

static int read_dtype(struct header *h, struct safetensors_tensor *t) {
  if (json_pull_peek(&h->pull) != '"') {
    entry_refuse(h->file, t->name, h->pull.err, "has no dtype");
    error_note(h->pull.err, "expected: \"dtype\": a string, such as \"F32\"");
    return refuse(h->file, h->pull.err);
  }
  if (pull_string(&h->pull, &h->text, false) != 0)
    return -1;
  t->dtype = dtype_from_stored(h->text.text);
  return t->dtype != DTYPE_NONE ? 0 : check_dtype(h, t);
}

/* A whole number >= 0.  -1: it is none, and what it is instead is in *detail. */
static int read_whole(struct header *h, int64_t *out, struct tfm_error *detail) {
  struct json_pull *pull = &h->pull;
  struct tfm_error *err = pull->err;
  char c = json_pull_peek(pull);
  if (c < '0' || c > '9')
    return -1;
  pull->err = detail;
  int status = json_pull_integer(pull, out);
  pull->err = err;
  return status;
}

static int bad_dimension(struct header *h, const struct safetensors_tensor *t, uint32_t i,
                         const struct tfm_error *detail) {
  struct tfm_error *err = h->pull.err;
  entry_refuse(h->file, t->name, err, "has a dimension that is not a whole number");
  error_note(err, "expected: whole numbers from 0 on");
  if (detail->code)
    error_note(err, "found: %s", detail->message);
  else
    error_note(err, "found: dimension %u is something else", i);
  return refuse(h->file, err);
}

static int read_shape(struct header *h, struct safetensors_tensor *t) {
  struct tfm_error *err = h->pull.err, detail = {0};
  int more;
  if (json_pull_peek(&h->pull) != '[') {
    entry_refuse(h->file, t->name, err, "has no shape");
    error_note(err, "expected: \"shape\": an array of whole numbers");
    return refuse(h->file, err);
  }
  json_pull_open(&h->pull, '[');
  while ((more = json_pull_more(&h->pull, ']')) > 0) {
    if (t->rank == TFM_MAX_RANK) {
      entry_refuse(h->file, t->name, err, "has too many dimensions");
      error_note(err, "expected: at most %d", TFM_MAX_RANK);
      return refuse(h->file, err);
    }
    if (read_whole(h, &t->shape[t->rank], &detail) != 0)
      return bad_dimension(h, t, t->rank, &detail);
    t->rank++;
  }
  return more;
}

/* offset: BEGIN, END */
static int read_offsets(struct header *h, const struct safetensors_tensor *t, int64_t offset[2]) {
  struct tfm_error *err = h->pull.err, detail = {0};
  size_t count = 0;
  bool sound = json_pull_peek(&h->pull) == '[';
  int more = 0;
  if (sound)
    json_pull_open(&h->pull, '[');
  while (sound && (more = json_pull_more(&h->pull, ']')) > 0)
    sound = count < 2 && read_whole(h, &offset[count++], &detail) == 0;
  if (more < 0)
    return -1;
  if (sound && count == 2 && offset[0] <= offset[1])
    return 0;
  entry_refuse(h->file, t->name, err, "has no sound data_offsets");
  error_note(err, "expected: \"data_offsets\": [BEGIN, END], whole numbers, BEGIN <= END");
  if (detail.code)
    error_note(err, "found: %s", detail.message);
  return refuse(h->file, err);
}

/* The shape and dtype say how many bytes; the offsets must say the same. */
static int check_size(const struct header *h, struct safetensors_tensor *t,
                      const int64_t offset[2]) {
  struct tfm_error *err = h->pull.err;
  uint64_t count = 1, size = (uint64_t)(offset[1] - offset[0]);
  int64_t row = t->rank ? t->shape[t->rank - 1] : 1;
  size_t bytes = 0;
  bool zero = false, fits = true;
  if (row % (int64_t)dtype_block(t->dtype) != 0) {
    entry_refuse(h->file, t->name, err, "has rows that are no whole number of blocks");
    return refuse(h->file, err);
  }
  for (uint32_t i = 0; i < t->rank; i++)
    zero = zero || t->shape[i] == 0;
  for (uint32_t i = 0; !zero && fits && i < t->rank; i++)
    fits = checked_mul_u64(count, (uint64_t)t->shape[i], &count) && count <= SIZE_MAX;
  if (!zero && (!fits || !dtype_bytes(t->dtype, (size_t)count, &bytes))) {
    entry_refuse(h->file, t->name, err, "has a shape whose size overflows");
    return refuse(h->file, err);
  }
  if (bytes != size) {
    entry_refuse(h->file, t->name, err, "has another size than its shape and dtype say");
    error_note(err, "expected: %llu bytes, as %s", (unsigned long long)bytes, dtype_name(t->dtype));
    error_note(err, "found: %llu bytes, from %lld to %lld", (unsigned long long)size,
               (long long)offset[0], (long long)offset[1]);
    return refuse(h->file, err);
  }
  if ((uint64_t)offset[1] > h->data_size) {
    entry_refuse(h->file, t->name, err, "ends after the end of the file");
    error_note(err, "expected: at least %lld bytes of data", (long long)offset[1]);
    error_note(err, "found: %zu bytes; the file is truncated", h->data_size);
    return refuse(h->file, err);
  }
  t->data = h->data + offset[0];
  t->size = (size_t)size;
  return 0;
}

static int not_described(const struct header *h, const struct safetensors_tensor *t) {
  entry_refuse(h->file, t->name, h->pull.err, "is not described as the format asks");
  error_note(h->pull.err, "expected: an object of exactly dtype, shape and data_offsets");
  return refuse(h->file, h->pull.err);
}

/* What the key in h->text.text names: bit 0 to 2 of `seen`. */
static int read_field(struct header *h, struct safetensors_tensor *t, int64_t offset[2],
                      unsigned *seen) {
  static const char *const name[] = {"dtype", "shape", "data_offsets"};
  unsigned field = 0;
  while (field < 3 && strcmp(h->text.text, name[field]) != 0)
    field++;
  if (field == 3)
    return not_described(h, t);
  if (*seen & 1u << field)
    return pull_duplicate(&h->pull, &h->text);
  *seen |= 1u << field;
  return field == 0 ? read_dtype(h, t) : field == 1 ? read_shape(h, t) : read_offsets(h, t, offset);
}

static int read_entry(struct header *h, struct safetensors_tensor *t) {
  int64_t offset[2] = {0, 0};
  unsigned seen = 0;
  int more;
  if (json_pull_peek(&h->pull) != '{')
    return not_described(h, t);
  json_pull_open(&h->pull, '{');
  while ((more = json_pull_more(&h->pull, '}')) > 0)
    if (pull_string(&h->pull, &h->text, true) != 0 || read_field(h, t, offset, &seen) != 0)
      return -1;
  if (more < 0)
    return -1;
  return seen == 7 ? check_size(h, t, offset) : not_described(h, t);
}

/* ----------------------------------------------------------------- metadata */

static int too_many(const struct header *h, const char *what) {
  error_set(h->pull.err, TFM_ERROR_CHECKPOINT, "`%s` lists too many %s", h->file->path, what);
  error_note(h->pull.err, "expected: at most %d", SAFETENSORS_TENSORS_MAX);
  return refuse(h->file, h->pull.err);
}

static const char *keep(struct header *h) {
  return arena_strndup(&h->file->arena, h->text.text, h->text.length);
}

static int read_pair(struct header *h, struct map *seen) {
  struct safetensors *file = h->file;
  size_t i = file->metadata_count;
  bool added;
  if (pull_string(&h->pull, &h->text, true) != 0)
    return -1;
  const char *key = keep(h);
  if (!key || !map_insert(seen, key, h->text.length, &added))
    return error_oom(h->pull.err);
  if (!added)
    return pull_duplicate(&h->pull, &h->text);
  if (json_pull_peek(&h->pull) != '"') {
    error_set(h->pull.err, TFM_ERROR_CHECKPOINT, "`__metadata__` of `%s` maps `%s` to no string",
              file->path, key);
    return refuse(file, h->pull.err);
  }
  if (pull_string(&h->pull, &h->text, false) != 0)
    return -1;
  file->metadata_key[i] = key;
  file->metadata_value[i] = keep(h);
  if (!file->metadata_value[i])
    return error_oom(h->pull.err);
  file->metadata_count++;
  return 0;
}

/* room: pairs that the rest of the header has at most. */
static int read_pairs(struct header *h, size_t room) {
  struct safetensors *file = h->file;
  struct map seen;
  int more, status = 0;
  map_init(&seen);
  json_pull_open(&h->pull, '{');
  while (status == 0 && (more = json_pull_more(&h->pull, '}')) != 0)
    status = more < 0                       ? -1
             : file->metadata_count == room ? too_many(h, "metadata")
                                            : read_pair(h, &seen);
  map_finish(&seen);
  return status;
}

static int read_metadata(struct header *h) {
  struct safetensors *file = h->file;
  size_t room = (h->pull.end - h->pull.at) / 6 + 1; /* "":"", */
  if (json_pull_peek(&h->pull) != '{') {
    error_set(h->pull.err, TFM_ERROR_CHECKPOINT, "`__metadata__` of `%s` is not an object",
              file->path);
    return refuse(file, h->pull.err);
  }
  if (room > SAFETENSORS_TENSORS_MAX)
    room = SAFETENSORS_TENSORS_MAX;
  file->metadata_key = calloc(room, sizeof *file->metadata_key);
  file->metadata_value = calloc(room, sizeof *file->metadata_value);
  if (!file->metadata_key || !file->metadata_value)
    return error_oom(h->pull.err);
  return read_pairs(h, room);
}

/* -------------------------------------------------------------------- table */

/* One member of the header's object. */
static int read_member(struct header *h, bool *metadata) {
  struct safetensors *file = h->file;
  bool added;
  if (pull_string(&h->pull, &h->text, true) != 0)
    return -1;
  if (strcmp(h->text.text, "__metadata__") == 0) {
    if (*metadata)
      return pull_duplicate(&h->pull, &h->text);
    *metadata = true;
    return read_metadata(h);
  }
  if (h->count == h->limit)
    return too_many(h, "tensors");
  struct safetensors_tensor *t = &h->table[h->count];
  t->name = keep(h);
  if (!t->name || !map_insert(&file->index, t->name, h->text.length, &added))
    return error_oom(h->pull.err);
  if (!added)
    return pull_duplicate(&h->pull, &h->text);
  h->count++;
  return read_entry(h, t);
}

static int read_members(struct header *h) {
  bool metadata = false;
  int more;
  if (json_pull_open(&h->pull, '{') != 0)
    return -1;
  while ((more = json_pull_more(&h->pull, '}')) > 0)
    if (read_member(h, &metadata) != 0)
      return -1;
  return more < 0 ? -1 : json_pull_end(&h->pull);
}

static int by_place(const void *a, const void *b) {
  const struct safetensors_tensor *x = a, *y = b;
  if (x->data != y->data)
    return x->data < y->data ? -1 : 1;
  if (x->size != y->size)
    return x->size < y->size ? -1 : 1;
  return strcmp(x->name, y->name);
}

static int check_layout(const struct header *h) {
  struct tfm_error *err = h->pull.err;
  const struct safetensors *file = h->file;
  size_t at = 0;
  for (size_t i = 0; i < h->count; i++) {
    const struct safetensors_tensor *t = &h->table[i];
    size_t begin = (size_t)(t->data - h->data);
    if (begin != at) {
      error_set(err, TFM_ERROR_CHECKPOINT, "tensor `%s` of `%s` %s", t->name, file->path,
                begin < at ? "overlaps the one before it"
                           : "leaves a hole between it and the one before");
      error_note(err, "expected: it begins at %zu", at);
      error_note(err, "found: it begins at %zu", begin);
      return refuse(file, err);
    }
    at = begin + t->size;
  }
  if (at == h->data_size)
    return 0;
  error_set(err, TFM_ERROR_CHECKPOINT, "`%s` has bytes after its last tensor", file->path);
  error_note(err, "expected: %zu bytes of data", at);
  error_note(err, "found: %zu bytes", h->data_size);
  return refuse(file, err);
}

/* The table in its order, and the names' numbers in it. */
static int sort_table(struct header *h) {
  if (h->count > 0)
    qsort(h->table, h->count, sizeof *h->table, by_place);
  if (check_layout(h) != 0)
    return -1;
  for (size_t i = 0; i < h->count; i++)
    map_find_text(&h->file->index, h->table[i].name)->value.number = (int64_t)i;
  h->file->tensor = h->table;
  h->file->count = h->count;
  h->table = NULL;
  return 0;
}

/* length bytes of header in text, then size bytes of tensors in the map. */
static int read_header(struct safetensors *file, const char *text, size_t length,
                       const unsigned char *data, size_t size, struct tfm_error *err) {
  struct header h = {.file = file,
                     .pull = {.name = file->path,
                              .text = text,
                              .end = length,
                              .code = TFM_ERROR_CHECKPOINT,
                              .err = err},
                     .data = data,
                     .data_size = size,
                     .limit = length / ENTRY_MIN + 1};
  if (length == 0 || text[0] != '{') {
    error_set(err, TFM_ERROR_CHECKPOINT, "the header of `%s` does not begin with `{`", file->path);
    return refuse(file, err);
  }
  if (h.limit > SAFETENSORS_TENSORS_MAX)
    h.limit = SAFETENSORS_TENSORS_MAX;
  h.table = calloc(h.limit, sizeof *h.table);
  int status = h.table ? read_members(&h) : error_oom(err);
  if (status == 0)
    status = sort_table(&h);
  free(h.table);
  pull_text_finish(&h.text);
  return status;
}

/* file is zeroed but for its map. */
static int parse(void *to, const char *name, const unsigned char *data, size_t size,
                 struct tfm_error *err) {
  struct safetensors *file = to;
  size_t length = 0;
  char *header = NULL;
  arena_init(&file->arena, 0);
  map_init(&file->index);
  file->path = arena_strdup(&file->arena, name);
  int status = file->path ? 0 : error_oom(err);
  if (status == 0)
    status = header_size(file, data, size, &length, err);
  /* A copy: mapped bytes may change while they are read. */
  if (status == 0 && !(header = malloc(length ? length : 1)))
    status = error_oom(err);
  if (status == 0) {
    memcpy(header, data + LENGTH_SIZE, length);
    status = read_header(file, header, length, data + LENGTH_SIZE + length,
                         size - LENGTH_SIZE - length, err);
  }
  free(header);
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
  int status = file_map_read(path, TFM_ERROR_CHECKPOINT, &file->map, parse, file, err);
  if (status != 0)
    safetensors_finish(file);
  return status;
}

void safetensors_finish(struct safetensors *file) {
  map_finish(&file->index);
  free((void *)(uintptr_t)file->tensor);
  free((void *)(uintptr_t)file->metadata_key);
  free((void *)(uintptr_t)file->metadata_value);
  arena_finish(&file->arena);
  file_unmap(&file->map);
  *file = (struct safetensors){0};
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *file,
                                                  const char *name) {
  const struct map_entry *slot = map_find_text(&file->index, name);
  return slot ? &file->tensor[slot->value.number] : NULL;
}
