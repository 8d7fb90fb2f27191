/* bpe.c - byte pair encoding: a piece's characters become symbols, merges.c joins
 * them, and what is left are the tokens.
 *
 * Words repeat, so the last short piece of each hash is remembered with its tokens.
 * A vocabulary of SentencePiece's has no pre-tokenizer but marks words by ▁; its
 * texts are merged a word at a time where that changes nothing. */
#define _GNU_SOURCE /* memmem */
#include "tokenizer/merges_read.h"
#include "tokenizer/model.h"
#include "tokenizer/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SINGLES = 0x10000, FIRST_SINGLES = 0x100 };

struct bpe {
  struct merges merges;
  struct slice unknown, prefix, suffix;
  int32_t unknown_id;
  bool has_unknown, fuse_unknown, byte_fallback, ignore_merges;
  bool words;         /* no token goes over the beginning of a word, see find_words */
  int32_t bytes[256]; /* ids of <0x00> to <0xFF>, -1 if missing */
  int32_t *single;    /* ids of one-character tokens, -1 */
  uint32_t singles;   /* so many, at most SINGLES; no character from there to SINGLES is one */
};

/* Short pieces met before, by hash: the last one of each slot.  Words repeat. */
enum { CACHE_SLOTS = 4096, CACHE_BYTES = 24, CACHE_TOKENS = 6 };

struct bpe_cache {
  struct cached {
    uint8_t length, count; /* bytes of text (0: empty) and tokens */
    uint8_t end[CACHE_TOKENS];
    char text[CACHE_BYTES];
    int32_t id[CACHE_TOKENS];
  } slot[CACHE_SLOTS];
};

static const char *const fields[] = {"type",
                                     "dropout",
                                     "unk_token",
                                     "continuing_subword_prefix",
                                     "end_of_word_suffix",
                                     "fuse_unk",
                                     "byte_fallback",
                                     "ignore_merges",
                                     "vocab",
                                     "merges",
                                     NULL};

/* Make room for a character's id: few vocabularies have any far out. */
static bool grow_singles(struct bpe *self, uint32_t code) {
  uint32_t count = self->singles == 0 ? FIRST_SINGLES : self->singles;
  while (count <= code)
    count *= 2;
  int32_t *grown = realloc(self->single, count * sizeof *grown);
  if (grown == NULL)
    return false;
  for (uint32_t i = self->singles; i < count; i++)
    grown[i] = -1;
  self->single = grown;
  self->singles = count;
  return true;
}

/* Ids that every piece asks for, looked up once. */
static bool index_tokens(struct model *model) {
  struct bpe *self = model->self;
  for (size_t id = 0; id < model->vocabulary.size; id++) {
    const struct slice *token = &model->vocabulary.token[id];
    size_t size;
    if (token->text == NULL || token->length == 0 || token->length > 3)
      continue;
    uint32_t code = unicode_read(token->text, &size);
    if (size != token->length || code >= SINGLES)
      continue;
    if (code >= self->singles && !grow_singles(self, code))
      return false;
    self->single[code] = (int32_t)id;
  }
  for (unsigned byte = 0; byte < 256; byte++)
    self->bytes[byte] = self->byte_fallback ? model_byte_token(model, (unsigned char)byte) : -1;
  return true;
}

/* The id of a character of its own, or -1. */
static int32_t single_id(const struct model *model, const char *text, size_t length) {
  const struct bpe *self = model->self;
  size_t size;
  uint32_t code = unicode_read(text, &size);
  if (code < self->singles)
    return self->single[code];
  return code < SINGLES ? -1 : vocabulary_find(&model->vocabulary, text, length);
}

/* The first place after `at` where a word begins: a ▁ after another character. */
static size_t next_word(const char *text, size_t at, size_t length) {
  static const char mark[] = "\xe2\x96\x81";
  while (at + 3 <= length && memcmp(text + at, mark, 3) == 0)
    at += 3;
  const char *found = memmem(text + at, length - at, mark, 3);
  return found == NULL ? length : (size_t)(found - text);
}

/* In SentencePiece's vocabularies no token has a ▁ after another character, so
 * a text without pre-tokenizer, thousands of words in one piece, can be merged a
 * word at a time.  Unknown characters fuse across words unless ▁ is known. */
static void find_words(struct model *model) {
  struct bpe *self = model->self;
  bool known = self->has_unknown || self->byte_fallback; /* no character vanishes */
  for (size_t byte = 0; byte < 256 && !self->has_unknown; byte++)
    known = known && self->bytes[byte] >= 0;
  self->words = known && single_id(model, "\xe2\x96\x81", 3) >= 0 && self->prefix.length == 0 &&
                self->suffix.length == 0;
  for (size_t id = 0; id < model->vocabulary.size && self->words; id++) {
    const struct slice *token = &model->vocabulary.token[id];
    if (token->length > 3)
      self->words = next_word(token->text, 0, token->length) == token->length;
  }
}

static int load(struct model *model, struct reader *reader, const char *place, const json_t *json) {
  struct bpe *self = model->self;
  const json_t *dropout = json_object_get(json, "dropout");
  if (dropout != NULL && !json_is_null(dropout) &&
      !(json_is_number(dropout) && json_number_value(dropout) == 0))
    return reader_error(reader, place, "`dropout` is for training; it must be null or 0");
  if (reader_text(reader, place, json, "unk_token", &self->unknown) != 0 ||
      reader_text(reader, place, json, "continuing_subword_prefix", &self->prefix) != 0 ||
      reader_text(reader, place, json, "end_of_word_suffix", &self->suffix) != 0 ||
      reader_bool(reader, place, json, "fuse_unk", &self->fuse_unknown) != 0 ||
      reader_bool(reader, place, json, "byte_fallback", &self->byte_fallback) != 0 ||
      reader_bool(reader, place, json, "ignore_merges", &self->ignore_merges) != 0 ||
      vocabulary_read(&model->vocabulary, reader, "model.vocab", json_object_get(json, "vocab")) !=
          0)
    return -1;
  model->marks_pieces = self->prefix.length > 0;
  self->has_unknown = self->unknown.text != NULL;
  self->unknown_id = self->has_unknown ? vocabulary_find(&model->vocabulary, self->unknown.text,
                                                         self->unknown.length)
                                       : -1;
  if (!index_tokens(model))
    return error_oom(reader->err);
  find_words(model);
  return merges_read(&self->merges, &model->vocabulary, self->prefix, reader,
                     json_object_get(json, "merges"));
}

static void finish(void *self) {
  struct bpe *bpe = self;
  merges_finish(&bpe->merges);
  free(bpe->single);
}

/* The id of a character where it stands, with prefix and suffix if there are any. */
static int32_t character(const struct model *model, const char *text, size_t length, bool first,
                         bool last, struct slice *spelt, char *room) {
  const struct bpe *self = model->self;
  size_t before = first ? 0 : self->prefix.length, after = last ? self->suffix.length : 0;
  *spelt = (struct slice){text, length};
  if (before == 0 && after == 0)
    return single_id(model, text, length);
  if (before > 0)
    memcpy(room, self->prefix.text, before);
  memcpy(room + before, text, length);
  if (after > 0)
    memcpy(room + before + length, self->suffix.text, after);
  *spelt = (struct slice){room, before + length + after};
  return vocabulary_find(&model->vocabulary, spelt->text, spelt->length);
}

static void add_symbol(struct symbol *symbol, size_t *count, int32_t id, size_t length) {
  int32_t at = (int32_t)*count;
  if (at > 0)
    symbol[at - 1].next = at;
  symbol[at] =
      (struct symbol){.id = id, .previous = at - 1, .next = -1, .length = (uint32_t)length};
  ++*count;
}

/* One symbol a byte of the spelling; false if the vocabulary lacks one of them.  Those
 * of a prefix or suffix are no bytes of the text: they have no length. */
static bool add_bytes(const struct bpe *self, struct symbol *symbol, size_t *count,
                      struct slice spelt, size_t before, size_t size) {
  for (size_t i = 0; i < spelt.length; i++)
    if (self->bytes[(unsigned char)spelt.text[i]] < 0)
      return false;
  for (size_t i = 0; i < spelt.length; i++)
    add_symbol(symbol, count, self->bytes[(unsigned char)spelt.text[i]],
               i >= before && i - before < size ? 1 : 0);
  return true;
}

/* Characters to symbols.  Unknown ones next to each other fuse if the file says so.
 * The reference lets bytes overtake an unknown symbol that waits to be fused;
 * so does this. */
static int split(const struct model *model, const char *text, size_t length, struct symbol *symbol,
                 size_t *count, char *room, struct tfm_error *err) {
  const struct bpe *self = model->self;
  size_t waiting = 0, size;
  bool unknown = false;
  for (size_t at = 0; at < length; at += size) {
    struct slice spelt;
    unicode_read(text + at, &size);
    int32_t id = character(model, text + at, size, at == 0, at + size == length, &spelt, room);
    if (id >= 0) {
      if (unknown)
        add_symbol(symbol, count, self->unknown_id, waiting);
      unknown = false;
      add_symbol(symbol, count, id, size);
      continue;
    }
    size_t before = at == 0 ? 0 : self->prefix.length;
    if ((self->byte_fallback && add_bytes(self, symbol, count, spelt, before, size)) ||
        !self->has_unknown)
      continue;
    if (self->unknown_id < 0)
      return error_set(err, TFM_ERROR_TOKENIZER,
                       "%s: model: the unknown token `%.64s` is not in the vocabulary", model->path,
                       self->unknown.text);
    if (unknown && !self->fuse_unknown)
      add_symbol(symbol, count, self->unknown_id, waiting);
    waiting = unknown && self->fuse_unknown ? waiting + size : size;
    unknown = true;
  }
  if (unknown)
    add_symbol(symbol, count, self->unknown_id, waiting);
  return 0;
}

static int push_symbols(const struct model *model, struct model_scratch *scratch,
                        const struct symbol *symbol, size_t count, size_t at,
                        struct tfm_error *err) {
  for (int32_t i = count > 0 ? 0 : -1; i >= 0; i = symbol[i].next) {
    struct token token = {symbol[i].id, at, at + symbol[i].length,
                          *vocabulary_token(&model->vocabulary, symbol[i].id)};
    at += symbol[i].length;
    if (model_push(scratch, token, err) != 0)
      return -1;
  }
  return 0;
}

/* Split, merge and push one piece. */
static int merge_piece(const struct model *model, struct model_scratch *scratch, const char *text,
                       size_t length, size_t offset, struct tfm_error *err) {
  const struct bpe *self = model->self;
  /* A character makes at most one symbol a byte of its spelling. */
  size_t most =
      length * (1 + (self->byte_fallback ? self->prefix.length : 0)) + self->suffix.length;
  size_t spelling = self->prefix.length + 4 + self->suffix.length;
  if (most > INT32_MAX / 4)
    return error_set(err, TFM_ERROR_LIMIT, "%s: model: a piece of %zu bytes is too long",
                     model->path, length);
  struct symbol *symbol = model_room(
      scratch, 1, most * (sizeof *symbol + 3 * sizeof(struct candidate)) + spelling, err);
  if (symbol == NULL)
    return -1;
  struct candidate *heap = (struct candidate *)(symbol + most);
  char *room = (char *)(heap + 3 * most);
  size_t count = 0;
  if (split(model, text, length, symbol, &count, room, err) != 0)
    return -1;
  merges_apply(&self->merges, symbol, count, heap);
  return push_symbols(model, scratch, symbol, count, offset, err);
}

static struct cached *cache_slot(struct model_scratch *scratch, const char *text, size_t length) {
  if (length > CACHE_BYTES)
    return NULL;
  if (scratch->cache == NULL)
    scratch->cache = calloc(1, sizeof *scratch->cache);
  if (scratch->cache == NULL)
    return NULL;
  uint32_t hash = 2166136261u; /* FNV-1a; a collision costs a slot, no more */
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ (unsigned char)text[i]) * 16777619u;
  return &scratch->cache->slot[(hash ^ hash >> 16) % CACHE_SLOTS];
}

static int push_cached(const struct model *model, struct model_scratch *scratch,
                       const struct cached *cached, size_t offset, struct tfm_error *err) {
  for (size_t i = 0, begin = 0; i < cached->count; begin = cached->end[i++]) {
    struct token token = {cached->id[i], offset + begin, offset + cached->end[i],
                          *vocabulary_token(&model->vocabulary, cached->id[i])};
    if (model_push(scratch, token, err) != 0)
      return -1;
  }
  return 0;
}

static void keep(struct cached *cached, const struct model_scratch *scratch, size_t before,
                 const char *text, size_t length, size_t offset) {
  size_t count = scratch->count - before;
  if (count > CACHE_TOKENS)
    return;
  cached->length = (uint8_t)length;
  cached->count = (uint8_t)count;
  memcpy(cached->text, text, length);
  for (size_t i = 0; i < count; i++) {
    cached->id[i] = scratch->token[before + i].id;
    cached->end[i] = (uint8_t)(scratch->token[before + i].end - offset);
  }
}

/* A piece, or a word of one that is cut where no token goes across. */
static int tokenize_word(const struct model *model, struct model_scratch *scratch, const char *text,
                         size_t length, size_t offset, struct tfm_error *err) {
  struct cached *cached = cache_slot(scratch, text, length);
  size_t before = scratch->count;
  if (cached != NULL && cached->length == length && memcmp(cached->text, text, length) == 0)
    return push_cached(model, scratch, cached, offset, err);
  if (merge_piece(model, scratch, text, length, offset, err) != 0)
    return -1;
  if (cached != NULL)
    keep(cached, scratch, before, text, length, offset);
  return 0;
}

static int tokenize(const struct model *model, struct model_scratch *scratch, const char *text,
                    size_t length, struct tfm_error *err) {
  const struct bpe *self = model->self;
  if (self->ignore_merges) {
    int32_t id = vocabulary_find(&model->vocabulary, text, length);
    if (id >= 0)
      return model_push(scratch, (struct token){id, 0, length, {text, length}}, err);
  }
  for (size_t at = 0, end; at < length; at = end) {
    end = self->words ? next_word(text, at, length) : length;
    if (tokenize_word(model, scratch, text + at, end - at, at, err) != 0)
      return -1;
  }
  return 0;
}

const struct model_type model_bpe = {"BPE", fields, sizeof(struct bpe), load, finish, tokenize};
