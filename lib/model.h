/* model.h - everything that an open model holds, in the order of its making.
 *
 *     paths -> config.json -> plugins -> weights -> graph -> binding
 *           -> program -> engines, and the tokenizer beside them
 *
 * Each later part reads the earlier ones; its end goes backwards. */
#ifndef TFM_LIB_MODEL_H
#define TFM_LIB_MODEL_H

#include "base/diag.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/weights.h"
#include "compiler/compile.h"
#include "graph/graph.h"
#include "lib/attention.h"
#include "lib/compare.h"
#include "lib/context.h"
#include "lib/dump.h"
#include "lib/engine.h"
#include "lib/generation_keys.h"
#include "lib/modules.h"
#include "lib/paths.h"
#include "runtime/binding.h"
#include "runtime/pool.h"
#include "runtime/program.h"
#include "runtime/registry.h"
#include "tfm/tfm.h"
#include "tokenizer/tokenizer.h"

#include <stdbool.h>
#include <stdint.h>

/* A JSON file of the checkpoint and its text, for messages that name lines. */
struct model_json {
  char *path;
  struct file_bytes text;
  json_t *root; /* NULL = the file is absent */
};

/* A value of the caller's for an input. */
struct model_feed {
  const char *name;  /* the graph's */
  tfm_tensor tensor; /* data owned */
};

/* Constant once it is open, but for use: any number of threads read it. */
struct tfm_model {
  uint32_t flags;
  struct model_use *use;
  tfm_message *message; /* the caller's, or NULL */
  void *message_arg;
  struct path_list dirs;
  char *model_path, *weights_path; /* weights_path NULL = none given */
  struct model_json config, generation;
  struct generation_keys keys; /* of generation */
  struct modules modules;      /* of a sentence-transformers directory */
  struct tfm_context *context; /* the caller's, or its own */
  struct registry *registry;   /* the context's, as the pool */
  struct weights *weights;
  struct compile_tensor *tensors;
  struct graph *graph;
  struct diag written; /* the sources that the graph's spans are of, until it is prepared */
  struct pool *pool;
  struct binding *binding;
  struct program *program;
  struct cache *cache;         /* of the sequences of all its users; NULL = it has no state */
  struct tokenizer *tokenizer; /* NULL = none, and tokenizer_error says why */
  struct tfm_error tokenizer_error;
  struct dump_plan dump;
  struct compare_plan compare;
  struct model_feed *feed;
  size_t feed_count;
  int64_t max_tokens, vocabulary;
  /* An encoder-decoder: what is written is another text than the one that is read, and begins
   * with start, then prefix.  max_tokens is then that of the former. */
  bool two_texts;
  int32_t start;
  tfm_ids prefix;
  int64_t target_vocabulary; /* what is written: ids are below; 0 = not known */
  int64_t source_tokens;     /* of an input at most, 0 = no bound; else max_tokens */
  uint64_t load_ns;
};

/* What a call ends with: status, unless the checkpoint was cut meanwhile, which
 * is then the cause of all else.  err is not NULL. */
int model_settle(const struct tfm_model *model, int status, struct tfm_error *err);
/* One user less; the model is gone with the last. */
void model_release(struct tfm_model *model);
/* Once a model: name the keys of generation_config.json (without it, of config.json) that
 * would change the likeliest text and are not among the options. */
void generation_warn(const struct tfm_model *model, const tfm_run_options *options);

/* Empty, for options; NULL = out of memory. */
struct tfm_model *model_create(const tfm_open_options *options, struct tfm_error *err);
/* What a plugin says, by level: a host_log.  TFM_LOG_DEBUG is heard by nobody. */
void model_log(void *model, int level, const char *text);
void model_warn(const struct tfm_model *model, const char *text);

/* ---- the stages of opening, each on what the ones before have left */

/* --weights as weights_path: a file of a checkpoint's directory stands for that. */
int model_find_weights(struct tfm_model *model, const char *given, struct tfm_error *err);
/* Is what is wrong first of all the task that was asked for? */
bool model_no_task(const struct diag *diag, const tfm_open_options *options);
int model_find_files(struct tfm_model *model, const tfm_open_options *options,
                     struct tfm_error *err);
int model_load_config(struct tfm_model *model, struct tfm_error *err);
int model_load_plugins(struct tfm_model *model, const tfm_open_options *options,
                       struct tfm_error *err);
int model_load_weights(struct tfm_model *model, struct tfm_error *err);
/* Diagnostics go to options->message. */
int model_compile(struct tfm_model *model, const tfm_open_options *options, struct tfm_error *err);
/* Finds two_texts and what goes with it; refuses graphs that are sound and that engine_pass would
 * run wrongly, such as text that grows in encode (TFM_ERROR_MODEL). */
int model_check_sides(struct tfm_model *model, struct tfm_error *err);
int model_prepare(struct tfm_model *model, const tfm_open_options *options, struct tfm_error *err);

/* Does the task make of a text what sentence-transformers does, whose settings then hold? */
bool model_is_embedder(const struct tfm_model *model);
/* What the directory says of sentence embeddings, against the compiled model: refused, or
 * missing, which is told. */
int model_check_modules(const struct tfm_model *model, const tfm_open_options *options,
                        struct tfm_error *err);
/* The longest input in tokens that the settings allow; 0 = they say nothing. */
int model_embedder_limit(const struct tfm_model *model, int64_t *out, struct tfm_error *err);

/* Into model->tokenizer, or model->tokenizer_error. */
int model_load_tokenizer(struct tfm_model *model);
/* In place of model_prepare where nothing will be run: a checkpoint may have no
 * tokenizer, one that is there must be sound and fit the model.  err is not NULL. */
int model_check_tokenizer(struct tfm_model *model, struct tfm_error *err);

/* ---- ids and the embedding */

/* Rows of the smallest table in which tokens.ids are looked up; 0 = there is none. */
int64_t model_id_rows(const struct tfm_model *model);
/* A token of the tokenizer has an id that is no such row: the error, and -1. */
int model_id_beyond(const struct tfm_model *model, int32_t id, int64_t rows, struct tfm_error *err);

/* compile_options for this model; names and lists live as long as options. */
void model_compile_options(struct tfm_model *model, const tfm_open_options *options,
                           const char *const *feed, const char *const *dump,
                           struct compile_options *out);
/* Hand the diagnostics to the caller's callback. */
void model_send_diagnostics(const struct diag *diag, const tfm_open_options *options);

uint64_t model_clock_ns(void);

#endif
