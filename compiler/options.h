/* options.h - what a compilation is given: the files, the ops by name, and the
 * checkpoint's tensors by name and shape. */
#ifndef TFM_COMPILER_OPTIONS_H
#define TFM_COMPILER_OPTIONS_H

#include "base/json.h"
#include "graph/graph.h"
#include "tfm/plugin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One tensor of the checkpoint, as the index lists it. */
struct compile_tensor {
  const char *name;
  enum dtype dtype;
  uint32_t rank;
  int64_t shape[TFM_MAX_RANK];
};

struct compile_plugin {
  const char *name;
  uint32_t schema_major;
};

/* A JSON file of the checkpoint, with its text so that messages can name lines. */
struct compile_json {
  const char *name; /* "config.json" */
  const char *text;
  size_t size;
  const json_t *root; /* an object; NULL = the file is absent */
};

struct compile_options {
  const char *path; /* of the .tfm file */
  const char *const
      *model_path; /* directories that imports are looked up in, after the file's own */
  size_t model_path_count;

  struct compile_json config, generation, modules;
  const char *modules_refusal; /* why no value of modules can be used; NULL = they can */
  const char *modules_notes;   /* what to say besides: "expected: ..."; may be NULL */
  /* NULL = no checkpoint: config must be there, weights are taken as declared. */
  const struct compile_tensor *tensor;
  size_t tensor_count;
  bool has_checkpoint;

  const char *task;        /* the user's choice, NULL = by config's architectures */
  const char *likely_task; /* what the directory is made for: where no task is chosen and the file
                              has a head of it; or NULL */
  const char *const *feed; /* values that the caller supplies: their producers vanish */
  size_t feed_count;
  const char *const *dump; /* values, or NODE.TAP, that the caller wants to see */
  size_t dump_count;
  bool all_logits; /* generate: logits of every position, not only the last */
  bool fuse;

  /* The op of that name ("linear", "acme.flash"), and the plugin of that name;
   * NULL = unknown.  op_names: all ops, for "did you mean", and to find those that have a
   * role (tfm/plugin.h). */
  const tfm_op_desc *(*find_op)(void *context, const char *name);
  const struct compile_plugin *(*find_plugin)(void *context, const char *name);
  /* Of a plugin that is unknown: false = there is no file of its name; true = there is one
   * that was refused, *file, for *reason.  NULL = nobody knows. */
  bool (*find_refusal)(void *context, const char *name, const char **file, const char **reason);
  /* What an op's infer says by host->log; NULL = nobody listens.  level: TFM_LOG_. */
  void (*log)(void *context, int level, const char *text);
  const char *const *op_names;
  size_t op_name_count;
  void *context;
};

#endif
