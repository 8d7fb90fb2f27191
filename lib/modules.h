/* modules.h - what a directory of sentence-transformers says of its vectors.
 *
 *     modules.json                        Transformer, Pooling, then Dense, Normalize, ...
 *     1_Pooling/config.json               how tokens become one vector
 *     2_Dense/config.json, its own model.safetensors
 *     sentence_bert_config.json           max_seq_length, do_lower_case
 *     config_sentence_transformers.json   model_type, prompts, truncate_dim, activation_fn
 *
 * All of it is read into one object, which a model file sees as `modules`:
 *
 *     {"pooling": {"modes": ["cls", "mean"], "include_prompt": true},
 *      "steps": [{"index": 2, "kind": "dense", "in": 48, "out": 7, "bias": true,
 *                 "activation": "tanh", "residual": "none"},
 *                {"index": 3, "kind": "normalize"}],
 *      "count": 2, "model_type": "SentenceTransformer", "truncate_dim": 5}
 *
 * and of a SparseEncoder {"sparse": {"strategy": "max", "activation": "relu"}, ...}.
 *
 * A key or a module that is not understood is a refusal by name: not at once, since
 * other tasks of the same directory need nothing of this, but where `modules` is used. */
#ifndef TFM_LIB_MODULES_H
#define TFM_LIB_MODULES_H

#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODULES_MAX = 16 };

struct modules {
  json_t *root;             /* NULL = there is no modules.json */
  struct tfm_error refusal; /* code NONE = all of it is understood */
  /* The weights of a module: its tensors are named modules.INDEX.NAME. */
  struct module_weights {
    char *path; /* owned */
    int index;
  } weights[MODULES_MAX];
  size_t weights_count;
  int64_t max_seq_length; /* 0 = no such setting */
  bool cross_encoder;     /* a CrossEncoder's directory: no Pooling, a classifier instead */
  bool sparse;            /* a SparseEncoder's: a SpladePooling of a masked language model */
  bool lower_case;        /* lower-case the text before the tokenizer's own normalizer */
  const char *prompt;     /* that of default_prompt_name, or NULL; of root */
  json_t *prompts;        /* name -> text; of root, or NULL */
};

/* The settings of the whole: config_sentence_transformers.json, then
 * sentence_bert_config.json or what it was called before.  err is the refusal. */
int module_settings_read(struct modules *out, const char *dir, struct tfm_error *err);

/* Read dir.  -1 = out of memory only; all else is in out->refusal. */
int modules_load(const char *dir, struct modules *out, struct tfm_error *err);
void modules_finish(struct modules *modules);

/* The task that the directory is for, whatever config.json says of its body, which may be one that
 * fills in words or writes; NULL = nothing says. */
const char *modules_task(const struct modules *modules);

/* The modules' own tensors, beside the body's: modules.2.linear.weight. */
struct weights;
int modules_add_weights(const struct modules *modules, struct weights *weights,
                        struct tfm_error *err);

#endif
