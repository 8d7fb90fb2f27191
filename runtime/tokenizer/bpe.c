/* bpe.c - byte pair encoding: characters, then the merge of lowest rank, the
 * leftmost first, until none applies.
 *
 * The symbols of a piece are a linked list in an array, so a merge moves nothing:
 *
 *     h  e  l  l  o        rank(h e) 2, rank(l l) 0, rank(ll o) 1
 *     h  e  ll .  o        the heap gave (l l); new pairs (e ll), (ll o) join it
 *     h  e  llo .  .
 *
 * A heap entry that its symbols have outlived is known by its result's id and is
 * skipped.  n log n in the piece's length; short pieces, which are nearly all,
 * look for the least rank by going through the pairs. */
#include "runtime/tokenizer/model.h"
#include "runtime/tokenizer/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { SINGLES = 0x10000, SHORT = 24, NO_MERGE = UINT32_MAX };

struct merge {
  uint64_t pair; /* left << 32 | right, plus 1; 0 = free */
  uint32_t rank;
  int32_t id;
};

struct bpe {
  struct merge *merge; /* open addressing, at most half full */
  size_t capacity;
  uint64_t factor; /* odd and random */
  struct slice unknown, prefix, suffix;
  int32_t unknown_id;
  bool has_unknown, fuse_unknown, byte_fallback, ignore_merges;
  int32_t bytes[256];      /* ids of <0x00> to <0xFF>, -1 if missing */
  int32_t single[SINGLES]; /* ids of one-character tokens, -1 */
};

struct symbol {
  int32_t id;
  int32_t previous, next; /* -1 at the ends */
  uint32_t length;        /* bytes; 0 = merged into the one before */
  uint32_t rank;          /* of the pair with next; short pieces only */
  int32_t merged;         /* what that pair makes */
};

struct candidate {
  uint32_t rank;
  int32_t at, id;
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

static struct merge *probe(const struct bpe *self, int32_t left, int32_t right) {
  uint64_t pair = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) + 1;
  size_t mask = self->capacity - 1;
  size_t i = (size_t)((pair * self->factor) >> 32) & mask;
  while (self->merge[i].pair != 0 && self->merge[i].pair != pair)
    i = (i + 1) & mask;
  return &self->merge[i];
}

/* The two halves of a merge, written "a b" or ["a", "b"]. */
static int halves(struct reader *reader, size_t at, const json_t *json, struct slice *left,
                  struct slice *right) {
  if (json_is_string(json)) {
    const char *text = json_string_value(json), *space = strchr(text, ' ');
    size_t length = json_string_length(json);
    if (space != NULL && memchr(space + 1, ' ', length - (size_t)(space + 1 - text)) == NULL) {
      *left = (struct slice){text, (size_t)(space - text)};
      *right = (struct slice){space + 1, length - (size_t)(space + 1 - text)};
      return 0;
    }
  } else if (json_array_size(json) == 2 && json_is_string(json_array_get(json, 0)) &&
             json_is_string(json_array_get(json, 1))) {
    const json_t *a = json_array_get(json, 0), *b = json_array_get(json, 1);
    *left = (struct slice){json_string_value(a), json_string_length(a)};
    *right = (struct slice){json_string_value(b), json_string_length(b)};
    return 0;
  }
  return reader_error(reader, reader_place(reader, "model.merges[%zu]", at),
                      "a merge must be \"a b\" or [\"a\", \"b\"]");
}

static int missing(struct reader *reader, size_t at, const char *text, size_t length) {
  return reader_error(reader, reader_place(reader, "model.merges[%zu]", at),
                      "`%.*s` is not in the vocabulary", length > 64 ? 64 : (int)length, text);
}

static int add_merge(struct model *model, struct reader *reader, size_t at, const json_t *json,
                     char *joined) {
  struct bpe *self = model->self;
  const struct vocabulary *vocabulary = &model->vocabulary;
  struct slice left = {NULL, 0}, right = {NULL, 0};
  if (halves(reader, at, json, &left, &right) != 0)
    return -1;
  int32_t a = vocabulary_find(vocabulary, left.text, left.length);
  if (a < 0)
    return missing(reader, at, left.text, left.length);
  int32_t b = vocabulary_find(vocabulary, right.text, right.length);
  if (b < 0)
    return missing(reader, at, right.text, right.length);
  size_t skip = self->prefix.length < right.length ? self->prefix.length : right.length;
  memcpy(joined, left.text, left.length);
  memcpy(joined + left.length, right.text + skip, right.length - skip);
  size_t length = left.length + right.length - skip;
  int32_t made = vocabulary_find(vocabulary, joined, length);
  if (made < 0)
    return missing(reader, at, joined, length);
  struct merge *merge = probe(self, a, b);
  *merge = (struct merge){((uint64_t)(uint32_t)a << 32 | (uint32_t)b) + 1, (uint32_t)at, made};
  return 0;
}

static int load_merges(struct model *model, struct reader *reader, const json_t *merges) {
  struct bpe *self = model->self;
  size_t count = json_array_size(merges);
  if (getrandom(&self->factor, sizeof self->factor, GRND_NONBLOCK) < 0)
    self->factor = UINT64_C(0x9e3779b97f4a7c15);
  self->factor |= 1;
  for (self->capacity = 16; self->capacity < count * 2;)
    self->capacity *= 2;
  self->merge = calloc(self->capacity, sizeof *self->merge);
  char *joined = malloc(model->vocabulary.longest * 2 + 1);
  int status = self->merge == NULL || joined == NULL ? error_oom(reader->err) : 0;
  for (size_t i = 0; i < count && status == 0; i++)
    status = add_merge(model, reader, i, json_array_get(merges, i), joined);
  free(joined);
  return status;
}

/* Ids that every piece asks for, looked up once. */
static void index_tokens(struct model *model) {
  struct bpe *self = model->self;
  for (size_t i = 0; i < SINGLES; i++)
    self->single[i] = -1;
  for (size_t id = 0; id < model->vocabulary.size; id++) {
    const struct slice *token = &model->vocabulary.token[id];
    size_t size;
    if (token->text == NULL || token->length == 0 || token->length > 3)
      continue;
    uint32_t code = unicode_read(token->text, &size);
    if (size == token->length && code < SINGLES)
      self->single[code] = (int32_t)id;
  }
  for (unsigned byte = 0; byte < 256; byte++)
    self->bytes[byte] = model_byte_token(model, (unsigned char)byte);
}

static int load(struct model *model, struct reader *reader, const char *place, const json_t *json) {
  struct bpe *self = model->self;
  const json_t *merges, *dropout = json_object_get(json, "dropout");
  if (dropout != NULL && !json_is_null(dropout) &&
      !(json_is_number(dropout) && json_number_value(dropout) == 0))
    return reader_error(reader, place, "`dropout` is for training; it must be null or 0");
  if (reader_text(reader, place, json, "unk_token", &self->unknown) != 0 ||
      reader_text(reader, place, json, "continuing_subword_prefix", &self->prefix) != 0 ||
      reader_text(reader, place, json, "end_of_word_suffix", &self->suffix) != 0 ||
      reader_bool(reader, place, json, "fuse_unk", &self->fuse_unknown) != 0 ||
      reader_bool(reader, place, json, "byte_fallback", &self->byte_fallback) != 0 ||
      reader_bool(reader, place, json, "ignore_merges", &self->ignore_merges) != 0 ||
      reader_need_array(reader, place, json, "merges", &merges) != 0 ||
      vocabulary_read(&model->vocabulary, reader, "model.vocab", json_object_get(json, "vocab")) !=
          0)
    return -1;
  self->has_unknown = self->unknown.text != NULL;
  self->unknown_id = self->has_unknown ? vocabulary_find(&model->vocabulary, self->unknown.text,
                                                         self->unknown.length)
                                       : -1;
  index_tokens(model);
  return load_merges(model, reader, merges);
}

static void finish(void *self) {
  free(((struct bpe *)self)->merge);
}

/* The id of a character where it stands, with prefix and suffix if there are any. */
static int32_t character(const struct model *model, const char *text, size_t length, bool first,
                         bool last, struct slice *spelt, char *room) {
  const struct bpe *self = model->self;
  size_t size, before = first ? 0 : self->prefix.length, after = last ? self->suffix.length : 0;
  *spelt = (struct slice){text, length};
  if (before == 0 && after == 0) {
    uint32_t code = unicode_read(text, &size);
    return code < SINGLES ? self->single[code] : vocabulary_find(&model->vocabulary, text, length);
  }
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
  symbol[at] = (struct symbol){
      .id = id, .previous = at - 1, .next = -1, .length = (uint32_t)length, .rank = NO_MERGE};
  ++*count;
}

/* One symbol a byte of the spelling; false if the vocabulary lacks one of them. */
static bool add_bytes(const struct bpe *self, struct symbol *symbol, size_t *count,
                      struct slice spelt) {
  for (size_t i = 0; i < spelt.length; i++)
    if (self->bytes[(unsigned char)spelt.text[i]] < 0)
      return false;
  for (size_t i = 0; i < spelt.length; i++)
    add_symbol(symbol, count, self->bytes[(unsigned char)spelt.text[i]], 1);
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
    if ((self->byte_fallback && add_bytes(self, symbol, count, spelt)) || !self->has_unknown)
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

static void rank_pair(const struct bpe *self, struct symbol *symbol, int32_t at) {
  if (at < 0)
    return;
  symbol[at].rank = NO_MERGE;
  if (symbol[at].next < 0)
    return;
  const struct merge *merge = probe(self, symbol[at].id, symbol[symbol[at].next].id);
  if (merge->pair != 0) {
    symbol[at].rank = merge->rank;
    symbol[at].merged = merge->id;
  }
}

/* Join the symbol at `at` and the next one. */
static void join(struct symbol *symbol, int32_t at, int32_t id) {
  int32_t right = symbol[at].next;
  symbol[at].id = id;
  symbol[at].length += symbol[right].length;
  symbol[at].next = symbol[right].next;
  symbol[right].length = 0;
  if (symbol[right].next >= 0)
    symbol[symbol[right].next].previous = at;
}

static void merge_short(const struct bpe *self, struct symbol *symbol, size_t count) {
  for (size_t i = 0; i < count; i++)
    rank_pair(self, symbol, (int32_t)i);
  for (;;) {
    int32_t best = 0;
    for (int32_t i = 0; i >= 0; i = symbol[i].next)
      if (symbol[i].rank < symbol[best].rank)
        best = i;
    if (symbol[best].rank == NO_MERGE)
      return;
    join(symbol, best, symbol[best].merged);
    rank_pair(self, symbol, best);
    rank_pair(self, symbol, symbol[best].previous);
  }
}

static bool before(struct candidate a, struct candidate b) {
  return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void sift_up(struct candidate *heap, size_t at) {
  struct candidate moved = heap[at];
  for (; at > 0 && before(moved, heap[(at - 1) / 2]); at = (at - 1) / 2)
    heap[at] = heap[(at - 1) / 2];
  heap[at] = moved;
}

static void sift_down(struct candidate *heap, size_t count) {
  size_t at = 0;
  struct candidate moved = heap[0];
  for (size_t child = 1; child < count; child = at * 2 + 1) {
    if (child + 1 < count && before(heap[child + 1], heap[child]))
      child++;
    if (!before(heap[child], moved))
      break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

static void push_pair(const struct bpe *self, const struct symbol *symbol, int32_t at,
                      struct candidate *heap, size_t *count) {
  if (at < 0 || symbol[at].next < 0)
    return;
  const struct merge *merge = probe(self, symbol[at].id, symbol[symbol[at].next].id);
  if (merge->pair == 0)
    return;
  heap[*count] = (struct candidate){merge->rank, at, merge->id};
  sift_up(heap, (*count)++);
}

/* heap has room for 3 * count: one for each pair, two for each merge. */
static void merge_long(const struct bpe *self, struct symbol *symbol, size_t count,
                       struct candidate *heap) {
  size_t waiting = 0;
  for (size_t i = 0; i < count; i++)
    push_pair(self, symbol, (int32_t)i, heap, &waiting);
  while (waiting > 0) {
    struct candidate top = heap[0];
    heap[0] = heap[--waiting];
    if (waiting > 0)
      sift_down(heap, waiting);
    int32_t right = symbol[top.at].next;
    if (symbol[top.at].length == 0 || right < 0)
      continue;
    const struct merge *merge = probe(self, symbol[top.at].id, symbol[right].id);
    if (merge->pair == 0 || merge->id != top.id)
      continue;
    join(symbol, top.at, top.id);
    push_pair(self, symbol, symbol[top.at].previous, heap, &waiting);
    push_pair(self, symbol, top.at, heap, &waiting);
  }
}

static int push_symbols(const struct model *model, struct model_scratch *scratch,
                        const struct symbol *symbol, size_t count, struct tfm_error *err) {
  size_t at = 0;
  for (int32_t i = count > 0 ? 0 : -1; i >= 0; i = symbol[i].next) {
    struct token token = {symbol[i].id, at, at + symbol[i].length,
                          *vocabulary_token(&model->vocabulary, symbol[i].id)};
    at += symbol[i].length;
    if (model_push(scratch, token, err) != 0)
      return -1;
  }
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
  if (count > SHORT)
    merge_long(self, symbol, count, heap);
  else if (count > 1)
    merge_short(self, symbol, count);
  return push_symbols(model, scratch, symbol, count, err);
}

const struct model_type model_bpe = {"BPE", fields, sizeof(struct bpe), load, finish, tokenize};
