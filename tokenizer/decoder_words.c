/* decoder_words.c - WordPiece, CTC and BPEDecoder: words apart, and English put right. */
#define _GNU_SOURCE /* memmem */
#include "tokenizer/decoder_stage.h"

#include <string.h>

/* ---- WordPiece ---- */

static const char *const cleanups[][2] = {
    {" .", "."},   {" ?", "?"},     {" !", "!"},     {" ,", ","},
    {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},   {" do not", " don't"},
    {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};

/* text with from replaced by to, in place of what it held. */
static void substitute(struct buffer *text, const char *from, size_t length, const char *to) {
  if (length == 0 || text->length < length ||
      memmem(text->data, text->length, from, length) == NULL)
    return;
  struct buffer out;
  const char *at = text->data, *end = at + text->length, *found;
  buffer_init(&out);
  while ((found = memmem(at, (size_t)(end - at), from, length)) != NULL) {
    buffer_append(&out, at, (size_t)(found - at));
    buffer_puts(&out, to);
    at = found + length;
  }
  buffer_append(&out, at, (size_t)(end - at));
  out.failed = out.failed || text->failed;
  buffer_finish(text);
  *text = out;
}

static void clean_up(struct buffer *text) {
  for (size_t i = 0; i < sizeof cleanups / sizeof cleanups[0]; i++)
    substitute(text, cleanups[i][0], strlen(cleanups[i][0]), cleanups[i][1]);
}

struct wordpiece {
  struct slice prefix;
  bool cleanup;
};

static const char *const wordpiece_fields[] = {"type", "prefix", "cleanup", NULL};

static int wordpiece_load(struct component *decoder, struct reader *reader, const char *place,
                          const json_t *json) {
  struct wordpiece *self = reader_alloc(reader, sizeof *self);
  decoder->self = self;
  if (self == NULL || reader_need_text(reader, place, json, "prefix", &self->prefix) != 0)
    return -1;
  self->cleanup = true;
  return reader_bool(reader, place, json, "cleanup", &self->cleanup);
}

static int wordpiece_whole(struct decoding *decoding, size_t stage, struct slice text, bool last,
                           struct tfm_error *err) {
  const struct wordpiece *self = decoding->stage[stage].decoder->self;
  struct buffer *out = &decoding->stage[stage].out;
  (void)last;
  buffer_clear(out);
  bool continues = text.length >= self->prefix.length &&
                   memcmp(text.text, self->prefix.text, self->prefix.length) == 0;
  if (decoding->stage[stage].begun && continues)
    buffer_append(out, text.text + self->prefix.length, text.length - self->prefix.length);
  else {
    if (decoding->stage[stage].begun)
      buffer_putc(out, ' ');
    buffer_append(out, text.text, text.length);
  }
  if (self->cleanup)
    clean_up(out);
  return decoder_pass_buffer(decoding, stage, out, err);
}

static int wordpiece_push(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                          struct tfm_error *err) {
  if (!decoding->stage[stage].whole)
    return decoder_gather(decoding, stage, text, begins, wordpiece_whole, err);
  int status = wordpiece_whole(decoding, stage, text, false, err);
  decoding->stage[stage].begun = true;
  return status;
}

static int wordpiece_finish(struct decoding *decoding, size_t stage, struct tfm_error *err) {
  return decoder_release(decoding, stage, wordpiece_whole, true, err);
}

const struct decoder_type decoder_wordpiece = {
    {"WordPiece", wordpiece_fields, wordpiece_load}, wordpiece_push, wordpiece_finish, false};

/* ---- CTC: of equal tokens in a row one, no pads, words apart ---- */

struct ctc {
  struct slice pad, delimiter;
  bool cleanup;
};

static const char *const ctc_fields[] = {"type", "pad_token", "word_delimiter_token", "cleanup",
                                         NULL};

static int ctc_load(struct component *decoder, struct reader *reader, const char *place,
                    const json_t *json) {
  struct ctc *self = reader_alloc(reader, sizeof *self);
  decoder->self = self;
  if (self == NULL || reader_need_text(reader, place, json, "pad_token", &self->pad) != 0 ||
      reader_need_text(reader, place, json, "word_delimiter_token", &self->delimiter) != 0)
    return -1;
  self->cleanup = true;
  if (reader_bool(reader, place, json, "cleanup", &self->cleanup) != 0)
    return -1;
  return self->pad.length == 0 || self->delimiter.length == 0
             ? reader_error(reader, place, "an empty pad_token or word_delimiter_token")
             : 0;
}

static int ctc_whole(struct decoding *decoding, size_t stage, struct slice text, bool last,
                     struct tfm_error *err) {
  struct stage *state = &decoding->stage[stage];
  const struct ctc *self = state->decoder->self;
  struct buffer *out = &decoding->stage[stage].out;
  (void)last;
  if (state->has_last && state->last.length == text.length &&
      memcmp(buffer_text(&state->last), text.text, text.length) == 0)
    return 0;
  buffer_clear(&state->last);
  buffer_append(&state->last, text.text, text.length);
  state->has_last = true;
  if (state->last.failed)
    return error_oom(err);
  buffer_clear(out);
  buffer_append(out, text.text, text.length);
  substitute(out, self->pad.text, self->pad.length, "");
  if (self->cleanup) {
    clean_up(out);
    substitute(out, self->delimiter.text, self->delimiter.length, " ");
  }
  if (out->length > 0 || out->failed)
    return decoder_pass_buffer(decoding, stage, out, err);
  return 0;
}

static int ctc_push(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                    struct tfm_error *err) {
  if (decoding->stage[stage].whole)
    return ctc_whole(decoding, stage, text, false, err);
  return decoder_gather(decoding, stage, text, begins, ctc_whole, err);
}

static int ctc_finish(struct decoding *decoding, size_t stage, struct tfm_error *err) {
  return decoder_release(decoding, stage, ctc_whole, true, err);
}

const struct decoder_type decoder_ctc = {
    {"CTC", ctc_fields, ctc_load}, ctc_push, ctc_finish, false};

/* ---- BPEDecoder: a suffix marks the end of a word ---- */

static const char *const bpe_fields[] = {"type", "suffix", NULL};

static int bpe_load(struct component *decoder, struct reader *reader, const char *place,
                    const json_t *json) {
  decoder->self = reader_alloc(reader, sizeof(struct slice));
  if (decoder->self == NULL || reader_need_text(reader, place, json, "suffix", decoder->self) != 0)
    return -1;
  return ((struct slice *)decoder->self)->length == 0
             ? reader_error(reader, place, "an empty suffix")
             : 0;
}

static int bpe_whole(struct decoding *decoding, size_t stage, struct slice text, bool last,
                     struct tfm_error *err) {
  const struct slice *suffix = decoding->stage[stage].decoder->self;
  struct buffer *out = &decoding->stage[stage].out;
  buffer_clear(out);
  buffer_append(out, text.text, text.length);
  substitute(out, suffix->text, suffix->length, last ? "" : " ");
  return decoder_pass_buffer(decoding, stage, out, err);
}

static int bpe_push(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                    struct tfm_error *err) {
  return decoder_gather(decoding, stage, text, begins, bpe_whole, err);
}

static int bpe_finish(struct decoding *decoding, size_t stage, struct tfm_error *err) {
  return decoder_release(decoding, stage, bpe_whole, true, err);
}

const struct decoder_type decoder_bpe = {
    {"BPEDecoder", bpe_fields, bpe_load}, bpe_push, bpe_finish, false};
