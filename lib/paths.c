/* paths.c - names to files.  Nothing is opened here but to read what a model
 * file is `for`. */
#include "lib/paths.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/place.h"
#include "compiler/compile.h"
#include "lib/hub.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int path_list_add(struct path_list *list, const char *path, size_t length, struct tfm_error *err) {
  char **grown = realloc(list->path, (list->count + 1) * sizeof *grown);
  if (!grown)
    return error_oom(err);
  list->path = grown;
  char *copy = malloc(length + 1);
  if (!copy)
    return error_oom(err);
  memcpy(copy, path, length);
  copy[length] = '\0';
  list->path[list->count++] = copy;
  return 0;
}

void path_list_finish(struct path_list *list) {
  for (size_t i = 0; i < list->count; i++)
    free(list->path[i]);
  free(list->path);
  *list = (struct path_list){0};
}

/* "a:b::c" */
static int add_colon_list(struct path_list *list, const char *text, struct tfm_error *err) {
  while (*text) {
    size_t length = strcspn(text, ":");
    if (length && path_list_add(list, text, length, err) != 0)
      return -1;
    text += length + (text[length] == ':');
  }
  return 0;
}

static int add_data_home(struct path_list *list, struct tfm_error *err) {
  const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
  struct buffer path;
  buffer_init(&path);
  if (data && *data == '/')
    buffer_printf(&path, "%s/tfm/models", data);
  else if (home && *home == '/')
    buffer_printf(&path, "%s/.local/share/tfm/models", home);
  int status = path.length ? path_list_add(list, path.data, path.length, err) : 0;
  buffer_finish(&path);
  return status;
}

int paths_model_dirs(const char *const *first, size_t first_count, struct path_list *out,
                     struct tfm_error *err) {
  const char *path = getenv("TFM_MODEL_PATH");
  *out = (struct path_list){0};
  for (size_t i = 0; i < first_count; i++)
    if (path_list_add(out, first[i], strlen(first[i]), err) != 0)
      return -1;
  if (path && add_colon_list(out, path, err) != 0)
    return -1;
  if (add_data_home(out, err) != 0)
    return -1;
  char *own = NULL;
  int status = place_find(TFM_MODELDIR, "models", &own, err);
  if (status == 0)
    status = path_list_add(out, own, strlen(own), err);
  free(own);
  return status;
}

static void note_searched(const struct path_list *dirs, struct tfm_error *err) {
  struct buffer text;
  buffer_init(&text);
  for (size_t i = 0; i < dirs->count; i++)
    buffer_printf(&text, "%s%s", i ? ", " : "", dirs->path[i]);
  error_note(err, "searched: %s", buffer_text(&text));
  buffer_finish(&text);
}

static bool has_suffix(const char *name, const char *suffix) {
  size_t n = strlen(name), s = strlen(suffix);
  return n >= s && strcmp(name + n - s, suffix) == 0;
}

int paths_find_model(const struct path_list *dirs, const char *name, char **out,
                     struct tfm_error *err) {
  if (file_exists(name)) {
    *out = strdup(name);
    return *out ? 0 : error_oom(err);
  }
  for (size_t i = 0; !strchr(name, '/') && i < dirs->count; i++) {
    char *path = file_join(dirs->path[i], name);
    if (!path)
      return error_oom(err);
    if (file_exists(path)) {
      *out = path;
      return 0;
    }
    free(path);
  }
  char *plain = hub_plain(name);
  if (plain && strcmp(plain, name) != 0) {
    error_set(err, TFM_ERROR_CHECKPOINT, "the model `%s` is not in the Hugging Face cache", plain);
    hub_note_missing(plain, err);
    free(plain);
    return -1;
  }
  free(plain);
  error_set(err, TFM_ERROR_MODEL, "there is no model file %s", name);
  if (!strchr(name, '/'))
    note_searched(dirs, err);
  if (hub_is_name(name) && !has_suffix(name, ".tfm"))
    hub_note_missing(name, err);
  error_note(err, "help: give the path of a .tfm file, or a directory with a config.json");
  return -1;
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The .gguf files of a directory in alphabetical order; none where there are
 * safetensors, or where it cannot be read. */
static int list_gguf(const char *dir, struct path_list *out, struct tfm_error *err) {
  DIR *handle = opendir(dir);
  struct dirent *entry;
  bool other = false;
  int status = 0;
  while (handle && status == 0 && (entry = readdir(handle))) {
    other = other || has_suffix(entry->d_name, ".safetensors") ||
            has_suffix(entry->d_name, ".safetensors.index.json");
    if (!has_suffix(entry->d_name, ".gguf"))
      continue;
    char *path = file_join(dir, entry->d_name);
    status = path ? path_list_add(out, path, strlen(path), err) : error_oom(err);
    free(path);
  }
  if (handle)
    closedir(handle);
  if (other)
    path_list_finish(out);
  if (out->count)
    qsort(out->path, out->count, sizeof *out->path, by_name);
  return status;
}

/* *path, a checkpoint on the heap, becomes the one .gguf file of a directory
 * without safetensors; it is freed on failure. */
static int narrow_to_gguf(char **path, struct tfm_error *err) {
  struct path_list files = {0};
  int status = *path && file_is_directory(*path) ? list_gguf(*path, &files, err) : 0;
  if (status == 0 && files.count > 1) {
    status = error_set(err, TFM_ERROR_CHECKPOINT, "%s has %zu .gguf files", *path, files.count);
    error_note(err, "help: name one of them, such as %s", files.path[0]);
  }
  if (status != 0 || files.count == 1) {
    free(*path);
    *path = NULL;
  }
  if (status == 0 && files.count == 1) {
    *path = files.path[0];
    files.count = 0;
  }
  path_list_finish(&files);
  return status;
}

static int find_directory(const struct path_list *dirs, const char *name, char **out,
                          struct tfm_error *err) {
  struct tfm_error ignored = {0};
  char *file = NULL;
  *out = NULL;
  if (file_is_directory(name) || (file_exists(name) && has_suffix(name, ".gguf"))) {
    *out = strdup(name);
    return *out ? narrow_to_gguf(out, err) : error_oom(err);
  }
  bool model = has_suffix(name, ".tfm") || paths_find_model(dirs, name, &file, &ignored) == 0;
  free(file);
  if (model || !hub_is_name(name))
    return 0;
  return hub_find(name, out, err) != 0 ? -1 : narrow_to_gguf(out, err);
}

int paths_find_directory(const struct path_list *dirs, const char *name, char **out,
                         struct tfm_error *err) {
  char *plain = hub_plain(name), *file = NULL;
  *out = NULL;
  if (!plain)
    return error_oom(err);
  int status = paths_of_file(plain, &file, err);
  if (status == 0)
    status = find_directory(dirs, file ? file : plain, out, err);
  free(file);
  free(plain);
  return status;
}

int paths_serves(const char *path, const char *type, struct tfm_error *err) {
  struct compile_summary summary = {0};
  struct diag diag;
  int found = -1;
  diag_init(&diag);
  if (compile_summarize(path, &summary, &diag, err) == 0) {
    found = 0;
    for (size_t i = 0; i < summary.model_type_count; i++)
      found = found || strcmp(summary.model_type[i], type) == 0;
  }
  compile_summary_finish(&summary);
  diag_finish(&diag);
  return found;
}

int paths_list_models(const char *dir, struct path_list *out, struct tfm_error *err) {
  DIR *handle = opendir(dir);
  struct dirent *entry;
  int status = 0;
  if (!handle)
    return 0;
  while (status == 0 && (entry = readdir(handle))) {
    size_t length = strlen(entry->d_name);
    if (length < 5 || strcmp(entry->d_name + length - 4, ".tfm") != 0)
      continue;
    char *path = file_join(dir, entry->d_name);
    status = path ? path_list_add(out, path, strlen(path), err) : error_oom(err);
    free(path);
  }
  closedir(handle);
  if (out->count)
    qsort(out->path, out->count, sizeof *out->path, by_name);
  return status;
}

/* What was passed over, for the message that nothing was found. */
struct broken {
  paths_passed *passed;
  void *arg;
  struct buffer notes;
};

/* The first of the files that serves the type, taken out of the list; or NULL. */
static char *match_files(struct path_list *files, const char *type, struct broken *broken) {
  for (size_t f = 0; f < files->count; f++) {
    char *path = files->path[f];
    struct tfm_error why = {0};
    int serves = file_exists(path) ? paths_serves(path, type, &why) : 0;
    if (serves < 0) {
      buffer_printf(&broken->notes, "passed over: %.*s\n", (int)strcspn(why.message, "\n"),
                    why.message);
      broken->passed(broken->arg, path, NULL, &why);
    }
    if (serves <= 0)
      continue;
    files->path[f] = NULL;
    return path;
  }
  return NULL;
}

static bool is_same_file(const char *a, const char *b) {
  struct stat x, y;
  return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The text has the type between quotes: others need not be parsed. */
static bool may_serve(const char *path, const char *type) {
  enum { LIMIT = 1 << 20 };
  struct tfm_error ignored = {0};
  struct file_bytes text = {0};
  struct buffer quoted;
  buffer_init(&quoted);
  buffer_printf(&quoted, "\"%s\"", type);
  bool found = file_exists(path) && file_read(path, LIMIT, TFM_ERROR_MODEL, &text, &ignored) == 0 &&
               strstr(text.data, buffer_text(&quoted)) != NULL;
  file_bytes_finish(&text);
  buffer_finish(&quoted);
  return found;
}

/* Of the files behind the one that is taken, those that serve the type too. */
static void tell_others(const struct path_list *files, const char *type, const char *taken,
                        struct broken *broken) {
  for (size_t f = 0; f < files->count; f++) {
    const char *path = files->path[f];
    if (path && may_serve(path, type) && !is_same_file(path, taken) &&
        paths_serves(path, type, NULL) == 1)
      broken->passed(broken->arg, path, taken, NULL);
  }
}

static int match_all(const struct path_list *dirs, const char *type, struct broken *broken,
                     char **out, struct tfm_error *err) {
  int status = 0;
  for (size_t i = 0; status == 0 && i < dirs->count; i++) {
    struct path_list files = {0};
    status = paths_list_models(dirs->path[i], &files, err);
    if (status == 0 && !*out)
      *out = match_files(&files, type, broken);
    if (status == 0 && *out)
      tell_others(&files, type, *out, broken);
    path_list_finish(&files);
  }
  return status;
}

int paths_match_model(const struct path_list *dirs, const char *config_path, const json_t *config,
                      paths_passed *passed, void *arg, char **out, struct tfm_error *err) {
  const char *type = json_string_value(json_object_get(config, "model_type"));
  struct broken broken = {passed, arg, {0}};
  *out = NULL;
  if (!type)
    return error_set(err, TFM_ERROR_CHECKPOINT, "%s does not say its `model_type`", config_path),
           error_note(err, "help: name the model file: tfmrun MODEL.tfm --weights DIR"), -1;
  buffer_init(&broken.notes);
  int status = match_all(dirs, type, &broken, out, err);
  if (status == 0 && !*out) {
    status = error_set(err, TFM_ERROR_MODEL, "no model file is `for \"%s\"`, the model_type of %s",
                       type, config_path);
    note_searched(dirs, err);
    for (const char *at = buffer_text(&broken.notes); *at; at += strcspn(at, "\n") + 1)
      error_note(err, "%.*s", (int)strcspn(at, "\n"), at);
    error_note(err, "help: put a .tfm file for it on TFM_MODEL_PATH, or name one");
  }
  buffer_finish(&broken.notes);
  return status;
}

/* A bare name, so that a model file cannot point outside the model path. */
static bool is_bare_name(const char *name) {
  return *name && *name != '.' && !strchr(name, '/');
}

static int find_weights(const char *given, char **out, struct tfm_error *err) {
  *out = NULL;
  if (!file_is_directory(given) && !file_exists(given)) {
    if (hub_is_name(given) && hub_find(given, out, err) != 0)
      return -1;
    if (*out)
      return narrow_to_gguf(out, err);
    error_set(err, TFM_ERROR_CHECKPOINT, "there is no directory or file `%s`", given);
    if (hub_is_name(given))
      hub_note_missing(given, err);
    error_note(err, "help: give a Hugging Face directory: config.json beside its *.safetensors");
    return -1;
  }
  *out = strdup(given);
  return *out ? narrow_to_gguf(out, err) : error_oom(err);
}

int paths_find_weights(const char *given, char **out, struct tfm_error *err) {
  char *plain = hub_plain(given);
  int status = plain ? find_weights(plain, out, err) : error_oom(err);
  free(plain);
  return status;
}

int paths_find_tokenizer(const char *given, char **out, struct tfm_error *err) {
  char *plain = hub_plain(given);
  int status = plain ? 0 : error_oom(err);
  *out = NULL;
  if (plain && !file_is_directory(plain) && !file_exists(plain) && hub_is_name(plain))
    status = hub_find(plain, out, err);
  free(plain);
  return status;
}

int paths_find_checkpoint(const struct path_list *dirs, const char *model_path, const char *name,
                          char **out, struct tfm_error *err) {
  static const char *const under[] = {"checkpoints/", ""};
  char *own = file_dirname(model_path);
  *out = NULL;
  if (!own)
    return error_oom(err);
  for (size_t i = 0; is_bare_name(name) && !*out && i <= dirs->count; i++)
    for (size_t u = 0; !*out && u < 2; u++) {
      struct buffer path;
      buffer_init(&path);
      buffer_printf(&path, "%s/%s%s", i ? dirs->path[i - 1] : own, under[u], name);
      if (path.data && file_is_directory(path.data))
        *out = buffer_take(&path);
      buffer_finish(&path);
    }
  free(own);
  if (*out)
    return 0;
  error_set(err, TFM_ERROR_CHECKPOINT, "the checkpoint \"%s\" that %s names is not there", name,
            model_path);
  note_searched(dirs, err);
  error_note(err, "help: give the weights: --weights DIR");
  return -1;
}
