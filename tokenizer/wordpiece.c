/* wordpiece.c - the longest piece of the vocabulary first, then the longest that
 * continues it, to the word's end; a word that has no such path is unknown.
 *
 * One lexicon holds the whole vocabulary.  A continuation is looked for from the
 * node that the prefix ("##") leads to, so no string is ever built. */
#include "tokenizer/lexicon.h"
#include "tokenizer/model.h"
#include "tokenizer/unicode.h"

struct wordpiece {
  struct lexicon lexicon;
  struct slice unknown, prefix;
  int32_t unknown_id;
  size_t most;               /* code points in a word; more is unknown */
  struct lexicon_walk start; /* where continuations start */
  bool continues;            /* some token begins with the prefix */
};

static const char *const fields[] = {
    "type", "unk_token", "vocab", "continuing_subword_prefix", "max_input_chars_per_word", NULL};

static int load(struct model *model, struct reader *reader, const char *place, const json_t *json) {
  struct wordpiece *self = model->self;
  self->most = SIZE_MAX;
  if (reader_need_text(reader, place, json, "unk_token", &self->unknown) != 0 ||
      reader_need_text(reader, place, json, "continuing_subword_prefix", &self->prefix) != 0 ||
      reader_size(reader, place, json, "max_input_chars_per_word", &self->most) != 0)
    return -1;
  if (self->most == SIZE_MAX)
    return reader_error(reader, place, "`max_input_chars_per_word` is missing");
  if (vocabulary_read(&model->vocabulary, reader, "model.vocab", json_object_get(json, "vocab")) !=
      0)
    return -1;
  model->marks_pieces = self->prefix.length > 0;
  self->unknown_id = vocabulary_find(&model->vocabulary, self->unknown.text, self->unknown.length);
  if (!lexicon_init(&self->lexicon, &model->vocabulary))
    return error_oom(reader->err);
  self->continues =
      lexicon_start(&self->lexicon, self->prefix.text, self->prefix.length, &self->start);
  return self->start.failed ? error_oom(reader->err) : 0;
}

static void finish(void *self) {
  lexicon_finish(&((struct wordpiece *)self)->lexicon);
}

static int unknown(const struct model *model, struct model_scratch *scratch, size_t length,
                   struct tfm_error *err) {
  const struct wordpiece *self = model->self;
  if (self->unknown_id < 0)
    return error_set(
        err, TFM_ERROR_TOKENIZER,
        "%s: model: a word is unknown and the unknown token `%.64s` is not in the vocabulary",
        model->path, self->unknown.text);
  return model_push(scratch, (struct token){self->unknown_id, 0, length, self->unknown}, err);
}

enum { FAILED = -2 };

/* The longest token from text; its id, or -1, or FAILED: out of memory. */
static int32_t longest(const struct wordpiece *self, struct lexicon_walk walk, const char *text,
                       size_t length, size_t *size) {
  int32_t found = -1, id;
  size_t bytes = 0;
  while ((id = lexicon_next(&self->lexicon, &walk, text, length, &bytes)) >= 0) {
    found = id;
    *size = bytes;
  }
  return walk.failed ? FAILED : found;
}

static int tokenize(const struct model *model, struct model_scratch *scratch, const char *text,
                    size_t length, struct tfm_error *err) {
  const struct wordpiece *self = model->self;
  size_t before = scratch->count, size = 0;
  if (length > self->most && unicode_count(text, length) > self->most)
    return unknown(model, scratch, length, err);
  for (size_t at = 0; at < length; at += size) {
    int32_t id = -1;
    if (at == 0)
      id = longest(self, (struct lexicon_walk){0}, text, length, &size);
    else if (self->continues)
      id = longest(self, self->start, text + at, length - at, &size);
    if (id == FAILED)
      return error_oom(err);
    if (id < 0) {
      scratch->count = before;
      return unknown(model, scratch, length, err);
    }
    struct token token = {id, at, at + size, *vocabulary_token(&model->vocabulary, id)};
    if (model_push(scratch, token, err) != 0)
      return -1;
  }
  return 0;
}

const struct model_type model_wordpiece = {"WordPiece", fields, sizeof(struct wordpiece),
                                           load,        finish, tokenize};
