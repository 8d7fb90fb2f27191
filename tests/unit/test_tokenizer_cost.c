/* What a long text costs: in proportion to its length, or it is refused. */
#include "tests/unit/tokenizer_dir.h"
#include "tests/unit/unit.h"
#include "tokenizer/tokenizer.h"

#include <time.h>

enum { LENGTH = 400000, SECONDS = 10 };

#define WORDS(parts)                                                                               \
  "{" parts "\"model\": {\"type\": \"WordLevel\", \"unk_token\": \"u\", \"vocab\": {\"u\": 0, "    \
  "\" \": 1}}}"
#define SPLIT(regex)                                                                               \
  WORDS("\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"" regex               \
        "\"}, \"behavior\": \"Isolated\"}, ")
#define REPLACE(regex)                                                                             \
  WORDS("\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \"" regex                \
        "\"}, \"content\": \"b\"}, ")
#define BLANK(strip, parts)                                                                        \
  WORDS(parts "\"added_tokens\": [{\"id\": 1, \"content\": \" \", \"" strip "\": true, "           \
              "\"normalized\": false}], ")

/* LENGTH bytes of part, then end: tokens, or -1 and why is in the message. */
static void costs(const char *json, const char *part, const char *end, long tokens,
                  const char *why) {
  struct tokenizer *tokenizer = dir_must_open(json);
  struct tfm_error err = {0};
  struct encoding e = {0};
  size_t size = strlen(part), last = strlen(end), length = LENGTH / size * size;
  char *text = malloc(length + last);
  ck_assert_ptr_nonnull(text);
  for (size_t i = 0; i < length; i++)
    text[i] = part[i % size];
  memcpy(text + length, end, last);
  clock_t begin = clock();
  int status = tokenizer_encode(tokenizer, text, length + last, NULL, 0, 0, &e, &err);
  double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
  bool slow = getenv("TFM_VALGRIND") != NULL; /* some thirty times as slow */
  ck_assert_msg(slow || seconds < SECONDS, "%s: %.1f s", json, seconds);
  ck_assert_msg(strstr(err.message, why) != NULL, "%s: %s", json, err.message);
  if (tokens < 0)
    ck_assert_int_eq(err.code, TFM_ERROR_LIMIT);
  ck_assert_int_eq(status, tokens < 0 ? -1 : 0);
  ck_assert_msg(tokens < 0 || e.count == (size_t)tokens, "%s: %zu tokens", json, e.count);
  encoding_finish(&e);
  free(text);
  tokenizer_destroy(tokenizer);
}

/* PCRE2 counts backtracks: looking ahead has none. */
START_TEST(test_look_ahead) {
  static const char again[] = "pre_tokenizer.pattern: the pattern costs too much on this text";
  costs(SPLIT("a(?=.*b)"), "a", "", -1, again);
  costs(SPLIT("a(?=.*b)"), "a", "b", -1, again);
  costs(SPLIT("a(?!.*b)"), "a", "b", -1, again);
  costs(REPLACE("a(?=.*b)"), "a", "", -1, "normalizer.pattern: the pattern costs too much");
  costs(SPLIT("(?:a?){20}b"), "a", "b", -1, again); /* a million backtracks from each place */
}
END_TEST

/* What looks far, but goes as far, is no matter. */
START_TEST(test_long_matches) {
  static const char gpt2[] = "'s|'t| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+|"
                             "\\\\s+(?!\\\\S)|\\\\s+";
  static const char cl100k[] = "[^\\\\r\\\\n\\\\p{L}]?\\\\p{L}+|\\\\p{N}{1,3}|"
                               "\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+";
  char json[1024];
  snprintf(json, sizeof json, SPLIT("%s"), gpt2);
  costs(json, "a", "", 1, "");
  costs(json, " ", "", 1, "");
  costs(json, " ", "x", 2, "");
  costs(json, "ab ", "", LENGTH / 3 + 1, "");
  snprintf(json, sizeof json, SPLIT("%s"), cl100k);
  costs(json, " ", "x", 2, "");
  costs(json, "\n", "", 1, "");
  costs(json, "\n", "x", 2, "");
  costs(SPLIT("a(?=.{0,99}b)"), "aab", "", LENGTH / 3 * 3, "");
  costs(SPLIT("^.*$"), "a\n", "", LENGTH, "");
  costs(SPLIT("\\\\s+$"), " ", "x", 1, ""); /* DeepSeek's: none in a run, wherever it begins */
  costs(SPLIT("\\\\s+$"), " ", "x  ", 2, "");
  costs(SPLIT("\\\\s*[\\\\r\\\\n]"), " ", "x", 1, "");
  costs(SPLIT("\\\\r?\\\\n"), "\n", "", LENGTH, ""); /* a window may end between newlines */
  costs(SPLIT("(?:a?){20}b"), "a", "", 1, "");       /* no b, no search */
}
END_TEST

/* Tokens found in the blanks that the one before has stripped. */
START_TEST(test_blanks) {
  costs(BLANK("rstrip", ""), " ", "", LENGTH, "");
  costs(BLANK("lstrip", ""), " ", "", LENGTH, "");
  costs(BLANK("rstrip", "\"normalizer\": {\"type\": \"Lowercase\"}, "), " ", "", LENGTH, "");
  costs(BLANK("rstrip", "\"post_processor\": {\"type\": \"ByteLevel\"}, "), " ", "", -1,
        "added tokens with `rstrip` overlap");
}
END_TEST

/* As tokenizers has them: each goes on to the end of the blanks. */
START_TEST(test_blanks_overlap) {
  struct tokenizer *tokenizer =
      dir_must_open(BLANK("rstrip", "\"normalizer\": {\"type\": \"Lowercase\"}, "));
  struct tfm_error err = {0};
  struct encoding e;
  ck_assert_int_eq(tokenizer_encode(tokenizer, "X   A ", 6, NULL, 0, 0, &e, &err), 0);
  static const int32_t ids[] = {0, 1, 1, 1, 0, 1};
  static const size_t begin[] = {0, 1, 2, 3, 4, 5}, end[] = {1, 4, 4, 4, 5, 6};
  ck_assert_uint_eq(e.count, 6);
  ck_assert_mem_eq(e.ids, ids, sizeof ids);
  ck_assert_mem_eq(e.begin, begin, sizeof begin);
  ck_assert_mem_eq(e.end, end, sizeof end);
  encoding_finish(&e);
  tokenizer_destroy(tokenizer);
}
END_TEST

UNIT_MAIN("tokenizer_cost", test_look_ahead, test_long_matches, test_blanks, test_blanks_overlap)
