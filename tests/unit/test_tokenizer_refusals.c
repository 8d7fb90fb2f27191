/* Tables of tokenizer.json files, and texts, that are refused, each with what the message
 * says.  In a row ' stands for a quotation mark, and X repeats the character before it so
 * often that the text is too long for any limit. */
#include "tests/unit/tokenizer_dir.h"
#include "tests/unit/unit.h"
#include "tokenizer/tokenizer.h"

#include "base/buffer.h"

enum { MANY = 1 << 17 }; /* bytes: more than a token or a pattern may have */

struct row {
  const char *json, *says;
};

static char *spell(const char *text) {
  struct buffer out;
  buffer_init(&out);
  for (const char *at = text; *at != '\0'; at++) {
    if (*at == 'X')
      for (int i = 0; i < MANY; i++)
        buffer_putc(&out, at[-1]);
    else
      buffer_putc(&out, *at == '\'' ? '"' : *at);
  }
  return buffer_take(&out);
}

/* before and after stand around the row; all rows are tried, whatever comes of one. */
static void refuse_all(const char *before, const char *after, const struct row *row, size_t count) {
  unsigned failed = 0;
  for (size_t i = 0; i < count; i++) {
    struct tfm_error err = {0};
    struct buffer json;
    buffer_init(&json);
    buffer_printf(&json, "%s%s%s", before, row[i].json, after);
    char *text = spell(json.data);
    struct tokenizer *tokenizer = dir_open_json(text, &err);
    if (tokenizer != NULL || err.code != TFM_ERROR_TOKENIZER ||
        strstr(err.message, row[i].says) == NULL) {
      printf("%s: %s (not %s)\n", row[i].json, tokenizer ? "accepted" : err.message, row[i].says);
      failed++;
    }
    tokenizer_destroy(tokenizer);
    free(text);
    buffer_finish(&json);
  }
  ck_assert_uint_eq(failed, 0);
}

#define REFUSE(before, after, rows) refuse_all(before, after, rows, sizeof rows / sizeof *rows)
#define WORDS                       "'model': {'type': 'WordLevel', 'unk_token': 'u', 'vocab': {'u': 0, 'a': 1}}}"

START_TEST(test_pre_tokenizers) {
  static const struct row rows[] = {
      {"3", "pre_tokenizer: expected an object"},
      {"{'type': 'Split', 'pattern': {'String': 'a'}}", "`behavior` is missing"},
      {"{'type': 'Split', 'pattern': {'String': 'a', 'Regex': 'a'}, 'behavior': 'Removed'}",
       "`pattern` must be {\"String\": ...} or {\"Regex\": ...}"},
      {"{'type': 'Split', 'pattern': {'String': 3}, 'behavior': 'Removed'}", "`pattern` must be"},
      {"{'type': 'Split', 'pattern': {'String': 'a'}, 'behavior': 3}", "`behavior` must be"},
      {"{'type': 'Split', 'pattern': {'String': 'aX'}, 'behavior': 'Removed'}", "a pattern of "},
      {"{'type': 'Split', 'pattern': {'String': ''}, 'behavior': 'Removed'}", "an empty pattern"},
      {"{'type': 'Metaspace', 'replacement': 'ab'}", "`replacement` must be one character"},
      {"{'type': 'Metaspace', 'replacement': ''}", "`replacement` must be one character"},
      {"{'type': 'Metaspace', 'replacement': '_', 'prepend_scheme': 'often'}",
       "unknown prepend_scheme `often`"},
      {"{'type': 'Metaspace', 'replacement': '_', 'prepend_scheme': 'first', 'add_prefix_space': "
       "false}",
       "add_prefix_space does not agree with prepend_scheme"},
      {"{'type': 'FixedLength', 'length': 0}", "`length` must be at least 1"},
      {"{'type': 'FixedLength', 'length': -1}", "`length` must be an integer of at least 0"},
      {"{'type': 'Sequence', 'pretokenizers': 3}", "`pretokenizers` must be an array"},
      {"{'type': 3}", "`type` must be a string"},
      {"{'type': 'aX'}", "`type` is longer than"},
      {"{}", "`type` is missing"},
  };
  REFUSE("{'pre_tokenizer': ", ", " WORDS, rows);
}
END_TEST

START_TEST(test_patterns) {
  static const struct row rows[] = {
      {"\\\\pL", "a property is written \\p{Name}"},
      {"\\\\p{L", "the property has no end"},
      {"\\\\p{Klingon}", "this property is not supported"},
      {"\\\\x{110000}", "not a code point"},
      {"\\\\ud800", "not a code point"},
      {"\\\\u12", "not a code point"},
      {"\\\\x{41", "not a code point"},
      {"\\\\xff", "not a code point"},
      {"[a&&b]", "an intersection of classes is not supported"},
      {"[[:alpha:]]", "a named or negated class inside a class is not supported"},
      {"[a[^b]]", "a named or negated class inside a class is not supported"},
      {"[[[[[[[[[[a]]]]]]]]]]", "classes nested too deep"},
      {"[abc", "the class has no end"},
      {"[a[b]", "the class has no end"},
      {"a{2,3}+", "this repetition means something else in Ruby"},
      {"(?<name>a)", "this kind of group is not supported"},
      {"\\\\Q", "this escape is not supported"},
      {"a)", "bad pattern"},
      {"*", "bad pattern"},
  };
  REFUSE("{'pre_tokenizer': {'type': 'Split', 'behavior': 'Removed', 'pattern': {'Regex': '",
         "'}}, " WORDS, rows);
}
END_TEST

#define TEMPLATE "{'type': 'TemplateProcessing', 'special_tokens': {'S': "
#define OF_S     "}, 'pair': [], 'single': [{'SpecialToken': {'id': 'S', 'type_id': 0}}]}"
#define SINGLE   "{'type': 'TemplateProcessing', 'special_tokens': {}, 'pair': [], 'single': "

START_TEST(test_post_processors) {
  static const struct row rows[] = {
      {"3", "post_processor: expected an object"},
      {"{'type': 'BertProcessing', 'cls': ['a', 1], 'sep': ['a', -1]}", "an id must be"},
      {"{'type': 'BertProcessing', 'cls': ['a', 1, 2], 'sep': ['a', 1]}",
       "`cls` must be [\"token\", id]"},
      {"{'type': 'BertProcessing', 'cls': ['a', 1]}", "`sep` must be [\"token\", id]"},
      {"{'type': 'RobertaProcessing', 'sep': 'a', 'cls': ['a', 1]}", "`sep` must be"},
      {TEMPLATE "{'id': 'S', 'ids': [1, 0], 'tokens': ['a']}" OF_S,
       "`ids` and `tokens` differ in length"},
      {TEMPLATE "{'id': 'S', 'ids': [1], 'tokens': [1]}" OF_S, "`tokens` must hold strings"},
      {TEMPLATE "{'id': 'S', 'ids': ['a'], 'tokens': ['a']}" OF_S, "an id must be an integer"},
      {TEMPLATE "{'id': 'S', 'ids': 1, 'tokens': ['a']}" OF_S, "`ids` must be an array"},
      {SINGLE "3}", "`single` must be an array"},
      {SINGLE "[3]}", "expected a Sequence or a SpecialToken"},
      {SINGLE "[{'Text': {'id': 'A', 'type_id': 0}}]}", "expected a Sequence or a SpecialToken"},
      {SINGLE "[{'Sequence': {'id': 'C', 'type_id': 0}}]}", "unknown sequence `C`"},
      {SINGLE "[{'Sequence': {'type_id': 0}}]}", "`id` is missing"},
      {SINGLE "[{'Sequence': {'id': 'A', 'type_id': 4294967296}}]}", "`type_id` is too large"},
      {SINGLE "[{'Sequence': {'id': 'A', 'type_id': 0, 'x': 1}}]}", "unknown field `x`"},
      {"{'type': 'Sequence', 'processors': 3}", "`processors` must be an array"},
  };
  REFUSE("{'post_processor': ", ", " WORDS, rows);
}
END_TEST

START_TEST(test_other_parts) {
  static const struct row rows[] = {
      {"'added_tokens': 3", "added_tokens: expected an array"},
      {"'added_tokens': [3]", "expected an object"},
      {"'added_tokens': [{'id': 0, 'content': 'aX'}]", "is longer than"},
      {"'added_tokens': [{'id': 1, 'content': 'a', 'special': 1}]", "`special` must be true"},
      {"'added_tokens': [{'id': 1}]", "`content` is missing"},
      {"'decoder': {'type': 'BPEDecoder', 'suffix': ''}", "an empty suffix"},
      {"'decoder': {'type': 'CTC', 'pad_token': '', 'word_delimiter_token': '|'}",
       "an empty pad_token or word_delimiter_token"},
      {"'decoder': 3", "decoder: expected an object"},
      {"'normalizer': {'type': 'Sequence', 'normalizers': [{'type': 'Sequence', 'normalizers': "
       "[{'type': 'Y'}]}]}",
       "normalizer.normalizers[0].normalizers[0]: unknown normalizer `Y`"},
      {"'pre_tokenizer': {'type': 'Sequence', 'pretokenizers': [{'type': 'Sequence', "
       "'pretokenizers': [{'type': 'Y'}]}]}",
       "pre_tokenizer.pretokenizers[0].pretokenizers[0]: unknown pre-tokenizer `Y`"},
      {"'decoder': {'type': 'Sequence', 'decoders': [{'type': 'Sequence', 'decoders': [{'type': "
       "'Y'}]}]}",
       "decoder.decoders[0].decoders[0]: unknown decoder `Y`"},
      {"'post_processor': {'type': 'Sequence', 'processors': [{'type': 'Sequence', 'processors': "
       "[{'type': 'Y'}]}]}",
       "post_processor.processors[0].processors[0]: unknown post-processor `Y`"},
      {"'normalizer': 3", "normalizer: expected an object"},
      {"'truncation': 3", "truncation: expected an object"},
      {"'truncation': {'max_length': 4, 'strategy': 'Often', 'stride': 0}",
       "unknown strategy `Often`"},
      {"'truncation': {'max_length': 4, 'direction': 'Up', 'stride': 0}", "unknown direction `Up`"},
      {"'padding': 3", "padding: expected an object"},
      {"'padding': {'strategy': {'Fixed': 4294967296}, 'pad_id': 0, 'pad_token': 'u'}",
       "a length of more than"},
      {"'padding': {'strategy': 'BatchLongest', 'pad_to_multiple_of': 4294967296, 'pad_id': 0, "
       "'pad_token': 'u'}",
       "a length of more than"},
      {"'padding': {'strategy': 'BatchLongest', 'pad_type_id': 4294967296}",
       "`pad_type_id` is too large"},
      {"'padding': {'strategy': 'BatchLongest', 'pad_id': -4}", "padding.pad_id: an id must be"},
      {"'version': 1", "`version` must be a string"},
  };
  REFUSE("{", ", " WORDS, rows);
}
END_TEST

START_TEST(test_models) {
  static const struct row rows[] = {
      {"{'type': 'BPE', 'vocab': {'a': 0}, 'merges': [], 'dropout': 0.5}",
       "`dropout` is for training; it must be null or 0"},
      {"{'type': 'BPE', 'vocab': {'a': 0}, 'merges': {}}", "`merges` must be an array"},
      {"{'type': 'BPE', 'vocab': {'a': 0}, 'merges': [3]}",
       "a merge must be \"a b\" or [\"a\", \"b\"]"},
      {"{'type': 'BPE', 'vocab': {'a': 0}, 'merges': [['a', 'b', 'c']]}", "a merge must be"},
      {"{'type': 'BPE', 'vocab': [], 'merges': []}", "expected an object of tokens and ids"},
      {"{'type': 'BPE', 'vocab': {'aX': 0}, 'merges': []}", "longer than"},
      {"{'type': 'WordPiece', 'unk_token': 'u', 'continuing_subword_prefix': '##', 'vocab': {}}",
       "`max_input_chars_per_word` is missing"},
      {"{'type': 'WordPiece', 'continuing_subword_prefix': '##', 'vocab': {}}",
       "`unk_token` is missing"},
      {"{'type': 'Unigram', 'unk_id': 0, 'vocab': {}}", "`vocab` must be an array"},
      {"{'type': 'Unigram', 'unk_id': 0, 'vocab': [['a']]}", "expected [\"token\", score]"},
      {"{'type': 'Unigram', 'unk_id': 0, 'vocab': [['a', 'b']]}", "expected [\"token\", score]"},
      {"{'type': 'Unigram', 'unk_id': 0, 'vocab': [3]}", "model.vocab[0]: expected"},
      {"{'type': 'Unigram', 'unk_id': -2, 'vocab': [['a', 0]]}", "model.unk_id: an id must be"},
      {"{'type': 'WordLevel', 'unk_token': 3, 'vocab': {}}", "`unk_token` must be a string"},
      {"{'type': 'WordLevel', 'unk_token': 'u', 'vocab': {'a': 'b'}}", "an id must be an integer"},
  };
  REFUSE("{'model': ", "}", rows);
}
END_TEST

/* ------------------------------------------------------------------- a text */

static void refuse_text(const char *parts, const char *text, const char *says) {
  struct tfm_error err = {0};
  struct encoding encoding;
  char *json = spell(parts);
  struct tokenizer *tokenizer = dir_must_open(json);
  int status = tokenizer_encode(tokenizer, text, strlen(text), NULL, 0, true, &encoding, &err);
  ck_assert_msg(status == -1, "accepted: %s", text);
  ck_assert_msg(strstr(err.message, says) != NULL, "%s: not in: %s", says, err.message);
  tokenizer_destroy(tokenizer);
  free(json);
}

START_TEST(test_unknown_words) {
  refuse_text("{'model': {'type': 'WordLevel', 'unk_token': 'u', 'vocab': {'a': 0}}}", "b",
              "a word is unknown and the unknown token `u` is not in the vocabulary");
  refuse_text("{'model': {'type': 'WordPiece', 'unk_token': 'u', 'continuing_subword_prefix': "
              "'##', 'max_input_chars_per_word': 9, 'vocab': {'a': 0}}}",
              "b", "a word is unknown and the unknown token `u` is not in the vocabulary");
  refuse_text("{'model': {'type': 'BPE', 'unk_token': 'u', 'vocab': {'a': 0}, 'merges': []}}", "b",
              "the unknown token `u` is not in the vocabulary");
  refuse_text("{'model': {'type': 'Unigram', 'unk_id': null, 'vocab': [['a', 0]]}}", "b",
              "a character is unknown and there is no `unk_id`");
}
END_TEST

static void refuse_truncation(const char *truncation, const char *text, const char *pair,
                              const char *says) {
  struct tfm_error err = {0};
  struct encoding encoding;
  struct buffer json;
  buffer_init(&json);
  buffer_printf(&json, "{'pre_tokenizer': {'type': 'Whitespace'}, 'truncation': %s, " WORDS,
                truncation);
  char *spelt = spell(json.data);
  struct tokenizer *tokenizer = dir_must_open(spelt);
  int status = tokenizer_encode(tokenizer, text, strlen(text), pair,
                                pair == NULL ? 0 : strlen(pair), ENCODE_LIMITS, &encoding, &err);
  ck_assert_msg(status == -1 && strstr(err.message, says) != NULL, "%s: not in: %s", says,
                err.message);
  tokenizer_destroy(tokenizer);
  buffer_finish(&json);
  free(spelt);
}

START_TEST(test_truncations) {
  refuse_truncation("{'max_length': 2, 'strategy': 'OnlySecond', 'stride': 0}", "a a a", NULL,
                    "truncation: OnlySecond, and there is no second text");
  refuse_truncation("{'max_length': 2, 'strategy': 'OnlyFirst', 'stride': 0}", "a", "a a a a",
                    "truncation: the first text has 1 tokens and 3 must go");
  refuse_truncation("{'max_length': 2, 'strategy': 'LongestFirst', 'stride': 2}", "a a a", NULL,
                    "truncation: a stride of 2 in a text of 2 tokens");
}
END_TEST

/* ------------------------------------------------------------- other files */

static void refuse_files(const char *name, const char *text, size_t length, const char *says) {
  struct tokenizer_dir dir;
  struct tokenizer *tokenizer = NULL;
  struct tfm_error err = {0};
  dir_make(&dir);
  dir_write(&dir, name, text, length);
  ck_assert_int_eq(tokenizer_open(dir.path, &tokenizer, &err), -1);
  ck_assert_int_eq(err.code, TFM_ERROR_TOKENIZER);
  ck_assert_msg(strstr(err.message, says) != NULL, "%s: not in: %s", says, err.message);
  dir_remove(&dir);
}

START_TEST(test_files) {
  char *line = spell("aX");
  refuse_files("vocab.txt", "a\nb\0c\n", 6, "vocab.txt:2: a token with a NUL, or longer than");
  refuse_files("vocab.txt", line, strlen(line), "vocab.txt:1: a token with a NUL, or longer than");
  refuse_files("notes.md", "a\n", 2, "no tokenizer here");
  free(line);
}
END_TEST

UNIT_MAIN("tokenizer_refusals", test_pre_tokenizers, test_patterns, test_post_processors,
          test_other_parts, test_models, test_unknown_words, test_truncations, test_files)
