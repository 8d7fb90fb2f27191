/* wordpiece.c - the longest piece of the vocabulary first, then the longest that
 * continues it, to the word's end; a word that has no such path is unknown.
 *
 * One trie holds the whole vocabulary.  A continuation is looked for from the
 * node that the prefix ("##") leads to, so no string is ever built. */
#include "runtime/tokenizer/model.h"
#include "runtime/tokenizer/trie.h"
#include "runtime/tokenizer/unicode.h"

struct wordpiece {
  struct trie trie;
  struct slice unknown, prefix;
  int32_t unknown_id;
  size_t most;    /* code points in a word; more is unknown */
  uint32_t start; /* where continuations start in the trie */
  bool continues; /* some token begins with the prefix */
};

static const char *const fields[] = {
    "type", "unk_token", "vocab", "continuing_subword_prefix", "max_input_chars_per_word", NULL};

static int build(struct model *model, struct reader *reader) {
  struct wordpiece *self = model->self;
  trie_init(&self->trie);
  for (size_t id = 0; id < model->vocabulary.size; id++) {
    const struct slice *token = vocabulary_token(&model->vocabulary, (int32_t)id);
    if (token != NULL && token->length > 0 &&
        trie_add(&self->trie, token->text, token->length, (int32_t)id) < 0)
      return error_oom(reader->err);
  }
  self->continues = true;
  self->start = TRIE_ROOT;
  for (size_t i = 0; i < self->prefix.length && self->continues; i++) {
    self->start = trie_step(&self->trie, self->start, self->prefix.text[i]);
    self->continues = self->start != TRIE_NONE;
  }
  return 0;
}

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
  self->unknown_id = vocabulary_find(&model->vocabulary, self->unknown.text, self->unknown.length);
  return build(model, reader);
}

static void finish(void *self) {
  trie_finish(&((struct wordpiece *)self)->trie);
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

/* The longest token from text; its id, or -1. */
static int32_t longest(const struct wordpiece *self, uint32_t node, const char *text, size_t length,
                       size_t *size) {
  int32_t id = -1;
  for (size_t i = 0; i < length; i++) {
    node = trie_step(&self->trie, node, text[i]);
    if (node == TRIE_NONE)
      break;
    if (trie_number(&self->trie, node) >= 0) {
      id = trie_number(&self->trie, node);
      *size = i + 1;
    }
  }
  return id;
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
      id = longest(self, TRIE_ROOT, text, length, &size);
    else if (self->continues)
      id = longest(self, self->start, text + at, length - at, &size);
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
