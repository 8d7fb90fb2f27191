/* vocabulary.h - tokens and ids, both ways.  Ids may have holes. */
#ifndef TFM_TOKENIZER_VOCABULARY_H
#define TFM_TOKENIZER_VOCABULARY_H

#include "base/hash.h"
#include "tokenizer/reader.h"

/* A slot of the table is the id + 1, 0 = free, and above it bits of the token's hash. */
enum { VOCABULARY_ID_BITS = 21 };
_Static_assert(READER_VOCABULARY_LIMIT < 1 << VOCABULARY_ID_BITS, "an id + 1 fits");

struct vocabulary {
  struct slice *token; /* by id; .text NULL = a hole */
  char *strings;       /* the texts, if they are not the arena's */
  size_t size;         /* one more than the largest id */
  size_t count;        /* tokens */
  size_t longest;      /* bytes */
  size_t capacity;
  uint32_t *slot; /* open addressing, at most 3/4 full; NULL = none yet */
  unsigned bits;  /* 1 << bits slots */
  struct hash_secret secret;
};

void vocabulary_init(struct vocabulary *vocabulary);
void vocabulary_finish(struct vocabulary *vocabulary);
/* Refuses an id that is there already.  The text is not copied. */
int vocabulary_put(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                   struct slice text, int32_t id);
/* The same with a copy. */
int vocabulary_add(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                   const char *text, size_t length, int32_t id);
/* Make room for about so many tokens at once; false = out of memory. */
bool vocabulary_reserve(struct vocabulary *vocabulary, size_t tokens);
/* After the last token, before the first is looked for: refuses one that is there twice. */
int vocabulary_index(struct vocabulary *vocabulary, struct reader *reader, const char *place);
/* {"token": id, ...}, from the reader's text or from json, with the index. */
int vocabulary_read(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                    const json_t *json);
/* -1 if it is not there. */
int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t length);
/* NULL if there is none. */
const struct slice *vocabulary_token(const struct vocabulary *vocabulary, int32_t id);

/* A look-up in steps, for many at once: each asks for the memory that the next one
 * reads.  The hash; the likely id, or -1; that id again; the id. */
static inline int32_t vocabulary_id(uint32_t slot) {
  return (int32_t)(slot & ((1u << VOCABULARY_ID_BITS) - 1)) - 1;
}
static inline bool vocabulary_tagged(uint32_t slot, uint64_t hash) {
  return (((uint32_t)hash ^ slot) >> VOCABULARY_ID_BITS) == 0;
}
static inline uint64_t vocabulary_hash(const struct vocabulary *vocabulary, const char *text,
                                       size_t length) {
  uint64_t hash = hash_text(&vocabulary->secret, text, length);
  __builtin_prefetch(&vocabulary->slot[hash >> (64 - vocabulary->bits)]);
  return hash;
}
static inline int32_t vocabulary_guess(const struct vocabulary *vocabulary, uint64_t hash) {
  size_t mask = ((size_t)1 << vocabulary->bits) - 1;
  size_t i = (size_t)(hash >> (64 - vocabulary->bits));
  while (vocabulary->slot[i] != 0 && !vocabulary_tagged(vocabulary->slot[i], hash))
    i = (i + 1) & mask;
  int32_t id = vocabulary_id(vocabulary->slot[i]);
  if (id >= 0)
    __builtin_prefetch(&vocabulary->token[id]);
  return id;
}
static inline void vocabulary_prepare(const struct vocabulary *vocabulary, int32_t id) {
  if (id >= 0)
    __builtin_prefetch(vocabulary->token[id].text);
}
/* The id is the text's. */
static inline bool vocabulary_is(const struct vocabulary *vocabulary, int32_t id, const char *text,
                                 size_t length) {
  const struct slice *token = &vocabulary->token[id];
  return token->length == length && hash_same(token->text, text, length);
}
int32_t vocabulary_find_hashed(const struct vocabulary *vocabulary, uint64_t hash, const char *text,
                               size_t length);

#endif
