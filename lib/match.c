/* match.c - which model files would take a checkpoint: each is compiled against
 * it, as a run would, and says why not. */
#include "lib/caller.h"
#include "lib/model.h"

#include "checkpoint/gguf/gguf.h"

#include <stdlib.h>
#include <string.h>

/* Of two model files with one name, the first on the path is found by it. */
static bool is_shadowed(const struct path_list *files, size_t at) {
  for (size_t i = 0; i < at; i++)
    if (strcmp(file_basename(files->path[i]), file_basename(files->path[at])) == 0)
      return true;
  return false;
}

/* All on the model path, in its order. */
static int list_all(const struct path_list *dirs, struct path_list *files, struct tfm_error *err) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < dirs->count; i++) {
    struct path_list some = {0};
    status = paths_list_models(dirs->path[i], &some, err);
    for (size_t f = 0; status == 0 && f < some.count; f++)
      status = path_list_add(files, some.path[f], strlen(some.path[f]), err);
    path_list_finish(&some);
  }
  return status;
}

/* Texts of the answer, until they are copied behind the list. */
struct match {
  char *path, *task, *why;
  int named;
};

static char *copy(const char *text) {
  return strdup(text ? text : "");
}

static int try_one(const tfm_open_options *options, const char *weights, const char *path,
                   const char *type, struct match *out, struct tfm_error *err) {
  struct tfm_error why = {0};
  tfm_open_options open = *options;
  open.model = path;
  open.weights = weights;
  open.flags |= TFM_OPEN_CHECK_ONLY;
  open.message = NULL;
  tfm_model *model = tfm_model_open(&open, &why);
  if (!model && why.code == TFM_ERROR_LIMIT) {
    *err = why;
    return -1;
  }
  out->path = copy(path);
  out->task = copy(model ? graph_task_name(model->graph->task) : NULL);
  out->why = copy(why.message);
  out->named = type && paths_serves(path, type, NULL) == 1;
  tfm_model_destroy(model);
  return out->path && out->task && out->why ? 0 : error_oom(err);
}

static char *put(char **at, const char *text) {
  size_t size = strlen(text) + 1;
  char *to = memcpy(*at, text, size);
  *at += size;
  return to;
}

/* One block: the list, then its texts. */
static tfm_candidate *pack(const struct match *match, size_t count) {
  size_t size = (count ? count : 1) * sizeof(tfm_candidate);
  for (size_t i = 0; i < count; i++)
    size += strlen(match[i].path) + strlen(match[i].task) + strlen(match[i].why) + 3;
  tfm_candidate *list = malloc(size);
  char *at = list ? (char *)(list + count) : NULL;
  for (size_t i = 0; list && i < count; i++) {
    bool fits = *match[i].task != '\0';
    list[i] = (tfm_candidate){.path = put(&at, match[i].path), .named = match[i].named};
    char *task = put(&at, match[i].task), *why = put(&at, match[i].why);
    list[i].task = fits ? task : NULL;
    list[i].why = fits ? NULL : why;
  }
  return list;
}

static int try_all(const tfm_open_options *options, const char *weights, const char *type,
                   const struct path_list *files, tfm_candidate **list, size_t *count,
                   struct tfm_error *err) {
  struct match *match = calloc(files->count ? files->count : 1, sizeof *match);
  size_t tried = 0;
  int status = match ? 0 : error_oom(err);
  for (size_t i = 0; status == 0 && i < files->count; i++)
    if (!is_shadowed(files, i))
      status = try_one(options, weights, files->path[i], type, &match[tried++], err);
  if (status == 0 && !(*list = pack(match, tried)))
    status = error_oom(err);
  for (size_t i = 0; i < tried; i++) {
    free(match[i].path);
    free(match[i].task);
    free(match[i].why);
  }
  free(match);
  *count = status == 0 ? tried : 0;
  return status;
}

static int match_models(const tfm_weights *weights, const tfm_open_options *options,
                        tfm_candidate **list, size_t *count, struct tfm_error *err) {
  struct path_list dirs = {0}, files = {0};
  tfm_weights_info info = {.struct_size = sizeof info};
  tfm_weights_describe(weights, &info);
  int status = paths_model_dirs(options->model_dir, options->model_dir_count, &dirs, err);
  if (status == 0)
    status = list_all(&dirs, &files, err);
  /* A config.json lies beside the file of a checkpoint. */
  bool whole = file_is_directory(info.path) || gguf_is_path(info.path);
  char *dir = whole ? strdup(info.path) : file_dirname(info.path);
  if (status == 0 && !dir)
    status = error_oom(err);
  if (status == 0)
    status = try_all(options, dir, info.model_type, &files, list, count, err);
  free(dir);
  path_list_finish(&dirs);
  path_list_finish(&files);
  return status;
}

int tfm_weights_models(const tfm_weights *weights, const tfm_open_options *options,
                       tfm_candidate **list, size_t *count, tfm_error *error) {
  struct tfm_error ignored = {0}, *err = error ? error : &ignored;
  struct caller_options read;
  error_clear(err);
  if (caller_need(weights, "tfm_weights_models", "weights", err) != 0 ||
      caller_need(list, "tfm_weights_models", "list", err) != 0 ||
      caller_need(count, "tfm_weights_models", "count", err) != 0)
    return -1;
  *list = NULL;
  *count = 0;
  int status = caller_options(options, &read, err);
  if (status == 0)
    status = match_models(weights, &read.full, list, count, err);
  caller_options_finish(&read);
  return status;
}
