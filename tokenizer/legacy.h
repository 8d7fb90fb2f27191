/* legacy.h - the tokenizer.json that older files stand for: what their readers share.
 *
 * Each reader writes the json_t that a tokenizer.json of the same tokenizer would
 * hold, so there is one pipeline.  tokenizer_config.json, special_tokens_map.json
 * and added_tokens.json beside the files give flags and tokens. */
#ifndef TFM_TOKENIZER_LEGACY_H
#define TFM_TOKENIZER_LEGACY_H

#include "base/json.h"
#include "tokenizer/reader.h"

struct legacy {
  const char *directory;
  json_t *config;  /* tokenizer_config.json and what it leaves to the others; an object */
  json_t *vocab;   /* {"token": id} */
  json_t *added;   /* the array "added_tokens" */
  json_t *seen;    /* {"token": id} of the added ones */
  json_int_t next; /* id of one that the vocabulary lacks */
  struct tfm_error *err;
};

enum legacy_family {
  LEGACY_NONE, /* the files say all there is */
  LEGACY_BERT,
  LEGACY_MPNET,
  LEGACY_GPT2,
  LEGACY_ROBERTA,
  LEGACY_T5,
  LEGACY_LLAMA,
};

int legacy_open(struct legacy *legacy);
void legacy_finish(struct legacy *legacy);

/* The family that tokenizer_class names, `usual` where it names none.  One that is
 * not in allowed (ended by LEGACY_NONE) is refused: the files look alike. */
int legacy_family(struct legacy *legacy, const char *path, enum legacy_family usual,
                  const enum legacy_family *allowed, enum legacy_family *out);

bool legacy_flag(const struct legacy *legacy, const char *name, bool usual);
/* The text of a special token: the configuration's, else the usual one; NULL = none. */
const char *legacy_spelling(const struct legacy *legacy, const char *role, const char *usual);
/* Its id in the vocabulary or among the added tokens, or -1. */
json_int_t legacy_id(const struct legacy *legacy, const char *token);

/* A family's usual special tokens, by role; in the order of roles. */
struct legacy_role {
  const char *role, *usual; /* usual NULL: only if the configuration has it */
  bool lstrip;
};
/* Fill legacy->added: added_tokens_decoder or added_tokens.json by id, then the roles',
 * then the additional ones, each once.  One that the vocabulary lacks gets an id after
 * all others. */
int legacy_add_tokens(struct legacy *legacy, const struct legacy_role *roles, size_t count);
/* One more, not normalized; nothing if it is there already. */
int legacy_add(struct legacy *legacy, const char *token, size_t length, bool special);

/* A part of a template: a special token, or the text ("A") or the pair ("B"). */
struct legacy_part {
  const char *special, *sequence;
  int type;
};
/* A TemplateProcessing; parts end at one without both.  NULL = out of memory. */
json_t *legacy_template(const struct legacy *legacy, const struct legacy_part *single,
                        const struct legacy_part *pair);

/* The readers: *out is the tokenizer.json's content. */
int vocab_txt_read(struct legacy *legacy, const char *path, json_t **out);
int vocab_json_read(struct legacy *legacy, const char *path, const char *merges_path, json_t **out);
int sentencepiece_read(struct legacy *legacy, const char *path, json_t **out);

/* The same once legacy->vocab is filled, or the pieces are read. */
int vocab_txt_write(struct legacy *legacy, enum legacy_family family, json_t **out);
struct sentencepiece;
int sentencepiece_write(struct legacy *legacy, const struct sentencepiece *pieces,
                        enum legacy_family family, const char *path, json_t **out);

#endif
