/* model.h - from a piece of text to tokens: BPE, WordPiece, Unigram, WordLevel. */
#ifndef TFM_TOKENIZER_MODEL_H
#define TFM_TOKENIZER_MODEL_H

#include "tokenizer/vocabulary.h"

struct token {
  int32_t id;
  size_t begin, end;  /* bytes of the piece, never beyond it; equal: of what was put there */
  struct slice value; /* what the reference calls the token's text; not always terminated */
};

struct bpe_cache;

/* What a model needs while it works, kept from piece to piece by one thread. */
struct model_scratch {
  struct token *token; /* the result */
  size_t count, capacity;
  size_t stop; /* more tokens than this are an error, and stopped is set */
  bool stopped;
  void *memory; /* the model's own, grown with model_room */
  size_t size;
  struct bpe_cache *cache; /* bpe.c's */
};

struct model;

struct model_type {
  const char *name;
  const char *const *fields;
  size_t size; /* of self, zeroed */
  int (*load)(struct model *model, struct reader *reader, const char *place, const json_t *json);
  void (*finish)(void *self);
  /* Append the tokens of a piece that is not empty. */
  int (*tokenize)(const struct model *model, struct model_scratch *scratch, const char *text,
                  size_t length, struct tfm_error *err);
};

extern const struct model_type model_bpe, model_wordpiece, model_unigram, model_wordlevel;

struct model {
  const struct model_type *type;
  const char *path; /* the file, for messages */
  void *self;
  struct vocabulary vocabulary;
  bool marks_pieces; /* those that go on a word: "##ing" */
};

int model_load(struct model *model, struct reader *reader, const json_t *json);
void model_finish(struct model *model);

void model_scratch_finish(struct model_scratch *scratch);
int model_push(struct model_scratch *scratch, struct token token, struct tfm_error *err);
/* size bytes of scratch->memory, contents undefined; NULL and err set on failure. */
void *model_room(struct model_scratch *scratch, size_t count, size_t size, struct tfm_error *err);
/* "<0x0A>" in the vocabulary, or -1. */
int32_t model_byte_token(const struct model *model, unsigned char byte);

#endif
