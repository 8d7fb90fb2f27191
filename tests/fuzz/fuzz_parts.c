/* fuzz_parts.c - tokenizer.json files that are sound, of any parts together.
 *
 * Each byte of the input up to the first NUL adds a part: a component, a field of the
 * model, an added token.  Several components of one section are a Sequence.  What
 * follows is a text.  The empty input stands for every pair of parts. */
#include "base/buffer.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tokenizing.h"

#include <string.h>

enum section { MODEL, FIELD, ADDED, NORMALIZER, PRE, POST, DECODER, LIMIT, SECTIONS };

static const char *const sequence[SECTIONS][2] = {
    [NORMALIZER] = {"normalizer", "normalizers"},
    [PRE] = {"pre_tokenizer", "pretokenizers"},
    [POST] = {"post_processor", "processors"},
    [DECODER] = {"decoder", "decoders"},
};

#define TYPE(type)        "{\"type\": \"" type "\"}"
#define WITH(type, rest)  "{\"type\": \"" type "\", " rest "}"
#define SPLIT(how, rest)  WITH("Split", "\"pattern\": {" how "}, \"behavior\": " rest)
#define TOKEN(text, rest) "{\"id\": 0, \"content\": \"" text "\", \"normalized\": false" rest "}"
#define META              "\"replacement\": \"\xe2\x96\x81\", \"prepend_scheme\": "

static const struct part {
  enum section section;
  const char *json;
} parts[] = {
    {MODEL, "BPE"},
    {MODEL, "WordPiece"},
    {MODEL, "Unigram"},
    {MODEL, "WordLevel"},
    {FIELD, "\"byte_fallback\": true"},
    {FIELD, "\"continuing_subword_prefix\": \"##\""},
    {FIELD, "\"end_of_word_suffix\": \"</w>\""},
    {FIELD, "\"fuse_unk\": true"},
    {FIELD, "\"ignore_merges\": true"},
    {FIELD, "\"unk_token\": \"u\""},
    {FIELD, "\"max_input_chars_per_word\": 3"},
    {ADDED, TOKEN("<s>", ", \"special\": true")},
    {ADDED, TOKEN(" ", ", \"rstrip\": true")},
    {ADDED, TOKEN("ab", ", \"lstrip\": true")},
    {ADDED, TOKEN("a", ", \"single_word\": true")},
    {ADDED, "{\"id\": 0, \"content\": \"B\"}"},
    {NORMALIZER, TYPE("NFC")},
    {NORMALIZER, TYPE("NFKD")},
    {NORMALIZER, TYPE("Lowercase")},
    {NORMALIZER, TYPE("StripAccents")},
    {NORMALIZER, TYPE("ByteLevel")},
    {NORMALIZER, TYPE("Nmt")},
    {NORMALIZER, WITH("Strip", "\"strip_left\": true, \"strip_right\": true")},
    {NORMALIZER, WITH("Prepend", "\"prepend\": \"\xe2\x96\x81\"")},
    {NORMALIZER, WITH("Replace", "\"pattern\": {\"String\": \"a\"}, \"content\": \"\"")},
    {NORMALIZER, WITH("Replace", "\"pattern\": {\"Regex\": \"b*\"}, \"content\": \"xy\"")},
    {NORMALIZER, WITH("BertNormalizer", "\"clean_text\": true, \"handle_chinese_chars\": true, "
                                        "\"strip_accents\": true, \"lowercase\": true")},
    {PRE, TYPE("BertPreTokenizer")},
    {PRE, TYPE("Whitespace")},
    {PRE, TYPE("WhitespaceSplit")},
    {PRE, TYPE("UnicodeScripts")},
    {PRE, TYPE("ByteLevel")},
    {PRE, WITH("Metaspace", META "\"always\"")},
    {PRE, WITH("Metaspace", META "\"first\"")},
    {PRE, WITH("Digits", "\"individual_digits\": true")},
    {PRE, WITH("Punctuation", "\"behavior\": \"MergedWithNext\"")},
    {PRE, WITH("CharDelimiterSplit", "\"delimiter\": \"a\"")},
    {PRE, WITH("FixedLength", "\"length\": 2")},
    {PRE, SPLIT("\"Regex\": \"a(?=.*b)\"", "\"MergedWithPrevious\"")},
    {PRE, SPLIT("\"String\": \"b\"", "\"Removed\", \"invert\": true")},
    {POST, TYPE("ByteLevel")},
    {POST, WITH("BertProcessing", "\"sep\": [\"b\", 1], \"cls\": [\"a\", 2]")},
    {POST, WITH("RobertaProcessing", "\"sep\": [\"b\", 1], \"cls\": [\"a\", 2]")},
    {POST, WITH("TemplateProcessing",
                "\"single\": [{\"SpecialToken\": {\"id\": \"a\", \"type_id\": 0}}, {\"Sequence\": "
                "{\"id\": \"A\", \"type_id\": 0}}], \"pair\": [{\"Sequence\": {\"id\": \"B\", "
                "\"type_id\": 1}}, {\"Sequence\": {\"id\": \"B\", \"type_id\": 1}}], "
                "\"special_tokens\": {\"a\": {\"id\": \"a\", \"ids\": [1, 2], \"tokens\": [\"a\", "
                "\"b\"]}}")},
    {DECODER, TYPE("ByteLevel")},
    {DECODER, TYPE("ByteFallback")},
    {DECODER, TYPE("Fuse")},
    {DECODER, WITH("WordPiece", "\"prefix\": \"##\", \"cleanup\": true")},
    {DECODER, WITH("Metaspace", META "\"always\"")},
    {DECODER, WITH("BPEDecoder", "\"suffix\": \"</w>\"")},
    {DECODER, WITH("CTC", "\"pad_token\": \"a\", \"word_delimiter_token\": \"b\", \"cleanup\": "
                          "true")},
    {DECODER, WITH("Strip", "\"content\": \" \", \"start\": 1, \"stop\": 1")},
    {DECODER, WITH("Replace", "\"pattern\": {\"String\": \"a\"}, \"content\": \"  \"")},
    {LIMIT, "\"truncation\": {\"direction\": \"Left\", \"max_length\": 4, \"strategy\": "
            "\"LongestFirst\", \"stride\": 0}"},
    {LIMIT, "\"padding\": {\"strategy\": {\"Fixed\": 9}, \"direction\": \"Left\", "
            "\"pad_to_multiple_of\": 4, \"pad_id\": 1, \"pad_type_id\": 0, \"pad_token\": \"b\"}"},
};
enum { PARTS = sizeof parts / sizeof parts[0] };

#define WORDS                                                                                      \
  "\"u\": 0, \"b\": 1, \"a\": 2, \"##b\": 3, \"b</w>\": 4, \"ab\": 5, \" \": 6, \"##b</w>\": 7, "  \
  "\"\xc4\xa0\": 8, \"\xe2\x96\x81\": 9, \"<0x23>\": 10, \"<0x0A>\": 11, \"<0xEA>\": 12, "         \
  "\"<0xB0>\": 13, \"<0x80>\": 14, \"<0x3C>\": 15, \"<0x2F>\": 16, \"<0x77>\": 17, "               \
  "\"<0x3E>\": 18, \"<0x5D>\": 19"

static void put_list(struct buffer *out, const uint8_t *chosen, size_t count, enum section s) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++)
    if (parts[chosen[i]].section == s)
      buffer_printf(out, "%s%s", found++ > 0 ? ", " : "", parts[chosen[i]].json);
}

static void put_model(struct buffer *out, const uint8_t *chosen, size_t count) {
  const char *kind = "BPE";
  for (size_t i = 0; i < count; i++)
    if (parts[chosen[i]].section == MODEL)
      kind = parts[chosen[i]].json;
  buffer_printf(out, "\"model\": {\"type\": \"%s\", ", kind);
  if (strcmp(kind, "Unigram") == 0)
    buffer_puts(out, "\"unk_id\": 0, \"vocab\": [[\"u\", 0], [\"a\", -1.5], [\"ab\", -2], "
                     "[\"<0x5D>\", -9], [\"<0x0A>\", -9], [\"\xe2\x96\x81\", -1]]");
  else
    buffer_printf(out, "\"vocab\": {%s}", WORDS);
  if (strcmp(kind, "BPE") == 0)
    buffer_puts(out, ", \"merges\": [\"a b\"]");
  for (size_t i = 0; i < count; i++)
    if (parts[chosen[i]].section == FIELD)
      buffer_printf(out, ", %s", parts[chosen[i]].json);
  if (strcmp(kind, "WordPiece") == 0)
    buffer_puts(out, ", \"unk_token\": \"u\", \"continuing_subword_prefix\": \"##\", "
                     "\"max_input_chars_per_word\": 9");
  if (strcmp(kind, "WordLevel") == 0)
    buffer_puts(out, ", \"unk_token\": \"u\"");
  buffer_puts(out, "}");
}

/* The file's text. */
static void put_file(struct buffer *out, const uint8_t *chosen, size_t count) {
  buffer_puts(out, "{\"added_tokens\": [");
  put_list(out, chosen, count, ADDED);
  buffer_puts(out, "], ");
  for (enum section s = NORMALIZER; s <= DECODER; s++) {
    buffer_printf(out, "\"%s\": {\"type\": \"Sequence\", \"%s\": [", sequence[s][0],
                  sequence[s][1]);
    put_list(out, chosen, count, s);
    buffer_puts(out, "]}, ");
  }
  for (size_t i = 0; i < count; i++)
    if (parts[chosen[i]].section == LIMIT)
      buffer_printf(out, "%s, ", parts[chosen[i]].json);
  put_model(out, chosen, count);
  buffer_puts(out, "}");
}

/* A file of the parts; fields that come twice are refused, and that is tried, too.  NULL =
 * refused. */
static struct tokenizer *open_parts(const uint8_t *chosen, size_t count) {
  struct buffer out;
  struct tokenizer *tokenizer = NULL;
  struct tfm_error err = {0};
  buffer_init(&out);
  put_file(&out, chosen, count);
  fuzz_write("tokenizer.json", buffer_text(&out), out.length);
  buffer_finish(&out);
  int status = tokenizer_open(fuzz_directory(), &tokenizer, &err);
  fuzz_check_error(status, &err);
  return tokenizer;
}

/* Tokenizers of before, by their parts: most changes of an input are of its text. */
enum { MOST = 8, KEPT = 1024 };
static struct kept {
  uint8_t chosen[MOST], count;
  bool there;
  struct tokenizer *tokenizer;
} kept[KEPT];

static const struct tokenizer *find_parts(const uint8_t *chosen, size_t count) {
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (size_t i = 0; i < count; i++)
    hash = (hash ^ chosen[i]) * 16777619u;
  struct kept *place = &kept[(hash ^ hash >> 16) % KEPT];
  if (place->there && place->count == count && memcmp(place->chosen, chosen, count) == 0)
    return place->tokenizer;
  tokenizer_destroy(place->tokenizer);
  place->tokenizer = open_parts(chosen, count);
  memcpy(place->chosen, chosen, count);
  place->count = (uint8_t)count;
  place->there = true;
  return place->tokenizer;
}

static void try_parts(const uint8_t *chosen, size_t count, const char *text, size_t length) {
  const struct tokenizer *tokenizer = find_parts(chosen, count);
  if (tokenizer == NULL)
    return;
  tokenizing_text(tokenizer, text, length, NULL, 0);
  tokenizing_text(tokenizer, text, length, "b]] a", 5);
  tokenizing_limits(tokenizer, text, length);
}

static void try_pairs(void) {
  static const char text[] = "a ab]  b\xea\xb0\x80\n]] A\xcc\x81 <s>1a.";
  for (unsigned i = 0; i < PARTS; i++)
    for (unsigned j = 0; j < PARTS; j++) {
      const uint8_t chosen[] = {(uint8_t)i, (uint8_t)j};
      try_parts(chosen, i == j ? 1 : 2, text, sizeof text - 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool paired;
  uint8_t chosen[MOST];
  size_t count = 0;
  if (size == 0 && !paired) {
    paired = true;
    try_pairs();
  }
  const char *text = (const char *)data;
  size_t length = fuzz_part(&data, &size);
  for (; count < length && count < MOST; count++)
    chosen[count] = (uint8_t)text[count] % PARTS;
  try_parts(chosen, count, (const char *)data, size);
  return 0;
}
