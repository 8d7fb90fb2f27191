/* decoder.h - from tokens back to text, a token at a time.
 *
 * A decoder is a chain of stages.  Each takes strings (tokens, at first) and
 * gives strings; a string may come in fragments, of which only the first begins it:
 *
 *     "▁Once"  "<0xEA>" "<0xB0>" "<0x80>"  "▁a"
 *     Replace        " Once" ...
 *     ByteFallback   holds bytes until the next token that is none
 *     Fuse           one string: all that follows is a fragment of the first
 *     Strip          counts from the string's beginning only
 *
 * Decoding a whole text is pushing all tokens and finishing, so what streams
 * is what decodes.  A stage that needs a string whole holds it. */
#ifndef TFM_TOKENIZER_DECODER_H
#define TFM_TOKENIZER_DECODER_H

#include "base/buffer.h"
#include "tokenizer/component.h"
#include "tokenizer/pattern.h"

struct decoding;

struct decoder_type {
  struct component_type type; /* first */
  int (*push)(struct decoding *decoding, size_t stage, struct slice text, bool begins,
              struct tfm_error *err);
  int (*finish)(struct decoding *decoding, size_t stage, struct tfm_error *err); /* or NULL */
  bool fuses; /* gives one string, in fragments */
};

/* What a stage knows between tokens. */
struct stage {
  const struct component *decoder;
  bool whole;         /* strings never come in fragments */
  bool begun;         /* something was pushed */
  size_t left;        /* Strip: characters that may still go */
  struct buffer held; /* not passed on yet */
  bool holds;
  bool held_begins;
  struct buffer out;  /* what it passes on, for the time of a call: its memory is kept */
  struct buffer last; /* CTC: the token before */
  bool has_last;
};

struct decoding {
  struct stage *stage;
  size_t count;
  struct matcher *matcher;
  struct buffer *out; /* set for the time of a call */
  bool joined;        /* no decoder: spaces between tokens */
  bool begun;
  size_t taken; /* bytes of all tokens so far; what Replace makes of them is bounded */
};

/* json may be null: then *out is NULL, no decoder. */
int decoder_load(struct reader *reader, const json_t *json, struct component **out);

/* continues: what is pushed goes on from tokens decoded before, so nothing is at
 * the beginning of the text. */
int decoding_init(struct decoding *decoding, const struct component *list, bool continues,
                  struct tfm_error *err);
void decoding_free(struct decoding *decoding);
int decoding_push(struct decoding *decoding, struct slice token, struct buffer *out,
                  struct tfm_error *err);
int decoding_finish(struct decoding *decoding, struct buffer *out, struct tfm_error *err);

#endif
