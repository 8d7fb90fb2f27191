/* weights.c - the calls of tfm.h that look into a checkpoint and run nothing. */
#include "lib/caller.h"
#include "lib/model.h"

#include "base/arena.h"
#include "base/checked.h"
#include "checkpoint/gguf/config.h"
#include "checkpoint/scan.h"

#include <stdlib.h>
#include <string.h>

enum { CONFIG_LIMIT = 16 << 20, CONFIG_DEPTH = 64 };

struct tfm_weights {
  struct arena arena;
  char *path, *type; /* type: config.json's model_type or NULL */
  struct weights *inner;
  tfm_weight *list;
};

static uint64_t count_elements(const struct weights_tensor *t) {
  uint64_t n = 1; /* cannot overflow: the bytes are there, or one dimension is 0 */
  for (uint32_t i = 0; i < t->rank; i++)
    if (t->shape[i] == 0)
      return 0;
  for (uint32_t i = 0; i < t->rank; i++)
    n *= (uint64_t)t->shape[i];
  return n;
}

static int make_list(struct tfm_weights *weights, struct tfm_error *err) {
  size_t count = weights_count(weights->inner);
  const struct weights_tensor *t = weights_tensors(weights->inner);
  weights->list = arena_array(&weights->arena, count, sizeof *weights->list);
  if (!weights->list)
    return error_oom(err);
  for (size_t i = 0; i < count; i++)
    weights->list[i] = (tfm_weight){.name = t[i].name,
                                    .dtype = weights_is_packed(&t[i]) ? dtype_stored(t[i].dtype)
                                                                      : dtype_name(t[i].dtype),
                                    .file = t[i].file,
                                    .alias = t[i].alias,
                                    .shape = t[i].shape,
                                    .rank = t[i].rank,
                                    .elements = count_elements(&t[i]),
                                    .bytes = t[i].size};
  return 0;
}

/* A config.json that is absent or unsound says no type; to open the model is
 * what tells why. */
static void read_type(struct tfm_weights *weights) {
  struct tfm_error ignored = {0};
  json_t *root = NULL;
  char *dir =
      file_is_directory(weights->path) ? strdup(weights->path) : file_dirname(weights->path);
  char *path = dir ? file_join(dir, "config.json") : NULL;
  if (gguf_is_path(weights->path))
    (void)gguf_config_read(weights->path, &root, &ignored);
  else if (path)
    (void)json_read(path, CONFIG_LIMIT, CONFIG_DEPTH, TFM_ERROR_CHECKPOINT, &root, &ignored);
  const char *type = json_string_value(json_object_get(root, "model_type"));
  weights->type = type ? strdup(type) : NULL;
  json_decref(root);
  free(path);
  free(dir);
}

/* What a module of modules.json has for itself belongs to the checkpoint. */
static int add_modules(const struct tfm_weights *weights, struct tfm_error *err) {
  struct modules modules;
  if (!file_is_directory(weights->path))
    return 0;
  int status = modules_load(weights->path, &modules, err);
  if (status == 0)
    status = modules_add_weights(&modules, weights->inner, err);
  modules_finish(&modules);
  return status;
}

tfm_weights *tfm_weights_open(const char *path, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  error_clear(err);
  tfm_weights *weights = calloc(1, sizeof *weights);
  if (!weights)
    return error_oom(err), NULL;
  arena_init(&weights->arena, 0);
  if (!path)
    error_set(err, TFM_ERROR_USAGE, "which checkpoint?");
  if (!path || paths_find_weights(path, &weights->path, err) != 0 ||
      weights_open(weights->path, &weights->inner, err) != 0 || add_modules(weights, err) != 0 ||
      make_list(weights, err) != 0) {
    tfm_weights_destroy(weights);
    return NULL;
  }
  read_type(weights);
  return weights;
}

void tfm_weights_destroy(tfm_weights *weights) {
  if (!weights)
    return;
  weights_close(weights->inner);
  arena_finish(&weights->arena);
  free(weights->path);
  free(weights->type);
  free(weights);
}

int tfm_weights_describe(const tfm_weights *weights, tfm_weights_info *info) {
  if (!weights || !info)
    return -1;
  tfm_weights_info full = {.struct_size = sizeof full,
                           .path = weights->path,
                           .model_type = weights->type,
                           .tensor = weights->list,
                           .tensor_count = weights_count(weights->inner)};
  for (size_t i = 0; i < full.tensor_count; i++)
    if (!weights->list[i].alias) {
      full.elements += weights->list[i].elements;
      full.bytes += weights->list[i].bytes;
    }
  return caller_describe_weights(&full, info);
}

/* A tensor that is stored as blocks, or in another order, is made first. */
static int scan_unpacked(const struct weights_tensor *t, uint64_t elements, struct scan *out,
                         struct tfm_error *err) {
  enum dtype dtype = weights_is_packed(t) ? dtype_wide(t->dtype) : t->dtype;
  size_t size;
  if (!checked_mul((size_t)elements, dtype_size(dtype), &size))
    return error_set(err, TFM_ERROR_LIMIT, "tensor `%s` is too large", t->name);
  unsigned char *made = malloc(size ? size : 1);
  int status = made ? weights_copy(t, dtype, made, err) : error_oom(err);
  if (status == 0)
    *out = scan_values(dtype, made, size);
  free(made);
  return status;
}

int tfm_weights_scan(const tfm_weights *weights, size_t tensor, tfm_weight_scan *scan,
                     tfm_error *error) {
  struct tfm_error ignored = {0}, lost = {0}, *err = error ? error : &ignored;
  struct scan found = {0};
  int status = 0;
  error_clear(err);
  if (caller_need(weights, "tfm_weights_scan", "weights", err) != 0 ||
      caller_need(scan, "tfm_weights_scan", "scan", err) != 0)
    return -1;
  if (tensor >= weights_count(weights->inner))
    return error_set(err, TFM_ERROR_USAGE, "the checkpoint has no tensor number %zu", tensor);
  const struct weights_tensor *t = &weights_tensors(weights->inner)[tensor];
  if (weights_is_packed(t) || t->heads)
    status = scan_unpacked(t, weights->list[tensor].elements, &found, err);
  else
    found = scan_values(t->dtype, t->data, t->size);
  if (weights_check(weights->inner, false, &lost) != 0) {
    *err = lost;
    return -1;
  }
  if (t->transposed && t->rank == 2 && found.nan + found.infinite > 0) {
    uint64_t rows = (uint64_t)t->shape[0];
    found.first = found.first % rows * (uint64_t)t->shape[1] + found.first / rows;
  }
  *scan = (tfm_weight_scan){found.nan, found.infinite, found.first};
  return status;
}
