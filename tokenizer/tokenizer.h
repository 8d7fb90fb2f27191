/* tokenizer.h - text to ids and back, as the checkpoint's own files say.
 *
 *   text -> added tokens -> normalizers -> added tokens -> pre-tokenizers
 *        -> model -> post-processor -> ids            ids -> decoder -> text
 *
 * Every rule comes from tokenizer.json; older directories (vocab.txt, or
 * vocab.json with merges.txt) are turned into the tokenizer.json that they stand
 * for.  The ids are those of Hugging Face's tokenizers.
 *
 * A struct tokenizer does not change after it is opened; threads may share it. */
#ifndef TFM_TOKENIZER_TOKENIZER_H
#define TFM_TOKENIZER_TOKENIZER_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokenizer;

/* Read the tokenizer of a checkpoint directory: tokenizer.json, else vocab.txt,
 * else vocab.json and merges.txt, else encoder.json and vocab.bpe; or one file of
 * these, with what lies beside it. */
int tokenizer_open(const char *path, struct tokenizer **out, struct tfm_error *err);
enum { TOKENIZER_LOWER_CASE = 1 /* before its own normalizer, unless that does so */ };
int tokenizer_open_with(const char *path, unsigned flags, struct tokenizer **out,
                        struct tfm_error *err);
void tokenizer_destroy(struct tokenizer *tokenizer);

/* All arrays have count entries, in one block of memory; begin and end are bytes of the text that
 * `sequence` tells, and both 0 for a special token. */
struct encoding {
  int32_t *ids;
  int32_t *types; /* token types: 0, or 1 in a BERT pair's second text */
  size_t *begin, *end;
  uint8_t *special;  /* 1: added by the post-processor, not from a text; 2: padding */
  uint8_t *sequence; /* 0 the text, 1 the pair; 0 if special */
  int32_t *word;     /* number of the pre-token in its text; -1 if special */
  size_t count;
  size_t truncated; /* tokens of the texts that a truncation took away */
  bool stopped;     /* there is none: a text has more than `stop` tokens */
};

enum {
  ENCODE_SPECIAL = 1,  /* what the post-processor adds */
  ENCODE_LIMITS = 2,   /* the file's truncation and padding; else lengths are the caller's */
  ENCODE_TRUNCATE = 4, /* to `most` tokens, at the end that the files name (the right one) */
  ENCODE_PLAIN = 8,    /* special tokens that are written in a text are text */
};

/* flags: ENCODE_; pair may be NULL.  Invalid UTF-8 is an error that names the byte. */
int tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                     const char *pair, size_t pair_length, unsigned flags, struct encoding *out,
                     struct tfm_error *err);
void encoding_finish(struct encoding *encoding);
/* The tokens of whole but for those from first to last, of which begin to end stay. */
int encoding_window(const struct encoding *whole, size_t first, size_t last, size_t begin,
                    size_t end, struct encoding *out, struct tfm_error *err);

/* The same with all there is to say. */
struct encode_request {
  const char *text, *pair; /* pair NULL: none */
  size_t length, pair_length;
  unsigned flags;
  size_t most; /* ENCODE_TRUNCATE: tokens that stay, special ones included */
  size_t stop; /* a text of more tokens is not cut to its end: TFM_ERROR_LIMIT; 0: no bound */
};
int tokenizer_encode_request(const struct tokenizer *tokenizer,
                             const struct encode_request *request, struct encoding *out,
                             struct tfm_error *err);
/* The longest sequence by tokenizer_config.json (model_max_length); 0 = it states none. */
size_t tokenizer_longest(const struct tokenizer *tokenizer);

/* What tokenizer_config.json and tokenizer.json say against each other, and which goes
 * before; NULL = nothing.  Lives as long as the tokenizer. */
const char *tokenizer_notice(const struct tokenizer *tokenizer);

/* Where token types are from.  UNSAID: from the file, and the class that is named leaves
 * it open. */
enum tokenizer_types { TOKENIZER_TYPES_FILE, TOKENIZER_TYPES_NONE, TOKENIZER_TYPES_UNSAID };
enum tokenizer_types tokenizer_types(const struct tokenizer *tokenizer);

/* The side on which a text that is too long is cut. */
bool tokenizer_cuts_left(const struct tokenizer *tokenizer);

/* The side on which shorter texts are filled up.  A run does not fill up; but transformers puts a
 * question behind its context where this is the left one. */
bool tokenizer_pads_left(const struct tokenizer *tokenizer);

/* One more than the largest id. */
size_t tokenizer_vocabulary(const struct tokenizer *tokenizer);
/* -1 if there is no such token. */
int32_t tokenizer_id(const struct tokenizer *tokenizer, const char *token);
/* As the vocabulary spells it; NULL if there is none. */
const char *tokenizer_token(const struct tokenizer *tokenizer, int32_t id);
/* A token of a role in tokenizer_config.json that tokenizer.json does not list. */
bool tokenizer_only_named(const struct tokenizer *tokenizer, int32_t id);

/* Ids by role, -1 if the checkpoint has none.  From tokenizer_config.json and
 * special_tokens_map.json, then the post-processor and the model, then, among
 * the added tokens, the usual spellings. */
struct tokenizer_roles {
  int32_t bos, eos, unk, sep, pad, cls, mask;
};
const struct tokenizer_roles *tokenizer_roles(const struct tokenizer *tokenizer);
/* The pieces that go on a word are marked in the vocabulary, as in "##ing". */
bool tokenizer_marks_pieces(const struct tokenizer *tokenizer);
/* An added token that decoding skips. */
bool tokenizer_is_special(const struct tokenizer *tokenizer, int32_t id);

/* Append the text of the ids.  An id that does not exist is nothing. */
int tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count,
                     bool skip_special, struct buffer *out, struct tfm_error *err);

/* The same a token at a time: what is appended is whole UTF-8 sequences, and all
 * of it together is what tokenizer_decode gives for all ids.
 *
 * continues: the ids go on from others (a prompt, or a start token alone), so the
 * space that decoders take from the beginning of a text stays: after <s>,
 * "▁Once" is " Once". */
struct token_stream;
int token_stream_create(const struct tokenizer *tokenizer, bool continues, bool skip_special,
                        struct token_stream **out, struct tfm_error *err);
int token_stream_push(struct token_stream *stream, int32_t id, struct buffer *out,
                      struct tfm_error *err);
/* What was held back.  Nothing may be pushed after. */
int token_stream_finish(struct token_stream *stream, struct buffer *out, struct tfm_error *err);
void token_stream_destroy(struct token_stream *stream);

#endif
