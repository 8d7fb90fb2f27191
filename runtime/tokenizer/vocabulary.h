/* vocabulary.h - tokens and ids, both ways.  Ids may have holes. */
#ifndef TFM_RUNTIME_TOKENIZER_VOCABULARY_H
#define TFM_RUNTIME_TOKENIZER_VOCABULARY_H

#include "base/map.h"
#include "runtime/tokenizer/reader.h"

struct vocabulary {
  struct map map;
  struct slice *token; /* by id; .text NULL = a hole; the texts are the arena's */
  size_t size;         /* one more than the largest id */
  size_t count;        /* tokens */
  size_t longest;      /* bytes */
  size_t capacity;
};

void vocabulary_init(struct vocabulary *vocabulary);
void vocabulary_finish(struct vocabulary *vocabulary);
/* Refuses a token or an id that is there already. */
int vocabulary_add(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                   const char *text, size_t length, int32_t id);
/* {"token": id, ...} */
int vocabulary_read(struct vocabulary *vocabulary, struct reader *reader, const char *place,
                    const json_t *json);
/* -1 if it is not there. */
int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *text, size_t length);
/* NULL if there is none. */
const struct slice *vocabulary_token(const struct vocabulary *vocabulary, int32_t id);

#endif
