/* sentencepiece.h - a SentencePiece model as its file has it. */
#ifndef TFM_TOKENIZER_SENTENCEPIECE_H
#define TFM_TOKENIZER_SENTENCEPIECE_H

#include "base/error.h"
#include "base/json.h"
#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  SENTENCEPIECE_PIECE_LIMIT = 4096, /* bytes of one */
};

enum sentencepiece_type {
  SENTENCEPIECE_NORMAL = 1,
  SENTENCEPIECE_UNKNOWN = 2,
  SENTENCEPIECE_CONTROL = 3,
  SENTENCEPIECE_USER_DEFINED = 4,
  SENTENCEPIECE_UNUSED = 5,
  SENTENCEPIECE_BYTE = 6,
};

struct sentencepiece_piece {
  const char *text; /* valid UTF-8 without NULs, not terminated; in the file's bytes */
  size_t length;
  float score;
  enum sentencepiece_type type;
};

struct sentencepiece {
  struct sentencepiece_piece *piece; /* index = id */
  size_t count, capacity;
  struct map by_text;
  size_t unknown; /* the one piece of type unknown */
  uint64_t model_type;
  bool byte_fallback, split_by_whitespace, whitespace_suffix;
  bool dummy_prefix, remove_extra_whitespaces, escape_whitespaces;
  const unsigned char *charsmap;
  size_t charsmap_length;
  const char *eos; /* as the trainer's options spell it; its length */
  size_t eos_length;
};
enum {
  SENTENCEPIECE_UNIGRAM = 1,
  SENTENCEPIECE_BPE = 2,
  SENTENCEPIECE_WORD = 3,
  SENTENCEPIECE_CHAR = 4
};

/* bytes outlive the model.  path is for messages. */
int sentencepiece_parse(struct sentencepiece *model, const char *path, const void *bytes,
                        size_t size, struct tfm_error *err);
void sentencepiece_finish(struct sentencepiece *model);
/* The array "merges" that gives a BPE model's pieces in the order of their scores; of
 * all pieces, or of normal ones. */
int sentencepiece_merges(const struct sentencepiece *model, bool all, const char *path,
                         json_t **out, struct tfm_error *err);

#endif
