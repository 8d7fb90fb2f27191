/* shard_index.c - read pair by pair, so that a hostile index takes no more memory
 * than its own size. */
#include "checkpoint/shard_index.h"

#include "base/file.h"
#include "base/map.h"
#include "base/pull.h"
#include "checkpoint/safetensors.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_DEPTH = 8, PAIR_MIN = 7 /* "":"a", */ };
static const size_t index_max = (size_t)256 * 1024 * 1024;

struct reader {
  struct shard_index *index;
  struct json_pull pull;
  struct pull_text text;
  struct map tensors, shards; /* names; shards to their numbers */
  size_t room;                /* of index->entry */
};

static bool is_bare(const char *name) {
  return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/') &&
         !strchr(name, '\\');
}

/* The file of that name, in r->text, has a number. */
static int find_shard(struct reader *r, const char *tensor, uint32_t *out) {
  struct shard_index *index = r->index;
  struct tfm_error *err = r->pull.err;
  const char *path = r->pull.name;
  struct map_entry *slot = map_find(&r->shards, r->text.text, r->text.length);
  if (slot) {
    *out = (uint32_t)slot->value.number;
    return 0;
  }
  if (!is_bare(r->text.text)) {
    error_set(err, TFM_ERROR_CHECKPOINT, "`%s` looks for tensor `%s` outside its directory", path,
              tensor);
    error_note(err, "expected: the name of a file beside it");
    error_note(err, "found: `%s`", r->text.text);
    error_note(err, "help: do not use this checkpoint unless you know who made it");
    return -1;
  }
  if (index->shard_count == SHARDS_MAX)
    return error_set(err, TFM_ERROR_CHECKPOINT, "`%s` names more than %d shards", path, SHARDS_MAX);
  const char *name = arena_strndup(&index->arena, r->text.text, r->text.length);
  slot = name ? map_insert(&r->shards, name, r->text.length, NULL) : NULL;
  if (!slot)
    return error_oom(err);
  slot->value.number = (int64_t)index->shard_count;
  *out = (uint32_t)index->shard_count;
  index->shard[index->shard_count++] = (struct shard_file){name, tensor};
  return 0;
}

static int read_pair(struct reader *r) {
  struct shard_index *index = r->index;
  struct tfm_error *err = r->pull.err;
  bool added;
  if (pull_string(&r->pull, &r->text, true) != 0)
    return -1;
  if (index->count == r->room)
    return error_set(err, TFM_ERROR_CHECKPOINT, "`%s` lists more than %d tensors", r->pull.name,
                     SAFETENSORS_TENSORS_MAX);
  const char *tensor = arena_strndup(&index->arena, r->text.text, r->text.length);
  if (!tensor || !map_insert(&r->tensors, tensor, r->text.length, &added))
    return error_oom(err);
  if (!added)
    return pull_duplicate(&r->pull, &r->text);
  if (json_pull_peek(&r->pull) != '"')
    return error_set(err, TFM_ERROR_CHECKPOINT, "`%s` maps tensor `%s` to no file name",
                     r->pull.name, tensor);
  struct shard_entry *entry = &index->entry[index->count];
  entry->tensor = tensor;
  if (pull_string(&r->pull, &r->text, false) != 0 || find_shard(r, tensor, &entry->shard) != 0)
    return -1;
  index->count++;
  return 0;
}

static int no_map(const struct reader *r) {
  error_set(r->pull.err, TFM_ERROR_CHECKPOINT, "`%s` has no weight_map", r->pull.name);
  error_note(r->pull.err, "expected: \"weight_map\": {\"TENSOR\": \"FILE.safetensors\", ...}");
  return -1;
}

static int read_map(struct reader *r) {
  struct shard_index *index = r->index;
  int more;
  if (json_pull_peek(&r->pull) != '{')
    return no_map(r);
  r->room = (r->pull.end - r->pull.at) / PAIR_MIN + 1;
  if (r->room > SAFETENSORS_TENSORS_MAX)
    r->room = SAFETENSORS_TENSORS_MAX;
  index->entry = calloc(r->room, sizeof *index->entry);
  index->shard = calloc(r->room < SHARDS_MAX ? r->room : SHARDS_MAX, sizeof *index->shard);
  if (!index->entry || !index->shard)
    return error_oom(r->pull.err);
  json_pull_open(&r->pull, '{');
  while ((more = json_pull_more(&r->pull, '}')) > 0)
    if (read_pair(r) != 0)
      return -1;
  return more;
}

static int read_all(struct reader *r) {
  int more;
  if (json_pull_peek(&r->pull) != '{')
    return no_map(r);
  json_pull_open(&r->pull, '{');
  while ((more = json_pull_more(&r->pull, '}')) > 0) {
    if (pull_string(&r->pull, &r->text, true) != 0)
      return -1;
    bool map = strcmp(r->text.text, "weight_map") == 0;
    if (map && r->index->entry)
      return pull_duplicate(&r->pull, &r->text);
    if ((map ? read_map(r) : pull_skip(&r->pull, &r->text, INDEX_DEPTH - 1)) != 0)
      return -1;
  }
  if (more < 0 || json_pull_end(&r->pull) != 0)
    return -1;
  return r->index->entry ? 0 : no_map(r);
}

int shard_index_read(struct shard_index *index, const char *path, struct tfm_error *err) {
  struct file_bytes bytes;
  *index = (struct shard_index){0};
  if (file_read(path, index_max, TFM_ERROR_CHECKPOINT, &bytes, err) != 0)
    return -1;
  struct reader r = {.index = index,
                     .pull = {.name = path,
                              .text = bytes.data,
                              .end = bytes.size,
                              .code = TFM_ERROR_CHECKPOINT,
                              .err = err}};
  arena_init(&index->arena, 0);
  map_init(&r.tensors);
  map_init(&r.shards);
  int status = read_all(&r);
  map_finish(&r.tensors);
  map_finish(&r.shards);
  pull_text_finish(&r.text);
  file_bytes_finish(&bytes);
  if (status != 0)
    shard_index_finish(index);
  return status;
}

void shard_index_finish(struct shard_index *index) {
  free(index->entry);
  free(index->shard);
  arena_finish(&index->arena);
  *index = (struct shard_index){0};
}
