/* What each component does, what is refused and how the message points, and that
 * what streams is what decodes. */
#include "tests/unit/tokenizer_dir.h"
#include "tests/unit/unit.h"
#include "tokenizer/tokenizer.h"

/* A WordLevel tokenizer whose pieces show: every word is unknown but has offsets. */
#define WORDS(parts)                                                                               \
  "{" parts "\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"u\", \"vocab\": {\"u\": 0, "    \
  "\"a\": 1, \"b\": 2}}}"

/* The pieces of a text, joined by |, as they are in the original. */
static void pieces_are(const char *json, const char *text, const char *wanted) {
  struct tokenizer *tokenizer = dir_must_open(json);
  struct tfm_error err = {0};
  struct encoding encoding;
  struct buffer shown;
  buffer_init(&shown);
  ck_assert_int_eq(tokenizer_encode(tokenizer, text, strlen(text), NULL, 0, true, &encoding, &err),
                   0);
  for (size_t i = 0; i < encoding.count; i++) {
    if (i > 0)
      buffer_putc(&shown, '|');
    buffer_append(&shown, text + encoding.begin[i], encoding.end[i] - encoding.begin[i]);
    ck_assert_int_eq(encoding.word[i], (int)i);
  }
  ck_assert_str_eq(buffer_text(&shown), wanted);
  buffer_finish(&shown);
  encoding_finish(&encoding);
  tokenizer_destroy(tokenizer);
}

#define PRE(json) WORDS("\"pre_tokenizer\": " json ", ")
#define SPLIT(pattern, behavior, invert)                                                           \
  PRE("{\"type\": \"Split\", \"pattern\": " pattern ", \"behavior\": \"" behavior                  \
      "\", \"invert\": " invert "}")
#define DASH "{\"String\": \"-\"}"

START_TEST(test_split) {
  const char *text = "the-final--countdown";
  pieces_are(SPLIT(DASH, "Removed", "false"), text, "the|final|countdown");
  pieces_are(SPLIT(DASH, "Isolated", "false"), text, "the|-|final|-|-|countdown");
  pieces_are(SPLIT(DASH, "MergedWithPrevious", "false"), text, "the-|final-|-|countdown");
  pieces_are(SPLIT(DASH, "MergedWithNext", "false"), text, "the|-final|-|-countdown");
  pieces_are(SPLIT(DASH, "Contiguous", "false"), text, "the|-|final|--|countdown");
  pieces_are(SPLIT("{\"Regex\": \"[a-z]+\"}", "Removed", "true"), text, "the|final|countdown");
  pieces_are(SPLIT("{\"Regex\": \"(?i:THE)|\\\\p{Han}\"}", "Isolated", "false"), "Thex中",
             "The|x|中");
  /* U+180E is a space to PCRE2, not to Oniguruma; U+31350 is a letter since 15.0. */
  pieces_are(SPLIT("{\"Regex\": \"\\\\s\"}", "Removed", "false"),
             "a\xe1\xa0\x8e"
             "b c",
             "a\xe1\xa0\x8e"
             "b|c");
  pieces_are(SPLIT("{\"Regex\": \"\\\\p{L}+\"}", "Removed", "true"),
             "a1\xf0\xb1\x8d\x90"
             "b",
             "a|\xf0\xb1\x8d\x90"
             "b");
  pieces_are(SPLIT("{\"Regex\": \"[^(\\\\s|[.,])]+\"}", "Removed", "true"), "ab.c,(d|e f",
             "ab|c|d|e|f");
  pieces_are(SPLIT("{\"Regex\": \"x*\"}", "Isolated", "false"), "axxb", "a|xx|b");
}
END_TEST

START_TEST(test_pre_tokenizers) {
  pieces_are(PRE("{\"type\": \"Whitespace\"}"), "it's 한국어. ²x\xcc\x81",
             "it|'|s|한국어|.|²|x\xcc\x81");
  pieces_are(PRE("{\"type\": \"WhitespaceSplit\"}"), " it's\xe3\x80\x80한국어.\n", "it's|한국어.");
  pieces_are(PRE("{\"type\": \"BertPreTokenizer\"}"), "it's $5", "it|'|s|$|5");
  pieces_are(PRE("{\"type\": \"Digits\", \"individual_digits\": true}"), "a12b", "a|1|2|b");
  pieces_are(PRE("{\"type\": \"Digits\", \"individual_digits\": false}"), "a12b", "a|12|b");
  pieces_are(PRE("{\"type\": \"Punctuation\"}"), "a,,b", "a|,|,|b");
  pieces_are(PRE("{\"type\": \"Punctuation\", \"behavior\": \"Contiguous\"}"), "a,,b", "a|,,|b");
  pieces_are(PRE("{\"type\": \"CharDelimiterSplit\", \"delimiter\": \"é\"}"), "aébé", "a|b");
  pieces_are(PRE("{\"type\": \"UnicodeScripts\"}"), "  ab한국 ひカ漢ー, б1",
             "ab|한국 |ひカ漢ー|, |б|1");
  pieces_are(PRE("{\"type\": \"FixedLength\", \"length\": 2}"), "한국어ab", "한국|어a|b");
  pieces_are(PRE("{\"type\": \"ByteLevel\", \"add_prefix_space\": false}"), "I'll go  on",
             "I|'ll| go| | on");
  pieces_are(
      PRE("{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"prepend_scheme\": \"first\"}"),
      "a b", "a| b");
  pieces_are(PRE("{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"WhitespaceSplit\"}, "
                 "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\", "
                 "\"individual_digits\": false}]}]}"),
             "a1 b2", "a|1|b|2");
}
END_TEST

/* A character-level tokenizer with bytes, so that the normalized text shows. */
static void normal_is(const char *normalizer, const char *text, const char *wanted) {
  struct buffer json;
  buffer_init(&json);
  buffer_printf(&json,
                "{\"normalizer\": %s, \"decoder\": {\"type\": \"Sequence\", \"decoders\": "
                "[{\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}]}, \"model\": {\"type\": "
                "\"BPE\", \"byte_fallback\": true, \"merges\": [], \"vocab\": {",
                normalizer);
  for (int i = 0; i < 256; i++)
    buffer_printf(&json, "%s\"<0x%02X>\": %d", i > 0 ? ", " : "", (unsigned)i, i);
  buffer_puts(&json, "}}}");
  struct tokenizer *tokenizer = dir_must_open(buffer_text(&json));
  struct tfm_error err = {0};
  struct encoding encoding;
  ck_assert_int_eq(tokenizer_encode(tokenizer, text, strlen(text), NULL, 0, true, &encoding, &err),
                   0);
  buffer_clear(&json);
  ck_assert_int_eq(tokenizer_decode(tokenizer, encoding.ids, encoding.count, true, &json, &err), 0);
  ck_assert_str_eq(buffer_text(&json), wanted);
  encoding_finish(&encoding);
  buffer_finish(&json);
  tokenizer_destroy(tokenizer);
}

#define BERT(more)                                                                                 \
  "{\"type\": \"BertNormalizer\", \"clean_text\": true, \"handle_chinese_chars\": true" more "}"

START_TEST(test_normalizers) {
  normal_is("null", "Aé", "Aé");
  normal_is(BERT(", \"strip_accents\": null, \"lowercase\": true"), "É\x01\t中x", "e  中 x");
  normal_is(BERT(", \"strip_accents\": null, \"lowercase\": false"), "É가", "É가");
  normal_is(BERT(", \"strip_accents\": false, \"lowercase\": true"), "É", "é");
  /* Accents go after NFD, so Korean falls into jamo. */
  normal_is(BERT(", \"lowercase\": true"), "가", "\xe1\x84\x80\xe1\x85\xa1");
  normal_is("{\"type\": \"Lowercase\"}", "ΑΣ İ", "ασ i\xcc\x87");
  normal_is("{\"type\": \"NFC\"}", "e\xcc\x81 \xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "é 각");
  normal_is("{\"type\": \"NFD\"}", "é각", "e\xcc\x81\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8");
  normal_is("{\"type\": \"NFKC\"}", "ﬁ①", "fi1");
  normal_is("{\"type\": \"NFKD\"}", "㎏", "kg");
  normal_is("{\"type\": \"StripAccents\"}", "e\xcc\x81", "e");
  normal_is("{\"type\": \"Strip\", \"strip_left\": true, \"strip_right\": false}", " \xc2\xa0 a ",
            "a ");
  normal_is(
      "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": \"▁\"}, "
      "{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"▁\"}]}",
      "a b", "▁a▁b");
  normal_is("{\"type\": \"Replace\", \"pattern\": {\"Regex\": \" {2,}\"}, \"content\": \" \"}",
            "a   b c", "a b c");
}
END_TEST

#define PIECES                                                                                     \
  "\"vocab\": {\"a\": 0, \"b\": 1, \"c\": 2, \"ab\": 3, \"bc\": 4, \"abc\": 5, \"?\": 6}"
#define BPE(more) "{\"model\": {\"type\": \"BPE\", " PIECES ", " more "}}"

static void ids_are(const char *json, const char *text, size_t count, const int32_t *wanted) {
  struct tokenizer *tokenizer = dir_must_open(json);
  struct tfm_error err = {0};
  struct encoding encoding;
  int status = tokenizer_encode(tokenizer, text, strlen(text), NULL, 0, true, &encoding, &err);
  ck_assert_msg(status == 0, "%s", err.message);
  ck_assert_uint_eq(encoding.count, count);
  for (size_t i = 0; i < count; i++)
    ck_assert_int_eq(encoding.ids[i], wanted[i]);
  encoding_finish(&encoding);
  tokenizer_destroy(tokenizer);
}
#define IDS(json, text, ...)                                                                       \
  do {                                                                                             \
    const int32_t wanted[] = {__VA_ARGS__};                                                        \
    ids_are(json, text, sizeof wanted / sizeof wanted[0], wanted);                                 \
  } while (0)

START_TEST(test_bpe) {
  IDS(BPE("\"merges\": [\"a b\", \"b c\", \"ab c\"]"), "abc", 5);
  IDS(BPE("\"merges\": [[\"b\", \"c\"], [\"a\", \"b\"]]"), "abc", 0, 4);
  IDS(BPE("\"merges\": []"), "abc", 0, 1, 2);
  IDS(BPE("\"merges\": [], \"ignore_merges\": true"), "abc", 5);
  IDS(BPE("\"merges\": [], \"unk_token\": \"?\""), "axyb", 0, 6, 6, 1);
  IDS(BPE("\"merges\": [], \"unk_token\": \"?\", \"fuse_unk\": true"), "axyb", 0, 6, 1);
  IDS(BPE("\"merges\": []"), "axb", 0, 1);
}
END_TEST

/* Long pieces go by the heap, short ones by scanning: the same merges. */
START_TEST(test_bpe_long) {
  struct tokenizer *tokenizer = dir_must_open(BPE("\"merges\": [\"b c\", \"a b\", \"a bc\"]"));
  struct tfm_error err = {0};
  struct encoding whole, part;
  char text[4096];
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = "abcacb"[i % 6];
  ck_assert_int_eq(
      tokenizer_encode(tokenizer, text, sizeof text / 6 * 6, NULL, 0, true, &whole, &err), 0);
  ck_assert_int_eq(tokenizer_encode(tokenizer, text, 6, NULL, 0, true, &part, &err), 0);
  ck_assert_uint_eq(whole.count, part.count * (sizeof text / 6));
  for (size_t i = 0; i < whole.count; i++)
    ck_assert_int_eq(whole.ids[i], part.ids[i % part.count]);
  encoding_finish(&whole);
  encoding_finish(&part);
  tokenizer_destroy(tokenizer);
}
END_TEST

START_TEST(test_other_models) {
  const char *wordpiece =
      "{\"model\": {\"type\": \"WordPiece\", \"unk_token\": \"?\", \"continuing_subword_prefix\": "
      "\"##\", "
      "\"max_input_chars_per_word\": 6, \"vocab\": {\"?\": 0, \"un\": 1, \"##aff\": 2, \"##a\": 3, "
      "\"##able\": 4, \"una\": 5}}}";
  IDS(wordpiece, "unable", 0);
  IDS(wordpiece, "unaff", 0);
  IDS(wordpiece, "una", 5);
  IDS(wordpiece, "unaa", 5, 3);
  IDS(wordpiece, "unaaaaa", 0);
  const char *unigram =
      "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"?\", 0], [\"a\", -1.0], "
      "[\"b\", -1.5], [\"ab\", -2.0], [\"abb\", -9]]}}";
  IDS(unigram, "abb", 3, 2);
  IDS(unigram, "xxa", 0, 1);
}
END_TEST

#define ADDED(flags)                                                                               \
  "{\"added_tokens\": [{\"id\": 2, \"content\": \"b\", \"special\": true, \"normalized\": false, " \
  "\"single_word\": false, \"lstrip\": false, \"rstrip\": false" flags "}], "                      \
  "\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"u\", \"vocab\": {\"u\": 0, \"a\": 1, "    \
  "\"b\": 2}}}"

START_TEST(test_added) {
  pieces_are(ADDED(""), "aba", "a|b|a");
  pieces_are(WORDS("\"added_tokens\": [{\"id\": 2, \"content\": \"b\", \"lstrip\": true}], "),
             "a  b  a", "a|  b|  a");
  pieces_are(WORDS("\"added_tokens\": [{\"id\": 2, \"content\": \"b\", \"rstrip\": true}], "),
             "a  b  a", "a  |b  |a");
  pieces_are(WORDS("\"added_tokens\": [{\"id\": 2, \"content\": \"b\", \"single_word\": true}], "),
             "ab b b, 한b", "ab |b| |b|, 한b");
  pieces_are(
      WORDS(
          "\"added_tokens\": [{\"id\": 1, \"content\": \"a\"}, {\"id\": 3, \"content\": \"aab\"}, "
          "{\"id\": 4, \"content\": \"aa\"}], "),
      "aaabaac", "aa|a|b|aa|c");
  pieces_are(WORDS("\"normalizer\": {\"type\": \"Lowercase\"}, \"added_tokens\": [{\"id\": 2, "
                   "\"content\": \"B\", \"normalized\": true}], "),
             "xBxbx", "x|B|x|b|x");
}
END_TEST

/* ---- refused ---- */

static void refused(const char *json, const char *wanted) {
  struct tfm_error err = {0};
  struct tokenizer *tokenizer = dir_open_json(json, &err);
  ck_assert_msg(tokenizer == NULL, "accepted: %s", json);
  ck_assert_int_eq(err.code, TFM_ERROR_TOKENIZER);
  ck_assert_msg(strstr(err.message, "tokenizer.json") != NULL, "no file in: %s", err.message);
  ck_assert_msg(strstr(err.message, wanted) != NULL, "%s: not in: %s", wanted, err.message);
}

START_TEST(test_unknown) {
  refused(PRE("{\"type\": \"RandomChunkSplit\"}"),
          "pre_tokenizer: unknown pre-tokenizer `RandomChunkSplit`");
  refused(
      PRE("{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Whitespace\", \"x\": 1}]}"),
      "pre_tokenizer.pretokenizers[0]: unknown field `x`");
  refused(WORDS("\"normalizer\": {\"type\": \"Upper\"}, "),
          "normalizer: unknown normalizer `Upper`");
  refused(WORDS("\"decoder\": {\"type\": \"Joiner\"}, "), "decoder: unknown decoder `Joiner`");
  refused(WORDS("\"post_processor\": {\"type\": \"X\"}, "),
          "post_processor: unknown post-processor `X`");
  refused("{\"model\": {\"type\": \"X\"}}", "model: unknown model `X`");
  refused("{\"model\": 3}", "model: expected an object");
  refused(WORDS("\"version\": \"2.0\", "), "version: `2.0` is not 1.0");
  refused(WORDS("\"extra\": 1, "), "unknown field `extra`");
  refused(BPE("\"merges\": [], \"dropout\": 0.1"), "`dropout`");
  refused(BPE("\"merges\": [], \"fuse_unk\": 1"), "`fuse_unk` must be true or false");
  refused("[", "tokenizer.json:1:");
}
END_TEST

START_TEST(test_vocabulary_refused) {
  refused("{\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"u\", \"vocab\": {\"a\": 1, "
          "\"b\": 1}}}",
          "id 1 is given to `a` and to `b`");
  refused("{\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"u\", \"vocab\": {\"a\": 1,\n"
          "\"a\": 2}}}",
          "tokenizer.json:2:3: duplicate object key near '\"a\"'");
  refused("{\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"u\", \"vocab\": {\"a\": -1}}}",
          "model.vocab[\"a\"]: an id must be");
  refused(
      "{\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"u\", \"vocab\": {\"a\": 1048576}}}",
      "id 1048576 is not below 1048576");
  refused("{\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"u\", \"vocab\": {\"a\": 1.5}}}",
          "an id must be an integer");
  refused(BPE("\"merges\": [\"a b\", \"a x\"]"), "model.merges[1]: `x` is not in the vocabulary");
  refused(BPE("\"merges\": [\"c a\"]"), "model.merges[0]: `ca` is not in the vocabulary");
  refused(BPE("\"merges\": [\"a\"]"), "model.merges[0]: a merge must be");
  refused(BPE("\"merges\": [\"a b c\"]"), "model.merges[0]: a merge must be");
  refused(BPE("\"merges\": [[\"a\"]]"), "model.merges[0]: a merge must be");
  refused("{\"model\": {\"type\": \"Unigram\", \"unk_id\": 2, \"vocab\": [[\"a\", 0]]}}",
          "model.unk_id: 2 is not in a vocabulary of 1");
  refused(
      "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", 0], [\"a\", 0]]}}",
      "`a` is there twice");
}
END_TEST

#define REGEX(pattern) SPLIT("{\"Regex\": \"" pattern "\"}", "Removed", "false")

START_TEST(test_pattern_refused) {
  refused(REGEX("a\\\\C"), "pre_tokenizer.pattern: byte 1 of the pattern, `\\C`: this escape");
  refused(REGEX("(*ACCEPT)"), "verbs are not supported");
  refused(REGEX("(?<name>a)"), "this kind of group");
  refused(REGEX("(a)\\\\1"), "this escape is not supported");
  refused(REGEX("\\\\p{Klingon}"), "this property");
  refused(REGEX("[a&&b]"), "intersection");
  refused(REGEX("[^\\\\W]"), "negated set inside a class");
  refused(REGEX("a{2}+"), "means something else in Ruby");
  refused(REGEX("(a"), "bad pattern");
  refused(REGEX(""), "empty pattern");
  refused(PRE("{\"type\": \"Split\", \"pattern\": \"a\", \"behavior\": \"Removed\"}"),
          "`pattern` must be");
  refused(SPLIT(DASH, "Sideways", "false"), "unknown behavior `Sideways`");
}
END_TEST

START_TEST(test_pattern_limit) {
  struct tokenizer *tokenizer = dir_must_open(REGEX("(?:a+)+$"));
  struct tfm_error err = {0};
  struct encoding encoding;
  char text[64];
  memset(text, 'a', sizeof text);
  text[sizeof text - 1] = 'b';
  ck_assert_int_eq(tokenizer_encode(tokenizer, text, sizeof text, NULL, 0, true, &encoding, &err),
                   -1);
  ck_assert_int_eq(err.code, TFM_ERROR_LIMIT);
  ck_assert_msg(strstr(err.message, "pre_tokenizer.pattern: the pattern costs too much") != NULL,
                "%s", err.message);
  tokenizer_destroy(tokenizer);
}
END_TEST

START_TEST(test_parts_refused) {
  refused(
      WORDS(
          "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
          "{\"id\": \"X\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {}}, "),
      "post_processor.single[0]: `X` is not in special_tokens");
  refused(
      WORDS("\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": "
            "{\"id\": \"B\", \"type_id\": 0}}], \"pair\": [], \"special_tokens\": {}}, "),
      "sequence B in the template for a single text");
  refused(WORDS("\"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"a\"], \"cls\": "
                "[\"a\", 1]}, "),
          "`sep` must be");
  refused(WORDS("\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"!\"}, "),
          "is not base64");
  refused(
      WORDS(
          "\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"/////w==\"}, "),
      "a trie of the wrong size");
  refused(
      WORDS("\"added_tokens\": [{\"id\": 1, \"content\": \"A\"}, {\"id\": 2, \"content\": \"a\"}], "
            "\"normalizer\": {\"type\": \"Lowercase\"}, "),
      "looks the same when it is normalized");
  refused(WORDS("\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Fuse\"}, "
                "{\"type\": \"ByteFallback\"}]}, "),
          "ByteFallback after the tokens were fused");
}
END_TEST

static void put_base64(struct buffer *out, const unsigned char *bytes, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < size; i += 3) {
    uint32_t three = 0;
    for (size_t j = i; j < i + 3; j++)
      three = three << 8 | (j < size ? bytes[j] : 0u);
    for (size_t j = 0; j < 4; j++)
      buffer_putc(out, i + j > size ? '=' : digits[three >> (18 - 6 * j) & 63]);
  }
}

/* A map whose trie holds `a`, with that value, and these replacements. */
static void mapped_is(uint32_t root, uint32_t leaf, const char *text, size_t length,
                      const char *wanted) {
  enum { UNITS = 128, OTHER = 'a' ^ 3 };
  unsigned char bytes[4 + UNITS * 4 + 8] = {0, UNITS * 4 / 256};
  uint32_t unit[UNITS] = {root};
  struct buffer json;
  unit['a'] = 'a' | 1u << 8 | 3u << 10;
  unit[OTHER] = leaf;
  for (size_t i = 0; i < sizeof unit; i++)
    bytes[4 + i] = (unsigned char)(unit[i / 4] >> (8 * (i % 4)));
  memcpy(bytes + 4 + sizeof unit, text, length);
  buffer_init(&json);
  buffer_puts(&json, "{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"");
  put_base64(&json, bytes, 4 + sizeof unit + length);
  buffer_puts(&json, "\"}");
  normal_is(buffer_text(&json), "bab", wanted);
  buffer_finish(&json);
}

/* What an index of the trie leads to is looked at before it is used. */
START_TEST(test_charsmap) {
  mapped_is(0, 0, "x\0yz", 4, "bxb");
  mapped_is(0, 2, "x\0yz", 4, "byzb"); /* the last needs no terminator */
  mapped_is(0, 1, "x\0yz", 4, "bb");
  mapped_is(0, 4, "x\0yz", 4, "bab");          /* behind the replacements */
  mapped_is(0, 0x7fffffff, "x\0yz", 4, "bab"); /* far behind them */
  mapped_is(0, 1, "\xc3\xa9", 2, "bab");       /* within a character */
  mapped_is(0, 0, "", 0, "bab");
  mapped_is(0xffffffff, 0, "x", 1, "bab"); /* out of the trie */
  mapped_is(0x80u << 10, 0, "x", 1, "bab");
}
END_TEST

START_TEST(test_nothing_there) {
  struct tokenizer_dir dir;
  struct tokenizer *tokenizer;
  struct tfm_error err = {0};
  dir_make(&dir);
  ck_assert_int_eq(tokenizer_open(dir.path, &tokenizer, &err), -1);
  ck_assert_ptr_null(tokenizer);
  ck_assert_int_eq(err.code, TFM_ERROR_TOKENIZER);
  ck_assert_msg(strstr(err.message, dir.path) != NULL, "%s", err.message);
  ck_assert_msg(strstr(err.notes, "tokenizer.json; vocab.txt; vocab.json and merges.txt; "
                                  "encoder.json and vocab.bpe") != NULL,
                "%s", err.notes);
  dir_remove(&dir);
}
END_TEST

/* Flags and tokens of the files beside a vocabulary; ids are transformers'. */
START_TEST(test_legacy_tokens) {
  struct tokenizer_dir dir;
  struct tokenizer *tokenizer;
  struct tfm_error err = {0};
  struct encoding e;
  static const char vocab[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\nx\n", text[] = "A[MASK] <x>a <y>A";
  const char *config = "{\"do_lower_case\": true}", *added = "{\"<y>\": 7, \"<x>\": 6}",
             *map = "{\"mask_token\": \"<x>\", \"sep_token\": {\"content\": \"<y>\"}}";
  dir_make(&dir);
  dir_write(&dir, "vocab.txt", vocab, sizeof vocab - 1);
  /* What the vocabulary lacks comes after it: [MASK]. */
  ck_assert_int_eq(tokenizer_open(dir.path, &tokenizer, &err), 0);
  ck_assert_int_eq(tokenizer_id(tokenizer, "[MASK]"), 6);
  ck_assert_int_eq(tokenizer_roles(tokenizer)->mask, 6);
  tokenizer_destroy(tokenizer);
  dir_write(&dir, "tokenizer_config.json", config, strlen(config));
  dir_write(&dir, "special_tokens_map.json", map, strlen(map));
  dir_write(&dir, "added_tokens.json", added, strlen(added));
  ck_assert_msg(tokenizer_open(dir.path, &tokenizer, &err) == 0, "%s", err.message);
  ck_assert_int_eq(
      tokenizer_encode(tokenizer, text, sizeof text - 1, NULL, 0, ENCODE_SPECIAL, &e, &err), 0);
  const int32_t wanted[] = {2, 4, 1, 1, 1, 6, 4, 7, 4, 7}; /* [CLS] a [ mask ] <x> a <y> a <y> */
  ck_assert_uint_eq(e.count, sizeof wanted / sizeof wanted[0]);
  for (size_t i = 0; i < e.count; i++)
    ck_assert_int_eq(e.ids[i], wanted[i]);
  encoding_finish(&e);
  tokenizer_destroy(tokenizer);
  /* added_tokens_decoder says it all, flags too, and the others are not read. */
  config = "{\"added_tokens_decoder\": {\"7\": {\"content\": \"<y>\", \"lstrip\": true, "
           "\"special\": true}, \"6\": {\"content\": \"<x>\", \"normalized\": true}}, "
           "\"mask_token\": null, \"do_lower_case\": false}";
  dir_write(&dir, "tokenizer_config.json", config, strlen(config));
  ck_assert_msg(tokenizer_open(dir.path, &tokenizer, &err) == 0, "%s", err.message);
  ck_assert_int_eq(tokenizer_encode(tokenizer, "a <y>x", 6, NULL, 0, ENCODE_SPECIAL, &e, &err), 0);
  ck_assert_uint_eq(e.count, 5); /* [CLS] a <y> x [SEP] */
  ck_assert_int_eq(e.ids[2], 7);
  ck_assert_uint_eq(e.begin[2], 1); /* with the space before it */
  ck_assert_int_eq(e.ids[4], 3);
  ck_assert_int_eq(tokenizer_id(tokenizer, "[MASK]"), -1);
  encoding_finish(&e);
  tokenizer_destroy(tokenizer);
  dir_remove(&dir);
}
END_TEST

START_TEST(test_legacy_refused) {
  struct tokenizer_dir dir;
  struct tokenizer *tokenizer;
  struct tfm_error err = {0};
  dir_make(&dir);
  dir_write(&dir, "vocab.txt", "[UNK]\na\nb\na\n", 12);
  ck_assert_int_eq(tokenizer_open(dir.path, &tokenizer, &err), -1);
  ck_assert_msg(strstr(err.message, "vocab.txt:4: `a` is there twice") != NULL, "%s", err.message);
  dir_write(&dir, "vocab.txt", "[UNK]\n\xff\n", 8);
  error_clear(&err);
  ck_assert_int_eq(tokenizer_open(dir.path, &tokenizer, &err), -1);
  ck_assert_msg(strstr(err.message, "vocab.txt:2: not UTF-8") != NULL, "%s", err.message);
  const char *config = "{\"tokenizer_class\": \"CamembertTokenizer\"}";
  dir_write(&dir, "vocab.txt", "[UNK]\na\n", 8);
  dir_write(&dir, "tokenizer_config.json", config, strlen(config));
  error_clear(&err);
  ck_assert_int_eq(tokenizer_open(dir.path, &tokenizer, &err), -1);
  ck_assert_msg(strstr(err.message, "CamembertTokenizer") != NULL, "%s", err.message);
  dir_remove(&dir);
}
END_TEST

START_TEST(test_bad_text) {
  struct tokenizer *tokenizer = dir_must_open(WORDS(""));
  struct tfm_error err = {0};
  struct encoding encoding;
  static const char *const bad[] = {"ab\xff", "ab\xc3", "ab\xed\xa0\x80", "ab\xc0\x80",
                                    "ab\xf4\x90\x80\x80"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    error_clear(&err);
    ck_assert_int_eq(
        tokenizer_encode(tokenizer, bad[i], strlen(bad[i]), NULL, 0, true, &encoding, &err), -1);
    ck_assert_str_eq(err.message, "the text is not UTF-8 at byte 2");
  }
  error_clear(&err);
  ck_assert_int_eq(tokenizer_encode(tokenizer, "a", 1, "\x80", 1, true, &encoding, &err), -1);
  ck_assert_str_eq(err.message, "the second text is not UTF-8 at byte 0");
  error_clear(&err);
  ck_assert_int_eq(tokenizer_encode(tokenizer, "", 0, NULL, 0, true, &encoding, &err), 0);
  ck_assert_uint_eq(encoding.count, 0);
  encoding_finish(&encoding);
  tokenizer_destroy(tokenizer);
}
END_TEST

/* ---- decoding ---- */

#define DECODER(decoder, vocab)                                                                    \
  "{\"decoder\": " decoder                                                                         \
  ", \"added_tokens\": [{\"id\": 0, \"content\": \"<s>\", \"special\": true}], "                   \
  "\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"u\", \"vocab\": {\"<s>\": 0, " vocab      \
  "}}}"
#define LLAMA                                                                                      \
  DECODER("{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": "          \
          "{\"String\": \"▁\"}, \"content\": \" \"}, {\"type\": \"ByteFallback\"}, {\"type\": "  \
          "\"Fuse\"}, {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}]}",     \
          "\"▁a\": 1, \"<0xEA>\": 2, \"<0xB0>\": 3, \"<0x80>\": 4, \"b\": 5")

/* With | after each id of a stream that continues, or not; and at the end. */
static void streams_as(const char *json, const int32_t *ids, size_t count, bool continues,
                       const char *wanted) {
  struct tokenizer *tokenizer = dir_must_open(json);
  struct tfm_error err = {0};
  struct token_stream *stream;
  struct buffer out;
  buffer_init(&out);
  ck_assert_int_eq(token_stream_create(tokenizer, continues, true, &stream, &err), 0);
  for (size_t i = 0; i < count; i++) {
    ck_assert_int_eq(token_stream_push(stream, ids[i], &out, &err), 0);
    buffer_putc(&out, '|');
  }
  ck_assert_int_eq(token_stream_finish(stream, &out, &err), 0);
  ck_assert_str_eq(buffer_text(&out), wanted);
  token_stream_destroy(stream);
  buffer_finish(&out);
  tokenizer_destroy(tokenizer);
}
#define STREAM(json, continues, wanted, ...)                                                       \
  do {                                                                                             \
    const int32_t ids[] = {__VA_ARGS__};                                                           \
    streams_as(json, ids, sizeof ids / sizeof ids[0], continues, wanted);                          \
  } while (0)

START_TEST(test_stream) {
  STREAM(LLAMA, false, "|a| a|", 0, 1, 1);
  STREAM(LLAMA, true, "| a| a|", 0, 1, 1);
  STREAM(LLAMA, false, "|||가b|", 2, 3, 4, 5);
  STREAM(LLAMA, false, "|||가", 2, 3, 4);
}
END_TEST

START_TEST(test_decoders) {
  STREAM(LLAMA, false,
         "||\xef\xbf\xbd\xef\xbf\xbd"
         "b|",
         2, 3, 5);
  STREAM(LLAMA, false, "|||a|", 99, -1, 0, 1);
#define WORDPIECE                                                                                  \
  DECODER("{\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true}",                      \
          "\"a\": 1, \"##b\": 2, \".\": 3, \"'s\": 4")
  STREAM(WORDPIECE, false, "a|b| a|'s|.|", 1, 2, 1, 4, 3);
  STREAM(WORDPIECE, false, "##b|", 2);
  STREAM(WORDPIECE, true, " a|", 1);
#define METASPACE                                                                                  \
  DECODER("{\"type\": \"Metaspace\", \"replacement\": \"▁\", \"add_prefix_space\": true}",         \
          "\"▁a\": 1")
  STREAM(METASPACE, false, "a| a|", 1, 1);
  STREAM(METASPACE, true, " a| a|", 1, 1);
#define BYTES                                                                                      \
  DECODER("{\"type\": \"ByteLevel\"}", "\"Ġa\": 1, \"ê\": 2, \"°\": 3, \"Ģ\": 4, \"中\": 5")
  STREAM(BYTES, false, " a|||가|", 1, 2, 3, 4);
  STREAM(BYTES, false, "||\xef\xbf\xbd a|中|", 2, 3, 1, 5);
  STREAM(BYTES, false, "||\xef\xbf\xbd", 2, 3);
  STREAM(DECODER("null", "\"a\": 1"), false, "a| a|", 1, 1);
#define SUFFIX DECODER("{\"type\": \"BPEDecoder\", \"suffix\": \"</w>\"}", "\"a</w>\": 1")
  STREAM(SUFFIX, false, "|a |a", 1, 1);
#define CTC                                                                                        \
  DECODER(                                                                                         \
      "{\"type\": \"CTC\", \"pad_token\": \"<p>\", \"word_delimiter_token\": \"|\", \"cleanup\": " \
      "true}",                                                                                     \
      "\"a\": 1, \"<p>\": 2, \"|\": 3, \" .\": 4")
  STREAM(CTC, false, "a||||a|| |.|", 1, 1, 2, 2, 1, 1, 3, 4);
}
END_TEST

/* As tokenizers with encode_special_tokens: a special token in a text is text, and
 * what begins inside of it is no token either. */
START_TEST(test_plain_special) {
  struct tokenizer *t = dir_must_open(
      "{\"added_tokens\": [{\"id\": 2, \"content\": \"<s>\", \"special\": true}, "
      "{\"id\": 3, \"content\": \"s>x\", \"normalized\": false}, {\"id\": 4, \"content\": "
      "\"<n>\"}], \"model\": "
      "{\"type\": \"BPE\", \"merges\": [], \"unk_token\": \"u\", \"vocab\": {\"u\": 0, \"a\": 1, "
      "\"<s>\": 2, \"s>x\": 3, \"<n>\": 4, \"<\": 5, \"s\": 6, \">\": 7, \"x\": 8}}}");
  static const char text[] = "a<s>x<n>s>x";
  const struct encode_request request = {
      .text = text, .length = sizeof text - 1, .flags = ENCODE_SPECIAL | ENCODE_PLAIN};
  static const int32_t plain[] = {1, 5, 6, 7, 8, 4, 3}, special[] = {1, 2, 8, 4, 3};
  struct tfm_error err = {0};
  struct encoding e;
  ck_assert_int_eq(tokenizer_encode_request(t, &request, &e, &err), 0);
  ck_assert_uint_eq(e.count, 7);
  ck_assert_mem_eq(e.ids, plain, sizeof plain);
  encoding_finish(&e);
  ck_assert_int_eq(tokenizer_encode(t, text, sizeof text - 1, NULL, 0, 0, &e, &err), 0);
  ck_assert_uint_eq(e.count, 5);
  ck_assert_mem_eq(e.ids, special, sizeof special);
  encoding_finish(&e);
  tokenizer_destroy(t);
}
END_TEST

START_TEST(test_roles) {
  struct tokenizer_dir dir;
  struct tokenizer *tokenizer;
  struct tfm_error err = {0};
  const char *json = ADDED(""), *config =
                                    "{\"bos_token\": {\"content\": \"a\"}, \"eos_token\": \"b\", "
                                    "\"pad_token\": null, \"mask_token\": \"none\"}";
  dir_make(&dir);
  dir_write(&dir, "tokenizer.json", json, strlen(json));
  dir_write(&dir, "tokenizer_config.json", config, strlen(config));
  ck_assert_int_eq(tokenizer_open(dir.path, &tokenizer, &err), 0);
  const struct tokenizer_roles *roles = tokenizer_roles(tokenizer);
  ck_assert_int_eq(roles->bos, 1);
  ck_assert_int_eq(roles->eos, 2);
  ck_assert_int_eq(roles->pad, -1);
  ck_assert_int_eq(roles->mask, 3); /* after all others, as the reference adds it */
  ck_assert(tokenizer_only_named(tokenizer, 3) && !tokenizer_only_named(tokenizer, 2));
  ck_assert(tokenizer_is_special(tokenizer, 2));
  ck_assert(tokenizer_is_special(tokenizer, 1));
  ck_assert_uint_eq(tokenizer_vocabulary(tokenizer), 4);
  ck_assert_int_eq(tokenizer_id(tokenizer, "a"), 1);
  ck_assert_int_eq(tokenizer_id(tokenizer, "zzz"), -1);
  ck_assert_str_eq(tokenizer_token(tokenizer, 0), "u");
  ck_assert_ptr_null(tokenizer_token(tokenizer, 4));
  ck_assert_ptr_null(tokenizer_token(tokenizer, -1));
  tokenizer_destroy(tokenizer);
  dir_remove(&dir);
}
END_TEST

/* The older file goes before, unless the newer one has an added_tokens_decoder. */
START_TEST(test_roles_map) {
  static const char *const configs[] = {"{\"bos_token\": \"a\"}",
                                        "{\"bos_token\": \"a\", \"added_tokens_decoder\": {}}"};
  const char *json = ADDED(""), *map = "{\"bos_token\": {\"content\": \"b\"}}";
  for (int i = 0; i < 2; i++) {
    struct tokenizer_dir dir;
    struct tokenizer *tokenizer;
    struct tfm_error err = {0};
    dir_make(&dir);
    dir_write(&dir, "tokenizer.json", json, strlen(json));
    dir_write(&dir, "special_tokens_map.json", map, strlen(map));
    dir_write(&dir, "tokenizer_config.json", configs[i], strlen(configs[i]));
    ck_assert_int_eq(tokenizer_open(dir.path, &tokenizer, &err), 0);
    ck_assert_int_eq(tokenizer_roles(tokenizer)->bos, 2 - i);
    tokenizer_destroy(tokenizer);
    dir_remove(&dir);
  }
}
END_TEST

UNIT_MAIN("tokenizer", test_split, test_pre_tokenizers, test_normalizers, test_bpe, test_bpe_long,
          test_other_models, test_added, test_unknown, test_vocabulary_refused,
          test_pattern_refused, test_pattern_limit, test_parts_refused, test_charsmap,
          test_nothing_there, test_legacy_tokens, test_legacy_refused, test_bad_text, test_stream,
          test_decoders, test_plain_special, test_roles, test_roles_map)
