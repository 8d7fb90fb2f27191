/* paths.h - which model file, which checkpoint, which plugin directories.
 *
 * Model files are looked up, in order: --model-dir; TFM_MODEL_PATH;
 * $XDG_DATA_HOME/tfm/models; the installed models.  A name with a '/' in it,
 * or one that exists as given, is taken as it is. */
#ifndef TFM_LIB_PATHS_H
#define TFM_LIB_PATHS_H

#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

struct path_list {
  char **path; /* owned */
  size_t count;
};

/* first: searched before the rest.  0, or -1 out of memory. */
int paths_model_dirs(const char *const *first, size_t first_count, struct path_list *out,
                     struct tfm_error *err);
void path_list_finish(struct path_list *list);
int path_list_add(struct path_list *list, const char *path, size_t length, struct tfm_error *err);

/* Is `name` a checkpoint and no model file?  A directory, a .gguf file, else a model
 * of the Hugging Face cache.  *out is its path on the heap, NULL = no. */
int paths_find_directory(const struct path_list *dirs, const char *name, char **out,
                         struct tfm_error *err);

/* path is a config.json, or what the directory of one is read for: that directory, which was
 * meant, on the heap; else NULL. */
int paths_of_file(const char *path, char **out, struct tfm_error *err);
/* -1 for a file that stands where a directory, or with as_model a model file, should. */
int paths_refuse_file(const char *path, bool as_model, struct tfm_error *err);

/* The model file named on the command line ("gpt2.tfm"), as a path on the heap. */
int paths_find_model(const struct path_list *dirs, const char *name, char **out,
                     struct tfm_error *err);

/* The .tfm files of a directory in alphabetical order; none if it cannot be read. */
int paths_list_models(const char *dir, struct path_list *out, struct tfm_error *err);
/* Does the file say `for "type"`?  1 yes, 0 no, -1 it cannot be read: err says why. */
int paths_serves(const char *path, const char *type, struct tfm_error *err);

/* Told of each file on the way that cannot be read, which may be the one that was meant: why.
 * And of each that serves the type too, but comes after the one that is taken: why is NULL. */
typedef void paths_passed(void *arg, const char *path, const char *taken,
                          const struct tfm_error *why);

/* The model file whose `for` names the configuration's model_type.  config_path
 * is for messages. */
int paths_match_model(const struct path_list *dirs, const char *config_path, const json_t *config,
                      paths_passed *passed, void *arg, char **out, struct tfm_error *err);

/* What the user calls weights, as a path on the heap: a directory or a file that
 * exists, else the snapshot of a name such as "org/model" (lib/hub.h).  A directory
 * without safetensors but with one .gguf file is that file. */
int paths_find_weights(const char *given, char **out, struct tfm_error *err);

/* The same of a tokenizer; NULL = nothing is known of it but that name. */
int paths_find_tokenizer(const char *given, char **out, struct tfm_error *err);

/* The directory of a model file's default checkpoint: beside it, or on the
 * model path, in itself or under checkpoints/. */
int paths_find_checkpoint(const struct path_list *dirs, const char *model_path, const char *name,
                          char **out, struct tfm_error *err);

#endif
