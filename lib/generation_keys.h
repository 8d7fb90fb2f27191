/* generation_keys.h - what a generation_config.json holds that options point to: lists of ids and
 * the like, which live as long as the model. */
#ifndef TFM_LIB_GENERATION_KEYS_H
#define TFM_LIB_GENERATION_KEYS_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "tfm/tfm.h"

#include <stdbool.h>

struct generation_keys {
  struct arena arena;
  tfm_ids suppress, begin_suppress, forced_last;
  tfm_ids *bad_words;
  size_t bad_word_count;
  int32_t forced_first; /* -1 = it says none */
  double length_penalty;
  const char *unsound; /* the first key that is none of what it may be; NULL = there is none */
};

/* root NULL = there is no file.  Fails for want of memory alone. */
int generation_keys_read(struct generation_keys *keys, const json_t *root, struct tfm_error *err);
void generation_keys_finish(struct generation_keys *keys);

#endif
