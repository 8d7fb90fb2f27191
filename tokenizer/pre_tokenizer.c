/* pre_tokenizer.c - the table of pre-tokenizers. */
#include "tokenizer/pre_tokenizer.h"

#include "tokenizer/normalizer.h"
#include "tokenizer/unicode.h"

#include <string.h>

/* ---- splits by a test of characters ---- */

struct split_test {
  bool (*test)(uint32_t code);
  uint32_t code; /* instead of a test */
  enum split_behavior behavior;
};

static int test_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                      struct tfm_error *err) {
  const struct split_test *split = self;
  struct cutter cutter;
  size_t begin = piece->begin, size;
  (void)err;
  cutter_init(&cutter, pieces, split->behavior);
  for (size_t at = piece->begin; at < piece->end; at += size) {
    uint32_t code = unicode_read(pieces->now.bytes + at, &size);
    if (split->test != NULL ? !split->test(code) : code != split->code)
      continue;
    if (begin < at)
      cutter_span(&cutter, begin, at, false);
    cutter_span(&cutter, at, at + size, true);
    begin = at + size;
  }
  if (begin < piece->end)
    cutter_span(&cutter, begin, piece->end, false);
  cutter_finish(&cutter);
  return 0;
}

static int whitespace_split_apply(const struct component *pre, struct pieces *pieces,
                                  struct matcher **matcher, struct tfm_error *err) {
  static const struct split_test spaces = {unicode_is_space, 0, SPLIT_REMOVED};
  (void)pre;
  (void)matcher;
  return pieces_split(pieces, test_piece, &spaces, err);
}

static int bert_apply(const struct component *pre, struct pieces *pieces, struct matcher **matcher,
                      struct tfm_error *err) {
  static const struct split_test marks = {unicode_is_punctuation, 0, SPLIT_ISOLATED};
  if (whitespace_split_apply(pre, pieces, matcher, err) != 0)
    return -1;
  return pieces_split(pieces, test_piece, &marks, err);
}

static int test_apply(const struct component *pre, struct pieces *pieces, struct matcher **matcher,
                      struct tfm_error *err) {
  (void)matcher;
  return pieces_split(pieces, test_piece, pre->self, err);
}

static const char *const behavior_names[] = {
    [SPLIT_REMOVED] = "Removed",
    [SPLIT_ISOLATED] = "Isolated",
    [SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
    [SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
    [SPLIT_CONTIGUOUS] = "Contiguous",
};

static int read_behavior(struct reader *reader, const char *place, const json_t *json,
                         enum split_behavior *out) {
  struct slice name = {NULL, 0};
  if (reader_text(reader, place, json, "behavior", &name) != 0)
    return -1;
  if (name.text == NULL)
    return 0;
  for (size_t i = 0; i < sizeof behavior_names / sizeof behavior_names[0]; i++)
    if (strcmp(behavior_names[i], name.text) == 0) {
      *out = (enum split_behavior)i;
      return 0;
    }
  return reader_error(reader, place, "unknown behavior `%.64s`", name.text);
}

static const char *const punctuation_fields[] = {"type", "behavior", NULL};

static int punctuation_load(struct component *pre, struct reader *reader, const char *place,
                            const json_t *json) {
  struct split_test *self = reader_alloc(reader, sizeof *self);
  pre->self = self;
  if (self == NULL)
    return -1;
  *self = (struct split_test){unicode_is_punctuation, 0, SPLIT_ISOLATED};
  return read_behavior(reader, place, json, &self->behavior);
}

static const char *const digits_fields[] = {"type", "individual_digits", NULL};

static int digits_load(struct component *pre, struct reader *reader, const char *place,
                       const json_t *json) {
  struct split_test *self = reader_alloc(reader, sizeof *self);
  bool individual = false;
  pre->self = self;
  if (self == NULL || reader_bool(reader, place, json, "individual_digits", &individual) != 0)
    return -1;
  *self =
      (struct split_test){unicode_is_numeric, 0, individual ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS};
  return 0;
}

static const char *const delimiter_fields[] = {"type", "delimiter", NULL};

static int delimiter_load(struct component *pre, struct reader *reader, const char *place,
                          const json_t *json) {
  struct split_test *self = reader_alloc(reader, sizeof *self);
  pre->self = self;
  if (self == NULL)
    return -1;
  self->behavior = SPLIT_REMOVED;
  return reader_need_char(reader, place, json, "delimiter", &self->code);
}

/* ---- splits by a pattern ---- */

struct split {
  const struct pattern *pattern;
  enum split_behavior behavior;
  bool invert;
  struct matcher **matcher; /* set for the time of a call */
};

static int split_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                       struct tfm_error *err) {
  const struct split *split = self;
  struct pattern_walk walk;
  struct cutter cutter;
  size_t done = 0, length = piece->end - piece->begin;
  int found;
  cutter_init(&cutter, pieces, split->behavior);
  pattern_walk(&walk, split->pattern, split->matcher, pieces_bytes(pieces, piece), length,
               pieces->young);
  while ((found = pattern_next(&walk, err)) == 1) {
    if (done != walk.begin)
      cutter_span(&cutter, piece->begin + done, piece->begin + walk.begin, split->invert);
    cutter_span(&cutter, piece->begin + walk.begin, piece->begin + walk.end, !split->invert);
    done = walk.end;
  }
  if (done != length)
    cutter_span(&cutter, piece->begin + done, piece->end, split->invert);
  cutter_finish(&cutter);
  return found;
}

static int split_apply(const struct component *pre, struct pieces *pieces, struct matcher **matcher,
                       struct tfm_error *err) {
  struct split split = *(const struct split *)pre->self;
  split.matcher = matcher;
  return pieces_split(pieces, split_piece, &split, err);
}

static const char *const split_fields[] = {"type", "pattern", "behavior", "invert", NULL};

static int split_load(struct component *pre, struct reader *reader, const char *place,
                      const json_t *json) {
  struct split *self = reader_alloc(reader, sizeof *self);
  pre->self = self;
  if (self == NULL || reader_bool(reader, place, json, "invert", &self->invert) != 0)
    return -1;
  if (json_object_get(json, "behavior") == NULL)
    return reader_error(reader, place, "`behavior` is missing");
  if (read_behavior(reader, place, json, &self->behavior) != 0)
    return -1;
  return reader_pattern(reader, place, json, "pattern", &self->pattern);
}

/* Rust's regex crate finds these words: its \w is Unicode's, without Oniguruma's extras. */
static int word_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                      struct tfm_error *err) {
  enum { SPACE, WORD, OTHER } kind, last = SPACE;
  size_t begin = piece->begin, size;
  (void)self;
  (void)err;
  for (size_t at = piece->begin; at < piece->end; at += size) {
    uint32_t code = unicode_read(pieces->now.bytes + at, &size);
    kind = unicode_is_word(code) ? WORD : unicode_is_space(code) ? SPACE : OTHER;
    if (kind == last)
      continue;
    if (last != SPACE)
      pieces_cut(pieces, begin, at, -1);
    begin = at;
    last = kind;
  }
  if (last != SPACE)
    pieces_cut(pieces, begin, piece->end, -1);
  return 0;
}

static int whitespace_apply(const struct component *pre, struct pieces *pieces,
                            struct matcher **matcher, struct tfm_error *err) {
  (void)pre;
  (void)matcher;
  return pieces_split(pieces, word_piece, NULL, err);
}

/* ---- ByteLevel ---- */

struct byte_level {
  bool prefix, regex;
  struct split words;
};

static const char *const byte_level_fields[] = {"type", "add_prefix_space", "trim_offsets",
                                                "use_regex", NULL};

static const char gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static int byte_level_load(struct component *pre, struct reader *reader, const char *place,
                           const json_t *json) {
  struct byte_level *self = reader_alloc(reader, sizeof *self);
  bool trim; /* the post-processor's, but written here too */
  pre->self = self;
  if (self == NULL)
    return -1;
  self->prefix = self->regex = true;
  self->words.behavior = SPLIT_ISOLATED;
  if (reader_bool(reader, place, json, "add_prefix_space", &self->prefix) != 0 ||
      reader_bool(reader, place, json, "trim_offsets", &trim) != 0 ||
      reader_bool(reader, place, json, "use_regex", &self->regex) != 0)
    return -1;
  return self->regex ? reader_regex(reader, place, gpt2_pattern, &self->words.pattern) : 0;
}

static int space_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                       struct tfm_error *err) {
  (void)self;
  (void)err;
  if (pieces->now.bytes[piece->begin] == ' ')
    pieces_keep(pieces, piece->begin, piece->end);
  else
    normalizer_prepend(pieces, piece, (struct slice){" ", 1});
  return 0;
}

static int byte_level_apply(const struct component *pre, struct pieces *pieces,
                            struct matcher **matcher, struct tfm_error *err) {
  const struct byte_level *self = pre->self;
  struct split words = self->words;
  words.matcher = matcher;
  if (self->prefix && pieces_rewrite(pieces, space_piece, NULL, err) != 0)
    return -1;
  if (self->regex && pieces_split(pieces, split_piece, &words, err) != 0)
    return -1;
  return pieces_rewrite(pieces, normalizer_bytes_piece, NULL, err);
}

/* ---- Metaspace ---- */

const char *const metaspace_fields[] = {
    "type", "replacement", "prepend_scheme", "split", "str_rep", "add_prefix_space", NULL};

int metaspace_load(struct metaspace *self, struct reader *reader, const char *place,
                   const json_t *json) {
  static const char *const schemes[] = {"always", "first", "never"};
  struct slice name = {NULL, 0};
  bool prefix = true;
  char spelt[4];
  *self = (struct metaspace){.scheme = PREPEND_ALWAYS, .split = true};
  if (reader_need_char(reader, place, json, "replacement", &self->replacement) != 0 ||
      reader_bool(reader, place, json, "add_prefix_space", &prefix) != 0 ||
      reader_bool(reader, place, json, "split", &self->split) != 0 ||
      reader_text(reader, place, json, "prepend_scheme", &name) != 0)
    return -1;
  if (name.text != NULL) {
    size_t i = 0;
    while (i < 3 && strcmp(schemes[i], name.text) != 0)
      i++;
    if (i == 3)
      return reader_error(reader, place, "unknown prepend_scheme `%.64s`", name.text);
    self->scheme = (enum prepend_scheme)i;
  }
  if (!prefix && name.text != NULL && self->scheme != PREPEND_NEVER)
    return reader_error(reader, place, "add_prefix_space does not agree with prepend_scheme");
  if (!prefix)
    self->scheme = PREPEND_NEVER;
  return reader_copy(reader, spelt, unicode_write(self->replacement, spelt), &self->spelt);
}

static int metaspace_pre_load(struct component *pre, struct reader *reader, const char *place,
                              const json_t *json) {
  pre->self = reader_alloc(reader, sizeof(struct metaspace));
  return pre->self == NULL ? -1 : metaspace_load(pre->self, reader, place, json);
}

static int metaspace_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                           struct tfm_error *err) {
  const struct metaspace *metaspace = self;
  size_t size;
  uint32_t first = unicode_read(pieces_bytes(pieces, piece), &size);
  bool marked = first == ' ' || first == metaspace->replacement;
  (void)err;
  if (!marked && (metaspace->scheme == PREPEND_ALWAYS ||
                  (metaspace->scheme == PREPEND_FIRST && piece->origin == 0)))
    pieces_emit(pieces, metaspace->replacement, pieces_align(pieces, piece->begin));
  size_t done = piece->begin;
  for (size_t at = piece->begin; at < piece->end; at++)
    if (pieces->now.bytes[at] == ' ') {
      pieces_keep(pieces, done, at);
      pieces_emit(pieces, metaspace->replacement, pieces_align(pieces, at));
      done = at + 1;
    }
  pieces_keep(pieces, done, piece->end);
  return 0;
}

static int metaspace_apply(const struct component *pre, struct pieces *pieces,
                           struct matcher **matcher, struct tfm_error *err) {
  const struct metaspace *self = pre->self;
  const struct split_test split = {NULL, self->replacement, SPLIT_MERGED_WITH_NEXT};
  (void)matcher;
  if (pieces_rewrite(pieces, metaspace_piece, self, err) != 0)
    return -1;
  return self->split ? pieces_split(pieces, test_piece, &split, err) : 0;
}

/* ---- FixedLength ---- */

static const char *const fixed_fields[] = {"type", "length", NULL};

static int fixed_load(struct component *pre, struct reader *reader, const char *place,
                      const json_t *json) {
  size_t *self = reader_alloc(reader, sizeof *self);
  pre->self = self;
  if (self == NULL)
    return -1;
  *self = 5;
  if (reader_size(reader, place, json, "length", self) != 0)
    return -1;
  return *self == 0 ? reader_error(reader, place, "`length` must be at least 1") : 0;
}

static int fixed_piece(struct pieces *pieces, const struct piece *piece, const void *self,
                       struct tfm_error *err) {
  size_t most = *(const size_t *)self, begin = piece->begin, count = 0, size;
  (void)err;
  for (size_t at = piece->begin; at < piece->end; at += size) {
    unicode_read(pieces->now.bytes + at, &size);
    if (++count < most)
      continue;
    pieces_cut(pieces, begin, at + size, -1);
    begin = at + size;
    count = 0;
  }
  pieces_cut(pieces, begin, piece->end, -1);
  return 0;
}

static int fixed_apply(const struct component *pre, struct pieces *pieces, struct matcher **matcher,
                       struct tfm_error *err) {
  (void)matcher;
  return pieces_split(pieces, fixed_piece, pre->self, err);
}

/* ---- the table ---- */

/* A row of the table, with a component_type at its head. */
#define ROW(...) (&(const struct pre_tokenizer_type){__VA_ARGS__}.type)
static const struct component_type *const types[] = {
    ROW({"BertPreTokenizer", component_no_fields, NULL}, bert_apply),
    ROW({"ByteLevel", byte_level_fields, byte_level_load}, byte_level_apply),
    ROW({"CharDelimiterSplit", delimiter_fields, delimiter_load}, test_apply),
    ROW({"Digits", digits_fields, digits_load}, test_apply),
    ROW({"FixedLength", fixed_fields, fixed_load}, fixed_apply),
    ROW({"Metaspace", metaspace_fields, metaspace_pre_load}, metaspace_apply),
    ROW({"Punctuation", punctuation_fields, punctuation_load}, test_apply),
    ROW({"Split", split_fields, split_load}, split_apply),
    ROW({"UnicodeScripts", component_no_fields, NULL}, scripts_apply),
    ROW({"Whitespace", component_no_fields, NULL}, whitespace_apply),
    ROW({"WhitespaceSplit", component_no_fields, NULL}, whitespace_split_apply),
};
static const struct component_kind kind = {"pre_tokenizer", "pre-tokenizer", "pretokenizers", types,
                                           sizeof types / sizeof types[0]};

static const struct pre_tokenizer_type *type_of(const struct component *component) {
  return (const struct pre_tokenizer_type *)component->type;
}

int pre_tokenizer_load(struct reader *reader, const json_t *json, struct component **out) {
  return component_load(&kind, reader, json, out);
}

int pre_tokenizer_apply(const struct component *list, struct pieces *pieces,
                        struct matcher **matcher, struct tfm_error *err) {
  for (; list != NULL; list = list->next)
    if (type_of(list)->apply(list, pieces, matcher, err) != 0)
      return -1;
  return 0;
}
