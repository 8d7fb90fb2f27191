/* added.h - tokens beside the model's vocabulary, found before anything is cut. */
#ifndef TFM_TOKENIZER_ADDED_H
#define TFM_TOKENIZER_ADDED_H

#include "base/map.h"
#include "tokenizer/model.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/trie.h"

/* Bytes of one; the search for them may look at so many for each byte of text. */
enum { ADDED_TOKEN_LIMIT = 1024 };

struct added_token {
  struct slice content;
  struct slice shown; /* what the decoder gets: as normalized if the token is */
  int32_t id;
  bool single_word, lstrip, rstrip, normalized, special;
};

struct added {
  struct added_token *token;
  size_t count, capacity;
  struct map by_content;
  int32_t *by_id; /* index of the token, -1 if the id is not an added one */
  size_t ids;
  struct trie raw, normalized; /* number = index of the token */
};

void added_init(struct added *added);
void added_finish(struct added *added);
/* The array "added_tokens"; null is empty.  Ids are given as the reference gives
 * them: the model's if it has the token, else the next one. */
int added_load(struct added *added, struct reader *reader, const json_t *json,
               const struct model *model, const struct component *normalizer);

const struct added_token *added_by_id(const struct added *added, int32_t id);
const struct added_token *added_by_text(const struct added *added, const char *text, size_t length);

/* Cut the raw tokens out of the text; normalize the rest; cut the others out.
 * plain: leave the special ones in it. */
int added_extract(const struct added *added, const struct component *normalizer, bool plain,
                  struct pieces *pieces, struct matcher **matcher, struct tfm_error *err);

#endif
