/* prompt.h - the text that a sentence embedder wants before each input.
 *
 * config_sentence_transformers.json has prompts by name, and may name the one that is
 * used where nothing else is said. */
#ifndef TFM_LIB_PROMPT_H
#define TFM_LIB_PROMPT_H

#include "lib/model.h"

struct prompt {
  const char *text; /* NULL = none */
  uint32_t skip;    /* its tokens that the pooling leaves out, with what stands before it */
};

/* name NULL = the default.  A name that the checkpoint does not have is a usage error. */
int prompt_choose(const struct tfm_model *model, const char *name, struct prompt *out,
                  struct tfm_error *err);

#endif
