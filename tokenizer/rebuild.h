/* rebuild.h - what tokenizer_config.json says against tokenizer.json.
 *
 * transformers 5 takes the vocabulary and the merges of a tokenizer.json, and
 * builds the rest anew where the class that the configuration names is one with
 * rules of its own (BertTokenizer, GPT2Tokenizer, LlamaTokenizer). */
#ifndef TFM_TOKENIZER_REBUILD_H
#define TFM_TOKENIZER_REBUILD_H

#include "base/buffer.h"
#include "base/json.h"
#include "tokenizer/reader.h"

/* Change the tree of directory's tokenizer.json to what the configuration beside it
 * makes of it.  notice: what it says otherwise than the file, a sentence; or empty.
 * listed: how many added tokens there are without those that rebuild_roles puts at the end.
 * ends: the post-processor is now a BertProcessing whose ids are not known yet: each is that of
 * its token, if there is one, else the one that stands there. */
struct rebuilt {
  size_t listed;
  bool ends;
};
int rebuild_apply(const char *directory, json_t *tokenizer, struct rebuilt *rebuilt,
                  struct buffer *notice, struct tfm_error *err);

/* The list of added tokens: those of old, with the flags that `said` (added_tokens_decoder)
 * has for them, and those that only it has, by their ids.  A token that only old has stays,
 * unless the list is built anew.  The caller's; NULL = out of memory. */
json_t *rebuild_added(const json_t *old, const json_t *said, bool anew);

/* Classes with rules of their own; FILE takes the file as it is, OTHER is not known here. */
enum rebuild_family { FAMILY_FILE, FAMILY_BERT, FAMILY_GPT2, FAMILY_LLAMA, FAMILY_OTHER };
/* By tokenizer_class of tokenizer_config.json, else config.json's (model), else its model_type.
 * class: the name that was found, or NULL. */
enum rebuild_family rebuild_family(const json_t *config, const json_t *model, const char **class);
/* Its usual special tokens: REBUILD_ROLES of them, NULL where it has none. */
const char *const *rebuild_usual(enum rebuild_family family);

/* Append to the list of added tokens the special ones that config names and the list lacks.
 * usual: what a class takes for the roles that config is silent about (bos, eos, unk, sep, pad,
 * cls, mask), or NULL.  1 = config named one, 0 = it did not, -1 = out of memory. */
enum { REBUILD_ROLES = 7 };
int rebuild_roles(json_t *list, const json_t *config, const char *const *usual);

#endif
