/* decoder.c - the table of decoders, the chain, and the stages of a few lines each. */
#include "tokenizer/decoder.h"

#include "tokenizer/decoder_stage.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pieces.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/unicode.h"

#include <stdlib.h>
#include <string.h>

static const struct decoder_type *type_of(const struct component *component) {
  return (const struct decoder_type *)component->type;
}

static const struct slice replacement = {"\xef\xbf\xbd", 3};

int decoder_pass(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                 struct tfm_error *err) {
  if (stage + 1 < decoding->count) {
    const struct component *decoder = decoding->stage[stage + 1].decoder;
    return type_of(decoder)->push(decoding, stage + 1, text, begins, err);
  }
  buffer_append(decoding->out, text.text, text.length);
  return 0;
}

/* ---- stages that need strings whole: gather fragments, work when one ends ---- */

int decoder_release(struct decoding *decoding, size_t stage, decoder_whole work, bool last,
                    struct tfm_error *err) {
  struct stage *state = &decoding->stage[stage];
  if (!state->holds)
    return 0;
  if (state->held.failed)
    return error_oom(err);
  struct slice whole = {buffer_text(&state->held), state->held.length};
  int status = work(decoding, stage, whole, last, err);
  buffer_clear(&state->held);
  state->holds = false;
  state->begun = true;
  return status;
}

int decoder_gather(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                   decoder_whole work, struct tfm_error *err) {
  struct stage *state = &decoding->stage[stage];
  if (begins && decoder_release(decoding, stage, work, false, err) != 0)
    return -1;
  buffer_append(&state->held, text.text, text.length);
  state->holds = true;
  return 0;
}

int decoder_pass_buffer(struct decoding *decoding, size_t stage, struct buffer *text,
                        struct tfm_error *err) {
  int status = text->failed
                   ? error_oom(err)
                   : decoder_pass(decoding, stage, (struct slice){buffer_text(text), text->length},
                                  true, err);
  return status;
}

/* ---- Replace ---- */

static const char *const replace_fields[] = {"type", "pattern", "content", NULL};

static int replace_load(struct component *decoder, struct reader *reader, const char *place,
                        const json_t *json) {
  struct normalizer_replace *self = reader_alloc(reader, sizeof *self);
  decoder->self = self;
  if (self == NULL || reader_need_text(reader, place, json, "content", &self->content) != 0)
    return -1;
  return reader_pattern(reader, place, json, "pattern", &self->pattern);
}

static int replace_whole(struct decoding *decoding, size_t stage, struct slice text, bool last,
                         struct tfm_error *err) {
  const struct normalizer_replace *self = decoding->stage[stage].decoder->self;
  struct pattern_walk walk;
  struct buffer *out = &decoding->stage[stage].out;
  size_t done = 0, limit = pieces_limit(decoding->taken);
  int found = 0;
  (void)last;
  buffer_clear(out);
  /* Tokens are few and short: the exact pattern, without looking for young characters. */
  pattern_walk(&walk, self->pattern, &decoding->matcher, text.text, text.length, true);
  while (out->length <= limit && (found = pattern_next(&walk, err)) == 1) {
    buffer_append(out, text.text + done, walk.begin - done);
    buffer_append(out, self->content.text, self->content.length);
    done = walk.end;
  }
  if (out->length > limit)
    found =
        error_set(err, TFM_ERROR_LIMIT,
                  "the tokens' text grows to more than %zu bytes in the decoder's Replace", limit);
  buffer_append(out, text.text + done, text.length - done);
  if (found == 0)
    return decoder_pass_buffer(decoding, stage, out, err);
  return -1;
}

static int replace_push(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                        struct tfm_error *err) {
  if (decoding->stage[stage].whole)
    return replace_whole(decoding, stage, text, false, err);
  return decoder_gather(decoding, stage, text, begins, replace_whole, err);
}

static int replace_finish(struct decoding *decoding, size_t stage, struct tfm_error *err) {
  return decoder_release(decoding, stage, replace_whole, true, err);
}

/* ---- ByteFallback ---- */

static int hex(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "<0x0A>", or "<0x+A>" as the reference's number parser reads it; -1 otherwise. */
static int byte_of(struct slice text) {
  if (text.length != 6 || memcmp(text.text, "<0x", 3) != 0 || text.text[5] != '>')
    return -1;
  int high = text.text[3] == '+' ? 0 : hex(text.text[3]), low = hex(text.text[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Bytes in a row are one string if they are UTF-8, else so many replacements. */
static int flush_bytes(struct decoding *decoding, size_t stage, struct tfm_error *err) {
  struct buffer *held = &decoding->stage[stage].held;
  int status = 0;
  if (held->failed)
    return error_oom(err);
  if (held->length == 0)
    return 0;
  if (unicode_check(buffer_text(held), held->length) == held->length)
    status =
        decoder_pass(decoding, stage, (struct slice){buffer_text(held), held->length}, true, err);
  else
    for (size_t i = 0; i < held->length && status == 0; i++)
      status = decoder_pass(decoding, stage, replacement, true, err);
  buffer_clear(held);
  return status;
}

static int fallback_push(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                         struct tfm_error *err) {
  int byte = begins ? byte_of(text) : -1;
  if (byte >= 0) {
    buffer_putc(&decoding->stage[stage].held, (char)byte);
    return 0;
  }
  if (flush_bytes(decoding, stage, err) != 0)
    return -1;
  return decoder_pass(decoding, stage, text, begins, err);
}

/* ---- Fuse ---- */

static int fuse_push(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                     struct tfm_error *err) {
  struct stage *state = &decoding->stage[stage];
  bool first = !state->begun;
  (void)begins;
  state->begun = true;
  return decoder_pass(decoding, stage, text, first, err);
}

/* ---- Strip ---- */

struct strip {
  uint32_t code;
  size_t start, stop;
};

static const char *const strip_fields[] = {"type", "content", "start", "stop", NULL};

static int strip_load(struct component *decoder, struct reader *reader, const char *place,
                      const json_t *json) {
  struct strip *self = reader_alloc(reader, sizeof *self);
  decoder->self = self;
  if (self == NULL || reader_need_char(reader, place, json, "content", &self->code) != 0 ||
      reader_size(reader, place, json, "start", &self->start) != 0)
    return -1;
  return reader_size(reader, place, json, "stop", &self->stop);
}

static struct slice strip_start(const struct strip *self, struct slice text, size_t *left) {
  size_t size;
  while (*left > 0 && text.length > 0) {
    if (unicode_read(text.text, &size) != self->code) {
      *left = 0;
      break;
    }
    --*left;
    text.text += size;
    text.length -= size;
  }
  return text;
}

static int strip_whole(struct decoding *decoding, size_t stage, struct slice text, bool last,
                       struct tfm_error *err) {
  const struct strip *self = decoding->stage[stage].decoder->self;
  size_t left = decoding->stage[stage].held_begins ? self->start : 0, size;
  (void)last;
  text = strip_start(self, text, &left);
  for (size_t right = self->stop; right > 0 && text.length > 0; right--) {
    size_t at = unicode_previous(text.text, text.length);
    if (unicode_read(text.text + at, &size) != self->code)
      break;
    text.length = at;
  }
  return decoder_pass(decoding, stage, text, true, err);
}

static int strip_push(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                      struct tfm_error *err) {
  struct stage *state = &decoding->stage[stage];
  const struct strip *self = state->decoder->self;
  if (self->stop > 0) {
    if (decoder_gather(decoding, stage, text, begins, strip_whole, err) != 0)
      return -1;
    state->held_begins = begins || state->held_begins;
    return 0;
  }
  if (begins)
    state->left = self->start;
  return decoder_pass(decoding, stage, strip_start(self, text, &state->left), begins, err);
}

static int strip_finish(struct decoding *decoding, size_t stage, struct tfm_error *err) {
  return decoder_release(decoding, stage, strip_whole, true, err);
}

/* ---- ByteLevel ---- */

static const char *const byte_level_fields[] = {"type", "add_prefix_space", "trim_offsets",
                                                "use_regex", NULL};

/* Pass on what of the held bytes can be told: whole sequences, and a replacement
 * for each that is broken (as String::from_utf8_lossy).  At the end, all. */
static int flush_text(struct decoding *decoding, size_t stage, bool last, struct tfm_error *err) {
  struct stage *state = &decoding->stage[stage];
  const char *bytes = buffer_text(&state->held);
  size_t length = state->held.length, at = 0, good = 0, bad;
  bool incomplete = false;
  struct buffer *out = &decoding->stage[stage].out;
  if (state->held.failed)
    return error_oom(err);
  buffer_clear(out);
  while (at < length) {
    size_t size = unicode_sequence(bytes + at, length - at, &bad, &incomplete);
    if (size == 0 && incomplete && !last)
      break;
    if (size == 0) {
      buffer_append(out, bytes + good, at - good);
      buffer_append(out, replacement.text, replacement.length);
      good = at + bad;
    }
    at += size == 0 ? bad : size;
  }
  buffer_append(out, bytes + good, at - good);
  int status = out->failed ? error_oom(err) : 0;
  if (status == 0 && (out->length > 0 || !state->begun))
    status = decoder_pass(decoding, stage, (struct slice){buffer_text(out), out->length},
                          !state->begun, err);
  state->begun = true;
  size_t rest = length - at;
  char tail[4];
  if (rest > 0)
    memcpy(tail, bytes + at, rest); /* an incomplete sequence is at most 3 bytes */
  buffer_clear(&state->held);
  buffer_append(&state->held, tail, rest);
  return status;
}

static int byte_level_push(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                           struct tfm_error *err) {
  struct buffer *held = &decoding->stage[stage].held;
  size_t size, before = held->length;
  bool mapped = true;
  (void)begins;
  for (size_t at = 0; at < text.length && mapped; at += size) {
    int byte = normalizer_char_byte(unicode_read(text.text + at, &size));
    mapped = byte >= 0;
    if (mapped)
      buffer_putc(held, (char)byte);
  }
  if (!mapped && !held->failed) { /* an added token in plain text: as it is */
    held->length = before;
    buffer_append(held, text.text, text.length);
  }
  return flush_text(decoding, stage, false, err);
}

static int byte_level_finish(struct decoding *decoding, size_t stage, struct tfm_error *err) {
  return flush_text(decoding, stage, true, err);
}

/* ---- Metaspace ---- */

static int metaspace_decoder_load(struct component *decoder, struct reader *reader,
                                  const char *place, const json_t *json) {
  decoder->self = reader_alloc(reader, sizeof(struct metaspace));
  return decoder->self == NULL ? -1 : metaspace_load(decoder->self, reader, place, json);
}

static int metaspace_push(struct decoding *decoding, size_t stage, struct slice text, bool begins,
                          struct tfm_error *err) {
  struct stage *state = &decoding->stage[stage];
  const struct metaspace *self = state->decoder->self;
  if (begins) {
    state->left = !state->begun && self->scheme != PREPEND_NEVER; /* in the first token */
    state->begun = true;
  }
  struct buffer *out = &decoding->stage[stage].out;
  size_t size;
  buffer_clear(out);
  for (size_t at = 0; at < text.length; at += size) {
    if (unicode_read(text.text + at, &size) != self->replacement)
      buffer_append(out, text.text + at, size);
    else if (state->left == 0)
      buffer_putc(out, ' ');
  }
  int status = out->failed
                   ? error_oom(err)
                   : decoder_pass(decoding, stage, (struct slice){buffer_text(out), out->length},
                                  begins, err);
  return status;
}

/* ---- the table ---- */

/* A row of the table, with a component_type at its head. */
#define ROW(...) (&(const struct decoder_type){__VA_ARGS__}.type)
static const struct component_type *const types[] = {
    ROW({"ByteFallback", component_no_fields, NULL}, fallback_push, flush_bytes, false),
    ROW({"ByteLevel", byte_level_fields, NULL}, byte_level_push, byte_level_finish, true),
    ROW({"Fuse", component_no_fields, NULL}, fuse_push, NULL, true),
    ROW({"Metaspace", metaspace_fields, metaspace_decoder_load}, metaspace_push, NULL, false),
    ROW({"Replace", replace_fields, replace_load}, replace_push, replace_finish, false),
    ROW({"Strip", strip_fields, strip_load}, strip_push, strip_finish, false),
    &decoder_wordpiece.type,
    &decoder_ctc.type,
    &decoder_bpe.type,
};
static const struct component_kind kind = {"decoder", "decoder", "decoders", types,
                                           sizeof types / sizeof types[0]};

int decoder_load(struct reader *reader, const json_t *json, struct component **out) {
  bool fused = false;
  if (component_load(&kind, reader, json, out) != 0)
    return -1;
  for (const struct component *d = *out; d != NULL; d = d->next) {
    if (fused && type_of(d)->push == fallback_push)
      return reader_error(reader, "decoder", "ByteFallback after the tokens were fused");
    fused = fused || type_of(d)->fuses;
  }
  return 0;
}

/* ---- the chain ---- */

int decoding_init(struct decoding *decoding, const struct component *list, bool continues,
                  struct tfm_error *err) {
  *decoding = (struct decoding){.begun = continues, .joined = list == NULL};
  for (const struct component *d = list; d != NULL; d = d->next)
    decoding->count++;
  decoding->stage = calloc(decoding->count + 1, sizeof *decoding->stage);
  if (decoding->stage == NULL)
    return error_oom(err);
  bool whole = true;
  for (size_t i = 0; i < decoding->count; i++, list = list->next) {
    decoding->stage[i] = (struct stage){.decoder = list, .begun = continues, .whole = whole};
    whole = whole && !type_of(list)->fuses;
  }
  return 0;
}

void decoding_free(struct decoding *decoding) {
  for (size_t i = 0; i < decoding->count; i++)
    buffer_finish(&decoding->stage[i].held), buffer_finish(&decoding->stage[i].last),
        buffer_finish(&decoding->stage[i].out);
  free(decoding->stage);
  matcher_destroy(decoding->matcher);
  *decoding = (struct decoding){0};
}

int decoding_push(struct decoding *decoding, struct slice token, struct buffer *out,
                  struct tfm_error *err) {
  int status = 0;
  decoding->out = out;
  decoding->taken += token.length;
  if (decoding->joined && decoding->begun)
    buffer_putc(out, ' ');
  if (decoding->count == 0)
    buffer_append(out, token.text, token.length);
  else
    status = type_of(decoding->stage[0].decoder)->push(decoding, 0, token, true, err);
  decoding->begun = true;
  decoding->out = NULL;
  return status == 0 && out->failed ? error_oom(err) : status;
}

int decoding_finish(struct decoding *decoding, struct buffer *out, struct tfm_error *err) {
  int status = 0;
  decoding->out = out;
  for (size_t i = 0; i < decoding->count && status == 0; i++)
    if (type_of(decoding->stage[i].decoder)->finish != NULL)
      status = type_of(decoding->stage[i].decoder)->finish(decoding, i, err);
  decoding->out = NULL;
  return status == 0 && out->failed ? error_oom(err) : status;
}
