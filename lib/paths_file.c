/* paths_file.c - a file of a checkpoint that is named in place of its directory: which of them
 * stand for it, and what is said of the others.  Never another file's weights. */
#include "lib/paths.h"

#include "base/file.h"
#include "checkpoint/foreign.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SINGLE "model.safetensors"
#define INDEX  "model.safetensors.index.json"

static bool has_suffix(const char *name, const char *suffix) {
  size_t n = strlen(name), s = strlen(suffix);
  return n > s && strcmp(name + n - s, suffix) == 0;
}

static bool is_there(const char *dir, const char *name) {
  char *path = file_join(dir, name);
  bool there = path && file_exists(path);
  free(path);
  return there;
}

static size_t count_safetensors(const char *dir) {
  DIR *handle = opendir(dir);
  size_t count = 0;
  for (struct dirent *entry; handle && (entry = readdir(handle));)
    count += entry->d_name[0] != '.' && has_suffix(entry->d_name, ".safetensors");
  if (handle)
    closedir(handle);
  return count;
}

/* Is name what weights_open would read in dir, or config.json? */
static bool stands_for(const char *dir, const char *name) {
  int end = 0;
  if (!is_there(dir, "config.json"))
    return false;
  if (strcmp(name, "config.json") == 0 || strcmp(name, SINGLE) == 0)
    return true;
  if (is_there(dir, SINGLE))
    return false;
  if (is_there(dir, INDEX)) {
    bool shard = sscanf(name, "model-%*5[0-9]-of-%*5[0-9].safetensors%n", &end) == 0 && end > 0;
    return strcmp(name, INDEX) == 0 || (shard && name[end] == '\0');
  }
  return has_suffix(name, ".safetensors") && count_safetensors(dir) == 1;
}

int paths_of_file(const char *path, char **out, struct tfm_error *err) {
  *out = NULL;
  if (!file_exists(path))
    return 0;
  char *directory = file_dirname(path);
  if (!directory)
    return error_oom(err);
  if (stands_for(directory, file_basename(path)))
    *out = directory;
  else
    free(directory);
  return 0;
}

int paths_refuse_file(const char *path, bool as_model, struct tfm_error *err) {
  bool tensors = has_suffix(path, ".safetensors");
  if (foreign_refuse_name(path, err) != 0)
    return -1;
  if (as_model && !tensors && !has_suffix(path, ".json"))
    return 0;
  error_set(err, TFM_ERROR_CHECKPOINT,
            as_model ? "`%s` is no model file" : "`%s` is not a directory", path);
  if (tensors)
    error_note(err, "help: in a directory tfm reads model.safetensors, or the only *.safetensors: "
                    "put this one, and its config.json, into a directory of its own");
  else
    error_note(err,
               "help: %s takes a Hugging Face directory (config.json beside "
               "model.safetensors), or a .gguf file",
               as_model ? "tfm" : "--weights");
  return -1;
}
