/* weights.c - from a path to one table of tensors.
 *
 * With an index, weight_map says what the checkpoint holds and where: a tensor
 * that a shard has besides is not part of it.  Shard names are bare, so that
 * an index cannot point outside its directory; the files may be symbolic
 * links, as in a Hugging Face snapshot. */
#include "checkpoint/weights.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/guard.h"
#include "base/map.h"
#include "checkpoint/foreign.h"
#include "checkpoint/gguf/view.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/shard_index.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define SINGLE "model.safetensors"
#define INDEX  "model.safetensors.index.json"

struct weights {
  struct arena arena;
  struct safetensors *file; /* heap, file_count of them */
  size_t file_count;
  struct safetensors extra[WEIGHTS_EXTRA]; /* of weights_add */
  size_t extra_count;
  struct gguf gguf;     /* path NULL = none */
  size_t count, stored; /* aliases come after stored ones */
  struct weights_tensor *tensor;
  struct map index;
  uint64_t bytes;
};

static struct weights_tensor view(const struct safetensors *file,
                                  const struct safetensors_tensor *t) {
  struct weights_tensor w = {.name = t->name,
                             .dtype = t->dtype,
                             .rank = t->rank,
                             .file = file->path,
                             .data = t->data,
                             .size = t->size};
  memcpy(w.shape, t->shape, sizeof w.shape);
  return w;
}

/* Append and index; the name must be new. */
static int add(struct weights *weights, struct weights_tensor t, struct tfm_error *err) {
  bool added;
  struct map_entry *slot = map_insert_text(&weights->index, t.name, &added);
  if (!slot)
    return error_oom(err);
  slot->value.number = (int64_t)weights->count;
  weights->tensor[weights->count++] = t;
  if (!t.alias) {
    weights->stored++;
    weights->bytes += t.size;
  }
  return 0;
}

static size_t alias_limit(const struct weights *weights) {
  size_t n = 0;
  for (size_t f = 0; f < weights->file_count; f++)
    n += weights->file[f].metadata_count;
  return n;
}

/* save_model of the safetensors library writes {dropped name: kept name} for
 * tied tensors; other metadata ({"format": "pt"}) names no tensor. */
static int add_aliases(struct weights *weights, struct tfm_error *err) {
  for (size_t f = 0; f < weights->file_count; f++) {
    const struct safetensors *file = &weights->file[f];
    for (size_t i = 0; i < file->metadata_count; i++) {
      const struct weights_tensor *kept = weights_find(weights, file->metadata_value[i]);
      if (!kept || kept->alias || weights_find(weights, file->metadata_key[i]))
        continue;
      struct weights_tensor t = *kept;
      t.name = file->metadata_key[i];
      t.alias = kept->name;
      if (add(weights, t, err) != 0)
        return -1;
    }
  }
  return 0;
}

static int reserve(struct weights *weights, size_t stored, struct tfm_error *err) {
  size_t total = stored + alias_limit(weights);
  weights->tensor = arena_array(&weights->arena, total, sizeof *weights->tensor);
  if (!weights->tensor || !map_reserve(&weights->index, total))
    return error_oom(err);
  return 0;
}

/* One file, all that is in it. */
static int open_single(struct weights *weights, const char *path, struct tfm_error *err) {
  weights->file = calloc(1, sizeof *weights->file);
  if (!weights->file)
    return error_oom(err);
  if (safetensors_open(weights->file, path, err) != 0)
    return -1;
  weights->file_count = 1;
  if (reserve(weights, weights->file->count, err) != 0)
    return -1;
  for (size_t i = 0; i < weights->file->count; i++)
    if (add(weights, view(weights->file, &weights->file->tensor[i]), err) != 0)
      return -1;
  return add_aliases(weights, err);
}

static int open_file(struct weights *weights, const char *path, struct tfm_error *err) {
  return foreign_refuse_name(path, err) != 0 ? -1 : open_single(weights, path, err);
}

static int open_gguf(struct weights *weights, const char *path, struct tfm_error *err) {
  struct weights_tensor *view;
  size_t count;
  if (gguf_open(&weights->gguf, path, err) != 0)
    return -1;
  count = weights->gguf.tensor_count;
  view = arena_array(&weights->arena, count, sizeof *view);
  if (!view)
    return error_oom(err);
  if (gguf_view(&weights->gguf, view, &count, err) != 0 || reserve(weights, count, err) != 0)
    return -1;
  for (size_t i = 0; i < count; i++) {
    if (weights_find(weights, view[i].name)) {
      error_set(err, TFM_ERROR_CHECKPOINT, "two tensors of `%s` are both `%s`", path, view[i].name);
      return -1;
    }
    if (add(weights, view[i], err) != 0)
      return -1;
  }
  return 0;
}

/* ------------------------------------------------------------------ shards */

static int open_shard(struct weights *weights, const char *dir, const char *index,
                      const struct shard_file *shard, struct tfm_error *err) {
  char *path = file_join(dir, shard->name);
  if (!path)
    return error_oom(err);
  int status = 0;
  if (!file_is_there(path)) {
    status = error_set(err, TFM_ERROR_CHECKPOINT, "the shard `%s` is missing", path);
    error_note(err, "expected: a file with tensor `%s`, as `%s` says", shard->first, index);
    error_note(err, "help: fetch all files that the index names");
  } else if (safetensors_open(&weights->file[weights->file_count], path, err) != 0) {
    status = -1;
  } else {
    weights->file_count++;
  }
  free(path);
  return status;
}

static int add_mapped(struct weights *weights, const char *path, const struct shard_index *index,
                      struct tfm_error *err) {
  if (reserve(weights, index->count, err) != 0)
    return -1;
  for (size_t i = 0; i < index->count; i++) {
    const char *name = index->entry[i].tensor;
    const struct safetensors *file = &weights->file[index->entry[i].shard];
    const struct safetensors_tensor *t = safetensors_find(file, name);
    if (!t) {
      error_set(err, TFM_ERROR_CHECKPOINT, "the shard `%s` lacks tensor `%s`", file->path, name);
      error_note(err, "expected: it is there, as `%s` says", path);
      error_note(err, "help: fetch the checkpoint again: index and shards do not belong together");
      return -1;
    }
    if (add(weights, view(file, t), err) != 0)
      return -1;
  }
  return add_aliases(weights, err);
}

static int open_index(struct weights *weights, const char *dir, const char *path,
                      struct tfm_error *err) {
  struct shard_index index;
  if (shard_index_read(&index, path, err) != 0)
    return -1;
  weights->file = calloc(index.shard_count ? index.shard_count : 1, sizeof *weights->file);
  int status = weights->file ? 0 : error_oom(err);
  for (size_t i = 0; status == 0 && i < index.shard_count; i++)
    status = open_shard(weights, dir, path, &index.shard[i], err);
  if (status == 0)
    status = add_mapped(weights, path, &index, err);
  shard_index_finish(&index);
  return status;
}

/* --------------------------------------------------------------- directory */

static bool has_suffix(const char *name, const char *suffix) {
  size_t n = strlen(name), s = strlen(suffix);
  return n > s && strcmp(name + n - s, suffix) == 0;
}

/* The one *.safetensors of a directory, on the heap.  *found counts them. */
static int find_only(const char *dir, char **path, size_t *found, struct tfm_error *err) {
  DIR *handle = opendir(dir);
  struct dirent *entry;
  *path = NULL;
  *found = 0;
  if (!handle)
    return error_set(err, TFM_ERROR_CHECKPOINT, "cannot read directory `%s`", dir);
  while ((entry = readdir(handle))) {
    if (entry->d_name[0] == '.' || !has_suffix(entry->d_name, ".safetensors"))
      continue;
    free(*path);
    *path = file_join(dir, entry->d_name);
    if (!*path) {
      closedir(handle);
      return error_oom(err);
    }
    ++*found;
  }
  closedir(handle);
  return 0;
}

static int open_only(struct weights *weights, const char *dir, struct tfm_error *err) {
  size_t found;
  char *path;
  int status = find_only(dir, &path, &found, err);
  if (status == 0 && found == 1) {
    status = open_single(weights, path, err);
  } else if (status == 0 && (found > 0 || foreign_refuse_directory(dir, err) == 0)) {
    status = error_set(err, TFM_ERROR_CHECKPOINT, "there is no checkpoint in `%s`", dir);
    error_note(err, "expected: " SINGLE ", or " INDEX " with its shards");
    error_note(err, "found: %zu other .safetensors files", found);
  } else {
    status = -1;
  }
  free(path);
  return status;
}

static int open_directory(struct weights *weights, const char *dir, struct tfm_error *err) {
  char *single = file_join(dir, SINGLE), *index = file_join(dir, INDEX);
  int status;
  if (!single || !index)
    status = error_oom(err);
  else if (file_is_there(single))
    status = open_single(weights, single, err);
  else if (file_is_there(index))
    status = open_index(weights, dir, index, err);
  else
    status = open_only(weights, dir, err);
  free(single);
  free(index);
  return status;
}

int weights_open(const char *path, struct weights **out, struct tfm_error *err) {
  *out = NULL;
  struct weights *weights = calloc(1, sizeof *weights);
  if (!weights)
    return error_oom(err);
  arena_init(&weights->arena, 0);
  map_init(&weights->index);
  int status = file_is_directory(path) ? open_directory(weights, path, err)
               : gguf_is_path(path)    ? open_gguf(weights, path, err)
                                       : open_file(weights, path, err);
  if (status != 0) {
    weights_close(weights);
    return -1;
  }
  *out = weights;
  return 0;
}

static int add_all(struct weights *weights, const struct safetensors *file, const char *prefix,
                   struct tfm_error *err) {
  size_t total = weights->count + file->count;
  struct weights_tensor *all = arena_array(&weights->arena, total, sizeof *all);
  if (!all || !map_reserve(&weights->index, total))
    return error_oom(err);
  memcpy(all, weights->tensor, weights->count * sizeof *all);
  weights->tensor = all;
  for (size_t i = 0; i < file->count; i++) {
    struct weights_tensor t = view(file, &file->tensor[i]);
    t.name = arena_printf(&weights->arena, "%s.%s", prefix, t.name);
    if (!t.name)
      return error_oom(err);
    if (weights_find(weights, t.name))
      return error_set(err, TFM_ERROR_CHECKPOINT, "`%s` of `%s` is there twice", t.name,
                       file->path);
    if (add(weights, t, err) != 0)
      return -1;
  }
  return 0;
}

int weights_add(struct weights *weights, const char *path, const char *prefix,
                struct tfm_error *err) {
  struct safetensors *file = &weights->extra[weights->extra_count];
  if (weights->extra_count == WEIGHTS_EXTRA)
    return error_set(err, TFM_ERROR_LIMIT, "more than %d files of weights beside the first",
                     WEIGHTS_EXTRA);
  if (safetensors_open(file, path, err) != 0)
    return -1;
  weights->extra_count++;
  return add_all(weights, file, prefix, err);
}

void weights_close(struct weights *weights) {
  if (!weights)
    return;
  for (size_t i = 0; i < weights->extra_count; i++)
    safetensors_finish(&weights->extra[i]);
  for (size_t i = 0; i < weights->file_count; i++)
    safetensors_finish(&weights->file[i]);
  free(weights->file);
  if (weights->gguf.path)
    gguf_finish(&weights->gguf);
  map_finish(&weights->index);
  arena_finish(&weights->arena);
  free(weights);
}

size_t weights_count(const struct weights *weights) {
  return weights->count;
}

const struct weights_tensor *weights_tensors(const struct weights *weights) {
  return weights->tensor;
}

const struct weights_tensor *weights_find(const struct weights *weights, const char *name) {
  const struct map_entry *slot = map_find_text(&weights->index, name);
  return slot ? &weights->tensor[slot->value.number] : NULL;
}

int weights_check(const struct weights *weights, bool thorough, struct tfm_error *err) {
  for (size_t i = 0; i < weights->file_count + weights->extra_count; i++) {
    const struct safetensors *file =
        i < weights->file_count ? &weights->file[i] : &weights->extra[i - weights->file_count];
    if ((thorough || guard_damaged(file->map.guard)) &&
        file_map_check(&file->map, file->path, TFM_ERROR_CHECKPOINT, err) != 0)
      return -1;
  }
  const struct gguf *gguf = &weights->gguf;
  if (gguf->path && (thorough || guard_damaged(gguf->map.guard)))
    return file_map_check(&gguf->map, gguf->path, TFM_ERROR_CHECKPOINT, err);
  return 0;
}

bool weights_file(const struct weights *weights, size_t i, uint64_t *device, uint64_t *inode) {
  const struct file_map *map = i < weights->file_count ? &weights->file[i].map
                               : i == weights->file_count && weights->gguf.path ? &weights->gguf.map
                                                                                : NULL;
  if (map) {
    *device = map->device;
    *inode = map->inode;
  }
  return map != NULL;
}

uint64_t weights_bytes(const struct weights *weights) {
  return weights->bytes;
}
