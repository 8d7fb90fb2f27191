/* normalizer.h - what is done to the text before it is cut. */
#ifndef TFM_TOKENIZER_NORMALIZER_H
#define TFM_TOKENIZER_NORMALIZER_H

#include "tokenizer/component.h"
#include "tokenizer/pattern.h"
#include "tokenizer/pieces.h"

struct normalizer_type {
  struct component_type type; /* first */
  int (*apply)(const struct component *normalizer, struct pieces *pieces, struct matcher **matcher,
               struct tfm_error *err);
};

extern const struct normalizer_type normalizer_nfc, normalizer_nfd, normalizer_nfkc,
    normalizer_nfkd, normalizer_precompiled;

/* json may be null: then *out is NULL, the empty list. */
int normalizer_load(struct reader *reader, const json_t *json, struct component **out);
int normalizer_apply(const struct component *list, struct pieces *pieces, struct matcher **matcher,
                     struct tfm_error *err);

/* Shared with the pre-tokenizers. */
struct normalizer_replace {
  const struct pattern *pattern;
  struct slice content;
  struct matcher **matcher; /* set for the time of a call */
};
int normalizer_replace_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                             struct tfm_error *err);
void normalizer_prepend(struct pieces *pieces, const struct piece *piece, struct slice text);
int normalizer_bytes_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                           struct tfm_error *err);
/* The printable stand-in of a byte in byte-level vocabularies, and back (-1: none). */
uint32_t normalizer_byte_char(unsigned char byte);
int normalizer_char_byte(uint32_t code);

/* A list of characters with the reference's marks of change, laid over a piece:
 * 0 replaces the next character, 1 is new beside the one before, -n replaces one
 * and drops the n after it. */
struct change {
  uint32_t code;
  int32_t change;
};
struct change_list {
  struct change *item; /* the caller frees it */
  size_t count, capacity;
  bool failed; /* out of memory */
};
void normalizer_change(struct change_list *list, uint32_t code, int32_t change);
void normalizer_transform(struct pieces *pieces, const struct piece *piece,
                          const struct change_list *list);

#endif
